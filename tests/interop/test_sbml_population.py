"""SBML models on the engine: the same verdicts as the readable simulator, lane by lane."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from euthymia.engine import solve, solve_reference
from euthymia.errors import InputError
from euthymia.interop.sbml import read_sbml, run_population, simulate
from euthymia.interop.sbml_bench import bench_sbml
from euthymia.interop.sbml_draws import draw

ROOT = Path(__file__).resolve().parents[2]
DECAY = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="decay">
<listOfCompartments><compartment id="C" size="2" constant="true" spatialDimensions="3"/></listOfCompartments>
<listOfSpecies><species id="S" compartment="C" initialConcentration="3" hasOnlySubstanceUnits="false"
 boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="k" value="0.5" constant="true"/><parameter id="on" value="4" constant="true"/>
</listOfParameters>
<listOfReactions><reaction id="R" reversible="false"><listOfReactants><speciesReference species="S"
 stoichiometry="1" constant="true"/></listOfReactants><kineticLaw>
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>C</ci><ci>k</ci><ci>S</ci>
<piecewise><piece><cn>1</cn><apply><gt/><csymbol encoding="text"
 definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol><ci>on</ci></apply></piece>
<otherwise><cn>0</cn></otherwise></piecewise></apply></math></kineticLaw></reaction></listOfReactions>
EVENTS</model></sbml>"""
EVENT = """<listOfEvents><event id="E" useValuesFromTriggerTime="true"><trigger initialValue="true"
 persistent="true"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><lt/><ci>S</ci><cn>1</cn></apply></math>
</trigger><listOfEventAssignments><eventAssignment variable="S"><math xmlns="http://www.w3.org/1998/Math/MathML">
<cn>3</cn></math></eventAssignment></listOfEventAssignments></event></listOfEvents>"""


@pytest.fixture
def decay(tmp_path: Path) -> Path:
    path = tmp_path / "decay.xml"
    path.write_text(DECAY.replace("EVENTS", ""))
    return path


@pytest.mark.parametrize("solver", [solve, solve_reference])
def test_population_has_the_closed_form(decay: Path, solver) -> None:  # type: ignore[no-untyped-def]
    """S = 3 exp(-k (t - on)) after a switch at a time of each patient's own."""
    vary = {"k": "lognormal(0.3)", "on": "uniform(2, 6)"}
    run = run_population(decay, 10, 50, vary, 9, 3, outputs=["S", "n:S"], solver=solver, rtol=1e-8)
    assert run.solver == "engine" and run.ok.all()
    k, on = run.draws["k"][:, None], run.draws["on"][:, None]
    want = 3 * np.exp(-k * np.maximum(run.times - on, 0))
    assert np.abs(run.values[:, :, 0] - want).max() < 1e-5
    assert np.abs(run.values[:, :, 1] - 2 * want).max() < 2e-5
    assert run.draws["k"].std() > 0 and run.draws["on"].std() > 0


@pytest.mark.parametrize(("solver", "bar"), [(solve, 1e-6), (solve_reference, 1e-5)])  # LSODA's own error
def test_events_at_each_patient_s_own_times(tmp_path: Path, solver, bar) -> None:  # type: ignore[no-untyped-def]
    """Decay from 3 restarted at 1: the period is log(3)/k for each patient's own k."""
    path = tmp_path / "saw.xml"
    path.write_text(DECAY.replace("EVENTS", EVENT))
    run = run_population(
        path, 12, 60, {"k": "uniform(0.4, 0.8)"}, 9, 1, outputs=["c:S"], solver=solver, rtol=1e-8
    )
    assert run.solver == "engine" and run.ok.all()
    for k, values in zip(run.draws["k"], run.values[:, :, 0], strict=True):
        phase = np.mod(np.maximum(run.times - 4, 0), np.log(3) / k)
        assert np.abs(values - 3 * np.exp(-k * phase)).max() < bar


