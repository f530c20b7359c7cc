"""The vertical slice against published ranges: escitalopram's level, occupancy, effect and the trial's shape.

`python verification/slice.py [--patients N] [--seed S]` prints each figure with its interval and a verdict, and writes
`verification/slice.json`.  Nothing is fitted here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from euthymia.evidence.read import LIBRARY
from euthymia.outcomes.endpoints import last_observed
from euthymia.protocol.protocol import read_protocol
from euthymia.trials.model import build_model
from euthymia.trials.rate import rate, scores
from euthymia.trials.simulate import simulate

WEEKS = {1: 0.10, 2: 0.63, 4: 0.85, 6: 1.00}  # share of the week-6 gap in one patient-level trial


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean with its 95 % interval."""
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def gap(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Difference of two means with its 95 % interval."""
    half = 1.96 * np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    d = a.mean() - b.mean()
    return float(d), float(d - half), float(d + half)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1500, help="patients an arm")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    protocol = read_protocol(LIBRARY / "protocols" / "escitalopram_demo.yaml")
    arms = tuple(a.__class__(a.name, arguments.patients, a.treatment, a.control) for a in protocol.arms)
    protocol = protocol.replace(arms=arms, seed=arguments.seed, genotype="european")
    model = build_model(protocol)
    run = simulate(protocol, model=model)
    rated = rate(protocol, run)
    madrs = scores(rated, "madrs")
    full = rated.observed.madrs.astype(float)
    change = last_observed(madrs)[:, -1] - madrs[:, 0]
    arm = run.arm
    names = [c[0] for c in model.courses]
    level = 1000 * run.last[:, :, names.index("escitalopram.C_mass")].mean(axis=1)  # mg/L to ng/mL
    occupancy = 100 * run.last[:, :, names.index("SLC6A4.occupancy")].mean(axis=1)
    placebo = change[arm == 0]
    found: list[tuple[str, tuple[float, ...], float, float]] = []
    for i, low, high in (
        (1, 13.4, 21.9),
        (2, 26.9, 43.9),
    ):  # dose rate over CL/F of 31 (label) and 19 L/h (areberg2006)
        x = level[arm == i]
        found.append(
            (f"median level at {10 * i} mg, ng/mL", tuple(np.quantile(x, [0.5, 0.05, 0.95])), low, high)
        )
    for i, low, high in ((1, 60, 85), (2, 70, 92)):
        x = occupancy[arm == i]
        found.append(
            (f"median SERT occupancy at {10 * i} mg, %", tuple(np.quantile(x, [0.5, 0.05, 0.95])), low, high)
        )
    for i in (1, 2):
        found.append((f"difference at week 8, {10 * i} mg", gap(change[arm == i], placebo), -4.0, -1.5))
    found.append(("placebo change at week 8", interval(placebo), -13.2, -8.8))
    for i, a in enumerate(protocol.arms):
        sd = change[arm == i].std(ddof=1)
        half = 1.96 * sd / np.sqrt(2 * (arm == i).sum())
        found.append((f"SD of change, {a.name}", (sd, sd - half, sd + half), 8.0, 10.0))
    treated = change[arm > 0].std(ddof=1)
    ratio = treated / placebo.std(ddof=1)
    half = 1.96 * ratio * np.sqrt(1 / (2 * (arm > 0).sum()) + 1 / (2 * (arm == 0).sum()))
    found.append(("SD ratio drug to placebo", (ratio, ratio - half, ratio + half), 0.95, 1.05))
    for i, a in enumerate(protocol.arms):
        gone = 100 * np.isfinite(rated.observed.dropout_time[arm == i]).astype(float)
        found.append((f"dropout, {a.name}, %", interval(gone), 20.0, 30.0))
    drug = full[arm > 0].mean(axis=0) - full[arm > 0, 0].mean()
    none = full[arm == 0].mean(axis=0) - full[arm == 0, 0].mean()
    gaps = drug - none
    for week, share in WEEKS.items():
        found.append(
            (f"share of the week-6 gap at week {week}", (gaps[week] / gaps[6],), share - 0.25, share + 0.25)
        )
    rows = []
    for name, values, low, high in found:
        ok = low <= values[0] <= high
        shown = f"{values[0]:.2f}" + (f" ({values[1]:.2f} to {values[2]:.2f})" if len(values) > 1 else "")
        print(f"{'ok  ' if ok else 'MISS'} {name:<40} {shown:<28} published {low:g} to {high:g}")
        rows.append(
            {"name": name, "values": [float(v) for v in values], "low": low, "high": high, "ok": bool(ok)}
        )
    misses = sum(not r["ok"] for r in rows)
    print(
        f"seed {arguments.seed}, {arguments.patients} patients an arm: {len(rows) - misses} of {len(rows)} inside"
    )
    out = Path(__file__).with_name("slice.json")
    out.write_text(
        json.dumps({"seed": arguments.seed, "patients": arguments.patients, "rows": rows}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
