"""A number with its unit, spread and who says so.

A `Parameter` is read from a library record; inside, its value is in the canonical unit of its dimension.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from euthymia.errors import InputError, Problem, UnitError
from euthymia.evidence.grade import grade
from euthymia.evidence.read import Document, Path_
from euthymia.units import Unit, parse_unit


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement by one source about one number or edge."""

    basis: str
    cite: str = ""
    where: str = ""
    system: str = "none"
    kind: str = "RECALLED"
    says: str = ""
    n: int = 0
    reported: tuple[float, str] | None = None
    between: tuple[float, float] | None = None  # the range printed, in the unit of `reported`


@dataclass(frozen=True, slots=True)
class Spread:
    """How a value varies: `kind` and its size on that scale (`sd` of the log for lognormal).

    `low` and `high` bound the value; for 'uniform' they are its ends (canonical units).
    """

    kind: str = "fixed"
    sd: float = 0.0
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class Parameter:
    """A cited number in the canonical unit of its dimension."""

    id: str
    value: float
    unit: Unit
    title: str = ""
    spread: Spread = Spread()
    uncertainty: Spread = Spread()
    evidence: tuple[Evidence, ...] = ()
    against: tuple[Evidence, ...] = ()

    @property
    def grade(self) -> str:
        """A to D, computed from the evidence."""
        return grade(self.evidence, self.against)

    @property
    def shown(self) -> str:
        """The value as written, for example '31 L/h'."""
        return f"{self.value / self.unit.factor:g} {self.unit.text}"


def read_evidence(records: list[dict]) -> tuple[Evidence, ...]:
    """Evidence objects from plain records of a checked document."""
    return tuple(
        Evidence(
            basis=r["basis"],
            cite=r.get("cite", ""),
            where=r.get("where", ""),
            system=r.get("system", "none"),
            kind=r.get("kind", "RECALLED"),
            says=r.get("says", ""),
            n=r.get("n", 0),
            reported=(float(r["reported"]["value"]), r["reported"]["unit"]) if "reported" in r else None,
            between=_between(r.get("reported", {})),
        )
        for r in records
    )


def _between(reported: dict) -> tuple[float, float] | None:
    return (float(reported["low"]), float(reported["high"])) if {"low", "high"} <= set(reported) else None


def _spread(record: dict | None, factor: float) -> Spread:
    if not record:
        return Spread()
    low, high = (
        float(record[k]) * factor if k in record else s * math.inf for k, s in (("low", -1), ("high", 1))
    )
    if "log_sd" in record:
        sd = float(record["log_sd"])
    elif "log10_sd" in record:
        sd = float(record["log10_sd"]) * math.log(10)
    elif "cv" in record:
        cv = float(record["cv"])
        sd = math.sqrt(math.log1p(cv * cv)) if record["kind"] == "lognormal" else cv
    else:
        sd = float(record.get("sd", 0.0)) * (
            1.0 if record["kind"] in ("lognormal", "logitnormal") else factor
        )
    return Spread(record["kind"], sd, low, high)


def read_parameter(document: Document, path: Path_, id: str) -> Parameter:
    """One parameter record of a checked document.

    Raises
    ------
    InputError
        The unit cannot be read or the value lies outside its own bounds.
    """
    record = document.data
    for key in path:
        record = record[key]
    try:
        unit = parse_unit(record["unit"])
    except UnitError as error:
        raise InputError([document.problem((*path, "unit"), str(error))]) from None
    value = float(record["value"]) * unit.factor
    spread = _spread(record.get("spread"), unit.factor)
    if not spread.low <= value <= spread.high:
        raise InputError(
            [document.problem((*path, "value"), f"{record['value']} lies outside its own spread bounds")]
        )
    return Parameter(
        id=id,
        value=value,
        unit=unit,
        title=record.get("title", ""),
        spread=spread,
        uncertainty=_spread(record.get("uncertainty"), unit.factor),
        evidence=read_evidence(record["evidence"]),
        against=read_evidence(record.get("against", [])),
    )


def read_parameters(document: Document, path: Path_, prefix: str = "") -> dict[str, Parameter]:
    """All parameter records below `path`, keyed by `prefix` + their own id.

    Raises
    ------
    InputError
        Every problem found among them.
    """
    record = document.data
    for key in path:
        record = record.get(key, {})
    found: dict[str, Parameter] = {}
    problems: list[Problem] = []
    for key in record:
        try:
            found[prefix + key] = read_parameter(document, (*path, key), prefix + key)
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return found


def parameter_records(data: object, path: Path_ = ()) -> Iterator[tuple[Path_, dict]]:
    """Every parameter record (a block with value, unit and evidence) anywhere in a document."""
    if isinstance(data, dict):
        if {"value", "unit"} <= set(data) and path and path[-1] != "reported":
            yield path, data
            return
        for key, value in data.items():
            yield from parameter_records(value, (*path, key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from parameter_records(value, (*path, i))
