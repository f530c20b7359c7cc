"""Trials in stages: decisions recomputed by hand from the rated scores, conservation of patients, equal bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

import euthymia.trials.simulate as sim
from euthymia.errors import InputError, UnitError
from euthymia.evidence.read import LIBRARY
from euthymia.protocol.protocol import Arm, Endpoint, Protocol, Treatment, parse_protocol, read_protocol
from euthymia.protocol.steps import SCORES, Option, Step, parse_rule
from euthymia.trials import stages
from euthymia.trials.model import build_model
from euthymia.trials.rate import endpoint_values, rate
from euthymia.trials.rules import fulfils
from euthymia.trials.single import rerun_patient

DAILY = {"every": "24 h"}
LOW, HIGH = Treatment("escitalopram", "10 mg", **DAILY), Treatment("escitalopram", "20 mg", **DAILY)
DUMMY = Treatment("placebo", **DAILY)
STEPS = (
    Step("out", "week 2", "leave", (Option("out"),), if_="madrs <= 12"),
    Step(
        "again", "week 2", "randomise",
        (Option("stay", 1.0, (), True), Option("raised", 2.0, (HIGH,))), if_="reduction < 30 %",
    ),
    Step("add", "week 3", "add", (Option("add", 1.0, (Treatment("mirtazapine", "30 mg", **DAILY),)),),
         if_="not response", only=("raised",)),
)  # fmt: skip
PROTOCOL = Protocol(
    "staged", "4 weeks", "mdd_outpatient",
    (Arm("placebo", 6, (DUMMY,), control=True), Arm("drug", 18, (LOW,), steps=STEPS)),
    seed=11, include=("madrs >= 20",),
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> sim.RunResult:
    return sim.run_trial(PROTOCOL, tmp_path_factory.mktemp("runs"), jobs=1)


@pytest.fixture(scope="module")
def tables(run) -> dict[str, pl.DataFrame]:
    return {n: pl.read_parquet(run.folder / f"{n}.parquet") for n in ("patients", "visits", "flow")}


@pytest.fixture(scope="module")
def whole() -> sim.Simulated:
    return sim.simulate(PROTOCOL, threads=1)


def test_decisions_are_those_a_reader_of_the_scores_would_take(tables) -> None:
    """Rules applied again, in plain Python, to the totals in the table of visits."""
    paths = dict(tables["patients"].select("patient", "path").iter_rows())
    asked = {"out": 0, "stay": 0, "raised": 0, "add": 0}
    for (patient,), rows in tables["visits"].filter(pl.col("arm") == "drug").group_by("patient"):
        score = dict(rows.select("day", "madrs").iter_rows())
        told = paths[patient].split(" > ")
        two, three = score[14.0], score[21.0]
        if two is None:
            assert told == [""]
            continue
        if two <= 12:
            assert told == ["out"] and three is None
        elif (score[0.0] - two) / score[0.0] < 0.30:
            assert told[0] in ("stay", "raised")
            should = told[0] == "raised" and three is not None and (score[0.0] - three) / score[0.0] < 0.5
            assert told[1:] == (["add"] if should else [])
        else:
            assert told == [""]
        for name in told:
            asked[name] = asked.get(name, 0) + 1
    assert asked["raised"] and asked["add"], "the seed must try the rules"


def test_patients_are_conserved_at_every_step(tables) -> None:
    flow = tables["flow"]
    assert (flow["in_trial"] + flow["dropped"] + flow["left_by_plan"] == 18).all()
    for _, rows in flow.group_by("step"):
        assert rows["n"].sum() + rows["not_taken"][0] == rows["in_trial"][0]


def test_nothing_before_a_decision_depends_on_it_and_nothing_changes_for_others(whole) -> None:
    staged = whole
    arms = tuple(Arm(a.name, a.n, a.treatment, a.control) for a in PROTOCOL.arms)
    plain = sim.simulate(
        PROTOCOL.replace(arms=arms), threads=1, model=build_model(PROTOCOL)
    )  # the same equations
    before = staged.visits <= 14 * 24.0
    assert np.array_equal(staged.severity[:, before], plain.severity[:, before])
    names = np.array(stages.names_of(PROTOCOL, staged.arm, staged.choices))
    same = (names == "") | (names == "stay")
    assert np.array_equal(staged.severity[same], plain.severity[same])
    raised = np.char.startswith(names, "raised")
    assert raised.any() and (staged.severity[raised][:, -1] != plain.severity[raised][:, -1]).all()


def test_a_switch_of_everybody_is_the_same_trial_written_without_steps() -> None:
    """Independent path: the dose change as a second line of the arm's treatment."""
    step = Step("up", "week 1", "switch", (Option("up", 1.0, (HIGH,)),))
    by_step = PROTOCOL.replace(
        duration="2 weeks", arms=(Arm("drug", 6, (LOW,), True, (step,)),), dropout="none"
    )
    lines = (Treatment("escitalopram", "10 mg", **DAILY, for_="1 week"),
             Treatment("escitalopram", "20 mg", **DAILY, from_="week 1"))  # fmt: skip
    by_lines = by_step.replace(arms=(Arm("drug", 6, lines, True),))
    assert np.array_equal(
        sim.simulate(by_step, threads=1).severity, sim.simulate(by_lines, threads=1).severity
    )


