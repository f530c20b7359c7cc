"""`euthymia demo`: escitalopram 10 mg and 20 mg against placebo, beside a published trial."""

from __future__ import annotations

import argparse

from euthymia.cli import run as run_command
from euthymia.evidence.read import LIBRARY

NAME = "demo"
HELP = "A virtual trial of escitalopram 10 mg and 20 mg against placebo, drawn beside a published one."
PROTOCOL = LIBRARY / "protocols" / "escitalopram_demo.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    run_command._options(parser)


def run(arguments: argparse.Namespace) -> int:
    from euthymia.protocol.protocol import read_protocol

    return run_command.execute(read_protocol(PROTOCOL), arguments)
