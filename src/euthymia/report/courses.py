"""Figures of courses over time: exposure, occupancy, rating scales, mechanism.

One figure a function; each takes a `Run` and returns a `Figure`, or None where the run holds nothing to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from euthymia.report.comparison import Value, endpoint, observed, published_values, visit_bands, visit_means
from euthymia.report.run import BANDS, Run
from euthymia.report.theme import (
    SOFT,
    Figure,
    Style,
    arm_styles,
    axis,
    band,
    hollow,
    layout,
    line,
    panels,
    points,
    printed_unit,
    thinned,
    time_axis,
)

LEAST_OCCUPANCY = 2.0  # per cent; targets below are not drawn
SCALES = {"madrs": "MADRS", "hamd17": "HAMD17"}


def is_level(output: str) -> bool:
    """Whether an output is a concentration of a drug or metabolite (`<compound>.C`)."""
    return output.endswith(".C") or ".C_" in output


def is_occupancy(output: str) -> bool:
    """Whether an output is the occupancy of a target."""
    return output.endswith(".occupancy")


def is_symptom(output: str) -> bool:
    """Whether an output is a symptom or rating scale."""
    return output.startswith("symptoms.")


def exposure_courses(run: Run) -> Figure | None:
    """Levels of drugs and metabolites over the trial."""
    outputs = [o for o in run.outputs() if is_level(o)]
    words = (
        "Level in plasma. Line: median patient; band: middle 90 % of patients. Arms without it are not drawn."
    )
    return _figure("fig-exposure", "Exposure", words, _overlay(run, outputs, 300, zero=True, skip_empty=True))


def occupancy_courses(run: Run) -> Figure | None:
    """Occupancy of each target over the trial, in per cent."""
    outputs = [o for o in run.outputs() if is_occupancy(o) and _highest(run, o) >= LEAST_OCCUPANCY]
    words = "Share of the target occupied by drug. Line: median patient; band: middle 90 % of patients."
    if any(is_occupancy(o) and o not in outputs for o in run.outputs()):
        words += f" Targets occupied by less than {LEAST_OCCUPANCY:g} % are left to the table."
    spec = _overlay(run, outputs, 300, percent=True, skip_empty=True)
    return _figure("fig-occupancy", "Target occupancy", words, spec)


def mechanism_courses(run: Run) -> Figure | None:
    """The brain's and the body's systems over the trial: median and middle half of the patients."""
    outputs = [o for o in run.outputs() if not (is_level(o) or is_occupancy(o) or is_symptom(o))]
    symptom = f"symptoms.{run.scale}"
    outputs += [symptom] if outputs and symptom in run.outputs() else []
    words = "Line: median patient; band: middle half of the patients. The vertical axes do not start at zero."
    return _figure(
        "fig-mechanism", "From the synapse to symptoms", words, _overlay(run, outputs, 230, inner=True)
    )


def _figure(name: str, title: str, words: str, spec: dict[str, Any] | None) -> Figure | None:
    return Figure(name, title, words, spec) if spec else None


def scale_course(run: Run, scale: str) -> Figure | None:
    """Total score with 50 % and 90 % bands, one panel an arm, published points on top."""
    if scale not in run.visits.columns:
        return None
    ratings = visit_bands(run, scale)
    arms = [a for a in run.arms if (ratings["arm"] == a).any()]
    if not arms:
        return None
    styles, name = arm_styles(run), SCALES.get(scale, scale)
    columns = min(len(arms), 3)
    rows = -(-len(arms) // columns)
    last = run.last_day
    seen = [v for arm in arms for v in published_totals(run, scale, arm)]
    frame, places = panels(120 + 310 * rows, arms, columns, [time_axis(last)] * len(arms),
                           [axis(f"{name}, points", rangemode="tozero")] * len(arms), gap=(0.03, 0.2),
                           same_y=True)  # fmt: skip
    data: list[dict[str, Any]] = []
    for arm, at in zip(arms, places, strict=True):
        course, style, first = ratings.filter(pl.col("arm") == arm), styles[arm], arm == arms[0]
        day = course["day"].to_numpy()
        data.append(band(day, course["p05"], course["p95"], style, 0.16, "middle 90 % of patients", **at))
        data.append(band(day, course["p25"], course["p75"], style, 0.30, "middle 50 % of patients", **at))
        hover = "%{y:.1f}<extra>" + arm + ", median</extra>"
        solid = Style(style.colour, "solid", style.symbol)
        plain = {"mode": "lines", "showlegend": False, "hovertemplate": hover}
        data.append(line(day, course["p50"], solid, "median", **plain, **at))
        data.append(_mean_line(day, course["mean"], style, at))
        data.extend(t | at for t in _published_trace(published_totals(run, scale, arm), arm, style, 0.0))
        if first:
            data.extend(_key(bool(seen)))
    return Figure(
        f"fig-course-{scale}",
        f"{name} total over the trial",
        "Scores as rated at the visits, patients still in the trial. Solid line: median; dotted line: mean; dark "
        "band: middle 50 %, light band: middle 90 % of the patients."
        + (" " + _HOW_PUBLISHED if seen else ""),
        frame_with(frame, data),
    )


def change_from_baseline(run: Run, scale: str) -> Figure | None:
    """Mean change by visit with 95 % intervals, beside the published means."""
    if scale not in run.visits.columns:
        return None
    styles, name = arm_styles(run), SCALES.get(scale, scale)
    means = visit_means(run, scale)
    if not means.height:
        return None
    wide = [-0.03 * run.last_day, 1.05 * run.last_day]
    frame = layout(
        440, xaxis=time_axis(run.last_day) | {"range": wide}, yaxis=axis(f"change in {name}, points")
    )
    frame["shapes"] = [_rule("y", 0.0)]
    data: list[dict[str, Any]] = []
    published: list[dict[str, Any]] = []
    gap = run.last_day * (0.008 if run.published is not None else 0.005)
    for i, arm in enumerate(run.arms):
        style = styles[arm]
        part = means.filter(pl.col("arm") == arm)
        shift = (i - (len(run.arms) - 1) / 2) * 3 * gap
        day = part["day"].to_numpy() + np.where(part["day"] > 0, shift + 0.6 * gap, 0.0)
        trace = points(day, part["mean"], part["low"], part["high"], style, arm, mode="lines+markers")
        trace |= {"line": {"color": style.colour, "dash": style.dash, "width": 2.4}}
        data.append(trace | {"hovertemplate": "%{y:.1f} points<extra>" + arm + ", simulated</extra>"})
        dots = [
            (d, trial, v) for name, d, trial, _, v in published_values(run, f"change_{scale}") if name == arm
        ]
        published += _published_trace(dots, arm, style, shift - 0.9 * gap)
    data += published
    if published:
        data.append(_key(True)[-1])
    ends = [(endpoint(run, a, f"change_{scale}"), a) for a in run.arms]
    here = {r["arm"]: r["n"] for r in means.filter(pl.col("day") == run.last_day).iter_rows(named=True)}
    if any(v is not None and v.n > here.get(a, 0) for v, a in ends):
        left = " The table's estimate counts patients who left early too."
    else:
        left = ""
    note = " Open symbols: published means; bars: 95 % intervals where published." if published else ""
    return Figure(
        f"fig-change-{scale}",
        f"Change from baseline, {name}",
        "Filled symbols: simulated mean change of patients still in the trial at the visit, with 95 % interval."
        + note
        + left
        + " Symbols of one visit stand side by side.",
        frame_with(frame, data),
    )


def frame_with(frame: dict[str, Any], data: list[dict[str, Any]]) -> dict[str, Any]:
    """A plotly specification."""
    return {"data": data, "layout": frame}


_HOW_PUBLISHED = (
    "Open symbols: published means with their 95 % intervals; where a paper gives the change, it is drawn from the "
    "published baseline, or from the simulated mean baseline where none is given."
)


def published_totals(run: Run, scale: str, arm: str) -> list[tuple[float, str, Value]]:
    """Published points on the scale's total for one arm: printed totals, and changes added to the baseline."""
    found = [(day, trial, v) for name, day, trial, _, v in published_values(run, scale) if name == arm]
    printed = {(trial, day) for day, trial, _ in found}
    start = {trial: v.estimate for day, trial, v in found if day <= 0}
    first = observed(run, scale).filter((pl.col("arm") == arm) & (pl.col("day") <= 0))["score"].mean()
    simulated = float(first) if isinstance(first, int | float) else float("nan")
    for name, day, trial, _, v in published_values(run, f"change_{scale}"):
        if name == arm and (trial, day) not in printed:
            base = start.get(trial, simulated)
            found.append((day, trial, Value(base + v.estimate, base + v.low, base + v.high, v.n)))
    return sorted(found, key=lambda point: (point[1], point[0]))


