"""The model against a table of observed exposures, with the naive superposition beside it.

In: `Observation`s.  Out: `Scored` rows and errors by class.  The naive baseline takes the library's typical
clearance and volume in one compartment, without genes, covariates or co-medication (so its ratios are 1).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from euthymia.compounds.binding import ligands
from euthymia.compounds.compound import Compound, load_compound
from euthymia.compounds.course import (
    Course,
    Treatment,
    days_to_steady_state,
    simulate_course,
    terminal_half_life,
)
from euthymia.compounds.errors_by_class import Scored, summarise
from euthymia.compounds.exposure import analyse, area
from euthymia.compounds.genotype import activity_score
from euthymia.compounds.individual import variable_parameters
from euthymia.compounds.interactions import Perpetrator, find
from euthymia.compounds.naive import naive_level
from euthymia.compounds.observations import CLASSES, Observation
from euthymia.errors import EuthymiaError, InputError
from euthymia.units import parse_unit

GROUP = 200  # patients for spread and intervals
POINTS, FIRST = 121, 0.02  # times in an interval; first time after a single dose, h
LONGEST = 2400.0  # h
INTERVAL = (10, 90)  # percentiles of the 80 % interval


__all__ = ["Scored", "class_of", "score", "summarise"]


def score(
    observations: Sequence[Observation], progress: Callable[[int], None] | None = None
) -> tuple[list[Scored], list[tuple[str, str]]]:
    """Predictions for all rows; rows that the library cannot answer come back with the reason."""
    rows: list[Scored] = []
    unusable: list[tuple[str, str]] = []
    for i, seen in enumerate(observations):
        try:
            rows.append(_score(seen))
        except (EuthymiaError, ValueError, KeyError) as error:
            text = (
                "; ".join(p.message for p in error.problems) if isinstance(error, InputError) else str(error)
            )
            unusable.append((seen.id, text))
        if progress:
            progress(i + 1)
    return rows, unusable


def class_of(seen: Observation) -> str:
    """The class of a row: as given, else worked out."""
    if seen.kind in CLASSES:
        return seen.kind
    if seen.metric == "occupancy":
        return "occupancy"
    if seen.metric.endswith("_ratio"):
        if seen.others and "co_medication" in (seen.reference or "no co_medication"):
            return "drug_drug"
        return "drug_gene" if seen.phenotype or "=" in seen.reference else "drug_drug"
    return "typical" if _same(seen.compound, seen.analyte) else "metabolite"


def _same(a: str, b: str) -> bool:
    try:
        return a == b or load_compound(a).name == load_compound(b).name
    except InputError:
        return False


def _patient(seen: Observation, phenotype: Mapping[str, str], n: int = 1) -> dict[str, Any]:
    patient: dict[str, Any] = {k: np.full(n, v) for k, v in seen.covariates.items()}
    for enzyme, word in phenotype.items():
        patient[enzyme] = np.full(n, np.mean([_activity(enzyme, w) for w in re.split(r"[/+]", word)]))
    if seen.sex:
        patient["sex"] = np.full(n, seen.sex)
    return patient


def _treatment(seen: Observation, compound: Compound) -> Treatment:
    formulation = seen.tokens.get("formulation", "").replace(" ", "_") or None
    route = seen.route or None
    plain = Treatment(compound, seen.dose, seen.interval, 0.0, 24.0, route, formulation, seen.infusion)
    try:
        plain.key()
    except InputError:
        plain = replace(plain, formulation=None)
        plain.key()
    return plain


def _activity(enzyme: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return activity_score(enzyme, word)


@dataclass(frozen=True, slots=True)
class _Plan:
    """When the observed interval begins and ends, h."""

    start: float
    first: float
    last: float


def _simulate(
    seen: Observation,
    others: bool,
    phenotype: Mapping[str, str],
    n: int = 1,
    draws: Mapping[str, Any] | None = None,
    port: str = "",
) -> tuple[Course, _Plan]:
    compound = load_compound(seen.compound)
    main = _treatment(seen, compound)
    companions: list[Treatment] = []
    static: list[Perpetrator] = []
    for given in seen.others if others else ():
        found = find(given.name)
        if isinstance(found, Perpetrator):
            static.append(found)
            continue
        if not found.has_kinetics:
            raise InputError([f"{found.name} has no kinetics here, so its effect cannot be computed"])
        dose = given.dose or found.value("doses.low")
        companions.append(Treatment(found, dose, given.interval))
    single = not seen.interval or seen.duration == 0
    days = seen.duration
    if math.isinf(days):
        days = days_to_steady_state([main])
    lead = max([days_to_steady_state([t]) for t in companions], default=0.0) * 24.0
    if "co_medication_lead_h" in seen.tokens:
        lead = float(seen.tokens["co_medication_lead_h"])
    if single:
        span = float(seen.tokens.get("auc_window_h", 0) or 0) or min(
            max(8 * terminal_half_life(compound), 24.0), LONGEST
        )
        plan = _Plan(lead, lead, lead + span)
        main = replace(main, interval=0.0, start=lead)
    else:
        end = lead + max(days * 24.0, seen.interval)
        doses = max(1, round((end - lead) / seen.interval))
        end = lead + doses * seen.interval
        plan = _Plan(lead, end - seen.interval, end)
        main = replace(main, start=lead, stop=end)
    companions = [replace(t, start=0.0, stop=max(plan.last, t.interval)) for t in companions]
    tail = (
        plan.last + 6 * terminal_half_life(compound) if seen.metric == "t_half" and not single else plan.last
    )
    fine = np.linspace(plan.first, plan.last, POINTS)
    if single:
        fine = plan.first + np.unique(
            np.concatenate([[0.0, main.infusion], np.geomspace(FIRST, plan.last - plan.first, 2 * POINTS)])
        )
    times = np.unique(np.concatenate([[0.0], fine, np.linspace(plan.last, tail, 60)]))
    ports = [port] if port else []
    course = simulate_course(
        [main, *companions],
        times,
        _patient(seen, phenotype, n),
        static,
        ports,
        draws,
        n,
        rtol=1e-6 if n == 1 else 1e-4,
    )
    return course, plan


def _measure(seen: Observation, course: Course, plan: _Plan, levels: np.ndarray, metric: str) -> float:
    """One metric from a course; concentrations in the unit of `levels`, h."""
    inside = (course.times >= plan.first - 1e-9) & (course.times <= plan.last + 1e-9)
    times, values = course.times[inside], levels[inside]
    if seen.at is not None and metric in ("Cavg", "Cmin", "Cmax"):
        return float(np.interp(plan.first + seen.at, times, values))
    found = analyse(times, values)
    if metric == "t_half":
        return analyse(course.times[course.times >= plan.first], levels[course.times >= plan.first]).t_half
    if metric in ("AUC_tau", "AUC_inf"):
        window = float(seen.tokens.get("auc_window_h", 0) or 0)
        if window and window < times[-1] - times[0]:
            keep = times <= times[0] + window + 1e-9
            return area(times[keep], values[keep])
        if metric == "AUC_inf" and not seen.interval and np.isfinite(found.t_half):
            return found.AUC + float(values[-1]) * found.t_half / math.log(2)
        return found.AUC
    return {"Cmax": found.Cmax, "Cmin": float(values[-1]), "Cavg": found.Cavg}[metric]


def _scale(seen: Observation, molar_mass: float) -> float:
    """Factor from nmol/L (times h for areas) to the unit of the row."""
    unit = parse_unit(seen.unit.replace("ug", "µg"))
    area_wanted = seen.metric.startswith("AUC")
    for canonical, factor in (("mg", molar_mass), ("nmol", 1.0)):
        if unit.dimension == parse_unit(f"{canonical}*h/L" if area_wanted else f"{canonical}/L").dimension:
            return factor / unit.factor
    raise ValueError(f"value_unit '{seen.unit}' does not fit the metric {seen.metric}")


def _score(seen: Observation) -> Scored:
    group = class_of(seen)
    if seen.metric == "occupancy":
        return _occupancy(seen, group)
    if group == "spread":
        return _variation(seen, group)
    if seen.metric.endswith("_ratio"):
        return _ratio(seen, group)
    course, plan = _simulate(seen, True, seen.phenotype)
    levels, mass = course.of(seen.analyte)
    scale = 1.0 if seen.metric == "t_half" else _scale(seen, mass)
    value = _measure(seen, course, plan, levels[0], seen.metric) * scale
    naive = sum(_naive(seen, prefix, plan) for prefix in _prefixes(course, seen.analyte)) or math.nan
    return Scored(seen.id, group, seen.value, value, naive * scale, seen.unit)


def _prefixes(course: Course, analyte: str) -> list[str]:
    if "+" in analyte or "moiety" in analyte.lower():
        return []
    if not _known(analyte):
        return [course.find(analyte)]
    compound = load_compound(analyte)
    return course.parts_of(compound) if compound.components else [course.find(compound.name)]


def _known(name: str) -> bool:
    try:
        load_compound(name)
    except InputError:
        return False
    return True


def _ratio(seen: Observation, group: str) -> Scored:
    """An observation over its reference: without co-medication, another phenotype, or another analyte."""
    metric = {
        "AUC_ratio": "AUC_tau" if seen.interval else "AUC_inf",
        "Cmax_ratio": "Cmax",
        "Css_ratio": "Cavg",
    }[seen.metric]
    reference = seen.reference or ("no co_medication" if seen.others else "")
    phenotype = dict(seen.phenotype)
    others = "no co_medication" not in reference
    analyte = seen.analyte
    for part in reference.replace(",", ";").split(";"):
        key, sign, word = (p.strip() for p in part.partition("="))
        if sign and key.lower() == "analyte":
            analyte = word
        elif sign and key.upper().startswith("CYP"):
            phenotype[key.upper().replace("ACTIVITY SCORE", "").strip()] = word
    if group == "drug_gene" and phenotype == dict(seen.phenotype) and analyte == seen.analyte and others:
        phenotype = {enzyme: "NM" for enzyme in seen.phenotype}
    values = []
    for with_others, genes, name in ((True, seen.phenotype, seen.analyte), (others, phenotype, analyte)):
        course, plan = _simulate(seen, with_others, genes)
        found, mass = course.of(name)
        levels = found[0] * mass if analyte != seen.analyte else found[0]
        values.append(_measure(seen, course, plan, levels, metric))
    value = values[0] / values[1]
    percent = seen.unit.strip() in ("%", "percent")
    return Scored(
        seen.id, group, seen.value, value * (100 if percent else 1), 100.0 if percent else 1.0, seen.unit
    )


def _occupancy(seen: Observation, group: str) -> Scored:
    compound = load_compound(seen.compound)
    gene = seen.target or "SLC6A4"
    bound = ligands([compound])
    if gene not in bound:
        raise ValueError(f"{compound.name} has no potency at {gene} here")
    port = f"{gene}.occupancy"
    percent = 100.0 if seen.unit.strip() in ("%", "percent") else 1.0
    course, plan = _simulate(seen, True, seen.phenotype, port=port)

    def at(values: np.ndarray) -> np.ndarray:
        inside = (course.times >= plan.first - 1e-9) & (course.times <= plan.last + 1e-9)
        if seen.at is not None:
            return np.array([np.interp(plan.first + seen.at, course.times, row) for row in values])
        if not seen.interval:
            return values[:, inside].max(axis=1)
        return values[:, inside].mean(axis=1)

    typical = float(at(course.ports[port])[0]) * percent
    rng = np.random.default_rng(1)
    ids = variable_parameters([compound])
    draws = {k: rng.standard_normal(GROUP) for k in ids if k.endswith(".uncertainty") or f".{gene}." in k}
    many, _ = _simulate(seen, True, seen.phenotype, GROUP, draws, port)
    low, high = np.percentile(at(many.ports[port]) * percent, INTERVAL)
    name, potency = bound[gene][0]
    naive = (
        _naive(replace(seen, metric="Cavg" if seen.interval else "Cmax"), name, plan)
        if name == compound.id
        else math.nan
    )
    expected = percent * potency.maximum * naive / (naive + potency.EC50) if naive == naive else math.nan
    return Scored(seen.id, group, seen.value, typical, expected, seen.unit, float(low), float(high))


def _variation(seen: Observation, group: str) -> Scored:
    """Coefficient of variation of the metric between patients."""
    observed = (
        seen.spread
        if math.isfinite(seen.spread)
        else seen.value / (100 if seen.unit.strip() in ("%", "percent") else 1)
    )
    compound = load_compound(seen.compound)
    rng = np.random.default_rng(1)
    draws = {
        k: rng.standard_normal(GROUP)
        for k in variable_parameters([compound])
        if not k.endswith(".uncertainty")
    }
    metric = seen.metric if not seen.metric.endswith("_ratio") else "Cavg"
    genes = {e: w for e, w in seen.phenotype.items()}
    course, plan = _simulate(seen, True, genes, GROUP, draws)
    levels, _ = course.of(seen.analyte)
    values = np.array([_measure(seen, course, plan, row, metric) for row in levels])
    return Scored(seen.id, group, observed, float(values.std() / values.mean()), math.nan, "CV")


def _naive(seen: Observation, prefix: str, plan: _Plan) -> float:
    key = _treatment(seen, load_compound(seen.compound)).key()
    return naive_level(seen, prefix, key, plan.last - plan.start)
