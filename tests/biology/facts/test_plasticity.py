"""Facts on glutamate, TrkB, mTORC1, spines and rapid treatment."""

import numpy as np
import pytest

from euthymia.biology import build_network
from euthymia.engine import Dose, Events
from euthymia.engine.solve import solve

MADRS = "symptoms.madrs"
VULNERABLE = {"neuroplasticity.chi": 0.85}


@pytest.fixture(scope="module")
def infused(core, course, ketamine):
    """One infusion in a patient: hours and outputs, and the same without infusion."""
    hours = np.r_[0:6:0.1, 6:72:1.0, 72 : 14 * 24 : 12.0]
    outputs = [
        "glutamate_gaba.pyramidal", "neuroplasticity.erk", "neuroplasticity.mtor", "neuroplasticity.protein",
        "neuroplasticity.nascent", "neuroplasticity.spines",
    ]  # fmt: skip
    with_ = course(core, VULNERABLE, ketamine(), hours / 24, outputs).values[0]
    return (
        hours,
        dict(zip(outputs, with_.T, strict=True)),
        course(core, VULNERABLE, [], hours / 24, outputs).values[0],
    )


def peak(infused, output):
    hours, values, _ = infused
    return float(hours[np.argmax(values[output])])


def test_order_of_signals_after_one_infusion(infused):
    """Excitation within 0.5 to 1.5 h and gone by hours; mTOR by 0.5 to 3 h; protein 2 to 72 h; spines by 12 to 48 h."""
    assert 0.4 < peak(infused, "glutamate_gaba.pyramidal") < 1.6
    assert 0.5 < peak(infused, "neuroplasticity.mtor") < 3
    assert 2 < peak(infused, "neuroplasticity.protein") < 72
    assert 12 < peak(infused, "neuroplasticity.nascent") < 48


def test_fact_10_spine_density_is_up_for_up_to_two_weeks(infused):
    hours, values, none = infused
    gain = values["neuroplasticity.spines"] - none[:, 5]
    assert gain[hours == 24.0][0] > 0
    assert gain[-1] > 0.2 * gain.max() and gain[hours < 2].max() < 0.3 * gain.max()


def test_fact_11_only_the_late_effect_needs_new_synapses(core, course, ketamine):
    """Early effect independent of spine formation, late effect dependent on it."""
    names = list(core.system.state_names)
    ill = dict(zip(names, course(core, VULNERABLE, [], [0.0], names).values[0, 0], strict=True))
    hours = np.array([2.0, 168.0])
    effect = {}
    for name, block in (
        ("free", {}),
        ("blocked", {"neuroplasticity.formation_power": 0.0, "neuroplasticity.k_potentiation": 0.0}),
    ):
        patient = {**VULNERABLE, **block}
        runs = []
        for extra in ([], ketamine()):
            events = Events([[Dose(0.0, "stress.load", 0.35, "set"), *extra]], np.zeros(1, int))
            runs.append(
                solve(core.system, 1, patient, events, hours, [MADRS], initial=ill, start=0.0).values[0, :, 0]
            )
        effect[name] = runs[0] - runs[1]
    assert effect["blocked"][0] > 0.5 * effect["free"][0]
    assert effect["blocked"][1] < 0.25 * effect["free"][1]


def test_fact_12_mtor_block_abolishes_the_synaptic_effect(core, course, ketamine, give):
    doses = sorted(
        give({"MTOR.inhibition": 0.95}, -0.5) + ketamine() + give({"MTOR.inhibition": 0.0}, 24),
        key=lambda d: d.time,
    )
    outputs = ["neuroplasticity.potentiation", "neuroplasticity.nascent"]
    none, free, blocked = (
        course(core, VULNERABLE, d, [1.0], outputs).values[0, 0] for d in ([], ketamine(), doses)
    )
    assert np.all(blocked - none < 0.1 * (free - none)) and np.all(free > none)


def test_excitation_is_an_inverted_u_of_dose(core, course, give):
    levels = [0.1, 0.45, 0.97]
    surge = [
        course(
            core,
            {"neuroplasticity.chi": 1.0},
            give({"GRIN1.block": b}),
            [1 / 24],
            ["glutamate_gaba.pyramidal"],
            ill=False,
        ).values[0, 0, 0]
        for b in levels
    ]
    assert surge[1] > surge[0] + 0.1
    assert surge[2] < surge[1] + 0.35  # gains less above the clinical dose than below it


def test_fact_13_intensity_follows_5ht2a_occupancy(full, course, give):
    occupancies = [0.0, 0.2, 0.43, 0.72]
    values = [
        course(
            full,
            {"neuroplasticity.chi": 1.0},
            give({"HTR2A.agonism": o}),
            [1 / 24],
            ["safety.psychedelic"],
            ill=False,
        ).values[0, 0, 0]
        for o in occupancies
    ]
    assert values[0] == pytest.approx(0, abs=1e-6) and np.all(np.diff(values) > 0)
    assert 7 < values[-1] <= 10


