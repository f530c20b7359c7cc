"""Figures of outcomes and of evidence: rates, retention, distribution of improvement, endotypes, grades.

One figure a function; each takes a `Run` and returns a `Figure`, or None where the run holds nothing to draw.
Courses over time are in `courses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from euthymia.report.comparison import SHARES, endpoint, observed, published_values
from euthymia.report.courses import SCALES, frame_with
from euthymia.report.run import Run
from euthymia.report.theme import (
    COLOURS,
    CONTROL,
    INK,
    Figure,
    arm_styles,
    axis,
    hollow,
    layout,
    line,
    panels,
    points,
    rounded,
    time_axis,
)

GRADES = {"A": "#00563f", "B": "#009e73", "C": "#e69f00", "D": "#d55e00"}


def responder_rates(run: Run) -> Figure | None:
    """Response, remission and dropout by arm with 95 % intervals, beside the published rates."""
    shown = [name for name in SHARES if any(endpoint(run, arm, name) for arm in run.arms)]
    if not shown:
        return None
    styles = arm_styles(run)
    places_y = {arm: float(len(run.arms) - 1 - i) for i, arm in enumerate(run.arms)}
    top = _largest_share(run, shown)
    ticks: dict[str, Any] = {"tickvals": list(places_y.values()), "ticktext": list(places_y), "ticks": ""}
    ticks |= {"range": [-0.7, len(places_y) - 0.35], "showgrid": False}
    frame, at = panels(150 + 62 * len(run.arms), [s.capitalize() for s in shown], len(shown),
                       [axis("% of patients", range=[0, top])] * len(shown), [axis("", **ticks)] * len(shown),
                       gap=(0.035, 0.1), same_y=True)  # fmt: skip
    data: list[dict[str, Any]] = []
    any_published = False
    for name, place in zip(shown, at, strict=True):
        for arm in run.arms:
            value = endpoint(run, arm, name)
            if value is not None:
                data.append(_across(places_y[arm] + 0.12, value, styles[arm].colour, "simulated", place)
                            | {"marker": {"color": styles[arm].colour, "size": 11, "symbol": "circle"}})  # fmt: skip
        for arm, _, trial, _, value in published_values(run, name):
            any_published = True
            trace = _across(places_y[arm] - 0.18, value, styles[arm].colour, f"{trial}, published", place)
            data.append(trace | {"marker": hollow(styles[arm]) | {"symbol": "diamond"}})
    data.append(_legend_entry("simulated", {"color": INK, "size": 11, "symbol": "circle"}))
    if any_published:
        open_mark = {
            "color": "#ffffff",
            "size": 11,
            "symbol": "diamond",
            "line": {"color": INK, "width": 2.2},
        }
        data.append(_legend_entry("published", open_mark))
    return Figure(
        "fig-rates",
        "Response, remission and dropout",
        "Filled circles: simulated, with 95 % interval."
        + (" Open diamonds: published, with 95 % interval where known." if any_published else ""),
        frame_with(frame, data),
    )


def retention(run: Run) -> Figure | None:
    """Share of each arm still in the trial, by day."""
    if "dropout_day" not in run.patients.columns or run.last_day <= 0:
        return None
    styles = arm_styles(run)
    data = []
    lowest = 100.0
    x = np.linspace(0.0, run.last_day, int(np.ceil(run.last_day)) + 1)
    for arm in run.arms:
        rows = run.patients.filter(pl.col("arm") == arm)
        gone = np.sort(rows["dropout_day"].cast(pl.Float64).drop_nulls().to_numpy())
        y = 100 * (1 - np.searchsorted(gone, x, side="right") / rows.height)
        lowest = min(lowest, float(y[-1]))
        trace = line(x, y, styles[arm], arm, hovertemplate="%{y:.0f} %<extra>" + arm + "</extra>")
        trace["line"] |= {"shape": "hv"}
        data.append(trace)
    y_axis = axis("% still in the trial", range=[max(0.0, 10 * (lowest // 10 - 1)), 101])
    frame = layout(340, xaxis=time_axis(run.last_day), yaxis=y_axis)
    return Figure("fig-retention", "Patients still in the trial", "Steps fall when a patient leaves early.",
                  frame_with(frame, data))  # fmt: skip


def improvement_curve(run: Run, scale: str) -> Figure | None:
    """Share of patients who improved by at least x per cent, at the last visit attended."""
    if scale not in run.visits.columns:
        return None
    final = observed(run, scale).group_by("patient", "arm", maintain_order=True).last()
    styles, grid = arm_styles(run), np.arange(-25.0, 100.1, 2.5)
    data = []
    for arm in run.arms:
        percent = final.filter(pl.col("arm") == arm)["percent"].drop_nulls().drop_nans().to_numpy()
        if not len(percent):
            continue
        share = 100 * (percent[None, :] >= grid[:, None]).mean(axis=1)
        hover = "%{y:.0f} % of patients<extra>" + arm + "</extra>"
        data.append(line(grid, share, styles[arm], arm, hovertemplate=hover))
    if not data:
        return None
    x_axis = axis(f"improvement in {SCALES.get(scale, scale)} of at least, %", dtick=25)
    frame = layout(340, xaxis=x_axis, yaxis=axis("% of patients", range=[0, 101]))
    frame["shapes"] = [{"type": "line", "x0": 50, "x1": 50, "y0": 0, "y1": 1, "yref": "paper", "layer": "below",
                        "line": {"color": "#52606d", "width": 1.5, "dash": "dash"}}]  # fmt: skip
    frame["annotations"] = [{"x": 50, "y": 1, "yref": "paper", "text": "response", "showarrow": False,
                             "xanchor": "left", "xshift": 5, "yanchor": "top", "font": {"size": 12}}]  # fmt: skip
    return Figure(f"fig-improvement-{scale}", "How many improved by how much",
                  "For each amount of improvement, the share of the arm that reached it at the last visit attended. "
                  "An improvement of 50 % is called response.",
                  frame_with(frame, data))  # fmt: skip


def endotype_outcomes(run: Run, scale: str) -> Figure | None:
    """Mean change by endotype and arm at the last visit attended, with 95 % intervals."""
    if "endotype" not in run.patients.columns or scale not in run.visits.columns:
        return None
    final = observed(run, scale).group_by("patient", "arm", maintain_order=True).last()
    final = final.join(run.patients.select("patient", "endotype"), on="patient", maintain_order="left")
    groups = final.drop_nulls("endotype").group_by("endotype", "arm").len()
    known = sorted(groups["endotype"].unique().to_list())
    kinds = sorted(groups.filter(pl.col("len") > 1)["endotype"].unique().to_list())
    if len(kinds) < 2:
        return None
    few = [k.replace("_", " ") for k in known if k not in kinds]
    styles = arm_styles(run)
    data = []
    for i, arm in enumerate(run.arms):
        rows = []
        for at, kind in enumerate(kinds):
            change = final.filter((pl.col("arm") == arm) & (pl.col("endotype") == kind))["change"].to_numpy()
            if len(change) > 1:
                half = 1.96 * change.std(ddof=1) / np.sqrt(len(change))
                shift = (i - (len(run.arms) - 1) / 2) * 0.2
                rows.append(
                    (at + shift, change.mean(), change.mean() - half, change.mean() + half, len(change))
                )
        if rows:
            x, y, low, high, n = zip(*rows, strict=True)
            trace = points(x, y, low, high, styles[arm], arm, text=[f"n = {v}" for v in n])
            data.append(trace | {"hovertemplate": "%{y:.1f} points, %{text}<extra>" + arm + "</extra>"})
    x_axis = axis(
        "",
        tickvals=list(range(len(kinds))),
        ticktext=[k.replace("_", " ") for k in kinds],
        range=[-0.6, len(kinds) - 0.4],
        ticks="",
    )
    frame = layout(340, xaxis=x_axis | {"showgrid": False},
                   yaxis=axis(f"change in {SCALES.get(scale, scale)}, points"))  # fmt: skip
    return Figure("fig-endotypes", "Outcome by endotype",
                  "Mean change at the last visit attended, with 95 % interval. Small groups: an exploration, not a "
                  "test of who benefits." + (f" No arm has two patients of: {', '.join(few)}." if few else ""),
                  frame_with(frame, data))  # fmt: skip


def evidence_grades(run: Run) -> Figure | None:
    """How well the parameters used are supported, by part of the model."""
    if run.parameters is None:
        return None
    part = pl.col("id").str.split(".").list.first()
    counts = run.parameters.with_columns(part=part).group_by("part", "grade").len()
    parts = counts.group_by("part").agg(pl.col("len").sum()).sort("len", "part")["part"].to_list()
    names = [part.replace("_", " ") for part in parts]
    grades = sorted(counts["grade"].drop_nulls().unique().to_list())
    data = []
    for i, grade in enumerate(grades):
        own = dict(counts.filter(pl.col("grade") == grade).select("part", "len").iter_rows())
        known = [own.get(p, 0) for p in parts]
        colour = GRADES.get(grade, COLOURS[(i + 2) % len(COLOURS)] if grade else CONTROL)
        data.append({"type": "bar", "orientation": "h", "name": f"grade {grade}", "y": names, "x": known,
                     "marker": {"color": colour, "line": {"color": "#ffffff", "width": 1}},
                     "hovertemplate": "%{x} parameters<extra>%{y}, grade " + grade + "</extra>"})  # fmt: skip
    frame = layout(130 + 26 * len(parts), barmode="stack", bargap=0.32, xaxis=axis("parameters used"),
                   yaxis=axis("", ticks="", showgrid=False))  # fmt: skip
    frame["legend"] |= {"traceorder": "normal"}
    return Figure("fig-grades", "Grade by part of the model",
                  "Grade A is the strongest support, D the weakest; the grade is computed from each parameter's "
                  "evidence.", frame_with(frame, data))  # fmt: skip


def _across(y: float, value: Any, colour: str, label: str, at: dict[str, str]) -> dict[str, Any]:
    """One marker with a horizontal error bar; shares are drawn in per cent."""
    bars = {"type": "data", "symmetric": False, "array": rounded([100 * (value.high - value.estimate)]),
            "arrayminus": rounded([100 * (value.estimate - value.low)]), "color": colour, "thickness": 1.8,
            "width": 4}  # fmt: skip
    hover = "%{x:.0f} %<extra>" + label + "</extra>"
    return {"type": "scatter", "mode": "markers", "x": rounded([100 * value.estimate]), "y": [y], "error_x": bars,
            "showlegend": False, "hovertemplate": hover, **at}  # fmt: skip


def _largest_share(run: Run, shown: list[str]) -> float:
    values = [v for arm in run.arms for name in shown if (v := endpoint(run, arm, name))]
    values += [row[4] for name in shown for row in published_values(run, name)]
    tops = [100 * b for v in values for b in (v.estimate, v.high) if np.isfinite(b)]
    return float(min(102.0, 10 * np.ceil(max(tops) / 10 + 0.3)))


def _legend_entry(name: str, marker: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": name, "marker": marker}
