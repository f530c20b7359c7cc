"""`euthymia audit`: what lacks a source, a unit or a name."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict

from euthymia.evidence.audit import audit

NAME = "audit"
HELP = "List values without source, dangling citations, naked numbers and unit faults; exit 1 on any."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    start = time.perf_counter()
    found = audit()
    if arguments.json:
        print(json.dumps({**asdict(found), "problems": [str(p) for p in found.problems]}, indent=1))
        return int(bool(found.problems))
    for problem in found.problems:
        print(problem)
    grades = ", ".join(f"{n} {g}" for g, n in found.grades.items())
    print(
        f"audit: {found.files} files, {found.parameters} parameters, {found.edges} edges; "
        f"grades {grades}; {found.opened} with a source that was opened; "
        f"{len(found.problems)} problems ({time.perf_counter() - start:.1f} s)"
    )
    return int(bool(found.problems))
