"""Join modules, structures and compounds by named ports into one system of equations.

In: module names (or the profile "core" or "full"), chosen structures, fragments of drugs and what they provide.
Out: a `Network` with its `OdeSystem` and a report of which ports were joined and which kept their default.
Edges of grade D are off in humans unless a chosen structure names them or `hypotheses=True`.

>>> net = build_network("core")
>>> net.joined["symptoms.mood"], net.system.parameters["network.loop_gain"].value
('symptoms', 0.6)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from euthymia.biology.module import Edge, Module, Port, load_module, module_names
from euthymia.biology.species import Species, load_species
from euthymia.biology.structures import Option, choose
from euthymia.engine.evaluate import function
from euthymia.engine.problem import prepare
from euthymia.engine.system import Assignment, Fragment, Input, OdeSystem, State
from euthymia.engine.system import Parameter as Constant
from euthymia.errors import InputError, Problem, nearest
from euthymia.units import parse_unit

CORE = (
    "serotonin",
    "noradrenaline",
    "glutamate_gaba",
    "neuroplasticity",
    "hpa",
    "inflammation",
    "psychological_lifestyle",
    "symptoms",
)
PROFILES = {"core": CORE, "full": None}
REST_DRIFT = 0.02  # largest drift per hour of a state at rest, relative to its size or to 1


@dataclass(frozen=True)
class Network:
    """Joined modules.

    Parameters
    ----------
    joined : dict of port to provider
        The module, or "drug", that provides each joined port.
    defaulted : dict of port to value
        Ports nobody provides; drug and context ports among them are inputs that events may set.
    switched_off : dict of edge strength to reason
    """

    system: OdeSystem
    modules: tuple[Module, ...]
    species: Species
    structures: dict[str, Option]
    joined: dict[str, str]
    defaulted: dict[str, float]
    switched_off: dict[str, str]
    loop_gain: float
    edges: tuple[Edge, ...] = field(repr=False, default=())

    @property
    def inputs(self) -> tuple[str, ...]:
        """Drug and context ports that events may set."""
        return self.system.input_names

    def report(self) -> list[str]:
        """What was joined, defaulted and switched off, in lines."""
        lines = [
            f"{len(self.modules)} modules, {len(self.system.states)} states, loop gain {self.loop_gain:g}"
        ]
        lines += [f"variant {m.name}: {m.variant}" for m in self.modules if m.variant]
        lines += [f"structure {name}: {option.name}" for name, option in self.structures.items()]
        lines += [f"joined {port} <- {by}" for port, by in sorted(self.joined.items())]
        lines += [f"default {port} = {value:g}" for port, value in sorted(self.defaulted.items())]
        return lines + [f"off {key}: {why}" for key, why in sorted(self.switched_off.items())]


def build_network(
    modules: Sequence[str] | str = "core",
    structures: Mapping[str, str] | None = None,
    fragments: Sequence[Fragment] = (),
    drug_ports: Mapping[str, str] | None = None,
    loop_gain: float | None = None,
    species: str = "human",
    *,
    variants: Mapping[str, str] | None = None,
    hypotheses: bool | None = None,
    check_rest: bool = True,
) -> Network:
    """Join modules and drugs.

    Parameters
    ----------
    modules : sequence of str or {"core", "full"}
        Module names; "hpa.bingzheng" names a variant.
    structures : mapping of structure to option
    fragments : sequence of Fragment
        Kinetics and occupancy of compounds; an id equal to a port's name is joined to it.
    drug_ports : mapping of port to id
        Where a fragment provides a port under another id.
    loop_gain : float, optional
        Gain of the return edges between modules; default of the species.
    variants : mapping of module to variant, optional
        Rival forms in place of ordinary ones, for example {"hpa": "gupta"}; they win over those a structure uses.
    hypotheses : bool, optional
        Keep edges of grade D on; default of the species (off in humans).
    check_rest : bool
        Refuse a network whose states drift when nothing is given (judged without fragments).

    Raises
    ------
    InputError
        Unknown modules or structures, duplicate names, ports that do not fit, a network that does not rest.
    """
    chosen = choose(structures or {})
    block = load_species(species)
    mods = _modules(modules, chosen, variants or {})
    problems = _clashes(mods)
    keep = block.hypotheses if hypotheses is None else hypotheses
    off = {} if keep else _off(mods, chosen)
    gain = block.parameters["loop_gain"].value if loop_gain is None else float(loop_gain)
    parts, joined, defaulted, found = _join(mods, fragments, drug_ports or {}, gain)
    problems += found
    values, found = _values(mods, chosen, block, off)
    problems += found
    if problems:
        raise InputError(problems)
    own = [_with(m.fragment, values) for m in mods]
    readouts = block.fragment if all(_reads(block, mods)) else Fragment()
    system = OdeSystem.join(f"{species} network", *own, parts, readouts, *fragments)
    edges = tuple(e for m in mods for e in m.edges)
    network = Network(system, mods, block, chosen, joined, defaulted, off, gain, edges)
    if check_rest and not fragments:
        drift = rest_drift(network)
        worst = sorted(((abs(v), k) for k, v in drift.items() if not abs(v) <= REST_DRIFT), reverse=True)[:5]
        if worst:
            raise InputError(
                _at_state(network, k, f"does not rest: drifts by {v:.2g} per hour when nothing is given")
                for v, k in worst
            )
    return network


def _at_state(network: Network, id: str, message: str) -> Problem:
    """A problem of a state, with the file and line that define it (or that its rival form inherits it from)."""
    module = next(m for m in network.modules if id in m.states)
    place = ("states", id.removeprefix(f"{module.name}."), "rate")
    found = module.document.problem(place, message)
    return Problem(message, found.file, found.line, found.column, id)


def rest_drift(network: Network) -> dict[str, float]:
    """Drift per hour of every module state at the start, relative to its size or to 1 where it is smaller."""
    system = network.system
    ready = prepare(system, 1, {}, None, np.array([0.0]), [system.state_names[0]], False, 0.0, None)
    program = system.program
    rates = function(program.graph, program.rates)
    y, p, u = ready.initial[0].tolist(), ready.parameters[0].tolist(), ready.inputs[0].tolist()
    now = dict(zip(system.states, rates(0.0, y, p, u), strict=True))
    ours = {s for m in network.modules for s in m.states}
    start = dict(zip(system.states, y, strict=True))
    return {s: float(v) / max(1.0, abs(start[s])) for s, v in now.items() if s in ours}


def _modules(
    wanted: Sequence[str] | str, chosen: Mapping[str, Option], rivals: Mapping[str, str]
) -> tuple[Module, ...]:
    if isinstance(wanted, str):
        if wanted not in PROFILES:
            hint = nearest(wanted, PROFILES) or f"; allowed: {', '.join(PROFILES)}, or a list of modules"
            raise InputError([Problem(f"no profile '{wanted}'{hint}", key="modules")])
        wanted = PROFILES[wanted] or module_names()
    variants = {name: variant for option in chosen.values() for name, variant in option.use.items()}
    variants |= rivals
    present = [text.partition(".")[0] for text in wanted]
    found: list[Module] = []
    problems = [
        Problem(f"no module '{name}' here to replace{nearest(name, present)}", key=f"variants.{name}")
        for name in rivals
        if name not in present
    ]
    for text in wanted:
        name, _, variant = text.partition(".")
        try:
            found.append(load_module(name, variant or variants.get(name, "")))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(found)


def _clashes(mods: Sequence[Module]) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, Module] = {}
    ports: dict[str, tuple[Port, Module]] = {}
    for m in mods:
        if m.name in seen:
            problems.append(Problem(f"module '{m.name}' is joined twice", m.document.name, 1, key="module"))
        seen[m.name] = m
    for m in mods:
        for port in m.ports.values():
            first, owner = ports.setdefault(port.id, (port, m))
            if parse_unit(first.unit).dimension != parse_unit(port.unit).dimension:
                message = (
                    f"port '{port.id}' is in {port.unit} here and in {first.unit} in {owner.document.name}"
                )
                problems.append(m.document.problem(("ports", port.id, "unit"), message))
            elif abs(first.default - port.default) > 1e-12:
                message = f"port '{port.id}' rests at {port.default:g}, in {owner.document.name} at {first.default:g}"
                problems.append(m.document.problem(("ports", port.id, "default"), message))
    return problems


def _join(
    mods: Sequence[Module], fragments: Sequence[Fragment], drug_ports: Mapping[str, str], gain: float
) -> tuple[Fragment, dict[str, str], dict[str, float], list[Problem]]:
    """The constants, inputs and aliases that make every port a name of the system."""
    by_name = {m.name: m for m in mods}
    outside: dict[str, str] = {}
    for fragment in fragments:
        for items in (fragment.states, fragment.parameters, fragment.assignments, fragment.inputs):
            outside |= {key: item.unit for key, item in items.items()}
    constants: dict[str, Constant] = {"network.loop_gain": Constant(gain)}
    inputs: dict[str, Input] = {}
    aliases: dict[str, Assignment] = {}
    joined: dict[str, str] = {"network.loop_gain": "network"}
    defaulted: dict[str, float] = {}
    problems: list[Problem] = []
    owners = set(module_names()) | set(by_name)
    for m in mods:
        for port in m.ports.values():
            if port.id in constants or port.id in inputs or port.id in aliases:
                continue
            place = ("ports", port.id)
            owner = port.id.split(".")[0]
            source = drug_ports.get(port.id, port.id if port.id in outside else "")
            if owner in by_name:
                provider = by_name[owner]
                if port.id not in provider.outputs:
                    hint = nearest(port.id, provider.outputs)
                    problems.append(
                        m.document.problem(place, f"'{port.id}' is no output of '{owner}'{hint}", at_key=True)
                    )
                    continue
                unit = provider.unit_of(port.id)
                joined[port.id] = owner
            elif source:
                if source not in outside:
                    message = f"no fragment provides '{source}'{nearest(source, outside)}"
                    problems.append(m.document.problem(place, message, at_key=True))
                    continue
                unit = outside[source]
                joined[port.id] = "drug"
                if source != port.id:
                    aliases[port.id] = Assignment(source, port.unit)
            else:
                unit = port.unit
                if owner in owners:
                    constants[port.id] = Constant(port.default, port.unit)
                else:
                    inputs[port.id] = Input(port.default, port.unit)
                defaulted[port.id] = port.default
            want, got = parse_unit(port.unit).dimension, parse_unit(unit).dimension
            if want != got:
                message = f"port '{port.id}' is a {want}, but '{joined[port.id]}' provides a {got}"
                problems.append(m.document.problem((*place, "unit"), message))
    needed = {p for m in mods for p in m.ports}
    problems += [
        Problem(f"no module reads the port '{port}'{nearest(port, needed)}", key=f"drug_ports.{port}")
        for port in drug_ports
        if port not in needed
    ]
    return Fragment(parameters=constants, inputs=inputs, assignments=aliases), joined, defaulted, problems


def _off(mods: Sequence[Module], chosen: Mapping[str, Option]) -> dict[str, str]:
    """Strengths all of whose edges have grade D and which no chosen structure keeps on."""
    grades: dict[str, str] = {}
    for m in mods:
        for edge in m.edges:
            grades[edge.strength] = min(grades.get(edge.strength, "D"), edge.grade)
    kept = {key for option in chosen.values() for key in (*option.on, *option.set)}
    return {key: "grade D" for key, g in grades.items() if g == "D" and key not in kept}


def _values(
    mods: Sequence[Module], chosen: Mapping[str, Option], block: Species, off: Mapping[str, str]
) -> tuple[dict[str, float], list[Problem]]:
    known = {k: p for m in mods for k, p in m.parameters.items()}
    present = {m.name for m in mods}
    values = block.values(known)
    problems: list[Problem] = []
    for name, option in chosen.items():
        for key, parameter in option.set.items():
            if key in known:
                values[key] = parameter.value
            elif key.split(".")[0] in present:
                problems.append(
                    Problem(f"'{key}' is no parameter{nearest(key, known)}", key=f"structures.{name}")
                )
    values |= dict.fromkeys(off, 0.0)
    return values, problems


def _with(fragment: Fragment, values: Mapping[str, float]) -> Fragment:
    changed = {k: Constant(values.get(k, p.value), p.unit) for k, p in fragment.parameters.items()}
    return replace(fragment, parameters=changed)


def _reads(block: Species, mods: Sequence[Module]) -> list[bool]:
    names = {n for m in mods for n in (*m.states, *m.assignments)}
    return [needed in names for needed in block.needs]


__all__ = ["CORE", "PROFILES", "Network", "State", "build_network", "rest_drift"]