def test_nonlinear_algebraic_rules_run_one_by_one(tmp_path: Path) -> None:
    """k of the file, the root of k^2 - on: it is not linear, so each patient runs alone and says so."""
    rule = """<listOfRules><algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/>
    <apply><times/><ci>k</ci><ci>k</ci></apply><ci>on</ci></apply></math></algebraicRule></listOfRules>"""
    path = tmp_path / "root.xml"
    text = DECAY.replace("EVENTS", "").replace("<listOfReactions>", rule + "<listOfReactions>")
    path.write_text(text.replace('id="k" value="0.5" constant="true"', 'id="k" value="0.5" constant="false"'))
    run = run_population(path, 8, 40, {"on": "uniform(1, 4)"}, 3, 1, outputs=["S"])
    assert "simulator, because: symbol 'k': an algebraic rule that is not linear" in run.solver
    on = run.draws["on"][:, None]
    want = 3 * np.exp(-np.sqrt(on) * np.maximum(run.times - on, 0))
    assert run.ok.all() and np.abs(run.values[:, :, 0] - want).max() < 1e-4


def test_draws_do_not_depend_on_the_population_size() -> None:
    small, large = (draw("lognormal(cv=30%)", 2.0, n, 5, "k") for n in (7, 5000))
    assert np.array_equal(small, large[:7])
    assert abs(np.median(large) - 2) < 0.05
    assert abs(large.std() / large.mean() - 0.3) < 0.02
    assert not np.array_equal(small, draw("lognormal(0.3)", 2.0, 7, 5, "other"))


@pytest.mark.parametrize(
    "spec", ["lognormal", "gamma(1)", "normal(a)", "uniform(2, 1)", "lognormal(-1)", "uniform(1)"]
)
def test_bad_distribution(spec: str) -> None:
    with pytest.raises(InputError, match=r"is no distribution|not possible"):
        draw(spec, 1.0, 3, 0, "k")


