"""Errors by class: fold errors of levels and ratios, points of occupancy, coverage of intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.observations import CLASSES

CLOSE, NEAR = 1.25, 1.5  # fold errors that are counted
SPREAD_GOAL = (0.75, 4 / 3)


@dataclass(frozen=True, slots=True)
class Scored:
    """One observation with the model's and the naive prediction in the observation's unit.

    `low` and `high` bound 80 % of what would be observed (occupancy, spread); `attainable` is the probability that
    a study of this size, drawn from the model's own people, meets the goal for a spread: what sampling leaves.
    """

    id: str
    group: str
    observed: float
    predicted: float
    naive: float
    unit: str
    low: float = math.nan
    high: float = math.nan
    attainable: float = math.nan


def share_inside(predicted: float, observed: NDArray[np.float64]) -> float:
    """Share of observed coefficients of variation for which a predicted one meets the goal.

    >>> share_inside(0.4, np.array([0.2, 0.35, 0.5, 0.6]))
    0.5
    """
    ratio = predicted / np.asarray(observed)
    return float(np.mean((ratio >= SPREAD_GOAL[0]) & (ratio <= SPREAD_GOAL[1])))


def summarise(rows: Sequence[Scored]) -> dict[str, dict[str, float]]:
    """Errors by class: fold errors for levels and ratios, points for occupancy, CV ratios for spread."""
    found: dict[str, dict[str, float]] = {}
    for group in CLASSES:
        part = [r for r in rows if r.group == group]
        if not part:
            continue
        if group == "occupancy":
            miss = np.array(
                [
                    abs(r.predicted - r.observed) * (1 if r.unit.strip() in ("%", "percent") else 100)
                    for r in part
                ]
            )
            naive = np.array(
                [abs(r.naive - r.observed) * (1 if r.unit.strip() in ("%", "percent") else 100) for r in part]
            )
            inside = np.array([r.low <= r.observed <= r.high for r in part])
            found[group] = {
                "n": len(part),
                "mae_points": float(miss.mean()),
                "within_10_points": float((miss <= 10).mean()),
                "coverage_80": float(inside.mean()),
                "naive_mae_points": float(np.nanmean(naive)) if np.isfinite(naive).any() else math.nan,
            }
            continue
        fold = np.log([r.predicted / r.observed for r in part if r.predicted > 0 and r.observed > 0])
        base = np.log([r.naive / r.observed for r in part if r.naive > 0 and r.observed > 0])
        size = np.abs(fold)
        found[group] = {
            "n": len(part),
            "aafe": float(np.exp(size.mean())),
            "afe": float(np.exp(fold.mean())),
            "within_1_25": float((size <= math.log(CLOSE)).mean()),
            "within_1_5": float((size <= math.log(NEAR)).mean()),
            "within_2": float((size <= math.log(2)).mean()),
            "naive_aafe": float(np.exp(np.abs(base).mean())) if base.size else math.nan,
        }
        if group == "spread":
            found[group]["within_0_75_1_33"] = float(
                ((fold >= math.log(SPREAD_GOAL[0])) & (fold <= math.log(SPREAD_GOAL[1]))).mean()
            )
            found[group]["attainable"] = float(np.mean([r.attainable for r in part]))
            sized = [r.low <= r.observed <= r.high for r in part if math.isfinite(r.low)]
            found[group]["coverage_80"] = float(np.mean(sized)) if sized else math.nan
    return found
