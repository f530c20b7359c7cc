"""Simulated severity to rated visits: the outcome layer with the trial's context and counter-based draws."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.biology.interventions import load_intervention
from euthymia.compounds.compound import resolve
from euthymia.outcomes import Draws, Observations, TrialContext, observe, to_madrs
from euthymia.outcomes.context import CONTACT
from euthymia.outcomes.endpoints import last_observed, onset, relapse, remission, response
from euthymia.patients.streams import normals, uniforms
from euthymia.protocol.conditions import parse_condition
from euthymia.protocol.protocol import Arm, Endpoint, Protocol
from euthymia.protocol.steps import SCORES, parse_rule
from euthymia.protocol.times import visit_hours
from euthymia.trials.simulate import Simulated
from euthymia.trials.stages import change_times, leaving_times, on_drug, step_times
from euthymia.units import quantity

Array = NDArray[np.float64]
# what patients meet with a control of the protocol
MET = {"waiting_list": "waiting", "none": "waiting", "usual_care": "usual_care", "attention": "attention"}


@dataclass(frozen=True, slots=True)
class Rated:
    """One replicate with its scores.

    Parameters
    ----------
    simulated : Simulated
    observed : Observations
    active : ndarray of bool, shape (patients,)
    left : ndarray, shape (patients,), h
        When each patient left by plan; infinite where never.
    """

    simulated: Simulated
    observed: Observations
    active: NDArray[np.bool_]
    left: Array


def context(protocol: Protocol) -> TrialContext:
    """The protocol as patients and raters live it."""
    arms = [any(not t.placebo for t in a.treatments) for a in protocol.arms]
    first = step_times(protocol)
    sizes = np.array([a.n for a in protocol.arms], dtype=float)
    bounds = [c for c in map(parse_condition, protocol.include) if c.name in SCALES]
    lows = [float(to_madrs(v, SCALES[c.name])) for c in bounds for sign, v in c.tests if sign in (">", ">=")]
    setting = protocol.setting
    return TrialContext(
        times=np.array(sorted(visit_hours(v) for v in protocol.visit_list)),
        year=float(setting.year),
        threshold=max(lows) if lows else None,
        probability_active=float(sizes[arms].sum() / sizes.sum()),
        blinding="open" if setting.blinding == "waitlist" else setting.blinding,
        setting=setting.care,
        history=setting.history,
        run_in=setting.run_in,
        procedure=setting.procedure or any(t.attended for a in protocol.arms for t in a.treatments),
        new_treatment=setting.new_treatment,
        length=first[0] if first else None,
        region=setting.region,
        scale=setting.scale,
        drugs=tuple(
            sorted({resolve(t.drug) for a in protocol.arms for t in a.treatments if t.drug and not t.placebo})
        ),
    )


def met(protocol: Protocol, arm: Arm) -> tuple[str, bool]:
    """What patients of an arm meet besides their treatment (`TrialContext.contact`), and whether it is psychotherapy.

    The most of what its entries bring: a drug, a device, pills and sham bring a placebo course, psychotherapy and exercise
    attention.
    """
    given = arm.treatment
    if protocol.setting.blinding == "waitlist" and all(t.placebo for t in given):
        return "waiting", False
    loaded = [load_intervention(t.intervention) for t in given if t.intervention]
    contacts = {i.contact for i in loaded} | {
        MET.get(t.control, "placebo") for t in given if not t.intervention
    }
    most = next(c for c in CONTACT if c in contacts)
    return most, any(i.kind == "psychotherapy" for i in loaded)


def _where(who: NDArray[np.bool_], these: Observations, others: Observations) -> Observations:
    """The rows of `these` for some patients, of `others` for the rest."""
    found: dict[str, Any] = {}
    for field in fields(Observations):
        if field.name != "times":
            a, b = getattr(these, field.name), getattr(others, field.name)
            found[field.name] = np.where(who.reshape(-1, *[1] * (a.ndim - 1)), a, b)
    return replace(others, **found)


def rate(protocol: Protocol, simulated: Simulated, replicate: int = 0) -> Rated:
    """Rate one simulated replicate.

    Patients whose simulation failed are absent after baseline.
    """
    return rate_as(protocol, simulated, f"replicate {replicate}")


def rate_as(protocol: Protocol, simulated: Simulated, trial: str) -> Rated:
    """The same with the name under which the trial's random numbers are drawn."""
    who = simulated.cohort.number
    seed = protocol.seed

    def normal(name: str, shape: tuple[int, ...]) -> Array:
        return normals(seed, trial, who, name, int(np.prod(shape[1:]))).reshape(shape)

    def uniform(name: str, shape: tuple[int, ...]) -> Array:
        return uniforms(seed, trial, who, name, int(np.prod(shape[1:]))).reshape(shape)

    draws = Draws.make(len(who), len(simulated.visits), normal, uniform, trial=_trial_level(protocol, trial))
    treated = [any(not t.placebo for t in a.treatment) for a in protocol.arms]
    drugged = [any(t.drug and not t.placebo for t in a.treatment) for a in protocol.arms]
    active = np.array(treated)[simulated.arm]
    burden, changes = np.array(drugged)[simulated.arm].astype(float), None
    left = np.full(len(who), np.inf)
    if simulated.choices is not None:
        burden = on_drug(protocol, simulated.arm, simulated.choices)
        changes = change_times(protocol, simulated.arm, simulated.choices)
        left = leaving_times(protocol, simulated.arm, simulated.choices)

    def observed(around: TrialContext) -> Observations:
        return observe(
            simulated.severity,
            around,
            draws,
            active=active,
            untreated=simulated.untreated,
            unblinding=quantity(protocol.setting.unblinding).value if protocol.setting.unblinding else 0.0,
            burden=burden,
            changes=changes,
            hidden=protocol.dropout == "latent_score",
        )

    around = context(protocol)
    ways = [met(protocol, a) for a in protocol.arms]
    seen = observed(around)
    for way in sorted(set(ways) - {("placebo", False)}):
        those = np.array([w == way for w in ways])[simulated.arm]
        seen = _where(those, observed(replace(around, contact=way[0], psychotherapy=way[1])), seen)
    if protocol.dropout == "none":
        everyone, never = np.ones_like(seen.in_trial), np.full_like(seen.dropout_time, np.inf)
        seen = replace(seen, in_trial=everyone, dropout_time=never)
    if np.isfinite(left).any():
        stays = seen.in_trial & (simulated.visits[None, :] <= left[:, None])
        gone = np.where(seen.dropout_time > left, np.inf, seen.dropout_time)
        seen = replace(seen, in_trial=stays, dropout_time=gone)
    return Rated(simulated, seen, active, left)


