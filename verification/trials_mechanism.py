"""What the mechanistic network adds to the predictions: each layer alone and together, honestly apart.

Usage: python verification/trials_mechanism.py [--repeats N] [--plots FOLDER]      (some minutes)

Reads the predictions of the prior ensemble that `euthymia calibrate` stored; every fold conditions the ensemble and
fits the statistical terms anew on its own trials.  The choice of layers is also made inside the folds (nested), so that
the last rows owe nothing to choices made with all trials in view.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.trials.effects import EffectModel
from euthymia.trials.foresight import NOTHING_SEEN, Foresight, read_foresight
from euthymia.trials.published import Contrast, calibration_trials
from euthymia.trials.scoreboard import paired_bootstrap, scores
from euthymia.trials.validate import GROUPINGS, contrasts_of, leave_out, predict_folds

LABELS = ("class", "mechanism", "treatment")
DESIGN = ("small", "known")
LAYERS: dict[str, tuple[str, ...]] = {  # terms that are off
    "design alone": (*LABELS, "foreseen", "network"),
    "mechanism alone": (*LABELS, *DESIGN),
    "mechanism and design": LABELS,
    "statistical (labels and design)": ("foreseen", "network"),
    "combined": (),
}
SHOWN = ("mae", "rmse", "r", "coverage_90", "mae_precise", "auc", "brier")


def line(name: str, found: dict[str, Any]) -> None:
    cells = ("     -" if found[k] is None or not np.isfinite(found[k]) else f"{found[k]:6.2f}" for k in SHOWN)
    print(f"  {name:<32}" + " ".join(cells), flush=True)


def foresight_for(off: tuple[str, ...], foresight: Foresight) -> Foresight:
    return NOTHING_SEEN if "network" in off else foresight


def folds_of(contrasts: list[Contrast], count: int, seed: int) -> dict[str, list[int]]:
    """Trials dealt into folds at random."""
    names = sorted({c.trial for c in contrasts})
    place = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % count, strict=True))
    found: dict[str, list[int]] = {}
    for i, c in enumerate(contrasts):
        found.setdefault(str(place[c.trial]), []).append(i)
    return found


def scored(contrasts: list[Contrast], predicted: list[Any]) -> dict[str, float]:
    mean = np.array([p.mean for p in predicted])
    sd = np.array([np.hypot(p.effect_sd, c.se) for p, c in zip(predicted, contrasts, strict=True)])
    return scores(contrasts, mean, sd, np.array([p.success for p in predicted]))


def kfold(
    contrasts: list[Contrast], foresight: Foresight, off: tuple[str, ...], repeats: int
) -> dict[str, float]:
    """Mean scores of repeated ten-fold cross-validation by trial."""
    rows = []
    for r in range(repeats):
        folds = folds_of(contrasts, 10, r)
        predicted = predict_folds(contrasts, folds, off, foresight_for(off, foresight))
        rows.append(scored(contrasts, predicted))
    return {k: float(np.mean([row[k] for row in rows])) for k in SHOWN}


def nested(
    contrasts: list[Contrast], foresight: Foresight, seed: int = 0
) -> tuple[dict[str, float], dict[str, int]]:
    """Ten folds; in each, the layers with the least leave-one-trial-out error on the other nine are chosen."""
    predicted: list[Any] = [None] * len(contrasts)
    chosen: dict[str, int] = {}
    for places in folds_of(contrasts, 10, seed).values():
        away = {contrasts[i].trial for i in places}
        rest = [c for c in contrasts if c.trial not in away]
        inner: dict[str, list[int]] = {}
        for i, c in enumerate(rest):
            inner.setdefault(c.trial, []).append(i)
        best, least = "", np.inf
        for name, off in LAYERS.items():
            found = predict_folds(rest, inner, off, foresight_for(off, foresight), refit=False)
            error = scored(rest, found)["mae"]
            if error < least:
                best, least = name, error
        chosen[best] = chosen.get(best, 0) + 1
        off = LAYERS[best]
        some = {"": places}
        made = predict_folds(contrasts, some, off, foresight_for(off, foresight), learn=rest)
        for i in places:
            predicted[i] = made[i]
    return scored(contrasts, predicted), chosen


def plot(contrasts: list[Contrast], foresight: Foresight, path: Path) -> None:
    """Observed difference against what the network foresees before it is conditioned."""
    import plotly.graph_objects as go

    rows = [
        (c, foresight.seen[c.key].members)
        for c in contrasts
        if foresight.known(c.key) and c.observed is not None
    ]
    low, high = (np.array([np.nanquantile(m, q) for _, m in rows]) for q in (0.05, 0.95))
    mean = np.array([np.nanmean(m) for _, m in rows])
    figure = go.Figure(
        go.Scatter(
            x=mean, y=[c.observed for c, _ in rows], text=[c.key for c, _ in rows], mode="markers",
            error_x={"array": high - mean, "arrayminus": mean - low, "color": "#ddd"},
            error_y={"array": [c.se for c, _ in rows], "color": "#bbb"},
        )
    )  # fmt: skip
    figure.add_shape(type="line", x0=-20, y0=-20, x1=2, y1=2, line={"color": "#888"})
    figure.update_layout(
        title="Observed difference against the network's prior prediction (90 % of members)",
        xaxis_title="foreseen, MADRS points", yaxis_title="observed (one standard error)",
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.write_html(path, include_plotlyjs=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--plots", type=Path)
    arguments = parser.parse_args()
    contrasts = contrasts_of(calibration_trials())
    foresight = read_foresight()
    known = [c for c in contrasts if foresight.known(c.key)]
    seen = [c for c in known if c.observed is not None]
    raw = np.array([np.nanmean(foresight.seen[c.key].members) for c in seen])
    y = np.array([c.observed for c in seen], float)
    print(
        f"the network expresses {len(known)} of {len(contrasts)} contrasts, {len(seen)} of them with a magnitude"
    )
    print(
        f"its prior mean against observed: r {np.corrcoef(raw, y)[0, 1]:.2f}, MAE {np.abs(raw - y).mean():.2f}"
    )
    means: dict[str, np.ndarray] = {}
    for by in GROUPINGS:
        print(f"\nleave one {by} out:               " + " ".join(f"{k:>6.6}" for k in SHOWN))
        for name, off in LAYERS.items():
            found = leave_out(contrasts, by, off, foresight_for(off, foresight))
            line(name, found)
            if by == "trial":
                means[name] = np.array([r["predicted"] for r in found["contrasts"]])
    for a, b in (("combined", "statistical (labels and design)"), ("mechanism and design", "design alone")):
        gap = paired_bootstrap(contrasts, means[a], means[b])
        print(
            f"  MAE of {a} less {b}: {gap['difference']:+.3f} (95 % {gap['low']:+.3f} to {gap['high']:+.3f})"
        )
    print(f"\nten folds by trial, {arguments.repeats} times:")
    for name, off in LAYERS.items():
        line(name, kfold(contrasts, foresight, off, arguments.repeats))
    found, chosen = nested(contrasts, foresight)
    line("layers chosen inside the folds", found)
    print(f"  chosen: {chosen}")
    model = EffectModel.fit(contrasts, foresight=foresight)
    print(
        "\nscales of the terms, MADRS points: " + ", ".join(f"{k} {v:.2f}" for k, v in model.scales.items())
    )
    if arguments.plots:
        plot(contrasts, foresight, arguments.plots / "foreseen_against_observed.html")
    naive = leave_out(contrasts, "trial", (), foresight)["naive"]
    best = min(naive.values(), key=lambda s: s["mae"])["mae"]
    good = found["mae"] <= 0.85 * best
    print(
        f"{'pass' if good else 'FAIL'}  nested MAE {found['mae']:.2f}, best naive {best:.2f} (goal 15 % below)"
    )
    return int(not good)


if __name__ == "__main__":
    raise SystemExit(main())
