"""Naive predictions every model has to beat.

In: contrasts to learn from and contrasts to predict.  Out: a mean and a standard deviation for each.
Assumed: nothing about pharmacology.  The spread of every baseline is that of its errors on what it learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from euthymia.trials.published import Contrast

Array = NDArray[np.float64]
Rule = Callable[[Sequence[Contrast], Sequence[Contrast]], Array]
BETWEEN = 2.0  # between-class and between-treatment spread for shrinkage, MADRS points


def trial_weights(contrasts: Sequence[Contrast]) -> Array:
    """Weights that count every trial once, summing to 1.

    >>> trial_weights([])
    array([], dtype=float64)
    """
    counts: dict[str, int] = {}
    for c in contrasts:
        counts[c.trial] = counts.get(c.trial, 0) + 1
    weights = np.array([1 / counts[c.trial] for c in contrasts])
    return weights / weights.sum() if len(weights) else weights


def _observed(contrasts: Sequence[Contrast]) -> Array:
    return np.array([c.observed for c in contrasts], float)


def _always(value: float) -> Rule:
    return lambda learn, ask: np.full(len(ask), value)


def _mean(learn: Sequence[Contrast], ask: Sequence[Contrast]) -> Array:
    return np.full(len(ask), float(trial_weights(learn) @ _observed(learn)))


def _median(learn: Sequence[Contrast], ask: Sequence[Contrast]) -> Array:
    return np.full(len(ask), float(np.median(_observed(learn))))


def _class_mean(learn: Sequence[Contrast], ask: Sequence[Contrast]) -> Array:
    overall = float(_mean(learn, ask[:1])[0])
    out = []
    for c in ask:
        same = [x for x in learn if x.group == c.group]
        out.append(float(trial_weights(same) @ _observed(same)) if same else overall)
    return np.array(out)


def _shrunken(label: Callable[[Contrast], str]) -> Rule:
    def rule(learn: Sequence[Contrast], ask: Sequence[Contrast]) -> Array:
        weights = np.array([1 / (c.se**2 + BETWEEN**2) for c in learn])
        overall = float((weights * _observed(learn)).sum() / weights.sum())
        out = []
        for c in ask:
            same = [x for x in learn if label(x) == label(c)]
            w = np.array([1 / (x.se**2 + BETWEEN**2) for x in same])
            prior = 1 / BETWEEN**2
            out.append((prior * overall + float((w * _observed(same)).sum())) / (prior + float(w.sum())))
        return np.array(out)

    return rule


def _treatment(c: Contrast) -> str:
    return (c.treatment.split() or [""])[0].lower()


RULES: dict[str, Rule] = {
    "zero": _always(0.0),
    "minus_2": _always(-2.0),
    "minus_3": _always(-3.0),
    "calibration_mean": _mean,
    "calibration_median": _median,
    "class_mean": _class_mean,
    "shrunken_class_mean": _shrunken(lambda c: c.group),
    "shrunken_drug_mean": _shrunken(_treatment),
}


def baseline(rule: str, learn: Sequence[Contrast], ask: Sequence[Contrast]) -> tuple[Array, Array]:
    """Mean and total standard deviation of a naive rule, each shape (asked,)."""
    learn = [c for c in learn if c.observed is not None]
    mean = RULES[rule](learn, ask)
    left = _observed(learn) - RULES[rule](learn, learn)
    extra = max(float(np.median(left**2) / 0.455 - np.median([c.se**2 for c in learn])), 0.25)
    return mean, np.sqrt(extra + np.array([c.design_se**2 for c in ask]))
