"""The slow, readable solver of the same systems: the truth in tests, one patient and one segment at a time.

In and out as `euthymia.engine.solve`.  Every stop point ends a segment; SciPy integrates each segment afresh.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.integrate import solve_ivp

from euthymia.engine.evaluate import function
from euthymia.engine.events import (
    ADD,
    RESET,
    SET_INPUT,
    SET_RATE,
    SET_STATE,
    Dose,
    Events,
    Stops,
    arrival,
    block_stops,
    with_clock,
)
from euthymia.engine.problem import Prepared, prepare, unfit
from euthymia.engine.reference_events import EventQueue, Triggers
from euthymia.engine.system import OdeSystem
from euthymia.engine.trajectories import (
    NO_STEADY_STATE,
    NOT_FINITE,
    STEP_TOO_SMALL,
    TOO_MANY_STEPS,
    Trajectories,
)

MAX_CALLS = 500_000


class _Stuck(Exception):
    """A segment needs too many evaluations."""


class _Model:
    """Rates, Jacobian and outputs of one system as Python functions."""

    def __init__(self, system: OdeSystem, outputs: Sequence[str], infused: Sequence[str]):
        program, g = system.program, system.program.graph
        self.system = system
        self.size = len(system.states)
        self.infused = [system.state_names.index(s) for s in infused]
        self.rates = function(g, program.rates)
        self.outputs = function(g, [program.node(o) for o in outputs])
        memo: dict[int, dict[int, int]] = {}
        place = {g.make("y", i): i for i in range(self.size)}
        slopes = [
            (i, place[leaf], node)
            for i, r in enumerate(program.rates)
            for leaf, node in g.gradient(r, memo).items()
            if leaf in place
        ]
        self.where = tuple(np.array([s[k] for s in slopes], dtype=int) for k in (0, 1))
        self.slopes = function(g, [s[2] for s in slopes])


class _Patient:
    """One patient on the way: time, state, inputs, infusion rates."""

    def __init__(
        self, model: _Model, prepared: Prepared, i: int, method: str, rtol: float, atol: np.ndarray | float
    ):
        self.model = model
        self.p = prepared.parameters[i].tolist()
        self.y0 = prepared.initial[i].copy()
        self.y = self.y0.copy()
        self.u = prepared.inputs[i].tolist()
        self.rates = np.zeros(len(model.infused))
        self.calls = 0
        self.t = prepared.start
        self.options = {"method": method, "rtol": rtol, "atol": atol}

    def slope(self, t: float, y: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise _Stuck
        dy = np.array(self.model.rates(t, y.tolist(), self.p, self.u), dtype=float)
        for k, i in enumerate(self.model.infused):
            dy[i] += self.rates[k]
        return dy

    def jacobian(self, t: float, y: np.ndarray) -> np.ndarray:
        matrix = np.zeros((self.model.size, self.model.size))
        matrix[self.model.where] = self.model.slopes(t, y.tolist(), self.p, self.u)
        return matrix

    def output(self) -> list[float]:
        return self.model.outputs(self.t, self.y.tolist(), self.p, self.u)

    def advance(self, stop: float) -> int:
        """Integrate to `stop`; 0, or a status."""
        if stop <= self.t:
            return 0
        self.calls = 0
        with np.errstate(all="ignore"), contextlib.suppress(_Stuck):
            done = solve_ivp(self.slope, (self.t, stop), self.y, jac=self.jacobian, **self.options)
        if self.calls > MAX_CALLS:
            return TOO_MANY_STEPS
        self.y, self.t = done.y[:, -1], float(done.t[-1])
        if not np.all(np.isfinite(self.y)):
            return NOT_FINITE
        if not done.success:
            return STEP_TOO_SMALL
        self.t = stop
        return 0

    def apply(self, code: int, index: int, value: float) -> None:
        if code == ADD:
            self.y[index] += value
        elif code == SET_STATE:
            self.y[index] = value
        elif code == SET_INPUT:
            self.u[index] = value
        elif code == SET_RATE:
            self.rates[index] = value
        elif code == RESET:
            self.y[:] = self.y0


def solve_reference(
    system: OdeSystem,
    n: int,
    parameters: Mapping[str, np.ndarray | float],
    events: Events | None,
    times: np.ndarray,
    outputs: Sequence[str],
    *,
    rtol: float = 1e-8,
    atol: float | np.ndarray | None = None,
    method: str = "LSODA",
    after: bool | np.ndarray = False,
    start: float | None = None,
    initial: Mapping[str, np.ndarray | float] | None = None,
) -> Trajectories:
    """Simulate `n` patients one after the other.  Parameters as in `euthymia.engine.solve`.

    `method` is a name that `scipy.integrate.solve_ivp` knows, for example "LSODA" or "Radau".

    Examples
    --------
    >>> from euthymia.engine import Fragment, Parameter, State
    >>> decay = Fragment(states={"A": State("-k*A", 10.0, "mg")}, parameters={"k": Parameter(0.1, "1/h")})
    >>> out = solve_reference(OdeSystem.join("decay", decay), 1, {}, None, [0.0, 10.0], ["A"])
    >>> out.values[0, :, 0].round(6).tolist()
    [10.0, 3.678794]
    """
    ready = prepare(system, n, parameters, events, times, outputs, after, start, initial)
    infused = events.infused() if events is not None else ()
    model = _Model(system, outputs, infused)
    triggers = Triggers(system) if system.triggers else None
    table = {name: ready.parameters[:, i] for i, name in enumerate(system.parameters)}
    values = np.full((n, len(ready.times), len(outputs)), np.nan)
    status = np.zeros(n, dtype=np.int64)
    failed_at = np.full(n, np.nan)
    tolerance = 1e-4 * rtol if atol is None else atol
    detail = unfit(system, ready, events, status, failed_at)
    for i in np.flatnonzero(status == 0).tolist():
        patient = _Patient(model, ready, i, method, rtol, tolerance)
        steady, status[i] = _steady_states(patient, ready, events, i, table)
        if not status[i]:
            stops = block_stops(system, events, np.array([i]), table, infused, steady)
            stops = with_clock(stops, system, ready.parameters[i : i + 1])
            if triggers is None:
                status[i] = _run(patient, ready, stops, values[i])
            else:
                status[i] = _run_triggered(patient, EventQueue(triggers, patient), ready, stops, values[i])
        if status[i]:
            failed_at[i] = patient.t
    return Trajectories(
        values, ready.times, tuple(outputs), status, failed_at, method=f"reference {method}", detail=detail
    )


def _run(patient: _Patient, ready: Prepared, stops: Stops, values: np.ndarray) -> int:
    """Follow stop points and output times to the end."""
    k = 0
    for j, time in enumerate(ready.times):
        while k < stops.time.shape[1] and (
            stops.time[0, k] < time or (ready.after[j] and stops.time[0, k] <= time)
        ):
            if status := patient.advance(max(float(stops.time[0, k]), patient.t)):
                return status
            patient.apply(int(stops.code[0, k]), int(stops.index[0, k]), float(stops.value[0, k]))
            k += 1
        if status := patient.advance(float(time)):
            return status
        values[j] = patient.output()
    return 0


def _run_triggered(
    patient: _Patient, queue: EventQueue, ready: Prepared, stops: Stops, values: np.ndarray
) -> int:
    """The same with state-triggered events: doses of a moment first, then what they trigger."""
    k = row = 0
    doses = stops.time[0]
    while True:
        while row < len(values) and ready.times[row] <= patient.t and not ready.after[row]:
            values[row] = patient.output()
            row += 1
        while k < len(doses) and doses[k] <= patient.t:
            patient.apply(int(stops.code[0, k]), int(stops.index[0, k]), float(stops.value[0, k]))
            k += 1
        if status := queue.settle():
            return status
        while row < len(values) and ready.times[row] <= patient.t:
            values[row] = patient.output()
            row += 1
        if row == len(values):
            return 0
        due = doses[k] if k < len(doses) else np.inf
        if status := queue.advance(float(min(ready.times[row], due, queue.next_time()))):
            return status


def _steady_states(
    patient: _Patient, ready: Prepared, events: Events | None, i: int, table: Mapping[str, np.ndarray]
) -> tuple[dict[tuple[int, int], np.ndarray], int]:
    """The periodic steady state under each steady-state dose of patient `i`."""
    found: dict[tuple[int, int], np.ndarray] = {}
    for j, dose in enumerate(events.regimens[int(events.regimen_of[i])] if events is not None else ()):
        if dose.steady_state:
            state = _periodic(patient, dose, ready.start, table, i)
            if state is None:
                return found, NO_STEADY_STATE
            found[i, j] = state
    return found, 0


def _periodic(
    patient: _Patient, dose: Dose, start: float, table: Mapping[str, np.ndarray], i: int
) -> np.ndarray | None:
    """Repeat the dose from the initial state until the state at the record's time no longer changes."""
    lag, amount, rate, duration = arrival(dose, table, i)
    interval = dose.interval or 24.0
    target = patient.model.system.state_names.index(dose.target)
    keep = (patient.t, patient.y.copy(), patient.rates.copy())
    patient.y, patient.rates[:] = patient.y0.copy(), 0.0
    endless = np.isinf(duration)
    before = patient.y.copy()
    state = None
    phase = (lag % interval) if not endless else 0.0
    patient.rates[:] = 0.0
    number = patient.model.infused.index(target) if dose.kind == "infusion" else 0
    warm = 0.0 if endless else duration
    change = np.inf
    for cycle in range(4000):
        zero = (
            dose.time - interval
        )  # every cycle ends at the record's time, so that `t` in rates has its phase
        marks = {0.0, phase, interval}
        ends = (
            [(phase + duration - k * interval) for k in range(int(min(duration, 1e6) // interval) + 2)]
            if dose.kind == "infusion" and not endless
            else []
        )
        marks |= {e for e in ends if 0 < e < interval}
        points = sorted(marks)
        for a, b in zip(points[:-1], points[1:], strict=True):
            if a == phase and dose.kind == "bolus":
                patient.y[target] += amount
            if dose.kind == "infusion":
                middle = cycle * interval + 0.5 * (a + b)
                running = sum(
                    1
                    for k in range(cycle + 1)
                    if k * interval + phase <= middle < k * interval + phase + duration
                )
                patient.rates[number] = rate if endless else rate * running
            patient.t = zero + a
            if patient.advance(zero + b):
                return None
        last, change = (
            change,
            float(
                np.max(
                    np.abs(patient.y - before) / (1e-12 + np.abs(patient.y).max() * 1e-6 + np.abs(patient.y))
                )
            ),
        )
        ratio = min(change / last, 0.9999) if 0 < last < np.inf else 0.9999
        before = patient.y.copy()
        if change == 0.0 or (cycle > 2 and cycle * interval > warm and change * ratio / (1 - ratio) < 1e-8):
            state = patient.y.copy()
            break
    patient.t, patient.y, patient.rates = keep
    return state
