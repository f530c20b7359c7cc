"""Published facts beside their simulation, for the pages of the modules.

In: `library/facts/biology.yaml`.  Out: per fact the course of one output in one person and the published points.
The person is healthy, or ill after sixty days of heavy and ninety of mild stress; where a fact is a difference, the same
person without the treatment is subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.biology.interventions import load_intervention
from euthymia.biology.network import Network, build_network
from euthymia.engine import Dose, Events, solve
from euthymia.evidence.parameter import Evidence, read_evidence
from euthymia.evidence.read import LIBRARY, load
from euthymia.units import quantity

FILE = LIBRARY / "facts" / "biology.yaml"
DAY = 24.0
HISTORY, HEAVY, MILD = 150 * DAY, 1.0, 0.35
HEAVY_FOR = 60 * DAY
VULNERABLE = {"neuroplasticity.chi": 0.85}
POINTS = 121
FADING = 48  # steps in which a fading input is given


@dataclass(frozen=True)
class Fact:
    """One published fact, simulated.

    Parameters
    ----------
    times : ndarray, shape (times,), h
    values : ndarray, shape (times,)
    published : tuple of (time h, value, low, high)
    """

    module: str
    title: str
    number: int
    output: str
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    published: tuple[tuple[float, float, float, float], ...]
    evidence: tuple[Evidence, ...]

    def inside(self) -> list[bool]:
        """For each published point with a band, whether the simulated course passes through it."""
        return [
            bool(low <= np.interp(t, self.times, self.values) <= high)
            for t, _, low, high in self.published
            if high > low
        ]


def facts_of(module: str) -> tuple[Fact, ...]:
    """The facts of one module, simulated."""
    return tuple(_simulated(item) for item in _items() if item["module"] == module)


def modules_with_facts() -> tuple[str, ...]:
    """Modules that have a fact to draw."""
    return tuple(dict.fromkeys(item["module"] for item in _items()))


def _items() -> list[dict[str, Any]]:
    return load(FILE, "facts").data["items"]


@lru_cache(maxsize=2)
def _network(profile: str) -> Network:
    return build_network(profile)


def _given(item: dict[str, Any]) -> list[Dose]:
    """What the person of a fact receives: an intervention of the library, and port changes that may fade."""
    doses = load_intervention(item["intervention"]).doses(0.0) if "intervention" in item else []
    for one in item.get("inputs", ()):
        start, level = quantity(one["at"]).value, float(one["level"])
        if "half_life" not in one:
            doses.append(Dose(start, one["port"], level, "set"))
            continue
        half = quantity(one["half_life"]).value
        steps = np.linspace(0.0, 12 * half, FADING)
        doses += [Dose(start + float(t), one["port"], level * float(0.5 ** (t / half)), "set") for t in steps]
        doses.append(Dose(start + 12 * half, one["port"], 0.0, "set"))
    return doses


def _simulated(item: dict[str, Any]) -> Fact:
    network = _network(item.get("profile", "core"))
    ill = item.get("ill", False)
    until = quantity(item["until"]).value
    times = np.linspace(0.0, until, POINTS)
    history = (
        [
            Dose(-HISTORY, "stress.load", HEAVY, "set"),
            Dose(-HISTORY + HEAVY_FOR, "stress.load", MILD, "set"),
        ]
        if ill
        else []
    )
    regimens = [history + _given(item)] + ([history] if item.get("difference") else [])
    done = solve(
        network.system,
        len(regimens),
        {**(VULNERABLE if ill else {}), **item.get("traits", {})},
        Events(regimens, np.arange(len(regimens))),
        times,
        [item["output"]],
        start=-HISTORY if ill else 0.0,
        after=True,
    )
    course = done.values[0, :, 0] - (done.values[1, :, 0] if item.get("difference") else 0.0)
    published = tuple(
        (quantity(p["at"]).value, p["value"], p.get("low", p["value"]), p.get("high", p["value"]))
        for p in item.get("published", ())
    )
    return Fact(
        item["module"],
        item["title"],
        item.get("fact", 0),
        item["output"],
        times,
        course,
        published,
        read_evidence(item["evidence"]),
    )
