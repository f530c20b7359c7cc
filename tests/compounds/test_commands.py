"""The drug commands as users call them."""

from __future__ import annotations

import argparse
import importlib
import json

import numpy as np
import pytest

from euthymia.compounds.interactions import find, perpetrators
from euthymia.errors import EuthymiaError, InputError


def call(name: str, *words: str) -> int:
    module = importlib.import_module(f"euthymia.cli.{name}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args(words))


def test_card_as_json(capsys):
    assert call("drug", "Prozac", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [r["analyte"] for r in found["kinetics"]] == ["fluoxetine", "norfluoxetine"]
    assert found["targets"][0]["EC50_nmol_per_L"] <= found["targets"][-1]["EC50_nmol_per_L"]
    assert found["quality"]["gaps"] is not None and found["sources"]


def test_card_of_a_compound_without_kinetics_says_what_is_missing(capsys):
    assert call("drug", "curcumin") == 0
    text = capsys.readouterr().out
    assert "off by default" in text and "levels cannot be computed" in text


def test_comparison_page(tmp_path, capsys):
    target = tmp_path / "drugs.html"
    assert call("drug", "sertraline", "ketamine", "--html", str(target)) == 0
    text = target.read_text("utf-8")
    assert text.count("<svg") >= 3 and "http" not in text.split("<style>")[0]


def test_exposure_of_a_poor_metaboliser_with_an_inhibitor(capsys):
    words = ["--drug", "escitalopram", "--dose", "10 mg", "--every", "24 h", "--json"]
    call("exposure", *words)
    plain = json.loads(capsys.readouterr().out)
    call("exposure", *words, "--with", "omeprazole")
    inhibited = json.loads(capsys.readouterr().out)
    call("exposure", *words, "--phenotype", "CYP2C19=PM", "--with", "omeprazole")
    poor = json.loads(capsys.readouterr().out)
    level = [r["analytes"]["escitalopram"]["Cavg_ng_per_mL"] for r in (plain, inhibited, poor)]
    assert 1.3 < level[1] / level[0] < 1.8  # published: 1.5
    assert level[2] / level[0] == pytest.approx(1 / 0.3, rel=0.02)  # nothing left to inhibit


def test_phenelzine_with_sertraline_warns(capsys):
    assert call("interactions", "phenelzine", "sertraline") == 0
    assert "serotonin toxicity" in capsys.readouterr().out


def test_both_ways_of_one_pair(capsys):
    call("interactions", "paroxetine:20 mg:24 h", "desipramine:50 mg:24 h", "--json")
    rows = {r["drug"]: r["ratio"] for r in json.loads(capsys.readouterr().out)["levels"]}
    assert 3 < rows["desipramine"] < 7 and rows["paroxetine"] == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--drug", "sertralin", "--dose", "50 mg"], "did you mean 'sertraline'"),
        (["--drug", "sertraline", "--dose", "50"], "has no unit"),
        (["--drug", "sertraline", "--dose", "50 mg", "--phenotype", "CYP2C19=XM"], "is not a phenotype"),
        (["--drug", "sertraline", "--dose", "50 mg", "--phenotype", "CYP2C91=PM"], "CYP2C19"),
        (["--drug", "sertraline", "--dose", "50 mg", "--route", "intranasal"], "it has: oral"),
        (["--drug", "sertraline", "--dose", "50 mg", "--with", "omeprazol"], "did you mean 'omeprazole'"),
        (["--drug", "sertraline", "--dose", "50 mg", "--with", "quercetin"], r"unknown \(not none\)"),
        (["--drug", "sertraline", "--dose", "50 mg", "--weight", "-3"], "weight -3 kg is impossible"),
        (["--drug", "zinc", "--dose", "25 mg"], "no route with kinetic data"),
    ],
)
def test_bad_input(words, message):
    with pytest.raises(EuthymiaError, match=message):
        call("exposure", *words)


