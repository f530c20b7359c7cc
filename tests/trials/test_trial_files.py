"""Trial files as outsiders write them: usual spellings are understood, what cannot be is named with line and remedy."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from scipy import stats

from euthymia.errors import InputError
from euthymia.evidence.read import LIBRARY, parse
from euthymia.trials import words
from euthymia.trials.published import SPREAD, from_document, read_trials
from euthymia.trials.treatments import KINDS, classes, find_treatment, find_treatments

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "trial-files.md").read_text("utf-8")
STRICT = """
trial: one_2020
year: 2020
population: {described: MDD}
design: {layout: parallel, blinding: double, duration: 6 weeks}
arms:
- {name: drug, role: active, treatment: sertraline, dose: 50 mg, schedule: daily 6 wk, n: 100}
- {name: placebo, role: control, treatment: placebo, n: 100}
results:
- {arm: drug, scale: MADRS, day: 42, baseline: 30, change: -14, sd: 9, response: 50, remission: 30, primary: true}
- {arm: placebo, scale: MADRS, day: 42, baseline: 30, change: -11, sd: 9, response: 40, primary: true}
primary_met: yes
"""


def read(text: str):
    return from_document(parse(text, "t.yaml"), "t.yaml", "t")


def faults(old: str, new: str) -> list[str]:
    assert old in STRICT
    with pytest.raises(InputError) as caught:
        read(STRICT.replace(old, new))
    return [str(p) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("day: 42", "week: 6"),
        ("day: 42", "time: 6 weeks"),
        ("day: 42", 'day: "week 6"'),
        ("scale: MADRS", "instrument: madrs"),
        ("change: -14", "mean_change: \u221214"),
        ("change: -14", "score: 16"),
        ("role: active, ", ""),
        ("role: control, ", ""),
        ("role: active", "role: experimental"),
        ("blinding: double", "masking: Double-Blind"),
        ("n: 100}", "N: '100'}"),
        ("primary_met: yes", "primary_met: true"),
        (", primary: true", ""),
        ("response: 50", "responders: 50"),
        ("response: 50", "response: 50/100"),
        ("response: 50", "response: 0.5"),
        ("response: 50", "response: 50 %"),
        ("year: 2020", 'year: "2020"'),
        ("change: -1", "change: 1"),
        ("duration: 6 weeks", "weeks: 6"),
        ("year: 2020", "year: 2020\nweeks: 6"),
    ],
)
def test_another_spelling_reads_the_same(old, new):
    """Both files give the same contrast, to the last digit, and the same response."""
    assert old in STRICT
    plain, other = read(STRICT), read(STRICT.replace(old, new))
    assert other.contrasts() == plain.contrasts()
    assert [r.response for r in other.results] == [r.response for r in plain.results]


def test_a_baseline_may_stand_with_the_population_or_the_arm():
    """The total at entry of all, or of one arm, serves every result that has none."""
    bare = STRICT.replace("baseline: 30, ", "")
    for told in (
        bare.replace("described: MDD", "described: MDD, baseline: 30"),
        bare.replace("n: 100}", "n: 100, baseline: 30}"),
    ):
        found = read(told)
        assert [r.baseline for r in found.results] == [30, 30] and not found.notes
    assert [r.baseline for r in read(bare).results] == [None, None]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("treatment: sertraline", "treatment: placebo",
         "t.yaml:7:41: arms.0.treatment: 'placebo' is no active treatment; give 'role: control' or name what the arm received"),
        ("scale: MADRS", "scale: MADSR", "t.yaml:10:22: results.0.scale: scale 'MADSR' has no link to severity - did you mean 'MADRS'?"),
        ("response: 50", "responders: 130",
         "t.yaml:10:84: results.0.responders: 130 responders of 100 patients cannot be; check both"),
        ("schedule: daily 6 wk", "schedule: daily 12 wk",
         "t.yaml:7:76: arms.0.schedule: 'daily 12 wk' lasts 84 days, the trial 42; mend the schedule or 'design.duration'"),
        ("arm: drug, scale", "arm: drugg, scale", "t.yaml:10:9: results.0.arm: no arm 'drugg' - did you mean 'drug'?"),
        ("n: 100}\n- {name: placebo", "n: 1}\n- {name: placebo", "t.yaml:7:91: arms.0.n: 1 patients are no arm; give at least 2"),
        ("baseline: 30, change: -14", "baseline: 30, change: -34", "t.yaml:10:60: results.0.change: a fall of 34 from a mean of 30"),
        ("remission: 30", "remission: 80", "t.yaml:10:97: results.0.remission: remission 80 % far above response 50 %: check both"),
        ("response: 50", "response: half", "t.yaml:10:82: results.0.response: 'half' is no percentage such as 52, '52 %' or '62/118'"),
        ("sd: 9, response: 50", "sd: 9, difference: -3, ci: [-9, -4]",
         "t.yaml:10:84: results.0.difference: -3 lies outside its interval [-9.0, -4.0]"),
        ("day: 42, baseline: 30, change: -14", "day: soon, baseline: 30, change: -14",
         "t.yaml:10:34: results.0.day: 'soon' is no time such as 42, '6 weeks' or '24 h'"),
        ("change: -14", "score: 20, change: -14",
         "t.yaml:10:71: results.0.change: change -14 contradicts baseline 30 and score 20; keep two of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_with_line_and_remedy(old, new, message):
    found = faults(old, new)
    assert any(f.startswith(message) for f in found), found


def test_a_drug_the_library_lacks_is_scored_by_its_class_and_said():
    known = read(STRICT.replace("treatment: sertraline", "treatment: seltorexant"))
    assert known.contrasts()[0].group == "orexin"
    assert "not in the library" in str(known.notes[0]) and "t.yaml:7:" in str(known.notes[0])
    new = read(STRICT.replace("treatment: sertraline", "treatment: unheardofine"))
    assert new.contrasts()[0].observed == -3 and "add 'class:'" in str(new.notes[0])
    stated = read(STRICT.replace("treatment: sertraline", "treatment: unheardofine, class: TCA"))
    assert stated.contrasts()[0].group == "TCA"
    near = read(STRICT.replace("treatment: sertraline", "treatment: sertralin"))
    assert "did you mean 'sertraline'" in str(near.notes[0])


def test_a_scale_without_a_link_is_compared_by_its_spread_or_said():
    by_sd = read(STRICT.replace("scale: MADRS", "scale: CGI-S").replace("baseline: 30, ", ""))
    assert by_sd.contrasts()[0].observed == pytest.approx(-3 / 9 * SPREAD)
    bare = read(STRICT.replace("scale: MADRS", "scale: CGI-S").replace("sd: 9, ", ""))
    assert bare.contrasts()[0].observed is None and bare.contrasts()[0].success is True
    assert "add 'sd' of the change" in str(bare.notes[0]) and ":10:" in str(bare.notes[0])


def test_standard_errors_come_from_interval_and_p_value():
    """Against the normal quantiles."""
    by_ci = read(STRICT.replace("response: 50", "difference: -3, ci: [-5.94, -0.06]")).contrasts()[0]
    assert by_ci.se == pytest.approx(2.94 / stats.norm.ppf(0.975), rel=1e-5)
    by_p = read(STRICT.replace("response: 50", "difference: -3, p: 0.0455")).contrasts()[0]
    assert by_p.se == pytest.approx(1.5, rel=1e-3)  # z of 0.0455 is 2.000


def test_a_difference_takes_the_sign_of_its_interval_and_of_the_changes():
    turned = read(STRICT.replace("response: 50", "difference: 3, ci: [-5, -1]"))
    assert turned.contrasts()[0].observed == -3 and "read as -3" in str(turned.notes)
    of_changes = read(STRICT.replace("response: 50", "difference: 2.8"))
    assert of_changes.contrasts()[0].observed == -2.8 and "negative favours the arm" in str(of_changes.notes)
    kept = read(STRICT.replace("change: -14", "change: -9").replace("response: 50", "difference: 1.8"))
    assert kept.contrasts()[0].observed == 1.8, "a drug that did worse stays worse"


def test_effect_sizes_and_verdicts_stand_in_for_missing_points():
    text = STRICT.replace("change: -14, sd: 9, ", "smd: -0.3, ").replace("change: -11, ", "")
    assert read(text).contrasts()[0].observed == pytest.approx(-0.3 * SPREAD)
    verdict = read(STRICT.replace("primary_met: yes\n", "").replace("response: 50", "difference: -3, p: 0.2"))
    assert verdict.primary_met == "no" and "primary_met" in str(verdict.notes)
    silent = read(STRICT[: STRICT.index("results:")] + "primary_met: no\n")
    (contrast,) = silent.contrasts()
    assert contrast.success is False and contrast.observed is None and contrast.n == 100


def test_every_kind_of_antidepressant_treatment_has_a_name_and_a_class():
    for text in (
        "racemic ketamine 0.5 mg/kg", "esketamine nasal spray", "Psilocybin 25 mg", "MDMA", "LSD", "ayahuasca", "zuranolone",
        "brexanolone", "AXS-05", "aripiprazole augmentation", "celecoxib", "multistrain probiotic", "ECT bilateral",
        "deep TMS H1", "tDCS 2 mA", "VNS", "deep brain stimulation", "internet CBT", "aerobic exercise", "EPA",
        "zinc sulfate", "lithium carbonate", "buprenorphine/samidorphan", "seltorexant", "onabotulinumtoxinA", "iTBS",
        "bright light therapy", "pramipexole", "N-acetylcysteine", "L-methylfolate", "scopolamine", "St John's wort",
    ):  # fmt: skip
        named = find_treatment(text)
        assert named is not None and named.group and named.kind in KINDS, text
    assert [n.name for _, n in find_treatments("iTBS + sertraline")] == ["theta burst", "sertraline"]


def test_names_of_the_list_are_unique_and_their_library_entries_exist():
    from euthymia.compounds.compound import resolve

    interventions = {p.stem for p in (LIBRARY / "interventions").glob("*.yaml")}
    with (LIBRARY / "treatment_names.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    names = [n.lower() for r in rows for n in (r["treatment"], *filter(None, r["synonyms"].split(";")))]
    assert len(names) == len(set(names))
    for row in rows:
        for entry in filter(None, row["library"].split(";")):
            assert entry in interventions or resolve(entry), entry


def test_the_page_names_every_class_and_its_examples_are_valid():
    for group in classes():
        assert f"`{group}`" in PAGE
    for block in PAGE.split("```yaml")[1:]:
        trial = read(block.split("```")[0])
        assert len(trial.contrasts()) == 1 and trial.contrasts()[0].success is True


def test_what_is_not_part_of_the_format_is_left_out_and_said():
    found = read(STRICT.replace("year: 2020", "year: 2020\nsponsor: nobody\nevidence: Table 2"))
    assert found.contrasts() == read(STRICT).contrasts()
    assert "t.yaml:4:1: sponsor: 'sponsor' is not read; it is left out" in [str(n) for n in found.notes]
    (slip,) = faults("population: {described", "population: {histroy: none, described")
    assert "unknown key 'histroy' - did you mean 'history'?" in slip
    dated = read(STRICT.replace("year: 2020\n", ""))
    assert dated.year == 2020 and "taken from the name" in str(dated.notes)


@pytest.mark.parametrize("junk", ["null", "[1, 2]", "{a: 1}", "-1", "1e9", "''", "yes", ".nan"])
@pytest.mark.parametrize(
    "key",
    [
        "n: 100}\n- {name: placebo",
        "arm: drug",
        "scale: MADRS",
        "day: 42",
        "change: -14",
        "treatment: sertraline",
    ],
)
def test_junk_is_refused_or_read_and_never_crashes(key, junk):
    name, _, rest = key.partition(": ")
    tail = rest[rest.index("}") :] if "}" in rest else ""
    try:
        assert isinstance(read(STRICT.replace(key, f"{name}: {junk}{tail}", 1)).contrasts(), list)
    except InputError as error:
        assert all(p.line for p in error.problems)


def test_response_rates_and_courses_are_scored_beside_the_naive_choice():
    """By hand: normal change around the predicted mean; the slow course has 63 % of the last difference at week 2."""
    from euthymia.trials.arms import control_changes
    from euthymia.trials.further import SPREAD_OF_CHANGE, further

    early = "- {arm: drug, scale: MADRS, day: 14, change: -8}\n- {arm: placebo, scale: MADRS, day: 14, change: -7}\nprimary_met"
    trial = read(STRICT.replace("primary_met", early, 1))
    row = {"trial": trial.id, "arm": "drug", "predicted": -2.0, "observed": -3.0, "low_90": -5, "high_90": 1}
    found = further([trial], [], {"contrasts": [row]})
    (course,) = found["time_course"]["rows"]
    assert course["predicted"] == pytest.approx(-2 * 0.63) and course["observed"] == -1
    assert found["time_course"]["mae"] == pytest.approx(0.26) and found["time_course"][
        "mae_flat"
    ] == pytest.approx(1)
    by_arm = {r["arm"]: r["predicted"] for r in found["response"]["rows"]}
    control = control_changes(trial)[42.0]
    assert by_arm["placebo"] == pytest.approx(100 * stats.norm.cdf((-15 - control) / SPREAD_OF_CHANGE))
    assert by_arm["drug"] == pytest.approx(100 * stats.norm.cdf((-15 - control + 2) / SPREAD_OF_CHANGE))
    assert found["grades"]["C"]["mae"] == 1 and found["grades"]["C"]["coverage_90"] == 1


def test_files_lists_tables_and_json_read_alike(tmp_path):
    data = parse(STRICT, "t").data
    (tmp_path / "one.json").write_text(json.dumps(data), "utf-8")
    (tmp_path / "two.yaml").write_text(STRICT.replace("one_2020", "two_2020"), "utf-8")
    (tmp_path / "many.yml").write_text(
        json.dumps([{**data, "trial": "three"}, {**data, "trial": "four"}]), "utf-8"
    )
    (tmp_path / "table.csv").write_text(
        "\ufeffTrial_ID;year;arm;treatment;n;scale;timepoint_days;change_mean;primary_met\n"
        "five;2020;a;sertraline;100;MADRS;42;-14;yes\nfive;2020;b;placebo;100;MADRS;42;\u221211;yes\n"
        "six;2020;a;sertraline;many;MADRS;42;-14;yes\n",
        "utf-8",
    )
    trials, problems = read_trials([tmp_path])
    assert {t.id for t in trials} == {"one_2020", "two_2020", "three", "four", "five"}
    assert {t.contrasts()[0].observed for t in trials} == {-3}
    (problem,) = problems
    assert problem.line == 4 and problem.key == "n" and "'many' is not a number" in problem.message


def test_a_trial_given_twice_is_said(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(STRICT, "utf-8")
    trials, problems = read_trials([tmp_path])
    assert len(trials) == 1 and "was read already" in str(problems[0])


def test_times_of_papers():
    found = [words.days(t) for t in ("24 hours", "2 h", "6-week", "day 8", "3 months")]
    assert found == pytest.approx([1, 1 / 12, 42, 8, 3 * 365.25 / 12])
    assert words.days("soon") is None
    assert words.schedule_days("5x/week 3 wk") == 21 and words.schedule_days("wk 0,2,6") is None


def test_schedules_of_the_library_are_in_the_words_of_the_format():
    from euthymia.evidence.read import load

    found = {
        a["schedule"]
        for p in (LIBRARY / "trials").glob("*.yaml")
        for a in load(p).data["arms"]
        if "schedule" in a
    }
    assert len(found) > 20
    for text in found:
        assert words.schedule(text) == text


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("twice weekly for 2 weeks", [0, 3, 7, 10]),
        ("3 times per week for 1 week", [0, 2, 4]),
        ("once daily for 3 days", [0, 1, 2]),
        ("b.i.d. 1 d", [0, 0.5]),
        ("two sessions, 3 weeks apart", [0, 21]),
        ("days 1, 8, 15", [0, 7, 14]),
        ("six infusions over 2 weeks", [0, 2, 4, 7, 9, 11]),
        ("single infusion", [0]),
        ("once weekly for 3 weeks", [0, 7, 14]),
    ],
)
def test_schedules_of_papers_give_the_doses_they_mean(text, days):
    from euthymia.trials.schedules import dose_times

    assert [t / 24 for t in dose_times(words.schedule(text), 42 * 24.0)] == days


def test_what_an_outsider_writes_from_a_paper_is_understood(tmp_path):
    """Arms by their treatment, a bounded p value, design keys at the top, a table that calls its first column trial."""
    text = """\
