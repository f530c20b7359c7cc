"""`euthymia report`: the report of a run, rebuilt without simulating."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from euthymia.report import write_report

NAME = "report"
HELP = "Rebuild the report of a run as one HTML file that works offline; nothing is simulated."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument("--out", metavar="FILE", type=Path, help="file to write (default: RUN/report.html)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the report; returns 0."""
    out = write_report(arguments.run, arguments.out or arguments.run / "report.html")
    size = out.stat().st_size
    if arguments.json:
        print(json.dumps({"report": str(out), "bytes": size}))
    else:
        print(f"Report: {out} ({size / 1e6:.1f} MB)")
    return 0
