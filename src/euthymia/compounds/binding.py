"""What is bound: occupancy, agonism and block of each target from plasma levels.

In: compounds and the ports that biological modules ask for (`SLC6A4.occupancy`, `GRIN1.block` ...).  Out: one
assignment per port.  Ligands of one site compete: x_i = C_i / EC50_i, occupancy_i = x_i / (1 + sum_j x_j).
EC50 is the total plasma level of half occupancy seen in living people where PET measured it; elsewhere a prior
Ki / fu (free drug in plasma equals free drug in brain) with a log10 standard deviation of 0.55.  Agonism weighs
occupancy with intrinsic efficacy, antagonism with one minus it; a channel block, a positive and a negative
modulator have sites of their own; an irreversible inhibitor removes enzyme that grows back.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.compound import Compound, Compounds, analytes, by_prefix
from euthymia.compounds.metabolism import Equations
from euthymia.engine import Fragment, Parameter, State
from euthymia.evidence.parameter import Spread
from euthymia.evidence.read import LIBRARY

PRIOR_LOG10_SD = 0.55
PARTIAL_EFFICACY = 0.4  # assumed where a partial agonist's efficacy is not known
MODES = ("occupancy", "agonism", "antagonism", "block", "pam", "nam", "inhibition")
SITES = {"agonism": "orthosteric", "antagonism": "orthosteric", "occupancy": "orthosteric",
         "inhibition": "orthosteric", "block": "channel", "pam": "pam", "nam": "nam"}  # fmt: skip
WEAKEST = 1e6  # nmol/L: potencies beyond this are left out


@dataclass(frozen=True, slots=True)
class Potency:
    """How strongly one analyte binds one target, on the scale of its total plasma level.

    Attributes
    ----------
    gene, site, action : str
    EC50 : float
        nmol/L, total in plasma, of half the maximum.
    basis : str
        'in vivo' (PET and the like) or 'prior' (Ki over free fraction).
    maximum : float
        Largest occupancy the method sees.
    efficacy : float
        Intrinsic efficacy at the target, 0 to 1 (nan where unknown and taken as 0).
    spread, uncertainty : Spread
        Between patients; of the value itself.
    sources : tuple of str
    """

    gene: str
    site: str
    action: str
    EC50: float
    basis: str
    maximum: float = 1.0
    efficacy: float = math.nan
    spread: Spread = Spread()
    uncertainty: Spread = Spread()
    sources: tuple[str, ...] = ()
    kinact: float = 0.0
    turnover: float = 0.0


def _site(action: str) -> str:
    text = action.lower()
    if "irreversible" in text:
        return "irreversible"
    if "block" in text:
        return "channel"
    if "pam" in text.split() or text.startswith(("pam", "positive")) or "nmdar pam" in text:
        return "pam"
    if "nam" in text.split() or text.startswith(("nam", "negative")) or " nam" in text:
        return "nam"
    return "orthosteric"


def _efficacy(action: str) -> float:
    text = action.lower()
    if "partial agonist" in text or "weak agonist" in text:
        return PARTIAL_EFFICACY
    if "antagonist" in text or "inverse" in text or "inhibition" in text:
        return 0.0
    return 1.0 if "agonist" in text or "activat" in text else math.nan


@cache
def _affinities() -> dict[str, list[dict[str, str]]]:
    """The affinity tables (`library/affinities/*.csv`) by compound."""
    found: dict[str, list[dict[str, str]]] = {}
    for path in sorted((LIBRARY / "affinities").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(line for line in lines if not line.startswith("#")):
                found.setdefault(row["compound"], []).append(row)
    return found


def affinity_rows(name: str) -> list[dict[str, str]]:
    """The rows of the affinity tables for one compound; empty where there are none."""
    return _affinities().get(name, [])


def potencies(compound: Compound) -> dict[str, Potency]:
    """Every target of one analyte, by gene; in-vivo values first, then curated ones, then the affinity table."""
    found: dict[str, Potency] = {}
    unbound = compound.value("unbound", 1.0)
    for gene, record in compound.data.get("targets", {}).items():
        action = record.get("action", "inhibition")
        base = f"targets.{gene}"
        if f"{base}.EC50" in compound.parameters:
            number, scale, basis = compound.parameters[f"{base}.EC50"], 1.0, "in vivo"
        else:
            number, scale, basis = compound.parameters[f"{base}.Ki"], 1 / unbound, "prior"
        uncertainty = number.uncertainty
        if basis == "prior":
            uncertainty = _prior_spread(uncertainty.sd / math.log(10))
        found[gene] = Potency(
            gene=gene,
            site=record.get("site", _site(action)),
            action=action,
            EC50=number.value * scale,
            basis=basis,
            maximum=compound.value(f"{base}.maximum", 1.0),
            efficacy=compound.value(f"{base}.efficacy", _efficacy(action)),
            spread=number.spread,
            uncertainty=uncertainty,
            sources=tuple(e.cite for e in number.evidence if e.cite),
            kinact=compound.value(f"{base}.kinact", 0.0),
            turnover=compound.value(f"{base}.turnover", 0.0),
        )
    for row in affinity_rows(compound.name):
        gene = row["gene"]
        if gene in found or float(row["nM"]) >= WEAKEST:
            continue
        found[gene] = Potency(
            gene=gene,
            site=_site(row["action"]),
            action=row["action"],
            EC50=float(row["nM"]) / unbound,
            basis="prior",
            efficacy=_efficacy(row["action"]),
            uncertainty=_prior_spread(float(row["log10_sd"] or 0)),
            sources=tuple(row["sources"].split(";")),
        )
    return found


def _prior_spread(log10_sd: float) -> Spread:
    return Spread("lognormal", math.hypot(PRIOR_LOG10_SD, log10_sd) * math.log(10))


def ligands(compounds: Compounds) -> dict[str, list[tuple[str, Potency]]]:
    """All analytes that bind each gene: gene -> [(prefix, potency)]."""
    found: dict[str, list[tuple[str, Potency]]] = {}
    for prefix, compound in by_prefix(compounds).items():
        if not compound.has_kinetics:
            continue
        for name, analyte in analytes(compound, prefix).items():
            for gene, potency in potencies(analyte).items():
                found.setdefault(gene, []).append((name, potency))
    return found


def potency_spreads(compounds: Compounds) -> dict[str, Spread]:
    """Ids of potencies that take a draw: `<prefix>.<GENE>.EC50` and `... .uncertainty`."""
    found: dict[str, Spread] = {}
    for gene, bound in ligands(compounds).items():
        for prefix, potency in bound:
            for spread, end in ((potency.spread, ""), (potency.uncertainty, ".uncertainty")):
                if spread.sd > 0:
                    found[f"{prefix}.{gene}.EC50{end}"] = spread
    return found


def individual_potencies(
    compounds: Compounds, draws: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Potencies per patient for the ids that have a draw."""
    from euthymia.compounds.individual import apply_spread

    values: dict[str, NDArray[np.float64]] = {}
    for gene, bound in ligands(compounds).items():
        for prefix, potency in bound:
            id_ = f"{prefix}.{gene}.EC50"
            for spread, key in ((potency.spread, id_), (potency.uncertainty, f"{id_}.uncertainty")):
                if key in draws and spread.sd > 0:
                    values[id_] = apply_spread(values.get(id_, potency.EC50), spread, np.asarray(draws[key]))
    return values


