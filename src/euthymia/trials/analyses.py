"""The analyses a protocol asks for, on one rated replicate.

In: a protocol and its rated patients.  Out: rows with estimate, interval and p value, each arm against the control (for
`spcd` and `crossover` the design's own contrast).  What cannot be estimated says why in `note`.  Assumed: patients are
compared as randomised; the estimand decides what of their data is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import EuthymiaError
from euthymia.outcomes.endpoints import last_observed, remission, response
from euthymia.protocol.analyses import EVENTS, NEEDS_TIME, Analysis
from euthymia.protocol.protocol import Endpoint, Protocol
from euthymia.protocol.times import visit_hours
from euthymia.trials.data import Data, data_of, event_times
from euthymia.trials.imputation import multiple_imputation
from euthymia.trials.mmrm import mmrm
from euthymia.trials.rate import SCALES, Rated, scores
from euthymia.trials.responders import adjusted_odds, rates
from euthymia.trials.statistics import Estimate, ancova
from euthymia.trials.survival import Curve, hazard_ratio, kaplan_meier, log_rank
from euthymia.units import quantity

Array = NDArray[np.float64]
MEASURE = {
    "risk_difference": "difference of shares",
    "logistic": "log odds ratio",
    "time_to_event": "log hazard ratio",
    "log_rank": "log hazard ratio",
}


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """One estimate; None where it could not be had."""

    analysis: str
    method: str
    endpoint: str
    estimand: str
    arm: str
    measure: str
    n: int
    estimate: float | None = None
    se: float | None = None
    df: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    note: str = ""
    favours: str = "low"
    alpha: float = 0.05


def analyse(protocol: Protocol, rated: Rated) -> Iterator[AnalysisRow]:
    """Every analysis of the protocol."""
    endpoints = {e.name: e for e in protocol.endpoint_list}
    for analysis in protocol.analyses:
        yield from rows_of(protocol, rated, analysis, endpoints[analysis.endpoint])


def rows_of(
    protocol: Protocol, rated: Rated, analysis: Analysis, endpoint: Endpoint
) -> Iterator[AnalysisRow]:
    """The rows of one analysis."""
    part = "" if analysis.method in DESIGNS else analysis.stage
    data = data_of(protocol, rated, endpoint, analysis.estimand, part)
    head = (analysis.name, analysis.method, endpoint.name, analysis.estimand)
    measure = MEASURE.get(analysis.method, "difference of changes")
    favours = "high" if analysis.method in RUNS_UP or endpoint.kind == "onset" else "low"
    try:
        if analysis.method in DESIGNS:
            found = {1: DESIGNS[analysis.method](protocol, rated, analysis, endpoint, data)}
        else:
            found = METHODS[analysis.method](data, analysis, endpoint)
    except (EuthymiaError, np.linalg.LinAlgError, ValueError) as error:
        for name in data.names[1:]:
            yield AnalysisRow(
                *head, name, measure, len(data.arm), note=str(error) or "could not be estimated"
            )
        return
    for k, e in found.items():
        n = int(np.isin(data.arm, (0, k)).sum())
        low, high = e.interval(1 - quantity(analysis.alpha).value)
        arm = "both orders" if analysis.method == "crossover" else data.names[k]
        df = e.df if np.isfinite(e.df) else None
        yield AnalysisRow(
            *head,
            arm,
            measure,
            n,
            e.value,
            e.se,
            df,
            low,
            high,
            e.p,
            favours=favours,
            alpha=quantity(analysis.alpha).value,
        )


def _change(data: Data, analysis: Analysis) -> Array:
    change = data.scores - data.scores[:, :1]
    if analysis.estimand == "composite":
        change[data.failed, -1] = 0.0  # failed: counted as unchanged
    return change


def _ancova(data: Data, analysis: Analysis, endpoint: Endpoint) -> dict[int, Estimate]:
    carried = last_observed(data.scores)
    change = carried[:, -1] - carried[:, 0]
    if analysis.estimand == "composite":
        change = np.where(data.failed, 0.0, change)
    return ancova(change, data.scores[:, 0], data.arm)


def _mmrm(data: Data, analysis: Analysis, endpoint: Endpoint) -> dict[int, Estimate]:
    fit = mmrm(_change(data, analysis)[:, 1:], data.scores[:, 0], data.arm)
    return {k: fit.difference(k, -1, analysis.df) for k in fit.arms}


def _imputation(data: Data, analysis: Analysis, endpoint: Endpoint) -> dict[int, Estimate]:
    return multiple_imputation(
        _change(data, analysis)[:, 1:], data.scores[:, 0], data.arm, analysis.strategy, analysis.imputations
    )


def success(data: Data, analysis: Analysis, endpoint: Endpoint) -> NDArray[np.bool_]:
    """Yes or no for each patient: last observation carried forward, failures by the composite estimand are no."""
    seen = last_observed(data.scores)
    if endpoint.kind == "percent_reduction":
        yes = response(seen, quantity(endpoint.at_least).value)[:, -1]
    else:
        yes = remission(seen, SCALES[endpoint.of], endpoint.limit)[:, -1]
    return yes & ~data.failed if analysis.estimand == "composite" else yes


def _risk(data: Data, analysis: Analysis, endpoint: Endpoint) -> dict[int, Estimate]:
    return {k: r.difference for k, r in rates(success(data, analysis, endpoint), data.arm).items()}


def _logistic(data: Data, analysis: Analysis, endpoint: Endpoint) -> dict[int, Estimate]:
    return adjusted_odds(success(data, analysis, endpoint), data.scores[:, 0], data.arm)


def _events(
    data: Data, endpoint: Endpoint, estimand: str
) -> tuple[Array, NDArray[np.bool_], NDArray[np.int64]]:
    """Time, whether it is the event's, and arm of everybody at risk."""
    event, last = event_times(data, endpoint, estimand)
    seen = np.isfinite(event)
    time = np.where(seen, event, last)
    at_risk = time > 0
    return time[at_risk], seen[at_risk], data.arm[at_risk]


