"""Derivatives of outputs with respect to parameters, for every patient and time.

Two ways.  "forward" integrates the derivatives of the states beside the states (symbolic derivatives, the same
sparse LU, the same error control), with the jumps where a dose comes later or is larger by a parameter.
"differences" runs each patient again with a parameter a little higher and lower, all in one batch; it takes
state-triggered events and steady-state doses, which the first does not.

References
----------
dickinson1976sensitivity
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from euthymia.engine.events import Events
from euthymia.engine.solve import solve
from euthymia.engine.syntax import Node, parse
from euthymia.engine.system import OdeSystem, State
from euthymia.engine.trajectories import Trajectories
from euthymia.errors import InputError, Problem, nearest

SHIFT = 1e-3  # relative shift of a parameter for differences
METHODS = ("auto", "forward", "differences")


@dataclass(frozen=True)
class Sensitivities:
    """Outputs and their derivatives.

    Parameters
    ----------
    trajectories : Trajectories
        The outputs themselves, with the status of each patient.
    values : ndarray, shape (patients, times, outputs, parameters)
        Output unit over parameter unit (canonical units); NaN where the patient failed.
    wrt : tuple of str
    method : str
        "forward" or "differences".
    """

    trajectories: Trajectories
    values: np.ndarray
    wrt: tuple[str, ...]
    method: str

    def of(self, output: str, parameter: str) -> np.ndarray:
        """Derivative of one output to one parameter, shape (patients, times)."""
        return self.values[:, :, self.trajectories.outputs.index(output), self.wrt.index(parameter)]


def sensitivities(
    system: OdeSystem,
    n: int,
    parameters: Mapping[str, np.ndarray | float],
    events: Events | None,
    times: np.ndarray,
    outputs: Sequence[str],
    wrt: Sequence[str],
    *,
    how: str = "auto",
    rtol: float = 1e-6,
    **options: Any,
) -> Sensitivities:
    """Derivatives of `outputs` to the parameters `wrt`.

    Parameters
    ----------
    wrt : sequence of str
        Parameters of the system.
    how : {"auto", "forward", "differences"}
        "auto" is forward, where the request allows it.
    options
        Further options of `solve`; the other arguments are those of `solve`.

    Raises
    ------
    InputError
        Unknown names; forward sensitivities of a system with triggers or of steady-state doses.

    Examples
    --------
    >>> from euthymia.engine import Fragment, Parameter
    >>> decay = OdeSystem.join("decay", Fragment({"A": State("-k*A", 1.0)}, {"k": Parameter(0.5)}), units=False)
    >>> got = sensitivities(decay, 1, {}, None, [0.0, 2.0], ["A"], ["k"], rtol=1e-9)
    >>> bool(abs(got.of("A", "k")[0, 1] + 2 * np.exp(-1.0)) < 1e-7)  # dA/dk = -t exp(-k t)
    True
    """
    problems = [
        Problem(f"'{p}' is no parameter of '{system.name}'{nearest(p, system.parameters)}", key="wrt")
        for p in wrt
        if p not in system.parameters
    ]
    if how not in METHODS:
        problems.append(Problem(f"'{how}' is none of {', '.join(METHODS)}{nearest(how, METHODS)}", key="how"))
    if not wrt:
        problems.append(Problem("no parameter is asked for", key="wrt"))
    steady = events is not None and any(d.steady_state for r in events.regimens for d in r)
    hindrance = "state-triggered events" if system.triggers else "steady-state doses" if steady else ""
    if how == "forward" and hindrance:
        problems.append(Problem(f"forward cannot take {hindrance}; use how='differences'", key="how"))
    if problems:
        raise InputError(problems)
    if how == "differences" or hindrance:
        return _differences(system, n, parameters, events, times, outputs, tuple(wrt), rtol, options)
    larger = sensitivity_system(system, tuple(wrt), events, tuple(outputs))
    slopes = [slope_name(o, p) for o in outputs for p in wrt]
    out = solve(larger, n, parameters, events, times, [*outputs, *slopes], rtol=rtol, **options)
    plain, rest = np.split(out.values, [len(outputs)], axis=2)
    trajectories = Trajectories(
        np.ascontiguousarray(plain), out.times, tuple(outputs), out.status, out.failed_at, out.steps, out.rejected,
        out.method,
    )  # fmt: skip
    return Sensitivities(trajectories, rest.reshape(*plain.shape, len(wrt)), tuple(wrt), "forward")


def _differences(system, n, parameters, events, times, outputs, wrt, rtol, options):  # type: ignore[no-untyped-def]
    table = {
        name: np.broadcast_to(np.asarray(parameters.get(name, item.value), float), (n,))
        for name, item in system.parameters.items()
    }
    copies = 1 + 2 * len(wrt)
    many = {name: np.tile(column, copies) for name, column in table.items()}
    for j, name in enumerate(wrt):
        step = SHIFT * np.where(table[name] == 0, 1.0, np.abs(table[name]))
        many[name][(1 + 2 * j) * n : (2 + 2 * j) * n] += step
        many[name][(2 + 2 * j) * n : (3 + 2 * j) * n] -= step
    if events is not None:
        taken = None if events.taken is None else np.tile(np.asarray(events.taken), (copies, 1))
        events = Events(events.regimens, np.tile(np.asarray(events.regimen_of), copies), taken)
    if options.get("initial"):
        options = options | {
            "initial": {k: np.tile(np.broadcast_to(v, (n,)), copies) for k, v in options["initial"].items()}
        }
    out = solve(system, n * copies, many, events, times, outputs, rtol=rtol, **options)
    slopes = np.empty((n, *out.values.shape[1:], len(wrt)))
    for j, name in enumerate(wrt):
        up, down = (slice((k + 2 * j) * n, (k + 1 + 2 * j) * n) for k in (1, 2))
        gap = (many[name][up] - many[name][down])[:, None, None]
        slopes[:, :, :, j] = (out.values[up] - out.values[down]) / gap
    plain = Trajectories(
        out.values[:n], out.times, out.outputs, out.status[:n], out.failed_at[:n], out.steps[:n], out.rejected[:n],
        out.method,
    )  # fmt: skip
    return Sensitivities(plain, slopes, wrt, "differences")


def slope_name(output: str, parameter: str) -> str:
    """How the derivative of an output is asked for."""
    return f"d({output})/d({parameter})"


class SensitivitySystem(OdeSystem):
    """A system with the derivatives of its states as further states; built by `sensitivity_system`."""

    def expression(self, text: str) -> Node:
        """Derivatives by their `slope_name`, everything else as before."""
        return parse("0") if text in self.program.special else super().expression(text)  # type: ignore[attr-defined]


def sensitivity_system(
    system: OdeSystem, wrt: tuple[str, ...], events: Events | None, outputs: tuple[str, ...]
) -> SensitivitySystem:
    """The system of states and their derivatives to `wrt`; states that a parameter cannot reach have none."""
    program = _Program(system, wrt, events, outputs)
    states = dict(system.states)
    for name in program.added:
        states[name] = State("0")  # its rate lives in the program
    made = SensitivitySystem(
        system.name, states, system.parameters, system.assignments, system.inputs, system.triggers
    )
    made.__dict__["program"] = program
    made.__dict__["key"] = f"{system.key} to {wrt} {sorted(program.added)} {outputs}"
    return made


class _Program:
    """The graph of a system and of its sensitivities; stands where `Program` does."""

    def __init__(
        self, system: OdeSystem, wrt: tuple[str, ...], events: Events | None, outputs: tuple[str, ...]
    ):
        base = self.base = system.program
        g = self.graph = base.graph
        self.wrt, self.system, self.env, self.first_inputs = wrt, system, base.env, base.first_inputs
        self.clock, self.conditions, self.relations = base.clock, base.conditions, base.relations
        self.plain = len(system.states)
        leaves = {p: base.env[p] for p in wrt}
        memo: dict[int, dict[int, int]] = {}
        also = frozenset(leaves.values())
        self.rates, self.initials = list(base.rates), list(base.initials)
        slopes = [g.gradient(r, memo, also) for r in base.rates]
        firsts = [g.gradient(i, memo, also) for i in base.initials]
        state = [g.make("y", i) for i in range(self.plain)]
        reads = [{k for k in range(self.plain) if state[k] in set(g.order([r]))} for r in base.rates]
        names = list(system.states)
        self.added: dict[str, int] = {}
        self.of: list[dict[int, int]] = []
        for p in wrt:
            reached = self._reached(leaves[p], reads, _dosed(system, events, p))
            places = {}
            for k in sorted(reached):
                places[k] = self.plain + len(self.added)
                self.added[slope_name(names[k], p)] = places[k]
            self.of.append(places)
        for p, places in zip(wrt, self.of, strict=True):
            for i in places:
                total = slopes[i].get(leaves[p], g.const(0.0))
                for k, place in places.items():
                    if state[k] in slopes[i]:
                        total = g.add(total, g.mul(slopes[i][state[k]], g.make("y", place)))
                self.rates.append(total)
                self.initials.append(firsts[i].get(leaves[p], g.const(0.0)))
        self.jumps = tuple(tuple((place, i) for i, place in places.items()) for places in self.of)
        self.special: dict[str, int] = {}
        for o in outputs:
            found = g.gradient(base.node(o), memo, also)
            for p, places in zip(wrt, self.of, strict=True):
                total = found.get(leaves[p], g.const(0.0))
                for k, place in places.items():
                    if state[k] in found:
                        total = g.add(total, g.mul(found[state[k]], g.make("y", place)))
                self.special[slope_name(o, p)] = total

    def _reached(self, leaf: int, reads: list[set[int]], dosed: set[int]) -> set[int]:
        """States that a parameter can reach: by a rate, a first value or a dose, then through the others."""
        g = self.graph
        found = set(dosed)
        for i, (rate, first) in enumerate(zip(self.base.rates, self.base.initials, strict=True)):
            if leaf in set(g.order([rate, first])):
                found.add(i)
        grown = True
        while grown:
            more = {i for i, needs in enumerate(reads) if needs & found} - found
            found |= more
            grown = bool(more)
        return found

    def node(self, text: str) -> int:
        """The node of an output or of its derivative."""
        return self.special[text] if text in self.special else self.base.node(text)

    def moved_infusions(self, infused: Sequence[str]) -> tuple[str, ...]:
        """Sensitivities of infused states, which are infused too."""
        names, plain = list(self.added), list(self.system.states)
        found = [places.get(plain.index(s)) for s in infused for places in self.of]
        return tuple(names[place - self.plain] for place in found if place is not None)

    def places(self, j: int, infused: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """For parameter j: the sensitivity of each state and of each plain infusion's target; -1 where none is."""
        of_state = np.full(max(self.plain, len(self.system.inputs)), -1)
        for i, place in self.of[j].items():
            of_state[i] = place
        names = list(self.system.states)
        plain = [s for s in infused if s in self.system.states]
        order = {s: k for k, s in enumerate(infused)}
        of_infusion = [order.get(slope_name(s, self.wrt[j]), -1) for s in plain]
        assert all(s in names for s in plain)
        return of_state, np.array([*of_infusion, -1])

    @cached_property
    def time(self) -> int:
        """The leaf of time."""
        return self.base.time


def _dosed(system: OdeSystem, events: Events | None, parameter: str) -> set[int]:
    """States whose doses name the parameter."""
    names = list(system.states)
    found = set()
    for regimen in events.regimens if events is not None else ():
        for d in regimen:
            if parameter in (d.lag, d.bioavailability, d.duration, d.rate) and d.target in system.states:
                found.add(names.index(d.target))
    return found
