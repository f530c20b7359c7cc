"""Genes of drug metabolism: phenotype words, activity scores and the enzyme function they stand for.

In: phenotype ('PM') or activity score (0.5).  Out: function of the enzyme relative to two normal alleles, read
from `library/genotype/enzymes.yaml` as a piecewise linear relation.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from euthymia.errors import InputError, nearest
from euthymia.evidence.parameter import Parameter, read_parameters
from euthymia.evidence.read import LIBRARY, Document, load

PHENOTYPES = ("PM", "IM", "NM", "RM", "UM")
_WORDS = {
    "poor": "PM", "intermediate": "IM", "normal": "NM", "extensive": "NM", "rapid": "RM", "ultrarapid": "UM",
    "EM": "NM", "UR": "UM",
}  # fmt: skip


@cache
def _document() -> Document:
    return load(LIBRARY / "genotype" / "enzymes.yaml", "enzymes")


@cache
def enzyme_numbers() -> dict[str, Parameter]:
    """Every number of `library/genotype/enzymes.yaml` by dotted path."""
    found: dict[str, Parameter] = {}
    for block in ("turnover", "smoking"):
        found.update(read_parameters(_document(), (block,), f"{block}."))
    for enzyme in _document().data["function"]:
        found.update(read_parameters(_document(), ("function", enzyme), f"function.{enzyme}."))
        found.update(read_parameters(_document(), ("score", enzyme), f"score.{enzyme}."))
    return found


def genotyped_enzymes() -> tuple[str, ...]:
    """Enzymes whose function follows an activity score."""
    return tuple(_document().data["function"])


def _points(start: str) -> dict[str, float]:
    return {k.removeprefix(start): p.value for k, p in enzyme_numbers().items() if k.startswith(start)}


def activity_score(enzyme: str, phenotype: str) -> float:
    """The activity score that stands for a phenotype word.

    Raises
    ------
    InputError
        Unknown enzyme or phenotype, with the nearest right name.

    >>> activity_score("CYP2C19", "PM"), activity_score("CYP2D6", "normal")
    (0.0, 2.0)
    """
    names = genotyped_enzymes()
    if enzyme.upper() not in names:
        raise InputError(
            [f"'{enzyme}' has no phenotypes here; known: {', '.join(names)}{nearest(enzyme, names)}"]
        )
    word = _WORDS.get(phenotype.strip(), _WORDS.get(phenotype.strip().lower(), phenotype.strip().upper()))
    scores = _points(f"score.{enzyme.upper()}.")
    if word not in scores:
        raise InputError([f"'{phenotype}' is not a phenotype of {enzyme}; known: {', '.join(scores)}"])
    return scores[word]


def enzyme_function(enzyme: str, score: ArrayLike) -> NDArray[np.float64]:
    """Function of an enzyme relative to two normal alleles.

    Parameters
    ----------
    score : array_like
        Activity scores (2 = two normal alleles).

    >>> [float(x) for x in enzyme_function("CYP2D6", [0, 1, 2]).round(2)]
    [0.0, 0.5, 1.0]
    """
    points = {float(k.rsplit("_", 1)[-1]) / 100: v for k, v in _points(f"function.{enzyme}.").items()}
    if not points:
        return np.ones_like(np.asarray(score, dtype=float))
    known = sorted(points)
    return np.interp(np.asarray(score, dtype=float), known, [points[s] for s in known])


def smoking_factor(enzyme: str) -> float:
    """How much more of an enzyme smokers have (1 = no effect)."""
    found = enzyme_numbers().get(f"smoking.{enzyme}")
    return found.value if found else 1.0
