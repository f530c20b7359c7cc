"""`euthymia module NAME`: equations, parameters with their sources, ports and edges of one module."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from euthymia.biology import Module, load_module, module_names
from euthymia.biology.variants import variants
from euthymia.evidence.parameter import Evidence

NAME = "module"
HELP = "Show one module: equations, parameters with sources, ports, edges."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="module; without one, all modules are listed")
    parser.add_argument("--variant", default="", help="a rival form of the module")
    parser.add_argument(
        "--markdown", action="store_true", help="print a documentation page with typeset equations"
    )
    parser.add_argument(
        "--html", metavar="FILE", help="write a page with typeset equations and facts beside published data"
    )
    parser.add_argument("--sbml", metavar="FILE", help="write the module as SBML Level 3 Version 2")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(arguments: argparse.Namespace) -> int:
    if not arguments.name:
        for name in module_names():
            m = load_module(name)
            print(
                f"{name:<24} {len(m.states):>2} states  {len(m.parameters):>3} parameters  {len(m.edges):>3} edges  {m.title}"
                + (f" (rival forms: {', '.join(variants(name))})" if variants(name) else "")
            )
        return 0
    name, _, form = arguments.name.partition(".")
    module = load_module(name, arguments.variant or form)
    if arguments.sbml:
        from euthymia.interop.sbml_network import export_network

        export_network(module, arguments.sbml)
        print(f"wrote {arguments.sbml}")
    elif arguments.html:
        Path(arguments.html).write_text(page(module), "utf-8")
        print(f"wrote {arguments.html}")
    elif arguments.json:
        print(json.dumps(module.document.data, indent=1, ensure_ascii=False))
    else:
        print("\n".join(markdown(module) if arguments.markdown else plain(module)))
    return 0


def page(module: Module) -> str:
    """The module as one HTML page."""
    from euthymia.analysis.facts import facts_of
    from euthymia.report.module_page import module_page

    facts = () if module.variant else facts_of(module.name)
    return module_page(module, facts, () if module.variant else variants(module.name))


def source(evidence: Iterable[Evidence]) -> str:
    """Sources in one line."""
    return "; ".join(
        f"{e.cite}{f' ({e.where})' if e.where else ''} [{e.basis}, {e.system}, {e.kind}]"
        if e.cite
        else f"{e.basis}: {e.says}"
        for e in evidence
    )


def plain(module: Module) -> list[str]:
    """The module as text."""
    lines = [f"{module.name}: {module.title}", module.about, "", "States (per hour)"]
    for key, state in module.states.items():
        lines += [f"  d {key}/dt = {state.rate}", f"      {module.titles[key]}; starts at {state.initial}"]
    lines += ["", "Assignments"]
    lines += [f"  {k} = {a.expression}    ({module.titles[k]})" for k, a in module.assignments.items()]
    lines += ["", "Parameters"]
    lines += [
        f"  {k} = {p.shown}  [{p.grade}]  {p.title}; {source(p.evidence)}"
        for k, p in module.parameters.items()
    ]
    lines += ["", "Ports"] + [f"  {p.id} (default {p.default:g}) {p.title}" for p in module.ports.values()]
    lines += ["", "Edges"]
    for e in module.edges:
        claims = ", ".join(map(str, e.claims))
        lines.append(
            f"  {e.source} -{e.sign}> {e.target}  [{e.grade}]  claims {claims}; {source(e.evidence)}"
        )
        if e.against:
            lines.append(f"      against: {source(e.against)}")
    return lines


def markdown(module: Module) -> list[str]:
    """The module as a documentation page."""

    def tex(text: str) -> str:
        return (
            text.replace("_", r"\_")
            .replace("*", r"\cdot ")
            .replace(f"{module.name.replace('_', chr(92) + '_')}.", "")
        )

    lines = [f"# {module.title}", "", module.about, "", "## Equations", ""]
    for key, state in module.states.items():
        name = key.split(".", 1)[1].replace("_", r"\_")
        lines += [rf"$$\frac{{d\,\mathrm{{{name}}}}}{{dt}} = {tex(state.rate)}$$", ""]
    lines += [
        f"`{k.split('.', 1)[1]} = {a.expression}` - {module.titles[k]}  "
        for k, a in module.assignments.items()
    ]
    lines += ["", "## Parameters", "", "| id | value | grade | meaning | source |", "|---|---|---|---|---|"]
    lines += [
        f"| {k.split('.', 1)[1]} | {p.shown} | {p.grade} | {p.title} | {source(p.evidence)} |"
        for k, p in module.parameters.items()
    ]
    lines += ["", "## Ports", "", "| port | default | meaning |", "|---|---|---|"]
    lines += [f"| {p.id} | {p.default:g} | {p.title} |" for p in module.ports.values()]
    lines += [
        "",
        "## Edges",
        "",
        "| from | sign | to | grade | claims | source |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {e.source} | {e.sign} | {e.target} | {e.grade} | {', '.join(map(str, e.claims))} | {source(e.evidence)} |"
        for e in module.edges
    ]
    return lines
