"""The cited numbers of the outcome layer, read once and put in canonical units (time in h).

In: `library/outcomes/<name>.yaml`.  Out: read-only mappings of parameter id to number.  Nothing is assumed
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from euthymia.evidence.read import LIBRARY, load
from euthymia.units import to_canonical

PARTS = ("scales", "placebo", "dropout", "adherence", "endpoints")


@cache
def parameters(part: str) -> Mapping[str, float]:
    """Values of one part of the outcome layer in canonical units.

    Parameters
    ----------
    part : str
        One of `PARTS`.

    Raises
    ------
    InputError
        The library file departs from its schema; every problem is listed.

    Examples
    --------
    >>> parameters("scales")["HAMD17.slope"]
    1.3
    """
    document = load(LIBRARY / "outcomes" / f"{part}.yaml", "outcomes")
    found = document.data["parameters"]
    return MappingProxyType({name: to_canonical(p["value"], p["unit"]) for name, p in found.items()})
