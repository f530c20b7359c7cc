"""The command line: one subcommand a file, imported only when it is called.

A subcommand file gives `NAME`, `HELP`, `add_arguments(parser)` and `run(arguments) -> int`.
Exit codes: 0 done, 1 a run failed, 2 the user's input is wrong.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from euthymia import __version__
from euthymia.errors import EuthymiaError, InputError, StoreError, UnitError, nearest

HELP_FILE = Path(__file__).with_name("commands.json")


def commands() -> dict[str, str]:
    """Subcommand names with their one-line help, in the order they are shown."""
    return json.loads(HELP_FILE.read_text("utf-8"))


def _overview() -> str:
    width = max(map(len, commands()))
    lines = [f"  {name:<{width}}  {text}" for name, text in commands().items()]
    return "\n".join(
        ["usage: euthymia COMMAND [options]   (euthymia COMMAND --help explains one)", "", *lines]
    )


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    debug = "--debug" in argv
    argv = [a for a in argv if a != "--debug"]
    if not argv or argv[0] in ("-h", "--help"):
        print(_overview())
        return 0 if argv else 2
    if argv[0] == "--version":
        print(f"euthymia {__version__}")
        return 0
    name = argv[0]
    if name not in commands():
        print(f"euthymia: unknown command '{name}'{nearest(name, commands())}", file=sys.stderr)
        print("euthymia --help lists the commands", file=sys.stderr)
        return 2
    module = importlib.import_module(f"euthymia.cli.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(prog=f"euthymia {name}", description=module.HELP, allow_abbrev=False)
    module.add_arguments(parser)
    try:
        return module.run(parser.parse_args(argv[1:]))
    except (InputError, UnitError) as error:
        if debug:
            raise
        problems = error.problems if isinstance(error, InputError) else [str(error)]
        print("\n".join(str(p) for p in problems), file=sys.stderr)
        print(
            f"{len(problems)} problem{'s' if len(problems) != 1 else ''}; nothing was written.",
            file=sys.stderr,
        )
        return 2
    except EuthymiaError as error:
        if debug:
            raise
        print(f"euthymia: {error}", file=sys.stderr)
        return 2 if isinstance(error, StoreError) else 1
    except KeyboardInterrupt:
        print(
            "\nstopped; what was finished is kept, and the same command goes on from there", file=sys.stderr
        )
        return 130
    except BrokenPipeError:
        return 0
