"""Endpoints of the field, with their exact definitions.

In: rated totals of one scale, shape (patients, visits), NaN after dropout.  Out: per-patient endpoints.
Response is a fall of at least half from baseline; remission a total at or below the scale's cut-off; early
improvement a fall of at least a fifth; onset the first visit of a response that holds at every later visit
seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError
from euthymia.outcomes.parameters import parameters
from euthymia.outcomes.scales import scale

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def change(scores: Array) -> Array:
    """Change from baseline at every visit; negative is improvement.

    >>> change(np.array([[30.0, 20.0, 12.0]])).tolist()
    [[0.0, -10.0, -18.0]]
    """
    return scores - scores[:, :1]


def fall(scores: Array) -> Array:
    """Relative fall from baseline, 1 for a total of 0; 0 where the baseline is 0."""
    baseline = scores[:, :1]
    return np.where(baseline > 0, -change(scores) / np.where(baseline > 0, baseline, 1.0), 0.0)


def response(scores: Array, share: float | None = None) -> Flags:
    """Fall of at least half (or `share`) from baseline; a missing score is no response.

    >>> response(np.array([[30.0, 15.0], [30.0, 16.0]]))[:, -1].tolist()
    [True, False]
    """
    with np.errstate(invalid="ignore"):
        return fall(scores) >= (parameters("endpoints")["response"] if share is None else share)


def early_improvement(scores: Array) -> Flags:
    """Fall of at least a fifth from baseline, to be read at week 2."""
    return response(scores, parameters("endpoints")["early"])


def remission(scores: Array, on: str, cutoff: float | None = None) -> Flags:
    """Total at or below the cut-off of the scale; a missing score is no remission.

    Raises
    ------
    InputError
        The scale has no convention and no cut-off is given.

    Examples
    --------
    >>> remission(np.array([[24.0, 7.0], [24.0, 8.0]]), "HAMD17")[:, -1].tolist()
    [True, False]
    """
    if cutoff is None:
        known = parameters("endpoints")
        cutoff = known.get(f"remission.{scale(on).name}")
        if cutoff is None:
            raise InputError([f"remission on '{on}' has no convention; give the cut-off"])
    with np.errstate(invalid="ignore"):
        return scores <= cutoff


def last_observed(scores: Array) -> Array:
    """Scores with every missing visit filled by the last one seen (last observation carried forward).

    >>> last_observed(np.array([[30.0, 20.0, np.nan]])).tolist()
    [[30.0, 20.0, 20.0]]
    """
    seen = np.where(np.isfinite(scores), np.arange(scores.shape[1]), 0)
    return np.take_along_axis(scores, np.maximum.accumulate(seen, axis=1), axis=1)


def onset(times: Array, scores: Array, share: float | None = None) -> Array:
    """Time of the first response that holds at every later visit seen; infinite where there is none.

    Parameters
    ----------
    times : ndarray, shape (visits,), h
    scores : ndarray, shape (patients, visits)

    Returns
    -------
    ndarray, shape (patients,), h

    Examples
    --------
    >>> onset(np.array([0.0, 168.0, 336.0]), np.array([[30.0, 14.0, 13.0], [30.0, 14.0, 20.0]])).tolist()
    [168.0, inf]
    """
    holds = response(scores, share) | ~np.isfinite(scores)
    sustained = np.flip(np.logical_and.accumulate(np.flip(holds, axis=1), axis=1), axis=1) & np.isfinite(
        scores
    )
    return np.where(sustained.any(axis=1), times[np.argmax(sustained, axis=1)], np.inf)


def relapse(scores: Array, threshold: float) -> Flags:
    """Total at or above `threshold` at this or any earlier visit (after remission or response at entry)."""
    with np.errstate(invalid="ignore"):
        return np.logical_or.accumulate(scores >= threshold, axis=1)
