"""Leave-out validation inside the calibration trials, classical drugs, placebo arms: figures and verdicts.

Usage: python verification/trials_leave_out.py [SHARED_FOLDER] [--plots FOLDER]      (about one minute)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import placebo_arms
import polars as pl

from euthymia.outcomes import Draws, TrialContext, endpoints, observe, scale
from euthymia.trials.foresight import NOTHING_SEEN, read_foresight
from euthymia.trials.published import SPREAD, Contrast, calibration_trials
from euthymia.trials.validate import contrasts_of, leave_out

ROOT = Path(__file__).resolve().parents[1]
ABLATIONS = {
    "all terms": (),
    "without the network": ("foreseen", "network"),
    "without class, mechanism, drug": ("class", "mechanism", "treatment"),
    "without small-study term": ("small",),
    "without known-treatment term": ("known",),
}
SCORES = ("mae", "median_ae", "rmse", "r", "sign", "coverage_90", "mae_precise", "auc", "brier")


def verdict(name: str, value: float, good: bool, goal: str) -> bool:
    print(f"  {'pass' if good else 'FAIL'}  {name}: {value:.3f} (goal {goal})")
    return good


def show(found: dict[str, Any]) -> tuple[str, float]:
    print(
        f"  {found['n_contrasts']} contrasts, {found['n_trials']} trials, noise floor {found['noise_floor']:.2f}"
    )
    rows = {"model": found, **found["naive"]}
    for name, scores in rows.items():
        cells = ("     -" if scores[k] is None else f"{scores[k]:6.2f}" for k in SCORES)
        print(f"  {name:<20}" + " ".join(cells))
    best = min(found["naive"], key=lambda k: found["naive"][k]["mae"])
    gap = found["against"][best]
    print(f"  against {best}: MAE {gap['difference']:+.2f} (95 % {gap['low']:+.2f} to {gap['high']:+.2f})")
    return best, found["naive"][best]["mae"]


def plot(found: dict[str, Any], path: Path, title: str) -> None:
    import plotly.graph_objects as go

    rows = [r for r in found["contrasts"] if r["observed"] is not None]
    figure = go.Figure(
        go.Scatter(
            x=[r["predicted"] for r in rows],
            y=[r["observed"] for r in rows],
            error_y={"array": [r["se"] for r in rows], "color": "#bbb"},
            mode="markers",
            text=[r["contrast"] for r in rows],
        )
    )
    figure.add_shape(type="line", x0=-20, y0=-20, x1=2, y1=2, line={"color": "#888"})
    figure.update_layout(
        title=title, xaxis_title="predicted change, MADRS points", yaxis_title="observed (one standard error)"
    )
    figure.write_html(path, include_plotlyjs=True)


def classical(shared: Path) -> list[Contrast]:
    """Drug-placebo comparisons of the classical drugs as contrasts; SMD x 9.8 so that the model's priors apply."""
    rows = pl.read_csv(shared / "data/griselda_dose/drug_placebo_comparisons.csv", null_values=["NA", ""])
    found = []
    for r in rows.drop_nulls(["smd", "smdse", "year", "n", "npl"]).iter_rows(named=True):
        n, n0 = int(r["n"]), int(r["npl"])
        planned = SPREAD * float(np.sqrt(1 / n + 1 / n0))
        found.append(
            Contrast(
                str(r["study"]), r["drug"], r["drug"], "", r["cls"], r["cls"], int(r["year"]), n, n0, 56.0, "MADRS",
                "double", "parallel", "none", r["smd"] * SPREAD, r["smdse"] * SPREAD, planned, None,
            )
        )  # fmt: skip
    return found


def placebo_error(shared: Path) -> dict[str, float]:
    """MAE of placebo change in HAMD17 points: the shipped outcome layer fitted anew with every study left out in turn,
    the layer as shipped, the mean of the others, sampling noise."""
    arms, slope = placebo_arms.read_arms(shared), scale("HAMD17").slope
    found = {
        "left out": placebo_arms.left_out(arms),
        "as fitted": placebo_arms.predicted(arms, placebo_arms.shipped()),
        "mean of the others": placebo_arms.mean_of_others(arms),
    }
    errors = {k: float(np.abs(v - arms.y).mean() / slope) for k, v in found.items()}
    noise = float((arms.error * np.sqrt(2 / np.pi)).mean() / slope)
    return {**errors, "noise": noise, "arms": float(len(arms.y))}


