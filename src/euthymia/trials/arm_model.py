"""Changes of control arms: the placebo course with what other trials' control arms say about it.

In: published trials to learn from, whose control arms report changes, and trials to predict, of which only the design
and the severity at baseline are read.  Out: mean and standard deviation of the control arm's change at any day.
Assumed: the observed change is the expected course of `arms.control_changes` + level + terms of the design + class
(trials of one class share patients, setting and raters) + trial + visit + sampling error, all normal, with the fixed
prior scales of `SCALES`, so that the prediction is an exact conditional normal.  The scales were stated before the fit and
are not fitted: halving or doubling them all changes the error of trials left out by less than a twentieth.

`small` is there because small trials report small changes on control, which is publication, not biology.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.outcomes import to_madrs
from euthymia.trials.arms import control_changes, near
from euthymia.trials.published import UNSCALED, USUAL_N, PublishedTrial

Array = NDArray[np.floating[Any]]
SPREAD_OF_CHANGE = 9.2  # MADRS points, median over arms of the large data set
# prior scale of each term in MADRS points per unit of its column
SCALES = {
    "level": 1.5, "severity": 1.0, "small": 1.0, "short": 1.0, "self_rated": 2.0, "year": 1.0, "known": 2.0,
    "history": 1.0, "crossover": 1.0,
}  # fmt: skip
CLASS, TRIAL, VISIT = 2.0, 2.5, 1.0
USUAL_SEVERITY, SEVERITY_UNIT = 30.0, 5.0  # MADRS points
USUAL_ERROR = 1.0  # MADRS points: standard error of the control arm of a large trial
USUAL_YEAR, DECADE = 2012, 10.0
MONTH = 28.0  # days: from here on the announced length matters little
SOONEST, SHORTEST = 0.2, 4.0  # days; units of log time below a month
SELF_RATED = ("BDI", "PHQ9", "QIDS", "EPDS", "HADSD", "CESD", "GDS15")


@dataclass(frozen=True, slots=True)
class ControlResult:
    """Change of a control arm at a day, MADRS points; `observed` is None where it is asked for."""

    trial: PublishedTrial
    day: float
    n: float
    severity: float | None
    self_rated: bool
    expected: float
    observed: float | None = None

    @property
    def sampling(self) -> float:
        """Standard error of the mean change of `n` patients."""
        return SPREAD_OF_CHANGE / float(np.sqrt(self.n))

    @property
    def group(self) -> str:
        """Class of the trial's first active arm; the trial's own name where it has none."""
        return next((a.group for a in self.trial.arms if a.role == "active" and a.group), self.trial.id)


def control_results(trial: PublishedTrial, days: Sequence[float] | None = None) -> list[ControlResult]:
    """Control-arm results of one trial: those reported, or one to be predicted for each of `days`.

    Parameters
    ----------
    days : sequence of float, optional
    """
    control = trial.control
    if control is None:
        return []
    expected = control_changes(trial)
    theirs = [r for r in trial.results if r.arm == control.name]
    rated = [r for r in trial.results if r.scale not in UNSCALED]
    start = next((r for r in [*theirs, *rated] if r.baseline is not None and r.scale not in UNSCALED), None)
    severity = None if start is None or start.baseline is None else _madrs(start.baseline, start.scale)
    n = float(next((r.n for r in theirs if r.n), None) or control.n or USUAL_N)
    scales = [r.scale for r in rated if r.primary] or [r.scale for r in rated]
    own = bool(scales) and scales[0] in SELF_RATED
    if days is not None:
        return [ControlResult(trial, d, n, severity, own, near(expected, d)) for d in days]
    found = []
    for r in theirs:
        seen = None if r.change is None or r.scale in UNSCALED else _madrs(r.change, r.scale)
        if r.day and seen is not None:
            base = severity if r.baseline is None else _madrs(r.baseline, r.scale)
            rated_by_self = r.scale in SELF_RATED
            found.append(
                ControlResult(trial, r.day, float(r.n or n), base, rated_by_self, near(expected, r.day), seen)
            )
    return found


def _madrs(points: float, of: str) -> float | None:
    try:
        return float(to_madrs(points, of))
    except (KeyError, ValueError):
        return None


def _columns(results: Sequence[ControlResult]) -> Array:
    """Scaled design columns, shape (results, terms)."""
    severe = [0.0 if r.severity is None else (r.severity - USUAL_SEVERITY) / SEVERITY_UNIT for r in results]
    columns = {
        "level": np.ones(len(results)),
        "severity": severe,
        "small": [r.sampling - USUAL_ERROR for r in results],
        "short": [np.clip(np.log(MONTH / max(r.day, SOONEST)), 0, SHORTEST) for r in results],
        "self_rated": [float(r.self_rated) for r in results],
        "year": [(r.trial.year - USUAL_YEAR) / DECADE for r in results],
        "known": [float(r.trial.blinding in ("single", "open")) for r in results],
        "history": [float(r.trial.history != "none") for r in results],
        "crossover": [float(r.trial.layout == "crossover") for r in results],
    }
    return np.array([SCALES[k] * np.asarray(columns[k], float) for k in SCALES]).T


def _same(a: Sequence[str], b: Sequence[str]) -> Array:
    return (np.array(a)[:, None] == np.array(b)[None, :]).astype(float)


def _covariance(a: Sequence[ControlResult], b: Sequence[ControlResult]) -> Array:
    shared = _columns(a) @ _columns(b).T + CLASS**2 * _same([r.group for r in a], [r.group for r in b])
    return np.asarray(shared + TRIAL**2 * _same([r.trial.id for r in a], [r.trial.id for r in b]))


@dataclass(frozen=True, slots=True)
class ControlModel:
    """What was learned from: reported changes of control arms."""

    learned: tuple[ControlResult, ...]

    @classmethod
    def fit(cls, trials: Sequence[PublishedTrial]) -> ControlModel:
        """All reported changes of the control arms of these trials."""
        return cls(tuple(r for t in trials for r in control_results(t)))

    def predict(self, trial: PublishedTrial, days: Sequence[float]) -> dict[float, tuple[float, float]]:
        """Mean and standard deviation of the observed change at each day; the trial's own results are not read.

        Returns
        -------
        dict of day to (mean, standard deviation), MADRS points
            Empty where the trial has no control arm.
        """
        asked = control_results(trial, days)
        if not asked:
            return {}
        learned = [r for r in self.learned if r.trial.id != trial.id]
        own = _columns(asked)
        mean = np.array([r.expected for r in asked])
        variance = (own**2).sum(axis=1) + CLASS**2 + TRIAL**2
        if learned:
            noise = np.diag([VISIT**2 + r.sampling**2 for r in learned])
            total = _covariance(learned, learned) + noise
            cross = _covariance(asked, learned)
            residual = np.array([(r.observed or 0.0) - r.expected for r in learned])
            mean = mean + cross @ np.linalg.solve(total, residual)
            variance = variance - np.einsum("ij,ji->i", cross, np.linalg.solve(total, cross.T))
        sd = np.sqrt(np.maximum(variance, 0.0) + [VISIT**2 + r.sampling**2 for r in asked])
        return {d: (float(m), float(s)) for d, m, s in zip(days, mean, sd, strict=True)}
