"""Pictures of a part of the network: what enters and leaves one node, and the steps of one path."""

from __future__ import annotations

import html
from collections.abc import Sequence

from euthymia.biology.paths import Step

ROW, WIDTH, BOX = 30, 1060, 290


def around_picture(node: str, found: Sequence[Step], colours: dict[str, str]) -> str:
    """The node in the middle, sources on the left, targets on the right; colour is the grade, dashed arrows lower."""
    into = [s for s in found if s.target == node]
    out = [s for s in found if s.source == node and s.target != node]
    height = ROW * max(len(into), len(out), 1) + 20
    middle, centre = height / 2, WIDTH / 2
    drawn = []
    for side, rows in (("left", into), ("right", out)):
        top = middle - ROW * (len(rows) - 1) / 2
        for i, s in enumerate(rows):
            y = top + ROW * i
            if side == "left":
                drawn += [
                    _arrow(s, BOX + 4, y, centre - 112, middle, colours),
                    _words(s.source, BOX - 4, y, "end"),
                ]
            else:
                x = WIDTH - BOX
                drawn += [
                    _arrow(s, centre + 106, middle, x - 8, y, colours),
                    _words(s.target, x + 4, y, "start"),
                ]
    box = f'<rect x="{centre - 105}" y="{middle - 16}" width="210" height="32" rx="6" fill="#2b5c8a"/>'
    label = (
        f'<text x="{centre}" y="{middle + 5}" style="fill:#fff;text-anchor:middle">{html.escape(node)}</text>'
    )
    return _svg(height, [*drawn, box, label], colours, f"what enters and leaves {node}")


def path_picture(route: Sequence[Step], weak: Step | None, colours: dict[str, str]) -> str:
    """The steps of a path one below the other, each with its grade; the weakest edge is marked."""
    drawn, step = [], 62
    nodes = [route[0].source, *(s.target for s in route)]
    for i, node in enumerate(nodes):
        y = 24 + step * i
        drawn.append(f'<rect x="20" y="{y - 15}" width="{BOX}" height="30" rx="6" fill="#2b5c8a"/>')
        drawn.append(
            f'<text x="{20 + BOX / 2}" y="{y + 5}" style="fill:#fff;text-anchor:middle">{html.escape(node)}</text>'
        )
    for i, s in enumerate(route):
        y, x = 24 + step * i, 20 + BOX / 2
        drawn.append(_arrow(s, x, y + 15, x, y + step - 22, colours))
        cites = ", ".join(sorted({e.cite for e in s.edge.evidence if e.cite})) or "assumed" if s.edge else ""
        told = f"{s.sign} grade {s.grade}: {cites}" if s.edge else "definition"
        mark = "   (weakest evidence on the path)" if s is weak else ""
        drawn.append(_words(told + mark, x + 16, y + step / 2, "start"))
    return _svg(step * len(nodes), drawn, colours, "path with its evidence")


def _words(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y + 5:.0f}" style="text-anchor:{anchor}">{html.escape(text)}</text>'


def _arrow(step: Step, x1: float, y1: float, x2: float, y2: float, colours: dict[str, str]) -> str:
    colour = colours.get(step.grade, "#888")
    kind = "e m" if step.sign == "-" else "e"
    half = (x1 + x2) / 2
    bend = f"M{x1:.0f},{y1:.0f} C{half:.0f},{y1:.0f} {half:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
    if x1 == x2:
        bend = f"M{x1:.0f},{y1:.0f} L{x2:.0f},{y2:.0f}"
    head = step.grade if step.grade in colours else "none"
    title = html.escape(f"{step.source} {step.sign} {step.target}, grade {step.grade}")
    return f'<path class="{kind}" d="{bend}" stroke="{colour}" marker-end="url(#f{head})"><title>{title}</title></path>'


def _svg(height: float, drawn: Sequence[str], colours: dict[str, str], label: str) -> str:
    heads = "".join(
        f'<marker id="f{g}" viewBox="0 0 8 8" refX="5" refY="4" markerWidth="9" markerHeight="9" orient="auto" '
        f'markerUnits="userSpaceOnUse"><path d="M0,0 L8,4 L0,8 z" fill="{c}"/></marker>'
        for g, c in {**colours, "none": "#888"}.items()
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}" role="img" '
        f'aria-label="{html.escape(label)}"><defs>{heads}</defs>{"".join(drawn)}</svg>'
    )
