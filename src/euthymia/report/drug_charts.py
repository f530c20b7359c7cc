"""Small pictures of a drug as SVG text: lines with bands, horizontal bars with intervals, a shaded table.

In: plain numbers and names.  Out: SVG or HTML text without scripts.  No plotting library is needed, so a page opens
at once and weighs a few kilobytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from euthymia.report.theme import COLOURS, GRID, INK, SOFT

LABEL = 13.0  # least distance between two labels, pixels
LETTER = 8.2  # width of a letter, pixels


def nice_ticks(top: float, count: int = 5) -> list[float]:
    """Round numbers from 0 to a little beyond `top`.

    >>> nice_ticks(61)
    [0.0, 20.0, 40.0, 60.0, 80.0]
    """
    if top <= 0 or not math.isfinite(top):
        return [0.0, 1.0]
    raw = top / (count - 1)
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= raw * 0.999)
    return [round(step * i, 12) for i in range(math.ceil(top / step - 1e-9) + 1)]


def lines(
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    x_title: str,
    y_title: str,
    *,
    percent: bool = False,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    shade: tuple[float, float] | None = None,
    marks: Sequence[float] = (),
    width: int = 520,
    height: int = 300,
) -> str:
    """Curves over a common axis, each named at its right end.

    Parameters
    ----------
    bands : mapping of curve name to (low, high)
        Drawn see-through behind the curve.
    shade : (low, high)
        A grey range on the y axis, such as a therapeutic reference range.
    marks : sequence of float
        Values of x with a thin vertical line, such as the usual doses.
    """
    longest = max((len(name) for name in curves), default=0)
    left, right, top, bottom = 52, min(LETTER * longest + 14, width / 3), 14, 44
    highest = max((float(np.max(v)) for v in curves.values()), default=1.0)
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0] if percent else nice_ticks(highest)
    ceiling, span = ticks[-1], max(x) or 1.0

    def at(a: float, b: float) -> tuple[float, float]:
        across = left + a / span * (width - left - right)
        return across, height - bottom - min(b, ceiling) / ceiling * (height - top - bottom)

    def path(values: Sequence[float]) -> str:
        return " ".join("{:.1f},{:.1f}".format(*at(a, b)) for a, b in zip(x, values, strict=True))

    out = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(y_title)}">']
    if shade and shade[0] < ceiling:
        (_, low), (_, high) = at(0, shade[0]), at(0, shade[1])
        out.append(
            f'<rect x="{left}" y="{high:.1f}" width="{width - left - right}" height="{low - high:.1f}" fill="#e9f3ea"/>'
        )
    for tick in ticks:
        _, y = at(0, tick)
        text = f"{tick:.0%}" if percent else f"{tick:g}"
        out.append(f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        out.append(f'<text x="{left - 7}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for tick in nice_ticks(span):
        if tick <= span * 1.001:
            a, y = at(tick, 0)
            out.append(f'<text x="{a:.1f}" y="{y + 18:.1f}" text-anchor="middle">{tick:g}</text>')
    for mark in marks:
        a, y = at(mark, 0)
        out.append(
            f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{top}" y2="{y:.1f}" stroke="{SOFT}" stroke-dasharray="2 4"/>'
        )
    middle = (left + width - right) / 2
    out.append(f'<text x="{middle}" y="{height - 6}" text-anchor="middle" class="t">{escape(x_title)}</text>')
    ends: list[tuple[float, float, str, str]] = []
    for i, (name, values) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        if bands and name in bands:
            low_values, high_values = bands[name]
            back = path(list(high_values)) + " " + " ".join(reversed(path(list(low_values)).split(" ")))
            out.append(f'<polygon points="{back}" fill="{colour}" opacity="0.14"/>')
        out.append(
            f'<polyline points="{path(values)}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'
        )
        end, y = at(x[-1], float(values[-1]))
        ends.append((y, end, name, colour))
    out += _labels(ends, height - bottom)
    return "".join([*out, "</svg>"])


def _labels(ends: list[tuple[float, float, str, str]], floor: float) -> list[str]:
    """Names at the ends of curves, pushed apart and kept above the axis."""
    ends = sorted(ends)
    places: list[float] = []
    for y, *_ in ends:
        places.append(max(y, places[-1] + LABEL) if places else y)
    over = places[-1] - floor if places else 0.0
    for i in range(len(places) - 1, -1, -1):
        limit = floor if i == len(places) - 1 else places[i + 1] - LABEL
        places[i] = min(places[i], limit) if over > 0 else places[i]
    return [
        f'<text x="{end + 6:.1f}" y="{place + 4:.1f}" style="fill:{colour};font-weight:600">{escape(name)}</text>'
        for place, (_, end, name, colour) in zip(places, ends, strict=True)
    ]


def bars(
    rows: Sequence[tuple[str, str, float, float, float, bool]],
    *,
    width: int = 520,
    note: str = "",
) -> str:
    """Horizontal bars from 0 to 100 % with an 80 % interval.

    Parameters
    ----------
    rows : (name, words, value, low, high, solid)
        Solid bars rest on measurements in living people, pale ones on a prior.
    """
    left, right, step, top = 196, 48, 25, 8
    height = top + step * len(rows) + 34
    scale = width - left - right
    out = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="occupancy of targets">']
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        a = left + tick * scale
        out.append(f'<line x1="{a}" x2="{a}" y1="{top}" y2="{height - 30}" stroke="{GRID}"/>')
        out.append(f'<text x="{a}" y="{height - 14}" text-anchor="middle">{tick:.0%}</text>')
    for i, (name, words, value, low, high, solid) in enumerate(rows):
        y = top + i * step
        fill = COLOURS[0] if solid else "#9ccbe3"
        out.append(f'<text x="0" y="{y + 16}" style="font-weight:600;fill:{INK}">{escape(name)}</text>')
        out.append(
            f'<text x="72" y="{y + 16}">{escape(words if len(words) < 20 else words[:17] + "...")}</text>'
        )
        out.append(
            f'<rect x="{left}" y="{y + 5}" width="{value * scale:.1f}" height="14" rx="2" fill="{fill}"/>'
        )
        a, b = left + low * scale, left + high * scale
        out.append(
            f'<path d="M{a:.1f} {y + 12}H{b:.1f}M{a:.1f} {y + 8}v8M{b:.1f} {y + 8}v8" stroke="{INK}" fill="none"/>'
        )
        out.append(f'<text x="{width - right + 8}" y="{y + 16}" style="fill:{INK}">{value:.0%}</text>')
    if note:
        out.append(f'<text x="{left}" y="{height - 1}" class="t">{escape(note)}</text>')
    return "".join([*out, "</svg>"])


def ratios(rows: Sequence[tuple[str, float]], *, width: int = 520) -> str:
    """Bars left and right of 1 on a logarithmic axis."""
    left, right, step, top = 196, 50, 25, 8
    height = top + step * len(rows) + 24
    most = max(2.0, *(max(r, 1 / r) for _, r in rows))
    scale = (width - left - right) / (2 * math.log(most))
    zero = left + math.log(most) * scale
    out = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="level with co-medication">']
    ticks = [t for t in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if 1 / most * 0.99 <= t <= most * 1.01]
    for tick in ticks:
        a = zero + math.log(tick) * scale
        colour = SOFT if tick == 1 else GRID
        out.append(f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{top}" y2="{height - 22}" stroke="{colour}"/>')
        out.append(f'<text x="{a:.1f}" y="{height - 6}" text-anchor="middle">x{tick:g}</text>')
    for i, (name, ratio) in enumerate(rows):
        y = top + i * step
        end = zero + math.log(ratio) * scale
        fill = COLOURS[1] if ratio > 1 else COLOURS[0]
        out.append(f'<text x="0" y="{y + 16}">{escape(name[:30])}</text>')
        out.append(
            f'<rect x="{min(zero, end):.1f}" y="{y + 5}" width="{abs(end - zero):.1f}" height="14" rx="2" fill="{fill}"/>'
        )
        out.append(f'<text x="{width - right + 8}" y="{y + 16}" style="fill:{INK}">x{ratio:.2g}</text>')
    return "".join([*out, "</svg>"])


def shaded(head: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]]) -> str:
    """A table whose cells are shaded by their share, 0 to 1."""
    out = ["<table class=heat><tr><th></th>", *(f"<th>{escape(h)}</th>" for h in head), "</tr>"]
    for name, values in rows:
        cells = []
        for value in values:
            if value is None:
                cells.append("<td class=none>-</td>")
                continue
            dark = ";color:#fff" if value > 0.55 else ""
            cells.append(
                f'<td style="background:rgba(0,114,178,{0.04 + 0.92 * value:.2f}){dark}">{value:.0%}</td>'
            )
        out.append(f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>")
    return "".join([*out, "</table>"])
