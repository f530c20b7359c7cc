"""The report of a run: figures, tables, references, one offline HTML file."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(run_folder: Path, out: Path) -> Path:
    """Write the self-contained HTML report of a run folder to `out` and return its path."""
    from euthymia.report import document

    return document.write_report(run_folder, out)
