"""Group-sequential designs: stopping bounds from alpha spending, and their operating characteristics.

In: information times and total alpha.  Out: bounds on the z scale.  Assumed: z statistics of successive
looks are jointly normal with correlation sqrt(t_i / t_j); integration on a grid by recursion.

References: lan1983discrete, obrien1979multiple
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, signal, stats

from euthymia.errors import InputError, nearest

Array = NDArray[np.float64]
SPENDING = ("obrien_fleming", "pocock")
CLASSICAL = ("obrien_fleming_classical", "pocock_classical")
GRID = 4001
REACH = 9.0


def spent(t: Array | float, alpha: float = 0.05, kind: str = "obrien_fleming") -> Array:
    """Two-sided alpha spent by information time t.

    >>> float(round(spent(1.0), 6))
    0.05
    """
    t = np.asarray(t, float)
    if kind == "obrien_fleming":
        return 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(t))
    if kind == "pocock":
        return alpha * np.log1p((np.e - 1) * t)
    raise InputError(
        [
            f"spending '{kind}'{nearest(kind, (*SPENDING, *CLASSICAL))}; allowed: {', '.join((*SPENDING, *CLASSICAL))}"
        ]
    )


def _grid(drift: float) -> tuple[Array, float]:
    score = np.linspace(-REACH - abs(drift), REACH + abs(drift), GRID)
    return score, float(score[1] - score[0])


def _advance(density: Array | None, gap: float, drift: float) -> Array:
    """Density of B(t) = z sqrt(t) one look later, of the paths that have not crossed."""
    score, step = _grid(drift)
    if density is None:
        return stats.norm.pdf(score, drift * gap, np.sqrt(gap))
    offsets = np.arange(-(GRID - 1), GRID) * step
    kernel = stats.norm.pdf(offsets, drift * gap, np.sqrt(gap))
    return signal.fftconvolve(density, kernel, mode="full")[GRID - 1 : 2 * GRID - 1] * step


def _stay(density: Array, limit: float, drift: float) -> Array:
    """The part of the density inside +-limit; edge cells count by their share, so it is smooth in the limit."""
    score, step = _grid(drift)
    return density * np.clip((limit - (np.abs(score) - step / 2)) / step, 0.0, 1.0)


def crossing(information: Array, bounds: Array, drift: float = 0.0) -> Array:
    """Chance to cross +-bound for the first time at each look.

    Parameters
    ----------
    information : ndarray, shape (looks,), rising to 1
    bounds : ndarray, shape (looks,), z scale
    drift : float
        Expected z at full information.

    Returns
    -------
    ndarray, shape (looks,)
    """
    density, found, step = None, [], _grid(drift)[1]
    gaps = np.diff(information, prepend=0.0)
    for t, gap, bound in zip(information, gaps, bounds, strict=True):
        now = _advance(density, float(gap), drift)
        density = _stay(now, float(bound * np.sqrt(t)), drift)
        found.append((now - density).sum() * step)
    return np.array(found)


def classical(information: Array, alpha: float = 0.05, kind: str = "pocock_classical") -> Array:
    """Bounds of one shape whose crossing chances add up to alpha: constant, or falling as 1 / sqrt(t).

    >>> classical(np.array([0.5, 1.0])).round(3).tolist()
    [2.178, 2.178]
    """
    shape = np.ones_like(information) if kind == "pocock_classical" else 1 / np.sqrt(information)
    size = optimize.brentq(
        lambda c: crossing(information, c * shape).sum() - alpha, 1.0, REACH / 2, xtol=1e-7
    )
    return float(size) * shape


def boundaries(information: Array, alpha: float = 0.05, kind: str = "obrien_fleming") -> Array:
    """Two-sided z bounds whose crossing chances spend alpha as asked, or of a classical shape.

    Raises
    ------
    InputError
        Information times that do not rise to 1.

    Examples
    --------
    >>> boundaries(np.array([1.0])).round(3).tolist()
    [1.96]
    """
    information = np.asarray(information, float)
    if (np.diff(information, prepend=0) <= 0).any() or abs(information[-1] - 1) > 1e-12:
        raise InputError([f"information times {information.tolist()} must rise from above 0 to 1"])
    if kind in CLASSICAL:
        return classical(information, alpha, kind)
    target = np.diff(spent(information, alpha, kind), prepend=0.0)
    bounds: list[float] = []
    density, step = None, _grid(0.0)[1]
    for t, gap, share in zip(information, np.diff(information, prepend=0.0), target, strict=True):
        now = _advance(density, float(gap), 0.0)

        def excess(z: float, t: float = t, now: Array = now, share: float = share) -> float:
            return float((now - _stay(now, z * np.sqrt(t), 0.0)).sum() * step - share)

        bounds.append(float(optimize.brentq(excess, 0.5, REACH, xtol=1e-7)))
        density = _stay(now, bounds[-1] * float(np.sqrt(t)), 0.0)
    return np.array(bounds)