def spread_ratio(effect: float = -2.4, n: int = 20000) -> tuple[float, float]:
    """SD of MADRS change on placebo and its ratio drug / placebo at 8 weeks for a shift common to all patients."""
    weeks = np.array([0, 1, 2, 4, 6, 8]) * 168.0
    found = []
    for shift, seed in ((0.0, 1), (effect, 2)):
        base = 30 + 4 * np.random.default_rng(seed).standard_normal(n)
        severity = base[:, None] + shift * np.minimum(weeks / weeks[3], 1)
        seen = observe(severity, TrialContext(times=weeks, threshold=26.0), Draws.seeded(n, 6, seed)).seen()
        found.append(endpoints.change(endpoints.last_observed(seen))[:, -1].std())
    return float(found[0]), float(found[1] / found[0])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", nargs="?", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--plots", type=Path)
    arguments = parser.parse_args()
    contrasts = contrasts_of(calibration_trials())
    foresight = read_foresight()
    good = []
    for by in ("trial", "class", "drug"):
        print(f"\nleave one {by} out:   " + " ".join(SCORES))
        found = leave_out(contrasts, by, foresight=foresight)
        best, naive = show(found)
        if by == "trial":
            good.append(
                verdict("MAE / best naive", found["mae"] / naive, found["mae"] <= 0.85 * naive, "<= 0.85")
            )
            good.append(verdict("correlation", found["r"], found["r"] >= 0.5, ">= 0.5"))
            cover = found["coverage_90"]
            good.append(verdict("90 % coverage", cover, 0.85 <= cover <= 0.95, "0.85-0.95"))
            good.append(verdict("AUC", found["auc"], found["auc"] >= 0.8, ">= 0.80"))
            good.append(verdict("Brier", found["brier"], found["brier"] <= 0.19, "<= 0.19"))
        if by == "class":
            mean = found["naive"]["calibration_mean"]["mae"]
            good.append(verdict("MAE / calibration mean", found["mae"] / mean, found["mae"] <= mean, "<= 1"))
        if arguments.plots:
            arguments.plots.mkdir(parents=True, exist_ok=True)
            plot(found, arguments.plots / f"leave_one_{by}_out.html", f"Leave one {by} out")
    print("\nwhat the terms are worth, leave one trial out (MAE, r, coverage, AUC, Brier):")
    for name, off in ABLATIONS.items():
        part = leave_out(contrasts, "trial", off, NOTHING_SEEN if "network" in off else foresight)
        print(
            f"  {name:<32}" + " ".join(f"{part[k]:6.2f}" for k in ("mae", "r", "coverage_90", "auc", "brier"))
        )
    print("\nclassical drugs, leave one drug out, SMD:")
    found = leave_out(classical(arguments.shared), "drug")
    model, shrunk = found["mae"] / SPREAD, found["naive"]["shrunken_drug_mean"]["mae"] / SPREAD
    for name in ("minus_2", "calibration_mean", "class_mean", "shrunken_drug_mean"):
        print(f"  {name:<20}{found['naive'][name]['mae'] / SPREAD:6.3f}")
    print(f"  noise floor         {found['noise_floor'] / SPREAD:6.3f}; coverage {found['coverage_90']:.2f}")
    good.append(verdict("SMD MAE", model, model <= shrunk, f"<= shrunken mean {shrunk:.3f}"))
    arms = placebo_error(arguments.shared)
    print("\nplacebo arms, HAMD17 points: " + ", ".join(f"{k} {v:.2f}" for k, v in arms.items()))
    left = arms["left out"]
    good.append(verdict("placebo-arm MAE, study left out", left, left <= 1.5, "<= 1.5"))
    sd, ratio = spread_ratio()
    print("\nspread of change at 8 weeks:")
    good.append(verdict("SD of MADRS change", sd, 8 <= sd <= 10, "8-10"))
    good.append(verdict("SD ratio drug / placebo", ratio, 0.98 <= ratio <= 1.02, "0.98-1.02"))
    print(f"\n{sum(good)} of {len(good)} goals reached")
    return int(not all(good))


if __name__ == "__main__":
    raise SystemExit(main())
