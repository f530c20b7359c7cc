"""`python -m benchmarks.pharmacology`: a population with a metabolite for 30 days, a drug card, and SciPy beside them.

The population runs on the threads asked for; SciPy's LSODA solves the same equations for a few patients in the same
run, and the ratio is per patient.  CPU seconds count where the machine is shared.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import numpy as np

from euthymia.compounds.compound import load_compound
from euthymia.compounds.course import Treatment, simulate_course
from euthymia.compounds.individual import variable_parameters
from euthymia.compounds.pharmacokinetics import dose_target, fragment
from euthymia.engine import Dose, Events, OdeSystem, solve_reference

DAYS, FEW, REPEATS = 30, 8, 3
DRUGS = (("fluoxetine", "CYP2D6"), ("imipramine", "CYP2D6"), ("sertraline", "CYP2C19"))


def population(name: str, enzyme: str, n: int) -> tuple[float, float]:
    """Best wall and CPU seconds of one population, compilation of the equations aside (done by a first small run)."""
    drug = load_compound(name)
    rng = np.random.default_rng(1)
    ids = [k for k in variable_parameters([drug]) if "uncertainty" not in k and "EC50" not in k]
    times = np.arange(0.0, DAYS * 24 + 1, 24.0)
    given = [Treatment(drug, drug.value("doses.low"), 24.0, 0.0, DAYS * 24.0)]
    best = (np.inf, np.inf)
    for repeat in range(REPEATS + 1):
        many = n if repeat else FEW
        draws = {k: rng.standard_normal(many) for k in ids}
        wall, cpu = time.perf_counter(), time.process_time()
        simulate_course(
            given, times, {enzyme: rng.choice([0.0, 1.0, 2.0], many)}, draws=draws, n=many, rtol=1e-4
        )
        if repeat:
            best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return best


def scipy(name: str) -> float:
    """CPU seconds a patient of SciPy's LSODA on the same equations and doses."""
    drug = load_compound(name)
    target = dose_target(drug)
    system = OdeSystem.join("course", fragment(drug))
    doses = [
        Dose(
            24.0 * i,
            target.state,
            drug.value("doses.low") * target.factor,
            bioavailability=target.bioavailability,
            lag=target.lag,
        )
        for i in range(DAYS)
    ]
    times = np.arange(0.0, DAYS * 24 + 1, 24.0)
    begin = time.process_time()
    solve_reference(system, FEW, {}, Events([doses], np.zeros(FEW, int)), times, [f"{drug.id}.C"], rtol=1e-4)
    return (time.process_time() - begin) / FEW


def card(name: str) -> tuple[float, float]:
    """Wall and user CPU seconds of `euthymia drug NAME` in a new process."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    wall = time.perf_counter()
    subprocess.run([sys.executable, "-m", "euthymia", "drug", name], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=10_000)
    n = parser.parse_args().patients
    print(f"{n} patients, {DAYS} days, one drug with its metabolite; best of {REPEATS}")
    for name, enzyme in DRUGS:
        wall, cpu = population(name, enzyme, n)
        other = scipy(name)
        print(
            f"  {name:<12} wall {wall:5.2f} s  CPU {cpu:5.2f} s  SciPy LSODA {other * n / cpu:6.0f} times slower"
        )
    for name in ("fluoxetine", "ketamine"):
        times = [card(name) for _ in range(REPEATS)]
        print(
            f"  card of {name:<12} wall {min(t[0] for t in times):.2f} s  CPU {min(t[1] for t in times):.2f} s"
        )


if __name__ == "__main__":
    main()
