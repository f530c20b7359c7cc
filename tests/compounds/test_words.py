"""What people write in tables of observed exposures, and what it must mean."""

from __future__ import annotations

import pytest

from euthymia.compounds.observations import observation
from euthymia.compounds.score import score

BASE = {"compound": "desipramine", "dose": "50", "unit": "mg", "value": "5", "value_unit": "1"}


def predicted(**cells: str) -> float:
    rows, unusable = score([observation("x", BASE | cells)])
    assert not unusable, unusable
    return rows[0].predicted


@pytest.mark.parametrize(
    "text",
    [
        "paroxetine 20 mg daily",
        "paroxetine (20 mg qd)",
        "paroxetine:20 mg:q24h",
        "paroxetine hydrochloride:20 mg:24 h",
    ],
)
@pytest.mark.parametrize(
    "reference", ["no comedication", "without paroxetine", "monotherapy", "co_medication=none"]
)
def test_co_medication_in_many_spellings(text, reference):
    usual = predicted(co_medication="paroxetine:20 mg:24", metric="AUC_ratio", reference="no co_medication")
    assert usual > 3
    assert predicted(co_medication=text, metric="AUC_ratio", reference=reference) == pytest.approx(usual)


@pytest.mark.parametrize(
    "cells",
    [
        {"phenotype": "CYP2D6 poor metabolizer"},
        {"phenotype": "2D6=PM"},
        {"phenotype": "CYP2D6 activity score=0"},
        {"phenotype": "CYP2D6 AS 0"},
        {"phenotype": "CYP2D6=*4/*5, CYP2C19=NM"},
        {"population": "healthy; CYP2D6=PM", "reference": "CYP2D6=NM"},
        {"phenotype": "CYP2D6=PM", "reference": "EMs"},
        {"phenotype": "CYP2D6=PM", "reference": "CYP2D6 normal metabolisers"},
    ],
)
def test_poor_metabolisers_in_many_spellings(cells):
    usual = predicted(phenotype="CYP2D6=PM", metric="AUC_ratio", reference="CYP2D6=NM")
    assert usual > 3
    assert predicted(metric="AUC_ratio", **cells) == pytest.approx(usual)


def test_a_phenotype_that_is_not_understood_is_not_taken_for_normal():
    with pytest.raises(ValueError, match="not understood"):
        observation("x", BASE | {"metric": "AUC_ratio", "phenotype": "slow"})


def test_names_of_metrics_carry_times():
    assert predicted(metric="C12h", interval_h="24", value_unit="ng/mL") == pytest.approx(
        predicted(metric="Cavg", at_h="12", interval_h="q24h", duration_days="ss", value_unit="ng/mL")
    )
    day = predicted(metric="AUC(0-24)", interval_h="12", duration_days="4 weeks", value_unit="ng*h/mL")
    half = predicted(metric="AUC_tau", interval_h="bid", duration_days="28", value_unit="ng h/mL")
    assert day == pytest.approx(2 * half, rel=1e-3)


def test_half_lives_are_converted():
    hours = predicted(metric="t1/2", value_unit="h")
    assert predicted(metric="half-life", value_unit="d") == pytest.approx(hours / 24)


def test_a_daily_dose_is_divided_over_the_day():
    cells = {"metric": "Cavg", "interval_h": "12", "value_unit": "ng/mL"}
    assert predicted(**cells | {"dose": "100", "unit": "mg/day"}) == pytest.approx(predicted(**cells))


def test_a_loading_dose_comes_first():
    cells = {"metric": "Cmin", "interval_h": "24", "duration_days": "3", "value_unit": "ng/mL"}
    assert predicted(**cells, population="loading_dose_mg=150") > 1.2 * predicted(**cells)


def test_releases_in_words_are_one_formulation():
    cells = {
        "compound": "venlafaxine",
        "dose": "150",
        "metric": "Cmax",
        "interval_h": "24",
        "value_unit": "ng/mL",
    }
    plain = predicted(**cells)
    slow = predicted(**cells, population="formulation=extended_release")
    assert slow < 0.9 * plain
    assert predicted(**cells, population="formulation=XR") == pytest.approx(slow)
    assert predicted(**cells | {"compound": "venlafaxine hydrochloride XR"}) == pytest.approx(slow)


def test_an_enantiomer_of_a_mixture_comes_from_half_of_the_dose():
    cells = {"metric": "Cavg", "interval_h": "24", "value_unit": "ng/mL"}
    from_mixture = predicted(**cells, compound="citalopram", analyte="S-citalopram", dose="40")
    alone = predicted(**cells, compound="escitalopram", dose="20")
    assert from_mixture == pytest.approx(alone)


def test_kidneys_in_words_slow_renal_drugs():
    cells = {"compound": "desvenlafaxine", "metric": "Cavg", "interval_h": "24", "value_unit": "ng/mL"}
    severe = predicted(**cells, population="severe renal impairment")
    assert severe == pytest.approx(predicted(**cells, population="egfr=20"))
    assert severe > 1.3 * predicted(**cells, population="severe depression, healthy kidneys")


def test_a_trough_of_one_dose_needs_its_time():
    _, unusable = score([observation("x", BASE | {"metric": "Cmin", "value_unit": "ng/mL"})])
    assert "needs at_h" in unusable[0][1]


def test_an_average_level_without_an_interval_is_one_of_steady_state():
    cells = {"compound": "escitalopram", "phenotype": "CYP2C19=PM", "reference": "CYP2C19=NM"}
    ratio = predicted(**cells, metric="Css_ratio")
    assert ratio == pytest.approx(predicted(**cells, metric="AUC_ratio"), rel=0.02)
    level = {"compound": "escitalopram", "dose": "10", "metric": "Cavg", "value_unit": "ng/mL"}
    assert predicted(**level) == pytest.approx(predicted(**level, interval_h="24", duration_days="ss"))


def test_a_sum_in_amounts_adds_amounts():
    cells = {"compound": "venlafaxine", "metric": "Cavg", "interval_h": "12", "value_unit": "nmol/L"}
    parts = [predicted(**cells, analyte=a) for a in ("venlafaxine", "O-desmethylvenlafaxine")]
    together = predicted(**cells, analyte="venlafaxine + O-desmethylvenlafaxine")
    assert together == pytest.approx(sum(parts), rel=1e-5)  # the solver keeps 1e-6
    assert predicted(**cells, analyte="active moiety") == pytest.approx(together, rel=1e-5)


def test_a_decimal_comma_and_milliequivalents():
    assert observation("x", BASE | {"metric": "Cmax", "value": "16,5"}).value == 16.5
    lithium = {
        "compound": "lithium",
        "metric": "Cavg",
        "interval_h": "12",
        "value_unit": "mmol/L",
        "dose": "10",
    }
    assert predicted(**lithium | {"unit": "mEq"}) == pytest.approx(predicted(**lithium | {"unit": "mmol"}))


def test_a_spread_keeps_the_genes_that_are_told():
    cells = {"compound": "escitalopram", "metric": "AUC_tau", "interval_h": "24", "class": "spread"}
    everyone = predicted(**cells, value="40", value_unit="%")
    poor = predicted(**cells, value="40", value_unit="%", phenotype="CYP2C19=PM", population="patients")
    assert poor < 0.8 * everyone
