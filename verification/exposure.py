"""Exposure and occupancy against published numbers: prints a table and a verdict, and exits 1 where a goal is missed.

Run: python verification/exposure.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from euthymia.compounds.compound import load_compound
from euthymia.compounds.course import Treatment, simulate_course
from euthymia.compounds.observations import read_observations
from euthymia.compounds.score import score, summarise

TABLE = Path(__file__).with_name("exposure_calibration.csv")
SEED = 20
GOALS = {"typical": 1.25, "metabolite": 1.35, "drug_gene": 1.35, "drug_drug": 1.35}
# (drug, mg, low and high of the average level in ng/mL, low and high of SERT occupancy): reference range and imaging
SLICE = [
    ("escitalopram", 10, 15, 80, 0.70, 0.85),
    ("escitalopram", 20, 15, 80, 0.75, 0.88),
    ("sertraline", 50, 10, 150, 0.70, 0.88),
]


def main() -> int:
    """Check every goal; returns the number of misses as an exit code."""
    missed = 0
    observations, bad = read_observations(TABLE)
    rows, unusable = score(observations)
    for name, found in summarise(rows).items():
        if name in GOALS:
            good = found["aafe"] <= GOALS[name]
            missed += not good
            fold = f"AAFE {found['aafe']:.2f} (goal {GOALS[name]}, naive {found['naive_aafe']:.2f})"
            print(f"{name:<11} n {found['n']:>3}  {fold}  {'ok' if good else 'MISSED'}")
        else:
            good = found.get("mae_points", 0) <= 5
            missed += not good
            points = f"mean error {found.get('mae_points', float('nan')):.1f} points (goal 5)"
            print(f"{name:<11} n {found['n']:>3}  {points}  {'ok' if good else 'MISSED'}")
    print(f"{len(bad) + len(unusable)} rows unusable")
    rng = np.random.default_rng(SEED)
    for name, dose, low, high, least, most in SLICE:
        drug = load_compound(name)
        n = 400
        genes = {"CYP2C19": rng.choice([0, 1, 2, 2.5, 3], n, p=[0.024, 0.26, 0.396, 0.27, 0.05])}
        draws = {f"{name}.{k}": rng.standard_normal(n) for k in ("CL", "V", "ka", "SLC6A4.EC50")}
        times = np.linspace(41 * 24, 42 * 24, 13)
        course = simulate_course(
            [Treatment(drug, dose, 24, 0, 42 * 24)],
            times,
            genes,
            ports=["SLC6A4.occupancy"],
            draws=draws,
            n=n,
            rtol=1e-4,
        )
        level = course.mass(name).mean(axis=1)
        bound = course.ports["SLC6A4.occupancy"].mean(axis=1)
        good = low <= np.median(level) <= high and least <= np.median(bound) <= most
        missed += not good
        q = np.percentile(level, [5, 50, 95])
        b = np.percentile(bound, [5, 50, 95])
        spread = f"level {q[1]:.1f} ng/mL ({q[0]:.1f}-{q[2]:.1f}, CV {level.std() / level.mean():.0%})"
        share = f"SERT {b[1]:.0%} ({b[0]:.0%}-{b[2]:.0%})"
        print(f"{name} {dose} mg (seed {SEED}): {spread}, {share}  {'ok' if good else 'MISSED'}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
