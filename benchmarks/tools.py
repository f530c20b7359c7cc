"""How each simulator is driven: the same patients, doses, outputs and vector absolute tolerances."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np

from benchmarks.problems import Problem
from euthymia.engine import Events, solve, solve_reference


class Tool(Protocol):
    """A simulator with one problem loaded."""

    name: str

    def run(self, rtol: float, patients: int, fine: bool, share: float) -> tuple[np.ndarray, float]:
        """Values (patients, times or fine points, states), and CPU seconds a patient.

        Parameters
        ----------
        share : float
            Absolute tolerance of a state as a share of rtol times its largest value in the population.
        """
        ...


def absolute(p: Problem, rtol: float, share: float) -> np.ndarray:
    """Absolute tolerances, shape (states,)."""
    peak = p.scale.max(axis=0)
    return share * rtol * np.maximum(peak, 1e-9 * peak.max())


class Euthymia:
    """This engine, one thread."""

    name = "euthymia"

    def __init__(self, problem: Problem, method: str = "auto"):
        self.p, self.method = problem, method

    def run(self, rtol: float, patients: int, fine: bool, share: float) -> tuple[np.ndarray, float]:
        p = self.p
        begin = time.process_time()
        out = solve(
            p.system, p.patients, p.parameters, p.events, p.fine if fine else p.times, list(p.system.states),
            rtol=rtol, atol=absolute(p, rtol, share), method=self.method, threads=1,
        )  # fmt: skip
        return out.values, (time.process_time() - begin) / p.patients


class Lsoda:
    """SciPy's LSODA on generated Python functions, restarted at each event: the readable reference solver."""

    name = "scipy LSODA"

    def __init__(self, problem: Problem):
        self.p = problem

    def run(self, rtol: float, patients: int, fine: bool, share: float) -> tuple[np.ndarray, float]:
        p = self.p
        taken = None if p.events.taken is None else p.events.taken[:patients]
        events = Events(p.events.regimens, p.events.regimen_of[:patients], taken)
        some = {k: v[:patients] for k, v in p.parameters.items()}
        times = p.fine if fine else p.times
        begin = time.process_time()
        out = solve_reference(
            p.system, patients, some, events, times, list(p.system.states), rtol=rtol,
            atol=absolute(p, rtol, share),
        )  # fmt: skip
        return out.values, (time.process_time() - begin) / patients