year: 2012
blinding: open
setting: inpatient
arms:
  - {treatment: vortioxetine, dose: 5 or 10 mg, schedule: daily 8 weeks, n: 100}
  - {treatment: placebo, n: 101}
results:
  - {arm: vortioxetine, scale: MADRS, week: 8, change: -14, difference: -3.0, p: <0.001}
  - {arm: placebo, scale: MADRS, week: 8, change: -11}
"""
    found = read(text)
    assert (found.blinding, found.setting) == ("open", "inpatient")
    assert [r.arm for r in found.results] == ["vortioxetine 5 or 10 mg", "placebo"]
    assert found.contrasts()[0].se == pytest.approx(3.0 / 3.2905, rel=1e-4)
    assert any("'<0.001' is read as 0.001" in str(n) for n in found.notes)
    twice = text.replace("treatment: placebo, n", "treatment: vortioxetine, dose: 20 mg, n")
    with pytest.raises(InputError, match="no arm 'vortioxetine'"):
        read(twice)
    table = tmp_path / "t.csv"
    rows = ["trial,year,arm,treatment,n,primary_met", "a,2018,x,pramipexole,30,no", "a,2018,y,placebo,30,no"]
    table.write_text("\n".join(rows) + "\n", "utf-8")
    from euthymia.cli.check import check_file

    assert check_file(table) == []
    table.write_text("trial,year,treatment\na,2018,placebo\n", "utf-8")
    assert "column 'arm' is missing" in str(check_file(table)[0])


AS_YAML = """trial,year,arm,drug,n,scale,week,baseline,change,sd,response,p,blinding,female,primary_met
one,2020,drug,sertraline,100,MADRS,2,30,-7,8,20/100,,double,60,yes
one,2020,drug,sertraline,100,MADRS,6,30,-14,9,50/100,0.02,double,60,yes
one,2020,placebo,placebo,100,MADRS,6,30,-11,9,40/100,,double,60,yes
"""


def test_a_table_with_the_names_of_trial_files_is_read(tmp_path):
    """The same trial under the table's own names and under those of trial files gives the same contrast."""
    (tmp_path / "a.csv").write_text(AS_YAML, "utf-8")
    own = AS_YAML.replace("trial,year,arm,drug,n,scale,week,baseline,change,sd,response",
                          "trial_id,year,arm,treatment,n,scale,timepoint_days,baseline_mean,change_mean,change_sd_or_se,"
                          "response_pct")  # fmt: skip
    for weeks, spread in ((",2,", ",8,"), (",6,", ",9,")):
        own = own.replace(weeks, f",{7 * int(weeks[1])},").replace(spread, f",SD{spread[1]},")
    (tmp_path / "b.csv").write_text(own.replace("one,", "two,"), "utf-8")
    (one, two), problems = read_trials([tmp_path])
    assert problems == [] and [n.message for n in one.notes] == [n.message for n in two.notes]
    (a,), (b,) = one.contrasts(), two.contrasts()
    assert (a.observed, a.day, a.n, a.success) == (b.observed, b.day, b.n, b.success) == (-3.0, 42, 100, True)
    assert a.se == b.se
    assert one.results == two.results and one.results[1].sd == 9 and one.results[0].response == 20
    assert one.female == 60 and one.blinding == "double"


