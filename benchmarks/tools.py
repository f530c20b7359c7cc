"""How each simulator is driven: the same patients, doses, outputs and vector absolute tolerances."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.problems import Problem
from euthymia.engine import solve, solve_reference
from euthymia.engine.events import ADD, RESET, SET_RATE, block_stops

Run = Callable[[Problem, float, int], tuple[np.ndarray, float]]


def ours(method: str = "auto") -> Run:
    """This engine, one thread."""

    def run(p: Problem, rtol: float, n: int) -> tuple[np.ndarray, float]:
        begin = time.process_time()
        out = solve(
            p.system,
            p.patients,
            p.parameters,
            p.events,
            p.times,
            list(p.system.states),
            rtol=rtol,
            method=method,
            threads=1,
        )
        return out.values, (time.process_time() - begin) / p.patients

    return run


def scipy_lsoda(p: Problem, rtol: float, n: int) -> tuple[np.ndarray, float]:
    """SciPy's LSODA on generated Python functions, restarted at each event: the readable reference solver."""
    from euthymia.engine import Events

    events = Events(
        p.events.regimens, p.events.regimen_of[:n], None if p.events.taken is None else p.events.taken[:n]
    )
    begin = time.process_time()
    some = {k: v[:n] for k, v in p.parameters.items()}
    out = solve_reference(p.system, n, some, events, p.times, list(p.system.states), rtol=rtol)
    return out.values, (time.process_time() - begin) / n


def roadrunner() -> Run:
    """libRoadRunner (CVODE, compiled model), restarted at each event and output, with a vector absolute tolerance.

    A scalar one would be scaled by the initial states, so that states that start at zero get none, and every run
    with doses fails.
    """
    import roadrunner as rr

    from euthymia.interop.sbml_export import export_sbml, sbml_id

    rr.Logger.setLevel(rr.Logger.LOG_FATAL)
    loaded: dict[str, tuple] = {}

    def load(p: Problem) -> tuple:
        if p.name not in loaded:
            text = export_sbml(p.system)
            infused = p.events.infused()
            for name in infused:  # an infusion is a parameter that the rate adds
                ident = sbml_id(name)
                text = _with_rate(text, ident)
            runner = rr.RoadRunner(text)
            runner.timeCourseSelections = ["time"]
            ids = list(runner.model.getGlobalParameterIds())
            place = {name: i for i, name in enumerate(ids)}
            states = [place[sbml_id(s)] for s in p.system.states]
            loaded[p.name] = (runner, place, states, [place[f"{sbml_id(s)}_in"] for s in infused])
        return loaded[p.name]

    def run(p: Problem, rtol: float, n: int) -> tuple[np.ndarray, float]:
        from euthymia.interop.sbml_export import sbml_id

        runner, place, states, rates = load(p)
        model = runner.model
        order = [model.getStateVectorId(i).removesuffix("'") for i in range(len(states))]
        scale = p.scale.max(axis=0)
        names = [sbml_id(s) for s in p.system.states]
        ranked = [names.index(o) for o in order]  # its order of states can differ from the file's
        runner.integrator.setValue("relative_tolerance", rtol)
        runner.integrator.setValue(
            "absolute_tolerance", [max(0.01 * rtol * scale[i], 1e-300) for i in ranked]
        )
        runner.integrator.setValue("maximum_num_steps", 100000)
        table = {k: np.asarray(v) for k, v in p.parameters.items()}
        stops = block_stops(p.system, p.events, np.arange(n), table, p.events.infused())
        values = np.empty((n, len(p.times), len(states)))
        columns = [place[sbml_id(k)] for k in p.parameters]
        begin = time.process_time()
        for i in range(n):
            runner.reset()
            model.setGlobalParameterValues(columns, [float(v[i]) for v in p.parameters.values()])
            for r in rates:
                model.setGlobalParameterValues([r], [0.0])
            t, k = float(p.times[0]), 0
            for j, moment in enumerate(p.times):
                while k < stops.time.shape[1] and stops.time[i, k] < moment:
                    if stops.time[i, k] > t:
                        runner.simulate(t, float(stops.time[i, k]), 2)
                        t = float(stops.time[i, k])
                    code, index, value = (
                        int(stops.code[i, k]),
                        int(stops.index[i, k]),
                        float(stops.value[i, k]),
                    )
                    assert code != RESET
                    where = rates[index] if code == SET_RATE else states[index]
                    old = model.getGlobalParameterValues([where])[0] if code == ADD else 0.0
                    model.setGlobalParameterValues([where], [old + value])
                    k += 1
                if moment > t:
                    runner.simulate(t, float(moment), 2)
                    t = float(moment)
                values[i, j] = model.getGlobalParameterValues(states)
        return values, (time.process_time() - begin) / n

    return run


def _with_rate(text: str, ident: str) -> str:
    """SBML text in which the rate of `ident` has a further term, the parameter `<ident>_in`."""
    import libsbml

    document = libsbml.readSBMLFromString(text)
    model = document.getModel()
    parameter = model.createParameter()
    parameter.setId(f"{ident}_in")
    parameter.setConstant(False)
    parameter.setValue(0.0)
    rule = model.getRateRuleByVariable(ident)
    rule.setMath(libsbml.parseL3Formula(f"({libsbml.formulaToL3String(rule.getMath())}) + {ident}_in"))
    return libsbml.writeSBMLToString(document)
