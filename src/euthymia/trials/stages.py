"""Treatment decided during the trial by observed scores: plans, their regimens, and who takes which step.

In: a protocol with steps, rated scores.  Out: for every patient the option taken at each step (`choices`), and what that
means as treatments with begin and end.  A patient's course up to a visit depends on nothing that is decided later, so
patients whose treatment changes are simulated again from the start with their new regimen and what follows the decision
is taken over: infusions and depots that span a decision stay whole, what was seen before it stays as it was seen, and one
patient alone gives the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from euthymia.patients.streams import uniforms
from euthymia.protocol.protocol import Arm, Protocol, Treatment
from euthymia.protocol.steps import Step, parse_rule
from euthymia.protocol.times import visit_hours
from euthymia.trials.rules import fulfils

NOT_ASKED, NOT_MET = -1, -2  # a step not reached yet; a step whose rule did not hold or who was not asked
Plan = tuple[int, tuple[int, ...]]
Span = tuple[Treatment, float, float]


def step_times(protocol: Protocol) -> list[float]:
    """Hours at which any arm decides, rising."""
    return sorted({visit_hours(s.at) for a in protocol.arms for s in a.steps})


def most_steps(protocol: Protocol) -> int:
    """Steps of the arm that has most."""
    return max((len(a.steps) for a in protocol.arms), default=0)


def in_order(arm: Arm) -> list[tuple[int, Step]]:
    """The steps of an arm with their place in the file, by time and then by place."""
    return sorted(enumerate(arm.steps), key=lambda p: (visit_hours(p[1].at), p[0]))


def spans(protocol: Protocol, arm: Arm, choices: tuple[int, ...] = ()) -> list[Span]:
    """Treatments of a patient with these choices: treatment, hour it begins to count from, hour it ends."""
    end = float("inf")
    found: list[Span] = [(t, 0.0, end) for t in arm.treatment]
    for i, step in in_order(arm):
        chosen = choices[i] if i < len(choices) else NOT_ASKED
        if chosen < 0:
            continue
        at, option = visit_hours(step.at), step.options[chosen]
        if step.action in ("switch", "stop", "leave") or (step.action == "randomise" and not option.go_on):
            found = [(t, start, min(stop, at)) for t, start, stop in found]
        if not option.go_on:
            found += [(t, at, end) for t in option.treatment]
    return found


def plans_of(arm: NDArray[np.int64], choices: NDArray[np.int64]) -> tuple[list[Plan], NDArray[np.int64]]:
    """The distinct plans of some patients and which patient follows which."""
    rows = np.column_stack([arm, choices])
    unique, of = np.unique(rows, axis=0, return_inverse=True)
    return [(int(r[0]), tuple(int(c) for c in r[1:])) for r in unique], of.reshape(-1).astype(np.int64)


def decide(
    protocol: Protocol,
    at: float,
    number: NDArray[np.int64],
    arm: NDArray[np.int64],
    choices: NDArray[np.int64],
    scores: dict[str, NDArray[np.float64]],
    present: NDArray[np.bool_],
    trial: str,
) -> NDArray[np.int64]:
    """The choices after the visit at hour `at`.

    Parameters
    ----------
    choices : ndarray, shape (patients, steps)
        Option taken at each step; `NOT_ASKED` or `NOT_MET` where none.
    scores : mapping of scale to ndarray, shape (patients, visits), NaN where missing
    present : ndarray of bool, shape (patients,)
        Who is in the trial at that visit.
    """
    visits = sorted(visit_hours(v) for v in protocol.visit_list)
    column = int(np.searchsorted(visits, at))
    found = choices.copy()
    for a, one in enumerate(protocol.arms):
        free = (arm == a) & present & ~has_left(one, found, arm == a)
        for i, step in in_order(one):
            if visit_hours(step.at) != at:
                continue
            since = last_change(one, found)
            takes = free & of_names(one, found, step.only)
            rule = parse_rule(step.if_)
            for start in np.unique(since[takes]):
                mine = takes & (since == start)
                begin = int(np.searchsorted(visits, start)) if rule.since_step else 0
                here = {k: v[mine] for k, v in scores.items()}
                holds = fulfils(rule, here, begin, column, protocol.setting.scale)
                takes[np.flatnonzero(mine)[~holds]] = False
            found[(arm == a) & ~takes, i] = NOT_MET
            if not takes.any():
                continue
            draw = uniforms(protocol.seed, trial, number[takes], f"step/{one.name}/{i}")[:, 0]
            shares = np.cumsum([o.share for o in step.options])
            found[takes, i] = np.searchsorted(shares / shares[-1], draw, side="right")
            free &= ~takes
    return found


def has_left(arm: Arm, choices: NDArray[np.int64], among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Who has left by plan."""
    gone = np.zeros(len(choices), bool)
    for i, step in enumerate(arm.steps):
        if step.action == "leave":
            gone |= choices[:, i] >= 0
    return gone & among


