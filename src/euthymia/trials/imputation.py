"""Multiple imputation of visits after dropout: missing at random and reference-based.

In: change at every visit (NaN where missing), baseline, arm.  Out: imputed data sets and the pooled
difference. Assumed: normal errors with one covariance for all arms; the covariance and means are drawn from
an approximate posterior (bootstrap of patients, then the mixed model) before each imputation.

Strategies for the missing visits of an active patient, given the visits seen:
`mar` own arm's means; `j2r` jump to the control means; `cir` copy increments in control from the last visit
seen; `cr` copy control throughout.

References: carpenter2013analysis, rubin1987multiple
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError, nearest
from euthymia.trials.mmrm import Mmrm, mmrm
from euthymia.trials.statistics import Estimate, ancova

Array = NDArray[np.float64]
STRATEGIES = ("mar", "j2r", "cir", "cr")


def expected(own: Array, control: Array, last: int, strategy: str) -> Array:
    """Means of all visits that the imputation is conditional on, shape (visits,).

    Parameters
    ----------
    own, control : ndarray, shape (visits,)
        Means of the patient's arm and of the control arm, at this patient's baseline.
    last : int
        Last visit seen, -1 for none.

    Examples
    --------
    >>> expected(np.array([-2.0, -6.0, -9.0]), np.array([-1.0, -3.0, -5.0]), 0, "cir").tolist()
    [-2.0, -4.0, -6.0]
    """
    after = np.arange(len(own)) > last
    if strategy == "mar":
        return own
    if strategy == "cr":
        return control
    if strategy == "j2r":
        return np.where(after, control, own)
    if strategy == "cir":
        shift = own[last] - control[last] if last >= 0 else 0.0
        return np.where(after, control + shift, own)
    hint = nearest(strategy, STRATEGIES)
    raise InputError([f"strategy '{strategy}'{hint}; allowed: {', '.join(STRATEGIES)}"])


def impute(
    fit: Mmrm,
    change: Array,
    baseline: Array,
    arm: NDArray[np.int64],
    strategy: str,
    normals: Array,
    centre: float,
) -> Array:
    """One completed data set from one draw of the model.

    Parameters
    ----------
    fit : Mmrm
    change : ndarray, shape (patients, visits), NaN where missing
    normals : ndarray, shape (patients, visits)
    centre : float
        Baseline mean the fit was centred on.
    """
    visits = change.shape[1]
    own = np.empty_like(change)
    x_control = fit.beta[:visits][None] + (baseline - centre)[:, None] * fit.beta[visits : 2 * visits][None]
    own[:] = x_control
    for k in fit.arms:
        first = fit.index(k, 0)
        own[arm == k] += fit.beta[first : first + visits]
    done = change.copy()
    for i in np.flatnonzero(np.isnan(change).any(axis=1)):
        seen = np.flatnonzero(np.isfinite(change[i]))
        gone = np.flatnonzero(np.isnan(change[i]))
        last = int(seen[-1]) if len(seen) else -1
        kind = strategy if arm[i] else "mar"
        # visits missed before the last one seen are missing at random under every strategy
        mean = expected(own[i], x_control[i], last, kind)
        s_gg = fit.sigma[np.ix_(gone, gone)]
        if len(seen):
            s_gs = fit.sigma[np.ix_(gone, seen)]
            slope = np.linalg.solve(fit.sigma[np.ix_(seen, seen)], s_gs.T).T
            location = mean[gone] + slope @ (change[i, seen] - mean[seen])
            s_gg = s_gg - slope @ s_gs.T
        else:
            location = mean[gone]
        done[i, gone] = location + np.linalg.cholesky(s_gg) @ normals[i, : len(gone)]
    return done


def pool(estimates: list[Estimate]) -> Estimate:
    """Pool over imputed data sets, with small-sample degrees of freedom.

    total variance = mean of variances + (1 + 1/m) variance of estimates

    Examples
    --------
    >>> pooled = pool([Estimate(-2.0, 1.0, 100), Estimate(-2.0, 1.0, 100)])
    >>> pooled.value, pooled.se
    (-2.0, 1.0)
    """
    values = np.array([e.value for e in estimates])
    m, within = len(values), float(np.mean([e.se**2 for e in estimates]))
    between = float(values.var(ddof=1)) * (1 + 1 / m)
    total = within + between
    complete = estimates[0].df
    if between == 0:
        return Estimate(float(values.mean()), total**0.5, complete)
    share = between / total
    old = (m - 1) / share**2
    observed = (complete + 1) / (complete + 3) * complete * (1 - share) if np.isfinite(complete) else np.inf
    df = 1 / (1 / old + (1 / observed if np.isfinite(observed) else 0.0))
    return Estimate(float(values.mean()), total**0.5, df)


def multiple_imputation(
    change: Array,
    baseline: Array,
    arm: NDArray[np.int64],
    strategy: str = "mar",
    imputations: int = 50,
    seed: int = 1,
) -> dict[int, Estimate]:
    """Difference of every arm from control at the last visit, analysis of covariance, pooled.

    Raises
    ------
    InputError
        Unknown strategy, or too few patients.
    """
    if strategy not in STRATEGIES:
        expected(np.zeros(1), np.zeros(1), 0, strategy)
    change, baseline, arm = np.asarray(change, float), np.asarray(baseline, float), np.asarray(arm, int)
    g = np.random.default_rng(seed)
    found: dict[int, list[Estimate]] = {}
    for _ in range(imputations):
        pick = np.concatenate([g.choice(np.flatnonzero(arm == a), (arm == a).sum()) for a in np.unique(arm)])
        fit = mmrm(change[pick], baseline[pick], arm[pick])
        seen = np.isfinite(change[pick]).any(axis=1)
        normals, centre = g.standard_normal(change.shape), float(baseline[pick][seen].mean())
        done = impute(fit, change, baseline, arm, strategy, normals, centre)
        for k, estimate in ancova(done[:, -1], baseline, arm).items():
            found.setdefault(k, []).append(estimate)
    return {k: pool(v) for k, v in found.items()}
