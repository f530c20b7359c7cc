"""`euthymia network`: modules and their signed, graded edges; neighbours and paths; a page to look at."""

from __future__ import annotations

import argparse
import html
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from euthymia.biology import Edge, Network, build_network
from euthymia.biology.paths import Step, around, resolve, shortest_path, steps, weakest
from euthymia.errors import InputError, Problem

NAME = "network"
HELP = "Show the network: modules, signed and graded edges, neighbours of a node, the evidence on a path."
STYLE = """body{font:14px system-ui,sans-serif;margin:1.5rem;color:#222} svg{max-width:100%;height:auto}
path.e{fill:none;stroke-width:1.8;opacity:.6} path.e:hover,path.on{stroke-width:3.5;opacity:1} path.off{opacity:.06}
path.m{stroke-dasharray:6 4} circle{fill:#2b5c8a} .here circle{fill:#b2182b} text{text-anchor:middle;font-size:13px}
g.node{cursor:pointer} table{border-collapse:collapse} #f{width:22rem;padding:.3rem}
td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top} code{font-size:12.5px}"""
SCRIPT = """let chosen='';
function show(m){chosen=chosen===m?'':m;draw()}
function draw(){const words=document.getElementById('f').value.toLowerCase();let n=0;
for(const e of document.querySelectorAll('path.e')){const mine=e.dataset.m.split(' ').includes(chosen);
e.classList.toggle('on',!!chosen&&mine);e.classList.toggle('off',!!chosen&&!mine)}
for(const g of document.querySelectorAll('g.node'))g.classList.toggle('here',g.dataset.n===chosen);
for(const r of document.querySelectorAll('tbody tr')){const yes=(!chosen||r.dataset.m.split(' ').includes(chosen))
&&(!words||r.textContent.toLowerCase().includes(words));r.style.display=yes?'':'none';n+=yes}
document.getElementById('n').textContent=n+' edges'}
draw()"""
COLOURS = {"A": "#1b7837", "B": "#5aae61", "C": "#d98b1f", "D": "#b2182b"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", default="full", help="core or full (default), or modules separated by commas"
    )
    parser.add_argument(
        "--structure", action="append", default=[], metavar="NAME=OPTION", help="choose a rival mechanism"
    )
    parser.add_argument(
        "--variant", action="append", default=[], metavar="MODULE=FORM", help="use a rival form of a module"
    )
    parser.add_argument("--species", default="human", help="human (default), mouse or rat")
    parser.add_argument("--around", metavar="NODE", help="edges that enter or leave a node, for example bdnf")
    parser.add_argument(
        "--path", metavar="FROM..TO", help="shortest path with its weakest evidence, for example sert..madrs"
    )
    parser.add_argument("--ports", action="store_true", help="what was joined, defaulted and switched off")
    parser.add_argument("--html", metavar="FILE", help="write a page that works offline")
    parser.add_argument("--sbml", metavar="FILE", help="write the network as SBML Level 3 Version 2")
    parser.add_argument("--json", action="store_true", help="print nodes and edges as JSON")


def run(arguments: argparse.Namespace) -> int:
    modules = arguments.profile.split(",") if "," in arguments.profile else arguments.profile
    structures = _pairs(arguments.structure, "--structure", "NAME=OPTION")
    rivals = _pairs(arguments.variant, "--variant", "MODULE=FORM")
    network = build_network(modules, structures, species=arguments.species, variants=rivals)
    if arguments.html:
        Path(arguments.html).write_text(page(network, *focus(network, arguments)), "utf-8")
        print(f"wrote {arguments.html}")
    elif arguments.sbml:
        from euthymia.interop.sbml_network import export_network

        export_network(network, arguments.sbml)
        print(f"wrote {arguments.sbml}")
    elif arguments.path:
        return show_path(network, arguments.path, arguments.json)
    elif arguments.around:
        node = resolve(network, arguments.around)
        found = around(network, node)
        print(as_json(found) if arguments.json else f"{node}\n" + "\n".join(f"  {line(s)}" for s in found))
    elif arguments.ports:
        print("\n".join(network.report()))
    elif arguments.json:
        print(as_json(steps(network)))
    else:
        overview(network)
    return 0


