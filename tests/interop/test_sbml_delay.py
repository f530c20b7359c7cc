"""The csymbol delay against solutions by the method of steps; before time 0 nothing moves."""

from __future__ import annotations

from pathlib import Path

import libsbml
import numpy as np
import pytest

from euthymia.errors import SolverError
from euthymia.interop.sbml import Unsupported, read_sbml, run_population, simulate


def model(folder: Path, rates: dict[str, str], rules: dict[str, str], first: dict[str, float | str]) -> Path:
    """A Level 3 model of parameters; formulas in libSBML's infix language. Events: `rules["event <trigger>"] = "x = .."`."""
    document = libsbml.SBMLDocument(3, 2)
    m = document.createModel()
    m.setId("m")
    names = [*dict.fromkeys([*first, *rates, *(k for k in rules if " " not in k)])]
    for k in names:
        p = m.createParameter()
        p.setId(k)
        p.setConstant(False)
        value = first.get(k, 0.0)
        if isinstance(value, str):
            a = m.createInitialAssignment()
            a.setSymbol(k)
            a.setMath(libsbml.parseL3Formula(value))
        elif k not in rules:
            p.setValue(value)
    for k, formula in rates.items():
        rule = m.createRateRule()
        rule.setVariable(k)
        rule.setMath(libsbml.parseL3Formula(formula))
    for k, formula in rules.items():
        if not k.startswith("event "):
            other = m.createAssignmentRule()
            other.setVariable(k)
            other.setMath(libsbml.parseL3Formula(formula))
            continue
        event = m.createEvent()
        event.setUseValuesFromTriggerTime(True)
        trigger = event.createTrigger()
        trigger.setInitialValue(True)
        trigger.setPersistent(True)
        trigger.setMath(libsbml.parseL3Formula(k.removeprefix("event ")))
        target, _, value = formula.partition(" = ")
        change = event.createEventAssignment()
        change.setVariable(target)
        change.setMath(libsbml.parseL3Formula(value))
    path = folder / "model.xml"
    libsbml.writeSBMLToFile(document, str(path))
    return path


def run(path: Path, times: np.ndarray, *outputs: str) -> np.ndarray:
    return simulate(read_sbml(path), times, outputs, rtol=1e-10, atol=1e-13).T


T = np.linspace(0.0, 4.0, 41)


def by_steps(t: np.ndarray) -> np.ndarray:
    """x' = -x(t - 1), x = 1 up to 0: a sum of powers."""
    terms = [(-1.0) ** k * np.where(t > k - 1, t - (k - 1), 0.0) ** k / _factorial(k) for k in range(1, 7)]
    return 1.0 + np.sum(terms, axis=0)


def _factorial(k: int) -> float:
    return float(np.prod(np.arange(1, k + 1)))


def test_feedback(tmp_path: Path) -> None:
    (x,) = run(model(tmp_path, {"x": "-delay(x, 1)"}, {}, {"x": 1.0}), T, "x")
    assert np.abs(x - by_steps(T)).max() < 1e-8


def test_feedback_through_a_rule_and_two_delays(tmp_path: Path) -> None:
    """y repeats x half a time unit late, and x feels y another half late."""
    path = model(tmp_path, {"x": "-delay(y, 0.5)"}, {"y": "delay(x, 0.5)"}, {"x": 1.0})
    x, y = run(path, T, "x", "y")
    assert np.abs(x - by_steps(T)).max() < 1e-8
    assert np.abs(y - np.where(T < 0.5, 1.0, by_steps(np.maximum(T - 0.5, 0)))).max() < 1e-8


def test_a_narrow_pulse_comes_again(tmp_path: Path) -> None:
    """A pulse of a thousandth, felt 1.5 later: its area arrives in full, and again in its echo."""
    rules = {"u": "piecewise(1000, (time > 1) && (time < 1.001), 0)", "v": "delay(u, 1.5)"}
    a, b = run(model(tmp_path, {"a": "v", "b": "delay(v, 0.7)"}, rules, {}), T, "a", "b")
    assert np.abs(a - (T > 2.501)).max() < 1e-8
    assert np.abs(b - (T > 3.201)).max() < 1e-8


