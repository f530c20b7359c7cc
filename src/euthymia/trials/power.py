"""Power and operating characteristics: by formula and over replicates.

In: an effect, a spread, a sample size; or p values and estimates of replicated virtual trials.  Out: chances
with Monte Carlo error.  Assumed by the formulas: normal outcomes, equal spread in both arms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


def chance_of_success(
    effect: Array | float, se: float, alpha: float = 0.05, uncertainty: float = 0.0
) -> float:
    """Chance that a trial is significant in the right direction.

    P(z < -z_crit) averaged over a normal belief about the effect: Phi((-z_crit se - mean) / sqrt(se^2 +
    sd^2)) for one effect; the mean over the values where `effect` is an array of samples.

    Parameters
    ----------
    effect : float or ndarray of samples
        Negative is better.
    se : float
        Standard error the trial will have.
    uncertainty : float
        Standard deviation of the belief about the effect.

    Examples
    --------
    >>> round(chance_of_success(-1.96, 1.0), 3)
    0.5
    """
    critical = stats.norm.isf(alpha / 2) * se
    return float(np.mean(stats.norm.cdf((-critical - np.asarray(effect)) / np.hypot(se, uncertainty))))


def standard_error(sd: float, n_arm: float, n_control: float) -> float:
    """Standard error of a difference of two means."""
    return float(sd * np.sqrt(1 / n_arm + 1 / n_control))


def sample_size(effect: float, sd: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Patients an arm for a two-arm trial with equal allocation (t distribution).

    >>> sample_size(-5.0, 10.0)
    64
    """
    n = 2
    while True:
        df, shift = 2 * n - 2, abs(effect) / standard_error(sd, n, n)
        if stats.nct.sf(stats.t.isf(alpha / 2, df), df, shift) >= power:
            return n
        n += 1


@dataclass(frozen=True, slots=True)
class Characteristics:
    """What replicated virtual trials did.

    Parameters
    ----------
    replicates : int
    power, power_error : float
        Share of replicates significant in the right direction, and its Monte Carlo standard error.
    bias, coverage, exaggeration : float
        Mean error of the estimate; share of 95 % intervals that hold the truth; mean size of significant
        estimates relative to the truth.
    """

    replicates: int
    power: float
    power_error: float
    bias: float
    coverage: float
    exaggeration: float


def characteristics(estimates: Array, errors: Array, truth: float, alpha: float = 0.05) -> Characteristics:
    """Operating characteristics over replicates.

    Parameters
    ----------
    estimates, errors : ndarray, shape (replicates,)
    truth : float
    """
    estimates, errors = np.asarray(estimates, float), np.asarray(errors, float)
    critical = stats.norm.isf(alpha / 2)
    won = estimates < -critical * errors
    inside = np.abs(estimates - truth) < stats.norm.isf(0.025) * errors
    power = float(won.mean())
    larger = float(estimates[won].mean() / truth) if won.any() and truth else float("nan")
    error = float(np.sqrt(power * (1 - power) / len(estimates)))
    return Characteristics(
        len(estimates), power, error, float(estimates.mean() - truth), float(inside.mean()), larger
    )
