"""`euthymia cite`: the references a run rests on, each with its reason."""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path

from euthymia.report.references import Reference, bibtex, references
from euthymia.report.run import read_sources

NAME = "cite"
HELP = "Print the references a run used, each with its reason, as text, BibTeX or JSON."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--bibtex", action="store_true", help="print BibTeX entries")
    form.add_argument("--json", action="store_true", help="print the records (CSL-JSON) with their reasons")


def run(arguments: argparse.Namespace) -> int:
    """Print the references; returns 0."""
    found = references(*read_sources(arguments.run))
    if arguments.json:
        rows = [{"cite": r.cite, "record": r.item, "text": r.text, "uses": list(r.uses)} for r in found]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    elif arguments.bibtex:
        print("\n\n".join(bibtex(r) for r in found))
    else:
        print("\n\n".join(_entry(i, r) for i, r in enumerate(found, 1)) or "This run recorded no sources.")
    return 0


def _entry(number: int, reference: Reference) -> str:
    verified = "" if reference.verified else " [not yet verified]"
    head = textwrap.fill(f"{number}. {reference.text}{verified}", 100, subsequent_indent="   ",
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip
    lines = [head]
    for reason, things in reference.reasons():
        shown = ", ".join(things[:4]) + (f" and {len(things) - 4} more" if len(things) > 4 else "")
        lines.append(f"   - {reason}" + (f": {shown}" if shown else ""))
    return "\n".join(lines)
