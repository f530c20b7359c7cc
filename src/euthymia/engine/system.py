"""A system of ordinary differential equations from named text parts, checked as a whole.

In: `Fragment`s (states with rates, parameters, assignments, inputs, triggers), all values canonical.  Out: one
immutable `OdeSystem`, or an `InputError` that lists every unknown name, duplicate, cycle and wrong dimension.
Time is `t`, in hours.

>>> one = Fragment(states={"A": State("-k * A", 10.0, "mg")}, parameters={"k": Parameter(0.1, "1/h")})
>>> OdeSystem.join("decay", one).state_names
('A',)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property

from euthymia.engine.dimensions import DimensionCheck
from euthymia.engine.expression import Graph
from euthymia.engine.syntax import Node, parse
from euthymia.errors import InputError, Problem, UnitError, nearest
from euthymia.units import NONE, Dimension, parse_unit

TIME = Dimension((1.0, 0.0, 0.0, 0.0, 0.0, 0.0))


@dataclass(frozen=True, slots=True)
class State:
    """A state: its rate of change per hour, its value at the start, its unit."""

    rate: str
    initial: str | float = 0.0
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A constant of one patient, in the canonical unit of `unit`."""

    value: float
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A named expression of states, parameters, inputs, time and other assignments."""

    expression: str
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class Input:
    """A value that stays constant between events, which set it; its first one may be an expression, as a state's."""

    value: float | str = 0.0
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event that fires when a condition becomes true, as SBML defines it.

    Parameters
    ----------
    condition : str
        Fires at the change from false to true.
    changes : mapping from state or input name to expression
        The new values.
    delay : str
        Hours between firing and execution.
    priority : str
        Among events due at one moment the highest is executed first; empty means none is given.
    persistent : bool
        False: cancelled where the condition turns false before execution.
    initial : bool
        The condition's value before the start; False lets it fire at the start.
    at_trigger : bool
        True: new values are computed when the event fires; False: when it is executed.
    factors : mapping from state or input name to expression
        The new value of the name is multiplied by this, always as it is at the execution.

    Without changes a trigger is a place where the solver stops and starts afresh, such as a jump in a rate.
    """

    condition: str
    changes: Mapping[str, str]
    delay: str = "0"
    priority: str = ""
    persistent: bool = True
    initial: bool = True
    at_trigger: bool = True
    factors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a system; names are shared between the fragments that are joined."""

    states: Mapping[str, State] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    assignments: Mapping[str, Assignment] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    triggers: Mapping[str, Trigger] = field(default_factory=dict)


@dataclass(frozen=True)
class OdeSystem:
    """A checked system.  Build it with `OdeSystem.join`."""

    name: str
    states: Mapping[str, State]
    parameters: Mapping[str, Parameter]
    assignments: Mapping[str, Assignment]
    inputs: Mapping[str, Input]
    triggers: Mapping[str, Trigger] = field(default_factory=dict)

    @classmethod
    def join(cls, name: str, *fragments: Fragment, units: bool = True) -> OdeSystem:
        """Join fragments into one system.

        Parameters
        ----------
        units : bool
            Check dimensions; False for models whose units are not declared.

        Raises
        ------
        InputError
            Every duplicate, unknown name, cycle and wrong dimension.
        """
        problems: list[Problem] = []
        kinds = ("states", "parameters", "assignments", "inputs", "triggers")
        merged: dict[str, dict] = {kind: {} for kind in kinds}
        taken: dict[str, str] = {"t": "time"}
        for fragment in fragments:
            for kind in kinds:
                for key, item in getattr(fragment, kind).items():
                    space = f"trigger {key}" if kind == "triggers" else key
                    if space in taken:
                        problems.append(
                            Problem(f"'{key}' is defined twice ({taken[space]} and {kind})", key=key)
                        )
                        continue
                    taken[space] = kind
                    merged[kind][key] = item
        if not merged["states"]:
            problems.append(Problem(f"the system '{name}' has no state; give at least one"))
        system = cls(name, **merged)
        problems += _check(system, units)
        if problems:
            raise InputError(problems)
        return system

    def __getstate__(self) -> dict:
        """The content alone: what is derived from it stays behind when a system travels to another process."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        return tuple(self.states)

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(self.parameters)

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        return tuple(self.inputs)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name that an output expression may read."""
        return (*self.states, *self.parameters, *self.assignments, *self.inputs, "t")

    @cached_property
    def key(self) -> str:
        """A digest of the content; equal systems have equal keys."""
        kinds = ("states", "parameters", "assignments", "inputs", "triggers")
        body = {kind: [[k, asdict(v)] for k, v in getattr(self, kind).items()] for kind in kinds}
        return hashlib.sha256(json.dumps(body, default=dict).encode()).hexdigest()

    @cached_property
    def program(self) -> Program:
        """The expression graph of the whole system."""
        return Program(self)

    def expression(self, text: str) -> Node:
        """Read an output expression.

        Raises
        ------
        InputError
            It is no expression or reads an unknown name.
        """
        node = parse(text)
        unknown = sorted(node.names() - set(self.names))
        if unknown:
            raise InputError(
                Problem(f"'{u}' is no name of '{self.name}'{nearest(u, self.names)}", key=text)
                for u in unknown
            )
        return node