def curves(protocol: Protocol, rated: Rated) -> Iterator[tuple[str, str, str, Curve]]:
    """Kaplan-Meier curves as (analysis or endpoint, endpoint, arm, curve in h): of every analysis of times to an event, and
    of every such endpoint that no analysis asks for, by arm.
    """
    endpoints = {e.name: e for e in protocol.endpoint_list}
    wanted: dict[tuple[str, str, str], str] = {}
    for a in protocol.analyses:
        if a.method in NEEDS_TIME:
            wanted.setdefault((a.endpoint, a.estimand, a.stage), a.name)
    for e in endpoints.values():
        if e.kind in EVENTS and e.name not in {w[0] for w in wanted}:
            wanted[e.name, "treatment_policy", ""] = e.name
    for (name, estimand, stage), title in wanted.items():
        data = data_of(protocol, rated, endpoints[name], estimand, stage)
        time, event, arm = _events(data, endpoints[name], estimand)
        for k, group in enumerate(data.names):
            if (arm == k).any():
                yield title, name, group, kaplan_meier(time[arm == k], event[arm == k])


def _time_to_event(data: Data, analysis: Analysis, endpoint: Endpoint) -> dict[int, Estimate]:
    return hazard_ratio(*_events(data, endpoint, analysis.estimand))


def _log_rank(data: Data, analysis: Analysis, endpoint: Endpoint) -> dict[int, Estimate]:
    return log_rank(*_events(data, endpoint, analysis.estimand))


def spcd(first: Estimate, second: Estimate, weight: float) -> Estimate:
    """Sequential parallel comparison: w d1 + (1 - w) d2, its stages uncorrelated in large samples.

    >>> pooled = spcd(Estimate(-3.0, 1.0), Estimate(-1.0, 2.0), 0.5)
    >>> pooled.value, round(pooled.se, 3)
    (-2.0, 1.118)
    """
    variance = (weight * first.se) ** 2 + ((1 - weight) * second.se) ** 2
    return Estimate(weight * first.value + (1 - weight) * second.value, float(variance**0.5))


