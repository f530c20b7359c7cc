"""Simulated beside published: the right arm, day, unit and verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from euthymia.report import tables
from euthymia.report.comparison import Value, endpoint, pairs, simulated_value, visit_means
from euthymia.report.run import Run


def test_per_cent_and_points_are_compared_in_the_same_unit(run: Run) -> None:
    found = {(p.outcome, p.arm, p.day): p for p in pairs(run)}
    response = found["response", "placebo", 56.0]
    assert response.published.estimate == pytest.approx(0.30)
    row = run.endpoints.filter((pl.col("arm") == "placebo") & (pl.col("endpoint") == "response")).row(
        0, named=True
    )
    assert response.simulated == Value(row["estimate"], row["low"], row["high"], row["n"])
    assert len(found) == 3 * (3 + 2 + 1)


def test_visits_before_the_end_come_from_patients_in_the_trial(run: Run) -> None:
    value = simulated_value(run, "placebo", "change_madrs", 14.0)
    row = (
        visit_means(run, "madrs")
        .filter((pl.col("arm") == "placebo") & (pl.col("day") == 14.0))
        .row(0, named=True)
    )
    assert value is not None and value.estimate == row["mean"] and 0 < value.n < 150
    assert value.high - value.low == pytest.approx(2 * 1.96 * row["sd"] / np.sqrt(row["n"]))
    assert simulated_value(run, "placebo", "change_madrs", 21.0) is None  # no visit within three days


@pytest.mark.parametrize(
    ("published", "simulated", "overlap"),
    [
        (Value(-9.0, -11.0, -7.0), Value(-12.0, -14.0, -10.0), True),
        (Value(-9.0, -9.9, -7.0), Value(-12.0, -14.0, -10.0), False),
        (Value(-9.0), Value(-8.0, -9.5, -6.5), True),
        (Value(-9.6), Value(-8.0, -9.5, -6.5), False),
        (Value(-9.0, -11.0, -7.0), Value(-9.0), None),
    ],
)
def test_verdict(run: Run, published: Value, simulated: Value, overlap: bool | None) -> None:
    pair = replace(pairs(run)[0], published=published, simulated=simulated)
    assert pair.compatible is overlap


def test_replicates_give_median_and_middle_95_per_cent(run: Run) -> None:
    rows = run.endpoints.filter((pl.col("arm") == "placebo") & (pl.col("endpoint") == "response"))
    many = pl.concat(
        [rows.with_columns(replicate=pl.lit(i, pl.Int64), estimate=pl.lit(i / 100)) for i in range(101)]
    )
    value = endpoint(replace(run, endpoints=many), "placebo", "response")
    assert value == Value(pytest.approx(0.50), pytest.approx(0.025), pytest.approx(0.975), 150)


def test_few_replicates_keep_the_width_of_a_single_trial(run: Run) -> None:
    rows = run.endpoints.filter((pl.col("arm") == "placebo") & (pl.col("endpoint") == "response"))
    three = [
        rows.with_columns(
            replicate=pl.lit(i, pl.Int64), estimate=pl.lit(e), low=pl.lit(e - 0.08), high=pl.lit(e + w)
        )
        for i, (e, w) in enumerate([(0.30, 0.07), (0.34, 0.08), (0.31, 0.09)])
    ]
    value = endpoint(replace(run, endpoints=pl.concat(three)), "placebo", "response")
    assert value == Value(pytest.approx(0.31), pytest.approx(0.23), pytest.approx(0.39), 150)


def test_the_total_at_the_end_counts_patients_who_left(run: Run) -> None:
    value = simulated_value(run, "placebo", "madrs", 56.0)
    well = run.patients.filter((pl.col("status") == 0) & (pl.col("arm") == "placebo"))["patient"].to_list()
    last = [
        run.visits.filter((pl.col("patient") == p) & (pl.col("in_trial") | (pl.col("day") == 0))).sort("day")[
            "madrs"
        ][-1]
        for p in well
    ]
    assert (
        value is not None and value.n == len(well) == 149 and value.estimate == pytest.approx(np.mean(last))
    )


def test_a_run_scored_on_hamd17_reports_hamd17(run: Run) -> None:
    assert run.scale == "madrs"
    other = run.endpoints.with_columns(pl.col("endpoint").str.replace("change_madrs", "change_hamd17"))
    assert replace(run, endpoints=other, published=None).scale == "hamd17"


def test_table_one_counts_and_spreads(run: Run) -> None:
    table = tables.population(run)
    rows = {row[0].text: row for row in table.rows}
    age = run.patients["age"].to_numpy()
    assert rows["Age, years"][-1].text == f"{age.mean():.3g} ({age.std(ddof=1):.2g})"
    crp = np.percentile(run.patients["crp"].to_numpy(), [25, 50, 75])
    assert rows["C-reactive protein, mg/L"][-1].text == f"{crp[1]:.3g}"
    assert rows["C-reactive protein, mg/L"][-1].note == f"{crp[0]:.3g} to {crp[2]:.3g}"
    assert rows["female"][-1].text.startswith(f"{(run.patients['sex'] == 'female').sum()} (")
    order = [row[0].text for row in table.rows]
    assert order.index("poor") < order.index("intermediate") < order.index("normal") < order.index("rapid")