def test_one_patient_alone_takes_the_same_steps(run, tables, whole) -> None:
    patient = tables["patients"].filter(pl.col("path").str.contains("add"))["patient"][0]
    alone = rerun_patient(run.folder, patient)
    i = int(np.flatnonzero(whole.cohort.number == patient)[0])
    assert np.array_equal(alone.severity, whole.severity[i])


def test_same_bytes_for_other_chunks_and_threads(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sim, "CHUNK", 5)
    again = sim.run_trial(PROTOCOL, tmp_path, jobs=2)
    for name in ("patients", "visits", "flow", "endpoints"):
        assert (again.folder / f"{name}.parquet").read_bytes() == (
            run.folder / f"{name}.parquet"
        ).read_bytes()


def test_options_are_drawn_in_proportion_to_their_shares() -> None:
    n = 4000
    arm, number = np.ones(n, np.int64), np.arange(n)
    choices = np.full((n, 3), stages.NOT_ASKED)
    scores = {"madrs": np.tile([30.0, 30, 30, 30, 30], (n, 1))}
    found = stages.decide(PROTOCOL, 336.0, number, arm, choices, scores, np.ones(n, bool), "t")
    assert (found[:, 0] == stages.NOT_MET).all()
    assert stats.binomtest(int((found[:, 1] == 1).sum()), n, 2 / 3).pvalue > 0.001
    nobody = stages.decide(PROTOCOL, 336.0, number, arm, choices, scores, np.zeros(n, bool), "t")
    assert (nobody[:, :2] == stages.NOT_MET).all()


def test_a_file_with_steps_reads_and_writes_itself() -> None:
    again = parse_protocol(PROTOCOL.to_yaml())
    assert again == PROTOCOL.replace(document=None)


@pytest.mark.parametrize("path", sorted((LIBRARY / "protocols").glob("*.yaml")), ids=lambda p: p.stem)
def test_protocols_of_the_library_run(path: Path, tmp_path) -> None:
    """Every design at a few patients: simulated, rated, tabulated; nobody lost."""
    protocol = read_protocol(path)
    small = protocol.replace(
        arms=tuple(Arm(a.name, 4, a.treatment, a.control, a.steps) for a in protocol.arms)
    )
    protocol = small = small.replace(replicates=min(small.replicates, 2), pool=min(small.pool, 20))
    result = sim.run_trial(small, tmp_path, jobs=1)
    patients = pl.read_parquet(result.folder / "patients.parquet")
    assert patients.height == 4 * len(protocol.arms) * protocol.replicates and patients["status"].sum() == 0
    assert ("path" in patients.columns) == protocol.staged


RULES = {
    "not response and madrs >= 11": [True, False, False],
    "remission on hamd17": [False, False, True],
    "change > -10": [True, False, False],
    "reduction < 20 %": [True, False, False],
    "": [True, True, True],
}


@pytest.mark.parametrize("text", RULES)
def test_rules_by_hand(text) -> None:
    madrs = np.array([[30.0, 25.0], [30.0, 14.0], [30.0, 8.0]])
    scores = {"madrs": madrs, "hamd17": np.array([[23.0, 19.0], [23.0, 11.0], [23.0, 7.0]])}
    assert fulfils(parse_rule(text), scores, 0, 1, "madrs").tolist() == RULES[text]


def test_a_missing_score_fulfils_no_rule() -> None:
    scores = {"madrs": np.array([[30.0, np.nan]])}
    for text in ("response", "not response", "madrs < 60"):
        assert not fulfils(parse_rule(text), scores, 0, 1, "madrs").any()


def test_what_is_no_rule_says_what_one_looks_like() -> None:
    with pytest.raises(UnitError, match="a rule looks like"):
        parse_rule("feels better")


TEXT = """euthymia: 1
title: t
duration: 4 weeks
population: {base: mdd_outpatient}
arms:
  - name: a
    n: 5
    treatment: [{drug: placebo, every: 24 h}]
    steps:
      - {name: one, at: week 2, if: better, switch: [{drug: sertraline, dose: 50 mg, every: 24 h}]}
      - {name: two, at: week 5, stop: true}
      - {name: three, at: week 3, only: [on], stop: true, leave: true}
      - {name: four, at: week 3, add: [{drug: sertralin, dose: 50 mg, every: 24 h, for: 2 weeks}]}
"""


