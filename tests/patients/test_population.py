"""Populations: marginals, correlations, endotypes, genes."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.errors import InputError
from euthymia.patients.genes import list_ancestries, load_ancestry, sample_genes
from euthymia.patients.history import RUN_UP, stress_history
from euthymia.patients.population import list_populations, load_population, value_at

N = np.arange(20_000)


@pytest.mark.parametrize("name", list_populations())
def test_medians_bounds_and_correlations(name: str) -> None:
    population = load_population(name)
    values = population.sample(1, "t", N)
    for key, p in population.varying.items():
        x = values[key]
        assert x.min() >= p.spread.low and x.max() <= p.spread.high
        if p.spread.kind == "lognormal":
            assert np.median(x) == pytest.approx(p.value, rel=0.02)
            assert np.log(x).std() == pytest.approx(p.spread.sd, rel=0.1)
    for a, b, rho, _ in population.correlations:
        ranks = [np.argsort(np.argsort(values[k])) for k in (a, b)]
        spearman = 6 / np.pi * np.arcsin(rho / 2)  # of a Gaussian copula
        assert np.corrcoef(ranks)[0, 1] == pytest.approx(spearman, abs=0.03)


def test_endotypes_cut_off_their_share() -> None:
    population = load_population("mdd_outpatient")
    values = population.sample(1, "t", N)
    for endotype in population.endotypes:
        x = values[endotype.trait]
        z = {
            "above": x > np.quantile(x, 1 - endotype.share.value),
            "below": x < np.quantile(x, endotype.share.value),
        }
        assert z[endotype.side].mean() == pytest.approx(endotype.share.value, abs=0.01)
    assert (population.endotype_of(values) == "inflammatory").mean() == pytest.approx(0.27, abs=0.01)


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'mdd_outpatient'"):
        load_population("mdd_outpatien")
    with pytest.raises(InputError, match="did you mean 'european'"):
        load_ancestry("europian")


@pytest.mark.parametrize("name", list_ancestries())
def test_phenotypes_come_in_their_shares(name: str) -> None:
    words, scores = sample_genes(name, 1, "t", N)
    for enzyme, shares in load_ancestry(name).items():
        for word, p in shares.items():
            assert (words[enzyme] == word).mean() == pytest.approx(p.value, abs=0.012)
        assert (scores[enzyme][words[enzyme] == "PM"] == 0).all()


def test_stress_history_ends_with_the_trial() -> None:
    values = {
        "onset": np.array([1680.0, 9e9]),
        "peak": np.array([500.0, 9e9]),
        "load": np.ones(2),
        "after": np.full(2, 0.2),
    }
    first, second = stress_history(values)
    assert [d.time for d in first] == [RUN_UP - 1680, RUN_UP - 1180]
    assert [d.time for d in second] == [0.0, RUN_UP]
    assert [d.amount for d in first] == [1.0, 0.2]


def test_bounds_clip() -> None:
    p = load_population("mdd_outpatient").covariates["age"]
    assert value_at(p, np.array([-9.0, 9.0])).tolist() == [p.spread.low, p.spread.high]


def test_a_patient_has_the_same_traits_alone_and_among_others() -> None:
    """To the bit, over patients enough that a matrix product would round some of them otherwise."""
    population = load_population("mdd_outpatient")
    among = population.sample(11, "t", np.arange(64))
    for i in range(64):
        alone = population.sample(11, "t", np.array([i]))
        assert all(np.array_equal(alone[k], among[k][i : i + 1]) for k in among), i
