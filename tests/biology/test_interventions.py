"""Treatments that are no drugs act in their direction, with their known order and time course."""

import numpy as np
import pytest

from euthymia.biology.interventions import intervention_names, load_intervention
from euthymia.errors import InputError

MADRS = "symptoms.madrs"
ILL = {"neuroplasticity.chi": 0.85}
HELPING = ["ect", "mst", "rtms", "tdcs", "vns", "dbs", "psychotherapy", "exercise", "probiotics", "light"]


@pytest.fixture(scope="module")
def effects(full, course):
    days = [3, 21, 84]
    none = course(full, ILL, [], days, [MADRS, "neurostimulation.memory"]).values[0]
    return {
        name: none
        - course(
            full, ILL, load_intervention(name).doses(0.0), days, [MADRS, "neurostimulation.memory"]
        ).values[0]
        for name in HELPING
    }


@pytest.mark.parametrize("name", HELPING)
def test_it_helps(name, effects):
    """By more than a thousandth of a point: the solver's error is 1e-5."""
    assert effects[name][:, 0].max() > 1e-3


def test_light_gains_about_as_much_as_a_drug(full, course):
    """Effect sizes like those of drugs (Golden 2005), over five weeks 0.2 to 0.8 with a standard deviation of 9."""
    none, given = (
        course(full, ILL, d, [35.0], [MADRS]).values[0, 0, 0]
        for d in ([], load_intervention("light").doses(0.0))
    )
    assert 0.2 < (none - given) / 9 < 0.8


def test_convulsive_treatment_is_strongest_at_three_weeks(effects):
    at3 = {k: v[1, 0] for k, v in effects.items()}
    assert max(at3, key=at3.get) in ("ect", "mst")
    assert at3["ect"] > at3["rtms"] > at3["probiotics"]


def test_ect_impairs_memory_more_than_magnetic_seizures_and_it_recovers(effects):
    ect, mst = -effects["ect"][:, 1], -effects["mst"][:, 1]
    assert ect[1] > mst[1] > 0 and ect[2] < 0.2 * ect[1]


def test_implanted_methods_are_slow(effects):
    for name in ("vns", "dbs"):
        assert effects[name][2, 0] > 3 * max(effects[name][0, 0], 0)


def test_sleep_deprivation_helps_for_a_day_and_relapses(full, course):
    doses = load_intervention("sleep_deprivation").doses(0.0)
    days = [1.5, 5.0]
    none, given = (course(full, ILL, d, days, [MADRS]).values[0, :, 0] for d in ([], doses))
    gain = none - given
    assert gain[0] > 5 and gain[1] < 0.3 * gain[0]


def test_sessions_lie_on_their_weekdays():
    spans = load_intervention("ect").spans(0.0)
    assert len(spans) == 9
    assert {int(b // 24) % 7 for b, _ in spans} == {0, 2, 4}
    assert np.allclose([e - b for b, e in spans], 1.0)


def test_every_intervention_sets_ports_that_the_network_reads(full):
    for name in intervention_names():
        assert set(load_intervention(name).ports) <= set(full.inputs), name


def test_an_unknown_intervention_offers_the_nearest_name():
    with pytest.raises(InputError, match="did you mean 'rtms'"):
        load_intervention("rtm")
