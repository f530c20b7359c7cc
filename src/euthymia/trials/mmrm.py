"""Mixed model for repeated measures: unstructured covariance, REML, small-sample degrees of freedom.

In: change at every visit (NaN where missing), baseline, arm.  Out: a fit whose contrasts carry standard
errors and Satterthwaite or Kenward-Roger degrees of freedom.  Assumed: missing at random, one covariance for
all arms.

The deviance is  sum_i [log|S_i| + r_i' S_i^-1 r_i] + log|sum_i X_i' S_i^-1 X_i|, S_i the rows and columns of
the visits patient i was seen at.  It is minimised over the log-Cholesky factor of S with the exact gradient.

References: laird1982random, kenward1997small
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from euthymia.errors import InputError, SolverError
from euthymia.trials.statistics import Estimate

Array = NDArray[np.floating[Any]]
STEP = 1e-5


@dataclass(frozen=True, slots=True)
class Pattern:
    """Patients seen at the same visits, with their cross products.

    Parameters
    ----------
    seen : ndarray of int, shape (m,)
        Visit numbers.
    n : int
    xx : ndarray, shape (m, m, q, q)
    xy : ndarray, shape (m, m, q)
    yy : ndarray, shape (m, m)
    """

    seen: NDArray[np.int64]
    n: int
    xx: Array
    xy: Array
    yy: Array


def patterns(y: Array, x: Array) -> list[Pattern]:
    """Group patients by the visits they were seen at.

    Parameters
    ----------
    y : ndarray, shape (patients, visits), NaN where missing
    x : ndarray, shape (patients, visits, q)
    """
    there = np.isfinite(y)
    found = []
    for mask in np.unique(there, axis=0):
        if not mask.any():
            continue
        rows = (there == mask).all(axis=1)
        ys, xs = y[rows][:, mask], x[rows][:, mask]
        found.append(
            Pattern(
                np.flatnonzero(mask),
                int(rows.sum()),
                np.einsum("nap,nbq->abpq", xs, xs),
                np.einsum("nap,nb->abp", xs, ys),
                np.einsum("na,nb->ab", ys, ys),
            )
        )
    return found


def _factor(theta: Array, visits: int) -> Array:
    lower = np.zeros((visits, visits))
    lower[np.tril_indices(visits)] = theta
    diagonal = np.diag_indices(visits)
    lower[diagonal] = np.exp(lower[diagonal])
    return lower


def _gls(found: list[Pattern], sigma: Array) -> tuple[Array, Array, list[Array]]:
    inverses = [np.linalg.inv(sigma[np.ix_(p.seen, p.seen)]) for p in found]
    information = sum(np.einsum("ab,abpq->pq", a, p.xx) for a, p in zip(inverses, found, strict=True))
    score = sum(np.einsum("ab,abp->p", a, p.xy) for a, p in zip(inverses, found, strict=True))
    covariance = np.linalg.inv(information)
    return covariance @ score, covariance, inverses


def deviance(found: list[Pattern], sigma: Array) -> tuple[float, Array]:
    """Minus twice the restricted log-likelihood (without constants) and its gradient in the matrix sigma."""
    beta, covariance, inverses = _gls(found, sigma)
    gradient = np.zeros_like(sigma)
    value = -np.linalg.slogdet(covariance)[1]
    for inverse, p in zip(inverses, found, strict=True):
        xb = np.einsum("abp,p->ab", p.xy, beta)
        residual = p.yy - xb - xb.T + np.einsum("abpq,p,q->ab", p.xx, beta, beta)
        spent = np.einsum("abpq,pq->ab", p.xx, covariance)
        value += p.n * np.linalg.slogdet(sigma[np.ix_(p.seen, p.seen)])[1] + (inverse * residual).sum()
        gradient[np.ix_(p.seen, p.seen)] += p.n * inverse - inverse @ (residual + spent) @ inverse
    return float(value), gradient


@dataclass(frozen=True)
class Mmrm:
    """A fitted mixed model for repeated measures.

    Parameters
    ----------
    beta : ndarray, shape (q,)
    covariance : ndarray, shape (q, q)
        Of beta, model-based.
    sigma : ndarray, shape (visits, visits)
        Covariance of the residuals between visits.
    loglik : float
        Restricted log-likelihood with constants.
    arms : tuple of int
        Arms compared with arm 0; coefficient of arm k at visit v is `index(k, v)`.
    """

    beta: Array
    covariance: Array
    sigma: Array
    loglik: float
    arms: tuple[int, ...]
    groups: tuple[Pattern, ...]

    @property
    def visits(self) -> int:
        return len(self.sigma)

    def index(self, arm: int, visit: int) -> int:
        """Position in `beta` of the difference of this arm from control at this visit."""
        return (2 + self.arms.index(arm)) * self.visits + visit

    def contrast(self, weights: Array, df: str = "satterthwaite") -> Estimate:
        """Any linear combination of the coefficients.

        Parameters
        ----------
        weights : ndarray, shape (q,)
        df : str
            `satterthwaite` or `kenward-roger` (which also widens the standard error).
        """
        value = float(weights @ self.beta)
        variance = float(weights @ self.covariance @ weights)
        slope = np.array([weights @ d @ weights for d in self._sensitivity])
        if df == "satterthwaite":
            return Estimate(value, variance**0.5, float(2 * variance**2 / (slope @ self._observed @ slope)))
        if df == "kenward-roger":
            wide = float(weights @ self._adjusted @ weights)
            return Estimate(value, wide**0.5, float(2 * variance**2 / (slope @ self._expected @ slope)))
        raise InputError([f"degrees of freedom '{df}'; allowed: satterthwaite, kenward-roger"])

    def difference(self, arm: int, visit: int, df: str = "satterthwaite") -> Estimate:
        """Adjusted difference of an arm from control at a visit (counted from 0 or, negative, from the last)."""
        weights = np.zeros(len(self.beta))
        weights[self.index(arm, visit % self.visits)] = 1.0
        return self.contrast(weights, df)

    @cached_property
    def _units(self) -> list[Array]:
        """Derivative of sigma with respect to each of its distinct elements."""
        units: list[Array] = []
        for a, b in zip(*np.tril_indices(self.visits), strict=True):
            unit = np.zeros((self.visits, self.visits))
            unit[a, b] = unit[b, a] = 1.0
            units.append(unit)
        return units

    @cached_property
    def _inner(self) -> list[list[Array]]:
        """Per pattern, S^-1 (dS) S^-1 for every element of sigma."""
        rows = []
        for p in self.groups:
            at = np.ix_(p.seen, p.seen)
            inverse = np.linalg.inv(self.sigma[at])
            rows.append([inverse @ unit[at] @ inverse for unit in self._units])
        return rows

    @cached_property
    def _slopes(self) -> list[Array]:
        """P_k = -sum X' S^-1 (dS_k) S^-1 X."""
        return [
            -sum(
                np.einsum("ab,abpq->pq", inner[k], p.xx)
                for inner, p in zip(self._inner, self.groups, strict=True)
            )
            for k in range(len(self._units))
        ]

    @cached_property
    def _sensitivity(self) -> list[Array]:
        return [-self.covariance @ p @ self.covariance for p in self._slopes]

    @cached_property
    def _observed(self) -> Array:
        """Covariance of the elements of sigma from the observed information (differences of the gradient)."""
        lower = np.tril_indices(self.visits)
        scale = np.sqrt(np.diag(self.sigma))
        steps = STEP * (scale[lower[0]] * scale[lower[1]])

        def gradient(sigma: Array) -> Array:
            full = deviance(list(self.groups), sigma)[1]
            return np.array([(full * unit).sum() for unit in self._units])

        hessian = np.array(
            [
                (gradient(self.sigma + s * u) - gradient(self.sigma - s * u)) / (2 * s)
                for s, u in zip(steps, self._units, strict=True)
            ]
        )
        return 2 * np.linalg.inv((hessian + hessian.T) / 2)

    @cached_property
    def _products(self) -> Array:
        """Q_kl = sum X' S^-1 dS_k S^-1 dS_l S^-1 X, shape (k, l, q, q)."""
        size, q = len(self._units), len(self.beta)
        found = np.zeros((size, size, q, q))
        for p, inner in zip(self.groups, self._inner, strict=True):
            at = np.ix_(p.seen, p.seen)
            block = self.sigma[at]
            for k in range(size):
                for other in range(size):
                    found[k, other] += np.einsum("ab,abpq->pq", inner[k] @ block @ inner[other], p.xx)
        return found

    @cached_property
    def _expected(self) -> Array:
        """Covariance of the elements of sigma from the expected information."""
        size = len(self._units)
        information = np.zeros((size, size))
        for p, inner in zip(self.groups, self._inner, strict=True):
            block = self.sigma[np.ix_(p.seen, p.seen)]
            for k in range(size):
                for other in range(size):
                    information[k, other] += p.n * np.trace(inner[k] @ block @ inner[other] @ block)
        for k in range(size):
            for other in range(size):
                information[k, other] -= 2 * np.trace(self.covariance @ self._products[k, other])
                information[k, other] += np.trace(
                    self.covariance @ self._slopes[k] @ self.covariance @ self._slopes[other]
                )
        return 2 * np.linalg.inv(information)

    @cached_property
    def _adjusted(self) -> Array:
        """Covariance of beta widened for the estimation of sigma (linear covariance structure)."""
        size = len(self._units)
        middle = np.zeros_like(self.covariance)
        for k in range(size):
            for other in range(size):
                gap = self._products[k, other] - self._slopes[k] @ self.covariance @ self._slopes[other]
                middle += self._expected[k, other] * gap
        return self.covariance + 2 * self.covariance @ middle @ self.covariance


