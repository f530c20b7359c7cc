"""What tells success from failure beyond size, decade and class, and how well the chance of success is calibrated.

Usage: python verification/trials_success.py      (about a minute)

Candidates: labels of class, mechanism and drug (how strongly pooled), patients, year, a drug that no other trial tested, the
network's engagement, and the weight of the chance that follows from the predicted effect; all combinations.  Nested:
in every fold the combination with the best log score among the other trials, each left out in turn, predicts the trial
of the fold.  The range of candidates was written down after single terms had been looked at.  Beside it stand the
terms of before and those that are shipped, with paired bootstrap intervals by trial; then what single properties
are worth, and reliability.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from trials_ceiling import Apart, Z

from euthymia.trials.foresight import CENTRE, read_foresight
from euthymia.trials.published import Contrast, calibration_trials
from euthymia.trials.scoreboard import auc
from euthymia.trials.validate import contrasts_of
from euthymia.trials.verdict import BY_EFFECT, NOISE, SCALES, SUREST, columns

Array = NDArray[np.floating[Any]]
ENOUGH = 3.0  # MADRS points: a foreseen effect beyond this is engagement without doubt
LABELS = {
    "class, mechanism, drug 0.3": (0.3, 0.3, 0.3), "class, mechanism, drug 0.5": (0.5, 0.5, 0.5),
    "class 0.3": (0.3, 0, 0), "class 0.5": (0.5, 0, 0), "class, mechanism 0.3": (0.3, 0.3, 0), "none": (0, 0, 0),
}  # fmt: skip
PATIENTS, YEAR, UNTESTED, ENGAGED, WEIGHTS = (0.4, 0.8), (0.3, 0.6), (0, 0.4), (0, 0.4), (0, 0.25, 0.5, 0.75)
BEFORE = ("class, mechanism, drug 0.3", 0.4, 0.3, 0, 0.4, 0.5)
SHIPPED = ("class 0.5", SCALES["patients"], SCALES["year"], 0, 0, BY_EFFECT)


class Trials:
    """The largest arm of every trial with a verdict, and the chance by its effect with it and any other left out."""

    def __init__(self) -> None:
        contrasts = contrasts_of(calibration_trials())
        self.apart = Apart(contrasts)
        by_name = {c.trial: c for c in self.apart.largest}
        self.names = list(dict.fromkeys(str(n) for n in self.apart.trial))
        self.largest: list[Contrast] = [by_name[n] for n in self.names]
        self.won = np.array([bool(c.success) for c in self.largest])
        self.inverse = np.linalg.inv(self.apart.among)
        self.by_effect = np.array([[self._chance({a, b}, a) for b in self.names] for a in self.names])
        words = [(c.treatment.split() or [""])[0].lower() for c in self.largest]
        labels = ([c.group for c in self.largest], [c.mechanism for c in self.largest], words)
        self.same = [(np.array(x)[:, None] == np.array(x)[None, :]).astype(float) for x in labels]
        foresight = read_foresight()
        known = np.array([foresight.known(c.key) for c in self.largest])
        size = foresight.features(self.largest)[0] + CENTRE
        self.columns = columns(self.largest) | {
            "untested": (self.same[2].sum(1) <= 1).astype(float),
            "engaged": np.where(known, 0.5 - np.tanh(-size / ENOUGH), 0.0),
        }

    def _chance(self, gone: set[str], name: str) -> float:
        """The best arm's chance by its effect; rows that are gone leave the inverse by their Schur complement."""
        apart = self.apart
        out, at = np.isin(apart.seen, list(gone)), apart.trial == name
        cross = np.where(out, 0.0, apart.cross[at])

        def solved(right: Array) -> Array:
            found = self.inverse @ right
            if not out.any():
                return found
            left: Array = found - self.inverse[:, out] @ np.linalg.solve(
                self.inverse[np.ix_(out, out)], found[out]
            )
            return left

        mean = apart.before[at] + cross @ solved(np.where(out, 0.0, apart.value))
        spread = apart.own[at] - np.einsum("ij,ji->i", cross, solved(cross.T))
        se = np.array([c.design_se for c, here in zip(apart.asked, at, strict=True) if here])
        return float(norm.cdf((-Z * se - mean) / np.sqrt(se**2 + spread)).max())

    def covariance(self, labels: str, patients: float, year: float, untested: float, engaged: float) -> Array:
        scales = {
            "level": SCALES["level"], "patients": patients, "year": year, "untested": untested, "engaged": engaged,
        }  # fmt: skip
        total = sum(scales[k] ** 2 * np.outer(v, v) for k, v in self.columns.items())
        for scale, same in zip(LABELS[labels], self.same, strict=True):
            total = total + scale**2 * same
        return np.asarray(total)

    def left_out(self, covariance: Array, some: NDArray[np.int64]) -> Array:
        """Chance by verdicts of each of some trials, predicted from the others of them."""
        inverse = np.linalg.inv(covariance[np.ix_(some, some)] + NOISE**2 * np.eye(len(some)))
        y = np.where(self.won[some], 1.0, -1.0)
        mean = y - (inverse @ y) / np.diag(inverse)
        return np.asarray(np.clip((1 + mean) / 2, 1 - SUREST, SUREST))


