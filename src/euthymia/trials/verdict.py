"""Chance that a trial meets its primary endpoint, learned from the verdicts themselves.

In: contrasts of trials with a verdict.  Out: a chance for each asked contrast, and its mean with the chance that follows
from the predicted effect.  Assumed: a verdict (+1 or -1) is level + b1 log(patients) + b2 year + class + noise, all normal
with the fixed prior scales of `SCALES`; the level is believed to be 0 (as many fail as succeed) until verdicts say
otherwise, because published collections hold too many successes.

A trial that published no magnitude still has a verdict, and what decides it (size, decade, class) is not only the
effect; so this chance is averaged with the one that follows from the predicted effect and its error, with the weight
`BY_EFFECT` on the latter.  Terms, scales and weight were chosen by the log score of trials left out, in every fold
anew, among 192 combinations that also held mechanism, drug, never-tested drug and the network's engagement
(`verification/trials_success.py`): pooling by mechanism and drug made it worse, the other two nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.trials.published import Contrast

Array = NDArray[np.floating[Any]]
DESIGN = ("patients", "year")  # what the effect model calls "small"
SCALES = {"level": 0.5, "patients": 0.8, "year": 0.6, "class": 0.5}
NOISE = 0.95
BY_EFFECT = 0.25
USUAL_PATIENTS, USUAL_YEAR, DECADE = 110.0, 2012, 10.0
SUREST = 0.97


def columns(contrasts: Sequence[Contrast]) -> dict[str, Array]:
    """What a design says of its verdict, each of shape (contrasts,)."""
    return {
        "level": np.ones(len(contrasts)),
        "patients": np.log([(c.n + c.n_control) / USUAL_PATIENTS for c in contrasts]),
        "year": np.array([(c.year - USUAL_YEAR) / DECADE for c in contrasts]),
    }


def covariance(a: Sequence[Contrast], b: Sequence[Contrast], off: Sequence[str] = ()) -> Array:
    """Prior covariance of verdicts, shape (a, b); the noise left out."""
    left, right = columns(a), columns(b)
    total = np.zeros((len(a), len(b)))
    for k in (name for name in left if name not in off):
        total += SCALES[k] ** 2 * np.outer(left[k], right[k])
    if "class" not in off:
        names, others = ([c.group or c.key for c in x] for x in (a, b))
        total += SCALES["class"] ** 2 * (np.array(names)[:, None] == np.array(others)[None, :])
    return total


def joined(by_effect: Array | float, by_verdict: Array | float) -> Any:
    """The two chances as one."""
    return BY_EFFECT * by_effect + (1 - BY_EFFECT) * by_verdict


@dataclass(frozen=True, slots=True)
class VerdictModel:
    """Verdicts learned from: one contrast a trial (its largest arm)."""

    learned: tuple[Contrast, ...]
    off: tuple[str, ...] = ()

    @classmethod
    def fit(cls, contrasts: Sequence[Contrast], off: Sequence[str] = ()) -> VerdictModel:
        """Keep the largest arm of every trial that has a verdict.

        Parameters
        ----------
        off : sequence of str
            Terms of the effect model that are off; their likes here are off too.
        """
        best: dict[str, Contrast] = {}
        for c in contrasts:
            if c.success is not None and (c.trial not in best or c.n > best[c.trial].n):
                best[c.trial] = c
        return cls(tuple(best.values()), (*off, *(DESIGN if "small" in off else ())))

    def chance(self, contrasts: Sequence[Contrast]) -> Array:
        """Chance of success of each contrast, shape (contrasts,)."""
        if not self.learned:
            return np.full(len(contrasts), 0.5)
        y = np.array([1.0 if c.success else -1.0 for c in self.learned])
        own = covariance(self.learned, self.learned, self.off) + NOISE**2 * np.eye(len(y))
        mean = covariance(contrasts, self.learned, self.off) @ np.linalg.solve(own, y)
        return np.clip((1 + mean) / 2, 1 - SUREST, SUREST)
