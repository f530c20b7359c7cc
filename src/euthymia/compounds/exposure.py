"""Non-compartmental analysis: what a course of levels amounts to.

In: times (h) and levels.  Out: Cmax, Tmax, Cmin, Cavg, AUC (linear up, log down) and terminal half-life.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Numbers of one interval; levels in the unit given, times in h."""

    Cmax: float
    Tmax: float
    Cmin: float
    Cavg: float
    AUC: float
    t_half: float


def area(times: Array, levels: Array) -> float:
    """Area under the curve, linear where it rises and logarithmic where it falls.

    >>> t = np.linspace(0, 10, 11)
    >>> bool(abs(area(t, np.exp(-0.3 * t)) - (1 - np.exp(-3)) / 0.3) < 1e-9)
    True
    """
    t, c = np.asarray(times, dtype=float), np.asarray(levels, dtype=float)
    width, left, right = np.diff(t), c[:-1], c[1:]
    falling = (right < left) & (right > 0)
    linear = width * (left + right) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithmic = width * (left - right) / np.log(left / right)
    return float(np.where(falling, logarithmic, linear).sum())


def terminal_slope(times: Array, levels: Array, last: float = 0.3) -> float:
    """Rate of decline (1/h) over the last part of the falling limb; nan where there is none."""
    t, c = np.asarray(times, dtype=float), np.asarray(levels, dtype=float)
    peak = int(np.argmax(c))
    fall = slice(peak + max(1, int((len(t) - peak) * (1 - last))), None)
    t, c = t[fall], c[fall]
    keep = c > 0
    if keep.sum() < 3:
        return float("nan")
    slope = np.polyfit(t[keep], np.log(c[keep]), 1)[0]
    return float(-slope) if slope < 0 else float("nan")


def analyse(times: Array, levels: Array) -> Exposure:
    """Exposure over the given interval.

    Parameters
    ----------
    times : ndarray, shape (times,), h
    levels : ndarray, shape (times,)
    """
    t, c = np.asarray(times, dtype=float), np.asarray(levels, dtype=float)
    auc = area(t, c)
    slope = terminal_slope(t, c)
    return Exposure(
        Cmax=float(c.max()),
        Tmax=float(t[c.argmax()] - t[0]),
        Cmin=float(c.min()),
        Cavg=auc / float(t[-1] - t[0]),
        AUC=auc,
        t_half=float(np.log(2) / slope),
    )
