"""A drug on one page: kinetics by phenotype, targets, occupancy against dose, interactions, sources and gaps.

In: a `Compound`.  Out: plain data that the command line prints, writes as JSON or draws as a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from euthymia.compounds.binding import ligands, potencies
from euthymia.compounds.compound import Compound, analytes
from euthymia.compounds.course import Course, Treatment, days_to_steady_state, simulate_course
from euthymia.compounds.genotype import activity_score, enzyme_numbers, genotyped_enzymes
from euthymia.compounds.interactions import perpetrators
from euthymia.evidence.parameter import Parameter

NORMAL = 2.0  # activity score of two normal alleles
DOSE_STEPS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
TOLD = (0.25, 0.5, 1.0, 1.5, 2.0)  # steps that are shown as text
SLOWER = 1.1  # fall of the clearance beyond which the half-life at the usual dose is told
NINETY = 1.2816  # standard normal deviate of the 90th percentile
FIRST_DAYS = 28  # what a course shows
# h after each dose: close together where levels peak, so that every peak of a course is as high as the last day's
HOURS = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 21.0])
SINGLE = {"intravenous", "intranasal", "inhaled"}
INFUSION = 2 / 3  # h: how long an intravenous dose runs in on a card
POINTS_SINGLE, POINTS_DAY = 241, 49
LEAST_SHARE = 0.15  # of the clearance: below it a genotype is not shown
LEAST_RATIO = 1.15  # of the level: below it a co-medication is not shown


def card(compound: Compound) -> dict[str, Any]:
    """Everything known about one compound.

    Returns
    -------
    dict
        `identity`, `kinetics`, `phenotypes`, `targets`, `dose_occupancy`, `interactions`, `reference_range`,
        `quality`, `sources`.
    """
    usual = {k: compound.value(f"doses.{k}") for k in ("low", "high") if f"doses.{k}" in compound.parameters}
    grid = _grid(compound, usual) if compound.has_kinetics and usual else None
    curve = _dose_curve(grid) if grid else None
    return {
        "identity": {
            "name": compound.name,
            "title": compound.title,
            "class": compound.drug_class,
            "status": compound.status,
            "state": compound.state,
            "synonyms": list(compound.synonyms),
            "flags": list(compound.data.get("flags", ())),
            "summary": compound.data.get("summary", ""),
            "notes": list(compound.data.get("notes", ())),
        },
        "usual_daily_dose_mg": usual,
        "kinetics": _kinetics(compound, grid),
        "phenotypes": _phenotypes(grid) if grid else [],
        "targets": _targets(compound, curve),
        "dose_occupancy": curve,
        "course_at_low_dose": _course(grid) if grid else None,
        "interactions": _interactions(compound, grid),
        "reference_range": _range(compound),
        "quality": _quality(compound),
        "sources": compound.sources(),
    }


def _shown(parameter: Parameter) -> dict[str, Any]:
    best = (
        "READ"
        if any(e.kind == "READ" for e in parameter.evidence)
        else "RECALLED"
        if any(e.cite for e in parameter.evidence)
        else "assumed"
    )
    return {
        "value": parameter.value / parameter.unit.factor,
        "unit": parameter.unit.text,
        "between_patients_log_sd": parameter.spread.sd or None,
        "uncertainty_log_sd": parameter.uncertainty.sd or None,
        "verified": best,
        "grade": parameter.grade,
        "cite": sorted({e.cite for e in parameter.evidence if e.cite}),
    }


def half_life(compound: Compound) -> float | None:
    """Half-life of the last phase of one analyte at normal function, h; None where it cannot be computed."""
    if not {"CL", "V"} <= set(compound.parameters):
        return compound.value("half_life") if "half_life" in compound.parameters else None
    spaces = [compound.value("V")] + [compound.value(k) for k in ("V2", "V3") if k in compound.parameters]
    flows = [compound.value(k) for k in ("Q2", "Q3") if k in compound.parameters]
    rates = np.zeros((len(spaces), len(spaces)))
    rates[0, 0] = -(compound.value("CL") + sum(flows)) / spaces[0]
    for i, (flow, space) in enumerate(zip(flows, spaces[1:], strict=True), 1):
        rates[i, 0], rates[0, i], rates[i, i] = flow / spaces[0], flow / space, -flow / space
    return float(np.log(2) / np.min(np.abs(np.linalg.eigvals(rates).real)))


def _slowed(compound: Compound, grid: _Grid | None) -> float | None:
    """Half-life at the lower usual dose of a drug that slows its own clearance; None for the others."""
    own = set(compound.data.get("saturation", {})) | set(compound.data.get("inhibits", {}))
    plain = half_life(compound)
    if grid is None or plain is None or not own & set(compound.pathways) or _single(compound):
        return None
    level = float(grid.course.levels[compound.id][0, grid.inside].mean())
    dose = compound.value("doses.low") * compound.nmol_per_mg()
    clearance = dose * compound.value(f"routes.{compound.routes[0]}.F") / 24.0 / level
    slower = compound.value("CL") / clearance
    return plain * slower if slower > SLOWER else None


def _kinetics(compound: Compound, grid: _Grid | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for prefix, part in analytes(compound).items():
        numbers = {
            k: _shown(part.parameters[k])
            for k in ("CL", "V", "unbound", "extraction")
            if k in part.parameters
        }
        rows.append(
            {
                "analyte": part.name,
                "id": prefix,
                "half_life_h": half_life(part),
                "half_life_at_usual_dose_h": _slowed(part, grid) if prefix == compound.id else None,
                "apparent": bool(part.data.get("apparent", False)),
                "saturable": list(part.data.get("saturation", {})),
                "pathways": {k: part.value(f"pathways.{k}") for k in part.pathways},
                **numbers,
            }
        )
    routes = {
        route: {k: _shown(compound.parameters[f"routes.{route}.{k}"]) for k in record}
        for route, record in compound.data.get("routes", {}).items()
    }
    return [{**rows[0], "routes": routes}, *rows[1:]] if rows else []


def _treatment(compound: Compound, dose: float) -> tuple[Treatment, np.ndarray, float]:
    """The usual way of giving it, times for a course and for the last day, and when that day begins."""
    route = compound.routes[0]
    if _single(compound):
        times = np.linspace(0.0, 24.0, POINTS_SINGLE)
        infusion = INFUSION if route == "intravenous" else 0.0
        return Treatment(compound, dose, 0.0, 0.0, 24.0, infusion=infusion), times, 0.0
    end = days_to_steady_state([Treatment(compound, dose)]) * 24.0
    days = min(float(FIRST_DAYS), end / 24.0)
    early = np.add.outer(24.0 * np.arange(int(days)), HOURS).ravel()
    times = np.unique(np.concatenate([early, np.linspace(end - 24.0, end, POINTS_DAY)]))
    return Treatment(compound, dose, 24.0, 0.0, end), times, end - 24.0


@dataclass(frozen=True, slots=True)
class _Grid:
    """One simulation of everything on a card: first the metaboliser types at the lower dose, then the dose steps."""

    cases: list[tuple[str, str]]
    course: Course
    inside: np.ndarray
    top: float
    single: bool


def _grid(compound: Compound, usual: dict[str, float]) -> _Grid:
    cases = _cases(compound)
    top = usual.get("high", usual["low"])
    steps = [usual["low"] / top] * len(cases) + list(DOSE_STEPS) * 3
    n = len(steps)
    enzymes = {e for e, _ in cases if e}
    normal = [NORMAL] * (n - len(cases))
    patient = {
        enzyme: np.array([activity_score(enzyme, w) if e == enzyme else NORMAL for e, w in cases] + normal)
        for enzyme in enzymes
    }
    treatment, times, begin = _treatment(compound, top)
    bound = ligands([compound])
    override = {f"{compound.id}.F": compound.value(f"routes.{compound.routes[0]}.F") * np.array(steps)}
    moved = np.repeat([0.0, 0.0, NINETY, -NINETY], [len(cases)] + [len(DOSE_STEPS)] * 3)
    for gene, found in bound.items():
        for name, potency in found:
            override[f"{name}.{gene}.EC50"] = potency.EC50 * np.exp(potency.uncertainty.sd * moved)
    course = simulate_course(
        [treatment],
        times,
        patient,
        ports=[f"{gene}.occupancy" for gene in bound],
        n=n,
        rtol=1e-4,
        override=override,
    )
    return _Grid(cases, course, times >= begin - 1e-9, top, _single(compound))


def _single(compound: Compound) -> bool:
    """Whether it is given once rather than daily."""
    return compound.routes[0] in SINGLE or "psychedelic" in compound.drug_class.lower()


def _cases(compound: Compound) -> list[tuple[str, str]]:
    """(enzyme, phenotype) of the genotyped enzymes that matter, a typical person first."""
    shares: dict[str, float] = {}
    for part in analytes(compound).values():
        for enzyme in part.pathways:
            shares[enzyme] = max(shares.get(enzyme, 0.0), part.value(f"pathways.{enzyme}"))
    cases: list[tuple[str, str]] = [("", "typical")]
    for enzyme in genotyped_enzymes():
        if shares.get(enzyme, 0.0) >= LEAST_SHARE and enzyme not in ("CYP3A4", "CYP1A2"):
            words = [k.rsplit(".", 1)[-1] for k in enzyme_numbers() if k.startswith(f"score.{enzyme}.")]
            cases += [(enzyme, word) for word in words]
    return cases


def _phenotypes(grid: _Grid) -> list[dict[str, Any]]:
    """Average level at the lower usual dose by metaboliser type."""
    found = []
    for i, (enzyme, word) in enumerate(grid.cases):
        levels = {name: float(grid.course.mass(name)[i, grid.inside].mean()) for name in grid.course.levels}
        found.append({"enzyme": enzyme, "phenotype": word, "average_ng_per_mL": levels})
    return found


def _dose_curve(grid: _Grid) -> dict[str, Any] | None:
    """Level and occupancy against daily dose at steady state, or after one dose."""
    course = grid.course
    if not course.ports:
        return None
    first, steps = len(grid.cases), len(DOSE_STEPS)
    blocks = [slice(first + i * steps, first + (i + 1) * steps) for i in range(3)]
    rows = blocks[0]
    reached = np.max if grid.single else np.mean
    occupancy, low, high = (
        {
            p.removesuffix(".occupancy"): reached(v[block][:, grid.inside], axis=1)
            for p, v in course.ports.items()
        }
        for block in blocks
    )
    usual = DOSE_STEPS.index(1.0)
    return {
        "dose_mg": [grid.top * s for s in DOSE_STEPS],
        "schedule": "single dose, highest value" if grid.single else "daily, at steady state",
        "level_ng_per_mL": {
            name: reached(course.mass(name)[rows][:, grid.inside], axis=1) for name in course.levels
        },
        "occupancy": dict(sorted(occupancy.items(), key=lambda item: -item[1].max())[:8]),
        "interval_80": {gene: {"low": low[gene], "high": high[gene]} for gene in occupancy},
        "all": {gene: float(values[usual]) for gene, values in occupancy.items()},
    }


def _course(grid: _Grid) -> dict[str, Any]:
    """Level of the parent (sum of the parts of a mixture) over the first weeks or the day, by metaboliser type."""
    course = grid.course
    shown = course.times <= (24.0 if grid.single else FIRST_DAYS * 24.0) + 1e-9
    top = [name for name in course.levels if "." not in name] or [
        name for name in course.levels if name.count(".") == 1
    ]
    total = np.sum([course.mass(name) for name in top], axis=0)
    return {
        "time_h": course.times[shown],
        "ng_per_mL": {
            f"{enzyme} {word}".strip(): total[i, shown] for i, (enzyme, word) in enumerate(grid.cases)
        },
        "analytes_ng_per_mL": {name: course.mass(name)[0, shown] for name in course.levels},
    }


def _targets(compound: Compound, curve: dict[str, Any] | None) -> list[dict[str, Any]]:
    rows = []
    for prefix, part in analytes(compound).items():
        for potency in potencies(part).values():
            rows.append(
                {
                    "gene": potency.gene,
                    "analyte": part.name,
                    "id": prefix,
                    "action": potency.action,
                    "EC50_nmol_per_L": potency.EC50,
                    "log10_sd": potency.uncertainty.sd / np.log(10),
                    "basis": potency.basis,
                    "maximum": potency.maximum,
                    "efficacy": potency.efficacy,
                    "occupancy_at_high_dose": (curve or {}).get("all", {}).get(potency.gene),
                    "sources": list(potency.sources),
                }
            )
    return sorted(rows, key=lambda r: r["EC50_nmol_per_L"])


def _interactions(compound: Compound, grid: _Grid | None) -> dict[str, Any]:
    changed: dict[str, list[str]] = {}
    for part in analytes(compound).values():
        for enzyme, record in {**part.data.get("inhibits", {}), **part.data.get("induces", {})}.items():
            how = "inactivates" if "kinact" in record else "induces" if "maximum" in record else "inhibits"
            changed.setdefault(enzyme, []).append(f"{how} ({part.name})")
    as_victim = {}
    shares = _shares_at_work(compound, grid)
    if shares:
        for entry in {id(p): p for p in perpetrators().values()}.values():
            left = {enzyme: factor.value for enzyme, factor in entry.enzymes.items()}
            ratio = 1.0 + sum(share * (left.get(enzyme, 1.0) - 1.0) for enzyme, share in shares.items())
            lost = compound.value("gut_extraction", 0.0)
            ratio *= 1.0 - lost + lost * left.get("CYP3A4", 1.0) * left.get("gut", 1.0)
            if abs(np.log(ratio)) > np.log(LEAST_RATIO):
                as_victim[entry.title] = 1.0 / ratio
    return {
        "changes": changed,
        "level_ratio_with": dict(sorted(as_victim.items(), key=lambda i: -abs(np.log(i[1])))),
    }


def _shares_at_work(compound: Compound, grid: _Grid | None) -> dict[str, float]:
    """Shares of the clearance at the level of the lower usual dose, where saturable enzymes do less."""
    if compound.components:
        found: dict[str, float] = {}
        for part in compound.components:
            weight = compound.value(f"components.{part.compound.name}.fraction")
            for enzyme, share in _shares_at_work(part.compound, None).items():
                found[enzyme] = found.get(enzyme, 0.0) + weight * share
        return found
    shares = {enzyme: compound.value(f"pathways.{enzyme}") for enzyme in compound.pathways}
    slow, plain = _slowed(compound, grid), half_life(compound)
    own = (set(compound.data.get("saturation", {})) | set(compound.data.get("inhibits", {}))) & set(shares)
    if slow is None or plain is None:
        return shares
    total = plain / slow
    blocked = sum(shares[enzyme] for enzyme in own)
    left = max(total - (1.0 - blocked), 0.0) / blocked
    return {enzyme: share * (left if enzyme in own else 1.0) / total for enzyme, share in shares.items()}


def _range(compound: Compound) -> dict[str, Any] | None:
    if "reference_range.low" not in compound.parameters:
        return None
    low, high = (compound.parameters[f"reference_range.{k}"] for k in ("low", "high"))
    return {"low": low.shown, "high": high.shown, "of": compound.data["reference_range"]["of"]}


def _quality(compound: Compound) -> dict[str, Any]:
    """How many numbers rest on an opened source, on memory, on an assumption; and what is missing."""
    own: Iterable[Parameter] = [p for part in analytes(compound).values() for p in part.parameters.values()]
    kinds = [_shown(p)["verified"] for p in own]
    gaps = []
    if not compound.has_kinetics:
        gaps.append("no clearance and volume: levels cannot be computed")
    if compound.has_kinetics and not compound.pathways and not compound.components:
        gaps.append("the enzymes that clear it are not known here: no effect of genes or inhibitors")
    if not potencies(compound) and not compound.components:
        gaps.append("no target potency of the parent")
    if not any(part.data.get("inhibits") for part in analytes(compound).values()):
        gaps.append("no data on enzymes it inhibits (not a proof of none)")
    return {
        "numbers": len(kinds),
        "opened": kinds.count("READ"),
        "recalled": kinds.count("RECALLED"),
        "assumed": kinds.count("assumed"),
        "gaps": gaps,
    }
