"""SBML events: triggers, delays, priorities, persistence, and the values they assign.

Semantics (SBML Level 3): an event fires where its trigger turns from false to true; values are taken when it
fires or when it is executed; of the events due at one time the highest priority goes first, after each the
triggers are looked at again; one that does not persist is dropped when its trigger turns false while it waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from euthymia.errors import SolverError
from euthymia.interop.sbml_machine import Machine

CASCADE = 10_000


@dataclass(slots=True)
class Waiting:
    """A fired event that waits for its execution."""

    time: float
    event: int
    serial: int
    values: list[float] | None


class EventQueue:
    """The events of one running model."""

    def __init__(self, machine: Machine, known: Callable[..., list[float]] | None = None):
        self.machine = machine
        self.known = known or machine.unknowns
        self.state = [e.initial for e in machine.events]
        self.waiting: list[Waiting] = []
        self._serial = 0

    def next_time(self) -> float:
        """When the next waiting event is due; infinite where none is."""
        return min((w.time for w in self.waiting), default=float("inf"))

    def changed(self, t: float, y: np.ndarray, p: list[float], z: list[float]) -> bool:
        """Whether some trigger differs from what it last was."""
        return [bool(v) for v in self.machine.triggers(t, y, p, z)] != self.state

    def settle(self, t: float, y: np.ndarray, p: list[float], z: list[float]) -> bool:
        """Fire and execute everything that is due at `t`, changing `y`, `p` and `z` in place; True if any ran.

        Raises
        ------
        SolverError
            The events trigger one another without end.
        """
        ran = 0
        while True:
            self._fire(t, y, p, z)
            due = [w for w in self.waiting if w.time <= t + 1e-12 * max(1.0, abs(t))]
            if not due:
                return ran > 0
            ran += 1
            if ran > CASCADE:
                culprits = sorted({self.machine.events[w.event].id for w in due})
                raise SolverError(
                    f"events {', '.join(culprits)} trigger one another without end at time {t:g}"
                )
            chosen = max(due, key=lambda w: (self._priority(w.event, t, y, p, z), -w.time, -w.serial))
            self.waiting.remove(chosen)
            self._execute(chosen, t, y, p, z)

    def _fire(self, t: float, y: np.ndarray, p: list[float], z: list[float]) -> None:
        m = self.machine
        now = [bool(v) for v in m.triggers(t, y, p, z)]
        for i, (before, after) in enumerate(zip(self.state, now, strict=True)):
            if before and not after and not m.events[i].persistent:
                self.waiting = [w for w in self.waiting if w.event != i]
            if after and not before:
                delay = m.delays[i]
                wait = float(delay(t, y, p, z)[0]) if delay else 0.0
                if not wait >= 0:
                    raise SolverError(f"event '{m.events[i].id}' has the delay {wait:g} at time {t:g}")
                values = m.values[i](t, y, p, z) if m.events[i].trigger_values else None
                self._serial += 1
                self.waiting.append(Waiting(t + wait, i, self._serial, values))
        self.state = now

    def _priority(self, event: int, t: float, y: np.ndarray, p: list[float], z: list[float]) -> float:
        priority = self.machine.priorities[event]
        return float(priority(t, y, p, z)[0]) if priority else -float("inf")

    def _execute(self, w: Waiting, t: float, y: np.ndarray, p: list[float], z: list[float]) -> None:
        m = self.machine
        model = m.dynamics.model
        values = w.values if w.values is not None else m.values[w.event](t, y, p, z)
        pairs = list(zip(m.targets[w.event], values, strict=True))
        pairs.sort(
            key=lambda pair: pair[0] in model.species
        )  # sizes first: they turn concentrations to amounts
        for target, value in pairs:
            base = m.dynamics.base(target)
            amount = float(value)
            if base != target and not model.species[target].substance_only:
                amount *= float(m.compile_size(model.species[target].compartment)(t, y, p, z)[0])
            array, place = m.place[base]
            (y if array == "y" else p if array == "p" else z)[place] = amount
        z[:] = self.known(t, y, p, z)
