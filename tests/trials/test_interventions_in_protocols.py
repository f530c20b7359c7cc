"""Devices, psychotherapy, exercise, diet, light and controls as arms of a protocol."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.biology.interventions import intervention_names
from euthymia.errors import InputError
from euthymia.evidence.read import LIBRARY
from euthymia.outcomes.endpoints import last_observed
from euthymia.protocol.protocol import Arm, Protocol, Setting, Treatment, parse_protocol, read_protocol
from euthymia.protocol.steps import Option, Step
from euthymia.trials import stages
from euthymia.trials.model import build_model
from euthymia.trials.rate import context, met, rate, scores
from euthymia.trials.simulate import _records, simulate
from euthymia.trials.sources import sources_of

DAY = 24.0
SERTRALINE = Treatment("sertraline", "50 mg", every="24 h")
ECT = Treatment(intervention="ect", sessions=4, per_week=2)
THERAPY = Treatment(intervention="psychotherapy")
SLIGHT = (
    "magnesium_supplement",
    "tryptophan_depletion",
)  # of either sign: a tenth more serum magnesium, one drink


def of(*arms: Arm, weeks: int = 3, **more) -> Protocol:
    return Protocol("arms", f"{weeks} weeks", "mdd_outpatient", arms, seed=3, profile="full", **more)


def events(protocol: Protocol, choices: tuple[int, ...] = ()) -> list[tuple[float, str, float]]:
    rows = _records(protocol, build_model(protocol), protocol.arms[0], choices)
    return [(d.time, d.target, d.amount) for d, _ in rows]


def test_sessions_lie_where_a_calendar_puts_them() -> None:
    got = events(of(Arm("ECT", 2, (ECT,))))
    days = (0, 3, 7, 10)  # twice a week from the first day on, at nine, for an hour
    assert got == [(d * DAY + h, "device.ect", v) for d in days for h, v in ((9.0, 1.0), (10.0, 0.0))]


def test_a_continuous_treatment_begins_ends_and_takes_its_level() -> None:
    zinc = Treatment(intervention="zinc_supplement", from_="week 1", for_="1 week", level=2.0)
    assert events(of(Arm("zinc", 2, (zinc,)))) == [
        (168.0, "diet.zinc", pytest.approx(1.6)),  # twice the library's step from 1 to 1.3
        (336.0, "diet.zinc", 1.0),
    ]


def test_named_visits_put_sessions_there() -> None:
    awake = Treatment(intervention="sleep_deprivation", on=("day 2", "day 9"))
    times = [t for t, _, level in events(of(Arm("awake", 2, (awake,)))) if level]
    assert times == [24.0, 192.0]


def test_a_combination_is_the_two_regimens_together() -> None:
    both = events(of(Arm("both", 2, (ECT, SERTRALINE))))
    alone = events(of(Arm("ECT", 2, (ECT,)))) + events(of(Arm("drug", 2, (SERTRALINE,))))
    assert sorted(both) == sorted(alone) and len(both) == 8 + 21


def test_a_switch_takes_an_intervention_away_and_gives_another() -> None:
    step = Step("on", "week 1", "switch", (Option("on", 1.0, (Treatment(intervention="exercise"),)),))
    got = events(of(Arm("therapy", 2, (THERAPY,), steps=(step,))), (0,))
    assert got == [
        (0.0, "psych.psychotherapy", 1.0),
        (168.0, "lifestyle.exercise", 1.0),
        (168.0, "psych.psychotherapy", 0.0),
        (504.0, "lifestyle.exercise", 0.0),
    ]
    again = Step("on", "week 1", "switch", (Option("on", 1.0, (THERAPY, SERTRALINE)),))
    kept = [e for e in events(of(Arm("t", 2, (THERAPY,), steps=(again,))), (0,)) if e[1].startswith("psych")]
    assert [v for t, _, v in kept if t == 168.0] == [0.0, 1.0]  # ended and begun again, in this order


@pytest.fixture(scope="module")
def every():
    arms = [Arm(n, 3, (Treatment(intervention=n),)) for n in intervention_names()]
    plan = {"tdcs": 5, "rtms": 5}  # courses longer than three weeks are cut to what fits
    arms = [
        Arm(a.name, 3, (Treatment(intervention=a.name, sessions=15 if a.name in plan else 0),)) for a in arms
    ]
    protocol = of(
        *arms, Arm("nothing", 3, (Treatment(control="none"),)), visits=("baseline", "day 2", "week 3")
    )
    return protocol, simulate(protocol, threads=2)


@pytest.mark.parametrize("name", intervention_names())
def test_every_intervention_of_the_library_can_be_an_arm(every, name) -> None:
    """The network reads it and it helps; nothing given changes nothing."""
    protocol, seen = every
    assert (seen.status == 0).all()
    mine = seen.arm == [a.name for a in protocol.arms].index(name)
    gap = (seen.severity - seen.untreated)[mine]
    largest = gap[np.arange(3), np.argmax(np.abs(gap), axis=1)].mean()
    assert abs(largest) > 1e-4 if name in SLIGHT else largest < -0.005
    idle = seen.arm == len(protocol.arms) - 1
    assert np.abs((seen.severity - seen.untreated)[idle]).max() < 1e-9


def test_an_end_and_a_stop_at_that_time_are_the_same_trial() -> None:
    ends = of(Arm("t", 4, (Treatment(intervention="exercise", for_="1 week"), SERTRALINE)))
    stop = Step("stop", "week 1", "switch", (Option("stop", 1.0, (SERTRALINE,)),))
    # the drug's doses go on at the same hours: only the exercise ends
    other = of(Arm("t", 4, (Treatment(intervention="exercise"), SERTRALINE), steps=(stop,)), dropout="none")
    a, b = simulate(ends.replace(dropout="none"), threads=1), simulate(other, threads=1)
    assert (b.choices == 0).all()
    assert a.severity == pytest.approx(b.severity, abs=5e-3)  # the solver steps otherwise


def test_the_controls_word_changes_the_control_arm_and_nobody_else() -> None:
    from euthymia.outcomes import placebo

    def trial(word: str) -> Protocol:
        control = Arm("control", 30, (Treatment(control=word),), control=True)
        return of(control, Arm("therapy", 30, (THERAPY,)), weeks=8, setting=Setting(blinding="open"))

    words = ("placebo", "attention", "usual_care", "waiting_list", "none")
    given = simulate(trial("usual_care"), threads=2)
    seen = {w: rate(trial(w), given).observed for w in words}
    control = given.arm == 0
    for field in ("latent", "madrs", "hamd17", "dropout_time", "in_trial"):
        assert all(
            np.array_equal(getattr(seen[w], field)[~control], getattr(seen["none"], field)[~control])
            for w in words
        )
    change = {w: (o.latent[:, -1] - o.latent[:, 0])[control].mean() for w, o in seen.items()}
    # the expected placebo change of a blinded arm times the library's fraction; the patients' own spread is the same
    blind = float(placebo.expected_change(context(trial("placebo")), 0.5))
    assert change["usual_care"] - change["waiting_list"] == pytest.approx(0.2 * blind, rel=1e-6)
    assert change["attention"] - change["usual_care"] == pytest.approx(0.15 * blind, rel=1e-6)
    assert change["placebo"] == pytest.approx(change["attention"], rel=1e-6)  # who knows it is a placebo
    assert change["none"] == change["waiting_list"]


def test_what_an_arm_meets_is_the_most_that_its_entries_bring() -> None:
    def ways(*arms: tuple[Treatment, ...], blinding: str = "open") -> list[tuple[str, bool]]:
        protocol = of(*(Arm(f"a{i}", 2, a) for i, a in enumerate(arms)), setting=Setting(blinding=blinding))
        return [met(protocol, a) for a in protocol.arms]

    care, wait, pill = (Treatment(control=w) for w in ("usual_care", "waiting_list", "placebo"))
    walk = Treatment(intervention="exercise")
    assert ways((wait,), (care,), (care, wait), (walk, care)) == [
        ("waiting", False),
        ("usual_care", False),
        ("usual_care", False),
        ("attention", False),
    ]
    assert ways((THERAPY,), (THERAPY, care), (THERAPY, pill), (THERAPY, SERTRALINE), (ECT,)) == [
        ("attention", True),
        ("attention", True),
        ("placebo", True),
        ("placebo", True),
        ("placebo", False),
    ]
    assert ways((pill,), (THERAPY,), blinding="waitlist") == [("waiting", False), ("attention", True)]


def test_psychotherapy_gains_on_a_waiting_list_what_trials_report() -> None:
    """Published g 0.85 over a standard deviation of 9 is 7.7 points; before the course of psychotherapy was its own, 18."""

    def trial(word: str) -> Protocol:
        arms = (Arm("control", 60, (Treatment(control=word),), control=True), Arm("therapy", 60, (THERAPY,)))
        return of(*arms, weeks=12, setting=Setting(blinding="open")).replace(profile="core")

    given = simulate(trial("waiting_list"), threads=2)
    gap = {}
    for word in ("waiting_list", "usual_care", "attention"):
        seen = last_observed(scores(rate(trial(word), given), "madrs"))
        change = seen[:, -1] - seen[:, 0]
        gap[word] = change[given.arm == 1].mean() - change[given.arm == 0].mean()
    # 1.6 is the standard error of a difference of 60 and 60
    assert gap["waiting_list"] == pytest.approx(-7.7, abs=2 * 1.6)
    assert gap["waiting_list"] < gap["usual_care"] < gap["attention"] < 0


def test_sham_and_stimulation_are_attended_and_tablets_are_not() -> None:
    drug = Arm("drug", 2, (SERTRALINE,))
    assert not context(of(drug)).procedure
    assert not context(of(Arm("t", 2, (THERAPY,)))).procedure
    assert context(of(drug, Arm("sham", 2, (Treatment(control="sham"),)))).procedure
    assert context(of(Arm("ECT", 2, (ECT,)))).procedure


def test_only_drugs_bring_the_side_effects_that_make_people_leave() -> None:
    arms = (Arm("t", 2, (THERAPY,)), Arm("d", 2, (SERTRALINE,)), Arm("b", 2, (THERAPY, SERTRALINE)))
    found = stages.on_drug(of(*arms), np.arange(3), np.zeros((3, 0), dtype=np.int64))
    assert found[:, 0].tolist() == [0.0, 1.0, 1.0]


def test_what_an_intervention_rests_on_is_cited() -> None:
    protocol = of(Arm("ECT", 2, (ECT,)))
    found = sources_of(protocol, build_model(protocol))
    assert "ukect2003efficacy" in {s["cite"] for s in found.sources if s["reason"] == "intervention ect"}
    assert "ect.device.ect" in found.parameters["id"]


@pytest.mark.parametrize("name", ["tdcs_sertraline", "therapy_exercise", "ect_continuation"])
def test_shipped_protocols_use_them_and_read_and_write_themselves(name) -> None:
    protocol = read_protocol(LIBRARY / "protocols" / f"{name}.yaml")
    assert any(t.intervention for a in protocol.arms for t in a.treatments)
    assert parse_protocol(protocol.to_yaml()) == protocol


FORM = """\
euthymia: 1
title: t
duration: 4 weeks
{model}population: {{base: mdd_outpatient}}
arms:
  - name: one
    n: 10
    treatment:
      - {{{line}}}
