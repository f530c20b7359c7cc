"""One latent severity to the totals of every rating scale.

In: latent severity in MADRS points (continuous, may leave 0-60) and standard normals.  Out: integer totals
inside each scale's bounds.  Assumed: scales are linear in severity through zero, with noise shared between
scales of one visit (`shared_noise`) and noise of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError, nearest
from euthymia.outcomes.parameters import parameters

Array = NDArray[np.float64]
# spellings, once everything but letters and figures is gone
_SPELLINGS = (
    (r"(?:GRID|SIGH|SIGHA?DS?)?(?:HAMD|HDRS|HRSD|HAMDS|HAMILTON)(?:RS)?(\d+)?(?:ITEMS?)?", "HAMD"),
    (r"MADRS(?:10|S|SR|SIGMA)?", "MADRS"),
    (r"QIDS(?:SR|C)?(?:16)?(?:SR|C)?", "QIDS"),
    (r"IDS(?:SR|C)?(?:30)?(?:SR|C)?", "IDS30"),
    (r"BDI(?:1|I|II|2|IA)?(?:21)?", "BDI"),
    (r"PHQ(?:9)?", "PHQ9"),
    (r"EPDS", "EPDS"),
    (r"HADS(?:D)?|HADD", "HADSD"),
    (r"CESD(?:R|20)?", "CESD"),
    (r"GDS(?:15|S)", "GDS15"),
)
USUAL_ITEMS = "17"  # of a Hamilton scale whose length is not said


def canonical(name: str) -> str:
    """The plain name of a scale as papers spell it; the name itself where no spelling fits.

    >>> [canonical(n) for n in ("HAM-D", "GRID-HAMD-17", "HDRS (24 items)", "QIDS-SR16", "BDI-II", "PHQ-9")]
    ['HAMD17', 'HAMD17', 'HAMD24', 'QIDS', 'BDI', 'PHQ9']
    """
    plain = re.sub(r"[^A-Z0-9]", "", name.upper())
    for form, stem in _SPELLINGS:
        found = re.fullmatch(form, plain)
        if found:
            return stem + (found[1] or USUAL_ITEMS) if stem == "HAMD" else stem
    return name.strip()


@dataclass(frozen=True, slots=True)
class Scale:
    """A rating scale linked to the latent severity.

    Parameters
    ----------
    name : str
        `MADRS`, `HAMD17`, `HAMD21`, `HAMD24`, `HAMD25`, `HAMD6`, `QIDS`, `BDI` or `PHQ9`.
    maximum : float
        Highest total; the lowest is 0.
    slope : float
        MADRS points per point of this scale.
    noise : float
        Standard deviation of the rating noise, MADRS points.
    """

    name: str
    maximum: float
    slope: float
    noise: float


@cache
def _scales() -> dict[str, Scale]:
    p = parameters("scales")
    names = [key.split(".")[0] for key in p if key.endswith(".slope")]
    return {n: Scale(n, p[f"{n}.maximum"], p[f"{n}.slope"], p[f"{n}.noise"]) for n in names}


def scale_names() -> tuple[str, ...]:
    """Names of the scales that have a link to the latent severity.

    >>> "PHQ9" in scale_names()
    True
    """
    return tuple(_scales())


def scale(name: str) -> Scale:
    """The scale of this name; common spellings such as `QIDS-SR16` or `HDRS` are understood.

    Raises
    ------
    InputError
        No link for that scale; the nearest name is offered.

    Examples
    --------
    >>> scale("BDI-II").name
    'BDI'
    """
    known = _scales()
    found = known.get(canonical(name))
    if found is None:
        hint = nearest(canonical(name), known)
        raise InputError([f"scale '{name}' has no link to severity{hint}; linked: {', '.join(known)}"])
    return found


def total(severity: Array, on: str, shared: Array | float = 0.0, own: Array | float = 0.0) -> Array:
    """Rated total of one scale: whole points inside the scale's bounds.

    total = clip(round((severity + noise * (sqrt(r) shared + sqrt(1 - r) own)) / slope), 0, maximum)

    Parameters
    ----------
    severity : ndarray, any shape, MADRS points
    on : str
        Name of the scale.
    shared, own : ndarray or float, broadcast to severity, standard normals
        Noise of the visit common to all scales, and of this scale alone; 0 for a noiseless rating.

    Returns
    -------
    ndarray, shape of severity, points of the scale

    Examples
    --------
    >>> total(np.array([26.0, 70.0, -4.0]), "HAMD17")
    array([20., 52.,  0.])
    """
    s = scale(on)
    r = parameters("scales")["shared_noise"]
    rated = severity + s.noise * (np.sqrt(r) * shared + np.sqrt(1 - r) * own)
    return np.clip(np.rint(rated / s.slope), 0.0, s.maximum)


def to_madrs(points: Array | float, on: str) -> Array | float:
    """A score, change or standard error of another scale as MADRS-equivalent points.

    >>> round(float(to_madrs(-5.0, "HAMD17")), 2)
    -6.5
    """
    return points * scale(on).slope
