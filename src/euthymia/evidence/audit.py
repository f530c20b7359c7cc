"""What in the library or the code lacks a source, a unit or a name.

Checks every library file: schema, units, citations that resolve, assumptions that state a reason, printed values
that agree with stored ones, numbers without a name in expressions; and the domain code for numbers without a name.
Nothing is executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem, UnitError, nearest
from euthymia.evidence.bibliography import bibliography
from euthymia.evidence.parameter import parameter_records
from euthymia.evidence.read import LIBRARY, Document, Path_, load, walk
from euthymia.units import parse_unit

KINDS = {
    "compounds": "compound",
    "modules": "module",
    "structures": "structure",
    "species": "species",
    "populations": "population",
    "ancestries": "ancestry",
    "interventions": "intervention",
    "trials": "trial",
    "outcomes": "outcomes",
    "protocols": "protocol",
    "genotype": "enzymes",
    "interactions": "perpetrators",
    "facts": "facts",
}
DOMAIN_CODE = ("compounds", "biology", "patients", "protocol", "outcomes")
EXACT = {0, 1, 2, -1, 0.5, 3, 4, 5, 6, 7, 8, 9, 10, 12, 24, 60, 100, 168, 1000}
LAYOUT_CODE = "_page"  # files that draw: their numbers are pixels
EXPRESSION_KEYS = ("rate", "expression")
CLOSE = 0.01


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit looked at and what it found."""

    problems: tuple[Problem, ...]
    files: int
    parameters: int
    edges: int
    grades: dict[str, int]
    opened: int


def library_files(folder: Path = LIBRARY) -> list[tuple[Path, str]]:
    """Every library data file with the kind whose schema it must fit."""
    return [(p, kind) for name, kind in KINDS.items() for p in sorted((folder / name).glob("*.yaml"))]


def kind_of(path: Path) -> str:
    """The kind of a file, from its folder or from the first key it has; '' if unknown."""
    if path.parent.name in KINDS:
        return KINDS[path.parent.name]
    text = path.read_text("utf-8", errors="replace") if path.is_file() else ""
    first = re.search(r"^(\w+):", text, re.MULTILINE)
    kinds = {"euthymia": "protocol", **{k: k for k in KINDS.values()}}
    found = kinds.get(first.group(1), "") if first else ""
    keys = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    return found or ("protocol" if "euthymia" in keys else "trial" if {"arms", "year"} <= keys else "")


def audit() -> Audit:
    """Look at the whole library and at the domain code."""
    from euthymia.evidence.grade import grade
    from euthymia.evidence.parameter import read_evidence

    problems: list[Problem] = []
    grades = dict.fromkeys("ABCD", 0)
    parameters = edges = opened = files = 0
    used: set[str] = set()
    for path, kind in library_files():
        files += 1
        try:
            document = load(path, kind)
        except InputError as error:
            problems.extend(error.problems)
            continue
        problems.extend(audit_document(document))
        for place, record in walk(document.data):
            if isinstance(record, dict) and "cite" in record and record.get("kind") == "READ":
                used.add(str(record["cite"]))
            if not isinstance(record, dict) or not isinstance(record.get("evidence"), list):
                continue
            evidence = read_evidence(record["evidence"])
            grades[grade(evidence, read_evidence(record.get("against", [])))] += 1
            opened += any(e.kind == "READ" for e in evidence)
            edges += "edges" in place
            parameters += "value" in record
    try:
        problems.extend(_bibliography(used))
    except InputError as error:
        problems.extend(error.problems)
    problems.extend(p for room in DOMAIN_CODE for p in naked_numbers(LIBRARY.parent / room))
    return Audit(tuple(problems), files, parameters, edges, grades, opened)


def audit_document(document: Document) -> Iterator[Problem]:
    """Faults of sources, units and numbers in one document that fits its schema."""
    known = bibliography()
    for path, value in walk(document.data):
        if path and path[-1] == "cite" and isinstance(value, str) and value not in known:
            yield document.problem(path, f"'{value}' is not in the bibliography{nearest(value, known)}")
        if path and path[-1] in EXPRESSION_KEYS and isinstance(value, str):
            yield from _expression(document, path, value)
    for path, record in parameter_records(document.data):
        yield from _parameter(document, path, record)


