"""Facts on serotonin, noradrenaline and dopamine: reuptake inhibition, autoreceptors, 5-HT2A, knock-outs.

Bands come from the sources named; no constant is fitted inside a test.
"""

import numpy as np
import pytest

from euthymia.biology import build_network
from euthymia.compounds.binding import occupancy_fragment
from euthymia.compounds.compound import load_compound
from euthymia.compounds.pharmacokinetics import dose_target, fragment
from euthymia.engine import Dose, Events
from euthymia.engine.solve import solve

ET = "serotonin.terminal"
SSRI = {"SLC6A4.occupancy": 0.8}


def healthy(network, course, doses, days, outputs, **patients):
    return course(network, patients or {"neuroplasticity.chi": 1.0}, doses, days, outputs, ill=False).values[
        0
    ]


def test_fact_2_autoreceptors_limit_the_acute_rise(core, course, give):
    """Terminal model: x1.1 to 1.8 with autoreceptors, x1.3 to 6.5 without."""
    with_ = healthy(core, course, give(SSRI), [1.0], [ET])[0, 0]
    clamped = {
        "serotonin.hill_1a": 0.0,
        "serotonin.hill_1b": 0.0,
    }  # autoreceptors held at their resting action
    without = healthy(core, course, give(SSRI), [1.0], [ET], **clamped)[0, 0]
    assert 1.1 < with_ < 1.8
    assert 1.3 < without < 6.5 and without > 1.5 * with_


def test_fact_3_three_weeks_of_treatment_double_or_triple_serotonin(core, course, give):
    """Chronic fluoxetine: prefrontal serotonin 200 to 300 %."""
    acute, chronic = healthy(core, course, give(SSRI), [1.0, 21.0], [ET])[:, 0]
    assert 2.0 < chronic < 3.0 and chronic > 1.2 * acute


def test_raphe_firing_falls_and_recovers(core, course, give):
    day1, day21 = healthy(core, course, give(SSRI), [1.0, 21.0], ["serotonin.firing"])[:, 0]
    assert 0.3 < day1 < 0.7 and day21 > 0.72


def test_fact_4_a_1a_agonist_halves_serotonin(core, course, give):
    """8-OH-DPAT lowers forebrain serotonin by 50 to 65 %."""
    fall = 1 - healthy(core, course, give({"HTR1A.agonism": 0.8}), [0.25], [ET])[0, 0]
    assert 0.50 < fall < 0.65


def test_fact_4_downstream_structure_keeps_the_response(core, course, give):
    """Hjorth and Auerbach: the response is unchanged after two weeks; only one structure can show that."""
    falls = {}
    for option in ("autoreceptor", "downstream"):
        network = build_network("core", {"ssri_delay": option})
        doses = give(SSRI) + give({"HTR1A.agonism": 0.8}, 14 * 24.0)
        before, after = healthy(network, course, doses, [14.0, 14.25], [ET])[:, 0]
        falls[option] = 1 - after / before
    naive = 1 - healthy(core, course, give({"HTR1A.agonism": 0.8}), [0.25], [ET])[0, 0]
    assert falls["downstream"] > falls["autoreceptor"]
    assert falls["autoreceptor"] < 0.9 * naive


def test_fact_5_six_weeks_lower_5ht2a_by_5_to_20_percent(core, course, give):
    """Paroxetine: -10 % at age 20 to 30, none at 30 to 40."""
    assert 0.80 < healthy(core, course, give(SSRI), [42.0], ["serotonin.r2a"])[0, 0] < 0.95


def test_tryptophan_depletion_lowers_serotonin_by_less_than_tryptophan(core, course, give):
    level = healthy(core, course, give({"diet.tryptophan": 0.3}), [1.0], [ET])[0, 0]
    assert 0.3 < level < 0.9


def test_alpha2_block_and_reuptake_block_are_supra_additive(core, course, give):
    one = healthy(core, course, give({"SLC6A2.occupancy": 0.8}), [1.0], ["noradrenaline.excess"])[0, 0]
    two = healthy(core, course, give({"ADRA2A.antagonism": 0.8}), [1.0], ["noradrenaline.excess"])[0, 0]
    both = healthy(
        core,
        course,
        give({"SLC6A2.occupancy": 0.8, "ADRA2A.antagonism": 0.8}),
        [1.0],
        ["noradrenaline.excess"],
    )
    assert 0.5 < one < 2.0
    assert both[0, 0] > one + two


def test_beta_density_falls_with_three_weeks_of_a_tricyclic(core, course, give):
    """Vetulani and Sulser: 20 to 35 % less."""
    beta = healthy(core, course, give({"SLC6A2.occupancy": 0.9}), [21.0], ["noradrenaline.beta"])[0, 0]
    assert 0.65 < beta < 0.85


def test_noradrenaline_transporter_clears_prefrontal_but_not_accumbens_dopamine(full, course, give):
    cortex, accumbens = healthy(
        full, course, give({"SLC6A2.occupancy": 0.8}), [1.0], ["dopamine.prefrontal", "dopamine.accumbens"]
    )[0]
    assert cortex > 1.4 and abs(accumbens - 1) < 0.1


