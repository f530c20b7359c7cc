"""Append-only logs: CSV files whose every row carries a seal.

A seal is a short digest of the row and of the row before it, so that a hand edit, a removed or a moved row is named
by line.  Nothing is ever rewritten except by `repair`, which sets unreadable lines aside in a file of their own and
says so.  A row that a full disk or a kill cut off is set aside the same way; rows before it are untouched.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from euthymia.errors import InputError, Problem, StoreError

SEAL = "seal"
COLUMNS: dict[str, tuple[str, ...]] = {
    "runs": ("run", "time", "source", "query", "digest", "since", "until", "hits", "new", "known", "note"),
    "records": (
        "record",
        "doi",
        "pmid",
        "title",
        "authors",
        "year",
        "journal",
        "type",
        "language",
        "access",
        "status",
        "first_run",
        "sources",
    ),
    "duplicates": ("record", "same_as", "verdict", "by", "score", "time"),
    "decisions": ("record", "stage", "verdict", "reason", "note", "reviewer", "time", "score", "rank"),
    "tags": ("record", "mechanism", "verdict", "by", "words", "confidence", "version", "time"),
}


@dataclass(slots=True)
class Log:
    """What a log file says.

    Parameters
    ----------
    rows : list of dict
        Readable rows in file order, without their seal.
    problems : list of Problem
        Lines that cannot be read; `repair` sets them aside.
    warnings : list of Problem
        Rows that were changed after they were written; they count as they stand.
    """

    rows: list[dict[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    bad_lines: list[int] = field(default_factory=list)
    last_seal: str = ""
    cut: bool = False


def _line(values: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue()


def _seal(before: str, values: Sequence[str]) -> str:
    return hashlib.sha256(f"{before}\x1f{chr(31).join(values)}".encode()).hexdigest()[:8]


def _tidy(value: object) -> str:
    """One line of text: a log row never spans lines, so a cut row cannot swallow its neighbours."""
    text = "" if value is None else str(value)
    return " ".join(text.replace("\x00", "").split()) if any(c in text for c in "\r\n\t\x00") else text


def read_log(path: Path, kind: str) -> Log:
    """Read one log; never raises for bad rows, they are listed.

    Raises
    ------
    InputError
        The file is not UTF-8, or its first line is not the header of a `kind` log.
    """
    log, header = Log(), (*COLUMNS[kind], SEAL)
    if not path.exists():
        return log
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = data[: error.start].count(b"\n") + 1
        raise InputError([Problem("not UTF-8 text; save the file as UTF-8", str(path), where)]) from None
    lines = text.removesuffix("\n").replace("\r\n", "\n").split("\n")
    if lines == [""]:
        return log
    if next(csv.reader([lines[0]])) != list(header):
        raise InputError([Problem(f"the first line must be {','.join(header)!r}", str(path), 1)])
    log.cut = not text.endswith("\n")
    for number, line in enumerate(lines[1:], start=2):
        try:
            values = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            values, why = list[str](), str(error)
        else:
            why = f"{len(values)} fields instead of {len(header)}"
        if len(values) != len(header):
            what = (
                "the last row was cut off" if log.cut and number == len(lines) else f"unreadable row ({why})"
            )
            message = (
                f"{what}: {line[:60]!r}; `euthymia review repair` sets it aside, nothing else is touched"
            )
            log.problems.append(Problem(message, str(path), number))
            log.bad_lines.append(number)
            continue
        if _seal(log.last_seal, values[:-1]) != values[-1]:
            message = (
                f"row of {values[0]!r} was edited or moved, or one before it is missing; used as it stands"
            )
            log.warnings.append(Problem(message, str(path), number))
        log.last_seal = values[-1]
        log.rows.append(dict(zip(COLUMNS[kind], values[:-1], strict=True)))
    return log


@contextmanager
def _locked(path: Path):
    """Hold the log for one writer at a time, where the platform has file locks."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - Windows
        yield
        return
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def append(path: Path, kind: str, rows: Iterable[Mapping[str, object]]) -> int:
    """Append rows and force them to disk; return how many.

    Raises
    ------
    StoreError
        The disk is full or the folder is read-only: the log is brought back to its state before the call.
    InputError
        The log ends in a cut row; `repair` first.
    """
    fresh = [[_tidy(row.get(name, "")) for name in COLUMNS[kind]] for row in rows]
    if not fresh:
        return 0
    try:
        with _locked(path):
            seal, text = _end(path, kind)
            for values in fresh:
                seal = _seal(seal, values)
                text += _line([*values, seal])
            append_whole(path, text.encode())
    except OSError as error:
        raise StoreError(
            f"{path}: cannot append {len(fresh)} rows ({error.strerror}); nothing was changed"
        ) from error
    return len(fresh)


def _end(path: Path, kind: str) -> tuple[str, str]:
    """Seal of the last row, and what must be written before the next one (header or line end)."""
    if not path.exists() or not path.stat().st_size:
        return "", _line((*COLUMNS[kind], SEAL))
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - 65536))
        tail = handle.read()
    if tail.endswith(b"\n") and tail.count(b"\n") > 1:
        last = next(csv.reader([tail.decode("utf-8", "replace").split("\n")[-2]]), [])
        if len(last) == len(COLUMNS[kind]) + 1:
            return last[-1], ""
    log = read_log(path, kind)
    if log.cut and log.bad_lines:
        raise InputError(log.problems)
    return log.last_seal, "\n" if log.cut else ""


def append_whole(path: Path, data: bytes) -> None:
    """Append bytes and force them to disk; on any fault cut the file back to where it ended."""
    size = path.stat().st_size if path.exists() else 0
    with path.open("ab", buffering=0) as handle:
        try:
            view = memoryview(data)
            while view:
                view = view[handle.write(view) :]
            os.fsync(handle.fileno())
        except OSError:
            handle.truncate(size)
            raise


def repair(path: Path, kind: str) -> tuple[int, Path]:
    """Move unreadable lines to `<log>.set-aside` and seal the rest anew.

    Returns
    -------
    count : int
        Lines set aside; readable rows all stay.
    aside : Path
        The file they were added to.
    """
    log = read_log(path, kind)
    aside = path.with_name(f"{path.name}.set-aside")
    if not (log.problems or log.warnings):
        return 0, aside
    lines = path.read_text("utf-8-sig").split("\n")
    try:
        if log.bad_lines:
            append_whole(aside, "".join(lines[n - 1] + "\n" for n in log.bad_lines).encode())
        seal, text = "", _line((*COLUMNS[kind], SEAL))
        for row in log.rows:
            values = [row[name] for name in COLUMNS[kind]]
            seal = _seal(seal, values)
            text += _line([*values, seal])
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, "utf-8", newline="\n")
        os.replace(fresh, path)
    except OSError as error:
        raise StoreError(f"{path}: cannot repair ({error.strerror}); the log is unchanged") from error
    return len(log.bad_lines), aside
