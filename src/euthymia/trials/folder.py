"""Run folders: named by their content, written whole or not at all, resumed chunk by chunk.

    RUNS/chunks/<simulation>/<chunk>.npz     what was simulated; shared by runs that differ in endpoints or texts
    RUNS/<run id>/manifest.json, *.parquet   tables of one run

A chunk is written under a temporary name and renamed, so a killed run loses at most the chunk it was at, and two
processes that write the same run write the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from euthymia import __version__
from euthymia.errors import StoreError
from euthymia.evidence.read import LIBRARY

RUNS = "euthymia-runs"
LAYOUT = 1


@cache
def library_hash() -> str:
    """SHA-256 over every file of the library, in name order."""
    digest = hashlib.sha256()
    for path in sorted(p for p in LIBRARY.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(LIBRARY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def code_hash() -> str:
    """SHA-256 over the package's own Python files, so that changed code never meets old chunks."""
    digest = hashlib.sha256()
    for path in sorted(LIBRARY.parent.rglob("*.py")):
        digest.update(str(path.relative_to(LIBRARY.parent)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def content_key(data: Any) -> str:
    """Sixteen hex digits that stand for the content of plain data."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_folder(path: Path) -> Path:
    """Create a folder, with a clear error where that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written: {error.strerror}; choose another folder with --out"
        ) from None
    return path


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    StoreError
        Disk full, no permission; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(
            f"{path}: cannot be written: {error.strerror}; free space or choose another folder"
        ) from None


def save_chunk(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Store named arrays (no pickles) atomically."""
    import io

    buffer = io.BytesIO()
    np.savez(buffer, **{k: np.asarray(v) for k, v in arrays.items()})  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


def load_chunk(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a chunk, or None where it is absent or damaged (it is then simulated again)."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {k: stored[k] for k in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError):
        return None


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write a Parquet table; the same columns give the same bytes."""
    import io

    import polars as pl

    buffer = io.BytesIO()
    pl.DataFrame(dict(columns)).write_parquet(buffer, compression="zstd", statistics=False)
    write_atomic(path, buffer.getvalue())


def write_json(path: Path, data: Any) -> None:
    """Write JSON with sorted keys."""
    write_atomic(path, (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def open_run(path: str | Path) -> dict[str, Any]:
    """The manifest of a run folder.

    Raises
    ------
    StoreError
        Not a run folder, damaged, or of another layout version.
    """
    folder = Path(path)
    file = folder / "manifest.json"
    if not file.is_file():
        raise StoreError(f"{folder}: is not a run folder (no manifest.json); 'euthymia run' makes one")
    try:
        manifest = json.loads(file.read_text("utf-8"))
    except ValueError:
        raise StoreError(f"{file}: is damaged; run the protocol again, finished chunks are reused") from None
    if manifest.get("layout") != LAYOUT:
        raise StoreError(
            f"{folder}: was written in layout {manifest.get('layout')}, this version reads {LAYOUT}; run it again"
        )
    return manifest


def machine() -> dict[str, Any]:
    """What the run ran on."""
    return {
        "python": sys.version.split()[0],
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "numpy": np.__version__,
        "euthymia": __version__,
    }