def test_columns_of_a_table_that_are_not_read_are_said_once(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(AS_YAML.replace("baseline,change", "basline,change").replace("female", "site"), "utf-8")
    trials, problems = read_trials([table])
    said = [str(n) for t in trials for n in t.notes if "is not read" in str(n)]
    assert problems == [] and len(said) == 2
    assert "t.csv:1: basline: column 'basline' is not read; did you mean 'baseline'?" in said[0]
    assert "column 'site' is not read; it is left out" in said[1]
    table.write_text(AS_YAML.replace("female", "use").replace(",baseline,", ",weeks,"), "utf-8")
    notes = "\n".join(str(n) for n in read_trials([table])[0][0].notes)
    assert "column 'use' is not read; trials of a table count as 'use: validation'" in notes
    assert "column 'weeks' says the same as 'week', which is read" in notes


def test_a_table_without_a_contrast_says_so(tmp_path):
    """Nothing found under a known name: what is missing and what was not read, by name."""
    table = tmp_path / "t.csv"
    lost = AS_YAML.replace("change,sd,response,p", "delta_total,spread,responded,pp").replace(
        "primary_met", "verdict"
    )
    table.write_text(lost, "utf-8")
    _, problems = read_trials([table])
    (problem,) = problems
    assert "no trial of this table gives a contrast" in problem.message
    assert "'change', 'difference', 'response' or 'primary_met'" in problem.message
    assert "'delta_total'" in problem.message
    table.write_text(AS_YAML.replace("placebo,placebo", "other,escitalopram").replace("yes", ""), "utf-8")
    assert any("needs an active arm and a control" in str(p) for p in read_trials([table])[1])


def test_a_fault_in_a_table_has_the_line_of_the_table(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(AS_YAML.replace("MADRS,6,30,-11,9,40/100", "MADRS,6,30,-11,9,140"), "utf-8")
    problem = read_trials([table])[1][0]
    assert problem.line == 4 and "140 is not a percentage" in problem.message
