"""Rival forms of a module: they take the ordinary form's place, rest, and differ where their sources say so."""

import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from euthymia.biology import build_network, load_module, module_names, read_module
from euthymia.biology.module import FOLDER
from euthymia.biology.network import rest_drift
from euthymia.biology.variants import variants
from euthymia.engine import OdeSystem
from euthymia.engine.solve import solve
from euthymia.errors import InputError

MADRS = "symptoms.madrs"
FORMS = [(m, v) for m in module_names() for v in variants(m)]


def test_rival_forms_exist_for_the_axis_serotonin_and_plasticity():
    assert {m for m, _ in FORMS} >= {"hpa", "serotonin", "neuroplasticity"} and len(variants("hpa")) >= 2


@pytest.mark.parametrize(("module", "form"), FORMS)
@pytest.mark.parametrize("profile", ["core", "full"])
def test_a_rival_form_takes_the_place_and_rests(profile, module, form):
    network = build_network(profile, variants={module: form})
    assert next(m.variant for m in network.modules if m.name == module) == form
    assert set(load_module(module).outputs) <= set(load_module(module, form).outputs)
    drift = rest_drift(network)
    assert max(abs(v) for k, v in drift.items() if k.startswith(f"{module}.")) < 1e-5


@pytest.mark.parametrize(("module", "form"), FORMS)
def test_lessons_hold_with_every_rival_form(module, form, course):
    """The resilient stay below 12 points and the most vulnerable exceed 25 under the same stress."""
    network = build_network("core", variants={module: form})
    patients = {"neuroplasticity.chi": np.array([1.0, 0.80])}
    well, ill = course(network, patients, [], [0.0], [MADRS]).values[:, 0, 0]
    assert well < 12 and ill > 25


def test_only_gland_masses_undo_a_synthesis_inhibitor(course, give):
    """Structural difference: without gland masses cortisol stays low for as long as synthesis is blocked."""
    level = {}
    for form in ("", "gupta", "bingzheng"):
        network = build_network("core", variants={"hpa": form} if form else {})
        doses = give({"CYP11B1.inhibition": 0.5})
        level[form] = course(
            network, {"neuroplasticity.chi": 1.0}, doses, [400.0], ["hpa.cortisol"], ill=False
        ).values[0, 0, 0]
    assert level[""] > 0.95 and level["gupta"] < 0.8 and level["bingzheng"] < 0.8


def test_bing_zheng_in_the_units_of_its_source():
    """The published equations (per min, own units) against the form relative to rest, after a pulse of cortisol."""

    def published(_, x):
        return [
            0.0014 + 0.000517 / (1 + 0.0164 * x[2]) - 0.0598 * x[0],
            (1.38 + 0.6 * x[0]) / (1 + 0.00498 * x[2]) - 0.053 * x[1],
            0.0084 + 0.0081 * x[1] - 0.0138 * x[2],
        ]

    rest = np.array([0.030348502, 24.545778308, 15.01600031])
    minutes = np.array([30.0, 60.0, 180.0])
    truth = (
        solve_ivp(published, (0, 180), rest * [1, 1, 3], t_eval=minutes, rtol=1e-10, atol=1e-12).y
        / rest[:, None]
    )
    system = OdeSystem.join("axis", load_module("hpa", "bingzheng").alone)
    names = ["hpa.crh", "hpa.acth", "hpa.cortisol"]
    ours = solve(
        system, 1, {}, None, minutes / 60, names, initial={"hpa.cortisol": 3.0}, start=0.0, rtol=1e-8
    ).values
    np.testing.assert_allclose(ours[0].T, truth, rtol=1e-4)  # five digits of the derived shares


def test_gupta_in_the_units_of_its_source():
    """The published equations against the form relative to rest: time in cortisol lifetimes, stress as a step."""
    o, r = 0.00911796679966161, 0.05584355190882121

    def published(_, x, stress):
        c, a, f, g = x
        return [
            (1 + stress) / (1 + f / 0.1) - 10 * c,
            c / (1 + f * g / 0.1) - 10 * a,
            a - f,
            (f * g) ** 2 / (0.001 + (f * g) ** 2) + 0.05 - 0.9 * g,
        ]

    rest = np.array([10 * o * (1 + o * r / 0.1), o, o, r])
    hours = np.array([0.5, 2.0, 12.0])
    truth = solve_ivp(
        published,
        (0, 12 * 0.52),
        rest,
        args=(load_module("hpa").parameters["hpa.stress_drive"].value,),
        t_eval=hours * 0.52,
        rtol=1e-10,
        atol=1e-14,
    )
    system = OdeSystem.join("axis", load_module("hpa", "gupta").alone)
    names = ["hpa.crh", "hpa.acth", "hpa.cortisol", "hpa.receptors"]
    traits = {"psychological_lifestyle.stress": 1.0, "hpa.tau_arousal": 1e-3}
    ours = solve(system, 1, traits, None, hours, names, start=0.0, rtol=1e-8).values[0]
    np.testing.assert_allclose(ours.T, truth.y / rest[:, None], rtol=1e-5)


