"""A made-up run folder for developing and testing the report: invented numbers, believable shapes.

`python tests/report/synthetic_run.py FOLDER` writes one.  Nothing here is a result of the model, and the two
"published" rows are invented too (their source says so).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl

PROTOCOL = """\
# yaml-language-server: $schema=trial.schema.json
euthymia: 1
title: Made-up trial of two doses against placebo, 8 weeks
seed: 20261123
model: depression/core@1
population:
  base: mdd_outpatient_eu
  include: [madrs_baseline >= 22, age between 18 and 65 years]
arms:
  - name: placebo
    n: 150
    control: true
    treatment: [{drug: placebo, every: 24 h, for: 8 weeks}]
  - name: escitalopram 10 mg
    n: 150
    treatment: [{drug: escitalopram, dose: 10 mg, route: oral, every: 24 h, for: 8 weeks}]
  - name: escitalopram 20 mg
    n: 150
    treatment:
      - {drug: escitalopram, dose: 10 mg, route: oral, every: 24 h, for: 1 week}
      - {drug: escitalopram, dose: 20 mg, route: oral, every: 24 h, from: week 1, for: 7 weeks}
visits: {madrs: [baseline, week 1, week 2, week 4, week 6, week 8]}
endpoints:
  - {name: primary, of: madrs, kind: change, at: week 8}
  - {name: response, of: madrs, kind: percent_reduction, at: week 8, at_least: 50 %}
  - {name: remission, of: madrs, kind: below, at: week 8, limit: 10}
