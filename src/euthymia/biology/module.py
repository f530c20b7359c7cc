"""One biological system from a library file: states, assignments, parameters, ports, outputs, cited edges.

In: `library/modules/<name>.yaml` (or `<name>.<variant>.yaml` for a rival form with the same ports).  Out: an
immutable `Module` whose ids carry the prefix `<name>.`.  Assumed: quantities are relative to healthy rest.

>>> load_module("hpa").states["hpa.cortisol"].unit
'1'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from euthymia.biology.expressions import naked_numbers, names, prefixed
from euthymia.biology.variants import variants, whole
from euthymia.engine.system import Assignment, Fragment, State
from euthymia.engine.system import Parameter as Constant
from euthymia.errors import InputError, Problem, UnitError, nearest
from euthymia.evidence.grade import grade
from euthymia.evidence.parameter import Evidence, Parameter, read_evidence, read_parameters
from euthymia.evidence.read import LIBRARY, Document, Path_, load
from euthymia.units import parse_unit

FOLDER = LIBRARY / "modules"


@dataclass(frozen=True, slots=True)
class Port:
    """A quantity a module reads from elsewhere, with the healthy value it takes when nothing is joined."""

    id: str
    default: float
    unit: str
    title: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A signed, cited influence; `strength` is the id of the parameter whose value 0 switches it off."""

    source: str
    target: str
    sign: str
    strength: str
    claims: tuple[int, ...]
    evidence: tuple[Evidence, ...]
    against: tuple[Evidence, ...] = ()
    contested: bool = False
    line: int = 0

    @property
    def grade(self) -> str:
        """A to D, computed from the evidence for and against."""
        return grade(self.evidence, self.against)


@dataclass(frozen=True)
class Module:
    """A checked module; ids are prefixed with its name."""

    name: str
    title: str
    about: str
    variant: str
    states: dict[str, State]
    assignments: dict[str, Assignment]
    parameters: dict[str, Parameter]
    ports: dict[str, Port]
    outputs: tuple[str, ...]
    edges: tuple[Edge, ...]
    titles: dict[str, str]
    population_only: tuple[str, ...]
    document: Document = field(repr=False)

    @cached_property
    def fragment(self) -> Fragment:
        """The equations, without the ports."""
        constants = {k: Constant(p.value, p.unit.dimension.canonical) for k, p in self.parameters.items()}
        return Fragment(states=self.states, assignments=self.assignments, parameters=constants)

    def unit_of(self, id: str) -> str:
        """The unit of a state or assignment."""
        return self.states[id].unit if id in self.states else self.assignments[id].unit

    @cached_property
    def alone(self) -> Fragment:
        """The equations with every port as a parameter at its default, so that the module runs by itself."""
        ports = {p.id: Constant(p.default, p.unit) for p in self.ports.values()}
        return Fragment(
            states=self.states,
            assignments=self.assignments,
            parameters={**self.fragment.parameters, **ports},
        )


