"""Networks and courses that the biology tests share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from euthymia.biology import Network, build_network
from euthymia.engine import Dose, Events, Trajectories
from euthymia.engine.solve import solve

DAY = 24.0
ILL = 150.0  # days: 60 of heavy stress, 90 of mild stress
TRIAL = {"psych.expectancy": 1.0}


@pytest.fixture(scope="session")
def core() -> Network:
    return build_network("core")


@pytest.fixture(scope="session")
def full() -> Network:
    return build_network("full")


def play(
    network: Network,
    patients: Mapping[str, np.ndarray | float],
    doses: list[Dose],
    days: np.ndarray | list[float],
    outputs: list[str],
    *,
    ill: bool = True,
    n: int = 0,
) -> Trajectories:
    """Run patients; `days` and dose times (h) count from the start of treatment, after `ILL` days of history."""
    n = n or max((np.size(v) for v in patients.values()), default=1)
    start = -ILL * DAY if ill else 0.0
    history = (
        [Dose(start, "stress.load", 1.0, "set"), Dose(-90 * DAY, "stress.load", 0.35, "set")] if ill else []
    )
    known = {k: v for k, v in patients.items() if k in network.system.parameters}
    events = Events([history + doses], np.zeros(n, int))
    times = np.asarray(days, float) * DAY
    done = solve(network.system, n, known, events, times, outputs, start=start)
    assert done.ok.all(), done.message(int(np.argmin(done.ok)))
    return done


@pytest.fixture(scope="session")
def course() -> Callable[..., Trajectories]:
    return play


@pytest.fixture(scope="session")
def people() -> dict[str, np.ndarray]:
    """Four hundred persons of the population described in the design: no severity is painted on."""
    rng, n = np.random.default_rng(20), 400
    return {
        "neuroplasticity.chi": np.clip(rng.normal(0.93, 0.06, n), 0.7, 1.1),
        "inflammation.trait": rng.lognormal(0, 0.43, n),
        "inflammation.gut_leak": rng.lognormal(0, 0.55, n),
        "psychological_lifestyle.reactivity": rng.lognormal(0, 0.25, n),
        "psychological_lifestyle.expectancy": rng.normal(0.4, 0.25, n),
        "psychological_lifestyle.natural_course": rng.normal(0.1, 0.5, n),
        "symptoms.trait": rng.normal(0, 0.3, n),
        "metabolism.sensitivity_rest": rng.lognormal(0, 0.34, n),
        "hpa.receptor": rng.normal(0.95, 0.1, n),
        "ions.zinc_status": rng.lognormal(0, 0.15, n),
    }


def sets(ports: Mapping[str, float], at: float = 0.0) -> list[Dose]:
    """Set ports at an hour."""
    return [Dose(at, port, value, "set") for port, value in ports.items()]


def infusion(peak: float = 0.45, at: float = 0.0) -> list[Dose]:
    """Channel block by one 40-minute ketamine infusion: a rise, then a fall with a half-life near two hours."""
    hours = np.arange(0, 16, 0.25)
    level = np.where(hours < 0.7, peak * (hours + 0.1) / 0.7, peak * np.exp(-(hours - 0.7) * 0.35))
    doses = [
        Dose(at + float(h), "GRIN1.block", float(min(v, peak)), "set")
        for h, v in zip(hours, level, strict=True)
    ]
    return [*doses, Dose(at + 16.0, "GRIN1.block", 0.0, "set")]


@pytest.fixture(scope="session")
def give() -> Callable[..., list[Dose]]:
    return sets


@pytest.fixture(scope="session")
def ketamine() -> Callable[..., list[Dose]]:
    return infusion


@pytest.fixture(scope="session")
def trial() -> dict[str, float]:
    return dict(TRIAL)
