"""The drug card as one offline HTML page; its curves are drawn as SVG by hand, so no plotting library is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

SHOWN = 0.1  # occupancy below which a target is not compared
COLOURS = ("#0b6e99", "#c9572c", "#3f8f4f", "#7b5ea7", "#b08c1f", "#5b6770", "#a83a6b", "#2a9d9d")
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.15rem .8rem;text-align:left;"
    "border-bottom:1px solid #ddd}td.n{text-align:right}h1{margin-bottom:0}h2{margin-top:2rem;font-size:1.1rem}"
    ".grey{color:#777}svg text{font:12px system-ui,sans-serif;fill:#444}"
)


def chart(
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    x_title: str,
    y_title: str,
    percent: bool = False,
) -> str:
    """Lines over a common x axis as SVG, each named at its right end."""
    width, height, left, right, top, bottom = 680, 300, 60, 120, 12, 44
    highest = max((max(v) for v in curves.values()), default=1.0) or 1.0
    ceiling = 1.0 if percent else highest * 1.08
    span = max(x) or 1.0

    def at(a: float, b: float) -> tuple[float, float]:
        return left + a / span * (width - left - right), height - bottom - b / ceiling * (
            height - top - bottom
        )

    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(y_title)}">'
    ]
    for step in np.linspace(0, ceiling, 5):
        _, y = at(0, float(step))
        label = f"{step:.0%}" if percent else f"{step:.3g}"
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for step in np.linspace(0, span, 5):
        a, _ = at(float(step), 0)
        parts.append(f'<text x="{a:.1f}" y="{height - bottom + 18}" text-anchor="middle">{step:.3g}</text>')
    middle = (left + width - right) / 2
    parts.append(f'<text x="{middle}" y="{height - 6}" text-anchor="middle">{escape(x_title)}</text>')
    taken: list[float] = []
    for i, (name, values) in enumerate(sorted(curves.items(), key=lambda item: -item[1][-1])):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join("{:.1f},{:.1f}".format(*at(a, b)) for a, b in zip(x, values, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.2"/>')
        end, y = at(x[-1], values[-1])
        while any(abs(y - other) < 13 for other in taken):
            y += 13
        taken.append(y)
        parts.append(f'<text x="{end + 6:.1f}" y="{y + 4:.1f}" style="fill:{colour}">{escape(name)}</text>')
    return "".join([*parts, "</svg>"])


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A plain table; numbers are right-aligned."""
    head = "".join(f"<th>{escape(h)}</th>" for h in header)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="n">{c:.3g}</td>' if isinstance(c, float | int) else f"<td>{escape(str(c))}</td>"
            for c in row
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def page(cards: Sequence[dict[str, Any]]) -> str:
    """One drug, or several side by side, as a page."""
    titles = ", ".join(c["identity"]["title"] for c in cards)
    parts = [f"<!doctype html><meta charset=utf-8><title>{escape(titles)}</title><style>{STYLE}</style>"]
    if len(cards) > 1:
        parts.append(f"<h1>{escape(titles)}</h1>" + _comparison(cards))
    for found in cards:
        parts.append(_one(found))
    return "\n".join(parts)


def _comparison(cards: Sequence[dict[str, Any]]) -> str:
    best: dict[str, float] = {}
    for found in cards:
        for gene, share in ((found["dose_occupancy"] or {}).get("all") or {}).items():
            best[gene] = max(best.get(gene, 0.0), share)
    genes = [g for g in sorted(best, key=lambda g: -best[g]) if best[g] >= SHOWN][:8]
    rows = []
    for found in cards:
        first = found["kinetics"][0] if found["kinetics"] else {}
        at = (found["dose_occupancy"] or {}).get("all", {})
        dose = found["usual_daily_dose_mg"]
        rows.append(
            [
                found["identity"]["title"],
                f"{dose['low']:g}-{dose['high']:g} mg" if dose else "-",
                first.get("half_life_h") or "-",
                *(f"{at[g]:.0%}" if g in at else "-" for g in genes),
            ]
        )
    head = ["drug", "usual dose", "half-life, h", *genes]
    return "<p>Occupancy at the upper usual dose.</p>" + table(head, rows)


def _one(found: dict[str, Any]) -> str:
    who = found["identity"]
    parts = [f"<h1>{escape(who['title'])}</h1><p class=grey>{escape(who['class'])}, {who['status']}</p>"]
    if who["summary"]:
        parts.append(f"<p>{escape(who['summary'])}</p>")
    parts += [f"<p><b>Note.</b> {escape(note)}</p>" for note in who["notes"]]
    curve = found["dose_occupancy"]
    if curve:
        parts.append(f"<h2>Occupancy against dose ({curve['schedule']})</h2>")
        top = {gene: list(v) for gene, v in curve["occupancy"].items() if max(v) > 0.05}
        parts.append(chart(curve["dose_mg"], top, "dose, mg", "occupancy", percent=True))
        parts.append("<h2>Level against dose</h2>")
        levels = {name.rsplit(".", 1)[-1]: list(v) for name, v in curve["level_ng_per_mL"].items()}
        parts.append(chart(curve["dose_mg"], levels, "dose, mg", "level, ng/mL"))
    rows = [
        [
            r["analyte"],
            *(
                f"{r[k]['value']:g} {r[k]['unit']}".removesuffix(" 1") if k in r else "-"
                for k in ("CL", "V", "unbound")
            ),
            r["half_life_h"] or "-",
            ", ".join(f"{e} {s:.0%}" for e, s in r["pathways"].items()),
        ]
        for r in found["kinetics"]
    ]
    parts.append(
        "<h2>Kinetics</h2>" + table(["analyte", "CL", "V", "unbound", "half-life, h", "pathways"], rows)
    )
    if len(found["phenotypes"]) > 1:
        rows = [
            [
                f"{r['enzyme']} {r['phenotype']}".strip(),
                ", ".join(f"{k.rsplit('.', 1)[-1]} {v:.3g}" for k, v in r["average_ng_per_mL"].items()),
            ]
            for r in found["phenotypes"]
        ]
        parts.append("<h2>Average level at the lower usual dose</h2>" + table(["patient", "ng/mL"], rows))
    rows = [
        [r["gene"], r["analyte"], r["action"], float(r["EC50_nmol_per_L"]), r["log10_sd"], r["basis"]]
        for r in found["targets"][:20]
    ]
    header = ["target", "analyte", "action", "EC50, nmol/L in plasma", "log10 SD", "basis"]
    parts.append("<h2>Targets</h2>" + table(header, rows))
    rows = [[k, float(v)] for k, v in found["interactions"]["level_ratio_with"].items()]
    if rows:
        parts.append("<h2>Level ratio with other drugs</h2>" + table(["with", "ratio"], rows))
    quality = found["quality"]
    parts.append(
        f"<h2>Quality</h2><p>{quality['numbers']} numbers: {quality['opened']} from an opened source, "
        f"{quality['recalled']} remembered and not yet verified, {quality['assumed']} assumed or derived.</p>"
    )
    parts += [f"<p class=grey>Gap: {escape(gap)}</p>" for gap in quality["gaps"]]
    parts.append(f"<p class=grey>Sources: {escape(', '.join(found['sources']))}</p>")
    return "\n".join(parts)
