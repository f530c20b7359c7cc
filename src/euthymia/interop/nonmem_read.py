"""Reads NONMEM-format data sets: one row a record, checked, with errors that name row and column.

Comes in: a file with a header, parted by commas or blanks (`ID TIME AMT EVID CMT RATE II ADDL SS DV MDV` and covariates, in
any order and case).  Goes out: a `DataSet`.  A `.` or an empty cell is 0, except for DV, where it is missing.
Times are in the model's time unit (hours in Euthymia) and amounts in that of its compartments.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from euthymia.errors import InputError, Problem, nearest

DOSING = ("AMT", "EVID", "CMT", "RATE", "II", "ADDL", "SS", "MDV")
REQUIRED = ("ID", "TIME")
UNSUPPORTED = ("DATE", "DAT1", "DAT2", "DAT3", "L2", "PCMT", "CALL", "CONT")
MISSING = ("", ".", "NA")


@dataclass(frozen=True, slots=True)
class DataSet:
    """A checked data set.

    Parameters
    ----------
    file : str
    columns : mapping of str to ndarray, shape (records,)
        Upper-case names; ID, TIME and the dosing columns are always there, DV is NaN where missing.
    line : ndarray, shape (records,), int
        The line of each record in the file, counted from 1.
    subjects : tuple of ndarray
        The rows of each subject, in file order.
    """

    file: str
    columns: Mapping[str, np.ndarray]
    line: np.ndarray
    subjects: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.line)

    def __getitem__(self, column: str) -> np.ndarray:
        if column.upper() not in self.columns:
            raise InputError(
                [Problem(f"there is no column '{column}'{nearest(column, self.columns)}", file=self.file)]
            )
        return self.columns[column.upper()]


def read_nonmem(path: str | Path, rename: Mapping[str, str] | None = None) -> DataSet:
    """A NONMEM-format data set.

    Parameters
    ----------
    rename : mapping, optional
        Column in the file to its NONMEM name, for example `{"HOURS": "TIME"}`.

    Raises
    ------
    InputError
        Every wrong cell, with its line and column name.
    """
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Problem(f"cannot be read: {error}", file=file)]) from None
    try:
        rows = [(i + 1, r) for i, r in enumerate(_split(text.splitlines())) if any(c.strip() for c in r)]
    except csv.Error as error:
        raise InputError([Problem(f"is no comma-separated text: {error}", file=file)]) from None
    if not rows:
        raise InputError([Problem("the file is empty; its first line names the columns", file=file)])
    given = {k.upper(): v.upper() for k, v in (rename or {}).items()}
    head = [c.strip().upper().lstrip("#") for c in rows[0][1]]
    head = [given.get(c, c) for c in head]
    problems = _header(head, file)
    if problems:
        raise InputError(problems)
    if "C" in head:  # the usual comment column: a record with C in it is skipped
        at = head.index("C")
        rows = rows[:1] + [(n, r) for n, r in rows[1:] if len(r) <= at or r[at].strip().upper() != "C"]
    if len(rows) < 2:
        raise InputError([Problem("there is a header but no record", file=file, line=rows[0][0])])
    table, problems = _cells(head, rows[1:], file)
    if problems:
        raise InputError(problems)
    line = np.array([n for n, _ in rows[1:]], dtype=int)
    _defaults(table, len(line))
    subjects, problems = _subjects(table, line, file)
    problems += _check(table, line, subjects, file)
    if problems:
        raise InputError(problems)
    return DataSet(file, table, line, subjects)


def _split(lines: list[str]) -> list[list[str]]:
    """The cells of each line: parted by commas or, where the first line has none, by blanks or tabs."""
    first = next((line for line in lines if line.strip()), "")
    if "," in first:
        return list(csv.reader(lines))
    return [line.split() for line in lines]


def _header(head: list[str], file: str) -> list[Problem]:
    found = []
    for need in REQUIRED:
        if need not in head:
            text = f"the column {need} is missing; found {', '.join(head)}{nearest(need, head)}"
            found.append(Problem(text, file=file, line=1))
    for name in sorted({h for h in head if head.count(h) > 1}):
        found.append(Problem(f"the column {name} stands twice", file=file, line=1))
    for name in UNSUPPORTED:
        if name in head:
            text = f"the column {name} is not supported; give TIME as hours since the first record"
            found.append(Problem(text, file=file, line=1))
    return found


def _cells(
    head: list[str], rows: list[tuple[int, list[str]]], file: str
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    problems: list[Problem] = []
    table = {h: np.zeros(len(rows)) for h in head if h != "C"}
    for i, (line, row) in enumerate(rows):
        if len(row) != len(head):
            text = f"{len(row)} cells, {len(head)} expected"
            problems.append(Problem(text, file=file, line=line))
            continue
        for j, (name, cell) in enumerate(zip(head, row, strict=True)):
            if name == "C":
                continue
            word = cell.strip()
            try:
                missing = np.nan if name not in (*DOSING, *REQUIRED) else 0.0
                value = missing if word.upper() in MISSING and name not in REQUIRED else float(word)
                if word.upper() not in MISSING and not np.isfinite(value):
                    raise ValueError
            except ValueError:
                hint = "; clock times such as 9:30 are not supported" if ":" in word else ""
                text = f"'{word}' is no number{hint}"
                problems.append(Problem(text, file=file, line=line, column=j + 1, key=name))
                continue
            table[name][i] = value
    return table, problems


def _defaults(table: dict[str, np.ndarray], n: int) -> None:
    for name in DOSING:
        if name not in table and name != "EVID" and name != "MDV":
            table[name] = np.zeros(n)
    table.setdefault("EVID", ((table["AMT"] != 0) | (table["RATE"] != 0)).astype(float))
    table.setdefault("DV", np.full(n, np.nan))
    table.setdefault("MDV", ((table["EVID"] != 0) | np.isnan(table["DV"])).astype(float))


def _subjects(
    table: Mapping[str, np.ndarray], line: np.ndarray, file: str
) -> tuple[tuple[np.ndarray, ...], list[Problem]]:
    ids = table["ID"]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if len(ids) else np.zeros(0, int)
    problems, seen = [], set()
    for s in starts:
        if ids[s] in seen:
            text = f"subject {ids[s]:g} appears again after another; its records must stand together"
            problems.append(Problem(text, file=file, line=int(line[s]), key="ID"))
        seen.add(ids[s])
    return tuple(np.split(np.arange(len(ids)), starts[1:])), problems


def _check(
    table: Mapping[str, np.ndarray], line: np.ndarray, subjects: tuple[np.ndarray, ...], file: str
) -> list[Problem]:
    found: list[Problem] = []

    def say(bad: np.ndarray, column: str, text: str) -> None:
        for i in np.flatnonzero(bad):
            value = f"{table[column][i]:g}"
            found.append(Problem(text.replace("VALUE", value), file=file, line=int(line[i]), key=column))

    evid, amt, rate = table["EVID"], table["AMT"], table["RATE"]
    dosing = (evid == 1) | (evid == 4)
    constant = (table["SS"] != 0) & (amt == 0) & (rate > 0)
    say(
        ~np.isin(evid, (0, 1, 2, 3, 4)),
        "EVID",
        "VALUE is none of 0 observe, 1 dose, 2 other, 3 reset, 4 reset and dose",
    )
    say(amt < 0, "AMT", "the amount VALUE is negative")
    say(dosing & (amt == 0) & ~constant, "AMT", "a dose record without an amount")
    say(~dosing & (amt != 0), "AMT", "the amount VALUE stands on a record that is no dose (EVID 1 or 4)")
    say(
        ~((rate >= 0) | np.isin(rate, (-1, -2))),
        "RATE",
        "VALUE is no rate; -1 models the rate, -2 the duration",
    )
    say((table["CMT"] < 0) | (table["CMT"] % 1 != 0), "CMT", "VALUE is no compartment number")
    say(~np.isin(table["SS"], (0, 1, 2)), "SS", "VALUE is none of 0, 1, 2")
    say((table["ADDL"] < 0) | (table["ADDL"] % 1 != 0), "ADDL", "VALUE is no number of additional doses")
    needs = dosing & ((table["ADDL"] > 0) | (table["SS"] > 0)) & ~constant
    say(needs & (table["II"] <= 0), "II", "ADDL and SS need an interval above 0, not VALUE")
    for rows in subjects:
        back = np.r_[False, np.diff(table["TIME"][rows]) < 0]
        bad = np.zeros(len(line), bool)
        bad[rows[back]] = True
        say(bad, "TIME", "VALUE is before the record above; times must not decrease within a subject")
    return found