def _pairs(texts: list[str], option: str, form: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    wrong = [a for a, _, b in pairs if not b]
    if wrong:
        raise InputError(Problem(f"'{w}' should read {form}", key=option) for w in wrong)
    return {a: b for a, _, b in pairs}


def line(step: Step) -> str:
    edge = step.edge
    if edge is None:
        return f"{step.source} = {step.target} (definition)"
    cites = ", ".join(sorted({e.cite for e in edge.evidence if e.cite})) or "assumed"
    return f"{step.source} -{step.sign}> {step.target}  [{edge.grade}{', contested' if edge.contested else ''}]  {cites}"


def as_json(found: list[Step]) -> str:
    rows = [
        {
            "from": s.source,
            "to": s.target,
            "sign": s.sign,
            "grade": s.grade,
            "claims": list(s.edge.claims) if s.edge else [],
            "cites": sorted({e.cite for e in s.edge.evidence if e.cite}) if s.edge else [],
        }
        for s in found
    ]
    return json.dumps(rows, indent=1)


def show_path(network: Network, text: str, as_text: bool) -> int:
    start, dots, end = text.partition("..")
    if not dots:
        raise InputError([Problem(f"'{text}' should read FROM..TO, for example sert..madrs", key="--path")])
    source, target = resolve(network, start), resolve(network, end)
    route = shortest_path(network, source, target)
    if as_text:
        print(as_json(route))
    elif not route:
        print(f"no path from {source} to {target}")
    else:
        print("\n".join(line(s) for s in route))
        weak = weakest(route)
        if weak:
            print(f"weakest evidence: {weak.source} -> {weak.target}, grade {weak.grade}")
    return 0 if route else 1


def overview(network: Network) -> None:
    print(
        f"{len(network.modules)} modules, {len(network.system.states)} states, {len(network.edges)} edges, loop gain {network.loop_gain:g}"
    )
    for name, option in network.structures.items():
        print(f"  structure {name}: {option.title}")
    print(f"{'module':<26}{'states':>7}{'edges':>7}   A   B   C   D  off")
    for m in network.modules:
        grades = Counter(e.grade for e in m.edges)
        off = sum(e.strength in network.switched_off for e in m.edges)
        print(
            f"{m.name:<26}{len(m.states):>7}{len(m.edges):>7}"
            + "".join(f"{grades[g]:>4}" for g in "ABCD")
            + f"{off:>5}"
        )


def focus(network: Network, arguments: argparse.Namespace) -> tuple[str, list[Step]]:
    """The picture of --around or --path with its steps; nothing where neither is asked for."""
    from euthymia.cli._network_picture import around_picture, path_picture

    if arguments.path:
        start, dots, end = arguments.path.partition("..")
        if not dots:
            raise InputError(
                [Problem(f"'{arguments.path}' should read FROM..TO, for example sert..madrs", key="--path")]
            )
        route = shortest_path(network, resolve(network, start), resolve(network, end))
        return (path_picture(route, weakest(route), COLOURS), route) if route else ("<p>no path</p>", [])
    if arguments.around:
        node = resolve(network, arguments.around)
        found = around(network, node)
        return around_picture(node, found, COLOURS), found
    return "", []


def page(network: Network, picture: str = "", part: Sequence[Step] = ()) -> str:
    """One page: modules on a circle, arrows by weakest grade and sign, and every edge in a table; click and type to filter."""
    size, radius, node = 820, 320, 11
    angle = {m.name: 2 * math.pi * i / len(network.modules) for i, m in enumerate(network.modules)}
    place = {n: (size / 2 + radius * math.cos(a), size / 2 + radius * math.sin(a)) for n, a in angle.items()}
    between: dict[tuple[str, str], list[Step]] = {}
    for s in steps(network):
        ends = (s.source.split(".")[0], s.target.split(".")[0])
        if s.edge and ends[0] in place and ends[1] in place and ends[0] != ends[1]:
            between.setdefault(ends, []).append(s)
    lines = []
    for (a, b), found in between.items():
        (x1, y1), (x2, y2) = place[a], place[b]
        worst, signs = max(s.grade for s in found), {s.sign for s in found}
        title = html.escape(f"{a} to {b}\n" + "\n".join(line(s) for s in found))
        # a control point off the straight line, so that both directions of a pair are seen
        cx = (x1 + x2) / 2 * 0.45 + size / 2 * 0.55 + (y2 - y1) * 0.08
        cy = (y1 + y2) / 2 * 0.45 + size / 2 * 0.55 - (x2 - x1) * 0.08
        away = math.hypot(x2 - cx, y2 - cy) or 1.0
        ex, ey = x2 - (x2 - cx) / away * (node + 5), y2 - (y2 - cy) / away * (node + 5)
        bend = f"M{x1:.0f},{y1:.0f} Q{cx:.0f},{cy:.0f} {ex:.1f},{ey:.1f}"
        kind = "e m" if signs == {"-"} else "e"
        lines.append(
            f'<path class="{kind}" d="{bend}" stroke="{COLOURS[worst]}" marker-end="url(#{worst})" data-m="{a} {b}">'
            f"<title>{title}</title></path>"
        )
    nodes = []
    for name, (x, y) in place.items():
        ux, uy = math.cos(angle[name]), math.sin(angle[name])
        anchor = "start" if ux > 0.3 else "end" if ux < -0.3 else "middle"
        label = (
            f'<text x="{x + 18 * ux:.0f}" y="{y + 22 * uy + 4:.0f}" style="text-anchor:{anchor}">'
            f"{name.replace('_', ' ')}</text>"
        )
        nodes.append(
            f'<g class="node" data-n="{name}" onclick="show(\'{name}\')"><circle cx="{x:.0f}" cy="{y:.0f}" r="{node}"/>{label}</g>'
        )
    heads = "".join(
        f'<marker id="{g}" viewBox="0 0 8 8" refX="5" refY="4" markerWidth="9" markerHeight="9" orient="auto" '
        f'markerUnits="userSpaceOnUse"><path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
        for g, colour in COLOURS.items()
    )
    wide = size + 240
    svg = (
        f'<svg viewBox="-120 0 {wide} {size}" width="{wide}" height="{size}" role="img" '
        f'aria-label="modules and edges"><defs>{heads}</defs>'
    )
    head = "".join(f"<th>{t}</th>" for t in ("from", "sign", "to", "grade", "evidence", "claims"))
    kept = [s.edge for s in part if s.edge] if picture else list(network.edges)
    rows = "".join(_row(e, e.strength in network.switched_off) for e in kept)
    drawing = picture or f"{svg}{''.join(lines)}{''.join(nodes)}</svg>"
    counts = (
        f"{len(network.modules)} modules, {len(network.system.states)} states, {len(network.edges)} edges"
    )
    grades = " ".join(f'<b style="color:{c}">{g}</b>' for g, c in COLOURS.items())
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Network</title><style>{STYLE}</style>
<h1>Network: {counts}</h1>
<p>Colour is the weakest grade between two modules ({grades}: A human, twice; B human; C animal or not yet opened; D assumed);
dashed arrows only lower. Point at an arrow to read its edges; click a module to keep what enters and leaves it, again to show all.</p>
{drawing}
<p><input id="f" oninput="draw()" placeholder="filter: bdnf, contested, osimo2019..."> <span id="n"></span></p>
<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>
<script>{SCRIPT}</script></html>
"""


def _row(edge: Edge, off: bool) -> str:
    ends = f"{edge.source.split('.')[0]} {edge.target.split('.')[0]}"
    grade = edge.grade + (" contested" if edge.contested else "") + (" (off)" if off else "")
    says = html.escape("; ".join(f"{v.cite or v.basis}: {v.says}" for v in edge.evidence))
    claims = ", ".join(map(str, edge.claims))
    cells = f"<td>{edge.source}</td><td>{edge.sign}</td><td>{edge.target}</td>"
    colour = COLOURS[edge.grade]
    return f'<tr data-m="{ends}">{cells}<td style="color:{colour}">{grade}</td><td>{says}</td><td>{claims}</td></tr>'
