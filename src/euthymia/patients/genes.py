"""Metaboliser phenotypes by ancestry.

In: an ancestry file (shares of PM, IM, RM, UM per enzyme; the rest are NM).  Out: per patient the phenotype word and
the activity score that kinetics reads.  Assumed: enzymes are inherited independently.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from euthymia.compounds.genotype import activity_score, genotyped_enzymes
from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.parameter import Parameter, read_parameters
from euthymia.evidence.read import LIBRARY, load
from euthymia.patients.streams import uniforms

FOLDER = LIBRARY / "ancestries"


def list_ancestries() -> list[str]:
    """Names of the shipped ancestries."""
    return sorted(p.stem for p in FOLDER.glob("*.yaml"))


@lru_cache(maxsize=16)
def load_ancestry(name: str) -> dict[str, dict[str, Parameter]]:
    """Shares of the phenotypes of each enzyme.

    Raises
    ------
    InputError
        Unknown name, or shares above 1.
    """
    known = list_ancestries()
    if name not in known:
        raise InputError(
            [Problem(f"unknown ancestry '{name}'{nearest(name, known) or '; known: ' + ', '.join(known)}")]
        )
    document = load(FOLDER / f"{name}.yaml", "ancestry")
    shares = {
        enzyme: read_parameters(document, ("frequency", enzyme)) for enzyme in document.data["frequency"]
    }
    problems = [
        document.problem(("frequency", enzyme), "the shares add up to more than 100 %")
        for enzyme, found in shares.items()
        if sum(p.value for p in found.values()) > 1.0
    ]
    if problems:
        raise InputError(problems)
    return shares


def sample_genes(
    ancestry: str, seed: int, trial: str, patients: ArrayLike
) -> tuple[dict[str, NDArray[np.str_]], dict[str, NDArray[np.float64]]]:
    """Phenotype words and activity scores by enzyme, each of shape (patients,)."""
    words: dict[str, NDArray[np.str_]] = {}
    scores: dict[str, NDArray[np.float64]] = {}
    known = genotyped_enzymes()
    for enzyme, shares in load_ancestry(ancestry).items():
        names = [*shares, "NM"]
        edges = np.cumsum([p.value for p in shares.values()])
        u = uniforms(seed, trial, patients, f"genes/{enzyme}")[:, 0]
        place = np.searchsorted(edges, u, side="right")
        words[enzyme] = np.array(names)[place]
        if enzyme in known:
            scores[enzyme] = np.array([activity_score(enzyme, n) for n in names])[place]
    return words, scores