def ports_of(compounds: Compounds) -> set[str]:
    """Every port that these compounds can drive."""
    found: set[str] = set()
    for gene, bound in ligands(compounds).items():
        for _, potency in bound:
            found.update(f"{gene}.{mode}" for mode in _modes(potency))
    return found


def _modes(potency: Potency) -> tuple[str, ...]:
    if potency.site == "channel":
        return ("occupancy", "block")
    if potency.site in ("pam", "nam"):
        return ("occupancy", potency.site)
    if potency.site == "irreversible":
        return ("occupancy", "inhibition")
    return ("occupancy", "agonism", "antagonism", "inhibition")


def occupancy_fragment(compounds: Compounds, ports: Iterable[str]) -> Fragment:
    """Assignments for the asked ports that at least one of the compounds drives.

    Parameters
    ----------
    compounds : mapping of prefix to Compound, or compounds
    ports : iterable of str
        `<GENE>.<mode>` with mode one of occupancy, agonism, antagonism, block, pam, nam, inhibition.

    Returns
    -------
    Fragment
        Ports that no compound drives are left out, so that a module keeps its own resting value.
    """
    bound = ligands(compounds)
    levels = _levels(compounds)
    equations = Equations()
    for port in dict.fromkeys(ports):
        gene, _, mode = port.rpartition(".")
        fitting = [(n, p) for n, p in bound.get(gene, ()) if mode in _modes(p)]
        if not fitting:
            continue
        free: list[str] = []
        for site in ("orthosteric", "channel", "pam", "nam"):
            part = [(n, p) for n, p in fitting if p.site == site]
            if part:
                free.append(_site_expression(equations, gene, mode, site, part, levels))
        gone = [(n, p) for n, p in fitting if p.site == "irreversible"]
        if gone:
            free.append(_irreversible(equations, gene, gone, levels))
        expression = free[0]
        if len(free) > 1:
            expression = "1 - " + "*".join(f"(1 - ({part}))" for part in free)
        equations.give(port, expression)
    return Fragment(equations.states, equations.parameters, equations.assignments, {})