def test_jumps_by_events(tmp_path: Path) -> None:
    """k jumps at 1: seen at once at 1 + 1, not before; the trigger on it fires there."""
    rules = {"seen": "delay(k, 1)", "event time >= 1": "k = 5", "event seen > 2": "mark = time"}
    path = model(tmp_path, {"x": "seen"}, rules, {"k": 0.0, "mark": -1.0, "x": 0.0})
    k, seen, x, mark = run(path, T, "k", "seen", "x", "mark")
    assert np.array_equal(k, np.where(T >= 1, 5.0, 0.0))
    assert np.array_equal(seen, np.where(T >= 2, 5.0, 0.0))
    assert np.abs(x - 5 * np.maximum(T - 2, 0)).max() < 1e-9
    assert np.abs(mark[T >= 2] - 2).max() < 1e-12 and (mark[T < 2] == -1).all()


def test_before_the_start(tmp_path: Path) -> None:
    """Initial assignments and rules hold at earlier times; a state rests."""
    rules = {
        "clock": "2*time",
        "then": "delay(clock, 3)",
        "was": "delay(x, 0.25)",
        "rate": "delay(rateOf(x), 1)",
    }
    path = model(tmp_path, {"x": "2"}, rules, {"x": "sin(time)"})
    then, was, rate = run(path, T, "then", "was", "rate")
    assert np.abs(then - 2 * (T - 3)).max() < 1e-12
    assert np.abs(was - np.where(T < 0.25, np.sin(T - 0.25), 2 * (T - 0.25))).max() < 1e-9
    assert np.array_equal(rate, np.where(T >= 1, 2.0, 0.0))


def test_changing_length_where_no_rate_reads_it(tmp_path: Path) -> None:
    rules = {"half": "delay(x, time/2)", "now": "delay(x, 0)"}
    half, now, x = run(model(tmp_path, {"x": "1"}, rules, {"x": 0.0}), T, "half", "now", "x")
    assert np.abs(half - T / 2).max() < 1e-9 and np.array_equal(now, x)


def test_delay_shorter_than_a_step(tmp_path: Path) -> None:
    """x' = -x(t - d) with d = 1e-3: exp(s t) with s = -exp(-s d), after a short start."""
    (x,) = run(model(tmp_path, {"x": "-delay(x, 0.001)"}, {}, {"x": 1.0}), np.array([0.0, 0.5, 1.0]), "x")
    s = -1.0
    for _ in range(50):
        s = -np.exp(-s * 1e-3)
    assert abs(np.log(x[2] / x[1]) / 0.5 - s) < 1e-8


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="changing length"):
        run(model(tmp_path, {"x": "-delay(x, x)"}, {}, {"x": 1.0}), T, "x")
    with pytest.raises(SolverError, match="delay is -1"):
        run(model(tmp_path, {"x": "-delay(x, -1)"}, {}, {"x": 1.0}), T, "x")
    with pytest.raises(Unsupported, match="reads this delay"):
        run(model(tmp_path, {"x": "1"}, {"y": "delay(y, 1)"}, {"x": 1.0}), T, "y")


def test_population_runs_one_by_one(tmp_path: Path) -> None:
    path = model(tmp_path, {"x": "-k*delay(x, 1)"}, {}, {"x": 1.0, "k": 1.0})
    out = run_population(path, 4.0, 40, {"k": "uniform(0.5, 1.5)"}, 3, outputs=["x"])
    assert out.solver.startswith("simulator") and "delay" in out.solver and out.ok.all()
    k = out.draws["k"]
    assert np.abs(out.values[:, 5, 0] - (1 - k * 0.5)).max() < 1e-6