def last_change(arm: Arm, choices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Hour of each patient's last step, 0 where none was taken."""
    found = np.zeros(len(choices))
    for i, step in enumerate(arm.steps):
        found = np.where(choices[:, i] >= 0, np.maximum(found, visit_hours(step.at)), found)
    return found


def of_names(arm: Arm, choices: NDArray[np.int64], names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Who took last a step or option of one of these names; everybody where none is asked for."""
    if not names:
        return np.ones(len(choices), bool)
    found = np.zeros(len(choices), bool)
    for i, step in in_order(arm):
        taken = choices[:, i] >= 0
        fits = np.array([step.name in names or o.name in names for o in step.options])
        found = np.where(taken, fits[np.maximum(choices[:, i], 0)], found)
    return found


def change_times(
    protocol: Protocol, arm: NDArray[np.int64], choices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """When each patient's treatment was changed, shape (patients, steps), h; infinite where it was not."""
    found = np.full(choices.shape, np.inf)
    for a, one in enumerate(protocol.arms):
        for i, step in enumerate(one.steps):
            if step.action in ("stop", "leave"):
                continue
            new = np.array([not o.go_on for o in step.options])
            took = (arm == a) & (choices[:, i] >= 0) & new[np.maximum(choices[:, i], 0)]
            found[took, i] = visit_hours(step.at)
    return found


def leaving_times(
    protocol: Protocol, arm: NDArray[np.int64], choices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """When each patient left by plan, shape (patients,), h; infinite where never."""
    found = np.full(len(arm), np.inf)
    for a, one in enumerate(protocol.arms):
        for i, step in enumerate(one.steps):
            if step.action == "leave":
                found[(arm == a) & (choices[:, i] >= 0)] = visit_hours(step.at)
    return found


def on_drug(protocol: Protocol, arm: NDArray[np.int64], choices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Whether each patient is on a drug at each visit, shape (patients, visits), 1 or 0."""
    visits = np.array(sorted(visit_hours(v) for v in protocol.visit_list))
    plans, of = plans_of(arm, choices)
    rows = np.zeros((len(plans), len(visits)))
    for k, (a, chosen) in enumerate(plans):
        for t, start, stop in spans(protocol, protocol.arms[a], chosen):
            if t.drug and not t.placebo:
                rows[k] += (visits >= start) & (visits < stop)
    return np.minimum(rows, 1.0)[of]


def names_of(protocol: Protocol, arm: NDArray[np.int64], choices: NDArray[np.int64]) -> list[str]:
    """The path of each patient in words: the options taken, joined by ` > `."""
    plans, of = plans_of(arm, choices)
    words = []
    for a, chosen in plans:
        one = protocol.arms[a]
        taken = [step.options[chosen[i]].name for i, step in in_order(one) if chosen[i] >= 0]
        words.append(" > ".join(taken))
    return [words[k] for k in of]