def _spcd(protocol: Protocol, rated: Rated, analysis: Analysis, endpoint: Endpoint, data: Data) -> Estimate:
    step = next(s for a in protocol.arms for s in a.steps if s.name == analysis.stage)
    at = int(np.searchsorted(data.times, visit_hours(step.at)))
    one = last_observed(data.scores[:, : at + 1])
    first = ancova(one[:, -1] - one[:, 0], one[:, 0], data.arm)[1]
    if rated.simulated.choices is None:
        raise ValueError("nobody was randomised again")
    arm = next(i for i, a in enumerate(protocol.arms) if step in a.steps)
    place = protocol.arms[arm].steps.index(step)
    again = (rated.simulated.arm == arm) & (rated.simulated.choices[:, place] >= 0)
    drug = [any(not t.placebo for t in o.treatment) for o in step.options]
    two = last_observed(data.scores[again][:, at:])
    which = np.array(drug)[rated.simulated.choices[again, place]].astype(int)
    second = ancova(two[:, -1] - two[:, 0], two[:, 0], which)[1]
    return spcd(first, second, quantity(analysis.weight).value)


def crossover(first: Array, second: Array, order: NDArray[np.int64]) -> Estimate:
    """Treatment A less B from two periods: half the difference between orders of the within-patient difference.

    Order 0 is A then B; t distribution with n - 2 degrees of freedom; free of period effects, not of carry-over.

    >>> crossover(np.array([-8.0, -9, -2, -3]), np.array([-3.0, -2, -9, -8]), np.array([0, 0, 1, 1])).value
    -6.0
    """
    gap = first - second
    a, b = (gap[(order == k) & np.isfinite(gap)] for k in (0, 1))
    if min(len(a), len(b)) < 2:
        raise ValueError(f"{len(a)} and {len(b)} patients finished both periods; two an order are needed")
    df = len(a) + len(b) - 2
    pooled = (((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()) / df
    return Estimate(
        float(a.mean() - b.mean()) / 2, float(np.sqrt(pooled * (1 / len(a) + 1 / len(b)))) / 2, float(df)
    )


def _crossover(
    protocol: Protocol, rated: Rated, analysis: Analysis, endpoint: Endpoint, data: Data
) -> Estimate:
    step = next(s for a in protocol.arms for s in a.steps if s.name == analysis.stage)
    whole = scores(rated, endpoint.of)
    at = [int(np.searchsorted(rated.simulated.visits, visit_hours(v))) for v in (step.at, *analysis.periods)]
    return crossover(whole[:, at[1]] - whole[:, 0], whole[:, at[2]] - whole[:, at[0]], rated.simulated.arm)


Method = Callable[[Data, Analysis, Endpoint], dict[int, Estimate]]
METHODS: dict[str, Method] = {
    "ancova": _ancova,
    "mmrm": _mmrm,
    "imputation": _imputation,
    "risk_difference": _risk,
    "logistic": _logistic,
    "time_to_event": _time_to_event,
    "log_rank": _log_rank,
}
DESIGNS = {"spcd": _spcd, "crossover": _crossover}
RUNS_UP = ("risk_difference", "logistic")  # larger is better


def operating(rows: Sequence[AnalysisRow]) -> list[dict[str, object]]:
    """Power and what estimates do over replicates, one row an analysis and arm.

    `power` is the share of replicates significant in favour of the arm, with its Monte Carlo error; `coverage` the
    share of intervals that hold the mean over all replicates.
    """
    found: list[dict[str, object]] = []
    for key in dict.fromkeys((r.analysis, r.arm) for r in rows):
        mine = [r for r in rows if (r.analysis, r.arm) == key]
        done = [r for r in mine if r.estimate is not None and r.se is not None]
        if not done:
            continue
        value = np.array([r.estimate for r in done], float)
        se = np.array([r.se for r in done], float)
        p = np.array([r.p for r in done], float)
        good = value > 0 if done[0].favours == "high" else value < 0
        power = float(((p < done[0].alpha) & good).sum() / len(mine))
        low, high = (np.array([getattr(r, k) for r in done], float) for k in ("low", "high"))
        found.append(
            {
                "analysis": key[0],
                "method": done[0].method,
                "arm": key[1],
                "measure": done[0].measure,
                "replicates": len(mine),
                "estimated": len(done),
                "power": power,
                "power_error": float(np.sqrt(power * (1 - power) / len(mine))),
                "mean": float(value.mean()),
                "spread": float(value.std(ddof=1)) if len(done) > 1 else None,
                "mean_se": float(se.mean()),
                "coverage": float(((low <= value.mean()) & (value.mean() <= high)).mean()),
            }
        )
    return found
