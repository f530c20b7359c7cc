"""Treatments that are no drugs, and animal scenarios, as changes of ports over time.

In: `library/interventions/<name>.yaml` or a species' scenario.  Out: engine doses that set ports.  Sessions run on
given weekdays (0 is the weekday on which treatment starts) at a fixed hour; continuous treatments start at once.

>>> [d.time for d in load_intervention("ect").doses(0.0)][:3]
[9.0, 10.0, 57.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from euthymia.engine.events import Dose
from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.parameter import Evidence, Parameter, read_evidence, read_parameter, read_parameters
from euthymia.evidence.read import LIBRARY, load
from euthymia.units import quantity

FOLDER = LIBRARY / "interventions"
DAY = 24.0
#: days of a week (0 is the day treatment starts) on which sessions lie, by their number a week
WEEKDAYS = {
    1: (0,), 2: (0, 3), 3: (0, 2, 4), 4: (0, 1, 3, 4), 5: (0, 1, 2, 3, 4), 6: tuple(range(6)), 7: tuple(range(7))
}  # fmt: skip
#: level of a port when nothing is given, where that is not 0
RESTING = {"diet.zinc": 1.0, "diet.magnesium": 1.0, "diet.tryptophan": 1.0}


@dataclass(frozen=True)
class Intervention:
    """One treatment: the ports it sets and when."""

    name: str
    title: str
    kind: str
    ports: dict[str, Parameter]
    length: float
    weekdays: tuple[int, ...]
    sessions: int
    hour: float
    claims: tuple[int, ...]
    evidence: tuple[Evidence, ...]
    contact: str = "placebo"

    @property
    def invited(self) -> bool:
        """Whether patients come for stimulation in sessions."""
        return bool(self.sessions) and self.kind in ("convulsive", "magnetic", "electric")

    def planned(self, sessions: int = 0, per_week: int = 0) -> Intervention:
        """The same with another number of sessions or of sessions a week; 0 keeps the library's.

        >>> [d.time / 24 for d in load_intervention("ect").planned(2, 2).doses(0.0)][::2]
        [0.375, 3.375]
        """
        days = WEEKDAYS[per_week] if per_week else self.weekdays
        return replace(self, sessions=sessions or self.sessions, weekdays=days)

    def doses(
        self, start: float, stop: float = np.inf, level: float = 1.0, on: Sequence[float] = ()
    ) -> list[Dose]:
        """Port changes from `start` (h) on; continuous treatments end at `stop`.

        Parameters
        ----------
        level : float
            Multiple of the library's own distance from rest.
        on : sequence of float, h after `start`
            When sessions begin, where they follow no week.
        """
        found: list[Dose] = []
        spans = [(start + t, start + t + self.length) for t in on] if on else self.spans(start, stop)
        for begin, end in spans:
            if begin >= stop or (self.sessions and end > stop):
                continue
            for port, parameter in self.ports.items():
                rest = RESTING.get(port, 0.0)
                found.append(Dose(begin, port, rest + (parameter.value - rest) * level, "set"))
            if np.isfinite(end):
                found += [Dose(end, port, RESTING.get(port, 0.0), "set") for port in self.ports]
        return found

    def spans(self, start: float, stop: float = np.inf) -> list[tuple[float, float]]:
        """Begin and end of every session, h."""
        if not self.sessions:
            return [(start, stop)]
        days: list[int] = []
        day = 0
        while len(days) < self.sessions:
            if day % 7 in self.weekdays:
                days.append(day)
            day += 1
        begins = [start + d * DAY + self.hour for d in days]
        return [(b, b + self.length) for b in begins if b + self.length <= stop]


def intervention_names() -> tuple[str, ...]:
    """Names of all interventions."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.yaml")))


def load_intervention(name: str) -> Intervention:
    """An intervention of the library.

    Raises
    ------
    InputError
        No such intervention, or every problem of its file.
    """
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        hint = nearest(name, intervention_names())
        raise InputError([Problem(f"no intervention '{name}'{hint}", key="intervention")])
    document = load(path, "intervention")
    data, plan = document.data, document.data["schedule"]
    return Intervention(
        name=data["intervention"],
        title=data["title"],
        kind=data["class"],
        ports=read_parameters(document, ("ports",)),
        length=read_parameter(document, ("schedule", "length"), "length").value if "length" in plan else 0.0,
        weekdays=tuple(plan.get("weekdays", ())),
        sessions=int(plan.get("sessions", 0)) if plan["kind"] == "sessions" else 0,
        hour=float(plan.get("hour", 0.0)),
        claims=tuple(data.get("claims", ())),
        evidence=read_evidence(data["evidence"]),
        contact=data.get("contact", "placebo"),
    )


def scenario_doses(scenario: dict[str, Any]) -> list[Dose]:
    """Port changes of an animal scenario; time 0 is its start."""
    found: list[Dose] = []
    for item in scenario.get("inputs", ()):
        port, rest = item["port"], RESTING.get(item["port"], 0.0)
        start, stop = quantity(item["start"]).value, quantity(item["stop"]).value
        if "every" not in item:
            found.append(Dose(start, port, float(item["level"]), "set"))
        else:
            every, on = quantity(item["every"]).value, quantity(item["on"]).value
            for begin in np.arange(start, stop, every):
                found.append(Dose(float(begin), port, float(item["level"]), "set"))
                found.append(Dose(float(begin + on), port, float(item.get("low", rest)), "set"))
        found.append(Dose(stop, port, rest, "set"))
    return sorted(found, key=lambda d: d.time)
