"""Rival mechanisms that can be switched where science disagrees.

In: `library/structures/<name>.yaml`.  Out: `Structure`s, and the choice of one option each, checked for conflict.

>>> chosen = choose({"ssri_delay": "downstream"})
>>> chosen["ssri_delay"].name
'downstream'
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.parameter import Evidence, Parameter, read_evidence, read_parameters
from euthymia.evidence.read import LIBRARY, Document, load

FOLDER = LIBRARY / "structures"


@dataclass(frozen=True, slots=True)
class Option:
    """One rival: the parameters it sets, the edges it keeps on, the module variants it uses."""

    name: str
    title: str
    weight: float
    set: dict[str, Parameter]
    on: tuple[str, ...]
    use: dict[str, str]
    excludes: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """A question on which science disagrees, with its options."""

    name: str
    title: str
    default: str
    options: dict[str, Option]
    claims: tuple[int, ...] = ()
    about: str = ""
    document: Document | None = field(default=None, compare=False, repr=False)


def structures() -> dict[str, Structure]:
    """All structures of the library.

    Raises
    ------
    InputError
        Every problem of their files.
    """
    return {s.name: s for s in (read_structure(p) for p in sorted(FOLDER.glob("*.yaml")))}


def read_structure(path: str | Path) -> Structure:
    """One structure from a file."""
    document = load(path, "structure")
    data = document.data
    if data["default"] not in data["options"]:
        message = f"'{data['default']}' is no option{nearest(data['default'], data['options'])}"
        raise InputError([document.problem(("default",), message)])
    options = {
        key: Option(
            name=key,
            title=o["title"],
            weight=float(o["weight"]),
            set=read_parameters(document, ("options", key, "set")),
            on=tuple(o.get("on", ())),
            use=dict(o.get("use", {})),
            excludes=tuple(o.get("excludes", ())),
            evidence=read_evidence(o["evidence"]),
        )
        for key, o in data["options"].items()
    }
    claims = tuple(data.get("claims", ()))
    return Structure(
        data["structure"], data["title"], data["default"], options, claims, data.get("about", ""), document
    )


def choose(wanted: Mapping[str, str]) -> dict[str, Option]:
    """One option of every structure: the wanted one, else the default.

    Raises
    ------
    InputError
        An unknown structure or option, or two options that exclude each other.
    """
    known = structures()
    problems = [
        Problem(f"no structure '{name}'{nearest(name, known)}", key="structures")
        for name in wanted
        if name not in known
    ]
    chosen: dict[str, Option] = {}
    for name, structure in known.items():
        option = wanted.get(name, structure.default)
        if option not in structure.options:
            allowed = nearest(option, structure.options) or f"; allowed: {', '.join(structure.options)}"
            problems.append(
                Problem(f"'{option}' is no option of '{name}'{allowed}", key=f"structures.{name}")
            )
        else:
            chosen[name] = structure.options[option]
    pairs = {f"{name}={picked.name}" for name, picked in chosen.items()}
    for name, picked in chosen.items():
        problems += [
            _conflict(known[name], picked, i, f"'{name}={picked.name}' conflicts with '{other}'")
            for i, other in enumerate(picked.excludes)
            if other in pairs
        ]
    if problems:
        raise InputError(problems)
    return chosen


def _conflict(structure: Structure, picked: Option, i: int, message: str) -> Problem:
    """The conflict of two options, at the line of the file that declares it."""
    key = f"structures.{structure.name}"
    if structure.document is None:
        return Problem(message, key=key)
    found = structure.document.problem(("options", picked.name, "excludes", i), message)
    return Problem(message, found.file, found.line, found.column, key)


def combinations(names: tuple[str, ...] | None = None) -> Iterator[tuple[dict[str, str], float]]:
    """Every compatible combination of options with its prior weight (weights sum to 1).

    Parameters
    ----------
    names : tuple of str, optional
        Structures to vary; the others stay at their default.
    """
    known = structures()
    vary = [known[n] for n in (names or tuple(known))]
    found: list[tuple[dict[str, str], float]] = []
    for picks in itertools.product(*(s.options.values() for s in vary)):
        wanted = {s.name: o.name for s, o in zip(vary, picks, strict=True)}
        try:
            choose(wanted)
        except InputError:
            continue
        weight = 1.0
        for option in picks:
            weight *= option.weight
        found.append((wanted, weight))
    total = sum(w for _, w in found)
    yield from ((wanted, weight / total) for wanted, weight in found)
