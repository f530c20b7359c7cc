"""Which doses a patient takes: two states, adherent and lapsed.

In: dose times and uniforms.  Out: a mask of doses taken.  Assumed: lapses begin and end at constant rates;
while adherent single doses are missed at random; in a lapse nothing is taken; attended doses are always
taken.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from euthymia.outcomes.parameters import parameters

Array = NDArray[np.float64]


def taken(
    times: Array, state: Array, miss: Array, attended: bool = False, mean: float | None = None
) -> NDArray[np.bool_]:
    """Doses taken.

    Parameters
    ----------
    times : ndarray, shape (doses,), h
    state, miss : ndarray, shape (patients, doses), uniforms in (0, 1)
        For lapse and return, and for single missed doses.
    attended : bool
        Doses given by staff.
    mean : float, optional
        Long-run share of doses taken, 0 to 1, in place of the library's: lapses become rarer or commoner, and single
        missed doses rarer where no lapse is left.

    Returns
    -------
    ndarray of bool, shape (patients, doses)

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> mask = taken(np.arange(56) * 24.0, g.random((500, 56)), g.random((500, 56)))
    >>> bool(0.8 < mask.mean() < 0.92)
    True
    """
    if attended:
        return np.ones(state.shape, dtype=bool)
    p = dict(parameters("adherence"))
    if mean is not None:
        share = min(1.0, mean / (1 - p["miss"]))  # of the time adherent
        p["miss"] = 1 - mean / share if share > 0 else 1.0
        p["lapse"] = p["return"] * (1 - share) / share if share > 0 else p["lapse"]
    adherent = np.ones(len(state), dtype=bool)
    mask = np.empty(state.shape, dtype=bool)
    total = p["lapse"] + p["return"]
    for j, gap in enumerate(np.diff(times, prepend=times[:1])):
        mixing = -np.expm1(-total * gap)
        lapse, back = p["lapse"] / total * mixing, p["return"] / total * mixing
        adherent = np.where(adherent, state[:, j] >= lapse, state[:, j] < back)
        mask[:, j] = adherent & (miss[:, j] >= p["miss"])
    return mask


def expected_taken() -> float:
    """Long-run share of doses taken: (1 - miss) return / (return + lapse)."""
    p = parameters("adherence")
    return (1 - p["miss"]) * p["return"] / (p["return"] + p["lapse"])