"""
ARMS = ("placebo", "escitalopram 10 mg", "escitalopram 20 mg")
DOSE = {"placebo": 0.0, "escitalopram 10 mg": 10.0, "escitalopram 20 mg": 20.0}
VISIT_DAYS = np.array([0, 7, 14, 28, 42, 56])
GENE_PHENOTYPES = ("poor", "intermediate", "normal", "rapid", "ultrarapid")


def write(folder: Path, *, n: int = 150, seed: int = 7, published: bool = True, step: float = 0.25) -> Path:
    """Write the made-up run folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    patients = _patients(rng, n)
    visits = _visits(rng, patients)
    tables = {
        "patients": patients,
        "visits": visits,
        "courses": _courses(rng, visits, step),
        "endpoints": _endpoints(visits, patients),
        "exposure": _exposure(rng),
        "parameters": _parameters(),
        **_statistics(),
    }
    if published:
        tables["published"] = _published()
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet")
    for name, data in {"manifest": _manifest(seed), "sources": SOURCES, "bibliography": BIBLIOGRAPHY}.items():
        (folder / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return folder


def _patients(rng: np.random.Generator, n: int) -> pl.DataFrame:
    size = n * len(ARMS)
    dropout = np.where(rng.random(size) < 0.24, rng.choice(VISIT_DAYS[1:], size), -1)
    return pl.DataFrame(
        {
            "patient": np.arange(size),
            "arm": np.repeat(ARMS, n),
            "age": rng.normal(41, 12, size).clip(18, 65).round(1),
            "sex": rng.choice(["female", "male"], size, p=[0.65, 0.35]),
            "weight": rng.lognormal(np.log(76), 0.19, size).round(1),
            "baseline_madrs": rng.normal(29, 4.5, size).clip(22, 52).round(0),
            "CYP2C19": rng.choice(GENE_PHENOTYPES, size, p=[0.02, 0.26, 0.40, 0.27, 0.05]),
            "CYP2D6": rng.choice(
                ["poor", "intermediate", "normal", "ultrarapid"], size, p=[0.07, 0.38, 0.5, 0.05]
            ),
            "endotype": rng.choice(
                ["inflammatory", "metabolic", "HPA axis", "none"], size, p=[0.27, 0.2, 0.2, 0.33]
            ),
            "crp": rng.lognormal(0.6, 1.0, size).round(2),
            "chronicity": rng.lognormal(1.4, 0.8, size).round(1),
            "adherence": rng.beta(12, 2, size).round(3),
            "dropout_day": [None if d < 0 else float(d) for d in dropout],
            "status": np.where(np.arange(size) == 3, 4, 0),
            "message": np.where(np.arange(size) == 3, "step size fell below 1e-9 h at t = 311 h", ""),
        }
    )


def _visits(rng: np.random.Generator, patients: pl.DataFrame) -> pl.DataFrame:
    base = patients["baseline_madrs"].to_numpy()[:, None]
    dose = np.array([DOSE[a] for a in patients["arm"]])[:, None]
    shape = 1 - np.exp(-VISIT_DAYS / 18.0)
    depth = rng.normal(10.5 + 2.6 * (dose > 0) + 0.5 * (dose > 10), 8.5)
    madrs = (base - depth * shape + rng.normal(0, 1.6, (len(base), len(VISIT_DAYS))) * (VISIT_DAYS > 0)).clip(
        0, 60
    )
    gone = patients["dropout_day"].fill_null(1e9).to_numpy()
    size, times = madrs.shape
    return pl.DataFrame(
        {
            "patient": np.repeat(patients["patient"].to_numpy(), times),
            "arm": np.repeat(patients["arm"].to_numpy(), times),
            "day": np.tile(VISIT_DAYS.astype(float), size),
            "madrs": madrs.round(0).ravel(),
            "hamd17": (madrs / 1.3).round(0).ravel(),
            "latent": (madrs / 30).ravel(),
            "in_trial": (VISIT_DAYS[None, :] < gone[:, None]).ravel(),
        }
    )


OUTPUTS = {
    "escitalopram.C": ("escitalopram in plasma", "ng/mL"),
    "SLC6A4.occupancy": ("serotonin transporter occupancy", "1"),
    "serotonin.et": ("serotonin at the terminal", "nM"),
    "neuroplasticity.bdnf": ("BDNF-TrkB signalling", "1"),
    "neuroplasticity.synapses": ("synapse density, share of healthy", "1"),
    "inflammation.il6": ("interleukin-6", "pg/mL"),
    "hpa.cortisol": ("cortisol, daily mean", "nmol/L"),
    "symptoms.madrs": ("MADRS total", "points"),
}


def _courses(rng: np.random.Generator, visits: pl.DataFrame, step: float) -> pl.DataFrame:
    rows = []
    for arm in ARMS:
        days = np.arange(0, 56 + step / 2, step)
        c = DOSE[arm] * 1.15 * (1 - np.exp(-days / 2.0)) * (1 + 0.12 * np.cos(2 * np.pi * days))
        occ = 0.9 * c / (c + 3.2)
        slow = 1 - np.exp(-days / 16)
        centre = {
            "escitalopram.C": c, "SLC6A4.occupancy": occ, "serotonin.et": 2.2 + 3.0 * occ * slow,
            "neuroplasticity.bdnf": 0.62 + 0.22 * occ * slow + 0.05 * slow,
            "neuroplasticity.synapses": 0.78 + 0.09 * occ * slow**2 + 0.03 * slow,
            "inflammation.il6": 2.4 - 0.5 * slow * (0.4 + occ), "hpa.cortisol": 420 - 45 * slow * (0.5 + occ),
        }  # fmt: skip
        for output, mean in centre.items():
            draws = mean[:, None] * rng.lognormal(0, 0.28 if ".C" in output else 0.12, 200)[None, :]
            if output.endswith("occupancy"):
                draws = draws.clip(0, 0.97)
            rows.append(_band(arm, output, days, draws))
        part = visits.filter(pl.col("arm") == arm)
        wide = part["madrs"].to_numpy().reshape(-1, len(VISIT_DAYS))
        fine = np.arange(0, 57.0)
        rows.append(
            _band(arm, "symptoms.madrs", fine, np.array([np.interp(fine, VISIT_DAYS, w) for w in wide]).T)
        )
    return pl.concat(rows)


def _band(arm: str, output: str, days: np.ndarray, draws: np.ndarray) -> pl.DataFrame:
    title, unit = OUTPUTS[output]
    q = np.percentile(draws, [5, 25, 50, 75, 95], axis=1)
    bands = {"mean": draws.mean(axis=1), **dict(zip(("p05", "p25", "p50", "p75", "p95"), q, strict=True))}
    head = {
        "arm": [arm] * len(days),
        "output": [output] * len(days),
        "title": title,
        "unit": unit,
        "day": days,
    }
    return pl.DataFrame({**head, **bands})


def _endpoints(visits: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for arm in ARMS:
        part = visits.filter(pl.col("arm") == arm)
        wide = part["madrs"].to_numpy().reshape(-1, len(VISIT_DAYS))
        change = wide[:, -1] - wide[:, 0]
        n = len(change)
        half = 1.96 * change.std(ddof=1) / np.sqrt(n)
        rows.append((0, arm, "change_madrs", n, change.mean(), change.mean() - half, change.mean() + half))
        gone = patients.filter(pl.col("arm") == arm)["dropout_day"].is_not_null().to_numpy()
        shares = {"response": wide[:, -1] <= wide[:, 0] / 2, "remission": wide[:, -1] <= 10, "dropout": gone}
        for name, hit in shares.items():
            p = hit.mean()
            half = 1.96 * np.sqrt(p * (1 - p) / n)
            rows.append((0, arm, name, n, p, max(p - half, 0.0), p + half))
    means = {r[1]: r for r in rows if r[2] == "change_madrs"}
    for arm in ARMS[1:]:
        gap = means[arm][4] - means["placebo"][4]
        rows.append((0, arm, "difference_madrs", means[arm][3], gap, gap - 2.0, gap + 2.0))
    names = ["replicate", "arm", "endpoint", "n", "estimate", "low", "high"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _exposure(rng: np.random.Generator) -> pl.DataFrame:
    rows = []
    for arm in ARMS[1:]:
        typical = {"Cmin": 0.9, "Cmax": 1.45, "Cavg": 1.15, "AUC_tau": 27.0}
        for metric, per_dose in typical.items():
            draws = DOSE[arm] * per_dose * rng.lognormal(0, 0.45, 400)
            unit = "ng/mL*h" if metric == "AUC_tau" else "ng/mL"
            rows.append((arm, "escitalopram", metric, unit, *np.percentile(draws, [5, 50, 95])))
        occupancy = 0.9 * draws / 24 / (draws / 24 + 3.2)
        rows.append((arm, "SLC6A4", "Cavg", "1", *np.percentile(occupancy, [5, 50, 95])))
    return pl.DataFrame(rows, schema=["arm", "analyte", "metric", "unit", "p05", "p50", "p95"], orient="row")


def _published() -> pl.DataFrame:
    rows = []
    known = zip(ARMS, (-9.4, -12.8, -13.9), (0.30, 0.50, 0.52), (0.25, 0.21, 0.25), strict=True)
    for arm, change, response, dropout in known:
        for day, share in ((14.0, 0.5), (28.0, 0.8), (56.0, 1.0)):
            half = 1.7
            rows.append(("made_up_2000", arm, arm, "change_madrs", day, change * share, change * share - half,
                         change * share + half, "points", "example2000madeup"))  # fmt: skip
        for outcome, value in (("response", response), ("dropout", dropout)):
            rows.append(
                ("made_up_2000", arm, arm, outcome, 56.0, value * 100, None, None, "%", "example2000madeup")
            )
        rows.append(("made_up_2000", arm, arm, "madrs", 0.0, 28.9, None, None, "points", "example2000madeup"))
    names = ["trial", "arm", "matched_arm", "outcome", "day", "value", "low", "high", "unit", "cite"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _statistics() -> dict[str, pl.DataFrame]:
    """One analysis estimated and one that was not, its replicates, two looks and one step."""
    arm = {"arm": "escitalopram 10 mg"}
    one = {"replicate": 0, "analysis": "primary", **arm, "method": "mmrm", "endpoint": "change", "measure": "points",
           "estimand": "hypothetical", "n": 300, "estimate": -2.5, "se": 1.0, "df": 190.4, "low": -4.5, "high": -0.5,
           "p": 0.0132, "note": ""}  # fmt: skip
    gone = {
        **one,
        "analysis": "second",
        "note": "too few patients",
        **dict.fromkeys(("estimate", "se", "df", "low", "high", "p")),
    }
    over = {"analysis": "primary", **arm, "replicates": 200, "power": 0.7, "power_error": 0.03, "mean": -2.4,
            "spread": 1.1, "mean_se": 1.0, "coverage": 0.95}  # fmt: skip
    look = {**arm, "information": 0.5, "bound": 2.96, "reached": 1.0, "success": 0.1, "futile": 0.2,
            "more_patients": 0.0, "power": 0.6, "mean_n": 250.0}  # fmt: skip
    step = {"replicate": 0, **arm, "step": "rescue", "day": 28.0, "action": "add", "option": "rescue", "n": 5,
            "not_taken": 120, "in_trial": 125, "dropped": 25, "left_by_plan": 0}  # fmt: skip
    curve = {"analysis": "onset", "endpoint": "onset", **arm, "median_day": 28.0}
    steps = [(0.0, 1.0, 150, 0), (28.0, 0.5, 120, 60), (56.0, 0.4, 40, 8)]
    curves = [{**curve, "day": d, "free": s, "low": max(s - 0.1 * (d > 0), 0.0), "high": min(s + 0.1, 1.0),
               "at_risk": n, "events": e} for d, s, n, e in steps]  # fmt: skip
    return {
        "analyses": pl.DataFrame([one, gone], infer_schema_length=None),
        "operating": pl.DataFrame([over]),
        "sequential": pl.DataFrame([{**look, "look": 1}, {**look, "look": 2}]),
        "flow": pl.DataFrame([step]),
        "survival": pl.DataFrame(curves),
    }


def _parameters() -> pl.DataFrame:
    rows = [
        ("escitalopram.pk.CL", "apparent oral clearance", 31.0, "L/h", "lognormal, CV 40 %", "measured", "human",
         "READ", "A", "alpha2006example", "Table 2"),
        ("escitalopram.targets.SLC6A4.EC50", "concentration at half occupancy", 3.2, "ng/mL", "", "meta_analysis",
         "human", "RECALLED", "C", "example2000madeup", ""),
        ("serotonin.sert.Vmax", "reuptake at saturation", 8.0, "1/h", "lognormal, CV 20 %", "measured", "rodent",
         "READ", "B", "beta2010example", "Table 1"),
        ("outcomes.placebo.depth", "depth of the placebo response", 10.5, "points", "normal, SD 6", "fitted",
         "human", "READ", "B", "example2000madeup", "arm means"),
        ("inflammation.il6.k_in", "production of interleukin-6", 1.3, "pg/mL/h", "", "assumed", "none", "READ", "D",
         None, None),
    ]  # fmt: skip
    many = [(f"neuroplasticity.k{i:02d}", f"made-up rate {i}", 0.1 * i, "1/h", "", "recalled", "rodent", "RECALLED",
             "CD"[i % 2], "beta2010example", "") for i in range(1, 41)]  # fmt: skip
    names = ["id", "title", "value", "unit", "spread", "basis", "system", "kind", "grade", "cite", "where"]
    return pl.DataFrame(rows + many, schema=names, orient="row")


SOURCES = [
    {"cite": "alpha2006example", "reason": "apparent oral clearance in adults", "what": "escitalopram.pk.CL",
     "basis": "measured", "kind": "READ", "grade": "A"},
    {"cite": "beta2010example", "reason": "reuptake at the terminal", "what": "serotonin.sert.Vmax",
     "basis": "measured", "kind": "READ", "grade": "B"},
    {"cite": "beta2010example", "reason": "rates of synapse formation", "what": "neuroplasticity.k01",
     "basis": "recalled", "kind": "RECALLED", "grade": "D"},
    {"cite": "example2000madeup", "reason": "published arm means, drawn beside the simulation",
     "what": "made_up_2000", "basis": "measured", "kind": "READ", "grade": "B"},
]  # fmt: skip
BIBLIOGRAPHY = [
    {"id": "alpha2006example", "type": "article-journal", "title": "A record for testing & nothing else (one)",
     "author": [{"family": "Alpha", "given": "A"}], "issued": {"date-parts": [[2006]]},
     "container-title": "Journal of Examples"},
    {"id": "beta2010example", "type": "article-journal", "title": "A record for testing with a DOI that is made up",
     "author": [{"family": "Beta", "given": "Berta"}, {"family": "Gamma", "given": "Gus H"}],
     "issued": {"date-parts": [[2010]]}, "container-title": "Journal of Examples", "volume": "7", "page": "34-40",
     "DOI": "10.9999/example.2010"},
    {"id": "example2000madeup", "type": "article-journal", "title": "An invented trial for testing a report",
     "author": [{"literal": "The Example Group"}], "issued": {"date-parts": [[2000]]}, "PMID": "00000000"},
]  # fmt: skip


def _manifest(seed: int) -> dict[str, object]:
    return {
        "euthymia": "0.1.0", "library_hash": "3f" * 32, "seed": seed, "protocol": PROTOCOL,
        "title": "Made-up trial of two doses against placebo, 8 weeks", "run_id": "7f3a91c2d4e5",
        "options": {"replicates": 1, "rtol": 1e-5, "method": "auto"},
        "machine": {"system": "Linux", "python": "3.11", "cores": 2}, "created_by": "euthymia run",
        "stages": {"compile": 0.41, "simulate": 3.9, "analyse": 0.6},
        "warnings": ["1 of 450 patients could not be simulated and is left out of every figure"],
    }  # fmt: skip


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
