"""Tables of a trial's statistics: analyses, operating characteristics, looks, and the flow through its steps.

In: a `Run` with the tables of the analyses.  Out: `Table`, or None where the run has nothing of the kind.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from euthymia.report.run import Run
from euthymia.report.tables import Cell, Table, fixed, number, table

SMALLEST_P = 0.001
FLOW = ("arm", "step", "day", "action", "option", "n", "not_taken", "in_trial", "dropped", "left_by_plan")


def _p(value: float | None) -> str:
    return "" if value is None else "< 0.001" if value < SMALLEST_P else f"{value:.3f}"


def _of(row: dict[str, Any], decimals: int = 2) -> str | Cell:
    if row["estimate"] is None:
        return Cell("not estimated", note=str(row["note"]), look="bad")
    shown = fixed(row["estimate"], decimals)
    return f"{shown} ({fixed(row['low'], decimals)} to {fixed(row['high'], decimals)})"


def analyses(run: Run) -> Table | None:
    """Every analysis of the first replicate."""
    if run.analyses is None:
        return None
    first = run.analyses.filter(pl.col("replicate") == run.analyses["replicate"].min())
    rows: list[list[str | Cell]] = []
    for row in first.iter_rows(named=True):
        df = "" if row["df"] is None else number(row["df"])
        method = row["method"].replace("_", " ")
        rows.append(
            [row["analysis"].replace("_", " "), row["arm"], method, row["estimand"].replace("_", " "), row["measure"],
             str(row["n"]), _of(row), df, _p(row["p"])]
        )  # fmt: skip
    heads = ["Analysis", "Arm", "Method", "Estimand", "Measure", "n", "Estimate", "df", "p"]
    return table("Analyses the protocol asks for, with 95 % intervals; arms against control.", heads, rows,
                 text_columns=(0, 1, 2, 3, 4))  # fmt: skip


def operating(run: Run) -> Table | None:
    """Power and what the estimates do over replicates."""
    if run.operating is None:
        return None
    rows: list[list[str | Cell]] = []
    for row in run.operating.iter_rows(named=True):
        spread = "" if row["spread"] is None else fixed(row["spread"], 2)
        power = f"{100 * row['power']:.0f} % (±{100 * 1.96 * row['power_error']:.0f})"
        rows.append([row["analysis"].replace("_", " "), row["arm"], str(row["replicates"]), power, fixed(row["mean"], 2),
                     spread, fixed(row["mean_se"], 2), f"{100 * row['coverage']:.0f} %"])  # fmt: skip
    heads = ["Analysis", "Arm", "Replicates", "Power", "Mean", "Spread", "Mean SE", "Coverage"]
    caption = (
        "Over replicates: share significant in favour of the arm, mean and spread of the estimate, mean standard "
        "error, and share of intervals that hold the mean."
    )
    return table(caption, heads, rows, text_columns=(0, 1))


def sequential(run: Run) -> Table | None:
    """What the looks decide over replicates."""
    if run.sequential is None:
        return None
    rows: list[list[str | Cell]] = []
    for row in run.sequential.iter_rows(named=True):
        shares = [f"{100 * row[k]:.0f} %" for k in ("reached", "success", "futile", "more_patients")]
        rows.append([row["arm"], str(row["look"]), f"{100 * row['information']:.0f} %", fixed(row["bound"], 2), *shares,
                     f"{100 * row['power']:.0f} %", fixed(row["mean_n"], 0)])  # fmt: skip
    heads = [
        "Arm",
        "Look",
        "Information",
        "Bound z",
        "Reached",
        "Success",
        "Futile",
        "More patients",
        "Power",
        "Mean n",
    ]
    return table("Looks during the trial, as shares of the replicates.", heads, rows, text_columns=(0,))


def steps(run: Run) -> Table | None:
    """Who took which option at every step; the first replicate."""
    if run.flow is None:
        return None
    flow = run.flow.filter(pl.col("replicate") == run.flow["replicate"].min())
    rows: list[list[str | Cell]] = []
    for row in flow.iter_rows(named=True):
        rows.append([row["step"], row["arm"], f"{row['day'] / 7:g}", row["action"], row["option"], str(row["n"]),
                     str(row["not_taken"]), str(row["in_trial"]), str(row["dropped"]), str(row["left_by_plan"])])  # fmt: skip
    heads = [
        "Step",
        "Arm",
        "Week",
        "Action",
        "Option",
        "Took it",
        "Went on",
        "In trial",
        "Dropped out",
        "Left by plan",
    ]
    caption = (
        "Flow through the steps. In trial, dropped out and left by plan before the visit add up to the patients "
        "allocated; those who took an option of the step and those who went on add up to those in the trial."
    )
    return table(caption, heads, rows, text_columns=(0, 1, 3, 4))