def design_matrix(
    baseline: Array, arm: NDArray[Any], visits: int, covariates: Array | None = None
) -> tuple[Array, tuple[int, ...]]:
    """Visit, visit x baseline and visit x arm columns, then covariates: shape (patients, visits, q)."""
    arm = np.asarray(arm, int)
    arms = tuple(int(a) for a in np.unique(arm) if a != 0)
    per_patient = [np.ones(len(arm)), baseline - np.mean(baseline), *((arm == a).astype(float) for a in arms)]
    blocks = [np.einsum("n,vw->nvw", column, np.eye(visits)) for column in per_patient]
    if covariates is not None:
        blocks.append(
            np.broadcast_to(
                np.asarray(covariates, float)[:, None, :], (len(arm), visits, np.shape(covariates)[1])
            )
        )
    return np.concatenate(blocks, axis=2), arms


def mmrm(change: Array, baseline: Array, arm: NDArray[Any], covariates: Array | None = None) -> Mmrm:
    """Fit change ~ visit + visit:baseline + visit:arm (+ covariates) with unstructured covariance by REML.

    Parameters
    ----------
    change : ndarray, shape (patients, visits)
        NaN where missing; patients never seen are left out.
    baseline : ndarray, shape (patients,)
    arm : ndarray of int, shape (patients,)
        0 is the control.
    covariates : ndarray, shape (patients, covariates), optional
        Main effects common to all visits.

    Raises
    ------
    InputError
        Too few patients for the model.
    SolverError
        The restricted likelihood has no maximum that could be found.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> arm = np.repeat([0, 1], 60)
    >>> noise = g.multivariate_normal([0, 0, 0], np.full((3, 3), 20.0) + 15 * np.eye(3), 120)
    >>> fit = mmrm(-5.0 - 3 * arm[:, None] + noise, g.normal(30, 4, 120), arm)
    >>> fit.difference(1, -1).value < 0
    True
    """
    change = np.asarray(change, float)
    known = np.isfinite(change).any(axis=1) & np.isfinite(baseline)
    change, baseline, arm = change[known], np.asarray(baseline, float)[known], np.asarray(arm, int)[known]
    covariates = None if covariates is None else np.asarray(covariates, float)[known]
    visits = change.shape[1]
    x, arms = design_matrix(baseline, arm, visits, covariates)
    per_visit = np.isfinite(change).sum(axis=0)
    if not (arm == 0).any() or not arms or per_visit.min() <= 2 + len(arms) + visits:
        raise InputError(
            [f"too few patients for an unstructured mixed model: {per_visit.min()} at one of {visits} visits"]
        )
    found = patterns(change, x)
    lower = np.tril_indices(visits)
    spread = np.nanstd(change, axis=0)
    start = (np.diag(spread**2) + np.outer(spread, spread)) / 2
    theta = np.linalg.cholesky(start)[lower]
    on_diagonal = lower[0] == lower[1]
    theta[on_diagonal] = np.log(theta[on_diagonal])

    def objective(theta: Array) -> tuple[float, Array]:
        factor = _factor(theta, visits)
        value, gradient = deviance(found, factor @ factor.T)
        slope = 2 * gradient @ factor
        slope[np.diag_indices(visits)] *= np.diag(factor)
        return value, slope[lower]

    result = optimize.minimize(
        objective, theta, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 500}
    )
    if not np.isfinite(result.fun) or np.abs(result.jac).max() > 1e-2:
        raise SolverError(f"the mixed model did not converge: {result.message}")
    factor = _factor(result.x, visits)
    sigma = factor @ factor.T
    beta, covariance, _ = _gls(found, sigma)
    free = np.isfinite(change).sum() - x.shape[2]
    loglik = -0.5 * (result.fun + free * np.log(2 * np.pi))
    return Mmrm(beta, covariance, sigma, float(loglik), arms, tuple(found))
