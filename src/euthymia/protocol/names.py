"""Words a protocol does not know, to those it does: treatments under other names, actions, highest totals.

In: `library/treatment_names.csv` (what papers call treatments) and `library/outcomes/scales.yaml`.  Out: ends of messages.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache

from euthymia.biology.interventions import intervention_names
from euthymia.compounds.compound import resolve
from euthymia.errors import InputError, Problem
from euthymia.evidence.parameter import read_parameter
from euthymia.evidence.read import LIBRARY, load

ACTIONS = {"augment": "add", "augmentation": "add", "combine": "add", "addition": "add", "change": "switch",
           "replace": "switch", "substitute": "switch", "discontinue": "stop", "withdraw": "stop", "exit": "leave",
           "drop_out": "leave", "allocate": "randomise"}  # fmt: skip
# mixtures that are known by the name of the whole
MIXTURES = {"ayahuasca": ("dmt", "harmine")}


@cache
def highest(scale: str) -> float:
    """Highest total of a scale of the library."""
    document = load(LIBRARY / "outcomes" / "scales.yaml")
    return read_parameter(
        document, ("parameters", f"{scale.upper()}.maximum"), f"{scale.upper()}.maximum"
    ).value


@cache
def _papers() -> dict[str, dict[str, str]]:
    with (LIBRARY / "treatment_names.csv").open(encoding="utf-8", newline="") as handle:
        return {
            name.lower(): row
            for row in csv.DictReader(handle)
            for name in (row["treatment"], *filter(None, row["synonyms"].split(";")))
        }


def _there(name: str) -> bool:
    try:
        return bool(resolve(name))
    except InputError:
        return False


def drug_message(name: str) -> str:
    """What to say of a drug that is no compound of the library; empty where nothing is known of the name.

    >>> drug_message("ECT")
    "'ECT' is not a drug; write 'intervention: ect'"
    >>> drug_message("unheardofine")
    ''
    """
    plain = " ".join(name.lower().split())
    if plain in MIXTURES:
        parts = [f"{p} is {'there' if _there(p) else 'not in the library'}" for p in MIXTURES[plain]]
        usable = [p for p in MIXTURES[plain] if _there(p)]
        return f"'{name}' is a mixture: {', '.join(parts)}; " + (
            f"write 'drug: {usable[0]}'"
            + (
                " and an entry for each of the others"
                if len(usable) > 1
                else ", whose own time course is then predicted"
            )  # fmt: skip
            if usable
            else "nothing of it can be given"
        )
    row = _papers().get(plain)
    if row is None:
        return ""
    parts = [p for p in row["library"].split(";") if p]
    if parts and parts[0] in intervention_names():
        return f"'{name}' is not a drug; write 'intervention: {parts[0]}'"
    if row["kind"] == "control":
        return ""
    if parts and all(_there(p) for p in parts):
        told = " and ".join(f"'drug: {p}'" for p in parts)
        return f"'{name}' is not a compound of the library; what stands for it there is {told}"
    kind = f" ({row['mechanism'].replace('_', ' ')})" if row["mechanism"] else ""
    return f"'{name}'{kind} is known, but the library has no compound file for it; a protocol needs one"


def with_action(problem: Problem) -> Problem:
    """A problem of an unknown key of a step, with the action that was meant."""
    key = problem.key.rsplit(".", 1)[-1]
    if ".steps." in problem.key and "unknown key" in problem.message and key in ACTIONS:
        return replace(problem, message=f"unknown key '{key}' - did you mean '{ACTIONS[key]}'?")
    return problem
