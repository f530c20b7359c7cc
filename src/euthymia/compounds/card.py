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
DOSE_STEPS = (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
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
        "kinetics": _kinetics(compound),
        "phenotypes": _phenotypes(grid) if grid else [],
        "targets": _targets(compound, curve),
        "dose_occupancy": curve,
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


def _kinetics(compound: Compound) -> list[dict[str, Any]]:
    rows = []
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
    route = compound.routes[0]
    if _single(compound):
        times = np.linspace(0.0, 24.0, POINTS_SINGLE)
        infusion = INFUSION if route == "intravenous" else 0.0
        return Treatment(compound, dose, 0.0, 0.0, 24.0, infusion=infusion), times, 24.0
    days = days_to_steady_state([Treatment(compound, dose)])
    end = days * 24.0
    return (
        Treatment(compound, dose, 24.0, 0.0, end),
        np.concatenate([[0.0], np.linspace(end - 24, end, POINTS_DAY)]),
        end,
    )


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
    steps = [usual["low"] / top] * len(cases) + list(DOSE_STEPS)
    n = len(steps)
    enzymes = {e for e, _ in cases if e}
    patient = {
        enzyme: np.array(
            [activity_score(enzyme, w) if e == enzyme else NORMAL for e, w in cases]
            + [NORMAL] * len(DOSE_STEPS)
        )
        for enzyme in enzymes
    }
    treatment, times, _ = _treatment(compound, top)
    f = compound.value(f"routes.{compound.routes[0]}.F")
    course = simulate_course(
        [treatment],
        times,
        patient,
        ports=[f"{gene}.occupancy" for gene in ligands([compound])],
        n=n,
        rtol=1e-4,
        override={f"{compound.id}.F": f * np.array(steps)},
    )
    return _Grid(cases, course, times > 0, top, _single(compound))


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
    rows = slice(len(grid.cases), None)
    reached = np.max if grid.single else np.mean
    occupancy = {
        p.removesuffix(".occupancy"): reached(v[rows][:, grid.inside], axis=1)
        for p, v in course.ports.items()
    }
    return {
        "dose_mg": [grid.top * s for s in DOSE_STEPS],
        "schedule": "single dose, highest value" if grid.single else "daily, at steady state",
        "level_ng_per_mL": {
            name: reached(course.mass(name)[rows][:, grid.inside], axis=1) for name in course.levels
        },
        "occupancy": dict(sorted(occupancy.items(), key=lambda item: -item[1].max())[:8]),
        "all": {gene: float(values[DOSE_STEPS.index(1.0)]) for gene, values in occupancy.items()},
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
    if compound.pathways:
        shares = _shares_at_work(compound, grid)
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
    shares = {enzyme: compound.value(f"pathways.{enzyme}") for enzyme in compound.pathways}
    level = grid.course.levels.get(compound.id) if grid else None
    if level is None:
        return shares
    mean = float(level[0, grid.inside].mean()) if grid else 0.0
    rest = 1.0 - sum(shares.values())
    work = {
        enzyme: share / (1.0 + mean / compound.value(f"saturation.{enzyme}"))
        if f"saturation.{enzyme}" in compound.parameters
        else share
        for enzyme, share in shares.items()
    }
    total = rest + sum(work.values())
    return {enzyme: share / total for enzyme, share in work.items()}


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
