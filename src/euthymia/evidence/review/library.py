"""What the library cites: parameters, edges and claims, read generically from its YAML files.

In: the library folder.  Out: every place that holds an `evidence` list, with its citation keys, grade and module; the
bibliography; the review's claims.  Tolerant: a missing or half-written file is a problem in the list, not an error.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem
from euthymia.evidence.grade import grade
from euthymia.evidence.read import parse, read_text
from euthymia.evidence.review.formats import csl
from euthymia.evidence.review.records import Record

FOLDER = Path(__file__).resolve().parents[2] / "library"
NOT_DATA = {"schema", "reviews", "bibliography"}


@dataclass(frozen=True, slots=True)
class Place:
    """Something in the library that evidence supports.

    Parameters
    ----------
    id : str
        `<file>:<dotted path>`, as in `modules/hpa:parameters.k_on`.
    room, name : str
        Folder, and file name without its ending and variant: `modules`, `hpa` (also for `hpa.gupta.yaml`).
    cites, against : tuple of str
        Keys that support it, and keys that disagree.
    claims : tuple of str
        Ids of the review's claims it represents.
    grade : str
        A to D, computed from its evidence.
    """

    id: str
    room: str
    name: str
    cites: tuple[str, ...]
    against: tuple[str, ...]
    claims: tuple[str, ...]
    grade: str


@dataclass(slots=True)
class Library:
    """Places, bibliography (key to record), claims and what could not be read."""

    places: list[Place] = field(default_factory=list)
    bibliography: dict[str, Record] = field(default_factory=dict)
    claims: list[dict[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return tuple(
            str(v.get("cite") or v.get("id") or "") if isinstance(v, Mapping) else str(v) for v in value
        )
    return tuple(part.strip() for part in str(value).replace(";", ",").split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class _Said:
    """One piece of evidence as the grading rule wants it."""

    basis: str
    cite: str
    system: str
    kind: str


def _said(items: Any) -> list[_Said]:
    rows = (
        [i if isinstance(i, Mapping) else {"cite": str(i)} for i in items or []]
        if isinstance(items, list)
        else []
    )
    return [
        _Said(*(str(row.get(name) or "") for name in ("basis", "cite", "system", "kind"))) for row in rows
    ]


def _walk(
    node: Any, path: tuple[str, ...], claims: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], tuple[str, ...]]]:
    if isinstance(node, Mapping):
        own = (*claims, *_texts(node.get("claim")), *_texts(node.get("claims")))
        if isinstance(node.get("evidence"), list):
            yield path, node, own
        for key, value in node.items():
            if key != "evidence":
                yield from _walk(
                    value, (*path, str(key)), own if isinstance(node.get("evidence"), list) else claims
                )
    elif isinstance(node, list):
        for number, value in enumerate(node):
            name = _name(value, number)
            yield from _walk(value, (*path, name), claims)


def _name(value: Any, number: int) -> str:
    """How a list item is called in a path: its own name, an edge's two ends, else its number."""
    if not isinstance(value, Mapping):
        return str(number)
    if value.get("from") and value.get("to"):
        return f"{value['from']}->{value['to']}"
    return str(value.get("id") or value.get("name") or number)


def read_library(folder: Path = FOLDER) -> Library:
    """Read everything in the library that cites something."""
    library = Library()
    for path in sorted(folder.rglob("*.yaml")):
        inside = path.relative_to(folder)
        if inside.parts[0] in NOT_DATA or inside.name == "vocabulary.yaml":
            continue
        try:
            loaded = parse(read_text(path), str(inside)).data
        except InputError as error:
            library.problems += [
                replace(p, message=f"left out: {p.message}", file=str(inside)) for p in error.problems
            ]
            continue
        top = str(inside.with_suffix("").as_posix())
        for place, node, claims in _walk(loaded, (), ()):
            evidence = [e for e in node["evidence"] if isinstance(e, Mapping)]
            against = tuple(filter(None, _texts(node.get("against"))))
            cites = tuple(dict.fromkeys(str(e["cite"]) for e in evidence if e.get("cite")))
            library.places.append(
                Place(
                    f"{top}:{'.'.join(place)}",
                    inside.parts[0],
                    inside.stem.split(".")[0],
                    cites,
                    against,
                    tuple(dict.fromkeys(claims)),
                    grade(_said(evidence), _said(node.get("against"))),
                )
            )
    for path in [*sorted((folder / "bibliography").glob("*.json")), folder / "bibliography.json"]:
        if not path.exists():
            continue
        try:
            items = json.loads(path.read_text("utf-8"))
            library.bibliography |= {
                str(i["id"]): csl.record(i) for i in items if isinstance(i, dict) and i.get("id")
            }
        except (OSError, ValueError) as error:
            library.problems.append(Problem(f"left out: {error}", str(path.relative_to(folder))))
    claims_file = folder / "claims.csv"
    if claims_file.exists():
        with claims_file.open(newline="", encoding="utf-8") as handle:
            library.claims = [
                {str(k): v or "" for k, v in row.items() if k} for row in csv.DictReader(handle)
            ]
    else:
        library.problems.append(Problem("no claims.csv in the library: claims are left out", str(folder)))
    return library
