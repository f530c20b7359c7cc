"""What all steps of the command share: opening a folder, printing, writing a file."""

from __future__ import annotations

import argparse
import json
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
    """Write a text file and return its name."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    return str(path)
