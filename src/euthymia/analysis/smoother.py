"""Ensemble smoother: move an ensemble's parameters towards data, with its diagnostics.

In: normal scores of the fitted parameters, predictions of every member, data with the covariance of everything that
keeps them from the prediction.  Out: moved scores and predictions, what each datum told, which pairs of parameters
cannot be told apart, and simulation-based calibration on synthetic truth.

One analysis step with perturbed observations; parameters and predictions are moved by the same gain

    K = C_xf (C_ff + R)^-1,   x' = x + K (y + e - f),   e ~ N(0, R),

so that a prediction of a trial which is not among the data is moved consistently.  Cross-covariances of parameters with
predictions are localised by correlation: those the ensemble cannot tell from zero are set to zero.

References: emerick2013smoother, luo2020localization
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Array = NDArray[Any]
NOTICED = 3.0  # a correlation counts from this many standard errors, 1/sqrt(members), on


@dataclass(frozen=True, slots=True)
class Step:
    """One analysis step.

    Parameters
    ----------
    scores : ndarray, shape (members, parameters)
    predicted : ndarray, shape (members, data)
        Predictions of the data, moved by the same gain.
    gain : ndarray, shape (parameters, data)
    """

    scores: Array
    predicted: Array
    gain: Array


def localised(scores: Array, predicted: Array) -> Array:
    """Covariance of parameters with predictions, shape (parameters, data); chance correlations removed."""
    n = len(scores)
    x, f = scores - scores.mean(axis=0), predicted - predicted.mean(axis=0)
    cross = x.T @ f / (n - 1)
    size = np.outer(x.std(axis=0, ddof=1), f.std(axis=0, ddof=1))
    correlation = np.divide(cross, size, out=np.zeros_like(cross), where=size > 0)
    return np.where(np.abs(correlation) * np.sqrt(n) >= NOTICED, cross, 0.0)


def analysis(
    scores: Array, predicted: Array, data: Array, noise: Array, seed: int = 1, inflation: float = 1.0
) -> Step:
    """Move an ensemble towards data.

    Parameters
    ----------
    scores : ndarray, shape (members, parameters)
    predicted : ndarray, shape (members, data)
    data : ndarray, shape (data,)
    noise : ndarray, shape (data, data)
        Covariance of data about a perfect member's prediction.
    inflation : float
        Factor of the noise: k steps of inflation k use the data once (multiple data assimilation).

    Examples
    --------
    >>> g = np.random.default_rng(1)
    >>> x = g.standard_normal((4000, 1))
    >>> step = analysis(x, x, np.array([1.0]), np.array([[1.0]]), seed=2)
    >>> bool(abs(step.scores.mean() - 0.5) < 0.05), bool(abs(step.scores.var() - 0.5) < 0.05)
    (True, True)
    """
    n = len(scores)
    f = predicted - predicted.mean(axis=0)
    spread = f.T @ f / (n - 1)
    factor = linalg.cho_factor(spread + inflation * noise, lower=True)
    gain = linalg.cho_solve(factor, localised(scores, predicted).T).T
    g = np.random.default_rng(seed)
    root = linalg.cholesky(inflation * noise + 1e-9 * np.eye(len(data)), lower=True)
    error = root @ g.standard_normal((len(data), n))
    error -= error.mean(axis=1, keepdims=True)
    away = data[:, None] + error - predicted.T
    moved = predicted + (spread @ linalg.cho_solve(factor, away)).T
    return Step(scores + (gain @ away).T, moved, gain)


def misfit(predicted: Array, data: Array, noise: Array) -> float:
    """Mean over members of the squared standardised distance per datum; about 1 where all is well."""
    factor = linalg.cho_factor(noise, lower=True)
    gap = predicted - data
    return float(np.mean(np.einsum("mi,im->m", gap, linalg.cho_solve(factor, gap.T))) / len(data))


def informed(before: Array, after: Array) -> Array:
    """Share of a parameter's prior spread that the data removed, shape (parameters,)."""
    return 1 - after.std(axis=0, ddof=1) / before.std(axis=0, ddof=1)


def tellers(scores: Array, predicted: Array, noise: Array, gain: Array) -> Array:
    """How much each datum moves each parameter, per standard error of the datum, in prior standard deviations."""
    return gain * np.sqrt(np.diag(noise)) / scores.std(axis=0, ddof=1)[:, None]


def confounded(after: Array, limit: float = 0.35) -> list[tuple[int, int, float]]:
    """Pairs of parameters whose posterior correlation passes a limit: the data know their sum or difference only."""
    r: Array = np.atleast_2d(np.corrcoef(after.T))
    pairs = [(i, j, float(r[i, j])) for i in range(len(r)) for j in range(i)]
    return sorted((p for p in pairs if abs(p[2]) >= limit), key=lambda p: -abs(p[2]))


def simulated_calibration(
    scores: Array, predicted: Array, noise: Array, rounds: int = 40, seed: int = 2
) -> dict[str, Any]:
    """Calibration on synthetic truth: members in turn are the truth, their noisy predictions the data.

    Returns
    -------
    dict
        `ranks`: rank of the truth among the posterior, as a share, shape (rounds, parameters); `coverage_90`
        of the parameters; `coverage_90_prediction` of the data without noise; `uniform`: largest distance of the
        ranks from uniform over all parameters, with `critical`, what chance allows at 5 %.
    """
    g = np.random.default_rng(seed)
    root = linalg.cholesky(noise + 1e-9 * np.eye(len(noise)), lower=True)
    truths = g.permutation(len(scores))[:rounds]
    ranks, inside = [], []
    for k in truths:
        rest = np.delete(np.arange(len(scores)), k)
        made = predicted[k] + root @ g.standard_normal(len(noise))
        step = analysis(scores[rest], predicted[rest], made, noise, seed=int(k))
        ranks.append((step.scores < scores[k]).mean(axis=0))
        low, high = np.quantile(step.predicted, [0.05, 0.95], axis=0)
        inside.append(((low <= predicted[k]) & (predicted[k] <= high)).mean())
    share = np.array(ranks)
    sorted_ = np.sort(share.ravel())
    distance = float(np.abs(sorted_ - (np.arange(len(sorted_)) + 0.5) / len(sorted_)).max())
    return {
        "ranks": share,
        "coverage_90": float(((share >= 0.05) & (share <= 0.95)).mean()),
        "coverage_90_prediction": float(np.mean(inside)),
        "uniform": distance,
        "critical": float(1.36 / np.sqrt(len(sorted_))),
    }