def _parameter(document: Document, path: Path_, record: dict[str, Any]) -> Iterator[Problem]:
    if not record.get("evidence"):
        yield document.problem(
            path, "has no evidence; cite a source or declare 'basis: assumed' with a reason"
        )
        return
    try:
        unit = parse_unit(record["unit"])
    except UnitError as error:
        yield document.problem((*path, "unit"), str(error))
        return
    for i, evidence in enumerate(record["evidence"]):
        reported = evidence.get("reported")
        if not reported:
            continue
        place = (*path, "evidence", i, "reported")
        try:
            printed = parse_unit(reported["unit"])
        except UnitError as error:
            yield document.problem(place, str(error))
            continue
        if printed.dimension != unit.dimension:
            continue  # a derived value: the derivation is in `says`
        if evidence["basis"] == "measured" and len(record["evidence"]) == 1:
            stored, seen = record["value"] * unit.factor, reported["value"] * printed.factor
            if abs(stored - seen) > CLOSE * max(abs(stored), abs(seen)):
                yield document.problem(
                    place,
                    f"prints {reported['value']} {reported['unit']}, but {record['value']} {record['unit']} is stored",
                )


_NUMBER = re.compile(r"(?<![\w.])(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)(\s*\[[^\]]+\])?")


def _expression(document: Document, path: Path_, text: str) -> Iterator[Problem]:
    for number, unit in _NUMBER.findall(text):
        if not unit and float(number) not in (0.0, 1.0, 2.0):
            yield document.problem(
                path, f"the number {number} in '{text[:60]}' has no name; make it a parameter with a source"
            )


def _bibliography(opened: set[str]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for key, entry in bibliography().items():
        name = "bibliography"
        found = {"title", "DOI", "PMID", "URL"} & set(entry) or {"container-title", "volume"} <= set(entry)
        if not found and key in opened:
            yield Problem(
                "was opened, so it needs a title, a DOI, a PMID or journal and volume", name, key=key
            )
        doi = str(entry.get("DOI", "")).lower()
        if doi and not re.fullmatch(r"10\.\d{4,9}/\S+", doi):
            yield Problem(f"'{doi}' is not a DOI (10.xxxx/...)", name, key=key)
        if doi and seen.setdefault(doi, key) != key:
            yield Problem(f"has the same DOI as {seen[doi]}", name, key=key)


def naked_numbers(folder: Path) -> Iterator[Problem]:
    """Numeric literals in code that stand neither in a named constant nor among the exact ones."""
    for path in sorted(folder.rglob("*.py")):
        if path.stem.endswith(LAYOUT_CODE):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        named = {id(n) for node in ast.walk(tree) if _names_a_constant(node) for n in ast.walk(node)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or isinstance(node.value, bool) or id(node) in named:
                continue
            if (
                isinstance(node.value, int | float)
                and abs(node.value) not in EXACT
                and not _tolerance(node.value)
            ):
                place = str(path.relative_to(LIBRARY.parent))
                yield Problem(
                    f"the number {node.value} has no name; make it a constant or a library parameter",
                    place,
                    node.lineno,
                    node.col_offset + 1,
                )


def _names_a_constant(node: ast.AST) -> bool:
    """An assignment to UPPER_CASE names, a default that a field or argument names, or a named argument."""
    if isinstance(node, ast.Assign):
        targets = [
            t for target in node.targets for t in (target.elts if isinstance(target, ast.Tuple) else [target])
        ]
        return all(isinstance(t, ast.Name) and t.id.strip("_").isupper() for t in targets)
    return isinstance(node, ast.AnnAssign | ast.arguments | ast.keyword)


def _tolerance(value: float) -> bool:
    """Small numbers that guard rounding, and large ones that stand for no limit."""
    return 0 < abs(value) <= 1e-6 or abs(value) >= 1e6
