"""Looks during a trial: stopping for success by alpha spending, for futility by conditional power, and more patients
where the look is promising.

In: changes and baselines of an arm and its control in the order of enrolment.  Out: one row a look.  Assumed: analysis
of covariance at every look on the first share of each arm; after a change of size the stages are joined with the weights
planned at the start, which keeps the error rate whatever the change (Cui, Hung and Wang's statistic).

References: lan1983discrete
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from euthymia.protocol.analyses import Interim
from euthymia.trials.sequential import boundaries
from euthymia.trials.statistics import ancova
from euthymia.units import quantity

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Changes and baselines of one arm in the order of enrolment, those beyond the planned size included."""

    change: Array
    baseline: Array
    planned: int


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one arm."""

    look: int
    information: float
    n: int
    estimate: float
    z: float
    bound: float
    conditional_power: float | None
    decision: str


def conditional_power(z: float, information: float, bound: float, drift: float | None = None) -> float:
    """Chance to end beyond `bound` at full information, given z now.

    1 - Phi((c - z sqrt(t) - drift (1 - t)) / sqrt(1 - t)); the drift is the trend seen, z / sqrt(t), where not given.

    Parameters
    ----------
    z : float
        Larger is better.
    information : float
        Share of the information that is in, between 0 and 1.

    Examples
    --------
    >>> round(conditional_power(1.96 * 0.5**0.5, 0.5, 1.96), 3)
    0.5
    """
    trend = z / np.sqrt(information) if drift is None else drift
    left = 1 - information
    return float(stats.norm.sf((bound - z * np.sqrt(information) - trend * left) / np.sqrt(left)))


def _z(
    arm: Enrolled, control: Enrolled, first: tuple[int, int], last: tuple[int, int]
) -> tuple[float, float]:
    """z (larger is better) and difference of the patients enrolled from `first` to `last` of arm and control."""
    a, c = slice(first[0], last[0]), slice(first[1], last[1])
    change = np.concatenate([arm.change[a], control.change[c]])
    baseline = np.concatenate([arm.baseline[a], control.baseline[c]])
    which = np.repeat([1, 0], [last[0] - first[0], last[1] - first[1]])
    found = ancova(change, baseline, which)[1]
    if not found.se > 0:  # all alike in every arm: nothing can be told
        return 0.0, found.value
    p = float(stats.t.sf(-found.value / found.se, found.df))  # one-sided; negative favours the arm
    return float(stats.norm.isf(min(max(p, 1e-15), 1 - 1e-15))), found.value


def looks(interim: Interim, arm: Enrolled, control: Enrolled) -> Iterator[Look]:
    """Looks at one arm until it stops; the last one is the end of the trial.

    Raises
    ------
    InputError
        Too few patients at a look.
    """
    times = np.array([*(quantity(t).value for t in interim.at), 1.0])
    bounds = boundaries(times, quantity(interim.alpha).value, interim.spending)
    futile = quantity(interim.futility).value if interim.futility else 0.0
    sizes = [(_share(arm.planned, t), _share(control.planned, t)) for t in times]
    z_before, n_before, t_before = 0.0, (0, 0), 0.0
    for k, (t, bound) in enumerate(zip(times, bounds, strict=True)):
        z, estimate = _z(arm, control, (0, 0), sizes[k])
        if sizes[k] != (
            _share(arm.planned, t),
            _share(control.planned, t),
        ):  # resized: stages with planned weights
            after, estimate = _z(arm, control, n_before, sizes[k])
            z = float(np.sqrt(t_before) * z_before + np.sqrt(1 - t_before) * after)
        last = k == len(times) - 1
        power = None if last else conditional_power(z, float(t), float(bounds[-1]))
        decision = "go on"
        if z >= bound:
            decision = "success"
        elif last:
            decision = "no success"
        elif power is not None and power < futile:
            decision = "futile"
        elif k == len(times) - 2 and interim.resize and power is not None:
            more = resized(interim, power, float(t), arm, control)
            if more != sizes[-1]:
                sizes[-1], decision = more, "more patients"
        yield Look(k + 1, float(t), sum(sizes[k]), estimate, z, float(bound), power, decision)
        if decision in ("success", "futile"):
            return
        z_before, n_before, t_before = z, sizes[k], float(t)


def _share(n: int, t: float) -> int:
    return int(np.ceil(n * t - 1e-9))


def resized(interim: Interim, power: float, t: float, arm: Enrolled, control: Enrolled) -> tuple[int, int]:
    """Sizes at the end: the most allowed where the conditional power is promising, else as planned."""
    assert interim.resize is not None
    low, high = quantity(interim.resize.from_).value, quantity(interim.resize.to).value
    if not low <= power < high:
        return arm.planned, control.planned
    most = quantity(interim.resize.most).value
    return min(_share(arm.planned, most), len(arm.change)), min(
        _share(control.planned, most), len(control.change)
    )


def summary(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Over replicates, per arm: chance of success, of stopping at each look, and the patients used."""
    found: list[dict[str, object]] = []
    for arm in dict.fromkeys(str(r["arm"]) for r in rows):
        mine = [r for r in rows if r["arm"] == arm]
        replicates = len({r["replicate"] for r in mine})
        ends = {r["replicate"]: r for r in mine}  # the last look of each replicate
        final = list(ends.values())
        for look in sorted({int(str(r["look"])) for r in mine}):
            here = [r for r in final if r["look"] == look]
            found.append(
                {
                    "arm": arm,
                    "look": look,
                    "information": next(r["information"] for r in mine if r["look"] == look),
                    "bound": next(r["bound"] for r in mine if r["look"] == look),
                    "reached": sum(r["look"] == look for r in mine) / replicates,
                    "success": sum(r["decision"] == "success" for r in here) / replicates,
                    "futile": sum(r["decision"] == "futile" for r in here) / replicates,
                    "more_patients": sum(r["look"] == look and r["decision"] == "more patients" for r in mine)
                    / replicates,
                    "power": sum(r["decision"] == "success" for r in final) / replicates,
                    "mean_n": float(np.mean([float(str(r["n"])) for r in final])),
                    "replicates": replicates,
                }
            )
    return found
