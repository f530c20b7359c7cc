"""Broken protocol files: the exact message of every problem, all at once, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from euthymia.cli import main

GOOD = """\
euthymia: 1
title: Sertraline against placebo
seed: 1
duration: 8 weeks
population:
  base: mdd_outpatient
  include: [madrs >= 22]
arms:
  - name: placebo
    n: 10
    control: true
    treatment:
      - {drug: placebo, every: 24 h}
  - name: sertraline
    n: 10
    treatment:
      - {drug: sertraline, dose: 50 mg, route: oral, every: 24 h}
visits: [baseline, week 4, week 8]
endpoints:
  - {name: response, of: madrs, kind: percent_reduction, at: week 8, at_least: 50 %}
"""

# what is replaced, by what, and the exact messages
CASES: dict[str, tuple[str, str, list[str]]] = {
    "unknown key": ("duration: 8 weeks", "duration: 8 weeks\nduratoin: 8 weeks", [
        "f.yaml:5:1: duratoin: unknown key 'duratoin' - did you mean 'duration'?"]),
    "unknown key in a treatment": ("dose: 50 mg, route", "dosee: 50 mg, route", [
        "f.yaml:17:9: arms.1.treatment.0: 'dose' is missing for sertraline, for example 'dose: 20 mg'",
        "f.yaml:17:28: arms.1.treatment.0.dosee: unknown key 'dosee' - did you mean 'dose'?"]),
    "misspelt drug": ("drug: sertraline", "drug: sertralin", [
        "f.yaml:17:16: arms.1.treatment.0.drug: 'sertralin' is not a compound of the library"
        " - did you mean 'sertraline'?"]),
    "wrong dimension of a dose": ("50 mg, route", "50 mg/L, route", [
        "f.yaml:17:34: arms.1.treatment.0.dose: '50 mg/L' is a mass/volume; expected a mass; for example '20 mg'"]),
    "dose without unit": ("dose: 50 mg, route", "dose: 50, route", [
        "f.yaml:17:34: arms.1.treatment.0.dose: should be an amount with its unit, for example '20 mg'"
        " or '0.5 mg/kg', got 50"]),
    "dose that is no amount": ("dose: 50 mg, route", "dose: 0 mg, route", [
        "f.yaml:17:34: arms.1.treatment.0.dose: '0 mg' is not a positive amount"]),
    "negative n": ("n: 10\n    treatment", "n: -5\n    treatment", [
        "f.yaml:15:8: arms.1.n: should be at least 1, got -5"]),
    "n is text": ("n: 10\n    treatment", "n: sixty\n    treatment", [
        "f.yaml:15:8: arms.1.n: should be a whole number from 1, got 'sixty'"]),
    "n is a fraction": ("n: 10\n    treatment", "n: 10.5\n    treatment", [
        "f.yaml:15:8: arms.1.n: should be a whole number from 1, got 10.5"]),
    "n is missing": ("    n: 10\n    treatment", "    treatment", ["f.yaml:14:5: arms.1: 'n' is missing"]),
    "huge dose": ("dose: 50 mg", "dose: 25 g", [
        "f.yaml:17:34: arms.1.treatment.0.dose: '25 g' is 125 times the largest usual dose (200 mg);"
        " add 'allow: [high_dose]' to keep it"]),
    "unknown route": ("route: oral", "route: intravenous", [
        "f.yaml:17:48: arms.1.treatment.0.route: sertraline has no data for the route 'intravenous'; it has: oral"]),
    "unknown unit of time": ("every: 24 h}\nvisits", "every: 24 hours_}\nvisits", [
        "f.yaml:17:61: arms.1.treatment.0.every: should be a time with its unit, for example '8 weeks',"
        " got '24 hours_'"]),
    "interval of zero": ("every: 24 h}\nvisits", "every: 0 h}\nvisits", [
        "f.yaml:17:61: arms.1.treatment.0.every: must be longer than zero"]),
    "trial without length": ("duration: 8 weeks", "duration: 0 weeks", [
        "f.yaml:4:11: duration: '0 weeks' is no time; a trial lasts longer than that",
        "f.yaml:18:20: visits.1: 'week 4' lies outside the trial of 0 weeks",
        "f.yaml:18:28: visits.2: 'week 8' lies outside the trial of 0 weeks"]),
    "duration is a mass": ("duration: 8 weeks", "duration: 8 mg", [
        "f.yaml:4:11: duration: should be a time with its unit, for example '8 weeks', got '8 mg'"]),
    "visit after the end": ("week 4, week 8]", "week 4, week 8, week 12]", [
        "f.yaml:18:36: visits.3: 'week 12' lies outside the trial of 8 weeks"]),
    "visit twice": ("week 4, week 8]", "week 4, day 29, week 8]", [
        "f.yaml:18:28: visits.2: 'day 29' is the same time as another visit"]),
    "no baseline": ("visits: [baseline, ", "visits: [", [
        "f.yaml:18:9: visits: 'baseline' is missing; every outcome is read against it"]),
    "visit of no form": ("week 4, week 8]", "wk 4, week 8]", [
        "f.yaml:18:20: visits.1: should be 'baseline', 'day 8', 'week 2' or 'day 1 + 40 min', got 'wk 4'"]),
    "endpoint at no visit": ("at: week 8, at_least", "at: week 6, at_least", [
        "f.yaml:20:62: endpoints.0.at: 'week 6' is not a visit - did you mean 'week 8'?"]),
    "response without threshold": (", at_least: 50 %}", "}", [
        "f.yaml:20:5: endpoints.0: percent_reduction needs 'at_least', for example 'at_least: 50 %'"]),
    "remission without limit": ("kind: percent_reduction, at: week 8, at_least: 50 %", "kind: below, at: week 8", [
        "f.yaml:20:5: endpoints.0: below needs 'limit', for example 'limit: 10'"]),
    "unknown kind of endpoint": ("kind: percent_reduction", "kind: percent_reductoin", [
        "f.yaml:20:39: endpoints.0.kind: unknown value 'percent_reductoin' - did you mean 'percent_reduction'?"]),
    "unknown scale": ("of: madrs, kind", "of: madrss, kind", [
        "f.yaml:20:26: endpoints.0.of: unknown value 'madrss' - did you mean 'madrs'?"]),
    "unknown population": ("base: mdd_outpatient", "base: mdd_outpatients", [
        "f.yaml:6:9: population.base: unknown population 'mdd_outpatients' - did you mean 'mdd_outpatient'?"]),
    "unknown quantity in a condition": ("[madrs >= 22]", "[madr >= 22]", [
        "f.yaml:7:13: population.include.0: unknown quantity 'madr' - did you mean 'madrs'?"]),
    "condition of no form": ("[madrs >= 22]", "[madrs about 22]", [
        "f.yaml:7:13: population.include.0: 'madrs about 22' is not a condition; a condition looks like"
        " 'madrs >= 22' or 'age between 18 years and 65 years'"]),
    "condition with an unknown unit": ("[madrs >= 22]", "[age >= 22 yeers]", [
        "f.yaml:7:13: population.include.0: 'yeers' is not a unit; a unit looks like 'L/h', 'nmol/L', '%' or '1'"]),
    "no arms": ("arms:\n", "arms: []\nxarms:\n", [
        "f.yaml:8:7: arms: needs at least 1 entry",
        "f.yaml:9:1: xarms: unknown key 'xarms' - did you mean 'arms'?"]),
    "two arms of one name": ("name: sertraline", "name: placebo", [
        "f.yaml:14:11: arms.1.name: two arms are named 'placebo'"]),
    "two controls": ("n: 10\n    treatment", "n: 10\n    control: true\n    treatment", [
        "f.yaml:9:3: arms: more than one arm is marked 'control: true'"]),
    "overlapping doses": (
        "every: 24 h}\nvisits", "every: 24 h}\n      - {drug: sertraline, dose: 50 mg, every: 12 h}\nvisits", [
            "f.yaml:18:9: arms.1.treatment.1: doses of sertraline overlap with another line of this arm"]),
    "course longer than the trial": ("every: 24 h}\nvisits", "every: 24 h, for: 12 weeks}\nvisits", [
        "f.yaml:17:72: arms.1.treatment.0.for: '12 weeks' is longer than the trial (8 weeks)"]),
    "more than all doses taken": ("seed: 1", "seed: 1\nadherence: {mean: 120 %}", [
        "f.yaml:4:19: adherence.mean: '120 %' is more than all doses"]),
    "seed is text": ("seed: 1", "seed: one", [
        "f.yaml:3:7: seed: should be a whole number; the same seed gives the same trial, got 'one'"]),
    "another format version": ("euthymia: 1", "euthymia: 2", ["f.yaml:1:11: euthymia: unknown value 2; allowed: 1"]),
    "duplicate key": ("seed: 1", "seed: 1\nseed: 2", ["f.yaml:4:1: seed: 'seed' stands here a second time"]),
    "syntax error": ("[madrs >= 22]", "[madrs >= 22", [
        "f.yaml:8:5: YAML syntax: did not find expected ',' or ']'"]),
    "tab": ("  base: mdd", "\tbase: mdd", [
        "f.yaml:6:1: YAML syntax: found character that cannot start any token"]),
    "missing population": ("population:\n  base: mdd_outpatient\n  include: [madrs >= 22]\n", "", [
        "f.yaml:1:1: 'population' is missing"]),
    "shares that cannot be": ("at_least: 50 %}", "at_least: 150 %}\nsetting: {unblinding: 300 %}", [
        "f.yaml:20:80: endpoints.0.at_least: '150 %' cannot be; give more than 0 % and at most 100 %",
        "f.yaml:21:23: setting.unblinding: '300 %' cannot be; give more than 0 % and at most 100 %"]),
    "too few for a comparison": ("n: 10\n    treatment:\n      - {drug: sertraline, dose: 50 mg, route: oral, every: 24 h}",
        "n: 1\n    treatment:\n      - {drug: sertraline, dose: 50 mg, every: 24 h}\n"
        "analyses: [{name: a, method: logistic, endpoint: response, alpha: 80 %}]", [
        "f.yaml:18:30: analyses.0.method: 1 patient in arm 'sertraline' is too few for logistic; it needs 2 an arm:"
        " more patients, or no analysis",
        "f.yaml:18:67: analyses.0.alpha: '80 %' cannot be; give more than 0 % and at most 50 %"]),
    "three problems at once": ("title: Sertraline against placebo\nseed: 1", "titel: x\nseed: -1", [
        "f.yaml:1:1: 'title' is missing",
        "f.yaml:2:1: titel: unknown key 'titel' - did you mean 'title'?",
        "f.yaml:3:7: seed: should be at least 0, got -1"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_messages(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    old, new, messages = CASES[name]
    assert GOOD.count(old) == 1, "the case must change exactly one place"
    monkeypatch.chdir(tmp_path)
    Path("f.yaml").write_text(GOOD.replace(old, new), "utf-8")
    assert main(["run", "f.yaml"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[:-1] == messages
    assert said[-1] == f"{len(messages)} problem{'s' if len(messages) > 1 else ''}; nothing was written."
    assert [p.name for p in tmp_path.iterdir()] == ["f.yaml"]


def test_the_good_file_is_good(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(GOOD, "utf-8")
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out == "1 files, 0 problems\n"
