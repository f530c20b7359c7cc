"""How every picture looks: colours, line styles, panels, axes.

Figures are plain plotly specifications (`{"data": [...], "layout": {...}}`): the same JSON serves the report
and any other page.  Colours follow the colour-blind safe set of Okabe and Ito, darkened for contrast on white;
each arm also has its own marker, so that no picture is read by colour alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from euthymia.report.run import Run

INK, SOFT, GRID = "#1f2933", "#52606d", "#e4e7eb"
CONTROL = "#6b7785"
COLOURS = ("#0072b2", "#d55e00", "#008f68", "#b8558a", "#332288", "#8a5a00", "#117a8b")
MARKERS = ("circle", "square", "triangle-up", "star", "cross", "pentagon")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
POINTS = 500  # a course with more times is thinned to about this many


@dataclass(frozen=True, slots=True)
class Style:
    """How one arm is drawn everywhere."""

    colour: str
    dash: str
    symbol: str

    def fill(self, opacity: float) -> str:
        """The arm's colour, see-through."""
        red, green, blue = (int(self.colour[i : i + 2], 16) for i in (1, 3, 5))
        return f"rgba({red},{green},{blue},{opacity:g})"


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture with its words.

    Parameters
    ----------
    id : str
        Anchor in the page and name of the plot; the same for the same figure in every report.
    title, caption : str
        What is shown, and how to read it.
    spec : dict
        The plotly specification.
    """

    id: str
    title: str
    caption: str
    spec: dict[str, Any] = field(repr=False)

    @property
    def height(self) -> int:
        """Height of the picture in pixels."""
        return int(self.spec["layout"]["height"])


def arm_styles(run: Run) -> dict[str, Style]:
    """A style for each arm: grey and dotted for the first control arm, the palette in order for the others."""
    styles: dict[str, Style] = {}
    for arm in run.arms:
        if is_control(run, arm) and all(s.colour != CONTROL for s in styles.values()):
            styles[arm] = Style(CONTROL, "dot", "diamond")
        else:
            i = sum(s.colour != CONTROL for s in styles.values())
            styles[arm] = Style(COLOURS[i % len(COLOURS)], "solid", MARKERS[i % len(MARKERS)])
    return styles


def is_control(run: Run, arm: str) -> bool:
    """Whether the arm's name says that it is a placebo or control arm."""
    return any(word in arm.lower() for word in ("placebo", "control", "sham", "waitlist"))


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """A quiet axis with thin grid lines."""
    base: dict[str, Any] = {
        "title": {"text": title, "standoff": 10, "font": {"size": 13}},
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": "#9aa5b1",
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "#9aa5b1",
        "automargin": True,
    }
    return base | more


def time_axis(last: float, **more: Any) -> dict[str, Any]:
    """Time in weeks where the trial lasts two weeks or more, else in days; data stay in days."""
    if last < 14:
        return axis("day", range=[-0.04 * last, last * 1.04]) | more
    step = 7 * max(1, int(np.ceil(last / 7 / 8)))
    ticks = list(range(0, int(last) + 1, step))
    weeks = [str(t // 7) for t in ticks]
    return axis("week", tickvals=ticks, ticktext=weeks, range=[-0.03 * last, last * 1.03]) | more


def layout(height: int, **more: Any) -> dict[str, Any]:
    """The common frame of every picture."""
    base: dict[str, Any] = {
        "height": height,
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 64, "r": 18, "t": 48, "b": 52},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 13},
        },
        "hoverlabel": {
            "bgcolor": "#ffffff",
            "bordercolor": "#9aa5b1",
            "font": {"family": FONT, "color": INK},
        },
        "modebar": {"bgcolor": "rgba(255,255,255,0.85)", "color": "#7b8794", "activecolor": "#00507d"},
        "annotations": [],
        "shapes": [],
    }
    return base | more


