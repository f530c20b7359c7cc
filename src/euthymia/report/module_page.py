"""One module as a page that works offline: typeset equations, parameters with sources, edges, facts with their data.

In: a `Module` and its simulated facts.  Out: HTML with MathML and inline SVG; nothing is loaded from outside.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import numpy as np

from euthymia.analysis.facts import Fact
from euthymia.biology.module import Module
from euthymia.evidence.bibliography import as_text, bibliography
from euthymia.evidence.parameter import Evidence
from euthymia.report.formula import equation

STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:960px;padding:0 1rem;color:#222}
h1{margin-bottom:.2rem} h2{margin-top:2.2rem;border-bottom:1px solid #ddd} .note{color:#555}
.eq{margin:.7rem 0;overflow-x:auto;overflow-y:hidden;padding-bottom:.3rem} .eq p{margin:.1rem 0;color:#555} math{font-size:1.05em}
table{border-collapse:collapse;width:100%} td,th{padding:.3rem .6rem;border-bottom:1px solid #e3e3e3;text-align:left;
vertical-align:top} td.n{white-space:nowrap} .g{font-weight:600} .gA{color:#1b7837}.gB{color:#3f8f45}.gC{color:#b36b00}
.gD{color:#b2182b} .facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(400px,1fr));gap:1rem} figure{margin:0}
figcaption{color:#555;font-size:.9em} text{font-size:12px;fill:#333} code{font-size:.95em;overflow-wrap:anywhere}
td:first-child code{overflow-wrap:normal;white-space:nowrap}"""
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 440, 250, 52, 36, 14
LINE, MARK, GRID = "#2b5c8a", "#b2182b", "#dddddd"


def module_page(module: Module, facts: Sequence[Fact] = (), rivals: Sequence[str] = ()) -> str:
    """The page as text."""
    cites: dict[str, None] = {}
    parts = [f"<h1>{html.escape(module.title)}</h1>", f'<p class="note">{module.name}'
             + (f", form {module.variant}" if module.variant else "")
             + (f"; rival forms: {', '.join(rivals)}" if rivals else "") + "</p>", f"<p>{html.escape(module.about)}</p>"]  # fmt: skip
    parts += [
        "<h2>Equations</h2>",
        '<p class="note">Time in hours; quantities are relative to healthy rest (1).</p>',
    ]
    for key, state in module.states.items():
        told = f"{html.escape(module.titles[key])}; starts at {html.escape(str(state.initial).replace(module.name + '.', ''))}"
        parts.append(f'<div class="eq"><p>{told}</p>{equation(key, state.rate, rate=True)}</div>')
    for key, assignment in module.assignments.items():
        parts.append(
            f'<div class="eq"><p>{html.escape(module.titles[key])}</p>{equation(key, assignment.expression)}</div>'
        )
    if facts:
        parts += [
            "<h2>Facts with their data</h2>",
            '<div class="facts">',
            *(drawing(f, cites) for f in facts),
            "</div>",
        ]
    parts += ["<h2>Parameters</h2>", _head("id", "value", "grade", "meaning", "source")]
    parts += [
        f"<tr><td><code>{key.split('.', 1)[1]}</code></td><td class=n>{html.escape(p.shown.removesuffix(' 1'))}</td>{_grade(p.grade)}"
        f"<td>{html.escape(p.title)}</td><td>{_sources(p.evidence, cites)}</td></tr>"
        for key, p in module.parameters.items()
    ]
    parts += ["</table><h2>Edges</h2>", _head("from", "", "to", "grade", "claims", "evidence")]
    for e in module.edges:
        against = f"<br>against: {_sources(e.against, cites)}" if e.against else ""
        contested = " contested" if e.contested else ""
        claims = ", ".join(map(str, e.claims))
        parts.append(
            f"<tr><td><code>{e.source}</code></td><td>{e.sign}</td><td><code>{e.target}</code></td>"
            f"{_grade(e.grade, contested)}<td>{claims}</td><td>{_sources(e.evidence, cites)}{against}</td></tr>"
        )
    parts += ["</table><h2>Ports</h2>", _head("port", "rests at", "meaning")]
    parts += [
        f"<tr><td><code>{p.id}</code></td><td>{p.default:g}</td><td>{html.escape(p.title)}</td></tr>"
        for p in module.ports.values()
    ]
    entries = bibliography()
    parts += ["</table><h2>References</h2><ul>"]
    parts += [f"<li id='{c}'>{html.escape(as_text(entries[c]))}</li>" for c in sorted(cites) if c in entries]
    title = html.escape(module.title)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        + "\n".join(parts)
        + "</ul></html>\n"
    )


