"""`euthymia drug NAME...`: what is known about a drug, as text, JSON or a page; several names are compared."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from euthymia.cli._drugs import plain
from euthymia.compounds.card import DOSE_STEPS, TOLD, card
from euthymia.compounds.compound import list_compounds, load_compound
from euthymia.errors import InputError

NAME = "drug"
HELP = "a drug's kinetics, targets, occupancy, interactions, sources and gaps; several names compare drugs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="list all compounds")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--html", metavar="FILE", help="write a page that works offline")


def run(arguments: argparse.Namespace) -> int:
    if arguments.list:
        for name in list_compounds():
            print(name)
        return 0
    if not arguments.names:
        raise InputError(["name a drug, for example: euthymia drug escitalopram (or --list)"])
    problems = []
    compounds = []
    for name in arguments.names:
        try:
            compounds.append(load_compound(name))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    cards = [card(compound) for compound in compounds]
    if arguments.html:
        from euthymia.report.drug_page import page

        try:
            Path(arguments.html).write_text(page(cards), encoding="utf-8")
        except OSError as error:
            raise InputError([f"{arguments.html}: cannot be written: {error.strerror}"]) from None
        print(f"wrote {arguments.html}")
        return 0
    if arguments.json:
        print(json.dumps(plain(cards[0] if len(cards) == 1 else cards), indent=1))
        return 0
    for found in cards:
        _print(found)
    return 0


def _print(found: dict[str, Any]) -> None:
    who = found["identity"]
    print(
        f"{who['title']} - {who['class']}, {who['status']}"
        + (", off by default" if who["state"] == "off" else "")
    )
    if who["synonyms"]:
        print(f"also: {', '.join(who['synonyms'])}")
    for text in (who["summary"], *who["notes"]):
        if text:
            print(f"  {text}")
    dose = found["usual_daily_dose_mg"]
    if dose:
        print(f"usual dose {dose['low']:g}-{dose['high']:g} mg")
    if found["reference_range"]:
        r = found["reference_range"]
        print(f"reference range {r['low']} to {r['high']} ({' + '.join(r['of'])})")
    print("\nkinetics")
    for row in found["kinetics"]:
        numbers = [
            f"{k} {row[k]['value']:g} {row[k]['unit']} [{row[k]['verified']}]"
            for k in ("CL", "V")
            if k in row
        ]
        half = f"half-life {row['half_life_h']:.3g} h" if row["half_life_h"] else ""
        if row["half_life_at_usual_dose_h"]:
            half += f" at low levels, {row['half_life_at_usual_dose_h']:.3g} h at the usual dose"
        print(f"  {row['analyte']}: {', '.join(filter(None, [*numbers, half])) or 'no numbers'}")
        if row["pathways"]:
            print("    cleared by " + ", ".join(f"{e} {s:.0%}" for e, s in row["pathways"].items()))
        if row["saturable"]:
            print(f"    saturable: {', '.join(row['saturable'])}")
        if "routes" in row:
            print("    routes: " + ", ".join(r.replace("_", " ") for r in row["routes"]))
    if len(found["phenotypes"]) > 1:
        print(f"\naverage level on {dose['low']:g} mg, ng/mL")
        for row in found["phenotypes"]:
            levels = ", ".join(f"{k.rsplit('.', 1)[-1]} {v:.3g}" for k, v in row["average_ng_per_mL"].items())
            print(f"  {(row['enzyme'] + ' ' + row['phenotype']).strip():<14} {levels}")
    print(
        "\ntargets, strongest first (plasma EC50 in nmol/L; x/÷ one log SD; occupancy at the upper usual dose)"
    )
    for row in found["targets"][:14]:
        reached = row["occupancy_at_high_dose"]
        share = f"{reached:>5.0%}" if reached is not None else "    -"
        strength = f"{row['EC50_nmol_per_L']:>10.3g} x/÷{10 ** row['log10_sd']:<5.2g}"
        print(
            f"  {row['gene']:<9}{strength}{share}  {row['action'][:26]:<27}{row['basis']:<8} {row['analyte']}"
        )
    curve = found["dose_occupancy"]
    if curve:
        best = next(iter(curve["occupancy"]))
        print(f"\n{best} occupancy against dose ({curve['schedule']})")
        steps = zip(
            DOSE_STEPS,
            curve["dose_mg"],
            curve["occupancy"][best],
            curve["interval_80"][best]["low"],
            curve["interval_80"][best]["high"],
            strict=True,
        )
        for step, mg, share, low, high in steps:
            if step in TOLD:
                bar = "#" * round(float(share) * 40)
                print(f"  {mg:>7.4g} mg {share:>6.1%} ({low:.0%}-{high:.0%}) {bar}")
    changes, ratios = found["interactions"]["changes"], found["interactions"]["level_ratio_with"]
    print("\ninteractions")
    print(
        "  acts on: "
        + (
            ", ".join(f"{e}: {'; '.join(how)}" for e, how in changes.items())
            or "no data (not a proof of none)"
        )
    )
    for name, ratio in list(ratios.items())[:6]:
        print(f"  level x{ratio:.2g} with {name}")
    q = found["quality"]
    kinds = (
        f"{q['opened']} from an opened source, {q['recalled']} remembered, {q['assumed']} assumed or derived"
    )
    print(f"\n{q['numbers']} numbers: {kinds}")
    for gap in q["gaps"]:
        print(f"  gap: {gap}")
    print(f"sources: {', '.join(found['sources'])}\n")
