"""The mixed model against a likelihood written differently, an exact special case, and published numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import linalg, optimize, stats

from euthymia.errors import InputError
from euthymia.trials.mmrm import design_matrix, mmrm
from euthymia.trials.statistics import ancova


@pytest.fixture(scope="module")
def individual(shared):
    data = pl.read_csv(shared / "data/antidepressant_trial_hamd17_ipd/antidepressant_trial_hamd17.csv")
    wide = data.pivot(on="VISIT", index=["PATIENT", "THERAPY", "BASVAL"], values="CHANGE").sort("PATIENT")
    change = wide.select(["4", "5", "6", "7"]).to_numpy().astype(float)
    return change, wide["BASVAL"].to_numpy().astype(float), (wide["THERAPY"] == "DRUG").to_numpy().astype(int)


def error_contrast_reml(y, x, visits_of, subject, visits):
    """REML as the density of error contrasts K'y, K spanning the complement of X; correlation-and-SD
    parameters, derivative-free polish; then generalised least squares by statsmodels."""
    import statsmodels.api as sm

    basis = linalg.null_space(x.T)
    contrasts = basis.T @ y
    same = subject[:, None] == subject[None, :]

    def big(theta):
        sd = np.exp(theta[:visits])
        corr = np.eye(visits)
        lower = np.eye(visits)
        lower[np.tril_indices(visits, -1)] = theta[visits:]
        lower /= np.linalg.norm(lower, axis=1, keepdims=True)
        corr = lower @ lower.T
        sigma = corr * np.outer(sd, sd)
        return np.where(same, sigma[np.ix_(visits_of, visits_of)], 0.0), sigma

    def minus(theta):
        factor = np.linalg.cholesky(basis.T @ big(theta)[0] @ basis)
        half = linalg.solve_triangular(factor, contrasts, lower=True)
        return np.log(np.diag(factor)).sum() + 0.5 * half @ half

    start = np.concatenate([np.log(np.full(visits, y.std())), np.full(visits * (visits - 1) // 2, 0.4)])
    best = optimize.minimize(minus, start, method="BFGS", options={"gtol": 1e-5})
    v, sigma = big(best.x)
    fit = sm.GLS(y, x, sigma=v).fit()
    covariance = np.linalg.inv(x.T @ np.linalg.solve(v, x))
    return fit.params, np.sqrt(np.diag(covariance)), sigma


def test_estimates_and_errors_agree_with_an_independent_likelihood(individual):
    """Forty patients and the last three visits, which keeps this short; all of them in `verification/`."""
    change, baseline, arm = individual[0][:40, 1:], individual[1][:40], individual[2][:40]
    fit = mmrm(change, baseline, arm)
    seen = np.isfinite(change).any(axis=1)
    change, baseline, arm = change[seen], baseline[seen], arm[seen]
    x, _ = design_matrix(baseline, arm, 3)
    there = np.isfinite(change)
    subject, visit = np.nonzero(there)
    beta, se, sigma = error_contrast_reml(change[there], x[there], visit, subject, 3)
    for v in range(3):
        k = fit.index(1, v)
        found = fit.difference(1, v)
        assert found.value == pytest.approx(beta[k], rel=1e-3)
        assert found.se == pytest.approx(se[k], rel=1e-3)
    np.testing.assert_allclose(fit.sigma, sigma, rtol=2e-3)


def test_complete_balanced_data_give_the_exact_two_sample_answer():
    """Without missing data or baseline slope the MMRM at one visit is the t test: estimate, error, n - 2 df."""
    g = np.random.default_rng(1)
    n = 40
    arm = np.repeat([0, 1], n // 2)
    y = g.multivariate_normal(np.zeros(3), np.full((3, 3), 10.0) + 8 * np.eye(3), n) - 2.0 * arm[:, None]
    base = np.tile([-1.0, 1.0], n // 2)  # orthogonal to arm
    fit = mmrm(y, base, arm)
    by_ancova = ancova(y[:, 2], base, arm)[1]
    for df in ("satterthwaite", "kenward-roger"):
        found = fit.difference(1, 2, df)
        assert found.value == pytest.approx(by_ancova.value, rel=1e-6)
        assert found.se == pytest.approx(by_ancova.se, rel=1e-4)
        assert found.df == pytest.approx(n - 3, rel=5e-3)


def test_degrees_of_freedom_hold_the_error_rate_in_small_trials():
    """150 null trials of 2 x 14 patients with dropout: rejections compatible with 5 % (binomial test, 0.1 %)."""
    g = np.random.default_rng(7)
    arm = np.repeat([0, 1], 14)
    rejected = []
    for _ in range(150):
        y = g.multivariate_normal(np.zeros(3), np.full((3, 3), 12.0) + 6 * np.eye(3), 28)
        y[g.random(28) < 0.2, 2] = np.nan
        rejected.append(mmrm(y, g.normal(0, 1, 28), arm).difference(1, 2, "kenward-roger").p < 0.05)
    assert stats.binomtest(int(np.sum(rejected)), 150, 0.05).pvalue > 0.001


def test_too_few_patients_is_said(individual):
    change, baseline, arm = individual
    with pytest.raises(InputError, match="too few"):
        mmrm(change[:8], baseline[:8], arm[:8])
