"""SBML models on the engine: the same verdicts as the readable simulator, lane by lane."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from euthymia.engine import solve, solve_reference
from euthymia.errors import InputError
from euthymia.interop.sbml import read_sbml, run_population, simulate
from euthymia.interop.sbml_bench import bench_sbml
from euthymia.interop.sbml_change import own_model
from euthymia.interop.sbml_draws import draw
from euthymia.interop.sbml_dynamics import dynamics
from euthymia.interop.sbml_engine import to_engine
from euthymia.interop.sbml_math import Unsupported
from euthymia.interop.sbml_population import first_value, prepare_batch

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


def test_events_run_on_the_simulator(tmp_path: Path) -> None:
    """Decay from 3 restarted at 1: the period is log(3)/k for each patient's own k."""
    path = tmp_path / "saw.xml"
    path.write_text(DECAY.replace("EVENTS", EVENT))
    run = run_population(path, 12, 60, {"k": "uniform(0.4, 0.8)"}, 4, 1, outputs=["c:S"])
    assert "simulator" in run.solver and "event 'E'" in run.solver and run.ok.all()
    for k, values in zip(run.draws["k"], run.values[:, :, 0], strict=True):
        phase = np.mod(np.maximum(run.times - 4, 0), np.log(3) / k)
        assert np.abs(values - 3 * np.exp(-k * phase)).max() < 1e-4


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


@pytest.mark.shared
def test_suite_through_the_engine(shared: Path) -> None:
    """Each case that runs in a batch passes there too, and patients that differ agree with the simulator."""
    spec = importlib.util.spec_from_file_location("sbml_suite", shared / "tools" / "sbml_suite.py")
    assert spec and spec.loader
    suite = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(suite)
    folder = shared / "corpora/sbml-semantic/cases"
    passed, wrong, differing = 0, [], 0
    for case in sorted(p.name for p in folder.iterdir() if p.is_dir()):
        settings = suite.read_settings(str(folder / case / f"{case}-settings.txt"))
        kinds = {
            **{v: f"n:{v}" for v in settings["amount"]},
            **{v: f"c:{v}" for v in settings["concentration"]},
        }
        wanted = [kinds.get(v, v) for v in settings["variables"]]
        times = np.linspace(0, settings["duration"], settings["steps"] + 1)
        try:
            model = read_sbml(suite.newest(str(folder / case), case))
            system = dynamics(model)
            start = to_engine(system, settings["variables"]).start
            free = [k for k in start if k in model.parameters and model.parameters[k].value]
            few = passed % 8 == 0 and bool(free)
            n = 5 if few else 1
            draws = {k: draw("lognormal(0.2)", first_value(model, k), n, 1, k) for k in free[:1] if few}
            values, messages = prepare_batch(system, times, wanted, draws, n)(solve, 1e-7, n)
        except Unsupported:
            continue
        if few:
            differing += 1
            for i in range(5):
                own = own_model(model, {k: float(v[i]) for k, v in draws.items()})
                alone = simulate(own, times, wanted, rtol=1e-9)
                size = np.abs(alone).max(axis=0, initial=0)
                if not np.allclose(values[i], alone, rtol=1e-5, atol=1e-7 * size.max(), equal_nan=True):
                    wrong.append(f"{case} patient {i}")
            values = simulate(model, times, wanted)[None]
        want = suite.read_results(str(folder / case / f"{case}-results.csv"), settings)
        got = {v: values[0, :, j] for j, v in enumerate(settings["variables"])}
        ok = suite.compare(want, got, settings)[0]
        passed += ok
        if not ok:
            wrong.append(f"{case}: {messages[0]}")
    assert wrong == []
    assert passed == 259 and differing >= 20
