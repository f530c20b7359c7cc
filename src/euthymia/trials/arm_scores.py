"""Predicted and observed changes of single arms, and their scores.

In: published trials, a fitted `ControlModel` and predicted differences.  Out: one row for every arm and day with a
reported change, MADRS-equivalents.  Assumed: an active arm changes as its control does plus the predicted difference,
the two errors independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from euthymia.outcomes import to_madrs
from euthymia.outcomes.scales import canonical, scale_names
from euthymia.trials.arm_model import ControlModel
from euthymia.trials.effects import ContrastPrediction
from euthymia.trials.published import UNSCALED, PublishedTrial
from euthymia.trials.scoreboard import Z90


def arm_rows(
    trial: PublishedTrial, model: ControlModel, differences: Mapping[str, ContrastPrediction]
) -> list[dict[str, Any]]:
    """Predicted and observed change of every arm and day that reports one.

    Parameters
    ----------
    differences : mapping of arm name to the prediction of its contrast
        Used for active arms at the primary time; other times of active arms are left out.
    """
    wanted = []
    for r in trial.results:
        arm = trial.arm(r.arm)
        unknown = r.scale in UNSCALED or canonical(r.scale) not in scale_names()
        if r.change is None or not r.day or unknown or arm.role == "comparator":
            continue
        if arm.role == "active" and (not r.primary or r.arm not in differences):
            continue
        wanted.append((r, arm.role))
    control = model.predict(trial, sorted({float(r.day) for r, _ in wanted if r.day is not None}))
    rows = []
    for r, role in wanted:
        if r.day not in control or r.change is None:
            continue
        mean, sd = control[float(r.day)]
        if role == "active":
            mean, sd = mean + differences[r.arm].mean, float(np.hypot(sd, differences[r.arm].effect_sd))
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
