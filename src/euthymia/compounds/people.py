"""Chance between people in a study: patients of routine care, or the healthy volunteers of a single-dose study.

In: a compound, a route and a random generator.  Out: standard normal draws for `individual_parameters` and
bioavailabilities.  The library's spreads are those of patients, genes apart; volunteers are chosen for being alike
and differ less (`groups` in `library/genotype/enzymes.yaml`).  Part of the spread of an oral clearance is a spread
of bioavailability, which moves clearance and volume together.
"""

from __future__ import annotations

import math
import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.compound import Compound
from euthymia.compounds.genotype import enzyme_numbers
from euthymia.compounds.individual import variable_parameters

Array = NDArray[np.float64]
_PATIENTS = re.compile(r"\b(in|out)?patients?\b|\btdm\b|therapeutic drug monitoring", re.IGNORECASE)
_VOLUNTEERS = re.compile(r"\bhealthy\b|\bvolunteers?\b|bioequivalence", re.IGNORECASE)
_SIZES = ("CL", "V", "V2", "V3", "Q2", "Q3")


def are_volunteers(text: str, single: bool) -> bool:
    """Whether a population is one of healthy volunteers: by its words, else where one dose was given.

    >>> are_volunteers("24 healthy men", False), are_volunteers("inpatients", True), are_volunteers("", True)
    (True, False, True)
    """
    if _PATIENTS.search(text):
        return False
    return single or bool(_VOLUNTEERS.search(text))


@cache
def _shares() -> tuple[float, float]:
    numbers = enzyme_numbers()
    return numbers["groups.volunteers"].value, numbers["groups.bioavailability"].value


def draw_people(
    compound: Compound, route: str, n: int, rng: np.random.Generator, volunteers: bool
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Draws for the kinetics of one compound and its bioavailabilities.

    Parameters
    ----------
    route : str
        Key of the route in the compound's file.
    n : int
        People.

    Returns
    -------
    draws : mapping of parameter id to ndarray, shape (n,)
        Standard normal numbers, smaller for volunteers.
    override : mapping of parameter id to ndarray, shape (n,)
        `<compound>.F` where it is given by mouth, and the shares of its products, which do not depend on it.
    """
    share, absorbed = _shares()
    spreads = variable_parameters([compound])
    draws = {k: rng.standard_normal(n) for k in spreads if not k.endswith(".uncertainty")}
    less = share if volunteers else 1.0
    for id_ in draws:
        if id_.rsplit(".", 1)[-1] in _SIZES:
            draws[id_] = less * draws[id_]
    oral = route.startswith("oral") and f"routes.{route}.F" in compound.parameters
    given = [f"{prefix}.CL" for _, prefix in _given(compound) if f"{prefix}.CL" in draws]
    if not oral or not given:
        return draws, {}
    for id_ in given:
        draws[id_] = math.sqrt(1 - absorbed) * draws[id_]
    sd = less * math.sqrt(absorbed) * max(spreads[id_].sd for id_ in given)
    factor = np.exp(sd * rng.standard_normal(n))
    override = {f"{compound.id}.F": compound.value(f"routes.{route}.F") * factor}
    for parent, prefix in _given(compound):
        for product in parent.metabolites:  # what the first pass takes becomes products all the same
            name = product.compound.name
            formed = parent.value(f"metabolites.{name}.fraction")
            override[f"{prefix}.{product.compound.id}.fraction"] = formed / factor
    return draws, override


def _given(compound: Compound) -> list[tuple[Compound, str]]:
    """What is given, with its prefix: the compound, or the parts of a mixture."""
    if compound.components:
        return [(p.compound, f"{compound.id}.{p.compound.id}") for p in compound.components]
    return [(compound, compound.id)]
