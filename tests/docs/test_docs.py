"""Documentation that cannot fall behind: generated pages, links, commands, speed of the first word."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs.build import PAGES

from euthymia.cli import commands, main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == PAGES[name](), "run python3 go.py docs"


def test_every_command_file_is_listed() -> None:
    import importlib

    files = [p.stem for p in (ROOT / "src/euthymia/cli").glob("[a-z]*.py") if p.stem != "progress"]
    assert sorted(f.replace("_", "-") for f in files) == sorted(commands())
    for name in commands():
        module = importlib.import_module(f"euthymia.cli.{name.replace('-', '_')}")
        assert name == module.NAME and module.HELP


@pytest.mark.parametrize(
    "page", [p for p in (ROOT / "docs").glob("*.md")] + list(ROOT.glob("*.md")), ids=lambda p: p.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith(("http", "mailto")):
            assert (page.parent / target).exists(), target


def test_help_lists_every_command(capsys: pytest.CaptureFixture) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in commands())


@pytest.mark.parametrize("name", ["numpy", "polars", "plotly", "llvmlite", "scipy", "pint"])
def test_import_is_light(name: str) -> None:
    code = f"import euthymia, euthymia.cli, sys; sys.exit('{name}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_readme_commands_exist() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for name in re.findall(r"^\| `euthymia ([\w-]+)", text, re.MULTILINE):
        assert name in commands()
