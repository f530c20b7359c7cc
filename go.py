#!/usr/bin/env python3
"""Everything a fresh machine needs: makes .venv from the lock files, then runs one task.

    python3 go.py demo     the main job: a virtual trial beside its published result
    python3 go.py test     format, lint, types, import contract, library audit and all tests
    python3 go.py check    the same without the tests
    python3 go.py bench    speed against other simulators (writes benchmarks/)
    python3 go.py docs     the documentation pages

Only Python's standard library is used here, and nothing is asked of the machine but python3 and pip.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "euthymia-stamp"


def say(text: str) -> None:
    print(f"go.py: {text}", flush=True)


def run(*command: object) -> None:
    """Run one command from the repository root; stop with its exit code where it fails."""
    environment = {
        "OMP_NUM_THREADS": "1",
        **os.environ,
    }  # small matrices: more threads only wait for each other
    code = subprocess.run([str(p) for p in command], cwd=ROOT, env=environment, check=False).returncode
    if code:
        say(f"failed ({code}): {' '.join(str(part) for part in command)}")
        raise SystemExit(code)


def wanted(lock: str) -> str:
    text = (ROOT / lock).read_bytes() + (ROOT / "pyproject.toml").read_bytes() + sys.version.encode()
    return lock + " " + hashlib.sha256(text).hexdigest()


def install(lock: str) -> None:
    """Bring .venv to what the lock file says, with uv where it is present and else with pip."""
    done = STAMP.read_text().split("\n") if STAMP.exists() else []
    if wanted(lock) in done and PYTHON.exists():
        return
    start = time.monotonic()
    say(f"installing {lock} into .venv ...")
    if not PYTHON.exists():
        run(sys.executable, "-m", "venv", "--without-pip", VENV)
    if shutil.which("uv"):
        pip = ["uv", "pip", "install", "--python", PYTHON, "--quiet"]
    else:
        pip = [sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet",
               "--disable-pip-version-check", "--root-user-action=ignore"]  # fmt: skip
    run(*pip, "--require-hashes", "-r", lock)
    run(*pip, "--no-deps", "--no-build-isolation", "-e", ".")
    STAMP.write_text(
        "\n".join([*(line for line in done if line and not line.startswith(lock)), wanted(lock)])
    )
    say(f"installed in {time.monotonic() - start:.0f} s")


def demo(arguments: list[str]) -> None:
    install("requirements.lock")
    run(PYTHON, "-m", "euthymia", "demo", *arguments)


def check(arguments: list[str]) -> None:
    install("requirements-dev.lock")
    run(PYTHON, "-m", "ruff", "format", "--check", ".")
    run(PYTHON, "-m", "ruff", "check", ".")
    run(PYTHON, "-m", "mypy")
    run(VENV / PYTHON.parent.name / "lint-imports", "--no-cache")
    run(PYTHON, "-m", "euthymia", "audit")


def test(arguments: list[str]) -> None:
    check([])
    run(PYTHON, "-m", "pytest", "-n", "2", *arguments)


def bench(arguments: list[str]) -> None:
    install("requirements-dev.lock")
    run(PYTHON, "-m", "benchmarks", *arguments)


def docs(arguments: list[str]) -> None:
    install("requirements-dev.lock")
    run(PYTHON, "-m", "docs.build", *arguments)


TASKS = {"demo": demo, "test": test, "check": check, "bench": bench, "docs": docs}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TASKS:
        print(__doc__)
        raise SystemExit(2)
    if sys.version_info < (3, 11):
        say(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
        raise SystemExit(2)
    TASKS[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    main()
