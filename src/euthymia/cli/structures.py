"""`euthymia structures [PROTOCOL]`: what science disagrees on, and a prediction averaged over it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from euthymia.analysis.structures import StructuralPrediction

NAME = "structures"
HELP = "List rival mechanisms and rival forms of modules, or average a trial's prediction over them."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", nargs="?", metavar="PROTOCOL", help="a protocol file to predict")
    parser.add_argument(
        "--vary", metavar="A,B", help="structures to vary (every one that moves the prediction)"
    )
    parser.add_argument(
        "--forms", metavar="A,B", default="", help="modules whose rival forms are tried as well"
    )
    parser.add_argument("--patients", type=int, default=48, metavar="N", help="virtual patients (48)")
    parser.add_argument("--jobs", type=int, metavar="N", help="cores to use (all but one)")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(arguments: argparse.Namespace) -> int:
    if not arguments.protocol:
        return listing(arguments.json)
    from euthymia.analysis.structures import predict_over_structures
    from euthymia.cli.progress import Progress
    from euthymia.errors import InputError
    from euthymia.protocol.protocol import read_protocol

    if arguments.patients < 2:
        raise InputError([f"--patients is {arguments.patients}; it must be at least 2"])
    vary = arguments.vary.split(",") if arguments.vary else None
    forms = [f for f in arguments.forms.split(",") if f]
    protocol = read_protocol(arguments.protocol)
    with Progress(quiet=arguments.json) as progress:
        found = predict_over_structures(
            protocol, vary, forms, arguments.patients, threads=arguments.jobs, progress=progress
        )
    if arguments.json:
        print(json.dumps(found.to_data(), indent=1))
    else:
        print("\n".join(lines(found)))
    return 0


def lines(found: StructuralPrediction) -> list[str]:
    """The averages, then every combination."""
    text = [
        f"Difference from control at the last visit, model MADRS points; {found.patients} virtual patients, each in every arm"
    ]
    for a in found.averages:
        text.append(
            f"  {a.arm}: {a.mean:.1f} averaged over {a.total} structures (sd {a.sd:.1f}, {a.low:.1f} to {a.high:.1f}); "
            f"{a.agree} of {a.total} agree ({100 * a.agree_weight:.0f} % of prior weight)"
        )
    for c in found.combinations:
        values = ", ".join(f"{arm} {d:.1f}" for arm, d in c.differences.items())
        text.append(f"  {c.weight:5.2f}  {c.label}: {values}")
    if found.without_effect:
        text.append(f"  without bearing on it: {', '.join(found.without_effect)}")
    return text + [f"  left out: {r}" for r in found.refused]


def listing(as_json: bool) -> int:
    """Structures with their options, and modules with rival forms."""
    from euthymia.biology.module import load_module, module_names
    from euthymia.biology.structures import structures
    from euthymia.biology.variants import variants
    from euthymia.evidence.grade import grade

    known = structures()
    forms = {m: {v: load_module(m, v).title for v in variants(m)} for m in module_names() if variants(m)}
    if as_json:
        body = {
            name: {
                "title": s.title,
                "default": s.default,
                "options": {o.name: {"title": o.title, "weight": o.weight} for o in s.options.values()},
            }
            for name, s in known.items()
        }
        print(json.dumps({"structures": body, "forms": forms}, indent=1))
        return 0
    for name, s in known.items():
        print(f"{name}: {s.title}")
        for o in s.options.values():
            default = ", default" if o.name == s.default else ""
            print(f"  {o.name:<16} weight {o.weight:g}{default}, evidence {grade(o.evidence)}: {o.title}")
    print("Rival forms of modules")
    for m, rivals in forms.items():
        for v, title in rivals.items():
            print(f"  {m}.{v:<12} {title}")
    return 0
