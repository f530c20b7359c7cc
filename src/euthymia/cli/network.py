"""`euthymia network`: modules and their signed, graded edges; neighbours and paths; a page to look at."""

from __future__ import annotations

import argparse
import html
import json
import math
from collections import Counter
from pathlib import Path

from euthymia.biology import Edge, Network, build_network
from euthymia.biology.paths import Step, around, resolve, shortest_path, steps, weakest
from euthymia.errors import InputError, Problem

NAME = "network"
HELP = "Show the network: modules, signed and graded edges, neighbours of a node, the evidence on a path."
STYLE = """body{font:14px system-ui,sans-serif;margin:1.5rem;color:#222} svg{max-width:100%;height:auto}
path{fill:none;stroke-width:1.6;opacity:.55} path:hover{stroke-width:4;opacity:1} circle{fill:#2b5c8a}
text{text-anchor:middle;font-size:13px} g{cursor:pointer} table{border-collapse:collapse}
td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}"""
SCRIPT = """function show(m){for(const e of document.querySelectorAll('[data-m]'))
e.style.display=!m||e.dataset.m.split(' ').includes(m)?'':'none'}"""
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
        Path(arguments.html).write_text(page(network), "utf-8")
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


def page(network: Network) -> str:
    """One page: modules on a circle, lines between them by grade, and every edge in a table that a click filters."""
    size, radius = 760, 300
    place = {
        m.name: (size / 2 + radius * math.cos(a), size / 2 + radius * math.sin(a))
        for i, m in enumerate(network.modules)
        for a in [2 * math.pi * i / len(network.modules)]
    }
    between: dict[tuple[str, str], list[Step]] = {}
    for s in steps(network):
        ends = (s.source.split(".")[0], s.target.split(".")[0])
        if s.edge and ends[0] in place and ends[1] in place and ends[0] != ends[1]:
            between.setdefault(ends, []).append(s)
    lines = []
    for (a, b), found in between.items():
        (x1, y1), (x2, y2) = place[a], place[b]
        worst = max(s.grade for s in found)
        title = html.escape("\n".join(line(s) for s in found))
        bend = f"M{x1:.0f},{y1:.0f} Q{size / 2:.0f},{size / 2:.0f} {x2:.0f},{y2:.0f}"
        lines.append(
            f'<path d="{bend}" stroke="{COLOURS[worst]}" data-m="{a} {b}"><title>{title}</title></path>'
        )
    nodes = []
    for name, (x, y) in place.items():
        label = f'<text x="{x:.0f}" y="{y - 14:.0f}">{name}</text>'
        nodes.append(f'<g onclick="show(\'{name}\')"><circle cx="{x:.0f}" cy="{y:.0f}" r="9"/>{label}</g>')
    svg = f'<svg viewBox="0 0 {size} {size}" width="{size}" height="{size}" role="img" aria-label="modules and edges">'
    head = "".join(f"<th>{t}</th>" for t in ("from", "sign", "to", "grade", "evidence", "claims"))
    rows = "".join(_row(e, e.strength in network.switched_off) for e in network.edges)
    counts = (
        f"{len(network.modules)} modules, {len(network.system.states)} states, {len(network.edges)} edges"
    )
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Network</title><style>{STYLE}</style>
<h1>Network: {counts}</h1>
<p>Colour is the weakest grade between two modules (A human, twice; B human; C animal or not yet opened; D assumed).
Point at a line to read its edges, click a module to keep only its rows.
<a href="#" onclick="show('');return false">Show all</a></p>
{svg}{"".join(lines)}{"".join(nodes)}</svg>
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
