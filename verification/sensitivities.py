"""Sensitivities on the 66-state study model: error and cost of both ways, a dose lag among the parameters.

`python verification/sensitivities.py [--patients 4] [--parameters 6]`.  Error of a derivative: the largest difference
over all times from a reference, relative to the largest derivative of that state to that parameter; median and worst
over all states, parameters and patients.  Reference: forward at rtol 1e-10; how far tight differences (rtol 1e-12,
shift 1e-4) lie from it is printed first.  Cost: CPU time of one call over that of a plain simulation of the same
patients at the same tolerance, per parameter.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import study_model

from euthymia.engine import Events, Fragment, OdeSystem, Parameter, sensitivities, sensitivity, solve

TIMES = np.arange(0.0, 15.0) * 24.0 + 5.0


def with_lag(n: int) -> tuple[OdeSystem, Events]:
    """The model with a lag time of the first drug, and two weeks of doses and one infusion."""
    system = study_model.system()
    lag = Fragment(parameters={"lagA1": Parameter(0.7)})
    whole = Fragment(system.states, system.parameters, system.assignments)
    events = study_model.events(n, weeks=2)
    doses = [replace(d, lag="lagA1") if d.target == "A1" else d for d in events.regimens[0]]
    return OdeSystem.join("study", whole, lag, units=False), Events([doses], events.regimen_of, events.taken)


def timed(call):  # type: ignore[no-untyped-def]
    """The result of the second call (the first compiles) and its CPU time."""
    call()
    began = time.process_time()
    found = call()
    return found, time.process_time() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=16)
    parser.add_argument("--parameters", type=int, default=6)
    arguments = parser.parse_args()
    n = arguments.patients
    system, events = with_lag(n)
    drawn = study_model.population(n, 7)
    names = list(study_model.PARAMETERS)
    picked = np.random.default_rng(2).permutation(len(names))[: arguments.parameters - 1]
    wrt = ["lagA1", *(names[i] for i in picked)]
    states = list(system.states)
    print("parameters:", ", ".join(wrt))

    def run(how: str, rtol: float):  # type: ignore[no-untyped-def]
        return sensitivities(system, n, drawn, events, TIMES, states, wrt, how=how, rtol=rtol, threads=1)

    reference = run("forward", 1e-10)
    assert reference.trajectories.ok.all()
    size = np.abs(reference.values).max(axis=1, keepdims=True)
    scale = np.abs(reference.trajectories.values).max(axis=1, keepdims=True)[..., None]
    value = np.array([np.broadcast_to(drawn.get(p, 0.7), (n,)) for p in wrt]).T[:, None, None, :]
    counts = np.broadcast_to(size * np.abs(value) > 1e-8 * scale, reference.values.shape).any(axis=1)

    def error(values: np.ndarray) -> str:
        off = (np.abs(values - reference.values).max(axis=1, keepdims=True) / np.maximum(size, 1e-300))[:, 0][
            counts
        ]
        return f"median {np.median(off):.1e}  worst {off.max():.1e}"

    keep, sensitivity.SHIFT = sensitivity.SHIFT, 1e-4
    print("tight differences against the reference:", error(run("differences", 1e-12).values))
    sensitivity.SHIFT = keep
    for rtol in (1e-4, 1e-5, 1e-6, 1e-7):
        _, plain = timed(lambda r=rtol: solve(system, n, drawn, events, TIMES, states, rtol=r, threads=1))
        for how in ("forward", "differences"):
            found, cost = timed(lambda h=how, r=rtol: run(h, r))
            each = (cost / plain - 1) / len(wrt)
            print(f"rtol {rtol:.0e} {how:<12} {error(found.values)}  cost {each:.2f} simulations a parameter")
    return 0


if __name__ == "__main__":
    sys.exit(main())
