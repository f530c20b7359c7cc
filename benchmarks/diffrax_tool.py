"""diffrax (JAX, Kvaerno5, float64): all segments of a patient in one compiled scan, one thread of the CPU.

Compilation is not counted; tolerances are arguments, so that another tolerance compiles nothing.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from benchmarks.problems import Problem
from benchmarks.segments import cut, rates_with_infusions
from benchmarks.tools import absolute
from euthymia.engine.evaluate import function

os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)  # before jax


class Diffrax:
    """One compiled model."""

    name = "diffrax"

    def __init__(self, problem: Problem):
        import diffrax
        import jax

        jax.config.update("jax_enable_x64", True)
        self.p, self.jax, self.api = problem, jax, diffrax
        self.rates = function(
            problem.system.program.graph, rates_with_infusions(problem), operations=_operations(jax.numpy)
        )
        self.made: dict[bool, Any] = {}

    def run(self, rtol: float, patients: int, fine: bool, share: float) -> tuple[np.ndarray, float]:
        """Values (patients, times or points, states) and CPU seconds a patient."""
        p = self.p
        times = p.fine if fine else p.times
        values = np.empty((patients, len(times), len(p.system.states)))
        spent = 0.0
        tight = absolute(p, rtol, share)
        for i in range(patients):
            arguments, where = self._arguments(i, times)
            if fine not in self.made:
                self.made[fine] = self.jax.jit(self._solve)
                self.jax.block_until_ready(self.made[fine](rtol, tight, *arguments))
            begin = time.process_time()
            found = self.jax.block_until_ready(self.made[fine](rtol, tight, *arguments))
            spent += time.process_time() - begin
            values[i] = np.asarray(found).reshape(-1, values.shape[2])[where]
            values[i, times == arguments[3][0]] = arguments[0]  # before the first dose
        return values, spent / patients

    def _arguments(self, i: int, times: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Arrays by segment, and where each output stands among the values of all segments."""
        p, one = self.p, cut(self.p, i)
        n, states, inputs = len(one.starts), len(one.state), len(one.inputs)
        ends = np.append(one.starts[1:], p.times[-1])
        segment = np.minimum(np.searchsorted(ends, times, side="left"), n - 1)  # the value before a dose
        width = int(np.bincount(segment, minlength=n).max())
        moments = np.repeat(ends[:, None], width, axis=1)
        where = np.empty(len(times), dtype=int)
        for s in range(n):
            own = np.flatnonzero(segment == s)
            moments[s, : len(own)] = times[own]
            where[own] = s * width + np.arange(len(own))
        keep, plus = np.ones((n, states)), np.zeros((n, states))
        held, put = np.ones((n, inputs)), np.zeros((n, inputs))
        for s, changes in enumerate(one.changes):
            for kind, j, value in changes:
                if kind == "input":
                    held[s, j], put[s, j] = 0.0, value
                elif kind == "add":
                    plus[s, j] += value
                else:
                    keep[s, j], plus[s, j] = 0.0, value
        return [
            one.state,
            one.parameters,
            one.inputs,
            one.starts,
            ends,
            moments,
            keep,
            plus,
            held,
            put,
        ], where

    def _solve(self, rtol: float, atol: Any, y: Any, parameters: Any, u: Any, *segments: Any) -> Any:
        jnp, api = self.jax.numpy, self.api

        def rates(t: Any, y: Any, a: Any) -> Any:
            return jnp.stack([jnp.asarray(v, float) for v in self.rates(t, y, a[0], a[1])])

        def step(carry: tuple, x: tuple) -> tuple:
            (y, u), (begin, end, moments, keep, plus, held, put) = carry, x
            y, u = keep * y + plus, held * u + put
            found = api.diffeqsolve(
                api.ODETerm(rates), api.Kvaerno5(), begin, end, None, y, args=(parameters, u),
                saveat=api.SaveAt(ts=moments, t1=True), max_steps=100_000, throw=False,
                stepsize_controller=api.PIDController(rtol=rtol, atol=atol, pcoeff=0.3, icoeff=0.4),
            )  # fmt: skip
            return (found.ys[-1], u), found.ys[:-1]

        return self.jax.lax.scan(step, (y, u), segments)[1]


def _operations(jnp: Any) -> dict[str, Any]:
    def power(a: Any, b: Any) -> Any:
        size = jnp.exp(b * jnp.log(jnp.maximum(jnp.abs(a), 1e-300)))
        signed = jnp.where(b == jnp.floor(b), jnp.where(b % 2 == 1, -size, size), 0.0)
        return jnp.where(a < 0, signed, jnp.where(a == 0, jnp.where(b == 0, 1.0, 0.0), size))

    return {
        "exp": jnp.exp, "log": jnp.log, "sin": jnp.sin, "cos": jnp.cos, "sqrt": jnp.sqrt, "abs": jnp.abs,
        "floor": jnp.floor, "pow": power, "inv": lambda x: 1.0 / x, "min": jnp.minimum, "max": jnp.maximum,
        "select": jnp.where, "and": jnp.logical_and, "or": jnp.logical_or, "not": jnp.logical_not,
    }  # fmt: skip
