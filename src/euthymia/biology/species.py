"""Species blocks: what differs between human, mouse and rat in the same network.

In: `library/species/<name>.yaml`.  Out: changed parameter values, readouts, scenarios, translation discounts.

>>> load_species("human").hypotheses
False
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from euthymia.biology.expressions import names, prefixed
from euthymia.engine.system import Assignment, Fragment
from euthymia.engine.system import Parameter as Constant
from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.parameter import Parameter, read_parameters
from euthymia.evidence.read import LIBRARY, load

FOLDER = LIBRARY / "species"


@dataclass(frozen=True)
class Species:
    """One species block; own constants are reachable in readouts as `<species>.<name>`."""

    name: str
    title: str
    hypotheses: bool
    parameters: dict[str, Parameter]
    changes: dict[str, Parameter]
    scale: tuple[tuple[tuple[str, ...], str], ...]
    readouts: dict[str, dict[str, Any]]
    scenarios: dict[str, dict[str, Any]]
    translation: dict[str, Parameter]
    about: str = ""

    def values(self, known: Mapping[str, Parameter]) -> dict[str, float]:
        """Network parameter values that differ from the module files."""
        found = {k: p.value for k, p in self.changes.items() if k in known}
        for patterns, by in self.scale:
            factor = self.parameters[by].value
            for key, parameter in known.items():
                if any(_matches(key, pattern) for pattern in patterns):
                    time = parameter.unit.dimension.exponents[0]
                    found[key] = found.get(key, parameter.value) * factor**time
        return found

    @cached_property
    def needs(self) -> set[str]:
        """Network names that the readouts read."""
        return {n for r in self.readouts.values() for n in names(r["expression"])} - set(self.parameters)

    @cached_property
    def fragment(self) -> Fragment:
        """Readouts as assignments `<species>.<name>`."""
        if not self.readouts:
            return Fragment()
        local = {*self.parameters, *self.readouts}
        used = {n for r in self.readouts.values() for n in names(r["expression"])}
        constants = {
            f"{self.name}.{k}": Constant(p.value, p.unit.dimension.canonical)
            for k, p in self.parameters.items()
            if k in used
        }
        assignments = {
            f"{self.name}.{k}": Assignment(prefixed(r["expression"], self.name, local), r["unit"])
            for k, r in self.readouts.items()
        }
        return Fragment(parameters=constants, assignments=assignments)


def _matches(key: str, pattern: str) -> bool:
    module, _, name = key.partition(".")
    wanted, _, start = pattern.partition(".")
    return wanted in ("*", module) and (name.startswith(start[:-1]) if start.endswith("*") else name == start)


def species_names() -> tuple[str, ...]:
    """Names of all species blocks."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.yaml")))


def load_species(name: str) -> Species:
    """A species block of the library.

    Raises
    ------
    InputError
        No such species, or every problem of its file.
    """
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise InputError([Problem(f"no species '{name}'{nearest(name, species_names())}", key="species")])
    document = load(path, "species")
    data = document.data
    return Species(
        name=data["species"],
        title=data["title"],
        hypotheses=bool(data.get("hypotheses", False)),
        parameters=read_parameters(document, ("parameters",)),
        changes=read_parameters(document, ("changes",)),
        scale=tuple((tuple(s["parameters"]), s["by"]) for s in data.get("scale", ())),
        readouts=dict(data.get("readouts", {})),
        scenarios=dict(data.get("scenarios", {})),
        translation=read_parameters(document, ("translation",)),
        about=data.get("about", ""),
    )
