"""One patient through an SBML model: a readable event simulator on SciPy's LSODA.

Known times at which something jumps (thresholds on time in triggers and piecewise conditions, steep functions
of time, delayed events) are stop points; jumps that depend on the state are located on the dense output by
bisection.  The solver starts anew after each.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from euthymia.errors import InputError, Problem, SolverError, nearest
from euthymia.interop.sbml_dynamics import Dynamics, dynamics
from euthymia.interop.sbml_events import EventQueue
from euthymia.interop.sbml_machine import Machine
from euthymia.interop.sbml_math import Expr
from euthymia.interop.sbml_model import SbmlModel
from euthymia.interop.sbml_past import History, same
from euthymia.interop.sbml_times import crossings

PROBES = (0.25, 0.5, 0.75, 1.0)  # where in a step the triggers are looked at
SAMPLES = 2048  # points at which functions of time are searched for jumps
MANY = 256  # more steep places than this are followed by a step limit instead
RESTARTS = 20_000
EDGE = 2e-15  # how far inside a stretch between stop points rates are evaluated, relative to the time
ECHOES = 8  # a jump is followed through so many delays


def simulate(
    model: SbmlModel | Dynamics,
    times: Sequence[float] | np.ndarray,
    outputs: Sequence[str],
    *,
    rtol: float = 1e-8,
    atol: float | np.ndarray = 1e-12,
) -> np.ndarray:
    """The values of `outputs` at `times`, starting from time 0.

    Parameters
    ----------
    times : sequence, shape (times,), the model's time unit
        Not decreasing, from 0 on.
    outputs : sequence of str
        Symbols; `n:S` asks for the amount of species S, `c:S` for its concentration.
    atol : float, or ndarray of shape (states,)
        A number is the absolute tolerance of values as the model means them (concentrations, not the amounts
        behind them); an array is that of the states themselves.

    Returns
    -------
    ndarray, shape (times, outputs)

    Raises
    ------
    SolverError
        The integration failed; the message says when.
    """
    system = dynamics(model) if isinstance(model, SbmlModel) else model
    wanted = [output_symbols(system, o) for o in outputs]
    machine = Machine(system, [o for o, _ in wanted] + [size for _, size in wanted if size])
    table = Run(machine, np.asarray(times, dtype=float), rtol, atol).go()
    return divided(table, wanted)


def divided(table: np.ndarray, wanted: Sequence[tuple[str, str]]) -> np.ndarray:
    """Amounts divided by the compartment sizes that stand in the last columns."""
    result = table[:, : len(wanted)].copy()
    sizes = len(wanted)
    for j, (_, size) in enumerate(wanted):
        if size:
            with np.errstate(all="ignore"):
                result[:, j] /= table[:, sizes]
            sizes += 1
    return result


def output_symbols(system: Dynamics, wanted: str) -> tuple[str, str]:
    """The symbol to report and the compartment to divide it by."""
    kind, _, ident = wanted.rpartition(":")
    m = system.model
    known = {*m.species, *m.compartments, *m.parameters, *m.references, *m.reactions}
    if ident not in known:
        raise InputError([Problem(f"'{ident}' is not in the model" + nearest(ident, known), file=m.file)])
    if not kind or ident not in m.species:
        return ident, ""
    if kind == "n":
        return f"n:{ident}", ""
    species = m.species[ident]
    return (ident, species.compartment if species.substance_only else "")


class Run:
    """One run of a compiled model; `first` replaces the expressions of first values (one patient's own)."""

    def __init__(
        self,
        machine: Machine,
        times: np.ndarray,
        rtol: float,
        atol: float | np.ndarray,
        first: Mapping[str, Expr] | None = None,
    ):
        self.m, self.times = machine, times
        self.y, self.p, self.z = machine.start(first)
        self.rtol = rtol
        self.atol = np.asarray(atol) if np.ndim(atol) else atol * machine.scales(self.y, self.p, self.z)
        self.history = History(machine, machine.before(machine.dynamics.initial if first is None else first))
        self.queue = EventQueue(machine, self._known)
        self.echoes: dict[float, int] = {}  # when a delayed jump comes, and how often it has been delayed
        self.rows: list[list[float]] = []
        self.t = 0.0
        self.end = float(times[-1])
        self.limit = self.stop = np.inf
        self.restarts = 0

    def go(self) -> np.ndarray:
        """The reported values, shape (times, outputs)."""
        m = self.m
        self.queue.settle(0.0, self.y, self.p, self.z)
        stops = self.stops()
        self._restart()
        self._record(self.t, self.y, inclusive=True)
        while self.t < self.end:
            ahead = [s for s in stops if s > self.t] + [s for s in self.echoes if s > self.t]
            stop = min([*ahead, self.queue.next_time(), self.end])
            if stop > self.t:
                self._advance(stop)
            ran = self.queue.settle(self.t, self.y, self.p, self.z)
            if ran and m.time_gaps:
                stops = self.stops()
            self._restart()
            self._record(self.t, self.y, inclusive=True)
            self.restarts += 1
            if self.restarts > RESTARTS:
                raise SolverError(f"more than {RESTARTS} events or switches before time {self.t:g}")
        return np.array(self.rows, dtype=float)

    # ------------------------------------------------------------------ integration
    def _known(self, t: float, y: Any, p: list[float], z: list[float], left: bool = False) -> list[float]:
        """Unknowns and delayed values; `left`: as they are just before t."""
        if self.m.pasts:
            z = self.history.filled(t, y, p, z, left)
        return self.m.unknowns(t, y, p, z)

    def _restart(self) -> None:
        """What starts here comes again after each delay, one order smoother each time a rate takes it up."""
        if not self.m.pasts:
            return
        self._refresh()
        self.history.restart(self.t, self.y, self.p)
        came = [g for s, g in self.echoes.items() if same(s, self.t)]
        self.echoes = {s: g for s, g in self.echoes.items() if s > self.t and not same(s, self.t)}
        generation = 1 + min(came, default=0)
        for k in self.m.followed if generation <= ECHOES else ():
            at = self.t + float(self.m.waits[k](self.t, self.y, self.p, self.z)[0])
            if at > self.t and not any(same(at, s) for s in self.echoes):
                self.echoes[at] = generation

    def _rhs(self, t: float, y: np.ndarray) -> list[float]:
        values = y.tolist()
        inside = EDGE * max(abs(self.stop), abs(self.t), 1e-3)
        if (
            self.stop - self.t > 4 * inside
        ):  # a rate that jumps at an end of this stretch has its value within
            t = min(max(t, self.t + inside), self.stop - inside)
        self.z = self._known(t, values, self.p, self.z, left=same(t, self.stop))
        return self.m.rates(t, values, self.p, self.z)

    def _advance(self, stop: float) -> None:
        """Integrate to `stop`, or to the first switch before it; by Radau where LSODA meets an undefined rate."""
        from scipy.integrate import LSODA, Radau

        if not len(self.y):
            self._drift(stop)
            return
        if not np.isfinite(self.y).all():
            bad = [
                n.removeprefix("n:")
                for n, v in zip(self.m.dynamics.states, self.y, strict=True)
                if not np.isfinite(v)
            ]
            raise SolverError(
                f"no finite value at time {self.t:g} of {', '.join(bad[:5])}; give each a first value"
            )
        try:
            self._integrate(LSODA, stop)
        except SolverError:
            self._integrate(Radau, stop)  # it shortens a step that left the domain of a root or logarithm

    def _integrate(self, method: Any, stop: float) -> None:
        switches = self._switches()
        before = switches(self.t, self.y) if switches else None
        self.stop = stop
        if self.m.pasts:
            self.history.restart(self.t, self.y, self.p)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            limit = min(self.limit, stop - self.t)
            for k in self.m.followed:
                wait = float(self.m.waits[k](self.t, self.y, self.p, self.z)[0])
                limit = min(limit, wait if wait > 0 else limit)
            try:
                solver = method(
                    self._rhs, self.t, self.y, stop, rtol=self.rtol, atol=self.atol, max_step=limit
                )
            except (ValueError, np.linalg.LinAlgError) as error:
                raise SolverError(f"the integration failed at time {self.t:g}: {error}") from None
            while solver.status == "running":
                try:
                    message = solver.step()
                except (ValueError, np.linalg.LinAlgError) as error:
                    raise SolverError(f"the integration failed at time {solver.t:g}: {error}") from None
                if solver.status == "failed" or not np.isfinite(solver.y).all():
                    why = message or "not finite"
                    raise SolverError(f"the integration failed at time {solver.t:g}: {why}")
                dense = solver.dense_output()
                if self.m.pasts:
                    self.history.add(float(solver.t_old), float(solver.t), dense, self.p)
                if switches is not None:
                    at = self._first_switch(switches, before, dense, float(solver.t_old), float(solver.t))
                    if at is not None:
                        self._record(at, dense)
                        self.t, self.y = at, np.array(dense(at))
                        self._refresh()
                        return
                self._record(float(solver.t), dense)
            self.t, self.y = stop, np.array(solver.y)
            self._refresh()

    def _drift(self, stop: float) -> None:
        """No states: only time passes."""
        still = np.zeros(0)
        if self.m.pasts:
            self.history.restart(self.t, still, self.p)
            self.history.add(self.t, stop, lambda t: still, self.p)
        look = self._switches()
        at = self._first_switch(look, look(self.t, still), lambda t: still, self.t, stop) if look else None
        self._record(stop if at is None else at, lambda t: still)
        self.t = stop if at is None else at
        self._refresh()

    def _refresh(self) -> None:
        self.z = self._known(self.t, self.y, self.p, self.z)

    def _switches(self) -> Callable[[float, np.ndarray], list[bool]] | None:
        m = self.m
        conditions = m.conditions
        if conditions is None:
            return None

        def look(t: float, y: np.ndarray) -> list[bool]:
            values = y.tolist()
            z = self._known(t, values, self.p, self.z)
            return [bool(v) for v in conditions(t, values, self.p, z)]

        return look

    @staticmethod
    def _first_switch(look: Any, before: Any, dense: Any, old: float, new: float) -> float | None:
        """The first time in the step at which a switch differs from `before`."""
        low = old
        for part in PROBES:
            high = new if part == 1.0 else old + part * (new - old)
            if look(high, dense(high)) != before:
                break
            low = high
        else:
            return None
        while high - low > 2e-15 * max(abs(high), 1e-3):
            middle = 0.5 * (low + high)
            if not low < middle < high:
                break
            if look(middle, dense(middle)) != before:
                high = middle
            else:
                low = middle
        return high

    # ------------------------------------------------------------------ output
    def _record(self, upto: float, state: Any, inclusive: bool = False) -> None:
        """Rows up to `upto`; the row at `upto` itself waits for the events there."""
        while len(self.rows) < len(self.times):
            t = float(self.times[len(self.rows)])
            if t > upto or (t == upto and not inclusive):
                return
            y = state(t) if callable(state) else state
            values = y.tolist()
            z = self._known(t, values, self.p, self.z)
            self.rows.append([float(v) for v in self.m.report(t, values, self.p, z)])

    # ------------------------------------------------------------------ known times
    def _first_of(self, compiled: Any, t: float) -> float:
        return float(compiled(t, self.y, self.p, self.z)[0])

    def stops(self) -> list[float]:
        """Times after now at which a known function of time crosses a threshold or jumps."""
        found: set[float] = set()
        self.limit = np.inf
        if not self.m.time_gaps and not self.m.features:
            return []
        grid = np.linspace(self.t, self.end, SAMPLES + 1)
        for gap in self.m.time_gaps:
            found.update(crossings(partial(self._first_of, gap), grid))
        for feature in self.m.features:
            values = np.array([float(feature(t, self.y, self.p, self.z)[0]) for t in grid])
            with np.errstate(all="ignore"):
                jumps = np.abs(np.diff(values))
                steep = np.flatnonzero(jumps > 0.02 * (np.nanmax(values) - np.nanmin(values)))
            if len(steep) > MANY:
                self.limit = min(self.limit, 8 * (grid[1] - grid[0]))
            else:
                found.update(grid[steep])
                found.update(grid[steep + 1])
        return sorted(t for t in found if self.t < t <= self.end)
