"""Columns of a table of trials: their own names, those of trial files, and other usual spellings.

In: the header of a table.  Out: for each column the name under which `trials.table` reads it, and a note for each one
that is not read.  Assumed: the names of `results` in a trial file mean the same at the head of a column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from euthymia.errors import Problem, nearest
from euthymia.trials.form import KEYS

NEEDED = ("trial_id", "year", "arm", "treatment")
OWN = (*NEEDED, "n", "scale", "role", "citation", "population", "design", "dose", "route", "schedule",
       "background_treatment", "baseline_mean", "timepoint_days", "change_mean", "change_sd_or_se", "response_pct",
       "remission_pct", "dropout_pct", "kind", "source", "mechanism_class", "class_group", "primary_met",
       "diff_vs_control", "diff_se", "primary_timepoint")  # fmt: skip
# further keys of a trial file, handed on as they stand
OF_RESULTS = ("week", "hour", "score", "sd", "se", "smd", "p", "ci", "significant", "against", "responders",
              "remitters", "dropped")  # fmt: skip
OF_POPULATION = ("history", "setting", "threshold", "age", "female", "failed", "region")
OF_DESIGN = ("layout", "blinding", "run_in", "duration")
SIZES = ("change_mean", "score", "diff_vs_control", "smd", "ci", "response_pct", "responders", "primary_met",
         "significant", "p")  # fmt: skip
# names of trial files to the table's own
_STORED = {
    "trial": "trial_id", "title": "citation", "background": "background_treatment", "name": "arm",
    "mechanism": "mechanism_class", "class": "class_group", "day": "timepoint_days", "baseline": "baseline_mean",
    "change": "change_mean", "response": "response_pct", "remission": "remission_pct", "dropout": "dropout_pct",
    "difference": "diff_vs_control", "difference_se": "diff_se", "primary": "primary_timepoint",
}  # fmt: skip
_UNREAD = {"use": "trials of a table count as 'use: validation'", "site": "it is left out"}


def _spellings() -> dict[str, str]:
    """Every known spelling; where rooms of a trial file disagree, results come first, then arms."""
    known = (*OWN, *OF_RESULTS, *OF_POPULATION, *OF_DESIGN)
    found = {
        "study": "trial_id",
        "trial_name": "trial_id",
        "study_id": "trial_id",
        "change_sd_se": "change_sd_or_se",
    }
    for room in (("design",), ("population",), (), ("arms",), ("results",)):
        for spelling, stored in KEYS[room].items():
            own = _STORED.get(stored, stored)
            if own in known:
                found[spelling] = own
    return found | _STORED | {name: name for name in known}


SPELLINGS = _spellings()


def read_header(names: Sequence[str], file: str) -> tuple[list[str], list[Problem]]:
    """The name of every column as `trials.table` reads it, and notes on those that are not read.

    Columns that are not read keep a name no reader asks for.

    >>> read_header(["trial", "year", "arm", "drug", "week", "change", "colour"], "t.csv")[0]
    ['trial_id', 'year', 'arm', 'treatment', 'week', 'change_mean', '(colour)']
    """
    columns: list[str] = []
    notes: list[Problem] = []
    plain = [re.sub(r"[\s.-]+", "_", str(n).strip().lower()) for n in names]
    for name, spelling in zip(names, plain, strict=True):
        own = SPELLINGS.get(spelling)
        if spelling in _UNREAD or own is None:
            told = _UNREAD.get(spelling) or nearest(spelling, SPELLINGS).removeprefix(" - ")
            if str(name).strip():  # a column of row numbers often has no head
                message = f"column '{str(name).strip()}' is not read; {told or 'it is left out'}"
                notes.append(Problem(message, file, 1, key=str(name).strip()))
            own = f"({spelling})"
        elif own in columns or (own != spelling and own in plain):
            first = names[columns.index(own)] if own in columns else own
            notes.append(
                Problem(f"column '{name}' says the same as '{first}', which is read", file, 1, key=name)
            )
            own = f"({spelling})"
        columns.append(own)
    return columns, notes


def no_contrast(columns: Sequence[str], notes: Sequence[Problem], file: str) -> Problem:
    """What to say of a table none of whose trials gives a contrast."""
    sizes = [c for c in SIZES if c in columns]
    if sizes:
        told = (
            f"{', '.join(sizes)} are there: every trial needs a control arm ('role', or a treatment such as placebo) "
            "and a value in the same column for it"
        )
    else:
        told = "no column says what was found; give 'change', 'difference', 'response' or 'primary_met'"
    unread = ", ".join(f"'{n.key}'" for n in notes)
    return Problem(
        f"no trial of this table gives a contrast that can be scored; {told}{'; not read: ' + unread if unread else ''}",
        file, 1,
    )  # fmt: skip
