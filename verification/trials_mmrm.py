"""The mixed model on all 172 patients against an independent likelihood: takes about two minutes.

Usage: python verification/trials_mmrm.py [SHARED_FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from euthymia.trials.mmrm import design_matrix, mmrm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "trials"))
from test_mmrm import error_contrast_reml  # noqa: E402

LIMIT = 1e-3  # relative, the accuracy asked of estimates and standard errors


def main() -> int:
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared"
    data = pl.read_csv(shared / "data/antidepressant_trial_hamd17_ipd/antidepressant_trial_hamd17.csv")
    wide = data.pivot(on="VISIT", index=["PATIENT", "THERAPY", "BASVAL"], values="CHANGE").sort("PATIENT")
    change = wide.select(["4", "5", "6", "7"]).to_numpy().astype(float)
    baseline, arm = (
        wide["BASVAL"].to_numpy().astype(float),
        (wide["THERAPY"] == "DRUG").to_numpy().astype(int),
    )
    fit = mmrm(change, baseline, arm)
    x, _ = design_matrix(baseline, arm, 4)
    there = np.isfinite(change)
    subject, visit = np.nonzero(there)
    beta, se, _ = error_contrast_reml(change[there], x[there], visit, subject, 4)
    worst = 0.0
    print("visit  estimate  independent  se      independent  df(Satt)  df(KR)")
    for v in range(4):
        k, s, kr = fit.index(1, v), fit.difference(1, v), fit.difference(1, v, "kenward-roger")
        worst = max(worst, abs(s.value / beta[k] - 1), abs(s.se / se[k] - 1))
        print(f"{v}  {s.value:10.5f} {beta[k]:10.5f} {s.se:10.5f} {se[k]:10.5f} {s.df:9.2f} {kr.df:9.2f}")
    print(
        f"largest relative difference {worst:.1e}, limit {LIMIT:.0e}: {'pass' if worst < LIMIT else 'FAIL'}"
    )
    return int(worst >= LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