def _mean_line(day: Any, mean: Any, style: Style, at: dict[str, str]) -> dict[str, Any]:
    dotted = Style(style.colour, "dot", style.symbol)
    trace = line(day, mean, dotted, "mean", mode="lines", showlegend=False, **at)
    trace["line"] |= {"width": 1.8}
    return trace | {"hovertemplate": "%{y:.1f}<extra>mean</extra>"}


def _key(published: bool) -> list[dict[str, Any]]:
    """Legend entries in neutral grey: panels already name the arms."""
    grey = Style(SOFT, "solid", "diamond")
    blank: dict[str, Any] = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip"}
    block = {"mode": "markers", "marker": {"symbol": "square", "size": 14}}
    entries = [
        {"name": "median", "mode": "lines", "line": {"color": SOFT, "width": 2.4}},
        {"name": "mean", "mode": "lines", "line": {"color": SOFT, "width": 1.8, "dash": "dot"}},
        block | {"name": "middle 50 %", "marker": block["marker"] | {"color": grey.fill(0.46)}},  # type: ignore[operator]
        block | {"name": "middle 90 %", "marker": block["marker"] | {"color": grey.fill(0.18)}},  # type: ignore[operator]
    ]
    if published:
        entries.append({"name": "published mean", "mode": "markers", "marker": hollow(grey)})
    return [blank | entry | {"legendgroup": f"key {entry['name']}"} for entry in entries]