def test_the_larger_serotonin_form_behaves_like_its_source(course, give):
    """Full model: x1.1 to 1.8 with autoreceptors and more without; vesicles empty when reuptake is blocked for weeks."""
    network = build_network("core", variants={"serotonin": "best"})
    healthy, names = {"neuroplasticity.chi": 1.0}, ["serotonin.terminal", "serotonin.tissue"]
    acute, late = course(
        network, healthy, give({"SLC6A4.occupancy": 0.8}), [0.5, 42], names, ill=False
    ).values[0]
    free = course(
        network,
        healthy,
        give({"SLC6A4.occupancy": 0.8, "HTR1A.antagonism": 0.95, "HTR1B.antagonism": 0.95}),
        [0.5],
        names,
        ill=False,
    ).values[0, 0]
    assert 1.1 < acute[0] < 1.8 and free[0] > acute[0] + 0.2
    assert late[0] > acute[0] and late[1] < 0.8 < acute[1]


def test_amounts_of_the_terminal_are_conserved(course, give):
    """At rest of any drug state all serotonin made is oxidised or removed: the acid equals what was made."""
    network = build_network("core", variants={"serotonin": "best"})
    names = ["serotonin.hydroxylation", "serotonin.oxidation", "serotonin.terminal"]
    made, oxidised, outside = course(
        network, {"neuroplasticity.chi": 1.0}, give({"SLC6A4.occupancy": 0.6}), [300], names, ill=False
    ).values[0, 0]
    assert made == pytest.approx(oxidised + 40 * 0.06 * outside, rel=1e-3)


def test_a_stronger_loop_keeps_bdnf_low_after_stress(course, give):
    network = build_network("core", variants={"neuroplasticity": "loop"})
    patients = {"neuroplasticity.chi": 0.93, "neuroplasticity.loop_max": np.array([0.3, 0.8])}
    back, stuck = course(
        network, patients, give({"stress.load": 0.0}), [120], ["neuroplasticity.bdnf"]
    ).values[:, 0, 0]
    assert back > 0.95 and stuck < 0.6


BROKEN = [
    (
        "without: [feedback]",
        "without: [feedbackk]",
        "the ordinary form has no 'feedbackk' - did you mean 'feedback'",
    ),
    ("k_crh*(drive", "k_crhh*(drive", "'k_crhh' is not declared - did you mean 'k_crh'"),
    (
        "edges:\n",
        'ports:\n  ions.magnesium: {default: 2, unit: "1", title: magnesium}\nedges:\n',
        "a rival form keeps the ports: 'ions.magnesium' has default 1 in the ordinary form",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), BROKEN)
def test_a_broken_rival_form_is_refused_with_file_and_line(old, new, message, tmp_path):
    path = tmp_path / "hpa.gupta.yaml"
    text = (FOLDER / path.name).read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_module(path)
    problems = [str(p) for p in caught.value.problems]
    assert any(message in p and re.search(r"hpa\.gupta\.yaml:\d+:\d+", p) for p in problems), problems


def test_unknown_forms_and_absent_modules_are_refused():
    with pytest.raises(InputError, match="no module 'hpa.guptaa' - did you mean 'hpa.gupta'"):
        build_network("core", variants={"hpa": "guptaa"})
    with pytest.raises(InputError, match="no module 'hpa.walker'; rival forms of hpa: bingzheng, gupta"):
        build_network("core", variants={"hpa": "walker"})
    with pytest.raises(InputError, match=r"variants\.dopamine: no module 'dopamine' here to replace"):
        build_network("core", variants={"dopamine": "best"})


def reynolds(pathogen):
    """The published equations (per h, own units) with a constant pathogen; state: phagocytes, damage, mediators."""

    def rates(_, x):
        n, d, c = x
        free = 1 / (1 + (c / 0.28) ** 2)
        recruited = free * (0.01 * n + 0.1 * pathogen + 0.02 * d)
        answer, work = free * (n + 48 * d), (free * n) ** 6
        return [
            0.08 * recruited / (0.12 + recruited) - 0.05 * n,
            0.35 * work / (0.06**6 + work) - 0.02 * d,
            0.0125 + 0.04 * answer / (1 + answer) - 0.1 * c,
        ]

    return rates


def test_reynolds_in_the_units_of_its_source():
    """Phagocytes, damage and mediators under a constant stimulus, to the solver's precision."""
    hours, strength = np.array([2.0, 12.0, 48.0]), 0.00714 * 14 / 0.1
    truth = solve_ivp(reynolds(strength), (0, 48), [0, 0, 0.125], t_eval=hours, rtol=1e-10, atol=1e-13).y
    system = OdeSystem.join("inflamed", load_module("inflammation", "reynolds").alone)
    names = ["inflammation.phagocytes", "inflammation.damage", "inflammation.mediator"]
    ours = solve(system, 1, {"challenge.endotoxin": 14.0}, None, hours, names, start=0.0, rtol=1e-8).values[0]
    np.testing.assert_allclose(ours.T, truth / [[1], [1], [0.125]], rtol=1e-5)


def test_only_the_damage_loop_turns_a_strong_insult_into_lasting_inflammation(course, give):
    """One injection passes in both forms; half a day of it leaves phagocytes and damage behind in the rival form only."""
    level = {}
    for form in ("", "reynolds"):
        network = build_network("core", variants={"inflammation": form} if form else {})
        for name, hours in (("short", 1.0), ("long", 12.0)):
            doses = give({"challenge.endotoxin": 14.0}) + give({"challenge.endotoxin": 0.0}, hours)
            level[form, name] = course(
                network, {"neuroplasticity.chi": 1.0}, doses, [60.0], ["inflammation.tnf"], ill=False
            ).values[0, 0, 0]
    assert level["", "short"] == pytest.approx(1, abs=0.02) and level["", "long"] == pytest.approx(
        1, abs=0.02
    )
    assert level["reynolds", "short"] == pytest.approx(1, abs=0.02) and level["reynolds", "long"] > 1.2