def test_bad_requests(decay: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'on'"):
        run_population(decay, 1, 2, {"onn": "uniform(1, 2)"}, 2)
    with pytest.raises(InputError, match="must be above 0"):
        run_population(decay, 0, 2)
    with pytest.raises(InputError, match="'Q' is not in the model"):
        run_population(decay, 1, 2, outputs=["Q"])


def test_bench_reports_error_and_speed(decay: Path) -> None:
    ours = bench_sbml(decay, 10, 20, {"k": "lognormal(0.2)"}, 8, 1, runs=1)[0]
    assert ours.tool == "euthymia" and ours.error <= 1e-6 and ours.patients_per_second > 0


def test_a_model_that_only_events_change(tmp_path: Path) -> None:
    """No species and no rule: what events change is reported."""
    path = tmp_path / "only.xml"
    path.write_text(
        """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="only">
<listOfParameters><parameter id="a" value="1" constant="false"/><parameter id="b" value="2" constant="true"/>
</listOfParameters><listOfEvents><event id="E" useValuesFromTriggerTime="true"><trigger initialValue="true"
 persistent="true"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><gt/><csymbol encoding="text"
 definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol><ci>b</ci></apply></math></trigger>
<listOfEventAssignments><eventAssignment variable="a"><math xmlns="http://www.w3.org/1998/Math/MathML"><cn>5</cn>
</math></eventAssignment></listOfEventAssignments></event></listOfEvents></model></sbml>"""
    )
    run = run_population(path, 4, 8, {"b": "uniform(1.1, 3.9)"}, 5, 2)
    assert run.outputs == ("a",) and run.solver == "engine" and run.ok.all()
    assert (run.values[:, :, 0] == np.where(run.times > run.draws["b"][:, None], 5.0, 1.0)).all()


@pytest.mark.shared
def test_suite_through_the_lanes(shared: Path) -> None:
    """What passes alone passes in lanes, but for the csymbol delay, which runs patient by patient: the file's
    numbers against the suite's results, four patients with
    parameters of their own, whose events come at other times, against the readable simulator."""
    spec = importlib.util.spec_from_file_location("sbml_lanes", ROOT / "verification" / "sbml_lanes.py")
    assert spec and spec.loader
    lanes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lanes)
    folders = sorted(p for p in (shared / "corpora/sbml-semantic/cases").iterdir() if p.is_dir())
    verdicts = {p.name: lanes.case(p) for p in folders}
    count = Counter(v for v, _ in verdicts.values())
    others = {k: v for k, v in verdicts.items() if v[0] != "pass" and "csymbol delay" not in v[1]}
    assert others == {} and count == {"pass": 388, "not in a batch": 12}
    assert sum(int(text.split()[0]) > 0 for v, text in verdicts.values() if v == "pass") >= 340


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `euthymia sbml run` prints: the end, failed patients in words, and every fault of a request at once."""
    from euthymia.cli import main

    path = tmp_path / "saw.xml"
    path.write_text(DECAY.replace("EVENTS", EVENT))
    out = tmp_path / "rows.csv"
    ask = [
        "sbml",
        "run",
        str(path),
        "--end",
        "12",
        "--steps",
        "6",
        "--patients",
        "5",
        "--jobs",
        "1",
        "--outputs",
        "S,k",
    ]
    assert main([*ask, "--vary", "k=lognormal(0.2)", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "5 patients to t = 12 in" in text and "(engine)" in text and "median" in text and "\nS " in text
    rows = out.read_text().splitlines()
    assert rows[0] == "patient,time,S,k" and len(rows) == 1 + 5 * 7
    assert main(
        [*ask, "--vary", "k=normal(0.5, 1)", "--seed", "3", "--vary", "on=uniform(1e308, 1.7e308)"]
    ) in (0, 1)
    capsys.readouterr()
    assert (
        main(["sbml", "run", str(path), "--vary", "kk=normal(1)", "--vary", "on=gamma(2)", "--outputs", "T"])
        == 2
    )
    printed = capsys.readouterr()
    for part in (
        "kk: there is no 'kk' to vary - did you mean 'k'?",
        "on: 'gamma(2)' is no distribution; for example lognormal(0.3), normal(5, 1) or uniform(1, 2)",
        "'T' is not in the model",
    ):
        assert part in printed.out + printed.err
    assert main(["sbml", "run", str(tmp_path / "no.xml"), "--steps", "0", "--vary", "k"]) == 2
    printed = capsys.readouterr()
    for part in ("no.xml: no such file", "--steps 0: at least 1", "--vary 'k': expected NAME=DISTRIBUTION"):
        assert part in printed.out + printed.err
    twice = ["--vary", "k=normal(1, 1)", "--vary", "k=normal(2, 1)"]
    assert main([*ask, *twice, "--out", str(tmp_path / "none" / "x.csv"), "--error", "0"]) == 2
    printed = capsys.readouterr()
    for part in ("k is given twice", "its folder must exist", "--error 0: above 0"):
        assert part in printed.out + printed.err
    assert main([*ask, "--only", "3", "--out", str(out)]) == 0
    assert {row.split(",")[0] for row in out.read_text().splitlines()[1:]} == {"3"}


def test_a_comparison_used_as_a_number(tmp_path: Path) -> None:
    """x' = 3 (t > 2): the jump is a stop point though no piecewise names it, for the simulator and in lanes."""
    math = (
        '<apply><times/><apply><gt/><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">'
        "t</csymbol><cn>2</cn></apply><cn>3</cn></apply>"
    )
    path = tmp_path / "model.xml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">'
        '<listOfParameters><parameter id="x" value="0" constant="false"/></listOfParameters><listOfRules>'
        f'<rateRule variable="x"><math xmlns="http://www.w3.org/1998/Math/MathML">{math}</math></rateRule>'
        "</listOfRules></model></sbml>"
    )
    run = run_population(path, 4, 8, rtol=1e-9, threads=1)
    alone = simulate(read_sbml(path), run.times, ["x"], rtol=1e-9)
    assert run.solver == "engine" and run.ok.all()
    for found in (run.values[0, :, 0], alone[:, 0]):
        assert np.abs(found - 3 * np.maximum(run.times - 2, 0)).max() < 1e-9
