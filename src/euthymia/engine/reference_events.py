"""State-triggered events for the readable solver: one patient, plain Python, the rules of SBML written out.

An event fires where its condition turns from false to true; its values are taken then, or at its execution after
the delay.  Of several that are due, the highest priority goes first, then the earliest; after each execution the
conditions are looked at again.  One that does not persist is dropped when its condition turns false while it waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate

from euthymia.engine.driver_events import CASCADE, PROBES
from euthymia.engine.driver_events import QUEUE as MOST_WAITING
from euthymia.engine.evaluate import function
from euthymia.engine.system import OdeSystem
from euthymia.engine.trajectories import (
    BAD_DELAY,
    EVENTS_WITHOUT_END,
    NOT_FINITE,
    STEP_TOO_SMALL,
    TOO_MANY_STEPS,
    TOO_MANY_WAITING,
)
from euthymia.engine.triggers import trigger_table

MAX_STEPS = 200_000


@dataclass
class _Waiting:
    """A fired event before its execution."""

    time: float
    serial: int
    event: int
    values: list[float]


class Triggers:
    """Conditions and reactions of one system as Python functions."""

    def __init__(self, system: OdeSystem):
        table, nodes = trigger_table(system)
        self.table, self.n, self.changes = table, len(table.flags), int(table.first[-1])
        self.size = len(system.states)
        self.watch = function(system.program.graph, nodes["watch"])
        self.react = function(system.program.graph, nodes["react"])


class EventQueue:
    """The events of one patient on the way.

    Parameters
    ----------
    triggers : Triggers
    patient : object with t, y, p, u
    """

    def __init__(self, triggers: Triggers, patient: Any):
        self.of, self.patient = triggers, patient
        flags = triggers.table.flags
        self.before = [bool(b) for b in flags[:, 2]] + [False] * (triggers.table.watched - len(flags))
        self.waiting: list[_Waiting] = []
        self.serial = 0

    def next_time(self) -> float:
        """When the next waiting event is due; inf where none waits."""
        return min((w.time for w in self.waiting), default=np.inf)

    def truth(self, t: float, y: np.ndarray) -> list[bool]:
        """The conditions and the comparisons in them, at a time and state."""
        return [bool(v) for v in self.of.watch(t, y.tolist(), self.patient.p, self.patient.u)]

    def settle(self) -> int:
        """Fire and execute all that is due now; 0, or a status."""
        p = self.patient
        due_by = p.t + 1e-12 * max(1.0, abs(p.t))
        for _ in range(CASCADE + 1):
            if status := self._fire():
                return status
            due = [w for w in self.waiting if w.time <= due_by]
            if not due:
                return 0
            now = self.of.react(p.t, p.y.tolist(), p.p, p.u)
            chosen = max(due, key=lambda w: (now[self.of.n + w.event], -w.time, -w.serial))
            self.waiting.remove(chosen)
            self._execute(chosen, now)
        return EVENTS_WITHOUT_END

    def _fire(self) -> int:
        p, table = self.patient, self.of.table
        truth = self.truth(p.t, p.y)
        if truth == self.before:
            return 0
        now = self.of.react(p.t, p.y.tolist(), p.p, p.u)
        for e, (old, new) in enumerate(zip(self.before, truth, strict=True)):
            if e >= self.of.n:
                break
            persistent = table.flags[e, 0]
            if old and not new and not persistent:
                self.waiting = [w for w in self.waiting if w.event != e]
            if new and not old and table.first[e] < table.first[e + 1]:
                if not now[e] >= 0:
                    return BAD_DELAY
                if len(self.waiting) >= MOST_WAITING:
                    return TOO_MANY_WAITING
                self.serial += 1
                self.waiting.append(_Waiting(p.t + now[e], self.serial, e, self._values(e, now)))
        self.before = truth
        return 0

    def _values(self, event: int, now: list[float]) -> list[float]:
        first, last = self.of.table.first[event : event + 2] + 2 * self.of.n
        return now[first:last]

    def _execute(self, event: _Waiting, now: list[float]) -> None:
        table, p, e = self.of.table, self.patient, event.event
        values = event.values if table.flags[e, 1] else self._values(e, now)
        factors = self._values(e, now[self.of.changes :])
        for place, value, factor in zip(
            table.target[table.first[e] : table.first[e + 1]], values, factors, strict=True
        ):
            if place < self.of.size:
                p.y[place] = value * factor
            else:
                p.u[place - self.of.size] = value * factor

    def advance(self, stop: float) -> int:
        """Integrate to `stop` or just behind the first change of a condition; 0, or a status."""
        p = self.patient
        options = {k: v for k, v in p.options.items() if k != "method"}
        if p.options["method"] in ("Radau", "BDF", "LSODA"):
            options["jac"] = p.jacobian
        with np.errstate(all="ignore"):
            solver = getattr(integrate, p.options["method"])(p.slope, p.t, p.y, stop, **options)
            for _ in range(MAX_STEPS):
                solver.step()
                if solver.status == "failed":
                    return STEP_TOO_SMALL
                if not np.isfinite(solver.y).all():
                    return NOT_FINITE
                at = self._first_change(solver.dense_output(), float(solver.t_old), float(solver.t), solver.y)
                if at is not None:
                    p.t, p.y = at
                    return 0
                if solver.status == "finished":
                    p.t, p.y = stop, solver.y.copy()
                    return 0
        return TOO_MANY_STEPS

    def _first_change(
        self, dense: Any, low: float, new: float, end: np.ndarray
    ) -> tuple[float, np.ndarray] | None:
        old = low
        for part in PROBES:
            high = new if part == 1.0 else old + part * (new - old)
            state = end if part == 1.0 else dense(high)
            if self.truth(high, state) != self.before:
                break
            low = high
        else:
            return None
        while high - low > 2e-15 * max(abs(high), 1e-3):
            middle = 0.5 * (low + high)
            if not low < middle < high:
                break
            there = dense(middle)
            if self.truth(middle, there) != self.before:
                high, state = middle, there
            else:
                low = middle
        return high, np.array(state)