def joined(weight: float, by_effect: Array, by_verdict: Array) -> Array:
    return np.asarray(weight * by_effect + (1 - weight) * by_verdict)


def log_score(chance: Array, won: NDArray[np.bool_]) -> float:
    return float(-np.log(np.where(won, chance, 1 - chance)).mean())


def nested(trials: Trials) -> tuple[Array, Counter[str]]:
    """Chances with the combination chosen anew without each trial, and how often each was chosen."""
    grid = list(product(LABELS, PATIENTS, YEAR, UNTESTED, ENGAGED))
    tables = [trials.covariance(*g) for g in grid]
    everyone = np.arange(len(trials.won))
    whole = [trials.left_out(t, everyone) for t in tables]
    alone = np.diag(trials.by_effect)
    found, chosen = np.zeros(len(everyone)), Counter[str]()
    for i in everyone:
        rest = np.delete(everyone, i)
        best = (np.inf, 0, 0.0)
        for g, table in enumerate(tables):
            chance = trials.left_out(table, rest)
            for w in WEIGHTS:
                score = log_score(joined(w, trials.by_effect[rest, i], chance), trials.won[rest])
                best = min(best, (score, g, w))
        _, g, w = best
        found[i] = joined(w, alone[i], whole[g][i])
        chosen[str((*grid[g], w))] += 1
    return found, chosen


def show(name: str, chance: Array, before: Array, trials: Trials) -> None:
    won = trials.won
    gap = (chance - won) ** 2 - (before - won) ** 2
    picks = np.random.default_rng(1).integers(0, len(won), (2000, len(won)))
    low, high = np.quantile(gap[picks].mean(1), [0.025, 0.975])
    areas = np.array([auc(chance[p], won[p]) - auc(before[p], won[p]) for p in picks])
    small, large = np.nanquantile(areas, [0.025, 0.975])
    mechanisms = {c.mechanism for c in trials.largest if c.success}
    failed = np.array([not c.success and c.mechanism in mechanisms for c in trials.largest])
    print(
        f"{name:<24} AUC {auc(chance, won):.3f} ({small:+.3f} to {large:+.3f}), Brier {((chance - won) ** 2).mean():.3f} "
        f"({low:+.4f} to {high:+.4f}), log score {log_score(chance, won):.3f}, "
        f"failures of mechanisms that won below one half {(chance[failed] < 0.5).sum()} of {failed.sum()}"
    )


def reliability(chance: Array, won: NDArray[np.bool_], groups: int = 5) -> None:
    """Mean chance and share of successes by fifths, and the slope of a logistic regression on the logit."""
    from statsmodels.api import Logit, add_constant

    for part in np.array_split(np.argsort(chance), groups):
        print(
            f"  chance {chance[part].min():.2f} to {chance[part].max():.2f}: mean {chance[part].mean():.2f}, "
            f"won {won[part].mean():.2f} of {len(part)}"
        )
    fit = Logit(won.astype(float), add_constant(np.log(chance / (1 - chance)))).fit(disp=0)
    print(
        f"  calibration slope {fit.params[1]:.2f} (SE {fit.bse[1]:.2f}), intercept {fit.params[0]:+.2f} (SE {fit.bse[0]:.2f})"
    )


def main() -> int:
    trials = Trials()
    everyone, alone = np.arange(len(trials.won)), np.diag(trials.by_effect)

    def fixed(terms: tuple[Any, ...]) -> Array:
        return joined(terms[-1], alone, trials.left_out(trials.covariance(*terms[:-1]), everyone))

    before, shipped = fixed(BEFORE), fixed(SHIPPED)
    print(
        f"{len(everyone)} trials, {trials.won.sum()} successes; differences from before with 95 % intervals"
    )
    show("before", before, before, trials)
    made, chosen = nested(trials)
    show("chosen in every fold", made, before, trials)
    print("  " + "; ".join(f"{n} times {name}" for name, n in chosen.most_common(4)))
    show("shipped", shipped, before, trials)
    for name, terms in {
        "  with drug, mechanism": ("class, mechanism, drug 0.5", *SHIPPED[1:]),
        "  with untested drug": (*SHIPPED[:3], 0.4, *SHIPPED[4:]),
        "  with engagement": (*SHIPPED[:4], 0.4, SHIPPED[5]),
        "  by the effect alone": (*SHIPPED[:5], 1.0),
    }.items():
        show(name, fixed(terms), before, trials)
    print("area of single properties:")
    history = np.array([c.history != "none" for c in trials.largest], float)
    for name, column in (trials.columns | {"failed before": history}).items():
        if name != "level":
            area = auc(column, trials.won)
            print(f"  {name:<14} {max(area, 1 - area):.2f} ({'more' if area > 0.5 else 'less'} in successes)")
    print("reliability of the shipped chance:")
    reliability(shipped, trials.won)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
