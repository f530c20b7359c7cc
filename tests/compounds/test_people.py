"""Chance between volunteers and patients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from euthymia.compounds.compound import load_compound
from euthymia.compounds.course import Treatment, simulate_course
from euthymia.compounds.errors_by_class import share_inside
from euthymia.compounds.exposure import area
from euthymia.compounds.genotype import enzyme_numbers
from euthymia.compounds.individual import individual_parameters, variable_parameters
from euthymia.compounds.people import are_volunteers, draw_covariates, draw_people, sample_variation

N = 3000
TIMES = np.concatenate([[0.0], np.geomspace(0.05, 3000, 160)])


def areas(name: str, volunteers: bool) -> dict[str, np.ndarray]:
    """log AUC of every analyte after one dose."""
    drug = load_compound(name)
    draws, override = draw_people(drug, "oral", N, np.random.default_rng(3), volunteers)
    given = [Treatment(drug, 10, 0, 0, 3000)]
    found = simulate_course(given, TIMES, draws=draws, override=override, n=N, rtol=1e-4)
    return {k: np.log([area(TIMES, row) for row in v]) for k, v in found.levels.items()}


@pytest.mark.parametrize("volunteers", [False, True])
def test_the_area_of_a_linear_drug_varies_as_its_oral_clearance(volunteers):
    """Splitting the variance between clearance and bioavailability leaves that of the area as it was."""
    share = enzyme_numbers()["groups.volunteers"].value if volunteers else 1.0
    sd = variable_parameters([load_compound("olanzapine")])["olanzapine.CL"].sd
    assert areas("olanzapine", volunteers)["olanzapine"].std() == pytest.approx(share * sd, rel=0.05)


def test_bioavailability_does_not_move_the_product_of_the_first_pass():
    """Area of a product made from all of the dose depends on its own clearance alone."""
    drug = load_compound("sertraline")
    sd = variable_parameters([drug])["sertraline.norsertraline.CL"].sd
    assert areas("sertraline", False)["sertraline.norsertraline"].std() == pytest.approx(sd, rel=0.1)


def test_words_tell_volunteers_from_patients():
    assert are_volunteers("healthy volunteers, n=24", single=False)
    assert are_volunteers("", single=True)
    assert not are_volunteers("inpatients", single=True)
    assert not are_volunteers("n=192", single=False)


def test_a_small_study_of_a_skewed_level_finds_less_variation():
    """Few people have the high levels: half of the studies of 12 miss most of the variance."""
    rng = np.random.default_rng(5)
    values = np.exp(rng.standard_normal(20000))
    (everyone,) = sample_variation(values, 0, rng)
    assert everyone == pytest.approx(np.sqrt(np.e - 1), rel=0.05)
    assert np.median(sample_variation(values, 12, rng)) < 0.8 * everyone
    steady = 10 + rng.standard_normal(20000)  # not skewed: nothing is missed but the noise of a small sample
    assert np.median(sample_variation(steady, 100, rng)) == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize("size", [6, 12, 24, 100])
def test_what_sampling_alone_leaves_follows_the_chi_distribution(size):
    """A level that is nearly normal: the standard deviation of n people is the true one times chi/sqrt(n - 1)."""
    rng = np.random.default_rng(7)
    found = np.concatenate(
        [sample_variation(1 + 0.02 * rng.standard_normal(20000), size, rng) for _ in range(10)]
    )
    free = size - 1
    middle = math.sqrt(chi2.median(free))
    low, high = (middle / bound for bound in (4 / 3, 0.75))
    expected = chi2.cdf(high**2, free) - chi2.cdf(low**2, free)
    assert share_inside(float(np.median(found)), found) == pytest.approx(expected, abs=0.03)


def test_covariates_keep_what_is_said_of_a_group():
    found = draw_covariates(
        {"weight": 60.0, "age": 72.0, "smoker": 1.0}, "female", N, np.random.default_rng(1), False
    )
    assert np.median(found["weight"]) == pytest.approx(60, rel=0.02)
    assert found["age"].mean() == pytest.approx(72, abs=1.5)
    assert (found["sex"] == "female").all() and (found["smoker"] == 1).all()
    young = draw_covariates({}, "", N, np.random.default_rng(1), True)
    assert young["smoker"].sum() == 0 and young["age"].mean() < 30


def test_enantiomers_of_a_mixture_vary_together():
    draws, _ = draw_people(load_compound("ketamine"), "intravenous", 50, np.random.default_rng(1), False)
    assert (draws["ketamine.esketamine.CL"] == draws["ketamine.arketamine.CL"]).all()


def test_outer_volumes_follow_the_first_and_flows_vary_alone():
    """A file without a spread of V2 and Q2 (escitalopram): V2/V stays, the flow takes the volume's spread."""
    drug = load_compound("escitalopram")
    assert not drug.parameters["V2"].spread.sd
    ids = variable_parameters([drug])
    assert "escitalopram.V2" not in ids
    assert ids["escitalopram.Q2"] == drug.parameters["V"].spread
    rng = np.random.default_rng(3)
    draws = {k: rng.standard_normal(N) for k in ("escitalopram.V", "escitalopram.Q2")}
    values = individual_parameters([drug], {}, draws)
    ratio = values["escitalopram.V2"] / values["escitalopram.V"]
    assert ratio == pytest.approx(drug.value("V2") / drug.value("V"))
    flow = np.log(values["escitalopram.Q2"])
    assert flow.std() == pytest.approx(drug.parameters["V"].spread.sd, rel=0.05)
    assert abs(np.corrcoef(flow, np.log(values["escitalopram.V"]))[0, 1]) < 0.1


def test_a_saturated_enzyme_spreads_the_level_less_than_the_clearance():
    """Fluvoxamine: beyond saturation the level follows what is not saturated, so that an enzyme matters less."""
    drug = load_compound("fluvoxamine")
    times = np.array([0.0, 1199.0, 1200.0])
    dose = [Treatment(drug, 100, 12, 0, 1200)]

    def response(id_: str, sd: float) -> float:
        draws = {id_: np.array([0.0, 0.01 / sd])}
        level = simulate_course(dose, times, {}, draws=draws, n=2).mass("fluvoxamine")[:, -1]
        return -float(np.log(level[1] / level[0])) / 0.01

    spreads = variable_parameters([drug])
    enzyme = response("fluvoxamine.CYP1A2.function", spreads["fluvoxamine.CYP1A2.function"].sd)
    whole = response("fluvoxamine.CL", spreads["fluvoxamine.CL"].sd)
    assert 0 < enzyme < 0.5 * whole
