"""The model against a table of observed exposures, with the naive superposition beside it.

In: `Observation`s.  Out: `Scored` rows and errors by class.  The naive baseline takes the library's typical
clearance and volume in one compartment, without genes, covariates or co-medication (so its ratios are 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from euthymia.compounds.binding import ligands
from euthymia.compounds.compound import Compound, analytes, is_compound, load_compound
from euthymia.compounds.course import (
    Course,
    Treatment,
    days_to_steady_state,
    draw_occasions,
    simulate_course,
    terminal_half_life,
)
from euthymia.compounds.errors_by_class import Scored, share_inside, summarise
from euthymia.compounds.exposure import analyse, area
from euthymia.compounds.genotype import draw_scores, genotyped_enzymes, read_activity
from euthymia.compounds.individual import variable_parameters
from euthymia.compounds.interactions import Perpetrator, find
from euthymia.compounds.naive import naive_level
from euthymia.compounds.observation_text import number, parse_reference, unit_text
from euthymia.compounds.observation_words import food_in, formulation_of, without_salt
from euthymia.compounds.observations import CLASSES, COLUMNS, Observation, observation
from euthymia.compounds.people import (
    ancestry_of,
    are_volunteers,
    draw_covariates,
    draw_people,
    how_many,
    is_middle,
    sample_variation,
)
from euthymia.compounds.pharmacokinetics import choose_route
from euthymia.errors import EuthymiaError, InputError
from euthymia.units import parse_unit

GROUP = 200  # patients for intervals
CROWD = 1000  # people for a coefficient of variation: poor metabolisers are few and count much
STUDY = 24  # people in a study of healthy volunteers that does not say how many
POINTS, FIRST = 121, 0.02  # times in an interval; first time after a single dose, h
LONGEST = 2400.0  # h
SLOWED = 3.0  # a single dose is followed so much longer where a gene or a drug may slow the clearance
BEFORE = 1.0  # h: how long before the observed drug a single dose of another one is given, unless stated
BEYOND = 1.1  # a single dose is followed a little beyond the time asked for
ONE, MANY = 1e-6, 1e-4  # relative tolerance for one patient and for a group
LOADING = ("loading", "loading_dose", "loading_dose_mg", "loading_mg")  # tokens: mg of the first dose
AGAIN = ":spread"  # behind the id of a level that is scored for its spread too
SAMPLED = "sampling_h"  # token: h after the last dose until which levels were followed, for half-lives
LEVELS = ("Cmax", "Cmin", "Cavg", "AUC_tau", "AUC_inf")
MOST_CV = 5.0  # a coefficient of variation beyond this is meant in percent
INTERVAL = (10, 90)  # percentiles of the 80 % interval


__all__ = ["Scored", "class_of", "score", "summarise"]


def score(
    observations: Sequence[Observation], progress: Callable[[int], None] | None = None
) -> tuple[list[Scored], list[tuple[str, str]]]:
    """Predictions for all rows; rows that the library cannot answer come back with the reason.

    Where no row is of the class 'spread', levels with a coefficient of variation in the column `spread` are scored
    a second time for it (id with ':spread' behind).
    """
    rows: list[Scored] = []
    crowds: dict[str, np.ndarray] = {}
    unusable: list[tuple[str, str]] = []
    for i, seen in enumerate([*observations, *_spreads(observations)]):
        try:
            rows.append(_score(seen, crowds))
        except (EuthymiaError, ValueError, LookupError, ArithmeticError) as error:
            text = (
                "; ".join(p.message for p in error.problems) if isinstance(error, InputError) else str(error)
            )
            unusable.append((seen.id, text))
        if progress:
            progress(i + 1)
    return rows, unusable


def _spreads(observations: Sequence[Observation]) -> list[Observation]:
    if any(class_of(seen) == "spread" for seen in observations):
        return []
    return [
        replace(seen, id=f"{seen.id}{AGAIN}", kind="spread")
        for seen in observations
        if math.isfinite(seen.spread)
        and class_of(seen) in ("typical", "metabolite")
        and seen.metric in LEVELS
    ]


def class_of(seen: Observation) -> str:
    """The class of a row: as given, else worked out."""
    if seen.kind in CLASSES:
        return seen.kind
    if seen.metric == "occupancy":
        return "occupancy"
    if seen.metric.endswith("_ratio"):
        try:
            alone, changes = parse_reference(seen.reference)
        except ValueError:
            alone, changes = False, {}
        if "analyte" in changes:
            return "metabolite"
        if seen.others and (alone or not changes or "co_medication" in changes):
            return "drug_drug"
        return "drug_gene" if seen.phenotype or changes else "drug_drug"
    if _is_percent(seen.unit):
        return "spread"
    return "typical" if _same(seen.compound, seen.analyte) or _is_part(seen) else "metabolite"


def _is_part(seen: Observation) -> bool:
    """Whether the analyte is an enantiomer of the mixture that was given."""
    try:
        mixture, analyte = load_compound(seen.compound), load_compound(seen.analyte)
    except InputError:
        return False
    return analyte.name in {part.compound.name for part in mixture.components}


def _is_percent(unit: str) -> bool:
    return unit.strip().lower() in ("%", "percent", "percentage", "points", "cv", "cv%", "%cv")


def _same(a: str, b: str) -> bool:
    try:
        return a == b or load_compound(a).name == load_compound(b).name
    except InputError:
        return False


def _patient(seen: Observation, n: int = 1) -> dict[str, Any]:
    patient: dict[str, Any] = {k: np.full(n, v) for k, v in seen.covariates.items()}
    for enzyme, word in seen.phenotype.items():
        patient[enzyme] = np.full(n, read_activity(enzyme, word))
    if seen.sex:
        patient["sex"] = np.full(n, seen.sex)
    return patient


def _treatment(seen: Observation, compound: Compound) -> Treatment:
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
class _Plan:
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


def _simulate(
    seen: Observation,
    n: int = 1,
    draws: Mapping[str, Any] | None = None,
    port: str = "",
    people: Mapping[str, Any] | None = None,
    override: Mapping[str, Any] | None = None,
    occasions: Mapping[str, Any] | None = None,
) -> tuple[Course, _Plan]:
    compound = load_compound(seen.compound)
    main = _treatment(seen, compound)
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
        plan = _Plan(lead, lead, lead + max(span, BEYOND * (seen.at or 0.0)))
        main = replace(main, interval=0.0, start=lead)
    else:
        end = lead + max(days * 24.0, seen.interval)
        doses = max(1, round((end - lead) / seen.interval))
        end = lead + doses * seen.interval
        wide = number(seen.tokens.get("auc_window_h", "0"), "auc_window_h")
        long = max(1, round(wide / seen.interval)) if seen.metric.startswith("AUC") else 1
        plan = _Plan(lead, max(lead, end - long * seen.interval), end)
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


def _measure(seen: Observation, course: Course, plan: _Plan, levels: np.ndarray, metric: str) -> float:
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


def _is_molar(unit: str) -> bool:
    """Whether a level or an area is one of amounts (nmol/L, nmol*h/L)."""
    found = parse_unit(unit_text(unit)).dimension
    return found in (parse_unit("nmol/L").dimension, parse_unit("nmol*h/L").dimension)


def _scale(seen: Observation, molar_mass: float) -> float:
    """Factor from nmol/L (times h for areas) to the unit of the row."""
    unit = parse_unit(unit_text(seen.unit))
    area_wanted = seen.metric.startswith("AUC")
    for canonical, factor in (("mg", molar_mass), ("nmol", 1.0)):
        if unit.dimension == parse_unit(f"{canonical}*h/L" if area_wanted else f"{canonical}/L").dimension:
            return factor / unit.factor
    raise ValueError(f"value_unit '{seen.unit}' does not fit the metric {seen.metric}")


def _time(unit: str) -> float:
    """Factor from h to the unit of a half-life; h where none is stated."""
    plain = unit_text(unit)
    found = parse_unit("h" if plain in ("", "1") else plain)
    if found.dimension != parse_unit("h").dimension:
        raise ValueError(f"value_unit '{unit}' does not fit the metric t_half")
    return 1.0 / found.factor


def _score(seen: Observation, crowds: dict[str, np.ndarray]) -> Scored:
    group = class_of(seen)
    if seen.metric == "occupancy":
        return _occupancy(seen, group)
    if group == "spread":
        return _variation(seen, group, crowds)
    if seen.metric.endswith("_ratio"):
        return _ratio(seen, group)
    course, plan = _simulate(seen)
    amount = seen.metric != "t_half" and _is_molar(seen.unit)
    levels, mass = course.of(seen.analyte, amount)
    scale = _time(seen.unit) if seen.metric == "t_half" else _scale(seen, mass)
    value = _measure(seen, course, plan, levels[0], seen.metric) * scale
    # papers on patients state means of skewed levels; the library's kinetics are themselves means of volunteers
    if seen.metric in LEVELS and not (_alike(seen) or is_middle(seen.row)):
        crowds[seen.id] = _people(seen, seen.metric, amount)
        value = float(crowds[seen.id].mean()) * scale
    parts = _prefixes(course, seen.analyte)
    weights = [1.0 if amount or len(parts) == 1 else course.molar_mass[p] / mass for p in parts]
    naive = sum(w * _naive(seen, p, plan) for w, p in zip(weights, parts, strict=True)) or math.nan
    return Scored(seen.id, group, seen.value, value, naive * scale, seen.unit)


def _prefixes(course: Course, analyte: str) -> list[str]:
    if "moiety" in analyte.lower() or analyte.lower().startswith(("sum", "total")):
        return list(course.levels)
    if "+" in analyte:
        return [p for part in analyte.split("+") for p in _prefixes(course, part.strip())]
    if not is_compound(analyte):
        return [course.find(analyte)]
    compound = load_compound(analyte)
    return course.parts_of(compound) if compound.components else [course.find(compound.name)]


def _ratio(seen: Observation, group: str) -> Scored:
    """An observation over its reference: without co-medication, another phenotype, or another analyte."""
    metric = {
        "AUC_ratio": "AUC_tau" if seen.interval else "AUC_inf",
        "Cmax_ratio": "Cmax",
        "Css_ratio": "Cavg" if seen.interval or seen.at is not None else "AUC_inf",
    }[seen.metric]
    base = reference_of(seen)
    across = not _same(base.analyte, seen.analyte)
    values = []
    for case in (seen, base):
        course, plan = _simulate(case)
        found, mass = course.of(case.analyte)
        values.append(_measure(case, course, plan, found[0] * (mass if across else 1.0), metric))
    value = values[0] / values[1]
    percent = 100.0 if _is_percent(seen.unit) else 1.0
    return Scored(seen.id, group, seen.value, value * percent, percent, seen.unit)


def reference_of(seen: Observation) -> Observation:
    """The denominator of a ratio: without co-medication, another phenotype, analyte, dose, route, age ...

    Raises
    ------
    ValueError
        The reference says nothing that can be changed.
    """
    alone, changes = parse_reference(seen.reference)
    if not seen.reference:
        alone = bool(seen.others)
    if not alone and not changes:
        if not seen.phenotype:
            raise ValueError(
                f"{seen.metric} needs a reference: co-medication, a phenotype or another analyte"
            )
        changes = {enzyme: "NM" for enzyme in seen.phenotype}
    row = dict(seen.row)
    if "analyte" in changes and "mixture" in row:
        row["compound"], row["dose"] = row["mixture"], row["mixture_dose"]
    if alone:
        row["co_medication"] = ""
    for key, word in changes.items():
        if word == "parent" and key == "analyte":
            row[key] = seen.compound
        elif key.startswith(("CYP", "UGT")):
            row["phenotype"] = f"{row.get('phenotype', '')};{key}={word}"
        elif key == "phenotype":
            row["phenotype"] = ";".join(f"{enzyme}={word}" for enzyme in seen.phenotype)
        elif key in COLUMNS:
            row[key] = word
        elif {"weight": "weight_kg", "interval": "interval_h", "infusion": "infusion_min"}.get(key):
            row[{"weight": "weight_kg", "interval": "interval_h", "infusion": "infusion_min"}[key]] = word
        else:
            row["population"] = f"{row.get('population', '')};{key}={word}"
    return observation(seen.id, row)


def _occupancy(seen: Observation, group: str) -> Scored:
    compound = load_compound(seen.compound)
    gene = seen.target or "SLC6A4"
    bound = ligands([compound])
    if gene not in bound:
        raise ValueError(f"{compound.name} has no potency at {gene} here")
    port = f"{gene}.occupancy"
    percent = 100.0 if _is_percent(seen.unit) else 1.0
    course, plan = _simulate(seen, port=port)

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
    many, _ = _simulate(seen, GROUP, draws, port)
    low, high = np.percentile(at(many.ports[port]) * percent, INTERVAL)
    name, potency = bound[gene][0]
    naive = (
        _naive(replace(seen, metric="Cavg" if seen.interval else "Cmax"), name, plan)
        if name == compound.id
        else math.nan
    )
    expected = percent * potency.maximum * naive / (naive + potency.EC50) if naive == naive else math.nan
    return Scored(seen.id, group, seen.value, typical, expected, seen.unit, float(low), float(high))


def _alike(seen: Observation) -> bool:
    return are_volunteers(seen.row.get("population", ""), not seen.interval or seen.duration == 0)


def _people(seen: Observation, metric: str, molar: bool = False) -> np.ndarray:
    """A metric of each of many people like those of a study; nmol/L (times h for areas)."""
    compound = load_compound(seen.compound)
    rng = np.random.default_rng(1)
    about = f"{seen.row.get('population', '')} {seen.row.get('citation', '')}"
    alike = _alike(seen)
    people = draw_covariates(seen.covariates, seen.sex, CROWD, rng, alike) | _genes(compound, rng, about)
    if "/kg" in seen.row.get("unit", ""):
        people.pop("weight")  # a dose by weight: heavier people get more
    draws, absorbed = draw_people(compound, _treatment(seen, compound).key(), CROWD, rng, alike)
    occasions = draw_occasions([compound], CROWD, rng)
    course, plan = _simulate(seen, CROWD, draws, people=people, override=absorbed, occasions=occasions)
    levels, _ = course.of(seen.analyte, molar)
    return np.array([_measure(seen, course, plan, row, metric) for row in levels])


def _variation(seen: Observation, group: str, crowds: dict[str, np.ndarray]) -> Scored:
    """Coefficient of variation of the metric between patients."""
    observed = (
        seen.spread
        if math.isfinite(seen.spread)
        else seen.value / (100 if _is_percent(seen.unit) or seen.value > MOST_CV else 1)
    )
    metric = seen.metric if not seen.metric.endswith("_ratio") else "Cavg"
    told = crowds.get(seen.id.removesuffix(AGAIN))
    values = told if told is not None else _people(seen, metric)
    rng = np.random.default_rng(1)
    size = how_many(seen.row.get("population", "")) or (STUDY if _alike(seen) else 0)
    found = sample_variation(values, size, rng)
    middle = float(np.median(found))
    low, high = np.percentile(found, INTERVAL) if found.size > 1 else (math.nan, math.nan)
    by_chance = share_inside(middle, found)
    return Scored(seen.id, group, observed, middle, math.nan, "CV", float(low), float(high), by_chance)


def _genes(compound: Compound, rng: np.random.Generator, about: str) -> dict[str, np.ndarray]:
    """Activity scores of a group for the enzymes that clear a compound, by the ancestry that is told."""
    shares = {e for part in analytes(compound).values() for e in part.pathways}
    ancestry = ancestry_of(about)
    return {e: draw_scores(e, rng.random(CROWD), ancestry) for e in genotyped_enzymes() if e in shares}


def _naive(seen: Observation, prefix: str, plan: _Plan) -> float:
    key = _treatment(seen, load_compound(seen.compound)).key()
    return naive_level(seen, prefix, key, plan.last - plan.start)
