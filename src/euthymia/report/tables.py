"""Tables of the report: what the page shows, as text and numbers ready to print.

One table a function; each takes a `Run` and returns a `Table`, or None where the run holds nothing to list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from euthymia.report.comparison import (
    MANY,
    SHARES,
    Value,
    endpoint,
    observed,
    pairs,
    published_values,
    replicates,
    simulated_value,
)
from euthymia.report.courses import SCALES
from euthymia.report.run import Run
from euthymia.report.theme import printed_unit

LABELS = {
    "age": "Age, years",
    "sex": "Sex",
    "weight": "Weight, kg",
    "baseline_madrs": "MADRS at baseline",
    "baseline_hamd17": "HAMD17 at baseline",
    "CYP2C19": "CYP2C19 phenotype",
    "CYP2D6": "CYP2D6 phenotype",
    "endotype": "Endotype",
    "crp": "C-reactive protein, mg/L",
    "adherence": "Adherence, share of doses",
}
WORDS = {"true": "yes", "false": "no"}
PHENOTYPES = ("pm", "poor", "im", "intermediate", "nm", "em", "normal", "rm", "rapid", "um", "ultrarapid")
OUTCOMES = {"response": "Response", "remission": "Remission", "dropout": "Left early"}
HIDDEN = (
    "patient",
    "arm",
    "dropout_day",
    "status",
    "message",
    "replicate",
    "path",
    "left_by_plan_day",
    "candidate",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: text, and optionally smaller text below, a link in the page, a sorting value, a look."""

    text: str
    note: str = ""
    href: str = ""
    sort: str = ""
    look: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A captioned table.

    Parameters
    ----------
    caption : str
        What it lists and how to read it.
    columns : tuple of str
        Column headings.
    rows : tuple of tuple of Cell
        The first cell of a row is its heading.
    text_columns : frozenset of int
        Columns that are read, not compared: aligned to the left.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    text_columns: frozenset[int] = frozenset({0})


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str | Cell]], *,
          text_columns: Sequence[int] = (0,)) -> Table:  # fmt: skip
    """A table from plain strings and cells."""
    cells = tuple(tuple(c if isinstance(c, Cell) else Cell(c) for c in row) for row in rows)
    return Table(caption, tuple(columns), cells, frozenset(text_columns))


def number(value: float | None, digits: int = 3) -> str:
    """A number to print: significant digits, a true minus sign, an en dash where there is none.

    >>> number(-12.3456), number(0.00012345), number(None), number(31.0), number(12345.6)
    ('−12.3', '0.000123', '–', '31', '12346')
    """
    if value is None or not np.isfinite(value):
        return "–"
    size = abs(value)
    text = f"{value:.0f}" if 10**digits <= size < 1e7 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def fixed(value: float, decimals: int = 1) -> str:
    """A number with a fixed count of decimals and a true minus sign.

    >>> fixed(-0.04), fixed(-3.25, 2)
    ('0.0', '−3.25')
    """
    text = f"{value:.{decimals}f}" if np.isfinite(value) else "–"
    return text.lstrip("-") if float(text.replace("–", "0")) == 0 else text.replace("-", "−")


def interval(value: Value | None, *, share: bool = False, decimals: int = 1) -> str:
    """An estimate with its interval; shares in per cent.

    >>> interval(Value(0.5, 0.42, 0.58), share=True), interval(Value(-9.4)), interval(None)
    ('50 % (42 to 58)', '−9.4', '–')
    """
    if value is None or not np.isfinite(value.estimate):
        return "–"
    factor, decimals = (100.0, 0) if share else (1.0, decimals)
    text = fixed(factor * value.estimate, decimals) + (" %" if share else "")
    if np.isfinite(value.low) and np.isfinite(value.high):
        text += f" ({fixed(factor * value.low, decimals)} to {fixed(factor * value.high, decimals)})"
    return text


def stacked(value: Value | None, *, share: bool = False) -> Cell:
    """An estimate with its interval below it."""
    text, _, rest = interval(value, share=share).partition(" (")
    return Cell(text, rest.rstrip(")"))


