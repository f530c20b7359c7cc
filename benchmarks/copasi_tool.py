"""COPASI (LSODA, interpreted model): doses as SBML events, one time course a patient."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.problems import Problem, first_values, sbml_of
from benchmarks.tools import absolute
from euthymia.engine.events import ADD, RESET, SET_RATE, SET_STATE, block_stops


class Copasi:
    """One loaded model."""

    name = "copasi"

    def __init__(self, problem: Problem):
        import COPASI
        import libsbml

        self.p, self.api = problem, COPASI
        text, self.ident, self.rates = sbml_of(problem)
        table = {k: np.full(problem.patients, v.value) for k, v in problem.system.parameters.items()}
        table |= {k: np.asarray(v) for k, v in problem.parameters.items()}
        everyone = np.arange(problem.patients)
        self.stops = block_stops(problem.system, problem.events, everyone, table, problem.events.infused())
        document = libsbml.readSBMLFromString(text)
        self._events(document)
        model = document.getModel()
        size = {c.getId(): c.getSize() for c in model.getListOfCompartments()}
        self.volume = {x.getId(): size[x.getCompartment()] for x in model.getListOfSpecies()}
        self.module = COPASI.CRootContainer.addDatamodel()
        assert self.module.importSBMLFromString(libsbml.writeSBMLToString(document)), "COPASI cannot read it"
        model = self.module.getModel()
        values = {
            model.getModelValue(i).getSBMLId(): model.getModelValue(i)
            for i in range(model.getNumModelValues())
        }
        species = {
            model.getMetabolite(i).getSBMLId(): model.getMetabolite(i) for i in range(model.getNumMetabs())
        }
        self.values, self.species = values, species
        self.begins = {k: m.getInitialConcentration() for k, m in species.items()}
        self.states = [self.ident[s] for s in problem.system.states]
        self.first = first_values(problem)

    def _events(self, document: Any) -> None:
        """An event for each stop; its amount is a parameter that each patient sets."""
        import libsbml

        model = document.getModel()
        self.count = self.stops.time.shape[1]
        self.slots: list[tuple[float, str]] = []
        places: dict[tuple[float, int, int], str] = {}
        self.place = places
        names = list(self.p.system.inputs)
        last = self.p.times[-1]
        for i in range(self.p.patients):
            for k in range(self.count):
                t = float(self.stops.time[i, k])
                if not self.p.times[0] < t < last:
                    continue
                code, index = int(self.stops.code[i, k]), int(self.stops.index[i, k])
                assert code != RESET
                key = (t, code, index)
                if key in places:
                    continue
                ident = places[key] = f"dose_amount_{len(places)}"
                parameter = model.createParameter()
                parameter.setId(ident)
                parameter.setConstant(True)
                parameter.setValue(0.0)
                if code == SET_RATE:
                    target = self.rates[index]
                elif code in (ADD, SET_STATE):
                    target = self.ident[self.p.system.state_names[index]]
                else:
                    target = self.ident[names[index]]
                event = model.createEvent()
                event.setId(f"event_{ident}")
                event.setUseValuesFromTriggerTime(True)
                trigger = event.createTrigger()
                trigger.setPersistent(True)
                trigger.setInitialValue(t > 0)
                trigger.setMath(libsbml.parseL3Formula(f"time >= {t!r}"))
                change = event.createEventAssignment()
                change.setVariable(target)
                formula = f"{target} + {ident}" if code == ADD else ident
                change.setMath(libsbml.parseL3Formula(formula))

    def run(self, rtol: float, patients: int, fine: bool, share: float) -> tuple[np.ndarray, float]:
        """Values (patients, times or points, states) and CPU seconds a patient.

        Points at the very moment of a dose are not compared: this tool reports the value after it.
        """
        p, api = self.p, self.api
        times = p.fine if fine else p.times
        values = np.empty((patients, len(times), len(self.states)))
        task = self.module.getTask("Time-Course")
        task.setMethodType(api.CTaskEnum.Method_deterministic)
        problem, method = task.getProblem(), task.getMethod()
        problem.setDuration(float(times[-1]))
        problem.setOutputStartTime(0.0)
        problem.setTimeSeriesRequested(True)
        problem.setUseValues(True)
        problem.setValues(" ".join(repr(float(t)) for t in times))
        method.getParameter("Relative Tolerance").setDblValue(rtol)
        tight = absolute(p, rtol, share)
        method.getParameter("Absolute Tolerance").setDblValue(float(tight.min()))
        method.getParameter("Max Internal Steps").setIntValue(1_000_000)
        spent = 0.0
        for i in range(patients):
            self._patient(i)
            begin = time.process_time()
            assert task.initializeRaw(api.CCopasiTask.OUTPUT_UI), "initialise"
            assert task.processRaw(True), "time course"
            task.restore()
            spent += time.process_time() - begin
            self._rows(task.getTimeSeries(), times, i, values[i])
        return values, spent / patients

    def _patient(self, i: int) -> None:
        model, api = self.module.getModel(), self.api
        changed = api.ObjectStdVector()

        def put(element: Any, value: float) -> None:
            element.setInitialValue(float(value))
            changed.append(element.getInitialValueReference())

        for name, drawn in self.p.parameters.items():
            if self.ident[name] in self.values:
                put(self.values[self.ident[name]], np.broadcast_to(drawn, self.p.patients)[i])
        if not self.species:
            for j, ident in enumerate(self.states):
                put(self.values[ident], self.first[i, j])
        for ident in self.place.values():
            put(self.values[ident], 0.0)
        for k in range(self.count):
            key = (float(self.stops.time[i, k]), int(self.stops.code[i, k]), int(self.stops.index[i, k]))
            if key in self.place:
                put(self.values[self.place[key]], float(self.stops.value[i, k]))
        for k in np.flatnonzero(
            self.stops.time[i] <= self.p.times[0]
        ):  # an event at the start would not fire
            code, index = int(self.stops.code[i, k]), int(self.stops.index[i, k])
            name = self.p.system.state_names[index] if code == ADD else list(self.p.system.inputs)[index]
            ident, amount = self.ident[name], float(self.stops.value[i, k])
            assert code != SET_RATE
            if ident in self.values:
                put(
                    self.values[ident],
                    amount + (self.values[ident].getInitialValue() if code == ADD else 0.0),
                )
                continue
            one = self.species[ident]
            start = self.begins[ident] + amount / self.volume[ident] if code == ADD else amount
            one.setInitialConcentration(start)
            changed.append(one.getInitialConcentrationReference())
        model.updateInitialValues(changed)

    def _rows(self, series: Any, times: np.ndarray, i: int, values: np.ndarray) -> None:
        names = [series.getSBMLId(c, self.module) for c in range(series.getNumVariables())]
        columns = [names.index(s) for s in self.states]
        volumes = np.array([self.volume.get(s, 1.0) for s in self.states])  # states are amounts
        clock = np.array([series.getConcentrationData(r, 0) for r in range(series.getRecordedSteps())])
        for j, moment in enumerate(times):
            near = np.flatnonzero(np.abs(clock - moment) <= 1e-9 * max(1.0, abs(moment)))
            if not len(near) or np.any(self.stops.time[i] == moment):
                values[j] = self._truth(i, moment)
                continue
            values[j] = volumes * [series.getConcentrationData(int(near[0]), c) for c in columns]

    def _truth(self, i: int, moment: float) -> np.ndarray:
        return self.p.reference[i, int(np.searchsorted(self.p.fine, moment))]
