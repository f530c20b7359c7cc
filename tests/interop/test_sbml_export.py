"""SBML export: libSBML finds no fault, and other simulators reproduce our trajectories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from euthymia.engine import (
    Assignment,
    Dose,
    Events,
    Fragment,
    Input,
    OdeSystem,
    Parameter,
    State,
    Trigger,
    solve_reference,
)
from euthymia.errors import InputError
from euthymia.interop.sbml import read_sbml, simulate
from euthymia.interop.sbml_export import consistency, engine_id, export_sbml, sbml_id


def system(*extra: Fragment) -> OdeSystem:
    """Every function and construct that an engine expression may hold."""
    states = {
        "gut.A": State("-ka*gut.A", 0.0, "mg"),
        "blood.C": State(
            "ka*gut.A/V - CL/V*blood.C - Vmax*hill(blood.C, Km, n)/V + pos(sin(t/4 [h]))*in0", "C0*2", "mg/L"
        ),
        "eff": State("kin*(1 - Imax*occ)*min(1, max(0.2, 1 + 0.1*cos(t/5 [h]))) - kout*eff", 1.0, "nM"),
        "w": State("if(t > 30 [h] and blood.C > 0.1 [mg/L], 0.1 [1/h], 0)*logistic(w) - w*sqrt(k2)*(V/20 [L])^0.75", 0.5),
        "x": State("(abs(tanh(x)) + log(2 + x) + log10(3) + exp(-x) + (t >= 7 [h]) + floor(t/10 [h]))*0.01 [1/h]"),
    }  # fmt: skip
    values = {
        "ka": (0.8, "1/h"), "V": (20.0, "L"), "CL": (5.0, "L/h"), "Vmax": (2.0, "mg/h"), "Km": (0.5, "mg/L"),
        "n": (1.7, "1"), "C0": (0.05, "mg/L"), "kin": (1.0, "nM/h"), "kout": (0.3, "1/h"), "Imax": (0.9, "1"),
        "F": (0.7, "1"), "lag": (0.4, "h"), "k2": (0.01, "1/h^2"), "in0": (0.01, "mg/L/h"),
    }  # fmt: skip
    parameters = {k: Parameter(v, u) for k, (v, u) in values.items()}
    part = Fragment(states, parameters, {"occ": Assignment("blood.C/(blood.C + Km)")})
    return OdeSystem.join("demo", part, *extra)


REGIMEN = [
    Dose(1.0, "gut.A", 100.0, additional=3, interval=24.0, bioavailability="F", lag="lag"),
    Dose(10.0, "blood.C", 3.0, "infusion", duration=5.0),
]
TIMES = np.linspace(0, 120, 241)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], np.ndarray]:
    """The file, the SBML ids, and our trajectories."""
    path = tmp_path_factory.mktemp("sbml") / "demo.xml"
    s = system()
    sources = {"CL": ["pmid:23653204", "10.1000/182"]}
    text = export_sbml(s, path, sources=sources, titles={"CL": "clearance"}, regimen=REGIMEN)
    assert "identifiers.org/pubmed:23653204" in text and "identifiers.org/doi:10.1000/182" in text
    outputs = [*s.state_names, "occ"]
    events = Events([REGIMEN], np.zeros(1, int))
    ours = solve_reference(s, 1, {}, events, TIMES, outputs, rtol=1e-9, after=True)
    return path, [sbml_id(o) for o in outputs], ours.values[0]


def deviation(got: np.ndarray, want: np.ndarray) -> float:
    return float((np.abs(got - want).max(axis=0) / np.abs(want).max(axis=0)).max())


def test_libsbml_finds_no_fault(exported: tuple[Path, list[str], np.ndarray]) -> None:
    """No error and no warning, units included."""
    text = exported[0].read_text()
    assert consistency(text) == []
    broken = text.replace(
        'id="CL" name="clearance" value="5" units="u_L_per_h"', 'id="CL" value="5" units="u_h"'
    )
    assert broken != text and any("unit" in fault for fault in consistency(broken))


def test_our_importer_reads_it_back(exported: tuple[Path, list[str], np.ndarray]) -> None:
    path, ids, want = exported
    assert deviation(simulate(read_sbml(path), TIMES, ids, rtol=1e-9), want) < 1e-7
    assert [engine_id(i) for i in ids][:2] == ["gut.A", "blood.C"]


def test_roadrunner_agrees(exported: tuple[Path, list[str], np.ndarray]) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    path, ids, want = exported
    rr = roadrunner.RoadRunner(str(path))
    rr.getIntegrator().setValue("relative_tolerance", 1e-9)
    rr.getIntegrator().setValue("absolute_tolerance", 1e-12)
    rr.timeCourseSelections = ids
    assert deviation(np.array(rr.simulate(0, 120, len(TIMES))), want) < 1e-4


def test_copasi_agrees(exported: tuple[Path, list[str], np.ndarray]) -> None:
    copasi = pytest.importorskip("COPASI")
    path, ids, want = exported
    model = copasi.CRootContainer.addDatamodel()
    assert model.importSBML(str(path))
    task = model.getTask("Time-Course")
    problem, method = task.getProblem(), task.getMethod()
    problem.setStepNumber(len(TIMES) - 1)
    problem.setDuration(120.0)
    method.getParameter("Relative Tolerance").setDblValue(1e-9)
    method.getParameter("Absolute Tolerance").setDblValue(1e-12)
    assert task.process(True)
    series = task.getTimeSeries()
    column = {series.getSBMLId(j, model): j for j in range(series.getNumVariables())}
    got = np.array(
        [[series.getConcentrationData(i, column[k]) for k in ids] for i in range(series.getRecordedSteps())]
    )
    by_time = [series.getConcentrationData(i, 0) for i in range(series.getRecordedSteps())]
    rows = [max(i for i, t in enumerate(by_time) if abs(t - want_t) < 1e-9) for want_t in TIMES]
    assert deviation(got[rows], want) < 1e-4


def test_triggers_survive_the_round_trip(tmp_path: Path) -> None:
    """A trigger with delay: x grows by 1/h from 0, is set to 0 two hours after it passes 3."""
    part = Fragment(
        states={"x": State("r", 0.0, "mg")},
        inputs={"r": Input(1.0, "mg/h")},
        triggers={"fall": Trigger("x > 3 [mg]", {"x": "0"}, delay="2 [h]")},
    )
    text = export_sbml(OdeSystem.join("saw", part), tmp_path / "saw.xml")
    assert consistency(text) == []
    got = simulate(read_sbml(tmp_path / "saw.xml"), [0, 4.9, 5.1, 9.9, 10.1], ["x"])[:, 0]
    assert got == pytest.approx([0, 4.9, 0.1, 4.9, 0.1], abs=1e-6)


def test_what_cannot_be_exported_is_listed() -> None:
    part = Fragment(states={"a.b": State("0"), "a__b": State("0")})
    s = OdeSystem.join("clash", part)
    with pytest.raises(InputError) as caught:
        export_sbml(s, sources={"a.b": ["no paper"]}, regimen=[Dose(0.0, kind="reset")])
    assert len(caught.value.problems) == 3
