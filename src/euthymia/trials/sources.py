"""What a run rests on: every parameter used, with its sources and the reason each is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from euthymia.evidence.bibliography import entries_for
from euthymia.evidence.grade import grade
from euthymia.evidence.parameter import Parameter, read_parameters
from euthymia.evidence.read import LIBRARY, load
from euthymia.outcomes.parameters import PARTS
from euthymia.patients.genes import load_ancestry
from euthymia.patients.population import load_population
from euthymia.protocol.protocol import Protocol
from euthymia.trials.model import Model, interventions_of

EDGE = "an edge between systems"
COLUMNS = ("id", "title", "value", "unit", "spread", "basis", "system", "kind", "grade", "cite", "where")


@dataclass(frozen=True, slots=True)
class Sources:
    """Parameters used (columns), sources with reasons, and their bibliography entries (CSL-JSON)."""

    parameters: dict[str, list[Any]]
    sources: list[dict[str, str]]
    bibliography: list[dict[str, Any]]


def used_parameters(protocol: Protocol, model: Model) -> Iterator[tuple[str, Parameter]]:
    """Every library parameter a run uses, with the part it belongs to."""
    for prefix, compound in model.analytes.items():
        for key, parameter in compound.parameters.items():
            yield f"compound {prefix}", _renamed(parameter, f"{prefix}.{key}")
    for treatment in interventions_of(protocol):
        for port, parameter in treatment.ports.items():
            yield f"intervention {treatment.name}", _renamed(parameter, f"{treatment.name}.{port}")
    for module in model.report.modules:
        for parameter in module.parameters.values():
            yield f"module {module.name}", parameter
    population = load_population(protocol.base)
    for key, parameter in {**population.covariates, **population.traits, **population.stress}.items():
        yield f"population {population.name}", _renamed(parameter, f"{population.name}.{key}")
    for enzyme, shares in load_ancestry(protocol.genotype).items():
        for word, parameter in shares.items():
            yield f"ancestry {protocol.genotype}", _renamed(parameter, f"{protocol.genotype}.{enzyme}.{word}")
    for part in PARTS:
        document = load(LIBRARY / "outcomes" / f"{part}.yaml", "outcomes")
        for key, parameter in read_parameters(document, ("parameters",)).items():
            yield f"outcomes {part}", _renamed(parameter, f"outcomes.{part}.{key}")


def _renamed(parameter: Parameter, id_: str) -> Parameter:
    return replace(parameter, id=id_)


def sources_of(protocol: Protocol, model: Model) -> Sources:
    """Collect parameters, edges and methods of one run."""
    table: dict[str, list[Any]] = {c: [] for c in COLUMNS}
    sources: dict[tuple[str, str], dict[str, str]] = {}
    seen: set[str] = set()
    for part, p in used_parameters(protocol, model):
        if p.id in seen:
            continue
        seen.add(p.id)
        first = p.evidence[0] if p.evidence else None
        cites = list(dict.fromkeys(e.cite for e in p.evidence if e.cite))
        row = {
            "id": p.id,
            "title": p.title,
            "value": p.value / p.unit.factor,
            "unit": p.unit.text,
            "spread": f"{p.spread.kind} {p.spread.sd:.3g}" if p.spread.sd else p.spread.kind,
            "basis": first.basis if first else "",
            "system": first.system if first else "",
            "kind": first.kind if first and first.cite else "",
            "grade": p.grade,
            "cite": ";".join(cites),
            "where": first.where if first else "",
        }
        for column in COLUMNS:
            table[column].append(row[column])
        for e in p.evidence:
            if e.cite:
                sources.setdefault(
                    (e.cite, part), _entry(e.cite, part, p.title or p.id, e.basis, e.kind, p.grade)
                )
    for treatment in interventions_of(protocol):
        for e in treatment.evidence:
            if e.cite:
                part = f"intervention {treatment.name}"
                sources[e.cite, part] = _entry(
                    e.cite, part, treatment.title, e.basis, e.kind, grade(treatment.evidence)
                )
    for edge in model.report.edges:
        for e in edge.evidence:
            if e.cite:
                what = f"{edge.source} acts on {edge.target}"
                sources.setdefault((e.cite, EDGE), _entry(e.cite, EDGE, what, e.basis, e.kind, edge.grade))
    sources["salmon2011parallel", "numerics"] = _entry(
        "salmon2011parallel", "numerics", "counter-based random streams", "measured", "READ", "A"
    )
    entries = entries_for(key for key, _ in sources)
    known = {e["id"] for e in entries}
    listed = [v for k, v in sorted(sources.items()) if k[0] in known]
    return Sources(table, listed, entries)


def _entry(cite: str, reason: str, what: str, basis: str, kind: str, grade: str) -> dict[str, str]:
    return {"cite": cite, "reason": reason, "what": what, "basis": basis, "kind": kind, "grade": grade}