def arms(run: Run) -> Table:
    """The first table of the page: each arm's outcome, simulated above published."""
    scale = run.scale
    name = SCALES.get(scale, scale)
    change, gap = f"change_{scale}", f"difference_{scale}"
    shares = [o for o in SHARES if any(endpoint(run, a, o) for a in run.arms)]
    at_end = {arm: _published_at_end(run, arm, (scale, change, gap, *shares)) for arm in run.arms}
    with_total = any(scale in values for found in at_end.values() for values in found.values())
    with_gap = any(endpoint(run, a, gap) for a in run.arms)
    shown = [*([scale] if with_total else []), change, *([gap] if with_gap else []), *shares]
    rows: list[list[str | Cell]] = []
    for arm in run.arms:
        n = run.patients.filter(pl.col("arm") == arm).height
        own = {o: simulated_value(run, arm, o, run.last_day) for o in shown}
        rows.append([arm, "simulated", str(n), *(stacked(own[o], share=o in SHARES) for o in shown)])
        for trial, values in at_end[arm].items():
            cite = values.pop("cite")
            link = Cell("published", trial, f"#ref-{cite}" if cite else "", look="published")
            told = [stacked(values.get(o), share=o in SHARES) for o in shown]
            rows.append([Cell(arm, look="published"), link, "", *told])
    many = replicates(run)
    how = "estimate with 95 % interval"
    if many > 1:
        spread = "the middle 95 % of them" if many >= MANY else "the 95 % interval of a single trial"
        how = f"median of {many} repeated trials with {spread}"
    week = f"week {run.last_day / 7:.3g}" if run.last_day >= 14 else f"day {run.last_day:g}"
    heads = OUTCOMES | {scale: f"{name} total", change: f"Change in {name}", gap: "Difference from control"}
    sds = ", ".join(f"{arm} {fixed(_sd_of_change(run, arm))}" for arm in run.arms)
    caption = f"Outcome at {week}: {how}. Change and difference: the more negative, the better. SD of change: {sds}."
    return table(caption, ["Arm", "", "n", *(heads[o] for o in shown)], rows, text_columns=(0, 1))


def differences(run: Run) -> Table | None:
    """Differences between arms, and every other endpoint of the run."""
    known = {f"change_{run.scale}", f"difference_{run.scale}", *SHARES}
    names = [e for e in run.endpoints["endpoint"].unique(maintain_order=True).to_list() if e not in known]
    rows = []
    for name in names:
        for arm in run.arms:
            value = endpoint(run, arm, name)
            if value is not None:
                share = name.startswith(tuple(SHARES)) and 0 <= value.estimate <= 1
                printed = interval(value, share=share, decimals=2)
                rows.append([_endpoint_title(name), arm, str(value.n or ""), printed])
    if not rows:
        return None
    return table("Further endpoints of this run.", ["Endpoint", "Arm", "n", "Estimate"],
                 rows, text_columns=(0, 1))  # fmt: skip


def comparison(run: Run) -> Table | None:
    """Each published value beside the simulated one."""
    rows: list[list[str | Cell]] = []
    for pair in pairs(run):
        share = pair.outcome in SHARES
        gap = fixed(100 * pair.difference, 0) + " % points" if share else fixed(pair.difference)
        verdict = {True: "yes", False: "no", None: "–"}[pair.compatible]
        look = {True: "good", False: "bad", None: ""}[pair.compatible]
        rows.append([_endpoint_title(pair.outcome), pair.arm, f"{pair.day:g}",
                     Cell(interval(pair.published, share=share), href=f"#ref-{pair.cite}" if pair.cite else ""),
                     interval(pair.simulated, share=share), gap, Cell(verdict, look=look)])  # fmt: skip
    if not rows:
        return None
    heads = ["Outcome", "Arm", "Day", "Published", "Simulated", "Difference", "Intervals overlap"]
    caption = "Simulated against published. A published value without an interval must lie inside the simulated one."
    return table(caption, heads, rows, text_columns=(0, 1, 6))


