"""Chance that a trial meets its primary endpoint, learned from the verdicts themselves.

In: contrasts of trials with a verdict, and what the network foresees.  Out: a chance for each asked contrast.
Assumed: a verdict (+1 or -1) is level + b1 log(patients) + b2 year + b3 engagement + class + mechanism + treatment +
noise, all normal with the fixed prior scales of `SCALES`; the level is believed to be 0 (as many fail as succeed)
until verdicts say otherwise, because published collections hold too many successes.  Engagement is the network's
foreseen size, bounded to what tells an effect from none.

A trial that published no magnitude still has a verdict, and what decides it (size, sponsor, class) is not only the
effect; so this chance is averaged with the one that follows from the predicted effect and its error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.trials.foresight import CENTRE, NOTHING_SEEN, Foresight
from euthymia.trials.published import Contrast

Array = NDArray[np.floating[Any]]
DESIGN = ("patients", "year")  # what the effect model calls "small"
SCALES = {
    "level": 0.5, "patients": 0.4, "year": 0.3, "engaged": 0.4, "class": 0.3, "mechanism": 0.3, "treatment": 0.3,
}  # fmt: skip
NOISE = 0.95
USUAL_PATIENTS, USUAL_YEAR, DECADE = 110.0, 2012, 10.0
ENOUGH = 3.0  # MADRS points: a foreseen effect beyond this is engagement without doubt
SUREST = 0.97


def _columns(contrasts: Sequence[Contrast], foresight: Foresight) -> dict[str, Array]:
    mean, _ = foresight.features(contrasts)
    known = np.array([foresight.known(c.key) for c in contrasts], bool)
    strength = np.where(known, 0.5 - np.tanh(-(mean + CENTRE) / ENOUGH), 0.0)
    return {
        "level": np.ones(len(contrasts)),
        "patients": np.log([(c.n + c.n_control) / USUAL_PATIENTS for c in contrasts]),
        "year": np.array([(c.year - USUAL_YEAR) / DECADE for c in contrasts]),
        "engaged": strength,
    }


def _labels(contrasts: Sequence[Contrast]) -> dict[str, list[str]]:
    words = [(c.treatment.split() or [""])[0].lower() for c in contrasts]
    return {
        "class": [c.group or c.key for c in contrasts],
        "mechanism": [c.mechanism or c.key for c in contrasts],
        "treatment": [w or c.key for w, c in zip(words, contrasts, strict=True)],
    }


def _kernel(
    a: Sequence[Contrast], b: Sequence[Contrast], foresight: Foresight, off: Sequence[str] = ()
) -> Array:
    left, right = _columns(a, foresight), _columns(b, foresight)
    total = sum(SCALES[k] ** 2 * np.outer(left[k], right[k]) for k in left if k not in off)
    names, others = _labels(a), _labels(b)
    for k in (name for name in names if name not in off):
        total = total + SCALES[k] ** 2 * (np.array(names[k])[:, None] == np.array(others[k])[None, :])
    return np.asarray(total, float)


@dataclass(frozen=True, slots=True)
class VerdictModel:
    """Verdicts learned from: one contrast a trial (its largest arm)."""

    learned: tuple[Contrast, ...]
    foresight: Foresight = NOTHING_SEEN
    off: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        contrasts: Sequence[Contrast],
        foresight: Foresight = NOTHING_SEEN,
        off: Sequence[str] = (),
    ) -> VerdictModel:
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
        mine = (*off, *(DESIGN if "small" in off else ()), *(("engaged",) if "network" in off else ()))
        return cls(tuple(best.values()), foresight, mine)

    def chance(self, contrasts: Sequence[Contrast]) -> Array:
        """Chance of success of each contrast, shape (contrasts,)."""
        if not self.learned:
            return np.full(len(contrasts), 0.5)
        y = np.array([1.0 if c.success else -1.0 for c in self.learned])
        own = _kernel(self.learned, self.learned, self.foresight, self.off) + NOISE**2 * np.eye(len(y))
        mean = _kernel(contrasts, self.learned, self.foresight, self.off) @ np.linalg.solve(own, y)
        return np.clip((1 + mean) / 2, 1 - SUREST, SUREST)