#: published change in percent (low, high), as collected by Dalvi-Garcia 2021; the loss is constitutive
KNOCKOUTS = {
    "MAO": ({"MAOA.inhibition": 1.0}, {
        "dopamine.accumbens": (3, 12), "dopamine.tissue": (12, 200), "dopamine.dopac": (-78, -21),
        "dopamine.hva": (-48, -30), "serotonin.tissue": (209, 700), "serotonin.hiaa": (-92, -72),
    }),
    "COMT": ({"COMT.inhibition": 1.0}, {"dopamine.accumbens": (9, 52), "dopamine.dopac": (233, 628), "dopamine.hva": (-100, -90)}),
    "DAT": ({"SLC6A3.occupancy": 1.0}, {"dopamine.accumbens": (295, 490), "dopamine.tissue": (-100, -86)}),
    "SERT": ({"SLC6A4.occupancy": 1.0}, {"serotonin.terminal": (450, 900), "serotonin.tissue": (-77, -54), "serotonin.hiaa": (-56, -44)}),
    "TPH2": ({"TPH2.inhibition": 0.79}, {"serotonin.terminal": (-72, -52), "serotonin.tissue": (-89, -69), "serotonin.hiaa": (-82, -62)}),
    "VMAT2 twofold": ({"SLC18A2.inhibition": -1.0}, {"dopamine.accumbens": (34, 54), "dopamine.tissue": (11, 31)}),
}  # fmt: skip


@pytest.fixture(scope="module")
def battery(full, course, give):
    found = {}
    for gene, (ports, wanted) in KNOCKOUTS.items():
        values = healthy(full, course, give(ports), [100.0], list(wanted))[0]
        for (output, band), value in zip(wanted.items(), values, strict=True):
            found[gene, output] = (100 * (value - 1), band)
    return found


def test_fact_7_knockout_battery(battery):
    """At least 80 % of the published ranges are met; the rest is listed in the message."""
    missed = {k: v for k, v in battery.items() if not v[1][0] <= v[0] <= v[1][1]}
    assert len(missed) <= 0.2 * len(battery), {k: (round(v, 1), band) for k, (v, band) in missed.items()}


def test_fact_7_every_sign_is_right(battery):
    assert all(np.sign(value) == np.sign(sum(band)) for value, band in battery.values())


@pytest.mark.parametrize(
    ("drug", "dose", "low", "high"),
    [("paroxetine", 20.0, 75, 91), ("citalopram", 20.0, 69, 85), ("paroxetine", 60.0, 80, 95)],
)
def test_fact_1_clinical_doses_occupy_the_transporter(drug, dose, low, high):
    """Four weeks of 20 mg: 83 % (paroxetine), 77 % (citalopram), plateau near 85 % (Meyer 2001).

    Band: 8 points around the group means, about one standard deviation between persons; the plateau is allowed 10.
    """
    compound = load_compound(drug)
    drugs = {drug: compound}
    parts = [fragment(compound, "oral", drug, drugs), occupancy_fragment(drugs, ["SLC6A4.occupancy"])]
    network = build_network("core", fragments=parts, check_rest=False)
    target = dose_target(compound, "oral", prefix=drug)
    doses = [Dose(24.0 * d, target.state, dose * target.factor, "bolus", bioavailability=target.bioavailability,
                  lag=target.lag) for d in range(28)]  # fmt: skip
    done = solve(
        network.system, 1, {}, Events([doses], np.zeros(1, int)), [27 * 24.0 + 6], ["SLC6A4.occupancy"]
    )
    assert low < 100 * done.values[0, 0, 0] < high, done.values


def test_fact_6_transporter_availability_is_a_tenth_lower_in_depression(core, course):
    """About -10 % (Gryglewski 2014: g -0.49 in midbrain); half to one and a half times that."""
    ill = course(core, {"neuroplasticity.chi": 0.85}, [], [0.0], ["serotonin.availability"]).values[0, 0, 0]
    assert -0.15 < ill - 1 < -0.05, ill


def test_fact_8_monoamine_oxidase_a_is_a_third_denser_in_untreated_depression(core, course):
    """+34 % (Meyer 2006), 25 to 40 % across three studies (Chiuccariello 2014)."""
    ill = course(core, {"neuroplasticity.chi": 0.85}, [], [0.0], ["serotonin.mao_a"]).values[0, 0, 0]
    assert 0.25 < ill - 1 < 0.40, ill


def test_a_denser_enzyme_lowers_serotonin_only_where_a_deficit_is_chosen(course):
    """Claim 24 is contested: the default structure keeps extracellular serotonin at its healthy level."""
    patient, level = {"neuroplasticity.chi": 0.85}, {}
    for option in ("none", "deficit"):
        network = build_network("core", {"serotonin_deficit": option})
        level[option] = course(network, patient, [], [0.0], [ET]).values[0, 0, 0]
    assert level["none"] > 0.97 and level["deficit"] < 0.9
