"""Times to an event: Kaplan-Meier curves and who was at risk.

In: a `Run` with its table of curves.  Out: figures and one table; nothing where the run has no such endpoint.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from euthymia.report.courses import frame_with
from euthymia.report.run import Run
from euthymia.report.tables import Cell, Table, fixed, table
from euthymia.report.theme import (
    COLOURS,
    MARKERS,
    Figure,
    Style,
    arm_styles,
    axis,
    band,
    layout,
    line,
    time_axis,
)

WORDS = (
    "Kaplan-Meier estimate with pointwise 95 % intervals. Time is counted from the start of the endpoint; patients who leave, "
    "and those without the event at the end, are censored there."
)


def figures(run: Run) -> list[Figure]:
    """One figure for every comparison of times to an event."""
    return [_figure(run, name) for name in _names(run)]


def _names(run: Run) -> list[str]:
    return [] if run.survival is None else run.survival["analysis"].unique(maintain_order=True).to_list()


def _groups(run: Run, name: str) -> list[tuple[str, pl.DataFrame]]:
    assert run.survival is not None
    part = run.survival.filter(pl.col("analysis") == name)
    return [(g, part.filter(pl.col("arm") == g)) for g in part["arm"].unique(maintain_order=True).to_list()]


def _stairs(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What holds at a time holds until the next."""
    return 100 * np.repeat(values, 2)[:-1]


def _figure(run: Run, name: str) -> Figure:
    known, groups = arm_styles(run), _groups(run, name)
    bands, lines, last, lowest = [], [], 1.0, 100.0
    for i, (group, part) in enumerate(groups):
        style = known.get(group) or Style(COLOURS[i % len(COLOURS)], "solid", MARKERS[i % len(MARKERS)])
        day, free, low, high = (part[c].to_numpy() for c in ("day", "free", "low", "high"))
        last, lowest = max(last, float(day[-1])), min(lowest, 100 * float(low.min()))
        bands.append(band(np.repeat(day, 2)[1:], _stairs(low), _stairs(high), style, 0.13, group))
        hover = "%{y:.0f} %<extra>" + group + "</extra>"
        trace = line(day, 100 * free, style, group, hovertemplate=hover, mode="lines")
        trace["line"] |= {"shape": "hv"}
        lines.append(trace)
    endpoint = str(groups[0][1]["endpoint"][0])
    title = f"Time to {endpoint}" + (f": {name}" if name != endpoint else "")
    bottom = 0.0 if lowest < 50 else 10 * (lowest // 10)
    frame = layout(340, xaxis=time_axis(last), yaxis=axis("% free of the event", range=[bottom, 101]))
    return Figure(f"fig-survival-{name}", title.replace("_", " "), WORDS, frame_with(frame, [*bands, *lines]))


def at_risk(run: Run) -> Table | None:
    """Patients at risk, events and median of every curve."""
    rows: list[list[str | Cell]] = []
    for name in _names(run):
        for group, part in _groups(run, name):
            median = part["median_day"][0]
            free, low, high = (f"{100 * part[c][-1]:.0f}" for c in ("free", "low", "high"))
            rows.append([name.replace("_", " "), group, str(part["at_risk"][0]), str(part["events"].sum()),
                         "not reached" if median is None else fixed(median, 0), f"{free} % ({low} to {high})"])  # fmt: skip
    heads = ["Curve", "Arm", "At risk", "Events", "Median, days", "Free at the end"]
    return (
        table("Times to an event; the first replicate.", heads, rows, text_columns=(0, 1)) if rows else None
    )