class Program:
    """One graph with the nodes of a system: rates, assignments, initial values."""

    jumps: tuple[tuple[tuple[int, int], ...], ...] = ()  # of sensitivities, see `sensitivity_system`
    plain = 0

    def __init__(self, system: OdeSystem):
        g = self.graph = Graph()
        self.system = system
        self.time = g.make("t")
        env: dict[str, int] = {"t": self.time}
        for kind, names in (("p", system.parameters), ("u", system.inputs), ("y", system.states)):
            env.update({name: g.make(kind, i) for i, name in enumerate(names)})
        self.parsed = {a: parse(item.expression) for a, item in system.assignments.items()}
        self.sequence = [
            a for a in _ordered({a: n.names() for a, n in self.parsed.items()})[0] if a in self.parsed
        ]
        for a in self.sequence:
            env[a] = g.number(g.build(self.parsed[a], env))
        self.env = env
        self.rates = [g.number(g.build(parse(s.rate), env)) for s in system.states.values()]
        self.initials, self.first_inputs = self._initials()

    def _initials(self) -> tuple[list[int], list[int]]:
        g, system = self.graph, self.system
        env = {n: i for n, i in self.env.items() if n in system.parameters or n == "t"}
        parts = {s: parse(_text(item.initial)) for s, item in system.states.items()} | self.parsed
        for name, item in system.inputs.items():
            if isinstance(item.value, str):
                parts[name] = parse(item.value)
            else:
                env[name] = g.const(item.value)
        for name in _ordered({n: node.names() for n, node in parts.items()})[0]:
            if name in parts:
                needs = parts[name].names()
                if all(n in env for n in needs):
                    env[name] = g.number(g.build(parts[name], env))
        return [env[s] for s in system.states], [env[u] for u in system.inputs]

    @cached_property
    def clock(self) -> list[int]:
        """Nodes of the times at which a rate changes by a comparison with `t`: t < a, or t - a < b."""
        g = self.graph
        found: list[int] = []
        for i in list(g.order([*self.rates, *self.conditions])):
            if g.op[i] not in ("lt", "le", "eq"):
                continue
            for one, other in (g.args[i], g.args[i][::-1]):
                if g.level[other] > 1:
                    continue
                if one == self.time:
                    found.append(other)
                elif g.op[one] == "-" and self.time in g.args[one]:
                    left, right = g.args[one]
                    if left == self.time and g.level[right] < 2:
                        found.append(g.add(other, right))
                    elif right == self.time and g.level[left] < 2:
                        found.append(g.sub(left, other))
        return sorted(set(found))

    @cached_property
    def conditions(self) -> list[int]:
        """Nodes of the triggers' conditions, as truth values."""
        return [self.condition(trigger.condition) for trigger in self.system.triggers.values()]

    @cached_property
    def relations(self) -> list[int]:
        """The comparisons inside the conditions; of an equality, which holds for an instant, its sign instead."""
        g = self.graph
        found = []
        for i in g.order(self.conditions):
            if g.op[i] in ("lt", "le", "eq") and g.level[i] == 2 and i not in self.conditions:
                found.append(i if g.op[i] != "eq" else g.compare("<", *g.args[i]))
            elif g.op[i] == "eq" and g.level[i] == 2:
                found.append(g.compare("<", *g.args[i]))
        return sorted(set(found))

    def moved_infusions(self, infused: Sequence[str]) -> tuple[str, ...]:
        """Sensitivities of infused states, which are infused too."""
        return ()

    def node(self, text: str) -> int:
        """The graph node of an output or condition expression, as a number."""
        return self.graph.number(self.graph.build(self.system.expression(text), self.env))

    def condition(self, text: str) -> int:
        """The graph node of an expression, as a truth value."""
        return self.graph.truth(self.graph.build(self.system.expression(text), self.env))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else repr(float(value))


