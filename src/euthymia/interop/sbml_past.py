"""The csymbol `delay`: what an expression was worth some time ago.

Comes in: a model whose expressions hold `delay` nodes.  Goes out: the same model with each node named `past:<k>`,
and a `History` that gives the named values during a run.  Before time 0 every symbol has its first value, with
initial assignments and assignment rules evaluated at that earlier time, and no symbol changes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from euthymia.errors import SolverError
from euthymia.interop.sbml_compile import function, order
from euthymia.interop.sbml_math import Expr, Unsupported, name, names_in, number
from euthymia.interop.sbml_model import SbmlModel

SAME = 1e-12  # two times are one where they differ by less, relative to their size


@dataclass(frozen=True, slots=True)
class Past:
    """The value of `value` a time of `wait` ago, known under `symbol`."""

    symbol: str
    value: Expr
    wait: Expr


def named_pasts(model: SbmlModel) -> tuple[SbmlModel, tuple[Past, ...]]:
    """The model with its delays named; inner ones come first."""
    found: dict[tuple[Expr, Expr], Past] = {}

    def change(e: Expr | None) -> Any:
        if e is None or e.op in ("number", "name", "time", "rate"):
            return e
        args = tuple(change(a) for a in e.args)
        if e.op != "delay":
            return Expr(e.op, args)
        key = (args[0], args[1])
        if key not in found:
            found[key] = Past(f"past:{len(found)}", *key)
        return name(found[key].symbol)

    def each(table: Mapping[str, Expr]) -> dict[str, Expr]:
        return {k: change(e) for k, e in table.items()}

    new = replace(
        model,
        assignment=each(model.assignment),
        rate=each(model.rate),
        initial=each(model.initial),
        algebraic=tuple(change(e) for e in model.algebraic),
        reactions={k: replace(r, rate=change(r.rate)) for k, r in model.reactions.items()},
        events=tuple(
            replace(
                e,
                trigger=change(e.trigger),
                delay=change(e.delay),
                priority=change(e.priority),
                assignments=tuple((k, change(x)) for k, x in e.assignments),
            )
            for e in model.events
        ),
    )
    return (new, tuple(found.values())) if found else (model, ())


class Before:
    """Values of delayed expressions before the run begins."""

    def __init__(
        self, pasts: tuple[Past, ...], definitions: Mapping[str, Expr], unknowns: tuple[str, ...], file: str
    ):
        still = {k: number(0) if k.startswith("rate:") else e for k, e in definitions.items()}
        free = {u: f"z[{i}]" for i, u in enumerate(unknowns)}
        free |= {p.symbol: f"z[{len(unknowns) + k}]" for k, p in enumerate(pasts)}
        self.skip = len(unknowns)
        self.values = [function([p.value], still, free, "t, z") for p in pasts]
        self.waits = [function([p.wait], still, free, "t, z") for p in pasts]
        self.behind = [needs(p, pasts, still, unknowns) for p in pasts]
        for k, p in enumerate(pasts):
            reached, todo = set(self.behind[k]), [*self.behind[k]]
            while todo:
                new = set(self.behind[todo.pop()]) - reached
                reached |= new
                todo += new
            if k in reached:  # its value before time 0 would need one still earlier, without end
                raise Unsupported("a delay of a symbol that reads this delay", "delay", str(p.value), file)

    def at(self, k: int, t: float) -> float:
        """The expression of delay `k` at a time up to 0."""
        return float(self.values[k](t, self.filled(t, self.behind[k]))[0])

    def filled(self, t: float, which: list[int]) -> list[float]:
        """Unknowns (none of which counts here) and delayed values at a time up to 0."""
        z = [0.0] * (self.skip + len(self.values))
        for k in which:
            z[self.skip + k] = self.at(k, t - checked(self.waits[k](t, z)[0], t))
        return z


def needs(p: Past, pasts: tuple[Past, ...], definitions: Mapping[str, Expr], others: Any) -> list[int]:
    """Which delays stand behind the expression of one."""
    index = {q.symbol: k for k, q in enumerate(pasts)}
    free = dict.fromkeys([*index, *others], "")
    direct = {n for e in (p.value, p.wait) for n in names_in(e)}
    names = set(direct)
    for ident in order(sorted(direct), definitions, free):
        names |= names_in(definitions[ident])
    return sorted(index[n] for n in names if n in index)


def checked(wait: float, t: float) -> float:
    """A delay that is a number from 0 on."""
    if not 0 <= wait < float("inf"):
        raise SolverError(f"csymbol delay: the delay is {wait:g} at time {t:g}")
    return float(wait)


def same(a: float, b: float) -> bool:
    """Whether two times are one."""
    return abs(a - b) <= SAME * max(1.0, abs(a), abs(b))


@dataclass(slots=True)
class Piece:
    """One accepted step; `p` are the held values meanwhile."""

    begin: float
    end: float
    state: Callable[[float], np.ndarray]
    p: list[float]


class History:
    """What one run did so far."""

    def __init__(self, machine: Any, before: Before):
        self.m, self.before = machine, before
        self.skip = len(machine.dynamics.unknowns)
        self.begins: list[float] = []
        self.pieces: list[Piece] = []
        self.breaks: list[float] = []
        self.now: tuple[float, np.ndarray, list[float]] | None = None

    def restart(self, t: float, y: np.ndarray, p: list[float]) -> None:
        """The solver starts here, after the events of this moment."""
        self.now = (t, np.array(y), list(p))
        if not self.breaks or not same(self.breaks[-1], t):
            self.breaks.append(t)
        while self.pieces and self.pieces[-1].begin >= t:
            self.pieces.pop()
            self.begins.pop()
        if self.pieces:
            self.pieces[-1].end = min(self.pieces[-1].end, t)

    def add(self, begin: float, end: float, state: Callable[[float], np.ndarray], p: list[float]) -> None:
        """A step that the solver accepted."""
        self.begins.append(begin)
        self.pieces.append(Piece(begin, end, state, list(p)))

    def filled(
        self, t: float, y: Any, p: list[float], z: list[float], left: bool = False, which: Any = None
    ) -> list[float]:
        """`z` with the delayed values of time t; `left`: those just before it, where they jump."""
        z = list(z)
        for k in range(len(self.m.pasts)) if which is None else which:
            wait = checked(self.m.waits[k](t, y, p, z)[0], t)
            if wait == 0:
                z[self.skip + k] = float(self.m.past_values[k](t, y, p, z)[0])
            else:
                z[self.skip + k] = self._value(k, t - wait, (t, y, p, z), left)
        return z

    def _value(self, k: int, s: float, now: tuple, left: bool) -> float:
        place = bisect_left(self.breaks, s)
        near = [b for b in self.breaks[max(0, place - 1) : place + 1] if same(b, s)]
        if near:
            s = near[0]
            i = (bisect_left if left else bisect_right)(self.begins, s) - 1
            if left and s == self.breaks[0]:
                return self.before.at(k, s)
            if not left and self.now is not None and s == self.now[0] and (i < 0 or self.begins[i] < s):
                return self._of(k, s, self.now[1], self.now[2])
        elif s < 0 or not self.breaks:
            return self.before.at(k, s)
        else:
            i = bisect_right(self.begins, s) - 1
        if i >= 0 and s <= self.pieces[i].end:
            piece = self.pieces[i]
            return self._of(k, s, piece.state(s), piece.p)
        return self._between(k, s, now)

    def _between(self, k: int, s: float, now: tuple) -> float:
        """Inside the step that is being tried: on the line from its start to the value now."""
        assert self.now is not None
        begin, y, p = self.now
        if self.pieces and self.pieces[-1].end > begin:
            last = self.pieces[-1]
            begin, y, p = last.end, last.state(last.end), last.p
        t, y_now, p_now, z = now
        first, last_value = self._of(k, begin, y, p), float(self.m.past_values[k](t, y_now, p_now, z)[0])
        return first + (last_value - first) * (s - begin) / (t - begin)

    def _of(self, k: int, s: float, y: Any, p: list[float]) -> float:
        z = [0.0] * (self.skip + len(self.m.pasts))
        if self.m.past_needs[k]:
            z = self.filled(s, y, p, z, which=self.m.past_needs[k])
        return float(self.m.past_values[k](s, y, p, z)[0])
