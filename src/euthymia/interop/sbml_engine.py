"""SBML models as engine systems: the same equations as text expressions, for populations.

Comes in: `Dynamics`.  Goes out: an `OdeSystem` (dimensionless; its hour is the model's time unit), with the names
under which SBML symbols are found again.  Events become triggers, values that events change become inputs, and
algebraic rules that are linear in their unknowns are solved.  What has no counterpart raises `Unsupported`; such
models run on the simulator of `sbml_simulate` instead.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from euthymia.engine import Assignment, Fragment, Input, OdeSystem, Parameter, State, Trigger
from euthymia.engine.syntax import parse
from euthymia.interop.sbml_compile import order
from euthymia.interop.sbml_dynamics import Dynamics
from euthymia.interop.sbml_linear import solve_linear
from euthymia.interop.sbml_math import Expr, Unsupported, names_in, number, substitute, times, walk
from euthymia.interop.sbml_model import Event
from euthymia.interop.sbml_text import TextWriter, engine_name

__all__ = ["EngineModel", "engine_name", "to_engine", "without_resting"]


@dataclass(frozen=True, slots=True)
class EngineModel:
    """An SBML model on the engine.

    Parameters
    ----------
    system : OdeSystem
    names : mapping
        SBML symbol (`n:S` is the amount of S) to its name in the system.
    start : mapping
        Symbol of a varied first value to its parameter in the system.
    """

    system: OdeSystem
    names: Mapping[str, str]
    start: Mapping[str, str]


def to_engine(
    dynamics: Dynamics,
    outputs: Collection[str],
    vary: Collection[str] = (),
    keep: Collection[str] | None = None,
) -> EngineModel:
    """The engine system of a model.

    Parameters
    ----------
    outputs : collection of str
        Symbols that will be asked for; what neither they nor the states need is left out.
    vary : collection of str
        Parameters, compartments or species whose first value differs between patients.
    keep : collection of str, optional
        Constants that stay parameters of the system; the others are folded into the equations (stoichiometries and
        compartments of size 1 vanish).  By default all stay.

    Raises
    ------
    Unsupported
        The model needs nonlinear algebraic rules or functions that the engine does not have.
    """
    return _Translator(dynamics, outputs, set(vary), None if keep is None else set(keep)).build()


def without_resting(system: OdeSystem, touched: Collection[str]) -> OdeSystem:
    """The system in which states that start at zero and never leave it are the number 0.

    Parameters
    ----------
    touched : collection of str
        States that doses, events or patients' first values may set.

    Examples
    --------
    >>> part = Fragment({"a": State("-a + 0*b", 0.0), "b": State("-b", 1.0)})
    >>> without_resting(OdeSystem.join("two", part, units=False), ()).state_names
    ('b',)
    """
    first = dict(zip(system.states, system.program.initials, strict=True))
    resting = [k for k in system.states if k not in touched and system.program.graph.is_const(first[k], 0.0)]
    while resting and len(resting) < len(system.states):
        zero = {k: Assignment("0") for k in resting}
        rates = {f"{k}.resting": Assignment(system.states[k].rate) for k in resting}
        left = {k: s for k, s in system.states.items() if k not in zero}
        trial = replace(system, states=left, assignments={**system.assignments, **zero, **rates})
        graph, env = trial.program.graph, trial.program.env
        still = [k for k in resting if graph.is_const(env[f"{k}.resting"], 0.0)]
        if still == resting:
            return replace(system, states=left, assignments={**system.assignments, **zero})
        resting = still
    return system


class _Translator:
    def __init__(self, dynamics: Dynamics, outputs: Collection[str], vary: set[str], keep: set[str] | None):
        self.file = dynamics.model.file
        if dynamics.pasts:
            what = "csymbol delay in a batch of patients"
            raise Unsupported(what, "delay", str(dynamics.pasts[0].value), self.file)
        self.d = self._solved(dynamics)
        self.vary, self.keep = vary, keep
        self.wanted = [*dynamics.states, *outputs]
        self.writer = TextWriter(self.file)
        self.parameters: dict[str, Parameter] = {}
        self.start: dict[str, str] = {}

    def _solved(self, d: Dynamics) -> Dynamics:
        """The model with its algebraic rules solved."""
        if not d.unknowns:
            return d
        found = solve_linear(d.model.algebraic, d.unknowns, d.computed)
        if found is None:
            what = "an algebraic rule that is not linear in a batch of patients"
            raise Unsupported(what, "symbol", d.unknowns[0], self.file)
        return replace(d, unknowns=(), computed={**d.computed, **found})

    def build(self) -> EngineModel:
        d = self.d
        held = {h: d.initial[h] for h in d.held}
        definitions = {**d.computed, **held}
        roots = {n for e in d.states.values() for n in names_in(e)} | set(self.wanted)
        roots |= {n for s in d.states for n in names_in(d.initial[s])} | self._read_by_events()
        free = dict.fromkeys(d.states, "")
        needed = order(sorted(roots), {**definitions, **{s: Expr("number", (0.0,)) for s in d.states}}, free)
        states: dict[str, State] = {}
        assignments: dict[str, Assignment] = {}
        inputs: dict[str, Input] = {}
        changed = {d.base(k) for e in d.model.events for k, _ in e.assignments}
        moving = self._moving(definitions, changed)
        for s, rate in d.states.items():
            states[engine_name(s)] = State(self.text(rate, f"rate of '{s}'"), self._first(s))
        for ident in needed:
            if ident in d.states:
                continue
            own = engine_name(ident)
            if ident in held and (ident in changed or names_in(held[ident]) & moving):
                inputs[own] = Input(self._first(ident))
            elif ident in held and held[ident].op == "number" and self._stays(ident, held[ident].args[0]):
                self.parameters[own] = Parameter(held[ident].args[0])
                self.start[ident.removeprefix("n:")] = own
            else:
                source = self._first_expr(ident) if ident in held else d.computed[ident]
                assignments[own] = Assignment(self.text(source, f"'{ident}'"))
        if not states:
            states["nothing"] = State("0", 0.0)
        known = {*states, *inputs}
        triggers = {f"event.{i + 1}": self._trigger(e, known) for i, e in enumerate(d.model.events)}
        fragment = Fragment(states, self.parameters, assignments, inputs, triggers)
        system = OdeSystem.join(d.model.id or "sbml", fragment, units=False)
        if self.keep is not None:
            used = {engine_name(d.base(k)) for k in (*self.keep, *self.vary)}
            system = without_resting(system, used | {t for e in triggers.values() for t in e.changes})
        return EngineModel(system, {w: engine_name(w) for w in (*needed, *d.states)}, self.start)

    def _stays(self, ident: str, value: float) -> bool:
        """Whether a constant remains a parameter."""
        if not math.isfinite(value):
            return False
        plain = ident.removeprefix("n:")
        return self.keep is None or plain in self.keep or plain in self.vary

    def _moving(self, definitions: Mapping[str, Expr], changed: set[str]) -> set[str]:
        """Symbols that may change in time: states, what events change, and what reads one or the time."""
        moving = set(self.d.states) | changed
        todo = True
        while todo:
            todo = False
            for ident, expr in definitions.items():
                if ident not in moving and ident not in self.d.held:
                    reads_time = any(n.op in ("time", "rate") for n in walk(expr))
                    if reads_time or names_in(expr) & moving:
                        moving.add(ident)
                        todo = True
        return moving

    # ------------------------------------------------------------------ first values
    def _first(self, ident: str) -> str | float:
        expr = self._first_expr(ident)
        if expr.op == "number" and math.isfinite(expr.args[0]):
            return expr.args[0]
        return self.text(expr, f"first value of '{ident}'")

    def _first_expr(self, ident: str) -> Expr:
        """The first value, with its number turned into a parameter where patients differ in it."""
        expr = self.d.initial[ident]
        if any(n.op == "time" for n in walk(expr)):
            expr = _replace(expr, Expr("time"), number(0))  # first values are those of time 0
        plain = ident.removeprefix("n:")
        if plain not in self.vary:
            return expr
        numbers = [n for n in walk(expr) if n.op == "number"]
        if len(numbers) != 1 or plain in self.d.model.initial:
            raise Unsupported("varying a first value that is computed", "symbol", plain, self.file)
        own = f"{engine_name(plain)}.start"
        self.parameters[own] = Parameter(numbers[0].args[0])
        self.start[plain] = own
        return _replace(expr, numbers[0], Expr("name", (f"\0{own}",)))

    # ------------------------------------------------------------------ events
    def _read_by_events(self) -> set[str]:
        found: set[str] = set()
        for event in self.d.model.events:
            for e in (event.trigger, event.delay, event.priority, *(x for _, x in event.assignments)):
                found |= names_in(e) if e is not None else set()
            for target, _ in event.assignments:
                found.add(self.d.base(target))
                if target in self.d.model.species:
                    found.add(self.d.model.species[target].compartment)
        return found

    def _trigger(self, event: Event, known: set[str]) -> Trigger:
        place = f"event '{event.id}'"
        self.writer.place = place
        changes: dict[str, str] = {}
        factors: dict[str, str] = {}
        given = dict(event.assignments)
        for target, value in event.assignments:
            base = self.d.base(target)
            own = engine_name(base)
            if own not in known:
                continue  # an unknown of an algebraic rule: the rule says what it is
            if base != target and not self.d.model.species[target].substance_only:
                size = Expr("name", (self.d.model.species[target].compartment,))
                new = self._after(size, given)
                if new == size:
                    factors[own] = self.text(size, place)
                elif event.delay is not None and event.trigger_values:
                    what = (
                        "a delayed change of a concentration together with its compartment's size in a batch"
                    )
                    raise Unsupported(what, "event", event.id, self.file)
                else:
                    value = times(value, new)
            changes[own] = self.text(value, place)
        condition = self.writer.truth(event.trigger)
        parse(condition)
        return Trigger(
            condition,
            changes,
            self.text(event.delay, place) if event.delay is not None else "0",
            self.text(event.priority, place) if event.priority is not None else "",
            event.persistent,
            event.initial,
            event.trigger_values,
            factors,
        )

    def _after(self, size: Expr, given: Mapping[str, Expr]) -> Expr:
        """A compartment's size once the event has set its other targets."""
        targets = set(given) - set(self.d.model.species)
        expr = size
        seen: set[str] = set()
        for _ in range(50):
            used = names_in(expr) - seen
            behind = {
                n for n in used if n in self.d.computed and n not in targets and self._reaches(n, targets)
            }
            if not behind:
                break
            seen |= behind
            expr = substitute(expr, {n: self.d.computed[n] for n in behind})
        return substitute(expr, {n: e for n, e in given.items() if n in targets})

    def _reaches(self, ident: str, targets: set[str]) -> bool:
        todo, seen = [ident], set()
        while todo:
            n = todo.pop()
            if n in targets:
                return True
            if n not in seen and n in self.d.computed:
                seen.add(n)
                todo += names_in(self.d.computed[n])
        return False

    # ------------------------------------------------------------------ text
    def text(self, expr: Expr, place: str) -> str:
        """Engine text of an expression; parsed once to be sure that it is one."""
        self.writer.place = place
        text = self.writer.value(expr)
        parse(text)
        return text


def _replace(expr: Expr, old: Expr, new: Expr) -> Expr:
    if expr == old:
        return new
    if expr.op in ("number", "name", "time", "rate"):
        return expr
    return Expr(expr.op, tuple(_replace(a, old, new) for a in expr.args))
