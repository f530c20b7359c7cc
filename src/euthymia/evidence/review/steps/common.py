"""What all steps of the command share: opening a folder, printing, writing a file."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem, StoreError
from euthymia.evidence.review.folder import SHIPPED, Review, open_review


def show_result(arguments: argparse.Namespace, data: dict[str, Any], text: str) -> int:
    """Print a result as JSON or as text; exit code 0."""
    print(json.dumps(data, indent=1, ensure_ascii=False) if arguments.json else text)
    return 0


def opened(arguments: argparse.Namespace, writes: bool = False) -> Review:
    """Open the review and print what was edited by hand.

    Raises
    ------
    InputError
        The step would write into a review that ships with the library.
    """
    review = open_review(arguments.folder)
    if writes and SHIPPED in review.path.resolve().parents:
        raise InputError(
            [
                Problem(
                    f"{review.path.name!r} ships with the library and stays as it is; make a folder to work in with "
                    f"`euthymia review new FOLDER --template {review.path.name}`"
                )
            ]
        )
    for warning in review.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return review


def written(path: Path, text: str) -> str:
    """Write a text file whole or not at all and return its name.

    Raises
    ------
    StoreError
        The folder is missing or read-only, or the disk is full; an older file of that name is as it was.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text(text, "utf-8")
        os.replace(fresh, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot be written ({error.strerror}); nothing was changed") from error
    return str(path)
