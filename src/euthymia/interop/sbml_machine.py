"""The compiled functions of one SBML model: rates, switches, outputs and event parts.

All take `(t, y, p, z)`: time, states, values that only events change, and the unknowns of the algebraic rules with
the delayed values behind them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from euthymia.errors import SolverError
from euthymia.interop.sbml_compile import function
from euthymia.interop.sbml_dynamics import Dynamics
from euthymia.interop.sbml_math import RELATIONS, Expr, Unsupported, name, names_in, walk
from euthymia.interop.sbml_past import Before, needs

ARGUMENTS = "t, y, p, z"


class Machine:
    """One model, ready to be evaluated.

    Parameters
    ----------
    dynamics : Dynamics
        The equations.
    outputs : sequence of str
        Symbols to report; `n:S` is the amount of species S.
    """

    def __init__(self, dynamics: Dynamics, outputs: Sequence[str]):
        self.dynamics = dynamics
        self._sizes: dict[str, Any] = {}
        d = dynamics
        self.free = {n: f"y[{i}]" for i, n in enumerate(d.states)}
        self.free |= {n: f"p[{i}]" for i, n in enumerate(d.held)}
        self.free |= {n: f"z[{i}]" for i, n in enumerate(d.unknowns)}
        self.pasts = d.pasts
        self.free |= {q.symbol: f"z[{len(d.unknowns) + k}]" for k, q in enumerate(d.pasts)}
        self.place = {n: (c[0], int(c[2:-1])) for n, c in self.free.items()}
        self.rates = self.compile(list(d.states.values()))
        self.residuals = self.compile(list(d.model.algebraic)) if d.unknowns else None
        self.report = self.compile([name(o) for o in outputs])
        self.events = d.model.events
        self.triggers = self.compile([e.trigger for e in self.events])
        self.delays = [self.compile([e.delay]) if e.delay else None for e in self.events]
        self.priorities = [self.compile([e.priority]) if e.priority else None for e in self.events]
        self.values = [self.compile([x for _, x in e.assignments]) for e in self.events]
        self.targets = [[k for k, _ in e.assignments] for e in self.events]
        self._switches()
        self._delays()

    def compile(self, exprs: list[Expr]) -> Any:
        """A function of `(t, y, p, z)`."""
        return function(exprs, self.dynamics.computed, self.free, ARGUMENTS)

    def compile_size(self, compartment: str) -> Any:
        """The function that gives the size of a compartment."""
        if compartment not in self._sizes:
            self._sizes[compartment] = self.compile([name(compartment)])
        return self._sizes[compartment]

    def scales(self, y: np.ndarray, p: list[float], z: list[float]) -> np.ndarray:
        """The compartment size of each state that is an amount but is meant as a concentration, else 1."""
        scales = np.ones(len(y))
        species = self.dynamics.model.species
        for i, state in enumerate(self.dynamics.states):
            ident = state.removeprefix("n:")
            if state != ident and not species[ident].substance_only:
                size = abs(float(self.compile_size(species[ident].compartment)(0.0, y, p, z)[0]))
                scales[i] = size if 0 < size < np.inf else 1.0
        return scales

    # ------------------------------------------------------------------ what may jump
    def reads(self, expr: Expr) -> set[str]:
        """States, held values and unknowns behind an expression, with `time` where it matters."""
        seen: set[str] = set()
        found: set[str] = set()
        todo = [expr]
        while todo:
            e = todo.pop()
            if any(n.op == "time" for n in walk(e)):
                found.add("time")
            for ident in names_in(e) - seen:
                seen.add(ident)
                if ident in self.free:
                    found.add(ident)
                else:
                    todo.append(self.dynamics.computed[ident])
        return found

    def _switches(self) -> None:
        d = self.dynamics
        needed = [*d.states.values(), *d.model.algebraic, *(e for q in d.pasts for e in (q.value, q.wait))]
        seen: set[str] = set()
        for expr in needed:
            for ident in names_in(expr) - seen:
                seen.add(ident)
                if ident in d.computed:
                    needed.append(d.computed[ident])
        conditions: dict[Expr, None] = {}
        jumps = ("floor", "ceiling", "quotient", "rem")
        for expr in needed:  # in a piecewise condition, or as a number: (time > 2)*k
            conditions |= {n: None for n in walk(expr) if n.op in RELATIONS}
        relations = [n for e in self.events for n in walk(e.trigger) if n.op in RELATIONS]
        timed: dict[Expr, None] = {}
        mixed: list[Expr] = []
        moving = {*d.states, *d.unknowns, *(q.symbol for q in d.pasts)}
        for relation in dict.fromkeys((*conditions, *relations)):
            behind = self.reads(relation)
            if behind & moving or "time" in behind:
                equal = relation.op in ("eq", "neq")  # these hold for an instant: watch the sign instead
                mixed.append(Expr("lt", relation.args) if equal else relation)
            if "time" in behind and not behind & moving and len(relation.args) == 2:
                timed[relation] = None
        gaps = [Expr("minus", r.args) for r in timed]
        self.time_gaps = [self.compile([g]) for g in gaps]
        self.conditions = self.compile(mixed) if mixed else None
        features = self._time_features(needed, moving)
        features += [n for e in needed for n in walk(e) if n.op in jumps and self.reads(n) == {"time"}]
        self.features = [self.compile([f]) for f in features]
        self.timing = {n for e in (*gaps, *features) for n in self.reads(e)}

    def _time_features(self, needed: list[Expr], moving: set[str]) -> list[Expr]:
        """The largest expressions that depend on time but on no state."""
        found: dict[Expr, None] = {}
        for root in needed:
            stack = [root]
            while stack:
                e = stack.pop()
                if e.op in ("number", "name", "rate", "time"):
                    continue
                behind = self.reads(e)
                if "time" not in behind:
                    continue
                if behind & moving:
                    stack.extend(e.args)
                else:
                    found[e] = None
        return list(found)

    def _delays(self) -> None:
        """Delayed values: their parts compiled, and which of them a solver must follow."""
        d = self.dynamics
        others = [*d.states, *d.held, *d.unknowns]
        self.past_values = [self.compile([q.value]) for q in d.pasts]
        self.waits = [self.compile([q.wait]) for q in d.pasts]
        self.past_needs = [needs(q, d.pasts, d.computed, others) for q in d.pasts]
        self.followed: list[int] = []  # places of the delays that rates or switches read
        triggers = [e.trigger for e in self.events]
        felt = {n for e in (*d.states.values(), *d.model.algebraic) for n in self.reads(e)}
        seen = felt | {n for e in triggers for n in self.reads(e)}
        moving = {*d.states, *d.unknowns, *(q.symbol for q in d.pasts), "time"}
        todo = [q for q in d.pasts if q.symbol in seen]
        while todo:
            q = todo.pop()
            k = d.pasts.index(q)
            if k in self.followed:
                continue
            self.followed.append(k)
            inner = self.reads(q.value) | self.reads(q.wait)
            felt |= inner if q.symbol in felt else set()
            todo += [r for r in d.pasts if r.symbol in inner]
        for q in d.pasts:
            file = d.model.file
            if (self.reads(q.value) | self.reads(q.wait)) & set(d.unknowns):
                raise Unsupported("a delay of what an algebraic rule determines", "delay", str(q.value), file)
            if q.symbol in felt and self.reads(q.wait) & moving:
                raise Unsupported("a delay of changing length in a rate", "delay", str(q.value), file)

    # ------------------------------------------------------------------ initial values and unknowns
    def start(self, first: Mapping[str, Expr] | None = None) -> tuple[np.ndarray, list[float], list[float]]:
        """States, held values and unknowns at time 0; `first` replaces the expressions of first values."""
        d = self.dynamics
        initial = d.initial if first is None else first
        unknown = set(d.unknowns)
        definitions = {**d.computed, **{k: e for k, e in initial.items() if k not in unknown}}
        n = len(d.unknowns)
        free = {q.symbol: f"z[{n + k}]" for k, q in enumerate(d.pasts)}
        old = self.before(initial).filled(0.0, list(range(len(d.pasts))))
        guesses = function([initial[u] for u in d.unknowns], {**definitions, **initial}, free, "t, z")
        z = [v if math.isfinite(v) else 1.0 for v in guesses(0.0, old)]
        free |= {u: f"z[{i}]" for i, u in enumerate(d.unknowns)}
        if d.unknowns:
            rest = function(list(d.model.algebraic), definitions, free, "t, z")
            z = newton(lambda q: rest(0.0, [*q, *old[n:]]), z, "the algebraic rules at time 0")
        z += old[n:]
        wanted = [name(n) for n in (*d.states, *d.held)]
        values = [float(v) for v in function(wanted, definitions, free, "t, z")(0.0, z)]
        return np.array(values[: len(d.states)]), values[len(d.states) :], z

    def before(self, initial: Mapping[str, Expr]) -> Before:
        """The delayed values before time 0, from the expressions of first values."""
        d = self.dynamics
        first = {k: e for k, e in initial.items() if k not in d.unknowns}
        return Before(d.pasts, {**d.computed, **first}, d.unknowns, d.model.file)

    def unknowns(
        self, t: float, y: Sequence[float] | np.ndarray, p: list[float], z: list[float]
    ) -> list[float]:
        """The unknowns that satisfy the algebraic rules; `z` is the first guess."""
        residuals = self.residuals
        if residuals is None:
            return z
        n = len(self.dynamics.unknowns)
        found = newton(
            lambda q: residuals(t, y, p, [*q, *z[n:]]), z[:n], f"the algebraic rules at time {t:g}"
        )
        return found + z[n:]


def newton(residuals: Any, guess: Sequence[float], what: str) -> list[float]:
    """Solve n equations for n unknowns by Newton's method with a difference Jacobian.

    >>> [round(v, 9) for v in newton(lambda q: [q[0] ** 2 - 2.0], [1.0], "x")]
    [1.414213562]
    """
    z = np.array(guess, dtype=float)
    n = len(z)
    f = np.array(residuals(list(z)), dtype=float)
    for _ in range(60):
        if not f.any():
            break
        jacobian = np.empty((n, n))
        for j in range(n):
            step = 1e-7 * max(1e-4, abs(z[j]))
            moved = z.copy()
            moved[j] += step
            jacobian[:, j] = (np.array(residuals(list(moved)), dtype=float) - f) / (moved[j] - z[j])
        try:
            delta = np.linalg.solve(jacobian, f)
        except np.linalg.LinAlgError:
            raise SolverError(f"{what} have no unique solution") from None
        z = z - delta
        f = np.array(residuals(list(z)), dtype=float)
        if not np.isfinite(f).all():
            raise SolverError(f"{what} have no finite solution")
        if np.all(np.abs(delta) <= 1e-13 * np.maximum(np.abs(z), 1e-9)):
            break
    else:
        raise SolverError(f"{what} did not converge")
    return [float(v) for v in z]
