"""The model against a table of observed exposures, with the naive superposition beside it.

In: `Observation`s.  Out: `Scored` rows and errors by class.  The naive baseline takes the library's typical
clearance and volume in one compartment, without genes, covariates or co-medication (so its ratios are 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from euthymia.compounds.binding import ligands
from euthymia.compounds.compound import is_compound, load_compound
from euthymia.compounds.course import Course
from euthymia.compounds.errors_by_class import Scored, share_inside, summarise
from euthymia.compounds.individual import variable_parameters
from euthymia.compounds.naive import naive_level
from euthymia.compounds.observation_text import parse_reference, unit_text
from euthymia.compounds.observations import CLASSES, COLUMNS, Observation, observation
from euthymia.compounds.observed_course import Plan, measure, simulate_observed, treatment_of
from euthymia.compounds.observed_people import are_alike, people_of
from euthymia.compounds.people import how_many, is_middle, sample_variation
from euthymia.errors import EuthymiaError, InputError
from euthymia.units import parse_unit

GROUP = 200  # patients for intervals
STUDY = 24  # people in a study of healthy volunteers that does not say how many
AGAIN = ":spread"  # behind the id of a level that is scored for its spread too
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
    course, plan = simulate_observed(seen)
    amount = seen.metric != "t_half" and _is_molar(seen.unit)
    levels, mass = course.of(seen.analyte, amount)
    scale = _time(seen.unit) if seen.metric == "t_half" else _scale(seen, mass)
    value = measure(seen, course, plan, levels[0], seen.metric) * scale
    # papers on patients state means of skewed levels; the library's kinetics are themselves means of volunteers
    if seen.metric in LEVELS and not (are_alike(seen) or is_middle(seen.row)):
        crowds[seen.id] = people_of(seen, seen.metric, amount)
        value = float(crowds[seen.id].mean()) * scale
    parts = _prefixes(course, seen.analyte)
    weights = [1.0 if amount or len(parts) == 1 else course.molar_mass[p] / mass for p in parts]
    naive = sum(w * _naive(seen, p, plan) for w, p in zip(weights, parts, strict=True)) or math.nan
    return Scored(seen.id, group, seen.value, value, naive * scale, seen.unit)


def _prefixes(course: Course, analyte: str) -> list[str]:
    if "moiety" in analyte.lower() or analyte.lower().startswith(("sum", "total")):
        return course.own_parts()
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
        course, plan = simulate_observed(case)
        found, mass = course.of(case.analyte)
        values.append(measure(case, course, plan, found[0] * (mass if across else 1.0), metric))
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
    course, plan = simulate_observed(seen, port=port)

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
    many, _ = simulate_observed(seen, GROUP, draws, port)
    low, high = np.percentile(at(many.ports[port]) * percent, INTERVAL)
    name, potency = bound[gene][0]
    naive = (
        _naive(replace(seen, metric="Cavg" if seen.interval else "Cmax"), name, plan)
        if name == compound.id
        else math.nan
    )
    expected = percent * potency.maximum * naive / (naive + potency.EC50) if naive == naive else math.nan
    return Scored(seen.id, group, seen.value, typical, expected, seen.unit, float(low), float(high))


def _variation(seen: Observation, group: str, crowds: dict[str, np.ndarray]) -> Scored:
    """Coefficient of variation of the metric between patients."""
    observed = (
        seen.spread
        if math.isfinite(seen.spread)
        else seen.value / (100 if _is_percent(seen.unit) or seen.value > MOST_CV else 1)
    )
    metric = seen.metric if not seen.metric.endswith("_ratio") else "Cavg"
    told = crowds.get(seen.id.removesuffix(AGAIN))
    values = told if told is not None else people_of(seen, metric)
    rng = np.random.default_rng(1)
    size = how_many(seen.row.get("population", "")) or (STUDY if are_alike(seen) else 0)
    found = sample_variation(values, size, rng)
    middle = float(np.median(found))
    low, high = np.percentile(found, INTERVAL) if found.size > 1 else (math.nan, math.nan)
    by_chance = share_inside(middle, found)
    return Scored(seen.id, group, observed, middle, math.nan, "CV", float(low), float(high), by_chance)


def _naive(seen: Observation, prefix: str, plan: Plan) -> float:
    key = treatment_of(seen, load_compound(seen.compound)).key()
    return naive_level(seen, prefix, key, plan.last - plan.start)
