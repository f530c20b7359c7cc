"""`python -m benchmarks [--quick]`: patients per second of one core at equal achieved maximum error.

For each model, tool and target the loosest relative tolerance (on a grid of 10^(1/8)) whose maximum error over all
patients, states and points meets the target is found first, with the share of the absolute tolerance that is
fastest for the tool; then the tools run in turn, at least three times, and the median counts.  Writes results.json,
table.md and plot.png beside this file after each model; `--resume` goes on with the models that are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from benchmarks import published, scaling
from benchmarks.problems import Problem, oral_pk, own_network, study
from benchmarks.report import write
from benchmarks.tools import Euthymia, Lsoda, Tool

GRID = [10.0 ** (-k / 8) for k in range(12, 81)]
STRIDE = 2  # the search walks every second place, and the place between is tried last
TARGETS = (1e-6, 1e-4)
SHARES = (1.0, 0.1, 0.001)
QUICK = ["379", "268", "636", "own", "study"]
HERE = Path(__file__).parent


def problems() -> dict[str, Callable[[int], Problem]]:
    """Every model by its short name."""
    found: dict[str, Callable[[int], Problem]] = {"study": study, "own": own_network}
    for model in published.MODELS:
        found[model.name.split()[0]] = lambda n, model=model: published.published(model, n)
    return found | {"pk": oral_pk}


def tools_for(problem: Problem, slow: int) -> list[tuple[Tool, int]]:
    """The tools that run here, each with the number of patients it simulates; `slow`: for the slow ones, 0 without."""
    from benchmarks import amici_tool, copasi_tool, diffrax_tool, roadrunner_tool

    made: list[tuple[Tool, int]] = [(Euthymia(problem), problem.patients)]
    wanted: list[tuple[Callable[[Problem], Tool], int]] = [
        (roadrunner_tool.RoadRunner, problem.patients),
    ]
    if slow:
        wanted += [(copasi_tool.Copasi, slow), (amici_tool.Amici, slow)]
    if slow and len(problem.system.states) < 20:
        wanted += [(Lsoda, 1), (diffrax_tool.Diffrax, 1)]
    elif slow:
        print("  Lsoda and Diffrax left out: minutes a patient or of compilation above 20 states", flush=True)
    for make, n in wanted:
        try:
            made.append((make(problem), n))
        except (
            Exception
        ) as error:  # a tool that is not installed or cannot take the model is named and left out
            print(f"  {make.__name__} left out: {type(error).__name__}: {str(error)[:150]}", flush=True)
    return made


def reached(tool: Tool, problem: Problem, place: int, n: int, share: float) -> float:
    """Maximum error at a tolerance of the grid; infinite where the tool does not finish."""
    try:
        return problem.error(tool.run(GRID[place], n, True, share)[0])
    except Exception as error:
        print(
            f"  {tool.name} at rtol {GRID[place]:.1e}: {type(error).__name__}: {str(error)[:150]}", flush=True
        )
        return float("inf")


def loosest(
    tool: Tool, problem: Problem, target: float, n: int, share: float, guess: int
) -> tuple[int, float] | None:
    """The loosest tolerance that meets the target, walking from a guess."""
    place = guess
    error = reached(tool, problem, place, n, share)
    if error <= target:
        while place >= STRIDE:
            looser = reached(tool, problem, place - STRIDE, n, share)
            if looser > target:
                break
            place, error = place - STRIDE, looser
        return place, error
    while place < len(GRID) - 1:
        # an error far above the target needs a much tighter tolerance
        far = np.log10(error / target) if np.isfinite(error) else 1.0
        place = min(place + STRIDE * max(1, int(2 * far)), len(GRID) - 1)
        error = reached(tool, problem, place, n, share)
        if error <= target:
            return loosest(tool, problem, target, n, share, place) if far > 0.5 else (place, error)
    return None


def settle(tool: Tool, problem: Problem, target: float, n: int) -> tuple[int, float, float] | None:
    """(place on the grid, share, error): the fastest share on few patients, then the tolerance on all."""
    few, best = min(n, 8), None
    start = 20 if target > 1e-5 else 40
    for candidate in SHARES if n > 2 else SHARES[1:2]:
        found = loosest(tool, problem, target, few, candidate, start)
        if found is None:
            continue
        start = found[0]
        spent = min(tool.run(GRID[start], few, False, candidate)[1] for _ in range(3))
        if best is None or spent < best[0]:
            best = (spent, start, candidate)
    if best is None:
        return None
    found = loosest(tool, problem, target, n, best[2], best[1])
    if found is None:
        return None
    place, error = found
    between = reached(tool, problem, place - 1, n, best[2]) if place else float("inf")
    return (place - 1, best[2], between) if between <= target else (place, best[2], error)


def compare(problem: Problem, tools: list[tuple[Tool, int]], target: float, runs: int) -> list[dict]:
    """Time every tool on one problem at one target."""
    chosen = {tool.name: settle(tool, problem, target, n) for tool, n in tools}
    seconds: dict[str, list[float]] = {tool.name: [] for tool, _ in tools}
    for tool, _ in tools:  # compiled and warm before the clock counts
        if chosen[tool.name] is not None and tool.name == "euthymia":
            tool.run(GRID[chosen[tool.name][0]], 1, False, chosen[tool.name][1])
    for _ in range(runs):
        for tool, n in tools:
            found = chosen[tool.name]
            if found is not None:
                seconds[tool.name].append(tool.run(GRID[found[0]], n, False, found[1])[1])
    own = seconds["euthymia"]
    rows = []
    for tool, n in tools:
        found, spent = chosen[tool.name], seconds[tool.name]
        row: dict[str, Any] = {"model": problem.name, "target": target, "tool": tool.name, "patients": n}
        if found is None or not own:
            rows.append(row | {"rtol": None})
            continue
        pairs = [a / b for a, b in zip(spent, own, strict=True)]
        rows.append(row | {
            "rtol": GRID[found[0]], "atol_share": found[1], "max_error": found[2],
            "patients_per_second": 1 / statistics.median(spent), "runs": [1 / s for s in spent],
            "ours_faster_by": statistics.median(spent) / statistics.median(own),
            "ours_faster_by_range": [min(pairs), max(pairs)],
        })  # fmt: skip
    return rows


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    name = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "")
    return {
        "cpu": name or platform.processor(), "llvm_cpu": llvm.get_host_cpu_name(), "cores": os.cpu_count(),
        "system": platform.platform(terse=True), "python": platform.python_version(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }  # fmt: skip


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    """Run the comparison and write its files."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description="Speed against other simulators at equal error."
    )
    parser.add_argument(
        "--quick", action="store_true", help="five models, libRoadRunner only, no scaling runs"
    )
    parser.add_argument("--resume", action="store_true", help="keep the models that results.json holds")
    parser.add_argument("--models", default="", help="comma-separated: " + ", ".join(problems()))
    parser.add_argument("--patients", type=int, default=32, help="of each model (32)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--scaling", action="store_true", help="only compile times, threads, memory, first result"
    )
    options = parser.parse_args()
    target_file = HERE / ("results-quick.json" if options.quick else "results.json")
    results: dict[str, Any] = {"machine": machine(), "quick": options.quick, "rows": [], "scaling": {}}
    if (options.resume or options.models or options.scaling) and target_file.exists():
        results |= json.loads(target_file.read_text())
        results["machine"] = machine()
    wanted = (
        []
        if options.scaling
        else [m for m in options.models.split(",") if m] or (QUICK if options.quick else list(problems()))
    )
    for short in wanted:
        if options.resume and any(row.get("short") == short for row in results["rows"]):
            continue
        try:
            problem = problems()[short](options.patients)
        except FileNotFoundError as missing:
            print(f"{short} left out: {missing}", flush=True)
            continue
        began = time.perf_counter()
        print(problem.name, flush=True)
        tools = tools_for(problem, 0 if options.quick else 1)
        rows = [row for target in TARGETS for row in compare(problem, tools, target, options.runs)]
        results["rows"] = [r for r in results["rows"] if r.get("short") != short]
        results["rows"] += [row | {"short": short} for row in rows]
        write(results, target_file, HERE)
        print(f"  {time.perf_counter() - began:.0f} s", flush=True)
    if not options.quick and (options.scaling or not options.models):
        for name, measure in scaling.MEASURES.items():
            print(name, flush=True)
            results["scaling"][name] = measure()
            write(results, target_file, HERE)


if __name__ == "__main__":
    main()
