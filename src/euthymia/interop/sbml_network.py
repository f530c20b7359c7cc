"""A module or a whole network as SBML: titles, the papers behind every number and edge, genes behind drug ports.

In: a `Module` (alone, its ports as constants) or a `Network`.  Out: flat SBML Level 3 Version 2 with units, SBO terms
and MIRIAM annotations: `isDescribedBy` papers with a PMID or DOI, `isPropertyOf` genes of drug ports by their HGNC
symbol.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from euthymia.biology.module import Module
from euthymia.biology.network import Network
from euthymia.engine import Dose, OdeSystem
from euthymia.evidence.bibliography import bibliography
from euthymia.interop.sbml_export import export_sbml

GENE = re.compile(r"[A-Z][A-Z0-9]{1,}[A-Z0-9]*\.\w+")


def system_of(part: Module | Network) -> OdeSystem:
    """The equations that are exported."""
    if isinstance(part, Network):
        return part.system
    return OdeSystem.join(f"{part.name} {part.variant}".strip(), part.alone)


def export_network(
    part: Module | Network,
    path: str | Path | None = None,
    *,
    regimen: Sequence[Dose] = (),
    parameters: Mapping[str, float] | None = None,
) -> str:
    """A module or a network as SBML.

    Parameters
    ----------
    path : path, optional
        Where to write the text; it is returned in any case.
    regimen : sequence of Dose
        Changes of ports and doses, written as events.
    parameters : mapping
        One patient's values.

    Raises
    ------
    InputError
        Doses without a counterpart in SBML.

    Examples
    --------
    >>> from euthymia.biology import load_module
    >>> "hgnc.symbol:NR3C1" in export_network(load_module("hpa"))
    True
    """
    modules = part.modules if isinstance(part, Network) else (part,)
    system = system_of(part)
    titles: dict[str, str] = {}
    papers: dict[str, set[str]] = {}
    for module in modules:
        titles |= {k: v for k, v in module.titles.items() if v} | {
            p.id: p.title for p in module.ports.values()
        }
        for key, parameter in module.parameters.items():
            papers.setdefault(key, set()).update(e.cite for e in parameter.evidence if e.cite)
        for edge in module.edges:
            papers.setdefault(edge.target, set()).update(e.cite for e in edge.evidence if e.cite)
    names = set(system.names)
    sources = {k: found for k, cites in papers.items() if k in names and (found := _identified(cites))}
    genes = {
        n: [f"https://identifiers.org/hgnc.symbol:{n.split('.')[0]}"] for n in names if GENE.fullmatch(n)
    }
    return export_sbml(
        system,
        path,
        sources=sources,
        titles={k: v for k, v in titles.items() if k in names},
        subjects=genes,
        regimen=regimen,
        parameters=parameters,
    )


def _identified(cites: set[str]) -> list[str]:
    entries = bibliography()
    found = []
    for cite in sorted(cites):
        entry = entries.get(cite, {})
        if entry.get("PMID"):
            found.append(f"pmid:{entry['PMID']}")
        elif entry.get("DOI"):
            found.append(str(entry["DOI"]))
    return found
