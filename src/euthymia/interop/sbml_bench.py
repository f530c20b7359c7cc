"""Times a user's SBML model on a population: this engine against libRoadRunner at equal achieved error.

Both tools get the same patients, outputs and a vector of absolute tolerances: a share of rtol times each state's
typical size, the share that is fastest for the tool.  Each uses the loosest relative tolerance whose error against a
tight run of the readable simulator stays under the target.  Interleaved runs, CPU time of one thread, medians.
The other tool, which takes patients one by one, is timed on the first 32 of them.
"""

from __future__ import annotations

import contextlib
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from euthymia.errors import InputError, Problem
from euthymia.interop.sbml_change import own_model
from euthymia.interop.sbml_draws import draw
from euthymia.interop.sbml_dynamics import Dynamics, dynamics
from euthymia.interop.sbml_engine import to_engine
from euthymia.interop.sbml_math import Unsupported
from euthymia.interop.sbml_population import first_value, peaks, prepare_batch
from euthymia.interop.sbml_read import read_sbml
from euthymia.interop.sbml_simulate import simulate

Runner = Callable[[float, int, float], np.ndarray]
GRID = tuple(10.0 ** (-k / 4) for k in range(6, 41))
SHARES = (1.0, 0.1, 0.001)
CHECKED = 4
ALONE = 32


@dataclass(frozen=True, slots=True)
class Timing:
    """One tool on one model.

    Parameters
    ----------
    tool : str
    rtol : float
        The relative tolerance that met the target.
    error : float
        The largest deviation from the tight run, relative to the state's largest value.
    seconds : tuple of float
        CPU time of each run, for the whole population.
    patients_per_second : float
        From the median run.
    """

    tool: str
    rtol: float
    error: float
    seconds: tuple[float, ...]
    patients_per_second: float


def bench_sbml(
    path: str | Path,
    end: float = 10.0,
    steps: int = 100,
    vary: Mapping[str, str] | None = None,
    patients: int = 256,
    seed: int = 0,
    *,
    target: float = 1e-6,
    runs: int = 3,
) -> list[Timing]:
    """Time an SBML model; the first entry is this engine, the second libRoadRunner where it is installed.

    Parameters
    ----------
    vary : mapping
        As `run_population`; by default every positive global parameter is `lognormal(0.1)`.
    target : float
        The error to reach.

    Raises
    ------
    Unsupported
        The model has events or algebraic rules, which do not run in a batch.
    """
    model = read_sbml(path)
    system = dynamics(model)
    translated = to_engine(system, [])
    if vary is None:
        own = [
            k
            for k in translated.start
            if k in model.parameters and "." not in k and model.parameters[k].constant
        ]
        vary = {k: "lognormal(0.1)" for k in own if first_value(model, k) > 0 and k not in model.initial}
    symbols = list(system.states)
    if not symbols:
        raise InputError([Problem("nothing changes in this model", file=model.file)])
    draws = {k: draw(spec, first_value(model, k), patients, seed, k) for k, spec in vary.items()}
    times = np.linspace(0.0, end, steps + 1)
    truth = _truth(model, times, draws, symbols, min(CHECKED, patients))
    scale = np.maximum(np.abs(truth).max(axis=(0, 1)), 1e-300)

    def error(values: np.ndarray) -> float:
        found = np.abs(values[: len(truth)] - truth).max(axis=(0, 1)) / scale
        return float(np.nan_to_num(found, nan=np.inf).max())

    tools: dict[str, Runner] = {"euthymia": _ours(path, system, times, symbols, draws, patients)}
    with contextlib.suppress(ImportError):
        tools["libroadrunner"] = _roadrunner(path, system, times, symbols, draws)
    few = min(CHECKED, patients)
    chosen = {tool: _settled(run, error, target, few) for tool, run in tools.items()}
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    for _ in range(runs):
        for tool, run in tools.items():
            began = clock.process_time()
            count = patients if tool == "euthymia" else min(patients, ALONE)
            run(chosen[tool][0], count, chosen[tool][2])
            seconds[tool].append((clock.process_time() - began) * patients / count)
    return [
        Timing(tool, *chosen[tool][:2], tuple(found), patients / float(np.median(found)))
        for tool, found in seconds.items()
    ]


def _settled(
    run: Runner, error: Callable[[np.ndarray], float], target: float, few: int
) -> tuple[float, float, float]:
    """Tolerance, error reached, and the share that is fastest on a few patients."""
    best: tuple[float, tuple[float, float, float]] | None = None
    for share in SHARES:
        low, high = 0, len(GRID) - 1
        reached = error(run(GRID[high], few, share))
        while low < high:  # the loosest that meets the target
            middle = (low + high) // 2
            found = error(run(GRID[middle], few, share))
            if found <= target:
                high, reached = middle, found
            else:
                low = middle + 1
        began = clock.process_time()
        run(GRID[high], few, share)
        spent = clock.process_time() - began + (1e9 if reached > target else 0.0)
        if best is None or spent < best[0]:
            best = spent, (GRID[high], reached, share)
    assert best is not None
    return best[1]


def _truth(model, times, draws, symbols, count) -> np.ndarray:  # type: ignore[no-untyped-def]
    size = peaks(dynamics(model), times)
    rows = []
    for i in range(count):
        own = dynamics(own_model(model, {k: float(v[i]) for k, v in draws.items()}))
        rows.append(simulate(own, times, symbols, rtol=1e-11, atol=1e-14 * size))
    return np.array(rows)


def _ours(path, system: Dynamics, times, symbols, draws, patients) -> Runner:  # type: ignore[no-untyped-def]
    from euthymia.engine import solve

    batch = prepare_batch(system, times, symbols, draws, patients)

    def run(rtol: float, count: int, share: float) -> np.ndarray:
        return batch(solve, rtol, count, share, threads=1)[0]

    return run


def _roadrunner(path, system: Dynamics, times, symbols, draws) -> Runner:  # type: ignore[no-untyped-def]
    import roadrunner

    roadrunner.Logger.disableLogging()
    machine = roadrunner.RoadRunner(str(path))
    machine.timeCourseSelections = [s.removeprefix("n:") for s in symbols]
    integrator = machine.getIntegrator()
    integrator.setValue("maximum_num_steps", 1_000_000)
    sizes = {s.removeprefix("n:"): size for s, size in zip(symbols, peaks(system, times), strict=True)}
    stored = {*machine.model.getFloatingSpeciesIds(), *machine.getRateRuleIds()}

    def run(rtol: float, count: int, share: float) -> np.ndarray:
        integrator.setValue("relative_tolerance", rtol)
        integrator.setValue("absolute_tolerance", share * rtol * min(sizes.values()))
        for ident in stored & set(sizes):
            integrator.setIndividualTolerance(ident, share * rtol * sizes[ident])
        values = np.empty((count, len(times), len(symbols)))
        for i in range(count):
            machine.resetAll()
            for ident, drawn in draws.items():
                machine[ident] = float(drawn[i])
            values[i] = machine.simulate(times[0], times[-1], len(times))
        return values

    return run


__all__ = ["Timing", "Unsupported", "bench_sbml"]
