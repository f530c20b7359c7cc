"""Time to an event: Kaplan-Meier curves, the log-rank test, hazard ratios, events a trial needs.

In: time and event or censoring of every patient, and the arm.  Out: curves and estimates.  Assumed: censoring that says
nothing about the event; the hazard ratio of the log-rank test is its one-step estimate, so that estimate and p value
belong together.

References: mantel1966evaluation, kaplan1958nonparametric, schoenfeld1981asymptotic
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from euthymia.trials.statistics import Estimate

Array = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Curve:
    """One Kaplan-Meier curve.

    Parameters
    ----------
    time : ndarray, shape (steps,), the unit given
        0 and then the times of events and of censoring.
    free, low, high : ndarray, shape (steps,)
        Share free of the event, with a pointwise 95 % interval (log-log scale).
    at_risk, events : ndarray of int, shape (steps,)
    median : float
        Time by which half have the event; NaN where it is not reached.
    """

    time: Array
    free: Array
    low: Array
    high: Array
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    median: float


def kaplan_meier(time: Array, event: NDArray[np.bool_]) -> Curve:
    """The share still free of the event.

    Parameters
    ----------
    time : ndarray, shape (patients,)
        Of the event or, where there was none, of the last look at the patient.
    event : ndarray of bool, shape (patients,)

    Raises
    ------
    ValueError
        No patients.

    Examples
    --------
    >>> curve = kaplan_meier(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, False]))
    >>> curve.free.tolist(), curve.median
    ([1.0, 0.75, 0.75, 0.375, 0.375], 3.0)
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    time, event = np.asarray(time, float), np.asarray(event, bool)
    if not len(time):
        raise ValueError("no patients at risk")
    steps = np.unique(time[time > 0])
    if not event.any():
        free, error = np.ones(len(steps)), np.zeros(len(steps))
        median = float("nan")
    else:
        fit = SurvfuncRight(time, event.astype(int))
        place = np.searchsorted(fit.surv_times, steps, side="right") - 1
        free, error = np.append(fit.surv_prob, 1.0)[place], np.append(fit.surv_prob_se, 0.0)[place]
        median = float(fit.quantile(0.5))
    low, high = _band(free, error)
    risk = np.array([(time >= t).sum() for t in steps])
    count = np.array([(event & (time == t)).sum() for t in steps])
    return Curve(
        np.concatenate([[0.0], steps]),
        np.concatenate([[1.0], free]),
        np.concatenate([[1.0], low]),
        np.concatenate([[1.0], high]),
        np.concatenate([[len(time)], risk]).astype(np.int64),
        np.concatenate([[int((event & (time <= 0)).sum())], count]).astype(np.int64),
        median,
    )


def _band(free: Array, error: Array) -> tuple[Array, Array]:
    """Pointwise interval on the log-log scale, inside 0 and 1."""
    z = stats.norm.isf((1 - LEVEL) / 2)
    inner = (free > 0) & (free < 1) & np.isfinite(error)
    s = np.where(inner, free, 0.5)
    reach = z * np.where(inner, error, 0.0) / (s * np.abs(np.log(s)))
    return np.where(inner, s ** np.exp(reach), free), np.where(inner, s ** np.exp(-reach), free)


def _enough(event: NDArray[np.bool_], arm: NDArray[np.int64]) -> None:
    for a in np.unique(np.append(arm, 0)):
        if not (arm == a).any():
            raise ValueError(
                "nobody at risk in one of the groups; more patients or another endpoint are needed"
            )
    if len(np.unique(arm)) < 2:
        raise ValueError("nobody at risk outside the control; more patients or another endpoint are needed")
    if not event.any():
        raise ValueError("nobody had the event; a longer trial, more patients or another limit are needed")


def log_rank(time: Array, event: NDArray[np.bool_], arm: NDArray[np.int64]) -> dict[int, Estimate]:
    """Log-rank test of every arm against arm 0.

    U = sum over event times of (events in the arm - expected);  V = sum of their hypergeometric variances.
    The estimate is the one-step log hazard ratio U / V with standard error 1 / sqrt(V), so z^2 is the log-rank chi2.

    Examples
    --------
    >>> time, arm = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])
    >>> found = log_rank(time, np.ones(4, bool), arm)[1]
    >>> round((found.value / found.se) ** 2, 4)
    2.8824
    """
    time, event, arm = np.asarray(time, float), np.asarray(event, bool), np.asarray(arm, int)
    _enough(event, arm)
    found = {}
    for k in (int(a) for a in np.unique(arm) if a):
        pair = np.isin(arm, (0, k))
        t, d, mine = time[pair], event[pair], arm[pair] == k
        steps = np.unique(t[d])
        risk = (t[None, :] >= steps[:, None]).sum(axis=1)
        risk_arm = ((t[None, :] >= steps[:, None]) & mine).sum(axis=1)
        deaths = ((t[None, :] == steps[:, None]) & d).sum(axis=1)
        expected = deaths * risk_arm / risk
        left = np.maximum(risk - 1, 1)
        variance = float((expected * (1 - risk_arm / risk) * (risk - deaths) / left).sum())
        if variance <= 0:
            raise ValueError(
                "too few events to compare; a longer trial, more patients or another limit are needed"
            )
        surplus = float((d & mine).sum() - expected.sum())
        found[k] = Estimate(surplus / variance, variance**-0.5)
    return found


def hazard_ratio(time: Array, event: NDArray[np.bool_], arm: NDArray[np.int64]) -> dict[int, Estimate]:
    """Log hazard ratio of every arm against arm 0: proportional hazards, ties after Efron.

    An arm in which nobody (or in which everybody at once) has the event has no finite ratio and is left out.
    """
    from statsmodels.duration.hazard_regression import PHReg

    time, event, arm = np.asarray(time, float), np.asarray(event, bool), np.asarray(arm, int)
    _enough(event, arm)
    arms = [int(a) for a in np.unique(arm) if a and event[arm == a].any()]
    if not arms or not event[arm == 0].any():
        raise ValueError("an arm without events has no hazard ratio; the log-rank test needs none")
    kept = np.isin(arm, (0, *arms))
    design = np.column_stack([(arm[kept] == a).astype(float) for a in arms])
    fit = PHReg(time[kept], design, status=event[kept].astype(int), ties="efron").fit(disp=0)
    found = {a: Estimate(float(fit.params[i]), float(fit.bse[i])) for i, a in enumerate(arms)}
    return {a: e for a, e in found.items() if np.isfinite(e.se) and e.se > 0}


def events_needed(hazard_ratio: float, power: float = 0.8, alpha: float = 0.05, share: float = 0.5) -> int:
    """Events a log-rank test needs: (z_(1 - alpha/2) + z_power)^2 / (share (1 - share) log(HR)^2).

    >>> events_needed(0.5), events_needed(0.5, 0.9)
    (66, 88)
    """
    reach = stats.norm.isf(alpha / 2) + stats.norm.ppf(power)
    return int(np.ceil(reach**2 / (share * (1 - share) * np.log(hazard_ratio) ** 2)))