def population(run: Run) -> Table:
    """Who the virtual patients are: the 'Table 1' of the trial."""
    rows: list[list[str | Cell]] = []
    groups = [run.patients.filter(pl.col("arm") == a) for a in run.arms]
    every = [*groups, run.patients]
    columns = [c for c in run.patients.columns if c not in HIDDEN]
    for column in sorted(columns, key=lambda c: list(LABELS).index(c) if c in LABELS else len(LABELS)):
        label = LABELS.get(column) or (column if column.isupper() else column.replace("_", " ").capitalize())
        if run.patients[column].dtype.is_numeric():
            rows.append([label, *(_spread(g[column]) for g in every)])
        elif run.patients[column].dtype in (pl.String, pl.Categorical, pl.Boolean):
            kinds = sorted(run.patients[column].cast(pl.String).drop_nulls().unique().to_list(), key=_rank)
            if len(kinds) <= 12:
                rows.append([Cell(label, look="group"), *("" for _ in every)])
                rows += [
                    [
                        Cell(WORDS.get(k, k.replace("_", " ")), look="sub"),
                        *(_count(g[column].cast(pl.String), k) for g in every),
                    ]
                    for k in kinds
                ]
    heads = ["", *(f"{a}, n\u00a0=\u00a0{g.height}" for a, g in zip([*run.arms, "all"], every, strict=True))]
    told = "Virtual patients at baseline. Numbers: mean (SD), or median above quartiles where skewed; counts: n (%)."
    many = replicates(run)
    told += f" The first of {many} repetitions of the trial." if many > 1 else ""
    return table(told, heads, rows)


def exposure(run: Run) -> Table | None:
    """Non-compartmental measures of exposure, and occupancy."""
    if run.exposure is None:
        return None
    metrics = run.exposure["metric"].unique(maintain_order=True).to_list()
    rows = []
    for (arm, analyte), part in run.exposure.group_by("arm", "analyte", maintain_order=True):
        by_metric = {row["metric"]: row for row in part.iter_rows(named=True)}
        shown = [_percentiles(by_metric.get(m)) for m in metrics]
        rows.append([str(arm), str(analyte), *shown])
    heads = ["Arm", "Analyte or target", *(m.replace("_", " ") for m in metrics)]
    return table("Median over the patients of the arm; below it the 5th to 95th percentile.",
                 heads, rows, text_columns=(0, 1))  # fmt: skip


def parameters(run: Run) -> Table | None:
    """Every parameter used, with value, unit, source and grade."""
    if run.parameters is None:
        return None
    rows: list[list[str | Cell]] = []
    for row in run.parameters.sort("id").iter_rows(named=True):
        value = row["value"]
        cite = row["cite"] or ""
        where = f", {row['where']}" if row.get("where") else ""
        source = (
            Cell(cite + where, href=f"#ref-{cite}") if cite else Cell("declared assumption", look="quiet")
        )
        is_number = isinstance(value, int | float)
        shown = Cell(number(value, 4), sort=repr(float(value))) if is_number else Cell(str(value or "–"))
        grade = Cell(str(row["grade"] or "–"), look=f"grade grade-{row['grade']}")
        basis = Cell(_basis(row), "" if (row.get("kind") or "READ") == "READ" else "not yet verified")
        unit = "" if row["unit"] in (None, "1") else printed_unit(str(row["unit"]))
        name = Cell(row["id"], str(row.get("title") or ""), look="code")
        rows.append([name, shown, unit, str(row.get("spread") or ""), basis, grade, source])
    heads = ["Parameter", "Value", "Unit", "Between patients", "Basis", "Grade", "Source"]
    return table("Every parameter used by this run.", heads, rows, text_columns=(0, 2, 3, 4, 5, 6))


def _basis(row: dict[str, Any]) -> str:
    system = str(row.get("system") or "none")
    return str(row["basis"] or "–").replace("_", " ") + (
        "" if system == "none" else ", " + system.replace("_", " ")
    )


