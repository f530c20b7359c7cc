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
    parser.add_argument(
        "--sources",
        nargs="?",
        const="",
        metavar="DRUG",
        help="how many of the numbers that decide exposure and occupancy of the 40 most prescribed or studied "
        "compounds rest on a source that was opened; with a name, its numbers one by one",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.sources is not None:
        return _sources(arguments.sources, arguments.json)
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


def _sources(name: str, as_json: bool) -> int:
    from euthymia.compounds.compound import resolve
    from euthymia.compounds.deciding import shares
    from euthymia.errors import InputError, nearest

    found = shares()
    if name:
        wanted = resolve(name)
        listed = [share.compound for share in found]
        if wanted not in listed:
            raise InputError([f"'{wanted}' is not among the {len(listed)} listed{nearest(wanted, listed)}"])
        found = [share for share in found if share.compound == wanted]
    if as_json:
        print(json.dumps([{**asdict(share), "verified": share.verified} for share in found], indent=1))
        return 0
    for share in found:
        if name:
            for v in share.values:
                print(f"  {v.why:<10} {v.compound} {v.path} {v.shown}")
        print(f"{share.compound:<17} {share.verified:>3} of {len(share.values):>3} rest on an opened source")
    # a metabolite that two of the compounds share counts once
    numbers = {(v.compound, v.path): v for share in found for v in share.values}
    opened = sum(v.verified for v in numbers.values())
    print(
        f"together {opened} of {len(numbers)} ({opened / max(len(numbers), 1):.0%}) numbers, each counted once"
    )
    if not name:
        _second_entry()
    return 0


def _second_entry() -> None:
    from euthymia.compounds.second_entry import compare, first_entries, second_entries

    pairs = compare(first_entries(), second_entries())
    typed = [(pair.first, pair.second) for pair in pairs if pair.second]
    settled = sum(bool(second.resolution) for _, second in typed)
    differ = [(p.first, p.second) for p in pairs if p.status == "differs" and p.second]
    print(
        f"second entry: {len(typed)} of {len(pairs)} printed values typed twice, {len(differ)} differ, "
        f"{settled} differed and were settled from the source"
    )
    for first, second in differ:
        print(
            f"  {first.compound} {first.path} {first.cite}: {first.value:g} {first.unit}, "
            f"second {second.value:g} {second.unit}"
        )
