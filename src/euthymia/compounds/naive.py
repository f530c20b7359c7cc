"""The naive baseline: superposition of typical values in one compartment, without genes, covariates or co-medication."""

from __future__ import annotations

import math

import numpy as np

from euthymia.compounds.compound import analytes, load_compound
from euthymia.compounds.observations import Observation

POINTS, FIRST, TWO_DAYS = (
    484,
    0.02,
    48.0,
)  # grid of an interval; its first time, h; window of a single dose, h


def naive_level(seen: Observation, prefix: str, key: str, span: float) -> float:
    """Superposition in one compartment with the library's typical values; nmol/L (times h for areas)."""
    compound = load_compound(seen.compound)
    part = analytes(compound).get(prefix)
    if part is None or "CL" not in part.parameters:
        return math.nan
    f = compound.value(f"routes.{key}.F", 1.0)
    ka = compound.value(f"routes.{key}.ka", 0.0)
    clearance = part.value("CL")
    volume = sum(part.value(k, 0.0) for k in ("V", "V2", "V3"))
    rate = clearance / volume
    amount = seen.dose * compound.nmol_per_mg() * f
    for component in compound.components:
        if prefix.startswith(f"{compound.id}.{component.compound.id}"):
            amount *= compound.value(f"components.{component.compound.name}.fraction")
    if seen.metric == "t_half":
        return math.log(2) / rate
    if prefix != compound.id and not compound.components:
        amount *= compound.value(f"metabolites.{part.name}.fraction", 1.0)
        return amount / clearance / (seen.interval or 1.0) if seen.metric in ("Cavg", "Cmin") else math.nan
    if seen.metric in ("AUC_tau", "AUC_inf"):
        return amount / clearance
    if seen.metric == "Cavg" and seen.interval and seen.at is None:
        return amount / clearance / seen.interval
    ages = np.arange(0.0, max(span, 1e-9), seen.interval) if seen.interval else np.zeros(1)
    grid = np.linspace(FIRST, seen.interval or TWO_DAYS, POINTS)
    total = np.zeros_like(grid)
    for age in ages:
        t = grid + age
        if ka and abs(ka - rate) > 1e-9:
            total += amount * ka / (volume * (ka - rate)) * (np.exp(-rate * t) - np.exp(-ka * t))
        else:
            total += amount / volume * np.exp(-rate * t)
    if seen.at is not None:
        return float(np.interp(seen.at, grid, total))
    return float({"Cmax": total.max(), "Cmin": total[-1], "Cavg": total.mean()}[seen.metric])