def panels(
    height: int,
    titles: Sequence[str],
    columns: int,
    x: Sequence[dict[str, Any]],
    y: Sequence[dict[str, Any]],
    *,
    gap: tuple[float, float] = (0.075, 0.17),
    same_y: bool = False,
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """A grid of small panels.

    Returns
    -------
    tuple
        The layout, and for each panel the axis names that its traces must carry.
    """
    frame = layout(height)
    rows = -(-len(titles) // columns)
    wide = (1 - gap[0] * (columns - 1)) / columns
    tall = (1 - gap[1] * (rows - 1)) / rows if rows > 1 else 1.0
    names = []
    for i, title in enumerate(titles):
        row, column = divmod(i, columns)
        left, top = column * (wide + gap[0]), 1 - row * (tall + gap[1])
        n = "" if i == 0 else str(i + 1)
        frame[f"xaxis{n}"] = x[i] | {"domain": [left, min(left + wide, 1.0)], "anchor": f"y{n}"}
        frame[f"yaxis{n}"] = y[i] | {"domain": [max(top - tall, 0.0), top], "anchor": f"x{n}"}
        if same_y and i:
            frame[f"yaxis{n}"]["matches"] = "y"
            if column:
                frame[f"yaxis{n}"] |= {"showticklabels": False, "title": {"text": ""}}
        if i < len(titles) - columns and x[i] == x[-1]:
            frame[f"xaxis{n}"]["title"] = {"text": ""}
        frame["annotations"].append(panel_title(title, left, top))
        names.append({"xaxis": f"x{n}", "yaxis": f"y{n}"})
    frame["margin"] |= {"t": 78}
    return frame, names


def panel_title(text: str, left: float, top: float) -> dict[str, Any]:
    """A panel's heading, above its left corner."""
    place = {"x": left, "xref": "paper", "xanchor": "left", "y": top, "yref": "paper", "yanchor": "bottom"}
    return place | {"text": f"<b>{text}</b>", "showarrow": False, "yshift": 5, "font": {"size": 13}}


def rounded(values: Any, digits: int = 4) -> list[float | None]:
    """Numbers for the page: significant digits only, `None` where not finite.

    >>> rounded([1.23456, 0.000123456, float("nan")])
    [1.235, 0.0001235, None]
    """
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def thinned(values: np.ndarray, limit: int = POINTS) -> np.ndarray:
    """Indices that keep the look of a course: ends, and the lowest and highest of each stretch.

    >>> thinned(np.arange(5.0)).tolist()
    [0, 1, 2, 3, 4]
    >>> len(thinned(np.sin(np.arange(10_000.0)))) <= 502
    True
    """
    n = len(values)
    if n <= limit:
        return np.arange(n)
    keep = {0, n - 1}
    for part in np.array_split(np.arange(n), limit // 2):
        keep |= {int(part[np.argmin(values[part])]), int(part[np.argmax(values[part])])}
    return np.array(sorted(keep))


def printed_unit(unit: str) -> str:
    """A unit as people print it.

    >>> printed_unit("ng*h/mL"), printed_unit("ug/L")
    ('ng·h/mL', 'µg/L')
    """
    return re.sub(r"\bu(?=[glmM]\w*)", "µ", unit.replace("*", "·"))


def line(x: Any, y: Any, style: Style, name: str, **more: Any) -> dict[str, Any]:
    """A line in the arm's style, with a few of the arm's markers along it."""
    marker = {"color": style.colour, "symbol": style.symbol, "size": 7, "maxdisplayed": 9}
    base = {"type": "scatter", "mode": "lines+markers", "marker": marker, "name": name, "legendgroup": name}
    drawn = {
        "x": rounded(x, 6),
        "y": rounded(y),
        "line": {"color": style.colour, "dash": style.dash, "width": 2.4},
    }
    return base | drawn | more


def band(x: Any, low: Any, high: Any, style: Style, opacity: float, name: str, **more: Any) -> dict[str, Any]:
    """A filled band between two courses."""
    days, bottom, top = rounded(x, 6), rounded(low), rounded(high)
    shape = {
        "x": days + days[::-1],
        "y": top + bottom[::-1],
        "fill": "toself",
        "fillcolor": style.fill(opacity),
    }
    quiet = {
        "type": "scatter",
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return quiet | shape | {"name": name, "legendgroup": name} | more


def points(x: Any, y: Any, low: Any, high: Any, style: Style, name: str, **more: Any) -> dict[str, Any]:
    """Markers with vertical error bars; missing bounds draw no bar."""
    value, below, above = (np.asarray(v, dtype=float) for v in (y, low, high))
    bars = {"type": "data", "symmetric": False, "array": rounded(above - value),
            "arrayminus": rounded(value - below), "color": style.colour, "thickness": 1.6, "width": 4}  # fmt: skip
    marker = {
        "color": style.colour,
        "size": 9,
        "symbol": style.symbol,
        "line": {"color": "#ffffff", "width": 1},
    }
    base = {"type": "scatter", "mode": "markers", "name": name, "legendgroup": name, "marker": marker}
    return base | {"x": rounded(x, 6), "y": rounded(y), "error_y": bars} | more


def hollow(style: Style, size: int = 11) -> dict[str, Any]:
    """The marker of published values: the arm's symbol, open."""
    return {
        "color": "#ffffff",
        "size": size,
        "symbol": style.symbol,
        "line": {"color": style.colour, "width": 2.2},
    }
