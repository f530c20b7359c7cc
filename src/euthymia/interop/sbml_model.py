"""An SBML model as plain data: what the file says, nothing computed.

All levels look the same here: defaults are filled in, functions inlined, local parameters renamed to
`<reaction>.<parameter>`, stoichiometry mathematics turned into assignment rules on the reference's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from euthymia.interop.sbml_math import Expr


@dataclass(frozen=True, slots=True)
class Compartment:
    """A compartment; `size` is None where the file gives none."""

    id: str
    size: float | None
    dimensions: float
    constant: bool


@dataclass(frozen=True, slots=True)
class Species:
    """A species; its symbol means an amount where `substance_only`, else a concentration."""

    id: str
    compartment: str
    amount: float | None
    concentration: float | None
    substance_only: bool
    boundary: bool
    constant: bool
    conversion: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A global parameter, or a local one under its renamed id."""

    id: str
    value: float | None
    constant: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A species taking part in a reaction; `id` is the name of its stoichiometry."""

    id: str
    species: str
    stoichiometry: float | None
    constant: bool


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction; `rate` is None without mathematics, which means that it does not run."""

    id: str
    reactants: tuple[Reference, ...]
    products: tuple[Reference, ...]
    rate: Expr | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event as SBML defines it; `assignments` are (symbol, expression)."""

    id: str
    trigger: Expr
    delay: Expr | None
    priority: Expr | None
    assignments: tuple[tuple[str, Expr], ...]
    persistent: bool
    initial: bool
    trigger_values: bool


@dataclass(frozen=True, slots=True)
class SbmlModel:
    """The model of one file, flattened.

    `assignment`, `rate` and `initial` map a symbol to its expression; `algebraic` are expressions that are zero.
    """

    file: str
    id: str
    compartments: Mapping[str, Compartment]
    species: Mapping[str, Species]
    parameters: Mapping[str, Parameter]
    references: Mapping[str, Reference]
    reactions: Mapping[str, Reaction]
    assignment: Mapping[str, Expr]
    rate: Mapping[str, Expr]
    initial: Mapping[str, Expr]
    algebraic: tuple[Expr, ...]
    events: tuple[Event, ...]
    conversion: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