def _levels(compounds: Compounds) -> dict[str, str]:
    found = {}
    for prefix, compound in by_prefix(compounds).items():
        for name, analyte in analytes(compound, prefix).items():
            found[name] = f"{name}.Ce" if "effect_delay" in analyte.parameters else f"{name}.C"
    return found


def _site_expression(
    equations: Equations,
    gene: str,
    mode: str,
    site: str,
    part: list[tuple[str, Potency]],
    levels: Mapping[str, str],
) -> str:
    """Competition of the ligands of one site."""
    for name, potency in part:
        equations.parameters[f"{name}.{gene}.EC50"] = Parameter(potency.EC50, "nmol/L")
    ratios = [f"{levels[name]}/{name}.{gene}.EC50" for name, _ in part]
    total = f"{gene}.{site}_load"
    equations.give(total, " + ".join(ratios))
    terms = []
    for ratio, (_, potency) in zip(ratios, part, strict=True):
        efficacy = 0.0 if math.isnan(potency.efficacy) else potency.efficacy
        weight = potency.maximum
        if mode == "agonism":
            weight *= efficacy
        elif mode == "antagonism":
            weight *= 1 - efficacy
        if weight:
            terms.append(f"{weight:.6g}*{ratio}")
    return f"({' + '.join(terms) or '0'})/(1 + {total})"


def _irreversible(
    equations: Equations, gene: str, part: list[tuple[str, Potency]], levels: Mapping[str, str]
) -> str:
    """Enzyme that is destroyed and grows back: the lost fraction."""
    state = f"{gene}.lost"
    rates = []
    turnover = f"{gene}.turnover"
    equations.parameters[turnover] = Parameter(max(p.turnover for _, p in part), "1/h")
    for name, potency in part:
        half, rate = f"{name}.{gene}.EC50", f"{name}.{gene}.kinact"
        equations.parameters[half] = Parameter(potency.EC50, "nmol/L")
        equations.parameters[rate] = Parameter(potency.kinact, "1/h")
        rates.append(f"{rate}*{levels[name]}/({half} + {levels[name]})")
    equations.states[state] = State(f"({' + '.join(rates)})*(1 - {state}) - {turnover}*{state}", 0.0, "1")
    return state
