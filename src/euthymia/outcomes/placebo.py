"""Placebo response and natural course: what scores do besides what the treatment does.

In: the trial's context, per-patient draws, belief.  Out: change of severity from baseline, MADRS points, per
patient and visit (negative is improvement), to be added to the mechanistic severity.

Assumed: the expected change at 8 weeks is a regression on the design of placebo arms (`columns`, fitted by
verification/placebo_arms.py) times the fractions for treatment history and for what patients meet and believe; it follows
a Weibull course; patients differ in its size (normal); life events add an exponentially correlated wandering that starts at
zero; attended procedures and admission add a fast component that fades.

References: furukawa2019optimal, goldstein2004duloxetine, gomeni2007bayesian, rutherford2012spontaneous
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from euthymia.outcomes.context import TrialContext
from euthymia.outcomes.draws import Draws
from euthymia.outcomes.parameters import parameters
from euthymia.units import to_canonical

Array = NDArray[np.float64]
REFERENCE_TIME = to_canonical(8, "week")
LAST_GROWTH = 2000  # year
REFERENCE_THRESHOLD = 25.0
DECADE = 10
# change with the last observation carried forward over the change had all stayed: simulated outpatients with an
# inclusion threshold and visits every week or two, 0.87 to 0.91
KEPT = 0.89


def weibull(times: Array | float, length: float = REFERENCE_TIME) -> Array:
    """Share of the 8-week placebo change reached by each time of a trial of this length.

    w(t) = (1 - exp(-(s / tau)^b)) / (1 - exp(-(8 weeks / tau)^b)),  s = t (8 weeks / length)^d

    Change at the end depends little on how long a trial lasts: expectation follows the announced length.

    >>> weibull(np.array([0.0, REFERENCE_TIME])).tolist()
    [0.0, 1.0]
    >>> bool(weibull(336.0, length=336.0) > weibull(336.0))
    True
    """
    p = parameters("placebo")

    def course(t: Array | float) -> Array:
        return -np.expm1(-((np.asarray(t, dtype=float) / p["time_scale"]) ** p["shape"]))

    pace = (REFERENCE_TIME / length) ** p["duration"]
    return course(np.asarray(times, dtype=float) * pace) / course(REFERENCE_TIME)


def columns(context: TrialContext) -> dict[str, float]:
    """The design as columns of the regression on placebo arms: parameter of `outcomes.placebo` to its multiple.

    What is not known has no column, which stands for the mean of the arms; placebo change has not grown since 2000.

    >>> columns(TrialContext(times=np.array([0.0, 1344.0]), year=1990, scale="HAMD17", drugs=("sertraline",)))
    {'change': 1.0, 'change_per_decade': -1.0, 'scale.hamd17': 1.0, 'drug.sertraline': 1.0}
    """
    p = parameters("placebo")
    found = {"change": 1.0, "change_per_decade": min(context.year - LAST_GROWTH, 0.0) / DECADE}
    if context.threshold is not None:
        found["per_threshold_point"] = context.threshold - REFERENCE_THRESHOLD
    names = {
        "run_in": context.run_in,
        "mixed_patients": context.setting == "mixed",
        f"region.{context.region}": bool(context.region),
        f"scale.{'hamd17' if context.scale.upper() == 'HAMD17' else 'other'}": bool(context.scale),
        **{f"drug.{drug}": f"drug.{drug}" in p for drug in context.drugs},
    }
    return {k: v for k, v in (found | {k: 1.0 for k, v in names.items() if v}).items() if v}


def expected_change(context: TrialContext, belief: Array | float = 0.5, trial: float = 0.0) -> Array:
    """Expected placebo change at 8 weeks, without the fast components, MADRS points.

    Parameters
    ----------
    context : TrialContext
    belief : ndarray or float, 0 to 1
        From `TrialContext.belief`.
    trial : float
        Standard normal of the trial's own level.

    Returns
    -------
    ndarray, shape of belief

    Examples
    --------
    >>> two_visits = np.array([0.0, REFERENCE_TIME])
    >>> usual = expected_change(TrialContext(times=two_visits))
    >>> bool(usual < expected_change(TrialContext(times=two_visits, history="refractory")) < 0)
    True
    """
    p = parameters("placebo")
    change = float(sum(p[name] * size for name, size in columns(context).items()))
    change += p["inpatient"] * (context.setting == "inpatient")
    change *= {"none": 1.0, "inadequate": p["inadequate"], "refractory": p["refractory"]}[context.history]
    change += p["new_treatment"] * context.new_treatment + p["between_trials"] * trial
    return change * _part(context, belief)


def _part(context: TrialContext, belief: Array | float) -> Array:
    """Share of the blinded placebo change that patients of this contact and belief have."""
    p = parameters("placebo")
    believed = np.asarray(belief, dtype=float)
    if context.contact == "placebo":
        told = context.probability_active if context.blinding in ("double", "single") else 0.5
        share = 1 + p["expectancy"] * (believed - told)
    else:
        share = np.full_like(believed, p[context.contact])
    return share - p["psychotherapy"] * context.psychotherapy


def fast_change(context: TrialContext, belief: Array | float = 0.5) -> Array:
    """Acute change after an attended procedure or admission, MADRS points, shape (patients or 1, visits)."""
    p = parameters("placebo")
    believed = np.asarray(belief, dtype=float)[..., None]
    size = np.zeros(np.shape(believed))
    if context.procedure and context.contact == "placebo":
        size = size + p["procedure"] * _part(replace(context, psychotherapy=False), believed)
    if context.setting == "emergency":
        size = size + p["admission"]
    onset = -np.expm1(-context.times / p["procedure_onset"])
    return size * onset * np.exp(-context.times / p["procedure_decay"])


def life_events(context: TrialContext, innovations: Array) -> Array:
    """Wandering of severity from life events: exponentially correlated, zero at baseline.

    x(t_j) = x(t_{j-1}) rho_j + sd sqrt(1 - rho_j^2) z_j,  rho_j = exp(-(t_j - t_{j-1}) / tau)

    Parameters
    ----------
    innovations : ndarray, shape (patients, visits), standard normals

    Returns
    -------
    ndarray, shape (patients, visits), MADRS points
    """
    p = parameters("placebo")
    wander = np.zeros_like(innovations)
    for j in range(1, innovations.shape[1]):
        rho = np.exp(-(context.times[j] - context.times[j - 1]) / p["events_time"])
        wander[:, j] = rho * wander[:, j - 1] + p["events"] * np.sqrt(1 - rho**2) * innovations[:, j]
    return wander


def course(
    context: TrialContext, draws: Draws, belief: Array | float = 0.5, changes: Array | None = None
) -> Array:
    """Placebo and natural change of every patient at every visit, MADRS points.

    A change of treatment during the trial brings the share `renewal` of the patient's expected placebo change once
    more, with the same course counted from the change.

    Parameters
    ----------
    context : TrialContext
    draws : Draws
    belief : ndarray, shape (patients,), or float
    changes : ndarray, shape (patients, changes), h, optional
        When each patient's treatment was changed; infinite where it was not.

    Returns
    -------
    ndarray, shape (patients, visits)
        0 in the first column; negative is improvement.
    """
    p = parameters("placebo")
    mean = np.broadcast_to(expected_change(context, belief, draws.trial), draws.course.shape)
    size = mean + p["spread"] * draws.course
    fast = fast_change(context, belief)
    # sessions and infusions act at once, so only tablets are paced by the length of the trial
    length = REFERENCE_TIME if context.procedure else float(context.length or context.times[-1])
    found = size[:, None] * weibull(context.times, length) + fast + life_events(context, draws.events)
    if changes is not None:
        for j in range(changes.shape[1]):
            since = np.maximum(context.times[None, :] - changes[:, j : j + 1], 0.0)
            found = found + p["renewal"] * np.minimum(mean, 0.0)[:, None] * weibull(since, length)
    return found


def inflation(baseline: Array, threshold: float | None) -> Array:
    """Points by which raters lift the baseline score of patients near the inclusion threshold.

    inflation * exp(-max(severity - threshold, 0) / range); nothing without a threshold.

    >>> inflation(np.array([20.0, 26.0, 60.0]), 26.0).round(2).tolist()
    [2.0, 2.0, 0.0]
    """
    p = parameters("placebo")
    if threshold is None:
        return np.zeros_like(baseline)
    return p["inflation"] * np.exp(-np.maximum(baseline - threshold, 0.0) / p["inflation_range"])
