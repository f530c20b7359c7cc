"""Trials from a table with one row per arm and time, and back to trial files.

In: CSV with the columns of `docs/trial-files.md`.  Out: trials, as objects and as YAML text.  Assumed:
design words (`open`, `crossover`, `inpatient` ...) in the describing columns mean what they say.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.read import parse, validate
from euthymia.trials.published import PublishedTrial, _build, _problems

NEEDED = ("trial_id", "year", "arm", "treatment", "n", "scale", "role")
MOMENT = re.compile(r"_(\d+h|\d+d|d\d+|wk\d+)$")
SPREADS = re.compile(r"(SD|SE)\s*([0-9.]+)")


def _number(text: str | None) -> float | int | None:
    if not text or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a number") from None
    return int(value) if value.is_integer() else value


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


def _trial(rows: list[dict[str, str]], use: str) -> dict[str, Any]:
    first = rows[0]
    arms: dict[str, dict[str, Any]] = {}
    results = []
    for row in rows:
        name = MOMENT.sub("", row["arm"])
        n = _number(row["n"])
        arm: dict[str, Any] = {
            "name": name,
            "role": row["role"],
            "treatment": row["treatment"] or "not named",
        }
        for key, column in (
            ("dose", "dose"), ("route", "route"), ("schedule", "schedule"),
            ("mechanism", "mechanism_class"), ("class", "class_group"),
        ):  # fmt: skip
            if row.get(column):
                arm[key] = row[column]
        if n is not None:
            arm["n"] = int(n)
        arms.setdefault(name, arm)
        result: dict[str, Any] = {"arm": name, "scale": row["scale"]}
        for key, column in (
            ("day", "timepoint_days"), ("baseline", "baseline_mean"), ("change", "change_mean"),
            ("response", "response_pct"), ("remission", "remission_pct"), ("dropout", "dropout_pct"),
            ("difference", "diff_vs_control"), ("difference_se", "diff_se"),
        ):  # fmt: skip
            value = _number(row.get(column))
            if value is not None:
                result[key] = value
        if n is not None:
            result["n"] = int(n)
        spread = SPREADS.match(row.get("change_sd_or_se") or "")
        if spread and float(spread[2]) > 0:
            result[spread[1].lower()] = float(spread[2])
        result["primary"] = row.get("primary_timepoint", "1") == "1"
        results.append(result)
    kind = "READ" if all(r.get("kind", "READ") == "READ" for r in rows) else "RECALLED"
    says = (first.get("source") or "not stated")[:380]
    return {
        "trial": _id(first["trial_id"]),
        "title": first.get("citation") or first["trial_id"],
        "year": int(float(first["year"])),
        "use": use,
        "population": _population(first.get("population", ""), first.get("background_treatment", "")),
        "design": _design(first.get("design", "")),
        "background": first.get("background_treatment") or "none",
        "arms": list(arms.values()),
        "results": results,
        "primary_met": first.get("primary_met") or "na",
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
    import yaml

    return yaml.safe_dump(data, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)


def trial_data(path: str | Path, use: str = "validation") -> tuple[list[dict[str, Any]], list[Problem]]:
    """Rows of a table grouped into the data of trial files; trials that state too little are problems."""
    with Path(path).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    columns = list(rows[0]) if rows else []
    missing = [c for c in NEEDED if c not in columns]
    if missing:
        raise InputError(
            [Problem(f"column '{c}' is missing{nearest(c, columns)}", str(path), 1) for c in missing]
        )
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row["trial_id"], []).append(row)
    found, problems = [], []
    for name, group in groups.items():
        try:
            found.append(_trial(group, use))
        except ValueError as error:
            problems.append(Problem(f"trial '{name}' left out: {error}", str(path)))
    return found, problems


def read_table(path: str | Path) -> tuple[list[PublishedTrial], list[Problem]]:
    """Trials of a table; they count as kept apart (`use: validation`)."""
    data, problems = trial_data(path)
    trials = []
    for entry in data:
        document = parse(to_yaml(entry), f"{path}#{entry['trial']}")
        faults = [*validate(document, "trial")] or [*_problems(document)]
        problems += faults
        if not faults:
            trials.append(_build(document.data, str(path)))
    return trials, problems
