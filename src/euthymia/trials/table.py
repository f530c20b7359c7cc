"""Trials from a table with one row per arm and time, and back to trial files.

In: CSV with the columns of `docs/trial-files.md`.  Out: trials, as objects and as YAML text.  Assumed:
design words (`open`, `crossover`, `inpatient` ...) in the describing columns mean what they say.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.read import Document, dump, parse, read_text
from euthymia.trials import words
from euthymia.trials.columns import NEEDED, OF_DESIGN, OF_POPULATION, OF_RESULTS, no_contrast, read_header
from euthymia.trials.published import PublishedTrial, from_document

NUMBERS = ("year", "n", "baseline_mean", "change_mean", "response_pct", "remission_pct", "dropout_pct",
           "diff_vs_control", "diff_se")  # fmt: skip
LINE = "line of the table"
MOMENT = re.compile(r"_(\d+h|\d+d|d\d+|wk\d+)$")
SPREADS = re.compile(r"(SD|SE)\s*([0-9.]+)")


def _number(text: str | None) -> float | int | None:
    if not text or not text.strip() or words.choose(words.MET, text) == "na":
        return None
    value = words.number(text)
    if value is None:
        raise ValueError(f"'{text}' is not a number")
    return int(value) if float(value).is_integer() else value


def _told(text: str | None) -> str | int | float | None:
    """What a cell says, as a number where it is one; None where it says that nothing is known."""
    if not text or words.choose({"na": words.MET["na"]}, text) == "na":
        return None
    value = words.number(text) if "/" not in text and "%" not in text else None
    return text if value is None else value


def _id(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"t_{plain}"


def _design(text: str, blind_default: str = "double") -> dict[str, Any]:
    low = text.lower()
    layout = "parallel"
    for word, name in (
        ("crossover", "crossover"),
        ("spcd", "spcd"),
        ("withdrawal", "withdrawal"),
        ("delayed", "delayed"),
    ):
        if word in low:
            layout = name
    blinding = blind_default
    if "single blind" in low or "rater" in low or "parallel, dose" in low:
        blinding = "single"
    if "open" in low and "then" not in low:
        blinding = "open"
    if "delayed" in low or "waitlist" in low:
        blinding = "waitlist"
    return {
        "described": text or "not described",
        "layout": layout,
        "blinding": blinding,
        "run_in": "lead-in" in low or "run-in" in low,
    }


def _population(text: str, background: str) -> dict[str, str]:
    low = f"{text} {background}".lower()
    history = "none"
    if re.search(
        r"inadequate|partial|incomplete|1-3 failed|1-2 failed|non-response|non-responder|unremitted", low
    ):
        history = "inadequate"
    if re.search(r"trd|resistant", low):
        history = "refractory" if background in ("none", "", "mixed") else "inadequate"
    setting = "outpatient"
    if "inpatient" in low or "hospital" in low:
        setting = "inpatient"
    if "acute suicid" in low:
        setting = "emergency"
    if "primary care" in low:
        setting = "primary_care"
    return {"described": text or "not described", "history": history, "setting": setting}


def _trial(rows: list[dict[str, Any]], use: str) -> dict[str, Any]:
    first = rows[0]
    arms: dict[str, dict[str, Any]] = {}
    results = []
    for row in rows:
        name = MOMENT.sub("", row["arm"])
        n = _number(row.get("n"))
        arm: dict[str, Any] = {"name": name, "treatment": row["treatment"] or "not named"}
        if row.get("role"):
            arm["role"] = row["role"]
        for key, column in (
            ("dose", "dose"), ("route", "route"), ("schedule", "schedule"),
            ("mechanism", "mechanism_class"), ("class", "class_group"),
        ):  # fmt: skip
            if row.get(column):
                arm[key] = row[column]
        if n is not None:
            arm["n"] = int(n)
        arms.setdefault(name, arm)
        result: dict[str, Any] = {"arm": name, "scale": row.get("scale") or first.get("scale") or "MADRS"}
        for key, column in (
            ("baseline", "baseline_mean"), ("change", "change_mean"),
            ("response", "response_pct"), ("remission", "remission_pct"), ("dropout", "dropout_pct"),
            ("difference", "diff_vs_control"), ("difference_se", "diff_se"),
        ):  # fmt: skip
            value = _number(row.get(column))
            if value is not None:
                result[key] = value
        for key, column in (("day", "timepoint_days"), *((k, k) for k in OF_RESULTS)):
            if (told := _told(row.get(column))) is not None:
                result[key] = told
        if n is not None:
            result["n"] = int(n)
        spread = SPREADS.match(row.get("change_sd_or_se") or "")
        if spread and float(spread[2]) > 0:
            result[spread[1].lower()] = float(spread[2])
        if "primary_timepoint" in row:
            result["primary"] = words.choose(words.MET, row["primary_timepoint"]) == "yes"
        results.append(result)
    kind = "READ" if all(r.get("kind", "READ") == "READ" for r in rows) else "RECALLED"
    says = (first.get("source") or "not stated")[:380]
    return {
        "trial": _id(first["trial_id"]),
        "title": first.get("citation") or first["trial_id"],
        "year": int(_number(first["year"]) or 0),
        "use": use,
        "population": {
            **_population(first.get("population", ""), first.get("background_treatment", "")),
            **{k: told for k in OF_POPULATION if (told := _told(first.get(k))) is not None},
        },
        "design": {
            **_design(first.get("design", "")),
            **{k: told for k in OF_DESIGN if (told := _told(first.get(k))) is not None},
        },
        "background": first.get("background_treatment") or "none",
        "arms": list(arms.values()),
        "results": results,
        **({"primary_met": first["primary_met"]} if first.get("primary_met") else {}),
        "evidence": [
            {
                "cite": _id(first["trial_id"]),
                "basis": "measured",
                "system": "human",
                "kind": kind,
                "says": says,
            }
        ],
    }


def to_yaml(data: dict[str, Any]) -> str:
    """The text of a trial file."""
    return dump(data, flow=None)


def trial_data(path: str | Path, use: str = "validation") -> tuple[list[dict[str, Any]], list[Problem]]:
    """Rows of a table grouped into the data of trial files; trials that state too little are problems.

    Raises
    ------
    InputError
        The file is no such table.
    """
    _, _, groups = _rows(path)
    found, problems = [], []
    for name, group in groups.items():
        faults = [p for row in group for p in _row_faults(row, name, str(path))]
        problems += faults
        if not faults:
            found.append(_trial(group, use))
    return found, problems


def _rows(path: str | Path) -> tuple[list[str], list[Problem], dict[str, list[dict[str, Any]]]]:
    """Columns as they are read, notes on those that are not, and the rows of every trial."""
    text = read_text(path)
    head = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=head.count)
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter)
    written = [str(c) for c in reader.fieldnames or ()]
    columns, notes = read_header(written, str(path))
    missing = [c for c in NEEDED if c not in columns]
    if missing:
        needed = ", ".join(NEEDED)
        absent = [
            Problem(f"column '{c}' is missing{nearest(c, written)}; needed: {needed}", str(path), 1)
            for c in missing
        ]
        raise InputError([*absent, *notes])
    reader.fieldnames = columns
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in reader:
        kept = {
            k: (v or "").strip() for k, v in row.items() if isinstance(k, str) and isinstance(v, str | None)
        }
        if kept.get("trial_id"):
            groups.setdefault(kept["trial_id"], []).append({**kept, LINE: reader.line_num})
    return columns, notes, groups


def _row_faults(row: dict[str, Any], name: str, file: str) -> Iterator[Problem]:
    for column in NUMBERS:
        try:
            _number(row.get(column))
        except ValueError as error:
            yield Problem(
                f"trial '{name}': {error}; leave it empty if not known", file, row[LINE], key=column
            )
    for column in ("year", "arm"):
        if not row.get(column):
            yield Problem(f"trial '{name}': '{column}' is empty", file, row[LINE], key=column)


def read_table(path: str | Path) -> tuple[list[PublishedTrial], list[Problem]]:
    """Trials of a table; they count as kept apart (`use: validation`).

    Columns that are not read are said once, in the notes of the first trial.  A table none of whose trials gives a
    contrast that can be scored is a problem.
    """
    columns, notes, groups = _rows(path)
    trials: list[PublishedTrial] = []
    problems: list[Problem] = []
    for name, group in groups.items():
        faults = [p for row in group for p in _row_faults(row, name, str(path))]
        problems += faults
        if faults:
            continue
        try:
            trials.append(from_document(_document(_trial(group, "validation"), group, str(path)), str(path)))
        except InputError as error:
            problems += error.problems
    if not any(c.learned is not None or c.success is not None for t in trials for c in t.contrasts()):
        problems.append(no_contrast(columns, notes, str(path)))
    if trials:
        trials[0] = replace(trials[0], notes=(*notes, *trials[0].notes))
    else:
        problems += notes
    return trials, problems


def _document(data: dict[str, Any], rows: list[dict[str, Any]], file: str) -> Document:
    """The data of a trial file whose places are the lines of the table."""
    places: dict[Any, tuple[int, int]] = {(): (rows[0][LINE], 0)}
    names = [MOMENT.sub("", r["arm"]) for r in rows]
    for i, arm in enumerate(data["arms"]):
        places["arms", i] = (rows[names.index(arm["name"])][LINE], 0)
    places |= {("results", i): (row[LINE], 0) for i, row in enumerate(rows)}
    return Document(parse(to_yaml(data), file).data, file, places)
