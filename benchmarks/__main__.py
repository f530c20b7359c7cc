"""`python -m benchmarks [--quick]`: patients per second of one core at equal achieved maximum error.

For each model, tool and target error the loosest relative tolerance (on a grid of 10^(1/4)) that meets the target
on the patients timed is found first; then the tools run in turn, three times, and the median counts.  Writes
results.json and table.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np

from benchmarks.problems import Problem, oral_pk, study
from benchmarks.tools import Run, ours, roadrunner, scipy_lsoda

GRID = [10.0 ** (-k / 4) for k in range(8, 41)]
TARGETS = (1e-6, 1e-4)
HERE = Path(__file__).parent


def loosest(run: Run, problem: Problem, target: float, patients: int) -> float | None:
    """The loosest tolerance whose maximum error meets the target; None where none does."""
    low, high = 0, len(GRID) - 1
    found = None
    while low <= high:
        middle = (low + high) // 2
        try:
            good = problem.error(run(problem, GRID[middle], patients)[0]) <= target
        except Exception:  # a tool that cannot finish at this tolerance does not meet the target
            good = False
        if good:
            found, high = GRID[middle], middle - 1
        else:
            low = middle + 1
    return found


def compare(problem: Problem, tools: dict[str, tuple[Run, int]], target: float, repeats: int) -> list[dict]:
    """Time every tool on one problem at one target."""
    tolerance = {name: loosest(run, problem, target, n) for name, (run, n) in tools.items()}
    seconds: dict[str, list[float]] = {name: [] for name in tools}
    errors: dict[str, float] = {}
    for _ in range(repeats):
        for name, (run, n) in tools.items():
            if tolerance[name] is not None:
                values, each = run(problem, tolerance[name], n)
                seconds[name].append(each)
                errors[name] = problem.error(values)
    own = statistics.median(seconds["euthymia"]) if seconds["euthymia"] else float("nan")
    rows = []
    for name, (_, n) in tools.items():
        if not seconds[name]:
            rows.append({"model": problem.name, "target": target, "tool": name, "rtol": None})
            continue
        middle = statistics.median(seconds[name])
        rows.append({
            "model": problem.name, "target": target, "tool": name, "rtol": tolerance[name], "max_error": errors[name],
            "patients_per_second": 1 / middle, "ours_faster_by": middle / own, "patients": min(n, problem.patients),
            "runs": [1 / s for s in seconds[name]],
        })  # fmt: skip
    return rows


def table(rows: list[dict]) -> str:
    """The rows in Markdown."""
    lines = [
        "| model | max error <= | tool | rtol | reached | patients/s (range) | ours faster by |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        if r["rtol"] is None:
            lines.append(f"| {r['model']} | {r['target']:g} | {r['tool']} | not reached | | | |")
            continue
        span = f"{r['patients_per_second']:.3g} ({min(r['runs']):.3g}-{max(r['runs']):.3g})"
        cells = (
            r["model"],
            f"{r['target']:g}",
            r["tool"],
            f"{r['rtol']:.2g}",
            f"{r['max_error']:.1e}",
            span,
            f"{r['ours_faster_by']:.3g}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run the comparison and write its files."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description="Speed against other simulators at equal error."
    )
    parser.add_argument("--quick", action="store_true", help="fewer patients for the slow tools")
    options = parser.parse_args()
    few = 2 if options.quick else 8
    tools: dict[str, tuple[Run, int]] = {"euthymia": (ours(), 32)}
    try:
        tools["libroadrunner"] = (roadrunner(), few)
    except ImportError:
        print("libroadrunner is not installed; left out")
    rows: list[dict] = []
    for make in (oral_pk, study):
        problem = make(32)
        some = dict(tools)
        if len(problem.system.states) < 10 or not options.quick:
            some["scipy LSODA (reference solver)"] = (scipy_lsoda, 1)
        for target in TARGETS:
            rows += compare(problem, some, target, 3)
            print(table(rows[-len(some) :]), flush=True)
    machine = {
        "cpu": llvm.get_host_cpu_name(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    ratios = [r["ours_faster_by"] for r in rows if r["tool"] == "libroadrunner" and r["rtol"] is not None]
    machine["median_ratio_libroadrunner"] = float(np.median(ratios)) if ratios else None
    (HERE / "results.json").write_text(
        json.dumps({"machine": machine, "quick": options.quick, "rows": rows}, indent=1) + "\n"
    )
    (HERE / "table.md").write_text(f"CPU {machine['cpu']}, one core, CPU time.\n\n{table(rows)}\n")


if __name__ == "__main__":
    main()