def test_fact_14_trkb_route_does_not_need_5ht2a_but_intensity_does(course, give):
    drug = {"HTR2A.agonism": 0.7, "NTRK2.pam": 0.5}
    blocked = {"HTR2A.agonism": 0.0, "NTRK2.pam": 0.5}
    outputs = ["neuroplasticity.protein", "safety.psychedelic"]
    gain = {}
    for option in ("trkb", "receptor_2a"):
        network = build_network("full", {"psychedelic": option})
        rest, free, antagonised = (
            course(network, VULNERABLE, give(p) + give(dict.fromkeys(p, 0.0), 6.0), [0.2], outputs).values[
                0, 0
            ]
            for p in ({}, drug, blocked)
        )
        gain[option] = (antagonised[0] - rest[0]) / (free[0] - rest[0])
        assert free[1] > 5 and antagonised[1] < 1e-6 and rest[1] < 1e-6
    assert gain["trkb"] > 0.9 and gain["receptor_2a"] < 0.5


@pytest.fixture(scope="module")
def culture():
    """A culture with BDNF added: the neuroplasticity module alone."""
    from euthymia.biology import load_module
    from euthymia.engine import OdeSystem

    system = OdeSystem.join("culture", load_module("neuroplasticity").alone)

    def run(bdnf, minutes):
        # the port is a constant of the module alone: start from rest and add BDNF at once
        rest = [s for s in system.states]
        values = solve(system, 1, {"challenge.bdnf": bdnf}, None, np.asarray(minutes) / 60, rest[:4]).values[
            0
        ]
        return dict(zip(rest[:4], values.T, strict=True))

    return run


def test_fact_15_erk_rises_and_adapts(culture):
    """1 nM BDNF: 5.6 / 3.9 / 3.0 / 2.2 fold at 15 min, 30 min, 2 h, 4 to 8 h; within 40 %."""
    erk = culture(8.0, [0, 15, 30, 120, 360])["neuroplasticity.erk"][1:]
    assert np.all(np.abs(erk / np.array([5.6, 3.9, 3.0, 2.2]) - 1) < 0.4), erk


def test_fact_16_trkb_peaks_early_and_halves_by_30_minutes(culture):
    """Peak at 5 min, half by 30 min (7.3 nM); the module's fast constant puts the peak within 20 min."""
    minutes = np.arange(0, 61, 1.0)
    trkb = culture(20.0, minutes)["neuroplasticity.trkb"]
    top = int(np.argmax(trkb))
    assert minutes[top] <= 20
    assert 0.35 < trkb[30] / trkb[top] < 0.75


def test_fact_17_and_18_bdnf_is_low_in_depression_and_rises_on_treatment(core, course, give):
    outputs = ["neuroplasticity.bdnf", "neuroplasticity.serum_bdnf"]
    before, after = course(core, VULNERABLE, give({"SLC6A4.occupancy": 0.8}), [0, 56], outputs).values[0]
    none = course(core, VULNERABLE, [], [56], outputs).values[0, 0]
    assert 0.5 < before[0] < 0.9 and before[1] < 0.97
    assert np.all(after > none)


def test_fact_19_convulsive_treatment_raises_bdnf(full, course):
    sessions = [
        Dose(24.0 * d + h, "device.ect", v, "set")
        for d in (0, 2, 4, 7, 9, 11, 14, 16, 18)
        for h, v in ((9, 1.0), (10, 0.0))
    ]
    outputs = ["neuroplasticity.bdnf", "neuroplasticity.serum_bdnf"]
    none, given = (course(full, VULNERABLE, d, [21], outputs).values[0, 0] for d in ([], sessions))
    assert given[0] > 1.05 * none[0]
    assert given[1] / none[1] - 1 < given[0] / none[0] - 1  # serum changes less than brain


def test_reelin_raises_mtor_without_channel_block_or_dissociation(course, give):
    network = build_network("full", hypotheses=True)
    outputs = ["neuroplasticity.mtor", "glutamate_gaba.block_interneuron", "safety.dissociation"]
    none, given = (
        course(network, VULNERABLE, give(p), [0.2], outputs).values[0, 0] for p in ({}, {"RELN.agonism": 1.0})
    )
    assert given[0] > none[0] and given[1] == given[2] == 0


def test_fact_40_zuranolone_like_response_ratio(core, course, people, give, trial):
    """Day-15 response ratio 1.14 to 1.46 (two doses); totals are rated with an error of 5 points."""
    rates = {}
    error = np.random.default_rng(3).normal(0, 5, (400, 2))
    for arm, ports in (("placebo", trial), ("drug", {**trial, "GABRA1.pam": 0.6})):
        values = course(core, people, give(ports), [0, 15], [MADRS]).values[:, :, 0] + error
        ill = values[:, 0] >= 22
        rates[arm] = float((values[ill, 1] <= 0.5 * values[ill, 0]).mean())
    assert 1.1 < rates["drug"] / rates["placebo"] < 1.9, rates
