"""Figures of courses over time: exposure, occupancy, rating scales, mechanism.

One figure a function; each takes a `Run` and returns a `Figure`, or None where the run holds nothing to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from euthymia.report.comparison import published_values, visit_means
from euthymia.report.run import BANDS, Run
from euthymia.report.theme import (
    SOFT,
    Figure,
    Style,
    arm_styles,
    axis,
    band,
    hollow,
    line,
    panels,
    points,
    thinned,
    time_axis,
)

MECHANISM = (
    "serotonin.et",
    "neuroplasticity.bdnf",
    "neuroplasticity.synapses",
    "inflammation.il6",
    "hpa.cortisol",
)
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
    spec = _overlay(run, outputs, 300, zero=True, skip_empty=True)
    return spec and Figure(
        "fig-exposure",
        "Exposure",
        "Level in plasma. Line: median patient; band: middle 90 % of patients. Arms without the drug are "
        "not drawn.",
        spec,
    )


def occupancy_courses(run: Run) -> Figure | None:
    """Occupancy of each target over the trial, in per cent."""
    outputs = [o for o in run.outputs() if is_occupancy(o) and _moves(run, o)]
    spec = _overlay(run, outputs, 300, percent=True, skip_empty=True)
    return spec and Figure(
        "fig-occupancy",
        "Target occupancy",
        "Share of the target occupied by drug. Line: median patient; band: middle 90 % of patients.",
        spec,
    )


def mechanism_courses(run: Run) -> Figure | None:
    """The brain's and the body's systems over the trial: median and middle half of the patients."""
    others = [o for o in run.outputs() if not (is_level(o) or is_occupancy(o) or is_symptom(o))]
    known = [o for o in MECHANISM if o in others]
    outputs = known + [o for o in others if o not in known]
    spec = _overlay(run, outputs, 230, inner=True, columns=2)
    return spec and Figure(
        "fig-mechanism",
        "Mechanism: from the synapse to stress hormones",
        "Line: median patient; band: middle half of the patients. The vertical axes do not start at zero.",
        spec,
    )


def scale_course(run: Run, scale: str) -> Figure | None:
    """Total score with 50 % and 90 % bands, one panel an arm, published points on top."""
    output = f"symptoms.{scale}"
    arms = [a for a in run.arms if run.course(output, a).height]
    if not arms:
        return None
    styles, name = arm_styles(run), SCALES.get(scale, scale)
    columns = min(len(arms), 3)
    rows = -(-len(arms) // columns)
    last = run.last_day
    seen = {p[0] for p in published_values(run, scale)}
    frame, places = panels(120 + 310 * rows, arms, columns, [time_axis(last)] * len(arms),
                           [axis(f"{name}, points", rangemode="tozero")] * len(arms), gap=(0.03, 0.2),
                           same_y=True)  # fmt: skip
    data: list[dict[str, Any]] = []
    for arm, at in zip(arms, places, strict=True):
        course, style, first = run.course(output, arm), styles[arm], arm == arms[0]
        day = course["day"].to_numpy()
        data.append(band(day, course["p05"], course["p95"], style, 0.16, "middle 90 % of patients", **at))
        data.append(band(day, course["p25"], course["p75"], style, 0.30, "middle 50 % of patients", **at))
        hover = "%{y:.1f}<extra>" + arm + ", median</extra>"
        solid = style.__class__(style.colour, "solid", style.symbol)
        data.append(
            line(day, course["p50"], solid, "median", **at) | {"showlegend": False, "hovertemplate": hover}
        )
        data.append(_mean_line(day, course["mean"], style, at))
        data.extend(_published_points(run, scale, arm, style, at))
        if first:
            data.extend(_key(bool(seen)))
    return Figure(
        f"fig-course-{scale}",
        f"{name} total over the trial",
        "Solid line: median; dotted line: mean; dark band: middle 50 %, light band: middle 90 % of the simulated "
        "patients of the arm"
        + (". Open symbols: published means with their 95 % intervals." if seen else "."),
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
    frame, _ = panels(440, [""], 1, [time_axis(run.last_day)], [axis(f"change in {name}, points")])
    frame["annotations"] = []
    frame["margin"] |= {"t": 64}
    frame["shapes"] = [_rule("y", 0.0)]
    data: list[dict[str, Any]] = []
    published = []
    for i, arm in enumerate(run.arms):
        style = styles[arm]
        part = means.filter(pl.col("arm") == arm)
        shift = (i - (len(run.arms) - 1) / 2) * run.last_day * 0.012
        day = part["day"].to_numpy() + np.where(part["day"] > 0, shift, 0.0)
        trace = points(day, part["mean"], part["low"], part["high"], style, arm, mode="lines+markers")
        trace |= {"line": {"color": style.colour, "dash": style.dash, "width": 2.4}}
        data.append(trace | {"hovertemplate": "%{y:.1f} points<extra>" + arm + ", simulated</extra>"})
        dots = list(published_values(run, f"change_{scale}"))
        published += _published_trace(dots, arm, style, shift + run.last_day * 0.022 * _side(i, run))
    data += published
    note = " Open symbols: published means; bars: 95 % intervals where published." if published else ""
    return Figure(
        f"fig-change-{scale}",
        f"Change from baseline, {name}",
        "Filled symbols: simulated mean change of patients still in the trial at the visit, with 95 % interval."
        + note
        + " Symbols of the same day are moved apart to be seen.",
        frame_with(frame, data),
    )


def frame_with(frame: dict[str, Any], data: list[dict[str, Any]]) -> dict[str, Any]:
    """A plotly specification."""
    return {"data": data, "layout": frame}


def _side(i: int, run: Run) -> int:
    return -1 if i < len(run.arms) / 2 else 1


def _mean_line(day: Any, mean: Any, style: Style, at: dict[str, str]) -> dict[str, Any]:
    dotted = Style(style.colour, "dot", style.symbol)
    trace = line(day, mean, dotted, "mean", **at) | {"showlegend": False}
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
    return [blank | entry for entry in entries]


def _published_points(
    run: Run, outcome: str, arm: str, style: Style, at: dict[str, str]
) -> list[dict[str, Any]]:
    traces = _published_trace(list(published_values(run, outcome)), arm, style, 0.0)
    return [trace | at | {"showlegend": False} for trace in traces]


def _published_trace(dots: Sequence[Any], arm: str, style: Style, shift: float) -> list[dict[str, Any]]:
    own = [(day, trial, value) for name, day, trial, _, value in dots if name == arm]
    if not own:
        return []
    columns = [[getattr(v, field) for _, _, v in own] for field in ("estimate", "low", "high")]
    trace = points(
        [day + (shift if day > 0 else 0.0) for day, _, _ in own], *columns, style, f"{arm}, published"
    )
    trace |= {
        "marker": hollow(style),
        "legendgroup": f"{arm}, published",
        "text": [trial for _, trial, _ in own],
    }
    return [trace | {"hovertemplate": "%{y:.1f} points<extra>%{text}, published</extra>"}]


def _rule(which: str, value: float) -> dict[str, Any]:
    other = "x" if which == "y" else "y"
    ends = {f"{other}0": 0, f"{other}1": 1, f"{other}ref": "paper", f"{which}0": value, f"{which}1": value}
    return {"type": "line", "layer": "below", "line": {"color": "#9aa5b1", "width": 1}} | ends


def _moves(run: Run, output: str) -> bool:
    rows = run.courses.filter(pl.col("output") == output)
    return bool((rows["p95"].abs() > 1e-6).any())


def _overlay(run: Run, outputs: Sequence[str], height: int, *, percent: bool = False, zero: bool = False,
             inner: bool = False, skip_empty: bool = False, columns: int = 2) -> dict[str, Any] | None:  # fmt: skip
    """Panels, one an output, with every arm's median and band."""
    if not outputs:
        return None
    styles, last = arm_styles(run), run.last_day
    columns = min(columns, len(outputs))
    rows = -(-len(outputs) // columns)
    units = ["%" if percent else run.unit_of(o) for o in outputs]
    shape = {"rangemode": "tozero"} if zero or percent else {}
    y = [axis(u or "relative level", **shape) | ({"range": [0, 100]} if percent else {}) for u in units]
    titles = [_sentence(run.title_of(o)) for o in outputs]
    gap = (0.11, min(0.24, 0.36 / rows))
    frame, places = panels(110 + height * rows, titles, columns, [time_axis(last)] * len(outputs), y, gap=gap)
    data: list[dict[str, Any]] = []
    named: set[str] = set()
    low, high = ("p25", "p75") if inner else ("p05", "p95")
    factor = 100.0 if percent else 1.0
    for output, at in zip(outputs, places, strict=True):
        for arm in run.arms:
            course = run.course(output, arm)
            if not course.height or (skip_empty and not (course["p95"].abs() > 1e-9).any()):
                continue
            course = course[thinned(course["p50"].to_numpy())].with_columns(pl.col(*BANDS) * factor)
            day, style = course["day"].to_numpy(), styles[arm]
            data.append(band(day, course[low], course[high], style, 0.15, arm, **at))
            hover = "%{y:.3g} " + ("%" if percent else run.unit_of(output)) + "<extra>" + arm + "</extra>"
            data.append(
                line(day, course["p50"], style, arm, showlegend=arm not in named, hovertemplate=hover, **at)
            )
            named.add(arm)
    return frame_with(frame, data) if data else None


def _sentence(text: str) -> str:
    """A title that starts with a capital, unless its first word carries capitals of its own.

    >>> _sentence("cortisol"), _sentence("mRNA")
    ('Cortisol', 'mRNA')
    """
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.islower() or "-" in first and first[0].islower() else text
