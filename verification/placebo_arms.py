"""Placebo change by design: the regression behind `outcomes.placebo`, its error with every study left out, its refit.

Usage: python verification/placebo_arms.py [SHARED_FOLDER] [--write]      (about ten seconds)

`--write` puts the refitted numbers into `library/outcomes/placebo.yaml`.  Model: change of a placebo arm at the end of
its trial, MADRS points, last observation carried forward = (columns of `placebo.columns`) x coefficients x share of the
8-week change reached + trial + sampling error.  Coefficients have normal priors of the scales below, one multiplier for
the design and one for the drugs; these and the spread between trials are fitted by marginal likelihood, anew in every fold.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import optimize

from euthymia.evidence.read import LIBRARY
from euthymia.outcomes import TrialContext, placebo, scale
from euthymia.outcomes.parameters import parameters

ROOT = Path(__file__).resolve().parents[1]
FILE = LIBRARY / "outcomes" / "placebo.yaml"
POINTS = {"HAMD17": 1.3, "HAMDunspecified": 1.3, "HAMD21": 1.14, "HAMD24": 1.0, "MADRS": 1.0}
REGIONS = {
    "Asia": "asia",
    "Europe": "europe",
    "North America": "north_america",
    "Cross-Continental": "cross_continental",
}
LEVEL = -12.4  # prior mean of the level, MADRS points
# prior scale in MADRS points per unit of the column; regions, scales and drugs have one each
SCALES = {
    "change": 30.0, "change_per_decade": 1.0, "per_threshold_point": 0.2, "run_in": 1.0, "mixed_patients": 1.5,
    "region": 1.5, "scale": 1.5, "drug": 1.5,
}  # fmt: skip
LOG_SPREAD = 0.5  # of the two multipliers


@dataclass(frozen=True)
class Arms:
    """Placebo arms: names of the columns, their values, change, sampling error, study."""

    names: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    error: np.ndarray
    study: np.ndarray


def read_arms(shared: Path) -> Arms:
    """Arms with a change from baseline on a linked scale; columns as the shipped layer computes them."""
    path = shared / "data/griselda_dose/griselda_dose_arms.csv"
    everything = pl.read_csv(path, infer_schema_length=2000, null_values=["NA", ""])
    arms = everything.filter(
        (pl.col("Drug") == "placebo")
        & (pl.col("Mean") < 0)
        & pl.col("weeks").is_not_null()
        & pl.col("Scale_for_threshold").is_in(list(POINTS))
    )
    drugs = {k[0]: tuple(sorted(set(v["Drug"]) - {"placebo"})) for k, v in everything.group_by("Study_No")}
    rows, reached, y, error = [], [], [], []
    for r in arms.iter_rows(named=True):
        points, hours = POINTS[r["Scale_for_threshold"]], r["weeks"] * 168.0
        context = TrialContext(
            times=np.array([0, hours]),
            year=r["Study_year"] or 2000,
            threshold=float(r["Threshold_score"]) * points if r["Threshold_score"] else None,
            run_in=r["Placebo_run_in"] == "Yes",
            setting="outpatient" if r["Patient_status"] == "Outpatients only" else "mixed",
            region=REGIONS.get(r["Recruitment"] or "", ""),
            scale=r["Scale_for_threshold"],
            drugs=drugs[r["Study_No"]],
        )
        rows.append(placebo.columns(context))
        reached.append(float(placebo.weibull(hours, hours)))
        y.append(r["Mean"] * points)
        error.append(points * float(r["SD"] or 7.5) / np.sqrt(float(r["N compimputed"])))
    names = tuple(
        sorted({k for row in rows for k in row}, key=lambda k: (list(SCALES).index(k.split(".")[0]), k))
    )
    x = np.array([[row.get(k, 0.0) for k in names] for row in rows]) * np.array(reached)[:, None]
    return Arms(names, x, np.array(y), np.array(error), arms["Study_No"].to_numpy())


def posterior(
    x: np.ndarray, y: np.ndarray, error: np.ndarray, sizes: np.ndarray, between: float
) -> np.ndarray:
    """Mean of the coefficients given data, with independent normal priors of these sizes around zero."""
    return sizes**2 * (x.T @ np.linalg.solve((x * sizes) @ (x * sizes).T + np.diag(between**2 + error**2), y))


def fit(arms: Arms, used: np.ndarray) -> tuple[dict[str, float], float]:
    """Coefficients, regions and scales as departures from the mean arm, and the spread between trials."""
    x, y, error = arms.x[used], arms.y[used] - LEVEL * arms.x[used, 0], arms.error[used]
    rooms = [n.split(".")[0] for n in arms.names]
    prior = np.array([SCALES[r] for r in rooms])
    free = np.array([0 if r == "change" else 2 if r == "drug" else 1 for r in rooms])

    def scaled(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sizes = prior * np.exp(np.array([0.0, logs[0], logs[1]])[free])
        return sizes, (x * sizes) @ (x * sizes).T + np.diag(np.exp(2 * logs[2]) + error**2)

    def cost(logs: np.ndarray) -> float:
        lower = np.linalg.cholesky(scaled(logs)[1])
        z = np.linalg.solve(lower, y)
        return float(
            np.log(np.diag(lower)).sum() + 0.5 * z @ z + 0.5 * (logs[0] ** 2 + logs[1] ** 2) / LOG_SPREAD**2
        )

    logs = optimize.minimize(
        cost, [0.0, 0.0, np.log(2)], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6}
    ).x
    beta = posterior(x, y, error, scaled(logs)[0], float(np.exp(logs[2])))
    found = dict(zip(arms.names, beta.tolist(), strict=True))
    found["change"] += LEVEL
    reached = x[:, 0]
    for room in ("region", "scale"):  # who does not say gets the mean of those who do
        members = [i for i, r in enumerate(rooms) if r == room]
        if not members:
            continue
        said = x[:, members].sum(axis=1) > 0
        mean = float((x[said][:, members] @ beta[members] / reached[said]).mean())
        found["change"] += mean
        for i in members:
            found[arms.names[i]] -= mean
    return found, float(np.exp(logs[2]))


def predicted(arms: Arms, coefficients: dict[str, float]) -> np.ndarray:
    """Change of every arm, MADRS points, last observation carried forward."""
    return arms.x @ np.array([coefficients[n] for n in arms.names])


def left_out(arms: Arms) -> np.ndarray:
    """Predictions with the arm's study left out of the fit."""
    found = np.zeros(len(arms.y))
    for study in np.unique(arms.study):
        apart = arms.study == study
        found[apart] = predicted(arms, fit(arms, ~apart)[0])[apart]
    return found


