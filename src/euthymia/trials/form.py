"""A trial file on its way to the stored form: its data, places, problems and notes.

In: a document as read.  Out: a `Form` that renames keys, chooses words and reads numbers while lines and columns follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from euthymia.errors import Problem, nearest
from euthymia.evidence.read import Document, Path_
from euthymia.trials import words

KEYS = {
    (): {
        "id": "trial", "name": "trial", "trial_id": "trial", "citation": "title", "outcomes": "results",
        "result": "results", "background_treatment": "background", "met": "primary_met",
        "primary_endpoint_met": "primary_met", "success": "primary_met", "reference": "source",
        "timepoint": "day", "primary_scale": "scale", "primary_day": "day", "groups": "arms",
    },
    ("arms",): {
        "arm": "name", "drug": "treatment", "intervention": "treatment", "type": "role", "size": "n",
        "sample_size": "n", "randomised": "n", "randomized": "n", "class_group": "class", "mechanism_class": "mechanism",
        "regimen": "schedule", "frequency": "schedule", "group": "class", "treatments": "treatment",
    },
    ("results",): {
        "timepoint": "day", "time": "day", "days": "day", "timepoint_days": "day", "weeks": "week", "hours": "hour",
        "measure": "scale", "instrument": "scale", "outcome": "scale", "mean_change": "change",
        "change_mean": "change", "baseline_mean": "baseline", "endpoint": "score", "final": "score", "mean": "score",
        "change_sd": "sd", "sd_change": "sd", "change_se": "se", "se_change": "se", "response_pct": "response",
        "response_rate": "response", "remission_pct": "remission", "remission_rate": "remission",
        "dropout_pct": "dropout", "attrition": "dropout", "dropouts": "dropped", "discontinued": "dropped",
        "diff": "difference", "diff_vs_control": "difference", "effect": "difference", "diff_se": "difference_se",
        "se_difference": "difference_se", "difference_ci": "ci", "ci95": "ci", "ci_95": "ci", "p_value": "p",
        "pvalue": "p", "hedges_g": "smd", "g": "smd", "cohens_d": "smd", "effect_size": "smd",
        "n_analysed": "n", "n_analyzed": "n", "primary_timepoint": "primary", "versus": "against", "vs": "against",
        "significant_vs_control": "significant",
    },
    ("population",): {"description": "described", "diagnosis": "described", "care": "setting", "sex": "female",
                      "resistance": "history", "country": "region", "countries": "region", "continent": "region",
                      "location": "region", "inclusion": "include", "failed_treatments": "failed"},
    ("design",): {"description": "described", "type": "layout", "blind": "blinding", "masking": "blinding",
                  "lead_in": "run_in", "placebo_run_in": "run_in", "length": "duration"},
}  # fmt: skip


@dataclass
class Form:
    """A document on its way to the stored form."""

    document: Document
    data: dict[str, Any]
    places: dict[Path_, tuple[int, int]]
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def problem(self, path: Path_, message: str) -> None:
        self.problems.append(self.document.problem(path, message))

    def note(self, path: Path_, message: str) -> None:
        self.notes.append(self.document.problem(path, message))

    def rename(self, path: Path_, record: dict[str, Any], names: dict[str, str]) -> None:
        """Give every key of a record its stored spelling; places follow."""
        for key in list(record):
            plain = re.sub(r"[\s-]+", "_", key.strip().lower())
            new = names.get(plain, plain)
            if new != key and new not in record:
                record[new] = record.pop(key)
                for old, place in list(self.places.items()):
                    if old[: len(path) + 1] == (*path, key):
                        self.places[(*path, new, *old[len(path) + 1 :])] = place

    def drop_unknown(self, path: Path_, record: dict[str, Any], known: Iterable[str]) -> None:
        """Leave out keys this format does not have; one that is nearly a known key is left for the schema to name."""
        names = list(known)
        for key in [k for k in record if k not in names and not nearest(k, names)]:
            self.notes.append(
                self.document.problem((*path, key), f"'{key}' is not read; it is left out", at_key=True)
            )
            del record[key]

    def word(self, path: Path_, record: dict[str, Any], key: str, known: dict[str, str]) -> None:
        """Put the stored word in place of the one written, where it can be told."""
        if key in record and not isinstance(record[key], dict | list):
            found = words.choose(known, record[key])
            if found is not None:
                record[key] = found

    def numbers(self, record: dict[str, Any], keys: tuple[str, ...]) -> None:
        """Put numbers in place of what stands for them; what says 'not reported' is dropped."""
        for key in keys:
            value = record.get(key)
            if value is None or (isinstance(value, str) and words.choose(words.MET, value) == "na"):
                record.pop(key, None)
                continue
            found = words.number(value)
            if found is not None:
                record[key] = found