def module_names() -> tuple[str, ...]:
    """Names of all modules in the library, without variants."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.yaml") if "." not in p.stem))


def load_module(name: str, variant: str = "") -> Module:
    """A module of the library by name.

    Raises
    ------
    InputError
        No such module (the nearest name is offered), or every problem of its file.
    """
    path = FOLDER / (f"{name}.{variant}.yaml" if variant else f"{name}.yaml")
    if not path.is_file():
        known = [p.stem for p in FOLDER.glob("*.yaml")]
        wanted = f"{name}.{variant}" if variant else name
        hint = nearest(wanted, known)
        if variant and name in module_names() and not hint:
            hint = f"; rival forms of {name}: {', '.join(variants(name)) or 'none'}"
        raise InputError([Problem(f"no module '{wanted}'{hint}", key="module")])
    return read_module(path)


def read_module(path: str | Path) -> Module:
    """A module from any file.

    Raises
    ------
    InputError
        Every problem of the file: schema, units, unknown names, naked numbers, ports, outputs and edges.
    """
    path = Path(path)
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    return _read(path, stamp)


@lru_cache(maxsize=128)
def _read(path: Path, stamp: int) -> Module:
    document = whole(load(path, "module"), path)
    data = document.data
    name = data["module"]
    parameters = read_parameters(document, ("parameters",), f"{name}.")
    local = {*data["states"], *data["assignments"], *data["parameters"]}
    problems = _problems(document, data, local)
    if problems:
        raise InputError(problems)

    def pre(text: Any) -> str:
        return prefixed(str(text), name, local)

    def own(id: str) -> str:
        return f"{name}.{id}" if id in local else id

    edges = tuple(
        Edge(
            source=own(e["from"]),
            target=own(e["to"]),
            sign=e["sign"],
            strength=own(e["strength"]),
            claims=tuple(e["claims"]),
            evidence=read_evidence(e["evidence"]),
            against=read_evidence(e.get("against", [])),
            contested=e.get("contested", False),
            line=document.places.get(("edges", i), (0, 0))[0],
        )
        for i, e in enumerate(data["edges"])
    )
    blocks = ("states", "assignments", "parameters")
    return Module(
        name=name,
        title=data["title"],
        about=data.get("about", ""),
        variant=data.get("variant", ""),
        states={
            own(k): State(pre(s["rate"]), pre(s["initial"]), s["unit"]) for k, s in data["states"].items()
        },
        assignments={
            own(k): Assignment(pre(a["expression"]), a["unit"]) for k, a in data["assignments"].items()
        },
        parameters=parameters,
        ports={k: Port(k, float(p["default"]), p["unit"], p["title"]) for k, p in data["ports"].items()},
        outputs=tuple(own(o) for o in data["outputs"]),
        edges=edges,
        titles={own(k): v.get("title", "") for block in blocks for k, v in data[block].items()},
        population_only=tuple(own(o) for o in data.get("population_only", [])),
        document=document,
    )


def _texts(data: dict) -> list[tuple[Path_, str]]:
    found: list[tuple[Path_, str]] = []
    for k, s in data["states"].items():
        found += [(("states", k, "rate"), str(s["rate"])), (("states", k, "initial"), str(s["initial"]))]
    return found + [
        (("assignments", k, "expression"), str(a["expression"])) for k, a in data["assignments"].items()
    ]


def _problems(document: Document, data: dict, local: set[str]) -> list[Problem]:
    found: list[Problem] = []
    ports, read = set(data["ports"]), set()
    blocks = ("states", "assignments", "parameters")
    for i, one in enumerate(blocks):
        for other in blocks[i + 1 :]:
            found += [
                document.problem((other, k), f"'{k}' is also one of the {one}", at_key=True)
                for k in data[one]
                if k in data[other]
            ]
    for path, text in _texts(data):
        try:
            used, naked = names(text), naked_numbers(text)
        except InputError as error:
            found += [document.problem(path, p.message) for p in error.problems]
            continue
        read |= used
        for unknown in sorted(used - local - ports - {"t"}):
            hint = nearest(unknown, [*local, *ports]) or "; declare it as a parameter or as a port"
            found.append(document.problem(path, f"'{unknown}' is not declared{hint}"))
        if path[-1] != "initial":
            found += [
                document.problem(path, f"{n:g} is a naked number; name it as a parameter") for n in naked
            ]
    found += [
        document.problem(("ports", p), f"port '{p}' is read by no expression", at_key=True)
        for p in sorted(ports - read)
    ]
    found += [
        document.problem(("parameters", p), f"parameter '{p}' is read by no expression", at_key=True)
        for p in data["parameters"]
        if p not in read
    ]
    found += [
        document.problem(("ports", p), f"port '{p}' bears the name of something of this module", at_key=True)
        for p in sorted(ports & local)
    ]
    dynamic = {*data["states"], *data["assignments"]}
    for i, output in enumerate(data["outputs"]):
        if output not in dynamic:
            found.append(
                document.problem(
                    ("outputs", i), f"output '{output}' is no state or assignment{nearest(output, dynamic)}"
                )
            )
    for i, output in enumerate(data.get("population_only", [])):
        if output not in data["outputs"]:
            message = f"'{output}' is no output{nearest(output, data['outputs'])}"
            found.append(document.problem(("population_only", i), message))
    for i, edge in enumerate(data["edges"]):
        for key, allowed, what in (
            ("from", dynamic | ports, "port, state or assignment"),
            ("to", dynamic, "state or assignment"),
            ("strength", set(data["parameters"]), "parameter"),
        ):
            if edge[key] not in allowed:
                message = f"'{edge[key]}' is no {what} of this module{nearest(edge[key], allowed)}"
                found.append(document.problem(("edges", i, key), message))
    for block in ("states", "assignments", "ports"):
        for key, item in data[block].items():
            try:
                parse_unit(item["unit"])
            except UnitError as error:
                found.append(document.problem((block, key, "unit"), str(error)))
    return found
