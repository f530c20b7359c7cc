"""What bounds the size and the length of treatment effects in the network."""

from __future__ import annotations

import numpy as np
import pytest

ILL = {"neuroplasticity.chi": np.array([0.82])}


def test_lasting_block_is_compensated_and_a_short_one_is_not(core, course, give, ketamine):
    outputs = ["glutamate_gaba.block_interneuron", "glutamate_gaba.fresh_block", "glutamate_gaba.pyramidal"]
    lasting = course(core, ILL, give({"GRIN1.block": 0.4}), [0.1, 21.0], outputs).values[0]
    assert lasting[1, 0] == pytest.approx(lasting[0, 0], abs=0.02)  # as blocked as before
    assert lasting[1, 1] < 0.02 * lasting[0, 1]
    assert lasting[1, 2] - 1 < 0.2 * (lasting[0, 2] - 1)
    once = course(core, ILL, ketamine(), [0.05, 7.0, 7.05], outputs).values[0]
    again = course(core, ILL, [*ketamine(), *ketamine(at=7 * 24.0)], [0.05, 7.0, 7.05], outputs).values[0]
    assert (
        again[2, 1] > 0.9 * once[0, 1]
    )  # a second infusion a week later finds the receptors as the first did


def test_potentiation_by_repeated_doses_has_a_ceiling(core, course, ketamine):
    doses = [d for day in range(0, 21, 2) for d in ketamine(at=24.0 * day)]
    one, many = (
        course(core, ILL, d, [1.0, 21.0], ["neuroplasticity.potentiation"]).values[0, :, 0]
        for d in (ketamine(), doses)
    )
    assert one[0] < many[1] < 3 * one[0]


def test_what_helps_adds_up_less_than_fully(full, course, give):
    outputs = ["symptoms.relief", "symptoms.relieved"]
    strong = give({"device.ect": 1.0, "psych.psychotherapy": 1.0, "lifestyle.sleep_deprivation": 1.0})
    relief, felt = course(full, ILL, strong, [14.0], outputs).values[0, 0]
    top = full.system.parameters["symptoms.relief_max"].value
    assert relief > top and 0.5 * top < felt < top
    little = course(full, ILL, give({"lifestyle.sleep_deprivation": 0.1}), [0.5], outputs).values[0, 0]
    assert little[1] == pytest.approx(little[0], rel=0.02)


def test_a_psychedelic_opens_a_window_only_with_enough_drive(core, course, give):
    def opened(level):
        doses = give({"HTR2A.agonism": level}) + give({"HTR2A.agonism": 0.0}, 6.0)
        outputs = ["neuroplasticity.window", "psychological_lifestyle.bias", "psychological_lifestyle.skills"]
        return course(core, ILL, doses, [0.0, 1.0, 15.0, 120.0], outputs).values[0]

    full_dose, weak = opened(0.3), opened(0.1)
    assert full_dose[1, 0] > 0.4 and weak[:, 0].max() < 1e-6
    assert full_dose[2, 0] == pytest.approx(full_dose[1, 0] * np.exp(-1), rel=0.02)  # two weeks
    assert full_dose[2, 1] < weak[2, 1] - 0.1
    assert full_dose[3, 2] > 0.4 * full_dose[2, 2] > 0.02  # what was learned outlasts the window


def test_only_extrasynaptic_modulators_reach_the_common_drive(core, course, give):
    outputs = ["glutamate_gaba.tonic", "symptoms.relief"]
    none, steroid, benzo = (
        course(core, ILL, give(p), [14.0], outputs).values[0, 0]
        for p in ({}, {"GABRD.pam": 0.5, "GABRA1.pam": 0.3}, {"GABRA1.pam": 0.5})
    )
    assert steroid[0] == pytest.approx(0.5, abs=0.02) and benzo[0] == 0
    assert steroid[1] > none[1] + 0.1 and benzo[1] == pytest.approx(none[1], abs=0.02)


def test_partial_d2_agonists_do_not_act_as_blockers(full, course, give):
    outputs = ["dopamine.signal", "dopamine.motivation"]
    partial, blocker = (
        course(full, ILL, give(p), [0.0, 21.0], outputs).values[0]
        for p in ({"DRD2.agonism": 0.24, "DRD2.antagonism": 0.71}, {"DRD2.antagonism": 0.71})
    )
    assert partial[1, 1] > partial[0, 1] and blocker[1, 0] < blocker[0, 0]


def test_kappa_antagonists_reach_anhedonia(full, course, give):
    none, blocked = (
        course(full, ILL, give(p), [7.0], ["symptoms.anhedonia"]).values[0, 0, 0]
        for p in ({}, {"OPRK1.antagonism": 0.9})
    )
    assert blocked < none
