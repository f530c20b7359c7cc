"""Chance between people in a study: patients of routine care, or the healthy volunteers of a single-dose study.

In: a compound, a route, what is said of the people, and a random generator.  Out: standard normal draws for
`individual_parameters`, bioavailabilities, covariates and genes.  The library's spreads are those of patients beyond
genes, age, weight, sex and smoking; volunteers are chosen for being alike and differ less (`groups` in
`library/genotype/enzymes.yaml`).  Part of the spread of an oral clearance is a spread of bioavailability, which
moves clearance and volume together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.compound import Compound
from euthymia.compounds.genotype import enzyme_numbers
from euthymia.compounds.individual import WEIGHT, variable_parameters
from euthymia.units import parse_unit

Array = NDArray[np.float64]
YEAR = parse_unit("year").factor  # the library keeps times in hours
SAMPLES = 400  # studies drawn for the coefficient of variation of a small one
_PATIENTS = re.compile(r"\b(in|out)?patients?\b|\btdm\b|therapeutic drug monitoring", re.IGNORECASE)
_VOLUNTEERS = re.compile(r"\bhealthy\b|\bvolunteers?\b|bioequivalence", re.IGNORECASE)
_MIDDLE = re.compile(r"\bmedian\b|\bgeo(metric|m|\b)|\biqr\b", re.IGNORECASE)
_ANCESTRY = (  # words that tell where people come from, and whose gene frequencies they have
    ("south_asian", r"indians?|india|pakistan\w*|bangladesh\w*|sri lankan?s?|south[\s_-]asians?"),
    (
        "east_asian",
        r"chinese|china|japan\w*|korean?s?|taiwan\w*|thai\w*|vietnam\w*|singapore\w*|(east[\s_-])?asians?",
    ),
    ("african_american", r"african\w*|blacks?|nigerian?s?|ghanaians?"),
    ("european", r"european|caucasian|white|swedish|german|danish|norwegian|british"),
)
SCARCE = 0.2  # oral bioavailability below which what passes gut and liver decides
_ALIKE = ("CL", "V", "V2", "V3", "Q2", "Q3", "function")  # what varies less among volunteers


def are_volunteers(text: str, single: bool) -> bool:
    """Whether a population is one of healthy volunteers: by its words, else where one dose was given.

    >>> are_volunteers("24 healthy men", False), are_volunteers("inpatients", True), are_volunteers("", True)
    (True, False, True)
    """
    if _PATIENTS.search(text):
        return False
    return single or bool(_VOLUNTEERS.search(text))


def is_middle(row: Mapping[str, str]) -> bool:
    """Whether a row of observations states a median or a geometric mean: the level of the middle person.

    Papers mostly state arithmetic means, which lie above it where levels are skewed.

    >>> is_middle({"spread": "geometric CV 40 %"}), is_middle({"population": "median"}), is_middle({"spread": "SD 12"})
    (True, True, False)
    """
    return any(_MIDDLE.search(row.get(key, "")) for key in ("spread", "population", "metric", "value_unit"))


def ancestry_of(text: str) -> str:
    """Whose gene frequencies people have, by the words about them; European where nothing is said.

    >>> ancestry_of("22 healthy Thai men"), ancestry_of("patients"), ancestry_of("ancestry=african")
    ('east_asian', 'european', 'african_american')
    """
    for name, words in _ANCESTRY:
        if re.search(rf"\b({words}|{name})\b", text, re.IGNORECASE):
            return name
    return "european"


def how_many(text: str) -> int:
    """How many people a study had ('n=24', '24 healthy men', '36 patients'); 0 where it is not said.

    >>> how_many("healthy, n=24"), how_many("20 Chinese men"), how_many("patients")
    (24, 20, 0)
    """
    found = re.search(r"\bn\s*=\s*(\d+)", text, re.IGNORECASE) or re.search(
        r"\b(\d+)\s+(?:[a-z-]+\s+){0,4}(?:volunteers|men|women|subjects|patients|people|participants|adults|males)\b",
        text,
        re.IGNORECASE,
    )
    return int(found.group(1)) if found else 0


def draw_covariates(
    given: Mapping[str, float], sex: str, n: int, rng: np.random.Generator, volunteers: bool
) -> dict[str, Any]:
    """Weight (kg), age (years), sex and smoking of a group around what is said of it.

    Volunteers are young non-smokers of like weight unless something else is said.
    """
    numbers = enzyme_numbers()
    kind = "volunteers" if volunteers else "patients"

    def of(what: str) -> float:
        return numbers[f"groups.{kind}_{what}"].value / (YEAR if what.startswith("age") else 1.0)

    spread = math.sqrt(math.log1p(of("weight_cv") ** 2))
    middle = given.get("age", of("age"))
    found: dict[str, Any] = {
        "weight": given.get("weight", WEIGHT) * np.exp(spread * rng.standard_normal(n)),
        "age": np.clip(middle + of("age_sd") * rng.standard_normal(n), min(18.0, middle), 95.0),
        "sex": np.full(n, sex) if sex else np.where(rng.random(n) < of("women"), "female", "male"),
    }
    smokers = given["smoker"] if "smoker" in given else of("smokers")
    found["smoker"] = (rng.random(n) < smokers).astype(float)
    return found


def sample_variation(values: Array, size: int, rng: np.random.Generator) -> Array:
    """Coefficients of variation that studies of `size` people find, one a study.

    Their median is less than that of all people: a skewed distribution gets much of its variance from few people,
    whom a small study mostly misses.

    Returns
    -------
    ndarray, shape (studies,)
        One value, that of all people, where `size` is 0 or not below the number of people.
    """
    if not 1 < size < values.size:
        return np.array([values.std() / values.mean()])
    drawn = rng.choice(values, (SAMPLES, size))
    found: Array = drawn.std(axis=1, ddof=1) / drawn.mean(axis=1)
    return found


def availability(compound: Compound) -> float:
    """Oral bioavailability of a typical adult; 1 where a file does not tell it.

    >>> from euthymia.compounds.compound import load_compound
    >>> round(availability(load_compound("quetiapine")), 2), round(availability(load_compound("agomelatine")), 2)
    (0.09, 0.04)
    """
    oral = next((key for key in compound.routes if key.startswith("oral")), "")
    share = compound.value(f"routes.{oral}.F", 1.0) if oral else 1.0
    whole = compound.value(
        "routes.intravenous.F", 1.0
    )  # above 1 where the oral F is folded into the clearance
    return share / max(whole, 1.0)


@cache
def _shares(scarce: bool) -> tuple[float, float]:
    numbers = enzyme_numbers()
    alike = "groups.volunteers_first_pass" if scarce else "groups.volunteers"
    return numbers[alike].value, numbers["groups.bioavailability"].value


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
    oral = route.startswith("oral") and f"routes.{route}.F" in compound.parameters
    share, absorbed = _shares(oral and availability(compound) < SCARCE)
    spreads = variable_parameters([compound])
    draws = {k: rng.standard_normal(n) for k in spreads if not k.endswith(".uncertainty")}
    if compound.components:  # enantiomers share their enzymes and tissues: who clears one fast clears both so
        same: dict[tuple[int, str], Array] = {}
        for id_ in draws:
            key = (id_.count("."), id_.removesuffix(".function").rsplit(".", 1)[-1])
            draws[id_] = same.setdefault(key, draws[id_])
    less = share if volunteers else 1.0
    for id_ in draws:
        if id_.rsplit(".", 1)[-1] in _ALIKE:
            draws[id_] = less * draws[id_]
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