def _ordered(needs: Mapping[str, set[str]]) -> tuple[list[str], list[list[str]]]:
    """Names so that each follows what it reads, and the cycles."""
    done: dict[str, bool] = {}
    sequence: list[str] = []
    cycles: list[list[str]] = []
    for root in needs:
        if root in done:
            continue
        done[root] = False
        path = [(root, iter(sorted(needs[root])))]
        while path:
            name, rest = path[-1]
            for other in rest:
                if other not in needs:
                    continue
                if other not in done:
                    done[other] = False
                    path.append((other, iter(sorted(needs[other]))))
                    break
                if not done[other]:
                    chain = [p for p, _ in path]
                    cycles.append([*chain[chain.index(other) :], other])
            else:
                path.pop()
                done[name] = True
                sequence.append(name)
    return sequence, cycles


def _check(system: OdeSystem, units: bool) -> list[Problem]:
    problems: list[Problem] = []
    of: dict[str, Dimension] = {"t": TIME}
    for kind in (system.states, system.parameters, system.assignments, system.inputs):
        for name, item in kind.items():
            if not _is_id(name):
                problems.append(
                    Problem(
                        f"'{name}' is no id: letters, digits, _ and dots, for example 'sert.occupancy'",
                        key=name,
                    )
                )
            try:
                of[name] = parse_unit(item.unit).dimension
            except UnitError as error:
                problems.append(Problem(str(error), key=name))
    allowed = set(system.names)
    parsed: dict[str, dict[str, Node]] = {"assignments": {}, "initial": {}}
    for where, key, text, want in _texts(system, of):
        try:
            node = parse(text)
        except InputError as error:
            problems += [Problem(p.message, key=key) for p in error.problems]
            continue
        if where in parsed:
            parsed[where][key.removesuffix(".initial")] = node
        for unknown in sorted(node.names() - allowed):
            problems.append(
                Problem(f"'{unknown}' in '{text}' is not defined{nearest(unknown, allowed)}", key=key)
            )
        if units and node.names() <= set(of):
            check = DimensionCheck(of)
            got = check.check(node)
            problems += [Problem(f"'{text}': {p}", key=key) for p in check.problems]
            if want is not None and got is not None and got != want and not check.problems:
                problems.append(Problem(f"'{text}' is a {got}; expected a {want}", key=key))
    needs = {a: n.names() for a, n in parsed["assignments"].items()}
    problems += [Problem("cyclic: " + " -> ".join(c), key=c[0]) for c in _ordered(needs)[1]]
    if not problems:
        both = {n: node.names() for n, node in (parsed["assignments"] | parsed["initial"]).items()}
        starts = {n for n in both if n in parsed["initial"]}
        for cycle in _ordered(both)[1]:
            if starts & set(cycle):
                problems.append(Problem("cyclic initial values: " + " -> ".join(cycle), key=cycle[0]))
    for key, trigger in system.triggers.items():
        stray = sorted(set(trigger.factors) - set(trigger.changes))
        problems += [Problem(f"a factor of '{f}', which the trigger does not change", key=key) for f in stray]
        for target in trigger.changes:
            if target not in system.states and target not in system.inputs:
                hint = nearest(target, [*system.states, *system.inputs])
                problems.append(
                    Problem(f"a trigger can change states and inputs, not '{target}'{hint}", key=key)
                )
    return problems


def _texts(
    system: OdeSystem, of: Mapping[str, Dimension]
) -> Iterable[tuple[str, str, str, Dimension | None]]:
    for name, state in system.states.items():
        dim = of.get(name)
        yield "rate", name, state.rate, dim / TIME if dim is not None else None
        text = _text(state.initial)
        yield "initial", f"{name}.initial", text, dim if isinstance(state.initial, str) else None
    for name, start in system.inputs.items():
        if isinstance(start.value, str):
            yield "initial", f"{name}.initial", start.value, of.get(name)
    for name, item in system.assignments.items():
        yield "assignments", name, item.expression, of.get(name)
    for key, trigger in system.triggers.items():
        yield "trigger", f"{key}.condition", trigger.condition, None
        yield "trigger", f"{key}.delay", trigger.delay, TIME
        if trigger.priority:
            yield "trigger", f"{key}.priority", trigger.priority, NONE
        for target, text in trigger.changes.items():
            dim = of.get(target) if target not in trigger.factors else None
            yield "trigger", f"{key}.{target}", text, dim
        for target, text in trigger.factors.items():
            yield "trigger", f"{key}.{target}.factor", text, None


def _is_id(name: str) -> bool:
    try:
        node = parse(name)
    except InputError:
        return False
    return node.kind == "name" and node.value == name and name != "t"
