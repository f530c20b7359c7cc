"""`euthymia claims`: where every claim of the review lives, and what of it can be run."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from euthymia.biology.claims import COUNTED, DOCUMENTED, STATES, TESTED, check_claims, coverage, read_claims

NAME = "claims"
HELP = "Coverage of the review's claims by section and system; fails where a claim's home does not exist."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", type=int, metavar="ID", help="show these claims in full")
    parser.add_argument(
        "--open", action="store_true", help="list the claims that are documented only, with reasons"
    )
    parser.add_argument("--json", action="store_true", help="print the ledger and its coverage as JSON")


def run(arguments: argparse.Namespace) -> int:
    ledger = read_claims()
    problems = check_claims(ledger)
    counted = [c for c in ledger if c.type in COUNTED]
    runnable = sum(c.state != DOCUMENTED for c in counted)
    tested = sum(c.state == TESTED for c in counted)
    shown = [c for c in ledger if c.id in arguments.id] or list(ledger)
    if arguments.json:
        body = {
            "claims": [asdict(c) for c in shown],
            "by_section": coverage(ledger),
            "by_system": coverage(ledger, "system"),
            "structural_and_quantitative": {"all": len(counted), "executable": runnable, "tested": tested},
            "problems": [str(p) for p in problems],
        }
        print(json.dumps(body, indent=1))
        return 2 if problems else 0
    if arguments.id:
        for c in shown:
            print(f"{c.id} ({c.section}, {c.type}) {c.claim}")
            print(f"   {c.state}; grade {c.grade or '-'}{'; contested' if c.contested else ''}")
            print("   home: " + "; ".join(c.homes) + (f"   test: {c.test}" if c.test else ""))
            if c.reason:
                print(f"   {c.reason}")
    elif arguments.open:
        print(
            "\n".join(
                f"{c.id:>4} {c.type} {c.reason}: {c.claim[:90]}" for c in ledger if c.state == DOCUMENTED
            )
        )
    else:
        for by in ("section", "system"):
            print(f"{by:<26}" + "".join(f"{s:>24}" for s in STATES))
            for name, states in coverage(ledger, by).items():
                print(f"  {name:<24}" + "".join(f"{states[s]:>24}" for s in STATES))
            print()
        share = f"{100 * runnable / len(counted):.0f} % executable, {100 * tested / len(counted):.0f} % executable and tested"
        print(f"{len(ledger)} claims; of {len(counted)} structural and quantitative ones {share}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 2 if problems else 0
