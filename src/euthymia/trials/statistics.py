"""Estimates with their uncertainty, and the analysis of covariance.

In: endpoint arrays per patient.  Out: `Estimate`.  Assumed: arms are numbered, 0 is the control.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from euthymia.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference between arms with standard error, degrees of freedom and 95 % interval.

    Parameters
    ----------
    value, se : float
        In the units of the endpoint; negative favours the arm over the control.
    df : float
        Degrees of freedom; infinite for a normal approximation.
    """

    value: float
    se: float
    df: float = np.inf

    @property
    def p(self) -> float:
        """Two-sided p value.

        >>> round(Estimate(-1.96, 1.0).p, 3)
        0.05
        """
        return float(2 * stats.t.sf(abs(self.value) / self.se, self.df))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval at this level."""
        half = float(stats.t.ppf(0.5 + level / 2, self.df)) * self.se
        return self.value - half, self.value + half


def ancova(
    change: Array, baseline: Array, arm: NDArray[np.int64], covariates: Array | None = None
) -> dict[int, Estimate]:
    """Analysis of covariance: change = intercept + baseline + arm (+ covariates), ordinary least squares.

    Parameters
    ----------
    change, baseline : ndarray, shape (patients,)
        Patients with a missing change are left out.
    arm : ndarray of int, shape (patients,)
        0 is the control.
    covariates : ndarray, shape (patients, covariates), optional

    Returns
    -------
    dict of arm number to Estimate
        Difference from control.

    Raises
    ------
    InputError
        Fewer patients than parameters, or no control.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> arm = np.repeat([0, 1], 200)
    >>> base = g.normal(30, 5, 400)
    >>> found = ancova(-10 - 3 * arm + 0.2 * base + g.normal(0, 1, 400), base, arm)
    >>> abs(found[1].value + 3) < 0.4
    True
    """
    change, baseline, arm = np.asarray(change, float), np.asarray(baseline, float), np.asarray(arm, int)
    seen = np.isfinite(change) & np.isfinite(baseline)
    others = [int(a) for a in np.unique(arm[seen]) if a != 0]
    columns = [np.ones(seen.sum()), baseline[seen] - baseline[seen].mean()]
    columns += [(arm[seen] == a).astype(float) for a in others]
    design = np.column_stack(columns if covariates is None else [*columns, np.asarray(covariates)[seen]])
    df = seen.sum() - design.shape[1]
    if df < 1 or not (arm[seen] == 0).any():
        raise InputError([f"{seen.sum()} patients with data are too few for {design.shape[1]} parameters"])
    beta, *_ = np.linalg.lstsq(design, change[seen], rcond=None)
    variance = ((change[seen] - design @ beta) ** 2).sum() / df
    covariance = variance * np.linalg.pinv(design.T @ design)
    return {
        a: Estimate(float(beta[2 + k]), float(covariance[2 + k, 2 + k] ** 0.5), float(df))
        for k, a in enumerate(others)
    }
