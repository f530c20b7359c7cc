"""Exposure and occupancy against published numbers: prints a table and a verdict, and exits 1 where a goal is missed.

Run: python verification/exposure.py
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

from euthymia.compounds.compound import load_compound
from euthymia.compounds.course import Treatment, simulate_course
from euthymia.compounds.observations import Observation, read_observations
from euthymia.compounds.people import are_volunteers
from euthymia.compounds.score import LEVELS, class_of, score, summarise

TABLE = Path(__file__).with_name("exposure_calibration.csv")
AFTERWARDS = {
    "read and entered before they were scored, then looked at": "exposure_independent.csv",
    "typed after that, before they were scored": "exposure_fresh.csv",
    "typed without sight of the model; figures before they were looked at: typical 1.49 (179), metabolite 1.41 (21), "
    "drug-gene 1.39 (26), drug-drug 1.36 (86), occupancy 12.8 points (17), 26 unusable": "exposure_third.csv",
    "steady state in patients, typed without sight of the model; they showed that means are to be predicted; first: "
    "typical 1.55 (66), metabolite 1.26 (18), drug-gene 1.32 (16), drug-drug 1.73 (8)": "exposure_patients.csv",
    "sealed until the work on levels was done; then, at first: typical 1.35 (98), metabolite 1.40 (9), drug-gene 1.75 (13), "
    "drug-drug 1.29 (25), occupancy 18.5 points (8), spreads 73 % inside (51)": "exposure_sealed.csv",
    "variation between patients in routine monitoring": "spread_patients.csv",
}
SEED = 20
POINTS = 5  # of occupancy
STUDY = 40  # letters of a citation that tell a study
GOALS = {"typical": 1.25, "metabolite": 1.35, "drug_gene": 1.35, "drug_drug": 1.35}
# (drug, mg, low and high of the average level in ng/mL, low and high of SERT occupancy): reference range and imaging
SLICE = [
    ("escitalopram", 10, 15, 80, 0.70, 0.85),
    ("escitalopram", 20, 15, 80, 0.75, 0.88),
    ("sertraline", 50, 10, 150, 0.70, 0.88),
]


def classes(
    title: str, observations: list[Observation], levels: dict[str, dict[str, list[float]]] | None = None
) -> int:
    """Print the errors by class; returns the number of goals missed.

    `levels` gathers the logarithms of predicted over observed levels by drug and study.
    """
    told = [
        seen for seen in observations if class_of(seen) == "spread"
    ]  # beside these, levels print a spread too
    rows, unusable = score([seen for seen in observations if seen not in told])
    more, bad = score(told)
    rows, unusable = rows + more, unusable + bad
    of = {seen.id: seen for seen in observations}
    for row in rows:
        seen = of.get(row.id)
        if levels is not None and seen and row.group == "typical" and seen.metric != "t_half":
            study = seen.row.get("citation", "")[:STUDY]
            log = math.log(row.predicted / row.observed)
            levels.setdefault(seen.compound, {}).setdefault(study, []).append(log)
    missed = len(unusable)
    print(f"{title}: {len(rows)} rows, {len(unusable)} unusable")
    for name, found in summarise(rows).items():
        if name in GOALS:
            good = found["aafe"] <= GOALS[name]
            fold = f"AAFE {found['aafe']:.2f} (goal {GOALS[name]}, naive {found['naive_aafe']:.2f})"
            near = f"{found['within_1_25']:.0%} / {found['within_1_5']:.0%} / {found['within_2']:.0%} within 1.25, 1.5, 2"
            print(f"  {name:<11} n {found['n']:>3}  {fold}, {near}  {'ok' if good else 'MISSED'}")
        elif name == "occupancy":
            good = found["mae_points"] <= POINTS
            inside = f"{found['coverage_80']:.0%} inside the 80 % interval"
            points = f"mean error {found['mae_points']:.1f} points (goal {POINTS}), {inside}"
            print(f"  {name:<11} n {found['n']:>3}  {points}  {'ok' if good else 'MISSED'}")
        else:
            good = True
            share = f"{found['within_0_75_1_33']:.0%} within 0.75 to 1.33"
            floor = f"{found['attainable']:.0%} if only sampling erred"
            bias = f"bias {found['afe']:.2f}"
            print(f"  {name:<11} n {found['n']:>3}  CV off by {found['aafe']:.2f}, {bias}, {share} ({floor})")
        missed += not good
    return missed


def between_studies(tables: list[Path]) -> None:
    """Print how well studies of one drug agree on its spread: what the mean of the others predicts.

    Compared are levels of one analyte in one kind of people (volunteers or patients; peaks apart from the rest).  A
    model that knew the mean spread of each drug could not do much better than this.
    """
    found: dict[tuple[str, ...], set[float]] = {}
    for table in tables:
        observations, _ = read_observations(table)
        own = [seen for seen in observations if class_of(seen) == "spread"]
        for seen in own or [seen for seen in observations if seen.metric in LEVELS]:
            cv = seen.spread if math.isfinite(seen.spread) else seen.value / 100 if own else math.nan
            if math.isfinite(cv):
                alike = are_volunteers(seen.row.get("population", ""), not seen.interval)
                part = "peak" if alike and seen.metric == "Cmax" else "level"
                found.setdefault((seen.compound, seen.analyte, str(alike), part), set()).add(round(cv, 4))
    log: list[float] = []
    for values in found.values():
        own_logs = np.log(sorted(values))
        if own_logs.size > 1:
            log.extend((own_logs.sum() - own_logs) / (own_logs.size - 1) - own_logs)
    fold = np.abs(np.array(log))
    share = float(np.mean(fold <= math.log(4 / 3)))
    print(
        f"other studies of the same drug predict {len(log)} coefficients of variation: "
        f"off by {np.exp(fold.mean()):.2f}, {share:.0%} within 0.75 to 1.33"
    )


def levels_between_studies(levels: dict[str, dict[str, list[float]]]) -> None:
    """How well the other studies of a drug predict one, once the model has taken dose and people out."""
    others, model = [], []
    for studies in levels.values():
        means = {study: float(np.mean(logs)) for study, logs in studies.items()}
        for study, logs in studies.items():
            rest = [mean for other, mean in means.items() if other != study]
            if rest:
                others.extend(abs(log - np.mean(rest)) for log in logs)
                model.extend(abs(log) for log in logs)
    print(
        f"other studies of the same drug predict {len(others)} levels: AAFE {np.exp(np.mean(others)):.2f}; "
        f"the model {np.exp(np.mean(model)):.2f}"
    )


def main() -> int:
    """Check every goal; returns the number of misses as an exit code."""
    observations, bad = read_observations(TABLE)
    levels: dict[str, dict[str, list[float]]] = {}
    missed = len(bad) + classes("all rows", observations, levels)
    apart = [seen for seen in observations if seen.row.get("independent") == "yes"]
    classes("rows that set no number", apart)
    for title, name in AFTERWARDS.items():
        later, bad = read_observations(TABLE.with_name(name))
        missed += len(bad)
        classes(title, later, levels)  # printed, not counted: what new data look like
        apart = [seen for seen in later if seen.row.get("independent") == "yes"]
        if 0 < len(apart) < len(later):
            classes("of these, rows that set no number", apart)
    between_studies([TABLE, *(TABLE.with_name(name) for name in AFTERWARDS.values())])
    levels_between_studies(levels)
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