def _published_trace(
    dots: Sequence[tuple[float, str, Value]], arm: str, style: Style, shift: float
) -> list[dict[str, Any]]:
    """Open symbols with intervals for published values (day, trial, value) of one arm; not in the legend."""
    if not dots:
        return []
    value, low, high = ([getattr(v, field) for _, _, v in dots] for field in ("estimate", "low", "high"))
    days = [day + (shift if day > 0 else 0.0) for day, _, _ in dots]
    names = [trial for _, trial, _ in dots]
    trace = points(days, value, low, high, style, arm, text=names, showlegend=False)
    told = "%{y:.3g}<extra>%{text}, published</extra>"
    return [trace | {"marker": hollow(style), "hovertemplate": told}]


def _rule(which: str, value: float) -> dict[str, Any]:
    other = "x" if which == "y" else "y"
    ends = {f"{other}0": 0, f"{other}1": 1, f"{other}ref": "paper", f"{which}0": value, f"{which}1": value}
    return {"type": "line", "layer": "below", "line": {"color": "#9aa5b1", "width": 1}} | ends


def _scaled(value: Value, factor: float) -> Value:
    return Value(factor * value.estimate, factor * value.low, factor * value.high, value.n)


def _highest(run: Run, output: str) -> float:
    """Highest 95th percentile of an output in any arm, per cent for shares."""
    top = run.courses.filter(pl.col("output") == output)["p95"].max()
    return float(top) * _per_cent(run, output) if isinstance(top, int | float) else 0.0


def _per_cent(run: Run, output: str) -> float:
    """What turns an occupancy into per cent: 1 where the run gives per cent already, else 100."""
    return 1.0 if run.unit_of(output) == "%" else 100.0


def _overlay(run: Run, outputs: Sequence[str], height: int, *, percent: bool = False, zero: bool = False,
             inner: bool = False, skip_empty: bool = False) -> dict[str, Any] | None:  # fmt: skip
    """Panels, one an output, with every arm's median and band."""
    if not outputs:
        return None
    styles, last = arm_styles(run), run.last_day
    columns = min(2, len(outputs))
    rows = -(-len(outputs) // columns)
    units = ["%" if percent else run.unit_of(o) or ("points" if is_symptom(o) else "") for o in outputs]
    shape = {"rangemode": "tozero"} if zero or percent else {}
    y = [
        axis(printed_unit(u) or "relative level", **shape) | ({"range": [0, 100]} if percent else {})
        for u in units
    ]
    titles = [_sentence(run.title_of(o)) for o in outputs]
    gap = (0.11, min(0.24, 0.36 / rows))
    frame, places = panels(110 + height * rows, titles, columns, [time_axis(last)] * len(outputs), y, gap=gap)
    data: list[dict[str, Any]] = []
    named: set[str] = set()
    low, high = ("p25", "p75") if inner else ("p05", "p95")
    for output, at in zip(outputs, places, strict=True):
        factor = _per_cent(run, output) if percent else 1.0
        for arm in run.arms:
            course = run.course(output, arm)
            if not course.height or (skip_empty and not (course["p95"].abs() > 1e-9).any()):
                continue
            course = course[thinned(course["p50"].to_numpy())].with_columns(pl.col(*BANDS) * factor)
            day, style = course["day"].to_numpy(), styles[arm]
            data.append(band(day, course[low], course[high], style, 0.15, arm, **at))
            hover = (
                "%{y:.3g} "
                + ("%" if percent else printed_unit(run.unit_of(output)))
                + "<extra>"
                + arm
                + "</extra>"
            )
            data.append(
                line(day, course["p50"], style, arm, showlegend=arm not in named, hovertemplate=hover, **at)
            )
            named.add(arm)
            dots = [
                (d, trial, _scaled(v, 100.0 if percent else 1.0))
                for a, d, trial, _, v in published_values(run, output)
                if a == arm
            ]
            data.extend(trace | at for trace in _published_trace(dots, arm, style, 0.0))
    return frame_with(frame, data) if data else None


def _sentence(text: str) -> str:
    """A title that starts with a capital, unless its first word carries capitals of its own.

    >>> _sentence("cortisol"), _sentence("mRNA")
    ('Cortisol', 'mRNA')
    """
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.islower() or "-" in first and first[0].islower() else text
