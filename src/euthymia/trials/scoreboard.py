"""Scores of predictions against observed contrasts.

In: contrasts with results, predicted means, standard deviations and chances of success.  Out: MAE and its
kin, coverage, AUC and Brier score, the noise floor, and paired bootstrap intervals by trial.  Assumed: every trial counts
once, however many contrasts it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.trials.baselines import trial_weights
from euthymia.trials.published import Contrast

Array = NDArray[np.floating[Any]]
Z90 = 1.6448536269514722
PRECISE = 2.0  # MADRS points of standard error below which a contrast counts as precise


def auc(chance: Array, success: NDArray[np.bool_]) -> float:
    """Chance that a successful trial was given more chance than a failed one; NaN with one kind only.

    >>> auc(np.array([0.9, 0.4, 0.3]), np.array([True, False, True]))
    0.5
    """
    won, lost = chance[success], chance[~success]
    if not len(won) or not len(lost):
        return float("nan")
    gap = won[:, None] - lost[None, :]
    return float((gap > 0).mean() + 0.5 * (gap == 0).mean())


def success_rows(contrasts: Sequence[Contrast], chance: Array) -> tuple[Array, NDArray[np.bool_]]:
    """One chance and one verdict per trial that stated whether it met its primary endpoint: the best arm's."""
    best: dict[str, tuple[float, bool]] = {}
    for c, p in zip(contrasts, chance, strict=True):
        if c.success is not None:
            best[c.trial] = (max(float(p), best.get(c.trial, (0.0, False))[0]), c.success)
    return np.array([v[0] for v in best.values()]), np.array([v[1] for v in best.values()], bool)


def _size(e: Array, w: Array) -> dict[str, float]:
    return {"mae": float(w @ np.abs(e)), "rmse": float(np.sqrt(w @ e**2)), "bias": float(w @ e)}


def scores(contrasts: Sequence[Contrast], mean: Array, sd: Array, chance: Array) -> dict[str, float]:
    """All scores of one set of predictions.

    Parameters
    ----------
    contrasts : sequence of Contrast
    mean, sd : ndarray, shape (contrasts,), MADRS points
    chance : ndarray, shape (contrasts,)
        Chance of success.

    Returns
    -------
    dict
        `mae`, `median_ae`, `rmse`, `bias`, `r`, `sign`, `coverage_90`, `mae_precise`, `auc`, `brier`,
        `n_contrasts`, `n_trials`, `n_success`.
    """
    at = [i for i, c in enumerate(contrasts) if c.observed is not None]
    seen = [contrasts[i] for i in at]
    y, m, s = np.array([c.observed for c in seen], float), np.asarray(mean)[at], np.asarray(sd)[at]
    w, e = trial_weights(seen), m - y
    precise = np.array([c.se < PRECISE for c in seen], bool)
    p, won = success_rows(contrasts, np.asarray(chance))
    varied = len(y) > 2 and m.std() > 1e-9 and y.std() > 0
    total = np.sqrt(np.maximum(s**2, 1e-12))
    return {
        **(_size(e, w) if len(y) else dict.fromkeys(("mae", "rmse", "bias"), float("nan"))),
        "median_ae": float(np.median(np.abs(e))) if len(y) else float("nan"),
        "r": float(np.corrcoef(m, y)[0, 1]) if varied else float("nan"),
        "sign": float(np.mean(np.sign(m) == np.sign(y))) if len(y) else float("nan"),
        "coverage_90": float(np.mean(np.abs(e) <= Z90 * total)) if len(y) else float("nan"),
        "mae_precise": float(np.average(np.abs(e[precise]), weights=w[precise]))
        if precise.any()
        else float("nan"),
        "auc": auc(p, won),
        "brier": float(np.mean((p - won) ** 2)) if len(won) else float("nan"),
        "n_contrasts": len(y),
        "n_trials": len({c.trial for c in seen}),
        "n_success": len(won),
    }


def noise_floor(contrasts: Sequence[Contrast]) -> float:
    """MAE of a perfect prediction: mean absolute sampling error, trials weighted equally."""
    seen = [c for c in contrasts if c.observed is not None]
    return (
        float(trial_weights(seen) @ np.array([c.se for c in seen]) * np.sqrt(2 / np.pi))
        if seen
        else float("nan")
    )


def paired_bootstrap(
    contrasts: Sequence[Contrast], mean: Array, other: Array, draws: int = 2000, seed: int = 1
) -> dict[str, float]:
    """Difference of MAE between two predictions, resampling trials.

    Returns
    -------
    dict
        `difference` (negative favours the first), `low`, `high` (95 %), `better` (share of draws).
    """
    at = [i for i, c in enumerate(contrasts) if c.observed is not None]
    y = np.array([contrasts[i].observed for i in at], float)
    gap = np.abs(np.asarray(mean)[at] - y) - np.abs(np.asarray(other)[at] - y)
    names = sorted({contrasts[i].trial for i in at})
    each = np.array([gap[[contrasts[i].trial == n for i in at]].mean() for n in names])
    pick = np.random.default_rng(seed).integers(0, len(each), (draws, len(each)))
    drawn = each[pick].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "difference": float(each.mean()),
        "low": float(low),
        "high": float(high),
        "better": float((drawn < 0).mean()),
    }