def _published_at_end(run: Run, arm: str, outcomes: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for outcome in outcomes:
        for matched, day, trial, cite, value in published_values(run, outcome):
            if matched == arm and abs(day - run.last_day) <= 3:
                found.setdefault(trial, {"cite": cite})[outcome] = value
    return found


def _sd_of_change(run: Run, arm: str) -> float:
    if "sd" in run.endpoints.columns:
        wanted = (pl.col("arm") == arm) & (pl.col("endpoint") == f"change_{run.scale}")
        given = run.endpoints.filter(wanted)["sd"].drop_nulls().median()
        if isinstance(given, int | float):
            return float(given)
    if run.scale not in run.visits.columns:
        return float("nan")
    rows = observed(run, run.scale).filter(
        (pl.col("arm") == arm) & ((pl.col("day") - run.last_day).abs() < 1e-9)
    )
    sd = rows["change"].std()
    return float(sd) if isinstance(sd, int | float) else float("nan")


def _endpoint_title(name: str) -> str:
    kind, _, scale = name.partition("_")
    words = {"change": "Change in", "difference": "Difference in"}
    if kind in words and scale:
        return f"{words[kind]} {SCALES.get(scale, scale.replace('_', ' '))}, points"
    return OUTCOMES.get(name, SCALES.get(name, name.replace("_", " ").capitalize()))


def _spread(values: pl.Series) -> str | Cell:
    v = values.drop_nulls().cast(pl.Float64).to_numpy()
    v = v[np.isfinite(v)]
    if not len(v):
        return "–"
    sd = v.std(ddof=1) if len(v) > 1 else 0.0
    if sd > 0 and abs(((v - v.mean()) ** 3).mean() / v.std() ** 3) > 1:
        low, middle, high = np.percentile(v, [25, 50, 75])
        return Cell(number(middle), f"{number(low)} to {number(high)}")
    return f"{number(v.mean())} ({number(sd, 2)})"


def _rank(kind: str) -> tuple[int, str]:
    """Metaboliser phenotypes from slow to fast, anything else by name."""
    first = kind.lower().split(" ")[0].split("_")[0]
    return (PHENOTYPES.index(first) if first in PHENOTYPES else len(PHENOTYPES), kind)


def _count(values: pl.Series, kind: str) -> str:
    n = int((values == kind).sum())
    return f"{n} ({100 * n / max(len(values), 1):.0f} %)"


def _percentiles(row: dict[str, Any] | None) -> str | Cell:
    if row is None:
        return "–"
    pure = row["unit"] in (None, "", "1", "dimensionless")
    share = pure and row["p95"] is not None and 0 <= row["p95"] <= 1
    unit = "%" if share else "" if pure else printed_unit(str(row["unit"]))
    factor = 100.0 if share else 1.0
    low, middle, high = (None if row[c] is None else factor * row[c] for c in ("p05", "p50", "p95"))
    return Cell(f"{number(middle)} {unit}".strip(), f"{number(low)} to {number(high)}")


def structures(run: Run) -> Table | None:
    """Differences from control under every combination of rival mechanisms, and their average."""
    found = run.structures
    if not found or not found.get("averages"):
        return None
    arms = [a["arm"] for a in found["averages"]]
    rows = []
    for c in found["combinations"]:
        choices = {**c["structures"], **c["forms"]}
        label = (
            ", ".join(f"{k.replace('_', ' ')}: {v.replace('_', ' ')}" for k, v in choices.items())
            or "default"
        )
        values = [Cell(f"{c['differences'][arm]:.1f}") for arm in arms]
        rows.append((Cell(label), Cell(f"{c['weight']:.2f}"), *values))
    means = [
        Cell(
            f"{a['mean']:.1f}", note=f"{a['low']:.1f} to {a['high']:.1f}; {a['agree']} of {a['total']} agree"
        )
        for a in found["averages"]
    ]
    rows.append((Cell("Averaged over structures"), Cell("1.00"), *means))
    caption = (
        f"Difference from control at the last visit, model MADRS points, in {found['patients']} virtual patients who each "
        "received every arm. A structure agrees when its difference has the direction of the average and at least "
        "half its size."
    )
    return Table(caption, ("Rival mechanisms", "Prior weight", *arms), tuple(rows))
