"""How well success of a trial could be told at all, how far the goals lie from that, and changes of single arms.

Usage: python verification/trials_ceiling.py      (about a minute)

Three figures for the verdicts of the calibration trials.  *One left out*: as the scoreboard.  *Pairs left out*: every
success against every failure, both left out of what they are predicted from; leaving one out alone pushes a chance away
from its own verdict, pairs do not.  *Ceiling*: effects drawn from what all trials say, verdicts drawn from the effects
and the designs' errors; the score of someone who knows the true effects and not the patients' chance.

Arms are left out by trial and by class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import linalg
from scipy.stats import norm

from euthymia.trials import verdict
from euthymia.trials.arm_model import ControlModel
from euthymia.trials.arm_scores import Usual, arm_rows, arm_scores
from euthymia.trials.effects import EffectModel, covariance, expected
from euthymia.trials.foresight import read_foresight
from euthymia.trials.power import chance_of_success
from euthymia.trials.published import Contrast, PublishedTrial, calibration_trials
from euthymia.trials.scoreboard import auc
from euthymia.trials.validate import GROUPINGS, contrasts_of, predict_folds
from euthymia.trials.verdict import NOISE, SUREST, VerdictModel, joined

Z = 1.96
DRAWS = 1000


class Apart:
    """Chances of contrasts with trials left out; scales as fitted to all, covariances computed once."""

    def __init__(self, contrasts: Sequence[Contrast]) -> None:
        self.model = EffectModel.fit(contrasts, foresight=read_foresight())
        self.asked = [c for c in contrasts if c.success is not None]
        self.largest = VerdictModel.fit(contrasts).learned
        seen, view = self.model.learned, self.model.foresight
        pairs = np.array([c.learned for c in seen], float)
        self.value, self.before = pairs[:, 0] - expected(seen), expected(self.asked)
        among = sum(covariance(seen, seen, self.model.scales, view).values())
        self.among = np.asarray(among) + np.diag(pairs[:, 1] ** 2)
        self.cross = np.asarray(sum(covariance(self.asked, seen, self.model.scales, view).values()))
        own = sum(covariance(self.asked, self.asked, self.model.scales, view).values())
        self.own = np.diag(np.asarray(own))
        self.verdict_among = verdict.covariance(self.largest, self.largest) + NOISE**2 * np.eye(
            len(self.largest)
        )
        self.verdict_cross = verdict.covariance(self.asked, self.largest)
        self.won = np.array([1.0 if c.success else -1.0 for c in self.largest])
        self.trial, self.seen, self.big = (
            np.array([c.trial for c in x]) for x in (self.asked, seen, self.largest)
        )

    def best(self, *without: str) -> list[float]:
        """The chance of the best arm of each of these trials, all of them left out."""
        keep, kept = ~np.isin(self.seen, without), ~np.isin(self.big, without)
        at = np.flatnonzero(np.isin(self.trial, without))
        cross = self.cross[np.ix_(at, keep)]
        factor = linalg.cho_factor(self.among[np.ix_(keep, keep)])
        mean = self.before[at] + cross @ linalg.cho_solve(factor, self.value[keep])
        spread = self.own[at] - np.einsum("ij,ji->i", cross, linalg.cho_solve(factor, cross.T))
        by_effect = [
            chance_of_success(float(m), self.asked[i].design_se, uncertainty=float(np.sqrt(v)))
            for i, m, v in zip(at, mean, spread, strict=True)
        ]
        gain = np.linalg.solve(self.verdict_among[np.ix_(kept, kept)], self.won[kept])
        by_verdict = np.clip((1 + self.verdict_cross[np.ix_(at, kept)] @ gain) / 2, 1 - SUREST, SUREST)
        both = joined(np.array(by_effect), by_verdict)
        return [float(both[self.trial[at] == name].max()) for name in without]


def interval(chance: np.ndarray, won: np.ndarray, draws: int = 2000) -> tuple[list[float], list[float]]:
    """95 % intervals of the area and of the Brier score, resampling trials."""
    pick = np.random.default_rng(1).integers(0, len(won), (draws, len(won)))
    areas = [auc(chance[p], won[p]) for p in pick]
    briers = [float(np.mean((chance[p] - won[p]) ** 2)) for p in pick]
    return [float(v) for v in np.nanquantile(areas, [0.025, 0.975])], [
        float(v) for v in np.quantile(briers, [0.025, 0.975])
    ]


def ceiling(model: EffectModel, asked: Sequence[Contrast]) -> dict[str, float]:
    """Scores of one who knows the true effects."""
    seen = model.learned
    pairs = np.array([c.learned for c in seen], float)
    own = sum(covariance(seen, seen, model.scales, model.foresight).values()) + np.diag(pairs[:, 1] ** 2)
    cross = sum(covariance(asked, seen, model.scales, model.foresight).values())
    apart = sum(covariance(asked, asked, model.scales, model.foresight).values())
    gain = linalg.solve(own, np.asarray(cross).T, assume_a="pos").T
    mean = expected(asked) + gain @ (pairs[:, 0] - expected(seen))
    root = np.linalg.cholesky(apart - gain @ np.asarray(cross).T + 1e-6 * np.eye(len(asked)))
    se = np.array([c.design_se for c in asked])
    rng = np.random.default_rng(1)
    areas, briers = [], []
    for _ in range(DRAWS):
        chance = norm.cdf(-Z - (mean + root @ rng.standard_normal(len(asked))) / se)
        won = rng.random(len(asked)) < chance
        areas.append(auc(chance, won))
        briers.append(float(np.mean((chance - won) ** 2)))
    low, high = np.quantile(areas, [0.05, 0.95])
    return {
        "auc": float(np.mean(areas)),
        "low": float(low),
        "high": float(high),
        "brier": float(np.mean(briers)),
    }


def arms(trials: Sequence[PublishedTrial], by: str) -> None:
    """Arms with the trial, or its whole class, left out of control arms and differences."""
    contrasts = contrasts_of(trials)
    label = GROUPINGS[by]
    folds: dict[str, list[int]] = {}
    for i, c in enumerate(contrasts):
        folds.setdefault(label(c) or c.trial, []).append(i)
    predicted = predict_folds(contrasts, folds, foresight=read_foresight(), refit=False)
    differences: dict[str, dict[str, object]] = {}
    for c, p in zip(contrasts, predicted, strict=True):
        differences.setdefault(c.trial, {})[c.arm] = p
    model, usual = ControlModel.fit(trials), Usual.fit(trials)
    groups = {r.trial.id: r.group for r in model.learned}
    rows = []
    for t in trials:
        same = {name for name, g in groups.items() if by == "class" and g == groups.get(t.id)}
        rest = ControlModel(tuple(r for r in model.learned if r.trial.id not in same))
        gone = same | {t.id}
        made = arm_rows(t, rest, differences.get(t.id, {}), usual.without(gone))  # type: ignore[arg-type]
        rows += [{**r, "gone": gone} for r in made]
    for role, s in arm_scores(rows).items():
        some = [r for r in rows if r["role"] == role]
        y, names = (np.array([r[k] for r in some]) for k in ("observed", "trial"))
        apart = [
            abs(r["observed"] - np.median(y[~np.isin(names, list(r["gone"]))])) / np.sum(names == r["trial"])
            for r in some
        ]
        print(
            f"  {role:<8} MAE {s['mae']:.2f}, bias {s['bias']:+.2f}, 90 % coverage {s['coverage_90']:.2f}, {s['n']} results; "
            f"best constant {s['mae_constant']:.2f}, of what is not left out {sum(apart) / len(set(names)):.2f}"
        )


def main() -> int:
    trials = calibration_trials()
    contrasts = contrasts_of(trials)
    apart = Apart(contrasts)
    names = list(dict.fromkeys(str(n) for n in apart.trial))
    success = {c.trial: bool(c.success) for c in apart.asked}
    won = np.array([success[n] for n in names])
    single = np.array([apart.best(n)[0] for n in names])
    area, brier = interval(single, won)
    print(f"{len(won)} trials with a verdict, {won.sum()} successes")
    print(f"one left out:   AUC {auc(single, won):.3f} ({area[0]:.2f} to {area[1]:.2f}), "
          f"Brier {np.mean((single - won) ** 2):.3f} ({brier[0]:.3f} to {brier[1]:.3f})")  # fmt: skip
    base = float(won.mean())
    print(f"base rate:      AUC 0.500, Brier {base * (1 - base):.3f}")
    pairs = [apart.best(a, b) for a in np.array(names)[won] for b in np.array(names)[~won]]
    right = np.mean([(p > q) + 0.5 * (p == q) for p, q in pairs])
    print(f"pairs left out: AUC {right:.3f}")
    top = ceiling(apart.model, apart.largest)
    print(
        f"ceiling:        AUC {top['auc']:.3f} (90 % of sets {top['low']:.2f} to {top['high']:.2f}), Brier {top['brier']:.3f}"
    )
    for by in ("trial", "class"):
        print(f"arms, leave one {by} out:")
        arms(trials, by)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