def _head(*names: str) -> str:
    return "<table><tr>" + "".join(f"<th>{n}</th>" for n in names) + "</tr>"


def _grade(grade: str, more: str = "") -> str:
    return f'<td class="g g{grade}">{grade}{more}</td>'


def _sources(evidence: Iterable[Evidence], cites: dict[str, None]) -> str:
    told = []
    for e in evidence:
        if e.cite:
            cites[e.cite] = None
        kind = "" if e.kind == "READ" or not e.cite else ", not opened"
        head = f"<a href='#{e.cite}'>{e.cite}</a>{kind}" if e.cite else e.basis
        told.append(f"{head}: {html.escape(e.says)}" if e.says else head)
    return "; ".join(told)


def drawing(fact: Fact, cites: dict[str, None]) -> str:
    """One fact: the simulated course, and published points with their bands."""
    unit, scale = _time_unit(float(fact.times[-1]))
    x, y = fact.times * scale, fact.values
    low = (
        min(float(y.min()), *(p[2] for p in fact.published), *(p[1] for p in fact.published))
        if fact.published
        else y.min()
    )
    high = (
        max(float(y.max()), *(p[3] for p in fact.published), *(p[1] for p in fact.published))
        if fact.published
        else y.max()
    )
    pad = 0.08 * (high - low) or 0.1
    low, high = float(low - pad), float(high + pad)

    def place(a: float, b: float) -> tuple[float, float]:
        across = LEFT + (WIDTH - LEFT - 12) * a / float(x[-1])
        return across, TOP + (HEIGHT - TOP - BOTTOM) * (1 - (b - low) / (high - low))

    parts = []
    for tick in _ticks(low, high):
        _, at = place(0.0, tick)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{at:.1f}" y2="{at:.1f}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in _ticks(0.0, float(x[-1])):
        at, _ = place(tick, low)
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{WIDTH - 12}" y="{HEIGHT - 4}" text-anchor="end">{unit}</text>')
    points = " ".join("{:.1f},{:.1f}".format(*place(float(a), float(b))) for a, b in zip(x, y, strict=True))
    parts.append(f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    for t, value, least, most in fact.published:
        at, middle = place(t * scale, value)
        _, top = place(t * scale, most)
        _, bottom = place(t * scale, least)
        if most > least:
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="{MARK}" stroke-width="3"/>'
            )
        parts.append(f'<circle cx="{at:.1f}" cy="{middle:.1f}" r="5" fill="{MARK}"/>')
    number = f"Fact {fact.number}. " if fact.number else ""
    told = "Line: simulated. " + ("Points: published. " if fact.published else "")
    title = html.escape(fact.title)
    return (
        f'<figure><strong>{title}</strong><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
        f"{''.join(parts)}</svg><figcaption>{number}{told}{_sources(fact.evidence, cites)}</figcaption></figure>"
    )


def _time_unit(length: float) -> tuple[str, float]:
    """Unit of the time axis and its number per hour."""
    if length <= 2:
        return "min", 60.0
    return ("h", 1.0) if length <= 48 else ("days", 1 / 24)


def _ticks(low: float, high: float) -> list[float]:
    """Four to seven round numbers between two values."""
    step = 10.0 ** np.floor(np.log10((high - low) / 3))
    for factor in (1, 2, 5, 10):
        first = np.ceil(low / (step * factor))
        found = [float(first + i) * step * factor for i in range(12) if (first + i) * step * factor <= high]
        if len(found) <= 7:
            return [round(v, 10) for v in found]
    return [low, high]
