"""SBML models: read, simulate, run on a population, time.  The front door of this room's SBML part.

Comes in: a file of Level 1 to Level 3 Version 2, `comp` flattened.  Goes out: trajectories.  In: rate, assignment
and solvable algebraic rules, ordered initial assignments, function definitions, local parameters, amounts and
concentrations, changing compartments, conversion factors, variable stoichiometry, events with delay, priority and
persistence, the csymbols time, avogadro, rateOf and delay.  Refused by `Unsupported`, which names element and id: fast
reactions, delays of changing length in a rate, and packages that change the mathematics.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.interop.sbml_change import changed
from euthymia.interop.sbml_math import Unsupported
from euthymia.interop.sbml_model import SbmlModel
from euthymia.interop.sbml_population import PopulationRun, run_population
from euthymia.interop.sbml_read import read_sbml
from euthymia.interop.sbml_simulate import simulate

__all__ = [
    "PopulationRun",
    "SbmlModel",
    "Unsupported",
    "changed",
    "read_sbml",
    "run_population",
    "simulate",
    "simulate_case",
]


def simulate_case(sbml_path: str | Path, settings: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """One case of the SBML Test Suite.

    Parameters
    ----------
    settings : mapping
        `start`, `duration`, `steps`, `variables`, `absolute`, `relative`, `amount`, `concentration`; `changes`
        (symbol to first value) is optional.

    Returns
    -------
    dict
        `time` and every variable, each of shape (steps + 1,).
    """
    model = changed(read_sbml(sbml_path), settings.get("changes") or {})
    times = settings["start"] + np.linspace(0.0, settings["duration"], settings["steps"] + 1)
    kinds = {**{v: f"n:{v}" for v in settings["amount"]}, **{v: f"c:{v}" for v in settings["concentration"]}}
    outputs = [kinds.get(v, v) for v in settings["variables"]]
    rtol = min(1e-8, (settings.get("relative") or 1e-4) * 1e-3)
    atol = min(1e-12, (settings.get("absolute") or 1e-7) * 1e-6)
    table = simulate(model, times, outputs, rtol=rtol, atol=atol)
    return {"time": times, **{v: table[:, j] for j, v in enumerate(settings["variables"])}}
