"""Every harm rises under what causes it, falls under what relieves it, and is absent at rest.

The published size is compared where one is known elsewhere (5-HT2A intensity, lithium, memory after convulsive
treatment); here the sign is.
"""

import pytest

from euthymia.biology.interventions import load_intervention

SSRI = {"SLC6A4.occupancy": 0.8}
CHANNEL = {"GRIN1.block": 0.45}
YEAR = 8766.0  # h
YOUNG = {"safety.age": 20 * YEAR}
HEALTHY = {"neuroplasticity.chi": 1.0}
REST = 0.02

#: harm: output, day of reading, ports that cause it, ports that relieve it besides, level at rest
HARMS = {
    "dissociation": ("safety.dissociation", 0.05, CHANNEL, {"GRM2.agonism": 0.8}, 0.0),
    "psychedelic intensity": ("safety.psychedelic", 0.05, {"HTR2A.agonism": 0.6}, {"HTR2A.agonism": 0.1}, 0.0),
    "sexual dysfunction": ("safety.sexual", 28.0, SSRI, {"HTR2A.antagonism": 0.8}, None),
    "weight by H1": ("metabolism.weight", 84.0, {"HRH1.antagonism": 0.9}, {"GLP1R.agonism": 1.0}, 1.0),
    "weight by 5-HT2C": ("metabolism.weight", 84.0, {"HTR2C.antagonism": 0.8}, {"GLP1R.agonism": 1.0}, 1.0),
    "sedation by H1": ("safety.sedation", 1.0, {"HRH1.antagonism": 0.9}, {"HRH1.antagonism": 0.2}, 0.0),
    "sedation by GABA-A": ("safety.sedation", 1.0, {"GABRA1.pam": 0.6}, {"GABRA1.pam": 0.1}, 0.0),
    "hypercalcaemia": ("ions.hypercalcaemia", 84.0, {"drug.lithium": 0.8}, {"drug.lithium": 0.3}, None),
    "serotonin toxicity": (
        "safety.toxicity", 2.0, {**SSRI, "MAOA.inhibition": 0.9}, {"MAOA.inhibition": 0.0}, 0.0,
    ),
    "craving by a mu agonist": ("safety.craving", 10.0, {"OPRM1.agonism": 0.6}, {"OPRM1.agonism": 0.1}, 0.0),
    "craving by channel block": ("safety.craving", 3.0, CHANNEL, {"GRIN1.block": 0.1}, 0.0),
    "discontinuation": ("safety.withdrawal", 1.0, {}, {}, 0.0),
}  # fmt: skip


@pytest.fixture(scope="module")
def read(full, course, give):
    def one(output, day, ports, patient=HEALTHY, ill=False):
        return course(full, patient, give(ports), [day], [output], ill=ill).values[0, 0, 0]

    return one


@pytest.mark.parametrize("harm", [h for h, v in HARMS.items() if v[2]])
def test_a_harm_rises_with_its_cause_and_falls_with_its_relief(harm, read):
    output, day, cause, relief, rest = HARMS[harm]
    none, caused, relieved = (read(output, day, p) for p in ({}, cause, {**cause, **relief}))
    assert caused > none + REST * max(abs(none), 0.05)
    assert relieved < caused
    if rest is not None:
        assert none == pytest.approx(rest, abs=0.03)


def test_stopping_a_reuptake_inhibitor_at_once_brings_discontinuation_symptoms(full, course, give):
    doses = give(SSRI) + give({"SLC6A4.occupancy": 0.0}, 28 * 24.0)
    on, off, late = course(full, HEALTHY, doses, [27.0, 28.5, 45.0], ["safety.withdrawal"], ill=False).values[
        0, :, 0
    ]
    assert on == pytest.approx(0, abs=1e-6) and off > 0.3 and late < 0.1


def test_an_oxidase_inhibitor_with_an_ssri_is_toxic_where_each_alone_is_not(read):
    """11 of 21 overdoses of moclobemide with a serotonergic drug, 1 of 33 without (Isbister 2003); a 5-HT2A antagonist
    besides: odds ratio 0.40 and 0.13 (overdoses of reuptake inhibitors)."""
    together = {**SSRI, "MAOA.inhibition": 0.9}
    both = read("safety.toxicity", 2.0, together)
    alone = [read("safety.toxicity", 2.0, p) for p in (SSRI, {"MAOA.inhibition": 0.9})]
    assert 0.3 < both < 0.75 and max(alone) < 0.03
    relieved = read("safety.toxicity", 2.0, {**together, "HTR2A.antagonism": 0.9})
    odds = relieved / (1 - relieved) / (both / (1 - both))
    assert 0.13 <= odds <= 0.45


def test_memory_suffers_under_convulsive_treatment_and_recovers(full, course):
    doses = load_intervention("ect").doses(0.0)
    before, end, later = course(
        full, HEALTHY, doses, [0.0, 20.0, 84.0], ["neurostimulation.memory"], ill=False
    ).values[0, :, 0]
    assert before == pytest.approx(0) and end > 0.5 and later < 0.3 * end


def test_activation_and_suicidality_rise_early_in_the_young_only(full, course, give):
    """A readout of groups: one group of young and one of older patients alike in all else, ill at the start."""
    outputs = ["safety.activation", "safety.suicidality"]
    level = {}
    for name, age in (("young", 20.0), ("older", 45.0)):
        patient = {"neuroplasticity.chi": 0.85, "safety.age": age * YEAR}
        level[name] = course(full, patient, give(SSRI), [1.0, 56.0], outputs).values[0]
    untreated = course(full, {"neuroplasticity.chi": 0.85, **YOUNG}, [], [1.0], outputs).values[0, 0]
    assert level["young"][0, 0] > 1.05 and level["older"][0, 0] == pytest.approx(1, abs=1e-9)
    assert level["young"][0, 1] > untreated[1]  # early, and gone by eight weeks
    assert level["young"][1, 0] < 0.3 * level["young"][0, 0] + 0.7 + 0.05
    assert level["young"][1, 1] < untreated[1]
