"""Estimates with 95 % intervals for one arm or two.

In: one value per patient.  Out: a `Row`.  Means use Student's t, shares Wilson's interval, the difference of changes
an analysis of covariance with the baseline as covariate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEVEL = 0.95
Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Row:
    """One estimate with its 95 % interval; shares lie between 0 and 1."""

    arm: str
    endpoint: str
    n: int
    estimate: float | None
    low: float | None
    high: float | None
    sd: float | None = None
    p: float | None = None


def mean_change(arm: str, endpoint: str, values: Array) -> Row:
    """Mean with Student's interval.

    >>> mean_change("a", "change", np.array([-1.0, -3.0])).estimate
    -2.0
    """
    from scipy.stats import t

    x = values[np.isfinite(values)]
    if len(x) < 2:
        return Row(arm, endpoint, len(x), float(x[0]) if len(x) else None, None, None)
    sd = float(x.std(ddof=1))
    half = float(t.ppf(0.5 + LEVEL / 2, len(x) - 1)) * sd / np.sqrt(len(x))
    return Row(arm, endpoint, len(x), float(x.mean()), float(x.mean() - half), float(x.mean() + half), sd)


def share(arm: str, endpoint: str, values: Array) -> Row:
    """A proportion with Wilson's interval.

    >>> row = share("a", "response", np.array([1.0, 0.0, 0.0, 1.0]))
    >>> row.estimate, round(row.low, 3), round(row.high, 3)
    (0.5, 0.15, 0.85)
    """
    x = values[np.isfinite(values)]
    n = len(x)
    if not n:
        return Row(arm, endpoint, 0, None, None, None)
    p = float(x.mean())
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return Row(arm, endpoint, n, p, float(centre - half), float(centre + half))


def difference(arm: str, endpoint: str, treated: tuple[Array, Array], control: tuple[Array, Array]) -> Row:
    """Difference of changes adjusted for baseline, with its interval and two-sided p value.

    Parameters
    ----------
    treated, control : (changes, baselines), each of shape (patients,)
    """
    from euthymia.trials.statistics import ancova

    change = np.concatenate([treated[0], control[0]])
    baseline = np.concatenate([treated[1], control[1]])
    which = np.repeat([1, 0], [len(treated[0]), len(control[0])])
    found = ancova(change, baseline, which)[1]
    low, high = found.interval(LEVEL)
    return Row(arm, endpoint, len(change), found.value, low, high, None, found.p)
