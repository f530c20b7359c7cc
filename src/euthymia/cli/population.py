"""`euthymia population [NAME]`: who falls ill, published marginals and weights, endotypes, treatment resistance."""

from __future__ import annotations

import argparse
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAME = "population"
HELP = "Simulate a population before treatment: marginals, weights, endotypes, and resistance by the usual definitions."
STYLE = """body{font:15px system-ui,sans-serif;margin:2rem auto;max-width:860px;color:#222;padding:0 1rem}
h2{margin-top:2rem} text{font-size:14px;fill:#222} .note{color:#555} svg{width:100%;height:auto}"""
DARK, LIGHT, MARK = "#2b5c8a", "#9fbcd6", "#b2182b"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="mdd_outpatient", help="population (mdd_outpatient)")
    parser.add_argument(
        "--people", type=int, default=400, metavar="N", help="people who live through a history (400)"
    )
    parser.add_argument("--profile", default="full", choices=["core", "full"], help="core or full (default)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed (1)")
    parser.add_argument("--html", metavar="FILE", help="write a page with the figures")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(arguments: argparse.Namespace) -> int:
    from euthymia.analysis.resistance import treat_in_steps
    from euthymia.analysis.virtual import virtual_population
    from euthymia.errors import InputError
    from euthymia.patients.population import load_population

    if arguments.people < 20:
        raise InputError([f"--people is {arguments.people}; it must be at least 20"])
    population = load_population(arguments.name)
    people = virtual_population(population, arguments.people, arguments.seed, arguments.profile)
    weights = people.weights()
    resistance = treat_in_steps(people)
    plain, weighted = resistance.shares(), resistance.shares(weights.values)
    counted = resistance.definitions()["two adequate treatments failed"]
    found: dict[str, Any] = {
        "population": population.name,
        "title": population.title,
        "people": people.people,
        "ill": len(people.severity),
        "effective": round(weights.effective, 1),
        "marginals": [
            {
                "name": m.name,
                "title": m.target.title,
                "published": m.target.value,
                "virtual": float(people.features[m.name].mean()),
                "weighted": float(weights.values @ people.features[m.name]),
                "cite": ", ".join(e.cite or e.basis for e in m.target.evidence),
            }
            for m in people.marginals()
        ],
        "endotypes": [
            {
                "name": name,
                "share": float(inside.mean()),
                "resistant": float(counted[inside].mean()) if inside.any() else None,
            }
            for name, inside in population.regions(people.values).items()
        ],
        "resistance": [{"definition": k, "share": plain[k], "weighted": weighted[k]} for k in plain],
    }
    if arguments.html:
        Path(arguments.html).write_text(page(found), "utf-8")
        print(f"wrote {arguments.html}")
    elif arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print("\n".join(lines(found)))
    return 0


def lines(found: dict[str, Any]) -> list[str]:
    """The tables as text."""
    text = [
        f"{found['title']}: {found['ill']} of {found['people']} people are ill at entry (MADRS 22 or more)",
        "",
    ]
    text.append(f"{'among the ill':<62}{'published':>10}{'virtual':>9}{'weighted':>10}")
    for m in found["marginals"]:
        text.append(
            f"{m['title']:<62}{m['published']:>10.3g}{m['virtual']:>9.3g}{m['weighted']:>10.3g}   {m['cite']}"
        )
    text += [f"weights leave the precision of {found['effective']:g} patients", ""]
    text.append(f"{'endotype region (they overlap)':<62}{'share':>10}{'resistant':>10}")
    for e in found["endotypes"]:
        resistant = f"{100 * e['resistant']:.0f} %" if e["resistant"] is not None else "-"
        text.append(f"{e['name'].replace('_', ' '):<62}{100 * e['share']:>8.0f} %{resistant:>10}")
    text += ["", f"{'treatment resistance':<62}{'share':>10}{'weighted':>10}"]
    text += [
        f"{r['definition']:<62}{100 * r['share']:>8.0f} %{100 * r['weighted']:>8.0f} %"
        for r in found["resistance"]
    ]
    return text


def page(found: dict[str, Any]) -> str:
    """One page that works offline: published and virtual marginals, endotypes, resistance."""
    shares = [m for m in found["marginals"] if m["published"] <= 1]
    means = [m for m in found["marginals"] if m["published"] > 1]
    marginals = [(m["title"], m["virtual"], m["weighted"], m["published"]) for m in shares]
    endotypes = [
        (f"{e['name'].replace('_', ' ')}", e["share"], e["resistant"] or 0.0, None)
        for e in found["endotypes"]
    ]
    resistance = [(r["definition"], r["share"], r["weighted"], None) for r in found["resistance"]]
    told = "".join(
        f"<li>{html.escape(m['title'])}: published {m['published']:.3g}, virtual {m['virtual']:.3g}, "
        f"weighted {m['weighted']:.3g}</li>"
        for m in means
    )
    title = html.escape(found["title"])
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>
<h1>{title}</h1>
<p>{found["ill"]} of {found["people"]} virtual people are ill at entry (MADRS 22 or more). Weights that bring the published
marginals about leave the precision of {found["effective"]:g} patients.</p>
<h2>Published marginals</h2>
{bars(marginals, ("virtual", "weighted"))}
<ul>{told}</ul>
<h2>Endotype regions</h2><p class="note">Regions overlap. Resistant: two adequate treatments failed.</p>
{bars(endotypes, ("share of the ill", "resistant among them"))}
<h2>Treatment resistance</h2>
<p class="note">Three steps of eight weeks each until one works; nothing in the model is named resistance.</p>
{bars(resistance, ("share of the ill", "weighted"))}
<p class="note">For research only: every person here is simulated.</p></html>
"""


def bars(rows: Sequence[tuple[str, float, float, float | None]], names: tuple[str, str]) -> str:
    """Two bars a row, and a mark where a published value is known; the axis runs from 0 to 100 %."""
    left, width, height = 500, 330, 46
    drawn = [
        f'<rect x="{left}" y="4" width="12" height="12" fill="{LIGHT}"/><text x="{left + 18}" y="15">{names[0]}</text>',
        f'<rect x="{left + 150}" y="4" width="12" height="12" fill="{DARK}"/><text x="{left + 168}" y="15">{names[1]}</text>',
    ]
    if any(r[3] is not None for r in rows):
        drawn.append(
            f'<rect x="{left + 270}" y="2" width="3" height="16" fill="{MARK}"/><text x="{left + 280}" y="15">published</text>'
        )
    for i, (label, first, second, mark) in enumerate(rows):
        y = 28 + i * height
        words = html.escape(label)
        drawn.append(f'<text x="{left - 10}" y="{y + 20}" text-anchor="end">{words}</text>')
        for j, (value, colour) in enumerate(((first, LIGHT), (second, DARK))):
            drawn.append(
                f'<rect x="{left}" y="{y + 16 * j}" width="{width * min(value, 1):.1f}" height="14" fill="{colour}"/>'
                f'<text x="{left + width * min(value, 1) + 6:.1f}" y="{y + 12 + 16 * j}">{100 * value:.0f} %</text>'
            )
        if mark is not None:
            drawn.append(
                f'<rect x="{left + width * mark - 1.5:.1f}" y="{y - 3}" width="3" height="36" fill="{MARK}"/>'
            )
    total = 28 + len(rows) * height
    return f'<svg viewBox="0 0 {left + width + 60} {total}" role="img">{"".join(drawn)}</svg>'
