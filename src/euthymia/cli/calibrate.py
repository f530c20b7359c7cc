"""`euthymia calibrate`: fit the effect model to the calibration trials."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from euthymia.errors import InputError, Problem

NAME = "calibrate"
HELP = "Fit the effect model to the calibration trials and say what the data inform."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="trial files; the library's by default")
    parser.add_argument("--out", metavar="FILE", help="write the fit as JSON")
    parser.add_argument("--json", action="store_true", help="print the fit as JSON")


def run(arguments: argparse.Namespace) -> int:
    from euthymia.analysis.calibrate import fit

    data = fit(arguments.folder).as_data()
    if arguments.out:
        try:
            Path(arguments.out).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError([Problem(f"cannot be written: {error.strerror}", arguments.out)]) from None
    if arguments.json:
        print(json.dumps(data, indent=1))
        return 0
    print(f"{data['n_contrasts']} contrasts; inputs {data['inputs_sha256'][:12]}")
    print("term        prior  fitted  informed by data")
    for term, prior in data["prior_scales"].items():
        print(f"{term:<10}  {prior:5.2f}  {data['scales'][term]:6.2f}  {100 * data['informed'][term]:5.0f} %")
    return 0
