"""What a study would have measured: an observation's treatment, co-medication and patient simulated, a metric read off.

In: an `Observation`.  Out: a `Course` over the observed interval with its `Plan`, and metrics of a level from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from euthymia.compounds.compound import Compound, load_compound
from euthymia.compounds.course import (
    Course,
    Treatment,
    days_to_steady_state,
    simulate_course,
    terminal_half_life,
)
from euthymia.compounds.exposure import analyse, area
from euthymia.compounds.genotype import read_activity
from euthymia.compounds.interactions import Perpetrator, find
from euthymia.compounds.observation_text import number
from euthymia.compounds.observation_words import food_in, formulation_of, without_salt
from euthymia.compounds.observations import Observation
from euthymia.compounds.pharmacokinetics import choose_route
from euthymia.errors import InputError

POINTS, FIRST = 121, 0.02  # times in an interval; first time after a single dose, h
LONGEST = 2400.0  # h
SLOWED = 3.0  # a single dose is followed so much longer where a gene or a drug may slow the clearance
BEFORE = 1.0  # h: how long before the observed drug a single dose of another one is given, unless stated
BEYOND = 1.1  # a single dose is followed a little beyond the time asked for
ONE, MANY = 1e-6, 1e-4  # relative tolerance for one patient and for a group
LOADING = ("loading", "loading_dose", "loading_dose_mg", "loading_mg")  # tokens: mg of the first dose
SAMPLED = "sampling_h"  # token: h after the last dose until which levels were followed, for half-lives


def _patient(seen: Observation, n: int = 1) -> dict[str, Any]:
    patient: dict[str, Any] = {k: np.full(n, v) for k, v in seen.covariates.items()}
    for enzyme, word in seen.phenotype.items():
        patient[enzyme] = np.full(n, read_activity(enzyme, word))
    if seen.sex:
        patient["sex"] = np.full(n, seen.sex)
    return patient


def treatment_of(seen: Observation, compound: Compound) -> Treatment:
    """The observed drug as a `Treatment`: route, release and food by the words of the row.

    Raises
    ------
    InputError
        A route or release that the compound lacks.
    """
    formulation = formulation_of(seen.tokens.get("formulation", "")) or None
    route = seen.route or None
    if seen.tokens.get("delivered") and route:  # a patch: what is stated is what reaches the blood
        key = choose_route(compound, route)
        seen = replace(seen, dose=seen.dose / compound.value(f"routes.{key}.F"))
    plain = Treatment(compound, seen.dose, seen.interval, 0.0, 24.0, route, formulation, seen.infusion)
    try:
        plain.key()
    except InputError:
        slow = [key for key in compound.routes if key.startswith(f"{route}_") and key.endswith("_release")]
        if route in compound.routes or len(slow) != 1:
            plain = replace(plain, formulation=None)
        else:  # the only way in which the drug is sold
            plain = replace(plain, route=slow[0], formulation=None)
        plain.key()
    food = f"{plain.key()}_{food_in(seen.row.get('population', ''))}"
    return replace(plain, route=food, formulation=None) if food in compound.routes else plain


@dataclass(frozen=True, slots=True)
class Plan:
    """When the observed interval begins and ends, h."""

    start: float
    first: float
    last: float


def _companions(seen: Observation) -> tuple[list[Treatment], list[Perpetrator]]:
    companions: list[Treatment] = []
    static: list[Perpetrator] = []
    for given in seen.others:
        try:
            found = find(given.name)
        except InputError:
            found = find(without_salt(given.name))
        if isinstance(found, Perpetrator):
            static.append(found.at_dose(given.dose * 24.0 / (given.interval or 24.0)))
            continue
        if not found.has_kinetics:
            raise InputError([f"{found.name} has no kinetics here, so its effect cannot be computed"])
        if not given.dose and "doses.low" not in found.parameters:
            raise InputError([f"{found.name} has no usual dose here; write '{found.name}:20 mg:24'"])
        companions.append(Treatment(found, given.dose or found.value("doses.low"), given.interval))
    return companions, static


def simulate_observed(
    seen: Observation,
    n: int = 1,
    draws: Mapping[str, Any] | None = None,
    port: str = "",
    people: Mapping[str, Any] | None = None,
    override: Mapping[str, Any] | None = None,
    occasions: Mapping[str, Any] | None = None,
) -> tuple[Course, Plan]:
    """The course that a study would have seen, from the start of co-medication to the end of the observed interval.

    Parameters
    ----------
    n : int
        People; `draws`, `people`, `override` and `occasions` have one value each (see `simulate_course`).
    port : str
        An occupancy to be computed beside the levels.

    Raises
    ------
    InputError
        A drug, a route or a co-medication that the library lacks.
    """
    compound = load_compound(seen.compound)
    main = treatment_of(seen, compound)
    companions, static = _companions(seen)
    single = not seen.interval or seen.duration == 0
    days = seen.duration
    if math.isinf(days):
        days = days_to_steady_state([main])
    leads = [days_to_steady_state([t]) * 24.0 if t.interval else BEFORE for t in companions]
    lead = max(leads, default=0.0)
    if "co_medication_lead_h" in seen.tokens:
        lead = number(seen.tokens["co_medication_lead_h"], "co_medication_lead_h")
    if single:
        slow = SLOWED if seen.phenotype or seen.others else 1.0
        span = min(max(8 * slow * terminal_half_life(compound), 24.0), LONGEST)
        if window := seen.tokens.get("auc_window_h"):
            span = max(number(window, "auc_window_h"), span if seen.metric == "t_half" else 0.0)
        plan = Plan(lead, lead, lead + max(span, BEYOND * (seen.at or 0.0)))
        main = replace(main, interval=0.0, start=lead)
    else:
        end = lead + max(days * 24.0, seen.interval)
        doses = max(1, round((end - lead) / seen.interval))
        end = lead + doses * seen.interval
        wide = number(seen.tokens.get("auc_window_h", "0"), "auc_window_h")
        long = max(1, round(wide / seen.interval)) if seen.metric.startswith("AUC") else 1
        plan = Plan(lead, max(lead, end - long * seen.interval), end)
        main = replace(main, start=lead, stop=end)
    companions = [replace(t, start=0.0, stop=max(plan.last, t.interval)) for t in companions]
    tail = plan.last
    if seen.metric == "t_half" and not single:
        tail += 6 * terminal_half_life(compound)
    elif seen.at is not None:
        tail = max(tail, plan.first + seen.at)
    fine = np.linspace(plan.first, plan.last, POINTS)
    if single:
        fine = plan.first + np.unique(
            np.concatenate([[0.0, main.infusion], np.geomspace(FIRST, plan.last - plan.first, 2 * POINTS)])
        )
    times = np.unique(np.concatenate([[0.0], fine, np.linspace(plan.last, tail, 60)]))
    told = _patient(seen, n)
    patient = {**told, **(people or {}), **{enzyme: told[enzyme] for enzyme in seen.phenotype}}
    tolerance = ONE if n == 1 else MANY
    first = [main]
    if said := next((seen.tokens[k] for k in LOADING if k in seen.tokens), ""):
        after = main.start + (main.interval or 0.0)
        first = [
            replace(main, dose=number(said, "loading dose"), interval=0.0),
            replace(main, start=after),
        ]
    together = [*first, *(t for t in companions if t.compound.id != compound.id)]
    course = simulate_course(
        together,
        times,
        patient,
        static,
        [port] if port else [],
        draws,
        n,
        rtol=tolerance,
        override=override,
        occasions=occasions,
    )
    return course, plan


def measure(seen: Observation, course: Course, plan: Plan, levels: np.ndarray, metric: str) -> float:
    """One metric from a course; concentrations in the unit of `levels`, h."""
    inside = (course.times >= plan.first - 1e-9) & (course.times <= plan.last + 1e-9)
    times, values = course.times[inside], levels[inside]
    if seen.at is not None and metric in ("Cavg", "Cmin", "Cmax"):
        return float(np.interp(plan.first + seen.at, course.times, levels))
    if metric == "Cmin" and not seen.interval:
        raise ValueError("Cmin of a single dose needs at_h: the level falls to nothing")
    found = analyse(times, values)
    if metric == "t_half":
        after = course.times >= plan.first
        if followed := seen.tokens.get(SAMPLED):  # slower phases than the study's last sample are not seen
            after &= course.times <= plan.first + number(followed, SAMPLED) + 1e-9
        return analyse(course.times[after], levels[after]).t_half
    if metric in ("AUC_tau", "AUC_inf"):
        window = float(seen.tokens.get("auc_window_h", 0) or 0)
        if window:  # what lies behind the window does not count
            keep = times <= times[0] + window + 1e-9
            return area(times[keep], values[keep])
        if metric == "AUC_inf" and not seen.interval and np.isfinite(found.t_half):
            return found.AUC + float(values[-1]) * found.t_half / math.log(2)
        return found.AUC
    return {"Cmax": found.Cmax, "Cmin": float(values[-1]), "Cavg": found.Cavg}[metric]
