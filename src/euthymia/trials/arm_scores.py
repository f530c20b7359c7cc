"""Predicted and observed changes of single arms, and their scores.

In: published trials, a fitted `ControlModel` and predicted differences.  Out: one row for every arm and day with a
reported change, MADRS-equivalents.  Assumed: an active arm changes as its control does plus the predicted difference;
that and the usual change of active arms (`Usual`) are two opinions, each weighed by its precision.  Where a class is
known the first counts for about two thirds, where it is not for half: small trials report small changes on control and
large differences, so active arms differ less than the sum of the two errors says.  The error that is stated is that of
the first opinion alone, because the two go together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from euthymia.outcomes import to_madrs
from euthymia.outcomes.scales import canonical, scale_names
from euthymia.trials.arm_model import ControlModel
from euthymia.trials.effects import ContrastPrediction
from euthymia.trials.published import UNSCALED, PublishedTrial, Result
from euthymia.trials.scoreboard import Z90

FEWEST = 3  # trials below which nothing is usual


@dataclass(frozen=True, slots=True)
class Usual:
    """Changes of active arms at the primary time.

    Parameters
    ----------
    learned : tuple of (trial, change in MADRS points)
    """

    learned: tuple[tuple[str, float], ...]

    @classmethod
    def fit(cls, trials: Sequence[PublishedTrial]) -> Usual:
        """All that these trials report."""
        return cls(
            tuple(
                (t.id, float(to_madrs(r.change, r.scale)))
                for t in trials
                for r, role in _reported(t)
                if role == "active" and r.primary and r.change is not None
            )
        )

    def without(self, trials: Collection[str]) -> Usual:
        """The same without some trials."""
        return Usual(tuple(one for one in self.learned if one[0] not in trials))

    def opinion(self) -> tuple[float, float] | None:
        """Mean and standard deviation between arms, trials weighted equally; None below three trials."""
        names = [name for name, _ in self.learned]
        if len(set(names)) < FEWEST:
            return None
        weights = np.array([1 / names.count(name) for name in names])
        changes = np.array([change for _, change in self.learned])
        mean = float(np.average(changes, weights=weights))
        return mean, float(np.sqrt(np.average((changes - mean) ** 2, weights=weights)))


def _reported(trial: PublishedTrial) -> Iterator[tuple[Result, str]]:
    """Results with a change on a known scale, and the role of their arm."""
    for r in trial.results:
        role = trial.arm(r.arm).role
        known = r.scale not in UNSCALED and canonical(r.scale) in scale_names()
        if r.change is not None and r.day and known and role != "comparator":
            yield r, role


def arm_rows(
    trial: PublishedTrial,
    model: ControlModel,
    differences: Mapping[str, ContrastPrediction],
    usual: Usual,
) -> list[dict[str, Any]]:
    """Predicted and observed change of every arm and day that reports one.

    Parameters
    ----------
    differences : mapping of arm name to the prediction of its contrast
        Used for active arms at the primary time; other times of active arms are left out.
    usual : Usual
        The trial's own arms are not read.
    """
    wanted = [
        (r, role) for r, role in _reported(trial) if role != "active" or (r.primary and r.arm in differences)
    ]
    opinion = usual.without([trial.id]).opinion()
    control = model.predict(trial, sorted({float(r.day) for r, _ in wanted if r.day is not None}))
    rows = []
    for r, role in wanted:
        if r.day not in control or r.change is None:
            continue
        mean, sd = control[float(r.day)]
        if role == "active":
            mean, sd = mean + differences[r.arm].mean, float(np.hypot(sd, differences[r.arm].effect_sd))
            if opinion is not None:
                share = opinion[1] ** 2 / (opinion[1] ** 2 + sd**2)
                mean = share * mean + (1 - share) * opinion[0]
        rows.append(
            {
                "trial": trial.id,
                "arm": r.arm,
                "role": role,
                "day": r.day,
                "observed": float(to_madrs(r.change, r.scale)),
                "predicted": mean,
                "low_90": mean - Z90 * sd,
                "high_90": mean + Z90 * sd,
            }
        )
    return rows


def arm_scores(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """MAE, bias and coverage of arm changes by role, trials weighted equally, beside the constant that suits best."""
    out: dict[str, Any] = {}
    for role in ("control", "active"):
        some = [r for r in rows if r["role"] == role]
        if not some:
            continue
        names = [r["trial"] for r in some]
        w = np.array([1 / names.count(n) for n in names]) / len(set(names))
        y, m = np.array([r["observed"] for r in some]), np.array([r["predicted"] for r in some])
        inside = [r["low_90"] <= r["observed"] <= r["high_90"] for r in some]
        out[role] = {
            "n": len(some),
            "mae": float(w @ np.abs(m - y)),
            "bias": float(w @ (m - y)),
            "coverage_90": float(np.mean(inside)),
            "mae_constant": float(w @ np.abs(y - np.median(y))),
        }
    return out
