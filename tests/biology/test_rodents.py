"""The rodent blocks: scenarios lower sucrose preference, the resistant strain stays ill, drugs help."""

import numpy as np
import pytest

from euthymia.biology import build_network
from euthymia.biology.interventions import scenario_doses
from euthymia.engine import Dose, Events
from euthymia.engine.solve import solve

READOUTS = [
    "mouse.sucrose_preference",
    "mouse.immobility",
    "mouse.spine_density",
    "mouse.bdnf",
    "mouse.corticosterone",
]


@pytest.fixture(scope="module")
def mouse():
    return build_network("full", species="mouse")


def play(network, scenario, days, extra=(), traits=()):
    block = network.species.scenarios[scenario] if scenario else {"inputs": []}
    events = Events([sorted([*scenario_doses(block), *extra], key=lambda d: d.time)], np.zeros(1, int))
    values = solve(
        network.system,
        1,
        {**block.get("traits", {}), **dict(traits)},
        events,
        np.asarray(days) * 24.0,
        READOUTS,
    )
    assert values.ok.all()
    return values.values[0]


def test_healthy_mice_prefer_sucrose(mouse):
    assert 0.8 < play(mouse, "", [30])[0, 0] < 0.9


def test_chronic_mild_stress_lowers_preference_spines_and_bdnf(mouse):
    control, stressed = (
        play(mouse, "", [41])[0],
        play(mouse, "chronic_mild_stress", [41], traits={"neuroplasticity.chi": 0.9})[0],
    )
    assert 0.5 < stressed[0] < 0.70 and control[0] - stressed[0] > 0.15
    assert (
        stressed[1] > control[1]
        and stressed[2] < control[2]
        and stressed[3] < control[3]
        and stressed[4] > control[4]
    )


@pytest.mark.parametrize(
    "scenario",
    [
        "social_defeat",
        "lipopolysaccharide",
        "corticosterone",
        "early_life_stress",
        "resistant_strain",
        "zinc_deficiency",
        "magnesium_deficiency",
    ],
)
def test_every_scenario_lowers_preference(mouse, scenario):
    day = {"lipopolysaccharide": 0.2, "social_defeat": 9.2}.get(scenario, 20)
    assert play(mouse, scenario, [day])[0, 0] < play(mouse, "", [day])[0, 0] - 0.001


def test_the_resistant_strain_stays_ill_after_stress(mouse):
    normal = play(mouse, "chronic_mild_stress", [56])[0, 0]
    resistant = play(mouse, "resistant_strain", [56])[0, 0]
    assert resistant < normal - 0.03


def test_zinc_deficiency_adds_to_stress(mouse):
    stress = [Dose(0.0, "stress.load", 0.4, "set")]
    assert play(mouse, "zinc_deficiency", [27])[0, 3] < play(mouse, "", [27], stress)[0, 3]


def test_a_noradrenergic_drug_shortens_immobility_acutely(mouse):
    traits = {"neuroplasticity.chi": 0.9}
    plain = play(mouse, "chronic_mild_stress", [41], traits=traits)[0, 1]
    drug = [Dose(40.5 * 24, "SLC6A2.occupancy", 0.8, "set")]
    assert play(mouse, "chronic_mild_stress", [41], drug, traits)[0, 1] < plain


def test_translation_is_discounted_by_class(mouse):
    share = {k: p.value for k, p in mouse.species.translation.items()}
    assert share["nmda_antagonist"] < share["monoamine"] < 1


#: readouts in the order preference, immobility, spines, BDNF, corticosterone: the sign of each change
ALL_WORSE = (-1, 1, -1, -1, 1)
DAYS = {
    "chronic_mild_stress": 41.0,
    "social_defeat": 9.2,
    "lipopolysaccharide": 2 / 24,
    "corticosterone": 20.0,
    "early_life_stress": 20.0,
    "resistant_strain": 41.0,
    "zinc_deficiency": 27.0,
    "magnesium_deficiency": 27.0,
}


@pytest.fixture(scope="module", params=["mouse", "rat"])
def animal(request):
    return build_network("full", species=request.param)


def readings(network, scenario, days, more=()):
    block = network.species.scenarios[scenario] if scenario else {}
    outputs = [*(n.replace("mouse", network.species.name) for n in READOUTS), *more]
    events = Events([scenario_doses(block)], np.zeros(1, int))
    done = solve(network.system, 1, block.get("traits", {}), events, np.asarray(days) * 24.0, outputs)
    assert done.ok.all()
    return done.values[0]


def test_every_model_and_readout_exists_in_both_species(animal):
    assert set(animal.species.scenarios) == set(DAYS)
    assert set(animal.species.readouts) == {n.split(".")[1] for n in READOUTS}


@pytest.mark.parametrize("scenario", DAYS)
def test_every_readout_moves_the_known_way_in_every_model(animal, scenario):
    control, treated = (readings(animal, s, [DAYS[scenario]])[0] for s in ("", scenario))
    assert np.all((treated - control) * ALL_WORSE > 1e-3), treated - control


def test_sickness_after_lipopolysaccharide_passes(animal):
    acute, later, control = (
        *readings(animal, "lipopolysaccharide", [2 / 24, 9.0]),
        readings(animal, "", [9.0])[0],
    )
    assert acute[4] > 1.2 and np.all(np.abs(later / control - 1) < 0.015)


def test_given_corticosterone_shrinks_the_animals_own_glands(animal):
    during, *_ = readings(animal, "corticosterone", [20.0], ["hpa.adrenal"])
    assert 1.3 < during[4] < 2.0 and during[5] < 0.7


def test_the_resistant_strain_recovers_less_after_stress(animal):
    normal, strain = (readings(animal, s, [56.0])[0, 0] for s in ("chronic_mild_stress", "resistant_strain"))
    assert strain < normal - 0.03