def mean_of_others(arms: Arms) -> np.ndarray:
    """Mean change of the other studies' arms."""
    return np.array([arms.y[arms.study != s].mean() for s in arms.study])


def shipped() -> dict[str, float]:
    """The library's numbers, last observation carried forward."""
    return {k: v * placebo.KEPT for k, v in parameters("placebo").items()}


def write(coefficients: dict[str, float], between: float) -> None:
    """Put the numbers into the library file; nothing else in it changes."""
    text = FILE.read_text("utf-8")
    for name, value in {
        **{k: v / placebo.KEPT for k, v in coefficients.items()},
        "between_trials": between / placebo.KEPT,
    }.items():
        text, count = re.subn(rf"(?m)^(  {re.escape(name)}:\n    value: ).*$", rf"\g<1>{value:.2f}", text)
        if count != 1:
            raise SystemExit(f"{FILE.name} has no parameter '{name}'")
    FILE.write_text(text, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", nargs="?", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    arms = read_arms(arguments.shared)
    coefficients, within = fit(arms, np.ones(len(arms.y), dtype=bool))
    apart = left_out(arms)
    # of a trial that was not fitted to: what the coefficients leave unknown is part of it
    between = float(np.sqrt(((apart - arms.y) ** 2 - arms.error**2).mean()))
    if arguments.write:
        write(coefficients, between)
        parameters.cache_clear()
    now, slope = shipped(), scale("HAMD17").slope
    print("coefficient, MADRS points: refitted, shipped")
    for name, value in coefficients.items():
        print(f"  {name:<24}{value:7.2f}{now.get(name, float('nan')):7.2f}")
    print(f"  between new trials      {between:7.2f}{now['between_trials']:7.2f}; fitted {within:.2f}")
    for name, found in {
        "study left out": apart, "fitted": predicted(arms, now), "mean of the others": mean_of_others(arms),
    }.items():  # fmt: skip
        print(
            f"{name:<20} mean error {np.abs(found - arms.y).mean() / slope:.2f} HAMD17 points, r {np.corrcoef(found, arms.y)[0, 1]:.2f}"
        )
    return int(max(abs(coefficients[n] - now[n]) for n in arms.names) > 0.02)


if __name__ == "__main__":
    raise SystemExit(main())
