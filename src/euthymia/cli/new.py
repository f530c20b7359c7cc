"""`euthymia new trial`: a commented protocol file to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from euthymia.errors import InputError, Problem, StoreError
from euthymia.evidence.read import LIBRARY

NAME = "new"
HELP = "Write a commented protocol file to start from."
SCHEMA = LIBRARY / "schema" / "protocol.schema.json"  # editors complete and check against it
TEMPLATE = LIBRARY / "protocols" / "template.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["trial"], help="what to write")
    parser.add_argument("file", nargs="?", default="trial.yaml", metavar="FILE", help="where (trial.yaml)")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    if path.exists() and not arguments.force:
        raise InputError([Problem("exists already; choose another name or add --force", str(path))])
    try:
        path.write_text(
            f"# yaml-language-server: $schema={SCHEMA.as_uri()}\n" + TEMPLATE.read_text("utf-8"), "utf-8"
        )
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    print(f"wrote {path}; edit it, then: euthymia check {path} && euthymia run {path}")
    return 0