"""
FULL = "model: {profile: full}\n"
SAID = {
    "intervention: etc": ["arms.0.treatment.0.intervention: no intervention 'etc' - did you mean 'ect'?"],
    "intervention: rtms": ["30 sessions of rtms last until day 40, beyond the trial (4 weeks); 20 fit: give 'sessions: 20'"],
    "intervention: ect, dose: 50 mg": ["arms.0.treatment.0.dose: 'dose' belongs to drugs; an intervention takes from, for"],
    "intervention: exercise, sessions: 12": ["'sessions' belongs to treatments in sessions; exercise goes on, for example"],
    "intervention: exercise, for: 6 weeks": ["arms.0.treatment.0.for: '6 weeks' is longer than the trial (4 weeks)"],
    "intervention: ect, drug: sertraline": ["names drug and intervention at once; write one entry for each"],
    "every: 24 h": ["names no treatment; give 'drug', 'intervention' or 'control', for example 'drug: sertraline'"],
    "control: wait": ["unknown value 'wait'", "waiting_list"],
    "drug: sertraline, dose: 50 mg, every: 24 h, sessions: 3": ["'sessions' belongs to interventions; a drug takes dose"],
    "drug: sertraline, dose: 50 mg, for: 2 weeks": ["'for' needs 'every', for example 'every: 24 h'"],
    "drug: sertraline, dose: 50 mg, every: 24 h, from: week 4": ["'week 4' is at or after the trial's end (4 weeks)"],
    "intervention: ect, per_week: 8": ["arms.0.treatment.0.per_week"],
}  # fmt: skip


@pytest.mark.parametrize("line", SAID)
def test_what_cannot_be_is_named_with_line_and_remedy(line) -> None:
    with pytest.raises(InputError) as error:
        parse_protocol(FORM.format(model=FULL, line=line))
    assert error.value.problems[0].line == 10
    for part in SAID[line]:
        assert part in str(error.value)


def test_a_device_that_the_small_network_does_not_read_says_so() -> None:
    with pytest.raises(
        InputError, match=r"profile 'core' reads device\.ect.*write 'model: \{profile: full\}'"
    ):
        parse_protocol(FORM.format(model="", line="intervention: ect, sessions: 6"))
    parse_protocol(FORM.format(model="", line="intervention: psychotherapy"))
