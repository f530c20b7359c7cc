"""Figures: valid plotly, true to the tables, readable without colour vision."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest

from euthymia.report import courses, figures
from euthymia.report.document import all_figures
from euthymia.report.run import BANDS, Run, read_run
from euthymia.report.theme import COLOURS, CONTROL, Figure, arm_styles, thinned


@pytest.fixture(scope="module")
def drawn(run: Run) -> dict[str, Figure]:
    return all_figures(run, ["madrs"])


def trace(figure: Figure, name: str, kind: str = "lines") -> dict:
    return next(t for t in figure.spec["data"] if t["name"] == name and kind in t["mode"] and "fill" not in t)


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_figure_is_there_and_plotly_accepts_it(drawn: dict[str, Figure]) -> None:
    assert len(drawn) == 11
    for figure in drawn.values():
        go.Figure(figure.spec)  # raises on any unknown or malformed property
        assert "NaN" not in json.dumps(figure.spec) and figure.caption and figure.title


def test_colours_have_contrast_on_white_and_differ() -> None:
    for colour in (*COLOURS, CONTROL):
        assert 1.05 / (luminance(colour) + 0.05) >= 3.0, colour  # WCAG 2 minimum for graphics
    assert len({*COLOURS, CONTROL}) == len(COLOURS) + 1


def test_arms_differ_by_marker_too(run: Run) -> None:
    styles = list(arm_styles(run).values())
    assert all(a.symbol != b.symbol and a.colour != b.colour for a, b in combinations(styles, 2))
    assert styles[0].colour == CONTROL


def test_scale_course_draws_the_table_and_the_bands_enclose_the_median(
    run: Run, drawn: dict[str, Figure]
) -> None:
    figure = drawn["fig-course-madrs"]
    medians = [t for t in figure.spec["data"] if t["name"] == "median" and t["x"] != [None]]
    bands = [t for t in figure.spec["data"] if t["name"].startswith("middle") and "fill" in t]
    assert len(medians) == 3 and len(bands) == 6
    for arm, median in zip(run.arms, medians, strict=True):
        rated = run.visits.filter((pl.col("arm") == arm) & (pl.col("in_trial") | (pl.col("day") == 0)))
        rated = rated.join(run.patients.filter(pl.col("status") == 0).select("patient"), on="patient")
        for day, score in zip(median["x"], median["y"], strict=True):
            assert score == pytest.approx(np.median(rated.filter(pl.col("day") == day)["madrs"]), rel=1e-3)
        for band in (b for b in bands if b["xaxis"] == median["xaxis"]):
            n = len(median["x"])
            top, bottom = np.array(band["y"][:n]), np.array(band["y"][n:])[::-1]
            assert (bottom <= np.array(median["y"])).all() and (np.array(median["y"]) <= top).all()


def test_published_changes_are_drawn_from_the_published_baseline(run: Run) -> None:
    points = courses.published_totals(run, "madrs", "placebo")
    assert [day for day, _, _ in points] == [0.0, 14.0, 28.0, 56.0]
    assert points[-1][2].estimate == pytest.approx(28.9 - 9.4)
    assert points[-1][2].high - points[-1][2].low == pytest.approx(3.4)


def test_change_figure_shows_the_mean_of_patients_in_the_trial(run: Run, drawn: dict[str, Figure]) -> None:
    well = run.patients.filter(pl.col("status") == 0)["patient"].to_list()
    here = run.visits.filter((pl.col("arm") == "placebo") & pl.col("patient").is_in(well))
    start = dict(here.filter(pl.col("day") == 0).select("patient", "madrs").iter_rows())
    end = here.filter((pl.col("day") == 56) & pl.col("in_trial")).select("patient", "madrs").iter_rows()
    expected = np.mean([score - start[patient] for patient, score in end])
    assert trace(drawn["fig-change-madrs"], "placebo")["y"][-1] == pytest.approx(expected, rel=1e-3)


def test_retention_ends_at_the_share_that_completed(run: Run, drawn: dict[str, Figure]) -> None:
    for arm in run.arms:
        days = run.patients.filter(pl.col("arm") == arm)["dropout_day"]
        line = trace(drawn["fig-retention"], arm)
        assert line["y"][0] == 100 and line["y"][-1] == pytest.approx(
            100 * days.null_count() / len(days), rel=1e-3
        )
        assert all(a >= b for a, b in zip(line["y"], line["y"][1:], strict=False))


def test_half_improved_is_the_share_of_responders_counted_by_hand(run: Run, drawn: dict[str, Figure]) -> None:
    line = trace(drawn["fig-improvement-madrs"], "escitalopram 20 mg")
    well = set(run.patients.filter(pl.col("status") == 0)["patient"])
    hits = total = 0
    rows = run.visits.filter(pl.col("arm") == "escitalopram 20 mg").sort("patient", "day")
    for (patient,), part in rows.group_by("patient", maintain_order=True):
        if patient in well:
            attended = part.filter(pl.col("in_trial"))
            total += 1
            hits += attended["madrs"][-1] <= 0.5 * part["madrs"][0]
    assert line["y"][line["x"].index(50.0)] == pytest.approx(100 * hits / total, rel=1e-3)


def test_grades_count_every_parameter_once(run: Run, drawn: dict[str, Figure]) -> None:
    assert run.parameters is not None
    assert sum(sum(t["x"]) for t in drawn["fig-grades"].spec["data"]) == run.parameters.height


def test_arms_without_drug_are_not_drawn_in_the_exposure_figure(drawn: dict[str, Figure]) -> None:
    assert {t["name"] for t in drawn["fig-exposure"].spec["data"]} == {
        "escitalopram 10 mg",
        "escitalopram 20 mg",
    }


def test_occupancy_is_drawn_in_per_cent_whether_given_as_share_or_per_cent(run: Run) -> None:
    is_share = pl.col("output") == "SLC6A4.occupancy"
    bands = [pl.when(is_share).then(100 * pl.col(c)).otherwise(pl.col(c)).alias(c) for c in BANDS]
    unit = pl.when(is_share).then(pl.lit("%")).otherwise(pl.col("unit")).alias("unit")
    twin = replace(run, courses=run.courses.with_columns(*bands, unit))
    one, other = courses.occupancy_courses(run), courses.occupancy_courses(twin)
    assert one is not None and other is not None
    for a, b in zip(one.spec["data"], other.spec["data"], strict=True):
        assert np.allclose(a["y"], b["y"], rtol=1e-3) and 50 < max(a["y"]) <= 100


def test_a_target_hardly_occupied_is_left_to_the_table(run: Run) -> None:
    faint = run.courses.filter(pl.col("output") == "SLC6A4.occupancy").with_columns(pl.col(*BANDS) * 0.01)
    faint = faint.with_columns(output=pl.lit("SLC6A2.occupancy"))
    figure = courses.occupancy_courses(replace(run, courses=pl.concat([run.courses, faint])))
    assert figure is not None and "yaxis2" not in figure.spec["layout"] and "less than 2 %" in figure.caption


def test_thinning_keeps_the_ends_and_every_extreme() -> None:
    values = np.sin(np.arange(20_000) / 7.0)
    values[12_345] = 9.0
    kept = thinned(values)
    assert (
        kept[0] == 0
        and kept[-1] == 19_999
        and 12_345 in kept
        and (np.diff(kept) > 0).all()
        and len(kept) <= 502
    )


def test_absent_data_give_no_figure(run: Run) -> None:
    bare = replace(run, courses=run.courses.filter(pl.col("output") == "symptoms.madrs"), parameters=None,
                   patients=run.patients.drop("endotype", "dropout_day"),
                   visits=run.visits.drop("hamd17"))  # fmt: skip
    assert courses.exposure_courses(bare) is None and courses.mechanism_courses(bare) is None
    assert figures.evidence_grades(bare) is None and figures.endotype_outcomes(bare, "madrs") is None
    assert figures.retention(bare) is None and courses.scale_course(bare, "hamd17") is None


def test_of_a_repeated_trial_the_first_repetition_is_drawn(synthetic, folder, tmp_path) -> None:
    one = read_run(folder)
    twin = synthetic.write(tmp_path / "run")
    for name in ("patients", "visits"):
        table = pl.read_parquet(twin / f"{name}.parquet")
        both = [table.with_columns(replicate=pl.lit(i, pl.Int64)) for i in (0, 1)]
        pl.concat(both).write_parquet(twin / f"{name}.parquet")
    again = read_run(twin)
    assert again.patients.equals(one.patients) and again.visits.equals(one.visits)


def test_an_endotype_of_one_patient_leaves_no_empty_column(run: Run) -> None:
    """Named in the caption, as no mean with an interval can be drawn of it."""
    whole = figures.endotype_outcomes(run, "madrs")
    seen = set(run.visits.filter(pl.col("madrs").is_not_null())["patient"])
    one = next(p for p in run.patients["patient"] if p in seen)
    kind = pl.when(pl.col("patient") == one).then(pl.lit("lone_kind")).otherwise(pl.col("endotype"))
    drawn = figures.endotype_outcomes(
        replace(run, patients=run.patients.with_columns(endotype=kind)), "madrs"
    )
    assert whole and drawn
    assert drawn.spec["layout"]["xaxis"]["ticktext"] == whole.spec["layout"]["xaxis"]["ticktext"]
    assert "No arm has two patients of: lone kind." in drawn.caption and "No arm" not in whole.caption
