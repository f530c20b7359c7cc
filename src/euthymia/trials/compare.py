"""Published results beside a protocol's arms.

In: the name of a trial file and a protocol.  Out: rows of the published outcomes, each matched to the arm with the
same drug and dose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from euthymia.compounds.compound import resolve
from euthymia.errors import InputError, Problem, UnitError, nearest
from euthymia.evidence.read import LIBRARY
from euthymia.protocol.given import dose_mg
from euthymia.protocol.protocol import Protocol
from euthymia.trials.published import PublishedTrial, Result, read_trial
from euthymia.trials.summary import Z

TYPICAL = 70.0  # kg, for doses per weight
PERCENT = 100.0
FOLDER = LIBRARY / "trials"


def daily(treatments: Any) -> dict[str, float]:
    """Drugs of an arm with their dose in mg; empty for placebo alone."""
    found: dict[str, float] = {}
    for t in treatments:
        if t.intervention:
            found.setdefault(t.intervention, 0.0)
        elif not t.placebo:
            found.setdefault(resolve(t.drug), round(dose_mg(t.dose, TYPICAL), 6) if t.dose else 0.0)
    return found


def printed(treatment: str, dose: str) -> dict[str, float]:
    """The same for an arm as a trial file prints it; an unknown drug or a range of doses raises."""
    if treatment.strip().lower() in ("placebo", "saline"):
        return {}
    return {resolve(treatment): round(dose_mg(dose, TYPICAL), 6)}


def published_rows(name: str, protocol: Protocol) -> Iterator[dict[str, Any]]:
    """Rows of `published.parquet` for one trial of the library: only arms with the same drug and dose.

    Raises
    ------
    InputError
        No trial of that name.
    """
    trial = library_trial(name)
    cite = trial.cites[0] if trial.cites else ""
    for arm in trial.arms:
        try:
            wanted = printed(arm.treatment, arm.dose)
        except (InputError, UnitError):
            continue
        matched = next((a.name for a in protocol.arms if daily(a.treatment) == wanted), "")
        if not matched:
            continue
        common = {"trial": trial.id, "arm": arm.name, "matched_arm": matched, "cite": cite}
        for result in trial.results:
            if result.arm == arm.name and result.day is not None:
                for row in _outcomes(result):
                    yield {**common, "day": float(result.day), **row}


def _outcomes(r: Result) -> Iterator[dict[str, Any]]:
    """The printed outcomes of one result with 95 % intervals where they can be worked out."""
    scale = r.scale.lower()
    se = r.se or (r.sd / math.sqrt(r.n) if r.sd and r.n else None)
    for outcome, value, error in (
        (scale, r.score, se),
        (f"change_{scale}", r.change, se),
        (f"difference_{scale}", r.difference, r.difference_se),
    ):
        if value is not None:
            half = Z * error if error else None
            yield _row(outcome, value, value - half if half else None, value + half if half else None, "1")
    for outcome, percent in (("response", r.response), ("remission", r.remission), ("dropout", r.dropout)):
        if percent is not None and r.n:
            p = percent / PERCENT
            half = Z * math.sqrt(p * (1 - p) / r.n)
            yield _row(outcome, percent, PERCENT * max(p - half, 0.0), PERCENT * min(p + half, 1.0), "%")
        elif percent is not None:
            yield _row(outcome, percent, None, None, "%")


def _row(outcome: str, value: float, low: float | None, high: float | None, unit: str) -> dict[str, Any]:
    return {"outcome": outcome, "value": float(value), "low": low, "high": high, "unit": unit}


def library_trial(name: str) -> PublishedTrial:
    """A trial file of the library by its id.

    Raises
    ------
    InputError
        Unknown id; the nearest is offered.
    """
    known = [p.stem for p in FOLDER.glob("*.yaml")]
    if name not in known:
        raise InputError(
            [Problem(f"no published trial '{name}' in the library{nearest(name, known)}", key="compare_with")]
        )
    return read_trial(FOLDER / f"{name}.yaml")