def test_faults_of_steps_are_named_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_protocol(TEXT, "p.yaml")
    found = "\n".join(str(p) for p in caught.value.problems)
    for part in (
        "p.yaml:10:37: arms.0.steps.0.if: 'better' is no rule; a rule looks like",
        "p.yaml:11:25: arms.0.steps.1.at: 'week 5' is not a visit - did you mean 'week",
        "p.yaml:12:9: arms.0.steps.2: step 'three' has both stop and leave; give one of switch, add, stop, leave, randomise",
        "arms.0.steps.2.only: no earlier step is named 'on' - did you mean 'one'?",
        "arms.0.steps.3.add.0.drug: 'sertralin' is not a compound of the library - did you mean 'sertraline'?",
    ):
        assert part in found, found


def test_the_setting_of_a_protocol_reaches_the_outcome_layer() -> None:
    from euthymia.protocol.protocol import Setting
    from euthymia.trials.rate import context

    told = Setting(history="refractory", run_in=True, new_treatment=True, blinding="single")
    found = context(PROTOCOL.replace(setting=told, include=("hamd17 >= 20",)))
    assert (found.history, found.run_in, found.new_treatment, found.blinding) == (
        "refractory",
        True,
        True,
        "single",
    )
    assert found.threshold == pytest.approx(26.0) and not found.procedure  # 1.3 MADRS points a HAMD17 point
    assert context(read_protocol(LIBRARY / "protocols" / "crossover.yaml")).procedure


@pytest.mark.parametrize("scale", SCORES)
def test_endpoints_on_every_scale_follow_from_the_rated_totals(whole, scale) -> None:
    rated = rate(PROTOCOL, whole)
    seen = rated.observed.seen(scale.upper())
    last = np.array([[x for x in row if np.isfinite(x)][-1] for row in seen])
    change = endpoint_values(PROTOCOL, rated, Endpoint("c", scale, "change", "week 4"))
    below = endpoint_values(PROTOCOL, rated, Endpoint("b", scale, "below", "week 4", limit=9))
    np.testing.assert_array_equal(change, last - seen[:, 0])
    np.testing.assert_array_equal(below, last <= 9)


STEPS = """euthymia: 1
title: t
duration: 4 weeks
population: {base: mdd_outpatient}
arms:
  - name: a
    n: 5
    treatment: [{drug: sertraline, dose: 50 mg, every: 24 h}]
    steps:
      - {name: more, at: week 2, if: not response, add: [{drug: Sertraline, dose: 50 mg, every: 24 h}]}
      - {name: other, at: week 3, augment: [{drug: lithium, dose: 600 mg, every: 24 h}]}
  - name: b
    n: 5
    treatment: [{drug: ayahuasca, dose: 50 mg}, {drug: liafensine, dose: 1 mg}, {drug: ECT, dose: 1 mg}]
endpoints:
  - {name: remission, of: hamd17, kind: below, at: week 4, limit: 80}
  - {name: back, of: madrs, kind: relapse, at: week 4, limit: 61}
  - {name: change, of: madrs, kind: change, at: week 4}
analyses:
  - {name: both, method: crossover, endpoint: change, stage: more, periods: [week 2, week 9]}
"""


def test_what_cannot_be_meant_is_refused_with_what_can() -> None:
    """Drugs under other names, limits above every total, a second course of a drug, periods at no visit."""
    with pytest.raises(InputError) as caught:
        parse_protocol(STEPS, "p.yaml")
    found = "\n".join(str(p) for p in caught.value.problems)
    for part in (
        "p.yaml:10:65: arms.0.steps.0.add.0.drug: 'Sertraline' is given already in arm 'a' and goes on at week 2",
        "arms.0.steps.1.augment: unknown key 'augment' - did you mean 'add'?",
        "arms.1.treatment.0.drug: 'ayahuasca' is a mixture: dmt is there, harmine is not in the library; write 'drug: dmt'",
        "arms.1.treatment.1.drug: 'liafensine' (triple reuptake) is known, but the library has no compound file for it",
        "arms.1.treatment.2.drug: 'ECT' is not a drug; write 'intervention: ect'",
        "endpoints.0.limit: 80 is above every total of hamd17; expected 0 to 52",
        "endpoints.1.limit: 61 is above every total of madrs; expected 0 to 60",
        "analyses.0.periods.1: 'week 9' is not a visit",
    ):
        assert part in found, found
    assert "caffeine" not in found
    fine = STEPS.replace("add: [{drug: Sertraline", "switch: [{drug: Sertraline")
    with pytest.raises(InputError) as caught:
        parse_protocol(fine, "p.yaml")
    assert "given already" not in str(caught.value) and "is above" in str(caught.value)
