"""What an analysis works on: scores and events of those compared, as an estimand sees them.

In: a protocol and its rated patients.  Out: `Data`, the control numbered 0.  Assumed: patients are compared as randomised;
a change of treatment before the compared step belongs to its baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.outcomes.endpoints import last_observed, onset
from euthymia.protocol.protocol import Endpoint, Protocol
from euthymia.protocol.steps import Step
from euthymia.protocol.times import visit_hours
from euthymia.trials.rate import Rated, scores
from euthymia.trials.stages import change_times
from euthymia.units import quantity

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Data:
    """What an analysis works on: scores with the control arm numbered 0.

    Parameters
    ----------
    scores : ndarray, shape (patients, visits), NaN where missing
    times : ndarray, shape (visits,), h
    arm : ndarray of int, shape (patients,)
    names : tuple of str
        Arm of each number.
    failed : ndarray of bool, shape (patients,)
        Failures by the composite estimand.
    changed, gone, planned : ndarray, shape (patients,), h
        When treatment was changed, when the patient dropped out, when he left by plan; infinite where never.
    """

    scores: Array
    times: Array
    arm: NDArray[np.int64]
    names: tuple[str, ...]
    failed: NDArray[np.bool_]
    changed: Array
    gone: Array
    planned: Array


def data_of(protocol: Protocol, rated: Rated, endpoint: Endpoint, estimand: str, stage: str = "") -> Data:
    """The scores of an endpoint's scale up to its visit, as an estimand sees them.

    With `stage` only those randomised at that step, compared by option, from that visit on; the option on placebo is
    the control.
    """
    times = rated.simulated.visits
    columns = times <= visit_hours(endpoint.at) + 1e-9
    found, times = scores(rated, endpoint.of or protocol.setting.scale)[:, columns], times[columns]
    changed = np.full(len(found), np.inf)
    if rated.simulated.choices is not None:
        every = change_times(protocol, rated.simulated.arm, rated.simulated.choices)
        begin = -np.inf if not stage else max(visit_hours(s.at) for s in _steps(protocol) if s.name == stage)
        changed = np.where(every > begin, every, np.inf).min(axis=1, initial=np.inf)
    failed = np.isfinite(changed) & (changed < times[-1]) | np.isnan(found[:, -1])
    if estimand in ("hypothetical", "while_on_treatment"):
        found = np.where(times[None, :] > changed[:, None], np.nan, found)
    if estimand == "while_on_treatment":
        found = last_observed(found)
    gone = rated.observed.dropout_time
    whole = Data(found, times, rated.simulated.arm, (), failed, changed, gone, rated.left)
    if stage:
        return _of_stage(protocol, rated, stage, whole)
    control = next((i for i, a in enumerate(protocol.arms) if a.control), 0)
    order = [control, *(i for i in range(len(protocol.arms)) if i != control)]
    names = tuple(protocol.arms[i].name for i in order)
    everybody = np.ones(len(found), bool)
    return _part(whole, everybody, 0, np.argsort(order)[rated.simulated.arm], names)


def _steps(protocol: Protocol) -> list[Step]:
    return [s for a in protocol.arms for s in a.steps]


def _part(
    whole: Data, who: NDArray[np.bool_], begin: int, arm: NDArray[np.int64], names: tuple[str, ...]
) -> Data:
    """Some patients from a visit on."""
    return Data(
        whole.scores[who][:, begin:],
        whole.times[begin:],
        arm,
        names,
        whole.failed[who],
        whole.changed[who],
        whole.gone[who],
        whole.planned[who],
    )


def _of_stage(protocol: Protocol, rated: Rated, stage: str, whole: Data) -> Data:
    arm, place, step = next(
        (a, i, s) for a, one in enumerate(protocol.arms) for i, s in enumerate(one.steps) if s.name == stage
    )
    assert rated.simulated.choices is not None
    choice = rated.simulated.choices[:, place]
    who = (rated.simulated.arm == arm) & (choice >= 0)
    idle = [not o.go_on and all(t.placebo for t in o.treatment) for o in step.options]
    control = idle.index(True) if True in idle else 0
    order = [control, *(k for k in range(len(idle)) if k != control)]
    begin = int(np.searchsorted(whole.times, visit_hours(step.at)))
    names = tuple(step.options[k].name for k in order)
    return _part(whole, who, begin, np.argsort(order)[choice[who]], names)


def event_times(data: Data, endpoint: Endpoint, estimand: str = "treatment_policy") -> tuple[Array, Array]:
    """Time of the event (infinite where none was seen) and until when it was looked for, h from the endpoint's `from`.

    By the composite estimand a change of treatment or leaving early is a relapse, and no onset; by the hypothetical
    one patients are looked at until then.
    """
    start, end = visit_hours(endpoint.from_), float(data.times[-1])
    stopped = np.minimum(data.gone, data.changed)
    if endpoint.kind == "discontinuation":
        ends = stopped if estimand == "composite" else data.gone
        until = np.minimum(end, data.planned)
        if estimand in ("hypothetical", "while_on_treatment"):
            until = np.minimum(until, data.changed)
        event = np.where((ends <= until) & (ends > start), ends, np.inf)
        return event - start, np.minimum(until, ends) - start
    seen = np.isfinite(data.scores)
    last = data.times[data.scores.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)]
    last = np.where(seen.any(axis=1), last, -np.inf)
    if endpoint.kind == "onset":
        event = onset(data.times, data.scores, quantity(endpoint.at_least).value)
        if estimand == "composite":
            event = np.where(data.failed, np.inf, event)
            last = np.where(data.failed, end, last)
        return event - start, last - start
    later = data.times > start
    with np.errstate(invalid="ignore"):
        bad = (data.scores >= endpoint.limit) & later[None, :]
    event = np.where(bad.any(axis=1), data.times[np.argmax(bad, axis=1)], np.inf)
    if estimand == "composite":
        early = (stopped < np.minimum(event, end)) & (stopped > start)
        event = np.where(early, stopped, event)
    return event - start, last - start
