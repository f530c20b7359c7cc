"""The generated pages: every command with its options, every key of a protocol file.

`python3 go.py docs` writes them; a test fails where they have fallen behind.
"""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path
from typing import Any

from euthymia.cli import commands
from euthymia.evidence.read import schema

HERE = Path(__file__).resolve().parent
NOTE = "<!-- written by docs/build.py; run `python3 go.py docs` after a change -->\n\n"


def command_page() -> str:
    """All commands with their help texts."""
    os.environ["COLUMNS"] = "100"
    parts = [NOTE + "# Commands\n\n`euthymia COMMAND --help` prints the same. Exit codes: 0 done, 1 a run failed, "
             "2 the input is wrong; `--debug` shows where an error arose.\n"]  # fmt: skip
    for name in commands():
        module = importlib.import_module(f"euthymia.cli.{name.replace('-', '_')}")
        parser = argparse.ArgumentParser(prog=f"euthymia {name}", description=module.HELP, allow_abbrev=False)
        module.add_arguments(parser)
        parts.append(f"## {name}\n\n```\n{parser.format_help().strip()}\n```\n")
    return "\n".join(parts)


def protocol_page() -> str:
    """The keys of a protocol file."""
    data = schema("protocol")
    lines = [NOTE + "# The protocol file\n", "Strict YAML 1.2, one virtual trial; `euthymia new trial` writes a commented one.",
             "Unknown keys, wrong dimensions, overlapping doses and visits outside the trial are errors, all at once.\n",
             "| key | form | |", "|---|---|---|"]  # fmt: skip
    lines += _rows(data, data, "", set(data.get("required", [])))
    return "\n".join(lines) + "\n"


def _rows(root: dict[str, Any], part: dict[str, Any], prefix: str, required: set[str]) -> list[str]:
    lines = []
    for key, value in part.get("properties", {}).items():
        value = _resolved(root, value)
        inner = _resolved(root, value.get("items", {})) if value.get("type") == "array" else value
        form = value.get("description") or _form(value, inner)
        lines.append(f"| `{prefix}{key}` | {form} | {'required' if key in required else ''} |")
        if inner.get("properties") and "as in arms[].treatment" not in str(form):
            mark = "[]." if value.get("type") == "array" else "."
            lines += _rows(root, inner, f"{prefix}{key}{mark}", set(inner.get("required", [])))
    return lines


def _resolved(root: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    ref = value.get("$ref", "")
    if not ref:
        return value
    file, _, path = ref.partition("#/$defs/")
    return (schema("common") if file else root)["$defs"][path]


def _form(value: dict[str, Any], inner: dict[str, Any]) -> str:
    if "enum" in value:
        return ", ".join(f"`{v}`" for v in value["enum"])
    if value.get("type") == "array":
        return "list of " + (inner.get("description") or inner.get("type", "texts") + " entries")
    return {"object": "block", "string": "text", "integer": "whole number"}.get(
        value.get("type", ""), value.get("type", "")
    )


PAGES = {"commands.md": command_page, "protocol.md": protocol_page}


def module_pages(folder: Path) -> list[str]:
    """One page a module and rival form, with typeset equations and drawn facts, and an index; not committed."""
    from euthymia.biology import load_module, module_names
    from euthymia.biology.variants import variants
    from euthymia.cli.module import page

    folder.mkdir(exist_ok=True)
    names = [n for m in module_names() for n in (m, *(f"{m}.{v}" for v in variants(m)))]
    rows = []
    for name in names:
        module = load_module(*name.split(".", 1))
        (folder / f"{name}.html").write_text(page(module), "utf-8")
        rows.append(f'<li><a href="{name}.html">{name}</a> {module.title}</li>')
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Modules</title><h1>Modules</h1><ul>'
    (folder / "index.html").write_text(head + "".join(rows) + "</ul></html>\n", "utf-8")
    return names


def main() -> None:
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), "utf-8")
        print(f"docs/{name}")
    print(f"docs/modules: {len(module_pages(HERE / 'modules'))} pages (not committed)")


if __name__ == "__main__":
    main()
