"""The placebo course that the outcome layer expects of a published trial's control arm.

In: published trials.  Out: expected change of the control arm at every reported day, MADRS-equivalents.  Assumed: routes
other than tablets are attended procedures; a control without placebo (waiting, usual care) is told from the trial's
blinding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from euthymia.outcomes import TrialContext, placebo
from euthymia.trials.published import PublishedTrial
from euthymia.trials.treatments import find_treatments
from euthymia.units import to_canonical

ATTENDED = re.compile(r"\b(IV|IN|SC|IM|INH|TMS|TDCS|ECT|IMPLANT|INFUSION|SHAM)\b", re.IGNORECASE)
STARTED = re.compile(
    r"new oral|^(escitalopram|fluoxetine|citalopram|sertraline|SRI|reboxetine)", re.IGNORECASE
)


def trial_context(trial: PublishedTrial) -> TrialContext:
    """The outcome layer's view of a published trial, its visits at the reported days.

    Raises
    ------
    InputError
        The design has values the outcome layer does not know.
    """
    days = sorted({float(r.day) for r in trial.results if r.day}) or [to_canonical(8, "week") / 24]
    text = " ".join([*(a.route for a in trial.arms), *(a.treatment for a in trial.arms)])
    active = sum(a.role == "active" for a in trial.arms)
    session = "psilocybin" in text.lower() or "ayahuasca" in text.lower()
    return TrialContext(
        times=np.array([0.0, *(to_canonical(d, "day") for d in days)]),
        year=trial.year,
        probability_active=active / max(len({a.name for a in trial.arms}), 1),
        blinding="open" if trial.blinding == "waitlist" else trial.blinding,
        setting=trial.setting,
        history=trial.history,
        run_in=trial.run_in,
        procedure=session or bool(ATTENDED.search(text)),
        new_treatment=bool(STARTED.search(trial.background)),
        contact=_contact(trial),
        threshold=trial.threshold,
        region=trial.region,
        scale=next(
            (r.scale for r in trial.results if r.primary), trial.results[0].scale if trial.results else ""
        ),
        drugs=tuple(
            sorted(
                {name for a in trial.arms for _, n in find_treatments(a.treatment) if n for name in n.library}
            )
        ),
    )


def _contact(trial: PublishedTrial) -> str:
    """What the control arm's patients meet besides the treatment, from its words."""
    words = "" if trial.control is None else trial.control.treatment
    if trial.blinding == "waitlist" or re.search(r"wait|no treatment|delayed", words, re.IGNORECASE):
        return "waiting"
    if re.search(r"usual care|\bTAU\b|as usual", words, re.IGNORECASE):
        return "usual_care"
    return (
        "attention" if re.search(r"attention|stretching|psychological", words, re.IGNORECASE) else "placebo"
    )


def control_changes(trial: PublishedTrial) -> dict[float, float]:
    """Expected change of the control arm at every reported day, MADRS points."""
    context = trial_context(trial)
    belief = context.belief(False)
    length = placebo.REFERENCE_TIME if context.procedure else float(context.times[-1])
    slow = placebo.expected_change(context, belief) * placebo.weibull(context.times, length) * placebo.KEPT
    change = slow + placebo.fast_change(context, belief).reshape(-1)
    return {float(t / to_canonical(1, "day")): float(c) for t, c in zip(context.times, change, strict=True)}


def near(changes: Mapping[float, Any], day: float) -> Any:
    """The value at the day nearest to the one asked for."""
    return changes[min(changes, key=lambda d: abs(d - day))]
