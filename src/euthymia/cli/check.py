"""`euthymia check [PATH...]`: all problems of library and protocol files at once."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from euthymia.errors import InputError, Problem
from euthymia.evidence.audit import audit_document, kind_of, library_files
from euthymia.evidence.read import LIBRARY, load

NAME = "check"
HELP = "Check library and protocol files; without a path, the whole library."

TABLES = (".csv", ".tsv", ".json")  # trials of others; library files and protocols are YAML


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders")
    parser.add_argument("--json", action="store_true", help="print the problems as JSON")


def run(arguments: argparse.Namespace) -> int:
    if arguments.paths:
        files = []
        for path in map(Path, arguments.paths):
            files += sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    else:
        files = [path for path, _ in library_files()]
    problems = [p for path in files for p in check_file(path)]
    notes = [n for path in files for n in notes_of(path)]
    if arguments.json:
        found = {
            "files": len(files),
            "problems": [str(p) for p in problems],
            "notes": [str(n) for n in notes],
        }
        print(json.dumps(found, indent=1))
    else:
        told = [f"note: {n}" for n in notes]
        print("\n".join([*map(str, problems), *told, f"{len(files)} files, {len(problems)} problems"]))
    return 2 if problems else 0


def check_file(path: Path) -> list[Problem]:
    """Every problem of one file: schema, sources, units and, for protocols and modules, what they refer to."""
    if path.suffix.lower() in TABLES and path.is_file():
        from euthymia.trials.published import read_trials

        return read_trials([path])[1]
    kind = kind_of(path)
    if not kind and path.is_file():
        return [
            Problem(
                "is of no known kind; a protocol begins with 'euthymia: 1', a library file with its kind",
                str(path),
            )
        ]
    try:
        if kind == "trial" and not path.resolve().is_relative_to(LIBRARY):
            from euthymia.trials.published import read_trial

            read_trial(path)  # written by a reader of a paper: usual spellings are understood
            return []
        document = load(path, kind)
        problems = list(audit_document(document))
        if kind == "protocol":
            from euthymia.protocol.protocol import read_protocol

            read_protocol(path)
        elif kind == "module":
            problems += check_module(path)
        elif kind == "compound":
            from euthymia.compounds.compound import read_compound

            read_compound(path)
        elif kind == "trial":
            from euthymia.trials.published import from_document

            from_document(document, str(path), path.stem)
    except InputError as error:
        return error.problems
    return problems


def notes_of(path: Path) -> list[Problem]:
    """What was understood in another way than written, or left out, in trial files and tables outside the library."""
    if path.resolve().is_relative_to(LIBRARY) or not path.is_file():
        return []
    if path.suffix.lower() not in TABLES and kind_of(path) != "trial":
        return []
    from euthymia.trials.published import read_trials

    return [n for trial in read_trials([path])[0] for n in trial.notes]


def check_module(path: Path) -> list[Problem]:
    """Whether a module's equations hold together on their own, with the place of each fault in its file."""
    from euthymia.biology.module import read_module
    from euthymia.engine import OdeSystem

    module = read_module(path)
    try:
        OdeSystem.join(module.name, module.alone)
    except InputError as error:
        found = []
        for p in error.problems:
            local = p.key.removeprefix(f"{module.name}.")
            blocks = ("states", "assignments", "parameters")
            block = next((b for b in blocks if local in module.document.data.get(b, {})), "")
            found.append(module.document.problem((block, local) if block else (), p.message))
        return found
    return []
