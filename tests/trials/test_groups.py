"""Population readouts: means of groups are given, one patient's value is refused; age reaches the network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from euthymia.errors import InputError
from euthymia.patients.population import load_population
from euthymia.protocol.protocol import Arm, Protocol, Treatment
from euthymia.trials import groups
from euthymia.trials.groups import group_course, population_only
from euthymia.trials.single import rerun_patient, simulate_patient

YEAR = 8766.0  # h
PROTOCOL = Protocol(
    "young", "4 weeks", "mdd_outpatient",
    (
        Arm("placebo", 5, (Treatment("placebo", every="24 h"),), control=True),
        Arm("escitalopram", 5, (Treatment("escitalopram", "20 mg", every="24 h"),)),
    ),
    seed=11, include=("madrs >= 22", "age < 25 years"), profile="full",
)  # fmt: skip
ASKED = ("safety.suicidality", "safety.activation")


def test_suicidality_is_the_only_population_readout():
    assert population_only() == {"safety.suicidality", "symptoms.suicidality"}


@pytest.mark.parametrize("output", sorted(population_only()))
def test_one_patient_is_refused(output, tmp_path):
    for ask in (
        lambda: simulate_patient(PROTOCOL, 0, "escitalopram", outputs=(output,)),
        lambda: rerun_patient(tmp_path, 0, outputs=("symptoms.madrs", output)),
    ):
        with pytest.raises(
            InputError, match=rf"'{output}' is a readout of populations and is refused for one patient"
        ):
            ask()


def test_one_patient_may_be_asked_for_other_outputs():
    course = simulate_patient(PROTOCOL, 0, "placebo", outputs=("safety.activation",))
    assert course.values[:, course.outputs.index("safety.activation")] == pytest.approx(1.0)


def test_small_groups_and_unknown_names_are_refused():
    with pytest.raises(InputError, match="a group has at least 50"):
        group_course(PROTOCOL, "placebo", ASKED, patients=1)
    with pytest.raises(InputError, match="no arm 'drug'; the arms are: placebo, escitalopram"):
        group_course(PROTOCOL, "drug", ASKED)
    with pytest.raises(InputError, match="no output 'safety.suicidalty'.*safety.suicidality"):
        group_course(PROTOCOL, "placebo", ("safety.suicidalty",), patients=50)


@pytest.fixture(scope="module")
def means():
    found = {}
    for who, asked in (("young", "age < 25 years"), ("older", "age >= 25 years")):
        protocol = dataclasses.replace(PROTOCOL, include=("madrs >= 22", asked))
        for arm in ("placebo", "escitalopram"):
            found[who, arm] = group_course(protocol, arm, ASKED, patients=50, threads=1)
    return found


def test_activation_in_the_young_follows_from_age(means):
    """Odds ratio of suicidality on drug 1.62 (0.97 to 2.71) below 25 years, 0.79 (0.64 to 0.98) at 25 to 64 (Stone
    2009, whole trials); the rise is early, so the mean of four weeks is compared.  Older means here: the population's
    25 to 65."""
    ratio = {}
    for who in ("young", "older"):
        drug, none = (means[who, a].mean[1:, 0] for a in ("escitalopram", "placebo"))
        odds = (drug / (1 - drug)) / (none / (1 - none))
        ratio[who] = odds.mean()
    assert 1.1 < ratio["young"] < 2.71 and 0.64 < ratio["older"] < 0.99, ratio
    assert means["young", "escitalopram"].mean[1, 1] > 1.2
    assert means["older", "escitalopram"].mean[:, 1] == pytest.approx(1.0)


def test_covariates_reach_the_network():
    population = load_population("mdd_outpatient")
    values = {"age": np.array([20 * YEAR, 40 * YEAR]), "ions.zinc_status": np.ones(2)}
    assert population.network_values(values, {"safety.age"}).keys() == {"safety.age"}
    assert population.network_values(values, {"safety.age", "ions.zinc_status"})["safety.age"][0] == 20 * YEAR
    assert groups.LEAST >= 50