def step_scores(
    protocol: Protocol, simulated: Simulated, trial: str, at: float
) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """Scores on every scale the steps ask for, and who is in the trial at hour `at`."""
    rated = rate_as(protocol, simulated, trial)
    asked = {protocol.setting.scale}
    for arm in protocol.arms:
        for step in arm.steps:
            asked |= {c.scale for c in parse_rule(step.if_).clauses if c.scale}
    column = int(np.searchsorted(simulated.visits, at))
    return {s: scores(rated, s) for s in sorted(asked)}, rated.observed.in_trial[:, column]


def _trial_level(protocol: Protocol, trial: str) -> float:
    """The trial's own placebo level: expected for a single run, drawn for replicates."""
    if protocol.replicates == 1:
        return 0.0
    return float(normals(protocol.seed, trial, [0], "outcomes.trial")[0, 0])


SCALES = {name: name.upper() for name in SCORES}


def scores(rated: Rated, of: str) -> Array:
    """Totals of those present, NaN after dropout, shape (patients, visits)."""
    seen = rated.observed.seen(SCALES[of]).copy()
    seen[:, 0] = rated.observed.scores(SCALES[of])[:, 0]
    seen[rated.simulated.status != 0, 1:] = np.nan
    return seen


def endpoint_values(protocol: Protocol, rated: Rated, endpoint: Endpoint) -> Array:
    """One value per patient, last observation carried forward: a change, or 1 and 0; shape (patients,)."""
    visits = sorted(visit_hours(v) for v in protocol.visit_list)
    at = int(np.searchsorted(visits, visit_hours(endpoint.at) - 1e-9))
    if endpoint.kind == "discontinuation":
        gone = rated.observed.dropout_time
        return ((gone > visit_hours(endpoint.from_)) & (gone <= visit_hours(endpoint.at))).astype(float)
    carried = last_observed(scores(rated, endpoint.of)[:, : at + 1])
    if endpoint.kind == "change":
        begin = int(np.searchsorted(visits, visit_hours(endpoint.from_) - 1e-9))
        return carried[:, -1] - carried[:, begin]
    if endpoint.kind == "onset":
        seen = scores(rated, endpoint.of)[:, : at + 1]
        return np.isfinite(onset(np.array(visits[: at + 1]), seen, quantity(endpoint.at_least).value)).astype(
            float
        )
    if endpoint.kind == "relapse":
        begin = int(np.searchsorted(visits, visit_hours(endpoint.from_) - 1e-9))
        seen = scores(rated, endpoint.of)[:, begin + 1 : at + 1]
        return relapse(seen, endpoint.limit)[:, -1].astype(float)
    if endpoint.kind == "percent_reduction":
        return response(carried, quantity(endpoint.at_least).value)[:, -1].astype(float)
    return remission(carried, SCALES[endpoint.of], endpoint.limit)[:, -1].astype(float)
