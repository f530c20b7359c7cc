"""The blind second entry: values typed again from the source by someone who did not see the first.

In: `library/second_entry/*.csv` and the values that library files say their sources print (`reported`) for the numbers
that decide exposure and occupancy (`deciding`).  Out: one `Comparison` per printed value: 'agrees' within 1 % in the
same unit, 'differs', or 'missing' where it was not typed a second time.  A difference settled from the source keeps
what was found in the column `resolution`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from euthymia.compounds.compound import load_compound
from euthymia.compounds.deciding import shares
from euthymia.errors import InputError, Problem, UnitError
from euthymia.evidence.read import LIBRARY
from euthymia.units import parse_unit

FOLDER = LIBRARY / "second_entry"
COLUMNS = ("compound", "path", "cite", "number", "value", "unit", "place", "resolution")
CLOSE = 0.01


@dataclass(frozen=True, slots=True)
class Printed:
    """One value that a source prints for one number of the library.

    Attributes
    ----------
    compound, path, cite : str
        Library name, dotted path and bibliography key.
    number : int
        1, 2 ... where one source prints several values for the same number, in the order of the file.
    value : float
    unit : str
    resolution : str
        Only for second entries: how a difference was settled.
    """

    compound: str
    path: str
    cite: str
    number: int
    value: float
    unit: str
    resolution: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What must be equal in both entries."""
        return self.compound, self.path, self.cite, self.number

    def canonical(self) -> float:
        """The value in the canonical unit of its dimension.

        Raises
        ------
        UnitError
            The unit cannot be read.
        """
        return self.value * parse_unit(self.unit).factor


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both entries of one printed value; `status` is 'agrees', 'differs' or 'missing'."""

    first: Printed
    second: Printed | None
    status: str


def first_entries() -> Iterator[Printed]:
    """Every value that an opened source prints for a deciding number of a prominent compound."""
    seen: dict[tuple[str, str], None] = dict.fromkeys(
        (v.compound, v.path) for share in shares() for v in share.values if v.shown
    )
    for name, path in seen:
        parameter = load_compound(name).parameters.get(path)
        count: dict[str, int] = {}
        for evidence in parameter.evidence if parameter else ():
            if evidence.kind == "READ" and evidence.reported:
                count[evidence.cite] = count.get(evidence.cite, 0) + 1
                yield Printed(name, path, evidence.cite, count[evidence.cite], *evidence.reported)


def second_entries(folder: Path = FOLDER) -> list[Printed]:
    """The values typed a second time.

    Raises
    ------
    InputError
        Every row that lacks a column, has no number or no readable unit.
    """
    found: list[Printed] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                problems.append(Problem(f"lacks the columns {', '.join(missing)}", path.name, 1))
                continue
            for row in reader:
                try:
                    entry = Printed(
                        row["compound"],
                        row["path"],
                        row["cite"],
                        int(row["number"] or 1),
                        float(row["value"]),
                        row["unit"],
                        row["resolution"].strip(),
                    )
                    entry.canonical()
                except (ValueError, UnitError) as error:
                    problems.append(Problem(str(error), path.name, reader.line_num))
                else:
                    found.append(entry)
    if problems:
        raise InputError(problems)
    return found


def compare(first: Iterable[Printed], second: Iterable[Printed]) -> list[Comparison]:
    """Put both entries side by side.

    Raises
    ------
    InputError
        A second entry for which the library has no first one.

    >>> one = Printed("a", "CL", "x2001y", 1, 20.0, "L/h")
    >>> two = Printed("a", "CL", "x2001y", 1, 333.0, "mL/min")
    >>> compare([one], [two])[0].status
    'agrees'
    """
    typed = {entry.key: entry for entry in second}
    found = []
    for entry in first:
        other = typed.pop(entry.key, None)
        found.append(Comparison(entry, other, _status(entry, other)))
    if typed:
        raise InputError(
            [f"second entry of {' '.join(map(str, key))}: the library has no such value" for key in typed]
        )
    return found


def _status(first: Printed, second: Printed | None) -> str:
    if second is None:
        return "missing"
    if parse_unit(first.unit).dimension != parse_unit(second.unit).dimension:
        return "differs"
    a, b = first.canonical(), second.canonical()
    return "agrees" if abs(a - b) <= CLOSE * max(abs(a), abs(b)) else "differs"
