"""Tables of observed exposures: what is read from them, what a ratio is compared with, and known answers."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest

from euthymia.cli import main
from euthymia.compounds.compound import load_compound
from euthymia.compounds.course import Treatment, draw_occasions, simulate_course
from euthymia.compounds.exposure import area
from euthymia.compounds.genotype import draw_scores, read_activity
from euthymia.compounds.interactions import find
from euthymia.compounds.observation_text import gene, given, mass, tokens, unit_text, variation
from euthymia.compounds.observations import COLUMNS, observation, read_observations
from euthymia.compounds.score import class_of, reference_of, score
from euthymia.errors import InputError

ROW = {
    "compound": "escitalopram",
    "dose": "10",
    "unit": "mg",
    "metric": "Cavg",
    "value": "15",
    "value_unit": "ng/mL",
}


def row(**more: str):
    return observation("x", ROW | more)


@pytest.mark.parametrize(
    ("more", "group"),
    [
        ({}, "typical"),
        ({"compound": "risperidone", "analyte": "9-OH-risperidone"}, "metabolite"),
        ({"compound": "racemic ketamine", "analyte": "esketamine"}, "typical"),
        ({"metric": "AUC_ratio", "analyte": "norfluoxetine", "compound": "fluoxetine", "reference": "analyte=fluoxetine"}, "metabolite"),
        ({"metric": "AUC_ratio", "phenotype": "CYP2C19=PM"}, "drug_gene"),
        ({"metric": "Css_ratio", "reference": "CYP2C19=NM", "phenotype": "CYP2C19=PM"}, "drug_gene"),
        ({"metric": "AUC_ratio", "co_medication": "omeprazole:30 mg:24"}, "drug_drug"),
        ({"metric": "AUC_ratio", "co_medication": "omeprazole", "phenotype": "CYP2C19=PM", "reference": "no co_medication"}, "drug_drug"),
        ({"metric": "AUC_ratio", "co_medication": "omeprazole", "phenotype": "CYP2C19=PM", "reference": "CYP2C19=NM"}, "drug_gene"),
        ({"metric": "occupancy", "target": "SERT", "value_unit": "percent"}, "occupancy"),
        ({"value": "45", "value_unit": "percent"}, "spread"),
        ({"class": "spread"}, "spread"),
    ],
)  # fmt: skip
def test_class_is_worked_out(more, group):
    assert class_of(row(**more)) == group


def test_east_asian_groups_are_lighter_where_no_weight_is_stated():
    plain = row(population="healthy volunteers", metric="AUC_inf", value_unit="ng*h/mL")
    lighter = row(population="20 healthy Chinese men", metric="AUC_inf", value_unit="ng*h/mL")
    stated = row(population="20 healthy Chinese men", weight_kg="70", metric="AUC_inf", value_unit="ng*h/mL")
    assert "weight" not in plain.covariates
    assert lighter.covariates["weight"] == pytest.approx(0.85 * 70)
    assert stated.covariates["weight"] == 70
    heavy, light = (s.predicted for s in score([plain, lighter])[0])
    assert light / heavy == pytest.approx(0.85**-0.75, rel=0.01)


def test_reference_changes_what_it_names_and_nothing_else():
    seen = row(
        metric="AUC_ratio",
        phenotype="CYP2C19=PM;CYP2D6=IM",
        co_medication="omeprazole:40 mg:24",
        reference="no co_medication; CYP2C19=NM; dose=20; smoker=no; analyte=escitalopram",
        population="smoker=yes;n=12",
    )
    base = reference_of(seen)
    assert not base.others and base.dose == 20 and base.covariates["smoker"] == 0
    assert dict(base.phenotype) == {"CYP2C19": "NM", "CYP2D6": "IM"}
    assert seen.covariates["smoker"] == 1 and base.tokens["n"] == "12"
    with pytest.raises(ValueError, match="reference 'something else' is not understood"):
        reference_of(row(metric="AUC_ratio", phenotype="CYP2D6=PM", reference="something else"))
    with pytest.raises(ValueError, match="needs a reference"):
        reference_of(row(metric="AUC_ratio"))


def test_a_ratio_of_doses_is_the_ratio_of_doses_for_a_linear_drug():
    seen = [row(metric="AUC_ratio", reference="dose=5", interval_h="24", duration_days="ss")]
    assert score(seen)[0][0].predicted == pytest.approx(2, rel=1e-3)


def test_cells():
    assert given("paroxetine:20 mg:24").dose == 20 and given("paroxetine").dose == 0
    assert given("quinidine:50 mg:single").interval == 0 == given("quinidine:50 mg:0").interval
    assert given("bupropion:0.15 g bid") == given("bupropion:150 mg:12")
    assert mass("0.5", "mg/kg", 80, 0, math.nan) == 40
    assert mass("90", "ug/kg/h", 70, 60, math.nan) == pytest.approx(378)
    assert mass("24", "mmol", 70, 0, load_compound("lithium").value("molar_mass")) == pytest.approx(
        886.8, rel=0.01
    )
    with pytest.raises(ValueError, match="infusion_min is needed"):
        mass("5", "mg/h", 70, 0, math.nan)
    assert (
        tokens("healthy, non-smokers, n=12")["n"] == "12" and tokens("healthy non-smokers")["smoker"] == "no"
    )
    assert tokens("extended release tablet")["formulation"] == "extended_release"
    assert (
        variation("CV 45 %", 1) == 0.45
        and variation("SD 5", 20) == 0.25
        and math.isnan(variation("95% CI 1-2", 1))
    )
    assert [gene(t) for t in ("SERT", "5-HT2A", "MAO-A", "D2", "SLC6A2")] == [
        "SLC6A4",
        "HTR2A",
        "MAOA",
        "DRD2",
        "SLC6A2",
    ]
    assert unit_text("ng·h/mL") == "ng*h/mL"


def test_alleles_and_scores():
    assert read_activity("CYP2D6", "*1/*4") == 1 and read_activity("CYP2D6", "*10/*10") == 0.5
    assert read_activity("CYP2C19", "*17/*17") == 3 and read_activity("CYP2C19", "NM/IM") == 1.5
    with pytest.raises(InputError, match=r"allele '\*99' of CYP2D6 has no activity here"):
        read_activity("CYP2D6", "*1/*99")
    scores = draw_scores("CYP2D6", (np.arange(20_000) + 0.5) / 20_000)
    assert (scores == 0).mean() == pytest.approx(0.065, abs=1e-3)
    assert (scores == 3).mean() == pytest.approx(0.031, abs=1e-3)


def test_a_patch_delivers_what_is_stated():
    """6 mg a day into the blood at 84 L/h: 2.98 ng/mL whatever the patch holds."""
    seen = observation(
        "x",
        {"compound": "selegiline", "dose": "6", "unit": "mg/24 h", "route": "transdermal", "interval_h": "24",
         "duration_days": "ss", "metric": "Cavg", "value": "3", "value_unit": "ng/mL", "population": "healthy"},
    )  # fmt: skip
    clearance = load_compound("selegiline").value("CL")
    assert score([seen])[0][0].predicted == pytest.approx(6e3 / 24 / clearance, rel=0.01)


def test_level_long_after_the_last_dose_keeps_falling():
    seen = [
        row(interval_h="24", duration_days="ss", at_h=str(h), metric="Cavg", compound="reboxetine", dose="8", population="healthy")
        for h in (24, 48, 72)
    ]  # fmt: skip
    low, lower, lowest = (r.predicted for r in score(seen)[0])
    drug = load_compound("reboxetine")
    fall = math.exp(-24 * drug.value("CL") / drug.value("V"))
    assert lower / low == pytest.approx(fall, rel=0.02) and lowest / lower == pytest.approx(fall, rel=0.02)


def test_fixed_inhibitors_follow_their_dose():
    usual = find("ketoconazole")
    half = usual.at_dose(usual.daily / 2).enzymes["CYP3A4"].value
    assert 1 / half - 1 == pytest.approx((1 / usual.enzymes["CYP3A4"].value - 1) / 2)
    assert (
        find("rifampicin").at_dose(300).enzymes["CYP3A4"].value == find("rifampicin").enzymes["CYP3A4"].value
    )


def test_gut_wall_and_liver_multiply():
    """AUC by mouth rises by 1/(r (1 - G + G a)), after the vein by (1 - E + E r)/r."""
    drug = load_compound("midazolam")
    left = find("ketoconazole").enzymes["CYP3A4"].value
    share, extraction, gut = (drug.value(k) for k in ("pathways.CYP3A4", "extraction", "gut_extraction"))
    r = 1 - share + share * left
    expected = {
        "oral": 1 / (r * (1 - gut + gut * left)),
        "intravenous": (1 - extraction + extraction * r) / r,
    }
    times = np.unique(np.concatenate([[0.0], np.geomspace(0.01, 120, 600)]))
    for route, ratio in expected.items():
        given = [Treatment(drug, 5, 0, 0, 120, route)]
        alone, both = (
            area(times, simulate_course(given, times, static=s).levels["midazolam"][0])
            for s in ((), (find("ketoconazole"),))
        )
        assert both / alone == pytest.approx(ratio, rel=0.01), route


def test_kidney_function_and_transport_reach_renal_clearance():
    lithium = load_compound("lithium")
    times = np.linspace(20 * 24, 21 * 24, 25)
    level = simulate_course(
        [Treatment(lithium, 600, 24, 0, 504)], times, {"egfr": np.array([100.0, 50.0])}, n=2
    )
    mean = level.levels["lithium"].mean(axis=1)
    assert mean[1] / mean[0] == pytest.approx(2, rel=0.05)
    with_nsaid = simulate_course([Treatment(lithium, 600, 24, 0, 504)], times, static=(find("ibuprofen"),))
    assert with_nsaid.levels["lithium"].mean() / mean[0] == pytest.approx(1 / 0.78, rel=0.03)


def test_occasions_scatter_within_one_patient_around_the_same_average():
    drug = load_compound("agomelatine")
    rng = np.random.default_rng(1)
    n, days = 400, 14
    factors = draw_occasions([drug], n, rng)
    times = np.arange(0, days * 24 + 1, 0.5)
    given = [Treatment(drug, 25, 24, 0, days * 24)]
    course = simulate_course(given, times, n=n, rtol=1e-5, occasions=factors)
    plain = simulate_course(given, times)
    daily = np.array(
        [area(times[:49], course.levels["agomelatine"][:, i : i + 49][0]) for i in range(0, 13 * 48, 48)]
    )
    expected = area(times[:49], plain.levels["agomelatine"][0, :49]) * factors["agomelatine"][0, :13]
    assert daily == pytest.approx(expected, rel=0.01)
    sd = load_compound("agomelatine").value("occasion.F")
    assert np.log(factors["agomelatine"]).std() == pytest.approx(sd, rel=0.05)
    assert not draw_occasions([load_compound("sertraline")], 3, rng)


def test_json_has_the_promised_shape(tmp_path, capsys):
    rows = [
        ROW | {"id": "a", "interval_h": "24", "duration_days": "ss", "spread": "CV 50 %"},
        ROW | {"id": "b", "metric": "occupancy", "target": "SLC6A4", "value": "80", "value_unit": "percent", "interval_h": "24"},
        ROW | {"id": "c", "compound": "nosuchdrug"},
        ROW | {"id": "d", "metric": "AUC_ratio", "co_medication": "quercetin:100 mg:24", "value": "2", "value_unit": "1"},
    ]  # fmt: skip
    table = tmp_path / "seen.csv"
    with table.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    assert main(["score-exposure", str(table), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"classes", "rows", "unusable"}
    assert {"n", "aafe", "afe", "within_1_25", "within_1_5", "within_2", "naive_aafe"} <= set(
        found["classes"]["typical"]
    )
    assert {"n", "mae_points", "within_10_points", "coverage_80"} <= set(found["classes"]["occupancy"])
    assert found["classes"]["spread"]["n"] == 1 and {"a", "b", "a:spread"} == {r["id"] for r in found["rows"]}
    assert {u["id"]: u["reason"][:32] for u in found["unusable"]} == {
        "c": "'nosuchdrug' is not a compound o",
        "d": "'quercetin' is not in the librar",
    }


def test_a_single_dose_of_an_inhibitor_does_less_than_a_course_of_it():
    seen = [
        row(
            compound="desipramine",
            dose="50",
            metric="AUC_ratio",
            value="2",
            co_medication=f"quinidine:50 mg:{every}",
        )
        for every in ("0", "8")
    ]
    rows, unusable = score(seen)
    assert not unusable
    assert 1.2 < rows[0].predicted < rows[1].predicted


def test_food_decides_the_level_where_the_file_has_both():
    """Lurasidone on an empty stomach: less than half of the area; a drug without such data is not changed."""
    told = [
        row(compound="lurasidone", dose="40", metric="AUC_inf", value_unit="ng*h/mL", population=word)
        for word in ("fed", "fasted", "")
    ]
    fed, fasted, silent = (r.predicted for r in score(told)[0])
    drug = load_compound("lurasidone")
    share = drug.value("routes.oral_fasted.F") / drug.value("routes.oral.F")
    assert fasted / fed == pytest.approx(share, rel=0.02) and silent == fed
    plain = [
        row(compound="escitalopram", dose="10", metric="AUC_inf", value_unit="ng*h/mL", population=word)
        for word in ("fasted", "")
    ]
    assert len({r.predicted for r in score(plain)[0]}) == 1


def test_a_half_life_is_that_of_the_time_a_study_looked_at():
    """Two compartments of mianserin after the vein: short samplings see the mixed decline, long ones the slow phase."""
    drug = load_compound("mianserin")
    clearance, first, flow, second = (drug.value(k) for k in ("CL", "V", "Q2", "V2"))
    rates = np.array([[-(clearance + flow) / first, flow / second], [flow / first, -flow / second]])
    slow = math.log(2) / -np.linalg.eigvals(rates).max()
    half = {
        told: score([row(compound="mianserin", route="intravenous", metric="t_half", value_unit="h", population=told)])[0][0].predicted
        for told in ("", "sampling_h=400", "sampling_h=24", "sampling_h=8")
    }  # fmt: skip
    assert 0.96 * slow < half[""] < slow  # the last third of the curve still holds the end of the fast phase
    assert 0.96 * slow < half["sampling_h=400"] < slow
    assert half["sampling_h=8"] < half["sampling_h=24"] < 0.9 * slow


def test_area_of_a_window_ends_with_the_window(tmp_path):
    """One compartment, one intravenous dose: the share of the area until t is 1 - exp(-CL/V t)."""
    table = tmp_path / "seen.csv"
    head = "id,compound,dose,unit,route,metric,population,value,value_unit\n"
    row = "2r6r-hydroxynorketamine,10,mg,intravenous"
    table.write_text(
        head
        + f"all,{row},AUC_inf,healthy,1,ng*h/mL\n"
        + f"token,{row},AUC_inf,healthy; auc_window_h=6,1,ng*h/mL\n"
        + f"word,{row},AUC(0-6),healthy,1,ng*h/mL\n"
    )
    rows, unusable = score(read_observations(table)[0])
    found = {row.id: row.predicted for row in rows}
    assert not unusable
    assert found["token"] / found["all"] == pytest.approx(1 - math.exp(-27.5 / 238 * 6), rel=0.01)
    assert found["word"] == pytest.approx(found["token"])


def test_an_active_moiety_holds_nothing_of_the_other_drug():
    """The drug and its product without the level of what is given beside it; more of it where that inhibits."""
    told = {"compound": "risperidone", "dose": "2.5", "interval_h": "12", "duration_days": "ss", "metric": "Cavg",
            "value_unit": "ng/mL", "population": "healthy", "co_medication": "fluoxetine:20 mg:24"}  # fmt: skip
    whole, parent, product = (
        score([row(**told, analyte=name)])[0][0].predicted
        for name in ("active moiety", "risperidone", "paliperidone")
    )
    assert whole == pytest.approx(parent + product, rel=1e-6)
