"""libRoadRunner (CVODE, compiled model): restarted at each event and output, with a vector absolute tolerance.

A scalar absolute tolerance would be scaled by the initial states, so that states that start at zero get none, and
every run with doses fails.  Its order of states can differ from the file's: the vector is permuted.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.problems import Problem, first_values
from euthymia.engine.events import ADD, RESET, SET_RATE, SET_STATE, block_stops


class RoadRunner:
    """One loaded model."""

    name = "libroadrunner"

    def __init__(self, problem: Problem):
        import roadrunner

        from benchmarks.problems import sbml_of

        roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
        self.p = problem
        text, self.ident, self.rates = sbml_of(problem)
        began = time.perf_counter()
        self.runner = roadrunner.RoadRunner(text)
        self.load_seconds = time.perf_counter() - began
        model = self.model = self.runner.model
        self.globals = {k: i for i, k in enumerate(model.getGlobalParameterIds())}
        self.floating = {k: i for i, k in enumerate(model.getFloatingSpeciesIds())}
        self.boundary = {k: i for i, k in enumerate(model.getBoundarySpeciesIds())}
        self.states = [self.ident[s] for s in problem.system.states]
        count = len(self.floating) if self.floating else len(self.states)
        order = [model.getStateVectorId(i).removesuffix("'") for i in range(count)]
        self.rank = [self.states.index(o) if o in self.states else -1 for o in order]  # -1: it never changes
        assert set(range(len(self.states))) <= set(self.rank), "states differ"
        self.own = [self.globals[self.ident[k]] for k in problem.parameters]
        self.table = np.array(
            [np.broadcast_to(v, problem.patients) for v in problem.parameters.values()]
        ).T.copy()
        self.inputs = list(problem.system.inputs)
        table = {k: np.full(problem.patients, v.value) for k, v in problem.system.parameters.items()}
        table |= {k: np.asarray(v) for k, v in problem.parameters.items()}
        self.first = first_values(problem)
        everyone = np.arange(problem.patients)
        self.stops = block_stops(problem.system, problem.events, everyone, table, problem.events.infused())

    def set(self, ident: str, value: float, add: bool = False) -> None:
        """Set a parameter, a boundary species or a state."""
        m: Any = self.model
        if ident in self.globals:
            i = [self.globals[ident]]
            m.setGlobalParameterValues(i, [value + (m.getGlobalParameterValues(i)[0] if add else 0.0)])
        elif ident in self.floating:
            i = [self.floating[ident]]
            m.setFloatingSpeciesAmounts(i, [value + (m.getFloatingSpeciesAmounts(i)[0] if add else 0.0)])
        else:
            m.setBoundarySpeciesConcentrations([self.boundary[ident]], [value])

    def run(
        self, rtol: float, patients: int, fine: bool = False, share: float = 1e-2
    ) -> tuple[np.ndarray, float]:
        """Values (patients, times or points, states) and CPU seconds a patient.

        Parameters
        ----------
        share : float
            Absolute tolerance as a share of rtol times each state's largest value.
        """
        p, r = self.p, self.runner
        peak = p.scale.max(axis=0)
        r.integrator.setValue("relative_tolerance", rtol)
        peak = np.append(np.maximum(peak, 1e-9 * peak.max()), peak.max())
        r.integrator.setValue("absolute_tolerance", [share * rtol * peak[i] for i in self.rank])
        r.integrator.setValue("maximum_num_steps", 200000)
        times = p.fine if fine else p.times
        values = np.empty((patients, len(times), len(self.states)))
        r.timeCourseSelections = ["time", *self.states] if fine else ["time"]
        began = time.process_time()
        for i in range(patients):
            self._patient(i, times, fine, values[i])
        return values, (time.process_time() - began) / patients

    def _patient(self, i: int, times: np.ndarray, fine: bool, values: np.ndarray) -> None:
        r, stops, p = self.runner, self.stops, self.p
        r.reset()
        self.model.setGlobalParameterValues(self.own, self.table[i])
        for name in self.inputs:
            self.set(self.ident[name], p.system.inputs[name].value)
        for name in self.rates:
            self.set(name, 0.0)
        if not self.floating:  # its reset does not compute first values again from a patient's parameters
            self.model.setGlobalParameterValues([self.globals[s] for s in self.states], self.first[i])
        t = float(times[0])
        moments = stops.time[i]
        last = int(np.searchsorted(moments, times[-1]))
        ends = np.unique(np.concatenate([moments[:last], p.times]))
        k = j = 0
        for end in ends:
            end = float(end)
            if end > t:
                if fine:
                    inside = times[(times > t) & (times <= end)]
                    grid = np.unique(np.concatenate([[t], inside, [end]]))
                    if len(grid) == 2:
                        grid = np.array([t, (t + end) / 2, end])
                    found = np.asarray(r.simulate(times=grid))
                    rows = np.isin(found[:, 0], inside)
                    values[j : j + len(inside)] = found[rows, 1:]
                    j += len(inside)
                else:
                    r.simulate(t, end, 2)
                t = end
            elif fine and j == 0:
                values[0] = [r[s] for s in self.states]
                j = 1
            if not fine and j < len(times) and times[j] == end:
                values[j] = self._read()
                j += 1
            while k < last and moments[k] <= end:
                self._event(int(stops.code[i, k]), int(stops.index[i, k]), float(stops.value[i, k]))
                k += 1

    def _read(self) -> np.ndarray:
        m = self.model
        if self.floating:
            return np.asarray(m.getFloatingSpeciesAmounts([self.floating[s] for s in self.states]))
        return np.asarray(m.getGlobalParameterValues([self.globals[s] for s in self.states]))

    def _event(self, code: int, index: int, value: float) -> None:
        assert code != RESET
        if code == SET_RATE:
            self.set(self.rates[index], value)
        elif code in (ADD, SET_STATE):
            self.set(self.states[index], value, add=code == ADD)
        else:
            self.set(self.ident[self.inputs[index]], value)
