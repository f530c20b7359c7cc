"""Further parts of the scoreboard: response rates, the course of the difference over time, and scores by grade.

In: published trials and the report of `trials.validate`.  Out: plain data to join to the report.  Assumed: change is
normal with the spread of the outcome layer; a difference grows as measured for monoamine drugs (10, 63, 85 and 100 % of
the last one at weeks 1, 2, 4 and 6), and is there from the first day for classes that act within hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import norm

from euthymia.outcomes import to_madrs
from euthymia.outcomes.scales import canonical, scale_names
from euthymia.trials.arm_model import SPREAD_OF_CHANGE, ControlModel
from euthymia.trials.published import PublishedTrial, Result
from euthymia.trials.validate import apart_from

RAPID = (
    "NMDA_channel",
    "NMDA_NR2B",
    "NMDA_glycine_site",
    "psychedelic",
    "neurosteroid_GABAA",
    "cholinergic",
    "sleep",
)
GROWTH = (
    (0.0, 0.0),
    (7.0, 0.10),
    (14.0, 0.63),
    (28.0, 0.85),
    (42.0, 1.0),
)  # day, share of the last difference
HALF = 0.5


def further(
    trials: Sequence[PublishedTrial], learn: Sequence[PublishedTrial], found: dict[str, Any]
) -> dict[str, Any]:
    """`response`, `time_course` and `grades`, each with rows or scores beside the naive choice.

    Parameters
    ----------
    learn : sequence of PublishedTrial
        Calibration trials, whose control arms inform those asked for; never the trial itself.
    """
    controls = ControlModel.fit(apart_from(trials, learn))
    predicted = {(r["trial"], r["arm"]): r["predicted"] for r in found["contrasts"]}
    responses = [row for t in trials for row in response_rows(t, controls, predicted)]
    courses = [row for t in trials for row in course_rows(t, predicted)]
    return {
        "response": {"rows": responses, **_score(responses, "mae_constant", _constant)},
        "time_course": {"rows": courses, **_score(courses, "mae_flat", lambda r: [x["flat"] for x in r])},
        "grades": grades(trials, found),
    }


def growth(day: float, group: str) -> float:
    """Share of a difference that is there at a day.

    >>> growth(21.0, "SSRI"), growth(1.0, "NMDA_channel")
    (0.74, 1.0)
    """
    if group in RAPID:
        return 1.0
    days, shares = zip(*GROWTH, strict=True)
    return float(np.interp(day, days, shares))


def response_rows(
    trial: PublishedTrial, controls: ControlModel, predicted: dict[tuple[str, str], float]
) -> list[dict[str, Any]]:
    """Response rates of control arms at any time and of active arms at the primary time, per cent."""
    rows = []
    for r in trial.results:
        arm = trial.arm(r.arm)
        base = _madrs(r, r.baseline)
        if r.response is None or not r.day or base is None or trial.control is None:
            continue
        gap = predicted.get((trial.id, r.arm)) if arm.role == "active" and r.primary else None
        if arm.role != "control" and gap is None:
            continue
        change = controls.predict(trial, [r.day])[r.day][0] + (gap or 0.0)
        chance = float(norm.cdf((-HALF * base - change) / SPREAD_OF_CHANGE))
        rows.append({"trial": trial.id, "arm": r.arm, "role": arm.role, "day": r.day, "observed": r.response,
                     "predicted": 100 * chance})  # fmt: skip
    return rows


def course_rows(trial: PublishedTrial, predicted: dict[tuple[str, str], float]) -> list[dict[str, Any]]:
    """Differences at times other than the primary one, MADRS points."""
    rows: list[dict[str, Any]] = []
    control = trial.control
    if control is None:
        return rows
    primary = {r.arm: r.day for r in trial.results if r.primary and r.day}
    theirs = {(canonical(r.scale), r.day): r.change for r in trial.results if r.arm == control.name}
    for r in trial.results:
        arm, last = trial.arm(r.arm), primary.get(r.arm)
        if arm.role != "active" or r.primary or not r.day or not last or (trial.id, r.arm) not in predicted:
            continue
        against = theirs.get((canonical(r.scale), r.day))
        gap = r.difference
        if gap is None and r.change is not None and against is not None:
            gap = r.change - against
        observed = _madrs(r, gap)
        if observed is None:
            continue
        flat = predicted[trial.id, r.arm]
        share = growth(r.day, arm.group) / max(growth(last, arm.group), growth(GROWTH[1][0], arm.group))
        rows.append({"trial": trial.id, "arm": r.arm, "class": arm.group, "day": r.day, "primary_day": last,
                     "observed": observed, "predicted": flat * share, "flat": flat})  # fmt: skip
    return rows


def _madrs(r: Result, points: float | None) -> float | None:
    known = canonical(r.scale) in scale_names()
    return float(to_madrs(points, r.scale)) if known and points is not None else None


def _constant(rows: Sequence[dict[str, Any]]) -> list[float]:
    return [float(np.median([r["observed"] for r in rows]))] * len(rows)


def _score(rows: Sequence[dict[str, Any]], naive: str, other: Any) -> dict[str, Any]:
    if not rows:
        return {"n": 0, "n_trials": 0, "mae": None, "bias": None, naive: None}
    names = [r["trial"] for r in rows]
    w = np.array([1 / names.count(n) for n in names]) / len(set(names))
    y, m = (np.array([r[k] for r in rows], float) for k in ("observed", "predicted"))
    return {
        "n": len(rows),
        "n_trials": len(set(names)),
        "mae": float(w @ np.abs(m - y)),
        "bias": float(w @ (m - y)),
        naive: float(w @ np.abs(np.array(other(rows)) - y)),
    }


def grades(trials: Sequence[PublishedTrial], found: dict[str, Any]) -> dict[str, Any]:
    """Scores by how the trial's numbers were had: A read in the source, C remembered or not said."""
    of = {t.id: t.grade for t in trials}
    out: dict[str, Any] = {}
    for grade in sorted(set(of.values())):
        rows = [r for r in found["contrasts"] if of.get(r["trial"]) == grade]
        seen = [r for r in rows if r["observed"] is not None]
        inside = [r["low_90"] <= r["observed"] <= r["high_90"] for r in seen]
        scored = _score(seen, "mae_constant", _constant)
        out[grade] = {
            **scored,
            "coverage_90": float(np.mean(inside)) if seen else None,
            "n_contrasts": len(seen),
        }
    return out
