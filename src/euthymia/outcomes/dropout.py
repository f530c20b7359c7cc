"""Leaving a trial: hazard on the observed score and on side effects.

In: observed scores, side-effect burden, uniforms.  Out: the time each patient leaves and who is present when.
Assumed: the hazard between two visits is constant and uses the change observed at the visit before (missing
at random) plus a side-effect term; the patient never returns.

References: furukawa2019optimal, goldstein2004duloxetine
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from euthymia.outcomes.parameters import parameters

Array = NDArray[np.float64]


def hazard(change: Array, burden: Array | float = 0.0) -> Array:
    """Hazard of dropout after a visit with this observed change, 1/h.

    h = h0 exp(k change) + s burden

    Parameters
    ----------
    change : ndarray, MADRS points from baseline (negative is improvement)
    burden : ndarray or float
        Side effects; 0 as on placebo, 1 as on a licensed antidepressant dose.

    Examples
    --------
    >>> bool(hazard(np.array([-15.0]))[0] < hazard(np.array([3.0]))[0])
    True
    """
    p = parameters("dropout")
    return p["hazard"] * np.exp(p["per_point"] * change) + p["side_effects"] * np.asarray(burden, dtype=float)


def dropout_time(times: Array, observed: Array, uniform: Array, burden: Array | float = 0.0) -> Array:
    """When each patient leaves; infinite for those who stay to the last visit.

    Parameters
    ----------
    times : ndarray, shape (visits,), h
    observed : ndarray, shape (patients, visits), MADRS points
    uniform : ndarray, shape (patients, visits), in (0, 1); column 0 is not used
    burden : ndarray, shape (patients,) or (patients, visits), or float

    Returns
    -------
    ndarray, shape (patients,), h
    """
    load = np.asarray(burden, dtype=float)
    load = load[:, None] if load.ndim == 1 else load
    rate = np.broadcast_to(hazard(observed - observed[:, :1], load), observed.shape)[:, :-1]
    step = np.diff(times)
    # waiting time within the interval, from the uniform by inversion
    wait = -np.log1p(-uniform[:, 1:]) / rate
    leaves = wait < step
    first = np.argmax(leaves, axis=1)
    rows = np.arange(len(observed))
    return np.where(leaves.any(axis=1), times[first] + wait[rows, first], np.inf)