def test_patients_are_predicted_by_their_mean(tmp_path, capsys):
    """Levels of patients are skewed: papers' means lie above the middle patient, and the prediction does too."""
    table = tmp_path / "seen.csv"
    head = (
        "id,compound,dose,unit,metric,value,value_unit,interval_h,duration_days,phenotype,population,spread\n"
    )
    who = {"mean": "outpatients,SD 9", "middle": "outpatients,geometric CV 50 %", "alike": "volunteers,SD 9"}
    row = "escitalopram,10,mg,Cavg,15,ng/mL,24,ss,CYP2C19=NM"
    table.write_text(head + "".join(f"{k},{row},{v}\n" for k, v in who.items()))
    call("score_exposure", str(table), "--json")
    found = {r["id"]: r["predicted"] for r in json.loads(capsys.readouterr().out)["rows"]}
    assert found["middle"] == pytest.approx(found["alike"])
    assert 1.05 < found["mean"] / found["middle"] < 1.6


def test_score_reports_unusable_rows(tmp_path, capsys):
    table = tmp_path / "seen.csv"
    table.write_text(
        "id,compound,dose,unit,metric,value,value_unit,interval_h,duration_days,population\n"
        "a,escitalopram,10,mg,Cavg,15,ng/mL,24,ss,volunteers\n"
        "b,nosuchdrug,10,mg,Cavg,15,ng/mL,24,ss\n"
        "c,escitalopram,10,mg,Happiness,15,ng/mL,24,ss\n"
        "d,escitalopram,10,mg,Cavg,15,kg,24,ss\n"
    )
    call("score_exposure", str(table), "--json")
    found = json.loads(capsys.readouterr().out)
    assert [r["id"] for r in found["rows"]] == ["a"]
    assert {u["id"] for u in found["unusable"]} == {"b", "c", "d"}
    assert found["classes"]["typical"]["n"] == 1
    assert found["rows"][0]["predicted"] == pytest.approx(10e6 / 27 / 24 / 1000, rel=0.01)


def test_score_of_a_file_that_is_no_table(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("name,dose\na,1\n")
    with pytest.raises(InputError, match="'metric' is missing"):
        call("score_exposure", str(path))


def test_perpetrators_only_name_known_enzymes():
    known = {
        "CYP1A2",
        "CYP2A6",
        "CYP2B6",
        "CYP2C8",
        "CYP2C9",
        "CYP2C19",
        "CYP2D6",
        "CYP3A4",
        "UGT",
        "OCT2",
        "renal",
        "gut",
    }
    for entry in perpetrators().values():
        assert set(entry.enzymes) <= known
    assert find("rifampin").name == "rifampicin"


def test_doses_and_names_as_people_write_them(capsys):
    def level(*words: str) -> float:
        call("exposure", *words, "--json")
        return next(iter(json.loads(capsys.readouterr().out)["analytes"].values()))["Cavg_ng_per_mL"]

    plain = level("--drug", "citalopram", "--dose", "40 mg", "--every", "12 h", "--weight", "80")
    salt = ["--drug", "citalopram hydrobromide", "--dose", "0.5 mg/kg", "--every", "bid", "--weight", "80"]
    assert level(*salt) == pytest.approx(plain)
    slow = ["--drug", "venlafaxine", "--dose", "75 mg", "--formulation"]
    assert level(*slow, "XR") == pytest.approx(level(*slow, "extended-release"))
    with pytest.raises(InputError, match="'once' is a single dose"):
        call("exposure", "--drug", "citalopram", "--dose", "40 mg", "--every", "0 h")
    with pytest.raises(InputError, match="is no mass"):
        call("exposure", "--drug", "citalopram", "--dose", "40 furlong/kg")


def test_peaks_of_a_card_are_as_high_on_every_day():
    """A drug that is gone within hours: a grid that misses peaks would show a spike where it is finer."""
    from euthymia.compounds.card import card
    from euthymia.compounds.compound import load_compound

    course = card(load_compound("quetiapine"))["course_at_low_dose"]
    day = np.floor(course["time_h"] / 24.0 + 1e-9)
    level = next(iter(course["ng_per_mL"].values()))
    peaks = np.array([level[day == d].max() for d in range(3, int(day.max()))])
    assert peaks.max() < 1.02 * peaks.min()
