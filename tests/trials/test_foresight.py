"""From the words of a trial to what the network foresees of it, and what the predictor makes of that."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from euthymia.biology.network import build_network
from euthymia.errors import InputError
from euthymia.trials import foreseeing, verdict
from euthymia.trials.courses import Course, Drug, Missing, course_of
from euthymia.trials.effects import LEVEL, EffectModel, covariance
from euthymia.trials.ensemble import (
    default_ensemble,
    network,
    prior_ensemble,
    priors,
    read_ensemble,
    structure_list,
    structure_settings,
    write_ensemble,
)
from euthymia.trials.foreseeing import foresee, look
from euthymia.trials.foresight import (
    BOUND,
    Foresight,
    Seen,
    bounded,
    read_foresight,
    write_foresight,
)
from euthymia.trials.mechanism import Simulator, own_size, run_course
from euthymia.trials.published import calibration_trials
from euthymia.trials.schedules import amount_mg, dose_times
from euthymia.trials.validate import contrasts_of
from euthymia.trials.verdict import VerdictModel


@pytest.fixture(scope="module")
def trials():
    return {t.id: t for t in calibration_trials()}


@pytest.fixture(scope="module")
def simulator():
    return Simulator(default_ensemble(), patients=4)


@pytest.mark.parametrize(
    ("text", "amounts", "per_kg", "per_hour"),
    [
        ("20 mg", [20.0], False, False),
        ("0.5 mg/kg", [0.5], True, False),
        ("28-84 mg", [56.0], False, False),
        ("<=600 mg", [450.0], False, False),
        ("60 ug/kg/h", [0.06], True, True),
        ("1.5 g", [1500.0], False, False),
        ("20 then 30 mg/70 kg", [20.0, 30.0], False, False),
        ("400 mg bid", [400.0], False, False),
    ],
)
def test_doses_as_papers_print_them(text, amounts, per_kg, per_hour):
    found = amount_mg(text)
    assert found[0] == pytest.approx(amounts)
    assert found[1:] == (per_kg, per_hour)


@pytest.mark.parametrize(
    ("schedule", "days", "hours"),
    [
        ("single", 21, [0]),
        ("daily 14 d", 45, [24 * i for i in range(14)]),
        ("weekly 3 wk", 21, [0, 168, 336]),
        ("3x/week 2 wk", 14, [0, 48, 96, 168, 216, 264]),
        ("bid", 2, [0, 12, 24, 36]),
        ("2 sessions + therapy", 28, [0, 336]),
    ],
)
def test_schedules_as_papers_print_them(schedule, days, hours):
    assert list(dose_times(schedule, 24.0 * days)) == hours


def test_a_dose_without_a_unit_is_an_error():
    with pytest.raises(InputError, match="no dose in mg"):
        amount_mg("twice a day")


def test_courses_of_published_arms(trials):
    def course(trial, arm):
        return course_of(trials[trial], trials[trial].arm(arm))

    adjunct = course("sga_brex_pyxis", "brex2")
    assert {d.compound: d.background for d in adjunct.drugs} == {"escitalopram": True, "brexpiprazole": False}
    assert min(adjunct.drugs[0].times) == -672.0  # the background is at steady state
    both = course("tdcs_select2013", "combined")
    assert both.drugs[0].compound == "sertraline" and both.ports[0][1] == "device.tdcs"
    assert course("psi_davis2021", "delayed").expectancy == 0.0
    assert [d.amount for d in course("psi_davis2021", "immediate").drugs] == [20.0, 30.0]
    gone = course("met_creatine2012", "creatine")
    assert isinstance(gone, Missing) and "creatine" in gone.reason


def test_most_arms_of_the_calibration_trials_are_understood(trials):
    arms = [(t, a) for t in trials.values() for a in t.arms if a.role != "comparator"]
    missing = [a.treatment for t, a in arms if isinstance(course_of(t, a), Missing)]
    assert len(missing) <= 0.15 * len(arms), missing


def test_arms_share_patients_and_chance(simulator):
    people = simulator.cohort("mdd_outpatient", "")
    days = np.array([0.0, 14.0, 42.0])
    drug = Course((Drug("escitalopram", "oral", 20.0, False, tuple(24.0 * i for i in range(42))),))
    nothing = run_course(Course(), simulator.ensemble, people, days, ["symptoms.madrs"])[:, :, 0]
    again = run_course(Course(), simulator.ensemble, people, days, ["symptoms.madrs"])[:, :, 0]
    taken = run_course(drug, simulator.ensemble, people, days, ["symptoms.madrs"])[:, :, 0]
    assert np.array_equal(nothing, again)
    assert taken[:, 0] == pytest.approx(nothing[:, 0], abs=1e-6)
    assert (taken[:, 2] - nothing[:, 2] < -0.2).all()
    assert (taken[:, 2] - nothing[:, 2] > -12).all()


def test_a_dose_per_kilogram_follows_body_weight(simulator):
    people = simulator.cohort("mdd_outpatient", "")
    weight = people.values["weight"] / 1e6  # mg to kg
    assert (weight >= 40).all() and (weight <= 180).all()
    level = ["ketamine.C_mass"]

    def peak(amount, per_kg):
        drug = Drug("ketamine", "intravenous", amount, per_kg, (0.0,), 2 / 3)
        return run_course(Course((drug,)), simulator.ensemble, people, np.array([0.0, 1 / 24]), level)[
            :, 1, 0
        ]

    each, fixed = peak(0.5, True), peak(35.0, False)
    assert each / fixed == pytest.approx(0.5 * weight / 35.0, rel=0.02)


def test_a_structure_by_parameters_is_the_network_with_that_structure():
    wanted = {"ketamine": "nmda_at_rest"}
    whole = {**structure_list()[0][0], **wanted}
    place = next(i for i, (s, _) in enumerate(structure_list()) if s == whole)
    default = build_network("full", structure_list()[0][0], check_rest=False).system
    other = build_network("full", whole, check_rest=False).system
    changed = {k: v.value for k, v in other.parameters.items() if v.value != default.parameters[k].value}
    assert changed
    assert structure_settings()[place].items() >= changed.items()


def test_ensemble_values_at_zero_scores_are_the_librarys():
    values = default_ensemble().values()
    known = network().parameters
    for p in priors():
        assert values[p.id][0] == pytest.approx(p.centre)
        assert p.id in known
    drawn = prior_ensemble(500).values()["network.loop_gain"]
    assert drawn.mean() == pytest.approx(0.6, abs=0.02) and drawn.max() <= 0.8


def test_ensemble_file_gives_the_members_back(tmp_path):
    members = prior_ensemble(7)
    write_ensemble(members, tmp_path / "e.csv")
    back = read_ensemble(tmp_path / "e.csv")
    assert back.scores == pytest.approx(members.scores, abs=1e-4)
    assert (back.structure == members.structure).all()
    with pytest.raises(InputError, match="euthymia calibrate"):
        read_ensemble(tmp_path / "none.csv")


def test_looking_at_a_trial(trials, simulator):
    seen = look(trials["hirayasu_2011b"], simulator)
    low, high = (seen[f"hirayasu_2011b/escitalopram {d} mg"].members[0] for d in (10, 20))
    assert high < low < -0.3  # more dose, more effect
    assert look(trials["met_creatine2012"], simulator)["met_creatine2012/creatine"].reason
    broken = replace(trials["hirayasu_2011b"], setting="inpatient", results=())
    assert look(broken, simulator) == {}


def test_foresight_file_gives_the_predictions_back(tmp_path):
    one = Foresight(
        {"t/a": Seen(np.array([-1.25, -2.5]), "", "x against y", 0.5), "t/b": Seen(np.full(2, np.nan), "no")}
    )
    write_foresight(one, tmp_path / "c.csv")
    back = read_foresight(tmp_path / "c.csv")
    assert back.seen["t/a"].members == pytest.approx([-1.25, -2.5])
    assert back.seen["t/b"].reason == "no" and not back.known("t/b")
    (tmp_path / "d.csv").write_text("contrast,reason\nx,\n")
    with pytest.raises(InputError, match="damaged"):
        read_foresight(tmp_path / "d.csv")


def test_bounded_differences():
    found = bounded(np.array([-100.0, -0.1, np.nan]))
    assert found[0] == pytest.approx(-BOUND)
    assert found[1] == pytest.approx(-0.1, abs=1e-3)
    assert np.isfinite(found[2])


def test_conditioning_on_the_ensemble_is_the_joint_normal(trials):
    contrasts = [c for c in contrasts_of(list(trials.values())) if c.observed is not None][:30]
    g = np.random.default_rng(3)
    foresight = Foresight({c.key: Seen(-3 + 2 * g.standard_normal(12)) for c in contrasts})
    rest, asked = contrasts[:-1], contrasts[-1]
    model = EffectModel.fit(rest, iterations=3, foresight=foresight)
    total = sum(covariance(contrasts, contrasts, model.scales, foresight).values())
    noise = np.diag([c.learned[1] ** 2 for c in contrasts])
    y = np.array([c.learned[0] for c in rest]) - LEVEL
    joint = total + noise
    mean = LEVEL + joint[-1, :-1] @ np.linalg.solve(joint[:-1, :-1], y)
    assert model.predict([asked])[0].mean == pytest.approx(mean, rel=1e-9)
    assert model.predict([asked])[0].mean != pytest.approx(
        EffectModel(model.learned, model.scales).predict([asked])[0].mean, abs=1e-6
    )


def test_verdicts_are_learned_from_other_trials_only(trials):
    contrasts = contrasts_of(list(trials.values()))
    asked = next(c for c in contrasts if c.success is not None)
    rest = [c for c in contrasts if c.trial != asked.trial]
    turned = replace(asked, success=not asked.success, observed=-50.0)
    model = VerdictModel.fit(rest)
    assert model.chance([asked]) == pytest.approx(model.chance([turned]))
    assert VerdictModel.fit([]).chance([asked]) == pytest.approx([0.5])
    lost = [replace(c, success=False) for c in rest if c.success is not None]
    assert VerdictModel.fit(lost).chance([asked])[0] < model.chance([asked])[0]


def test_the_solver_agrees_with_a_member_by_itself(simulator):
    """A member among others gives the numbers it gives alone."""
    two = prior_ensemble(2)
    days = np.array([0.0, 7.0])
    together = Simulator(two, 2)
    alone = Simulator(two.take([1]), 2)
    a = run_course(Course(), two, together.cohort("mdd_outpatient", ""), days, ["symptoms.madrs"])
    b = run_course(Course(), two.take([1]), alone.cohort("mdd_outpatient", ""), days, ["symptoms.madrs"])
    assert a[2:] == pytest.approx(b, rel=1e-9)


def test_a_port_that_a_background_drug_touches_still_takes_the_level_of_the_course() -> None:
    from euthymia.trials.mechanism import _equations

    background = (("escitalopram", "oral"),)
    assert "HTR2A.antagonism" not in _equations(background).system.inputs
    assert "HTR2A.antagonism" in _equations(background, ("HTR2A.antagonism",)).system.inputs


def test_verdicts_by_hand(trials):
    """One verdict learned from: the shares of level, size, decade and class written out."""
    contrasts = [c for c in contrasts_of(list(trials.values())) if c.success is not None]
    known = next(c for c in contrasts if c.trial == "ns_robin")
    asked = next(c for c in contrasts if c.trial == "ns_mountain")
    size = [math.log((c.n + c.n_control) / 110) for c in (known, asked)]
    decade = [(c.year - 2012) / 10 for c in (known, asked)]

    def shared(a, b):
        return 0.25 + 0.64 * size[a] * size[b] + 0.36 * decade[a] * decade[b] + 0.25

    mean = shared(0, 1) / (shared(0, 0) + 0.95**2)
    assert VerdictModel.fit([known]).chance([asked])[0] == pytest.approx((1 + mean) / 2)
    other = replace(asked, group="another", mechanism="another")
    assert VerdictModel.fit([known]).chance([other])[0] == pytest.approx(
        (1 + (shared(0, 1) - 0.25) / (shared(0, 0) + 0.95**2)) / 2
    )
    assert verdict.joined(0.8, 0.4) == pytest.approx(0.5)


def test_every_trial_has_its_own_number_of_patients_in_every_member(trials, tmp_path, monkeypatch):
    """In pieces, over processes and after an interruption as in one piece; the larger arm decides."""
    asked = [trials["ket_berman2000"], trials["esk_singh2016iv"]]
    assert [own_size(t) for t in asked] == [7, 11]
    ensemble = prior_ensemble(3)
    whole = Simulator(ensemble, None)
    effects = {f"{t.id}/{arm}": e for t in reversed(asked) for arm, e in whole.contrasts(t).items()}
    assert {k.partition("/")[0]: e.each.shape[:2] for k, e in effects.items()} == {
        "ket_berman2000": (3, 7), "esk_singh2016iv": (3, 11),
    }  # fmt: skip
    monkeypatch.setattr(foreseeing, "BLOCK", 2)
    told: list[tuple[int, int]] = []
    first = foresee(asked, ensemble, None, 2, lambda *a: told.append(a), tmp_path)
    assert told[0] == (0, 4) and told[-1] == (4, 4)
    for key, effect in effects.items():
        assert first.seen[key].members == pytest.approx(effect.mean, abs=1e-9)
    chunks = sorted(tmp_path.rglob("*.npz"))
    assert len(chunks) == 4
    chunks[1].unlink()
    told.clear()
    again = foresee(asked, ensemble, None, 1, lambda *a: told.append(a), tmp_path)
    assert told == [(3, 4), (4, 4)]
    for key in effects:
        assert np.array_equal(again.seen[key].members, first.seen[key].members)
    changed = [replace(t, year=t.year + 1) for t in asked]
    told.clear()
    foresee(changed[:1], ensemble, None, 1, lambda *a: told.append(a), tmp_path)
    assert told[0] == (0, 2)  # another trial file is another chunk
