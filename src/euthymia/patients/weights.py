"""Weights that make a virtual population show published marginals.

In: one row of features per virtual patient (indicators or values) and the published mean of each.  Out: weights that
sum to 1, differ as little as possible from equal ones (relative entropy) and meet every mean: the exponential tilt
w ~ exp(lambda . f).  Where a mean is published with an error, missing it costs (miss / error)^2 / 2 in the same unit, so that
targets which contradict each other are met as well as their errors allow.  The dual is smooth and convex; Newton's
method with halved steps solves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from euthymia.errors import InputError, Problem

STEPS = 100
CLOSE = 1e-9
SHORTEST, ARMIJO, FAR = 1e-6, 1e-4, 1e-3  # of a Newton step, of its promised gain, of a standard deviation


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of virtual patients.

    Parameters
    ----------
    values : ndarray, shape (patients,)
        They sum to 1.
    multipliers : ndarray, shape (features,)
        The tilt; 0 where a marginal was met already.
    effective : float
        Patients that equal weights would need for the same precision, 1 / sum(w^2).
    """

    values: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    effective: float


def prevalence_weights(
    features: ArrayLike, targets: ArrayLike, names: Sequence[str] = (), errors: ArrayLike = 0.0
) -> Weights:
    """Weights under which the mean of every feature is its target.

    Parameters
    ----------
    features : array_like, shape (patients, features)
    targets : array_like, shape (features,)
    names : sequence of str
        For messages.
    errors : array_like, shape (features,)
        Standard errors of the targets; 0 for a target that must hold exactly.

    Raises
    ------
    InputError
        A target that no weights of these patients can reach, alone or together with the others.

    Examples
    --------
    >>> w = prevalence_weights([[0.0], [0.0], [1.0]], [0.5])
    >>> w.values.round(3).tolist(), round(w.effective, 2)
    ([0.25, 0.25, 0.5], 2.67)
    """
    f, goal = np.asarray(features, float), np.asarray(targets, float)
    error = np.broadcast_to(np.asarray(errors, float), goal.shape)
    called = list(names) or [f"feature {i}" for i in range(f.shape[1])]
    outside = [
        Problem(f"no weights reach {g:g}: the patients have {lo:.3g} to {hi:.3g}", key=name)
        for name, g, lo, hi, e in zip(called, goal, f.min(axis=0), f.max(axis=0), error, strict=True)
        if not (lo < g < hi or (lo == hi == g) or e > 0)
    ]
    if outside:
        raise InputError(outside)
    scale = np.where(f.std(axis=0) > 0, f.std(axis=0), 1.0)
    z, ridge = (f - goal) / scale, (error / scale) ** 2
    tilt = np.zeros(f.shape[1])

    def at(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        e = z @ x
        top = e.max()
        w = np.exp(e - top)
        return float(top + np.log(w.sum()) + ridge @ x**2 / 2), w / w.sum()

    value, w = at(tilt)
    for _ in range(STEPS):
        mean = w @ z
        slope = mean + ridge * tilt
        if np.abs(slope).max() < CLOSE:
            return Weights(w, tilt / scale, float(1.0 / (w @ w)))
        curve = (z * w[:, None]).T @ z - np.outer(mean, mean) + np.diag(ridge)
        step = -np.linalg.lstsq(curve + 1e-12 * np.eye(len(slope)), slope, rcond=None)[0]
        size = 1.0
        while size > SHORTEST:
            tried, trial = at(tilt + size * step)
            if tried <= value + ARMIJO * size * float(slope @ step):
                break
            size /= 2
        tilt, value, w = tilt + size * step, tried, trial
    far = [n for n, s in zip(called, w @ z + ridge * tilt, strict=True) if abs(s) > FAR]
    raise InputError([Problem("no weights reach this marginal together with the others", key=n) for n in far])
