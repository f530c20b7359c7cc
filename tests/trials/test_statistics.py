"""Trial statistics against closed forms, statsmodels and published tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from euthymia.errors import InputError
from euthymia.trials import imputation, power, responders, sequential
from euthymia.trials.mmrm import mmrm
from euthymia.trials.statistics import Estimate, ancova


@pytest.fixture(scope="module")
def individual(shared):
    data = pl.read_csv(shared / "data/antidepressant_trial_hamd17_ipd/antidepressant_trial_hamd17.csv")
    wide = data.pivot(on="VISIT", index=["PATIENT", "THERAPY", "BASVAL"], values="CHANGE").sort("PATIENT")
    change = wide.select(["4", "5", "6", "7"]).to_numpy().astype(float)
    return change, wide["BASVAL"].to_numpy().astype(float), (wide["THERAPY"] == "DRUG").to_numpy().astype(int)


def test_ancova_equals_statsmodels(individual):
    change, baseline, arm = individual
    seen = np.isfinite(change[:, -1])
    fit = sm.OLS(change[seen, -1], np.column_stack([np.ones(seen.sum()), baseline[seen], arm[seen]])).fit()
    found = ancova(change[:, -1], baseline, arm)[1]
    assert found.value == pytest.approx(fit.params[2], rel=1e-9)
    assert found.se == pytest.approx(fit.bse[2], rel=1e-9)
    assert found.p == pytest.approx(fit.pvalues[2], rel=1e-7)
    assert found.interval() == pytest.approx(fit.conf_int()[2], rel=1e-9)


def test_ancova_without_control_is_refused():
    with pytest.raises(InputError, match="too few"):
        ancova(np.ones(3), np.ones(3), np.ones(3, int))


def test_obrien_fleming_and_pocock_bounds_match_the_published_tables():
    """Lan-DeMets bounds for five equal looks, two-sided 0.05, as tabulated by Reboussin et al. 2000."""
    five = np.arange(1, 6) / 5
    np.testing.assert_allclose(
        sequential.boundaries(five), [4.8769, 3.3569, 2.6803, 2.2898, 2.0310], atol=2e-3
    )
    np.testing.assert_allclose(
        sequential.boundaries(five, kind="pocock"), [2.4380, 2.4268, 2.4101, 2.3966, 2.3859], atol=2e-3
    )


@pytest.mark.parametrize(
    ("looks", "pocock", "fleming"), [(2, 2.178, 1.977), (3, 2.289, 2.004), (5, 2.413, 2.040)]
)
def test_classical_bounds_match_the_published_constants(looks, pocock, fleming):
    """Constants for equal looks, two-sided 0.05, as tabulated by Jennison and Turnbull 2000; the last one is printed."""
    times = np.arange(1, looks + 1) / looks
    flat = sequential.boundaries(times, kind="pocock_classical")
    falling = sequential.boundaries(times, kind="obrien_fleming_classical")
    np.testing.assert_allclose(flat, pocock, atol=1e-3)
    np.testing.assert_allclose(falling, fleming * np.sqrt(looks / np.arange(1, looks + 1)), rtol=1e-3)


def test_sequential_power_agrees_with_simulation():
    looks = np.array([0.5, 1.0])
    bounds = sequential.boundaries(looks)
    g = np.random.default_rng(1)
    steps = g.standard_normal((200000, 2)) * np.sqrt([0.5, 0.5]) + 2.8 * 0.5
    z = np.cumsum(steps, axis=1) / np.sqrt(looks)
    crossed = (np.abs(z) > bounds).any(axis=1).mean()
    assert abs(sequential.crossing(looks, bounds, 2.8).sum() - crossed) < 0.004


def test_rates_against_hand_calculation():
    yes = np.repeat([True, False, True, False], [40, 60, 25, 75])
    found = responders.rates(yes, np.repeat([1, 0], 100))[1]
    assert found.log_ratio.value == pytest.approx(np.log(40 / 25))
    assert found.log_ratio.se == pytest.approx(np.sqrt(1 / 40 - 1 / 100 + 1 / 25 - 1 / 100))
    assert found.log_odds.value == pytest.approx(np.log(40 * 75 / (25 * 60)))
    assert found.needed_to_treat == pytest.approx(1 / 0.15)


def test_pooling_against_the_closed_form():
    parts = [Estimate(v, 1.0) for v in (-1.0, -2.0, -3.0)]
    pooled = imputation.pool(parts)
    assert pooled.value == -2.0
    assert pooled.se == pytest.approx(np.sqrt(1 + 4 / 3))
    assert pooled.df == pytest.approx(2 * (1 + 1 / (4 / 3)) ** 2)


def test_imputation_at_random_agrees_with_the_mixed_model_and_reference_based_shrinks(individual):
    change, baseline, arm = individual
    fit = mmrm(change, baseline, arm).difference(1, -1)
    at_random = imputation.multiple_imputation(change, baseline, arm, "mar", 20)[1]
    jump = imputation.multiple_imputation(change, baseline, arm, "j2r", 20)[1]
    copy = imputation.multiple_imputation(change, baseline, arm, "cir", 20)[1]
    assert abs(at_random.value - fit.value) < 0.35 * fit.se
    assert abs(at_random.se / fit.se - 1) < 0.2
    assert at_random.value < copy.value < jump.value < 0


def test_expected_means_of_every_strategy():
    own, control = np.array([-2.0, -6.0, -9.0]), np.array([-1.0, -3.0, -5.0])
    assert imputation.expected(own, control, 1, "j2r").tolist() == [-2, -6, -5]
    assert imputation.expected(own, control, 1, "cir").tolist() == [-2, -6, -8]
    assert imputation.expected(own, control, 1, "cr").tolist() == control.tolist()
    with pytest.raises(InputError, match="did you mean 'j2r'"):
        imputation.expected(own, control, 1, "j2rr")


def test_sample_size_agrees_with_statsmodels():
    from statsmodels.stats.power import TTestIndPower

    for effect in (0.3, 0.5, 0.8):
        expected = TTestIndPower().solve_power(effect, power=0.8, alpha=0.05)
        assert power.sample_size(-effect, 1.0) == int(np.ceil(expected))


def test_chance_of_success_with_uncertainty_is_the_mean_over_samples():
    g = np.random.default_rng(3)
    direct = power.chance_of_success(-2.5, 1.1, uncertainty=1.5)
    sampled = power.chance_of_success(-2.5 + 1.5 * g.standard_normal(200000), 1.1)
    assert abs(direct - sampled) < 0.004


def test_characteristics_of_correct_estimates():
    g = np.random.default_rng(4)
    found = power.characteristics(-3 + 1.0 * g.standard_normal(20000), np.ones(20000), -3.0)
    assert abs(found.coverage - 0.95) < 0.006
    assert abs(found.power - power.chance_of_success(-3.0, 1.0)) < 0.01
    assert found.exaggeration > 1
