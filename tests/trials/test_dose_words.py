"""Doses in the words of a treatment, in trial files and tables; the course they lead to."""

from __future__ import annotations

import pytest

from euthymia.trials.courses import Course, course_of
from euthymia.trials.dose_words import doses_in
from euthymia.trials.published import read_trial, read_trials

READ = {
    "esketamine 56 or 84 mg": ("esketamine", "56-84 mg"),
    "esketamine 56/84 mg": ("esketamine", "56-84 mg"),
    "esketamine (56/84 mg)": ("esketamine", "56-84 mg"),
    "sertraline 20-40 mg/day": ("sertraline", "20-40 mg"),
    "sertraline 10 mg to 20 mg": ("sertraline", "10-20 mg"),
    "sertraline, flexible dose 50 to 200 mg/day": ("sertraline", "flexible 50-200 mg"),
    "flexible 50 to 200 mg sertraline": ("sertraline", "flexible 50-200 mg"),
    "bupropion 150 mg bid": ("bupropion", "150 mg bid"),
    "bupropion 300 mg/day bid": ("bupropion", "150 mg bid"),
    "sertraline up to 200 mg/day": ("sertraline", "up to 200 mg"),
    "quetiapine 1,500 mg daily": ("quetiapine", "1500 mg"),
    "ketamine 0.5 mg/kg twice weekly": ("ketamine", "0.5 mg/kg 2x/week"),
    "vortioxetine 5, 10 or 20 mg": ("vortioxetine", "5-20 mg"),
    "olanzapine/fluoxetine 6/25 mg": ("olanzapine/fluoxetine", "6/25 mg"),
    "dextromethorphan 45 mg/bupropion 105 mg": ("dextromethorphan /bupropion", "45 mg + 105 mg"),
    "tDCS + sertraline 50 mg": ("tDCS + sertraline", "+ 50 mg"),
    "sertraline 50 mg + bupropion 150 mg": ("sertraline + bupropion", "50 mg + 150 mg"),
    "psilocybin 25 mg with psychological support": ("psilocybin with psychological support", "25 mg"),
    "5-MeO-DMT 8 mg": ("5-MeO-DMT", "8 mg"),
    "zuranolone (SAGE-217) 30 mg": ("zuranolone (SAGE-217)", "30 mg"),
    "CP-316,311": ("CP-316,311", ""),
    "14-strain probiotic": ("14-strain probiotic", ""),
}


@pytest.mark.parametrize("text", READ)
def test_words_to_dose(text: str) -> None:
    assert doses_in(text) == (*READ[text], ())


FORM = """\
trial: t
year: 2020
population: {{described: adults}}
design: {{layout: parallel, blinding: double}}
arms:
  - {{name: a, role: active, treatment: "{treatment}", n: 40}}
  - {{name: placebo, role: control, treatment: placebo, n: 40}}
results:
  - {{arm: a, scale: MADRS, week: 8, difference: -3, primary: true}}
primary_met: yes
"""


def course(tmp_path, treatment: str) -> Course:
    path = tmp_path / "t.yaml"
    path.write_text(FORM.format(treatment=treatment), "utf-8")
    trial = read_trial(path)
    found = course_of(trial, trial.arm("a"))
    assert isinstance(found, Course), found
    return found


def given(found: Course) -> list[tuple[str, float, float, int]]:
    return [(d.compound, d.amount, d.times[0] / 168, len(d.times)) for d in found.drugs]


def test_words_become_the_doses_patients_get(tmp_path) -> None:
    assert given(course(tmp_path, "sertraline 20-40 mg/day")) == [("sertraline", 30.0, 0.0, 56)]
    assert given(course(tmp_path, "bupropion 150 mg bid")) == [("bupropion", 150.0, 0.0, 112)]
    assert given(course(tmp_path, "bupropion 300 mg/day bid")) == [("bupropion", 150.0, 0.0, 112)]
    assert given(course(tmp_path, "esketamine 56 or 84 mg"))[0][:2] == ("esketamine", 70.0)
    assert given(course(tmp_path, "flexible 50 to 200 mg sertraline")) == [
        ("sertraline", 50.0, 0.0, 7),
        ("sertraline", 125.0, 1.0, 7),
        ("sertraline", 150.0, 2.0, 42),
    ]
    both = course(tmp_path, "sertraline 50 mg + bupropion 150 mg")
    assert [g[:2] for g in given(both)] == [("sertraline", 50.0), ("bupropion", 150.0)]
    beside = course(tmp_path, "tDCS + sertraline 50 mg")
    assert [g[:2] for g in given(beside)] == [("sertraline", 50.0)] and beside.ports


def test_a_table_is_read_the_same(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "trial,year,arm,treatment,role,n,scale,day,change,primary\n"
        't,2020,a,"esketamine 56 or 84 mg",active,40,MADRS,28,-15,yes\n'
        "t,2020,p,placebo,control,40,MADRS,28,-11,yes\n",
        "utf-8",
    )
    trials, problems = read_trials([path])
    assert (
        not problems
        and trials[0].arm("a").dose == "56-84 mg"
        and trials[0].arm("a").treatment == "esketamine"
    )


def test_a_dose_of_its_own_is_left_and_what_cannot_be_read_is_named(tmp_path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(FORM.format(treatment="sertraline 2 tablets"), "utf-8")
    assert any("'2 tablets'" in n.message and n.line == 6 for n in read_trial(path).notes)
    path.write_text(FORM.format(treatment='sertraline 50 mg", dose: "100 mg'), "utf-8")
    assert read_trial(path).arm("a").dose == "100 mg"
    path.write_text(FORM.format(treatment="rTMS 10 Hz"), "utf-8")
    assert not any("not read as a dose" in n.message for n in read_trial(path).notes)


def test_check_prints_what_was_understood_otherwise(tmp_path, capsys) -> None:
    from euthymia.cli import main

    path = tmp_path / "t.csv"
    path.write_text(
        "trial,year,arm,treatment,role,n,scale,day,change,primary,weather\n"
        't,2020,a,"esketamine 56 or 84 mg",active,40,MADRS,28,-15,yes,fine\n'
        "t,2020,p,placebo,control,40,MADRS,28,-11,yes,fine\n",
        "utf-8",
    )
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "note: " in said and "'56-84 mg' is taken from" in said and "weather" in said
