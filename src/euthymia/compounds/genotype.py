"""Genes of drug metabolism: phenotype words, activity scores and the enzyme function they stand for.

In: phenotype ('PM') or activity score (0.5).  Out: function of the enzyme relative to two normal alleles, read
from `library/genotype/enzymes.yaml` as a piecewise linear relation.
"""

from __future__ import annotations

import csv
import re
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from euthymia.errors import InputError, nearest
from euthymia.evidence.parameter import Parameter, read_parameters
from euthymia.evidence.read import LIBRARY, Document, load

MOST_SCORE = 6.0
PHENOTYPES = ("PM", "IM", "NM", "RM", "UM")
_WORDS = {
    "poor": "PM", "intermediate": "IM", "normal": "NM", "extensive": "NM", "rapid": "RM", "ultrarapid": "UM",
    "EM": "NM", "UR": "UM", "homEM": "NM", "hetEM": "IM", "wt/wt": "NM", "wt": "NM", "EMs": "NM", "PMs": "PM",
}  # fmt: skip


@cache
def _document() -> Document:
    return load(LIBRARY / "genotype" / "enzymes.yaml", "enzymes")


@cache
def enzyme_numbers() -> dict[str, Parameter]:
    """Every number of `library/genotype/enzymes.yaml` by dotted path."""
    found: dict[str, Parameter] = {}
    for block in ("turnover", "smoking", "groups"):
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
        known = {**scores, "poor": 0.0, "intermediate": 0.0, "normal": 0.0, "rapid": 0.0, "ultrarapid": 0.0}
        hint = nearest(phenotype.strip(), known) or nearest(phenotype.strip().upper(), scores)
        raise InputError([f"'{phenotype}' is not a phenotype of {enzyme}; known: {', '.join(scores)}{hint}"])
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


@cache
def alleles() -> dict[tuple[str, str], float]:
    """Activity of single alleles by (enzyme, '*4'), from `library/genotype/observations.csv`."""
    found: dict[tuple[str, str], float] = {}
    with (LIBRARY / "genotype" / "observations.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["kind_of_row"] != "activity":
                continue
            number = re.match(r"[\d.]+", row["value"])
            if number:
                for star in re.split(r"[/,;]", row["phenotype_or_allele"]):
                    found[row["gene"], star.strip().upper()] = float(number.group())
    return found


def read_activity(enzyme: str, text: str) -> float:
    """Activity score from a number, a phenotype word, several of them ('NM/IM': the middle) or a diplotype.

    Raises
    ------
    InputError
        Unknown enzyme, phenotype or allele.

    >>> read_activity("CYP2D6", "*1/*4"), read_activity("CYP2C19", "PM"), read_activity("CYP2D6", "0.5")
    (1.0, 0.0, 0.5)
    """
    plain = text.strip()
    try:
        score = float(plain)
    except ValueError:
        pass
    else:
        activity_score(enzyme, "NM")
        if not 0 <= score <= MOST_SCORE:
            raise InputError(
                [f"activity score {plain} of {enzyme} is impossible; allowed 0 to {MOST_SCORE:g}"]
            )
        return score
    if "*" in plain:
        known, total = alleles(), 0.0
        for star in plain.replace(" ", "").split("/"):
            key = (enzyme.upper(), star.upper().replace("X2", "XN").replace("X3", "XN"))
            if key not in known:
                stars = sorted(s for e, s in known if e == enzyme.upper())
                raise InputError(
                    [f"allele '{star}' of {enzyme} has no activity here; known: {', '.join(stars) or 'none'}"]
                )
            total += known[key]
        return total
    if part := re.fullmatch(r"[<>=~]*\s*(\d*\.?\d+)(?:\s*(?:-|to)\s*(\d*\.?\d+))?", plain):
        return read_activity(enzyme, str(np.mean([float(x) for x in part.groups() if x])))
    words = [w for w in re.split(r"[/+]", plain) if w.strip()]
    return (
        float(np.mean([activity_score(enzyme, w) for w in words])) if words else activity_score(enzyme, plain)
    )


@cache
def _frequencies(ancestry: str) -> dict[str, dict[str, float]]:
    document = load(LIBRARY / "ancestries" / f"{ancestry}.yaml", "ancestry")
    return {
        enzyme: {
            w: p.value for w, p in read_parameters(document, ("frequency", enzyme), f"{enzyme}.").items()
        }
        for enzyme in document.data["frequency"]
    }


def draw_scores(enzyme: str, uniform: ArrayLike, ancestry: str = "european") -> NDArray[np.float64]:
    """Activity scores of a group: one phenotype each, by the shares of an ancestry.

    Parameters
    ----------
    uniform : array_like
        Uniform random numbers, one a patient.

    >>> draw_scores("CYP2C19", [0.001, 0.999]).tolist()
    [0.0, 3.0]
    """
    draw = np.asarray(uniform, dtype=float)
    scores = np.full(draw.shape, activity_score(enzyme, "NM"))
    shares = {k.rsplit(".", 1)[-1]: v for k, v in _frequencies(ancestry).get(enzyme, {}).items()}
    low = sum(shares.get(word, 0.0) for word in ("PM", "IM"))
    edge = 0.0
    for word in ("PM", "IM"):
        scores[(draw >= edge) & (draw < edge + shares.get(word, 0.0))] = (
            activity_score(enzyme, word) if word in shares else 2.0
        )
        edge += shares.get(word, 0.0)
    edge = 1.0
    for word in ("UM", "RM"):
        if word in shares:
            scores[(draw < edge) & (draw >= max(edge - shares[word], low))] = activity_score(enzyme, word)
            edge -= shares[word]
    return scores
