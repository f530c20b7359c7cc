"""Which numbers decide exposure and occupancy, and how many of them rest on a source that was opened.

In: `library/compounds/prominent.csv` (the compounds that matter most, with their primary targets).  Out: one `Share`
per compound.  A number decides when exposure or occupancy at a primary target follows from it: clearance, volumes,
free fraction, extraction, saturation, absorption and bioavailability by the usual route, shares of the clearance of
a tenth or more, inhibition of an enzyme that clears the drug itself, and potency at the primary targets; the same for
active metabolites and enantiomers.  A share below a tenth moves the level by less than 11 % when lost.  Numbers that
are conventions (a bioavailability of 1 folded into apparent clearance, a racemate being half of each) do not count.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from euthymia.compounds.binding import affinity_rows
from euthymia.compounds.compound import FOLDER, Compound, load_compound
from euthymia.errors import InputError, UnitError
from euthymia.evidence.parameter import Parameter
from euthymia.units import parse_unit

TABLE = FOLDER / "prominent.csv"
LEAST_SHARE = 0.1  # of the clearance
MOST_FOLD = 1.5  # between the stored value and the nearest value printed by an opened source
KINETICS = ("CL", "V", "Q2", "V2", "Q3", "V3", "extraction", "gut_extraction", "unbound")
OF_ROUTE = ("ka", "F", "lag", "swallowed", "ka_swallowed", "late", "ka_late", "duration")
OF_TARGET = ("EC50", "Ki", "maximum", "kinact", "turnover")


@dataclass(frozen=True, slots=True)
class Deciding:
    """One number that decides exposure or occupancy.

    Attributes
    ----------
    compound, path : str
        Library name and dotted path (`CL`, `targets.SLC6A4.EC50`); 'affinities.<GENE>' for the affinity table.
    shown : str
        The value with its unit; empty where a primary target has no potency at all.
    verified : bool
        Whether a source that was opened gives it (see `verified`).
    why : str
        'opened', 'recalled', 'assumed', 'disagrees' or 'missing'.
    """

    compound: str
    path: str
    shown: str
    verified: bool
    why: str


@dataclass(frozen=True, slots=True)
class Share:
    """The deciding numbers of one prominent compound with its metabolites."""

    compound: str
    listed_for: str
    values: tuple[Deciding, ...]

    @property
    def verified(self) -> int:
        """How many rest on a source that was opened."""
        return sum(v.verified for v in self.values)


@cache
def prominent() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """The prominent compounds: name -> (reason, genes of the primary targets).

    >>> prominent()["sertraline"][1]
    ('SLC6A4',)
    """
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return {row["compound"]: (row["why"], tuple(row["targets"].split())) for row in rows}


def shares() -> list[Share]:
    """The deciding numbers of every prominent compound.

    Raises
    ------
    InputError
        A listed compound is not in the library.
    """
    found = []
    for name, (why, genes) in prominent().items():
        values = {(v.compound, v.path): v for v in deciding(load_compound(name), genes)}
        found.append(Share(name, why, tuple(values.values())))
    return found


def deciding(compound: Compound, genes: tuple[str, ...]) -> Iterator[Deciding]:
    """Numbers that decide the exposure of a compound and its products, and their occupancy of some targets.

    Parameters
    ----------
    compound : Compound
    genes : tuple of str
        Gene symbols of the primary targets.
    """
    yield from _of_file(compound)
    bound = False
    for one in _family(compound):
        for gene in genes:
            potency = list(_of_target(one, gene))
            bound |= bool(potency)
            yield from potency
    if not bound:
        yield Deciding(compound.name, f"targets.{genes[0]}", "", False, "missing")
    for part in (*compound.metabolites, *compound.components):
        yield from deciding_of_part(part.compound)


def deciding_of_part(compound: Compound) -> Iterator[Deciding]:
    """Numbers that decide the exposure of an active product and of what it turns into."""
    yield from _of_file(compound)
    for part in (*compound.metabolites, *compound.components):
        yield from deciding_of_part(part.compound)


def _family(compound: Compound) -> Iterator[Compound]:
    yield compound
    for part in (*compound.metabolites, *compound.components):
        yield from _family(part.compound)


def _of_file(compound: Compound) -> Iterator[Deciding]:
    usual = compound.routes[0] if compound.routes and compound.status != "metabolite" else ""
    own = {e for e in compound.pathways if compound.value(f"pathways.{e}") >= LEAST_SHARE}
    for path, parameter in compound.parameters.items():
        head, *rest = path.split(".")
        decides = (
            path in KINETICS
            or (head == "pathways" and rest[0] in own)
            or (head in ("saturation", "inhibits") and rest[0] in own)
            or (head == "routes" and usual and rest[0].startswith(usual) and rest[-1] in OF_ROUTE)
            or head == "metabolites"
        )
        if decides and not convention(compound, path):
            whole = 0.0
            if path == "V":
                whole = sum(
                    compound.parameters[v].value for v in ("V", "V2", "V3") if v in compound.parameters
                )
            yield _judge(compound.name, path, parameter, whole)


def _of_target(compound: Compound, gene: str) -> Iterator[Deciding]:
    """The potency of one analyte at one gene, from its file or else from the affinity table."""
    base = f"targets.{gene}"
    of_file = [f"{base}.{name}" for name in OF_TARGET if f"{base}.{name}" in compound.parameters]
    for path in of_file:
        yield _judge(compound.name, path, compound.parameters[path])
    for row in () if of_file else affinity_rows(compound.name):
        if row["gene"] == gene:
            yield Deciding(
                compound.name, f"affinities.{gene}", f"{float(row['nM']):g} nmol/L", True, "opened"
            )


def convention(compound: Compound, path: str) -> bool:
    """Whether a number is 1 by the way the model is written, not by measurement.

    >>> convention(load_compound("sertraline"), "routes.oral.F")
    True
    """
    parameter = compound.parameters[path]
    if any(e.basis != "assumed" for e in parameter.evidence):
        return False
    head, *rest = path.split(".")
    if head == "components":
        return True
    one = parameter.value == 1.0 and (head == "metabolites" or rest[-1:] == ["F"])
    return one and (head == "metabolites" or bool(compound.data.get("apparent")) or rest[0] == "intravenous")


def verified(parameter: Parameter, whole: float = 0.0) -> str:
    """'opened' where a source that was opened gives the number, else why not.

    Where such sources print values of the same dimension, the stored value must lie between them, within a range
    that one of them prints, or within 1.5-fold of one of them.  A source that says which way, but not how much, does
    not count: then the size stands beside it as an assumption.  Sources often print the volume of the whole body
    where the model has several compartments; `whole`, in the unit of the parameter, may then agree instead.
    """
    opened = [e for e in parameter.evidence if e.kind == "READ"]
    if not opened or any(e.basis == "assumed" for e in parameter.evidence):
        recalled = any(e.cite for e in parameter.evidence)
        return "recalled" if recalled else "assumed"
    printed: list[float] = []
    ranges: list[tuple[float, float]] = []
    for evidence in opened:
        try:
            unit = parse_unit(evidence.reported[1]) if evidence.reported else None
        except UnitError as error:
            raise InputError([f"{parameter.id}: {error}"]) from None
        if evidence.reported and unit and unit.dimension == parameter.unit.dimension:
            printed.append(evidence.reported[0] * unit.factor)
            if evidence.between:
                ranges.append((evidence.between[0] * unit.factor, evidence.between[1] * unit.factor))
    unprinted = len(printed) < len(opened)
    values = [v for v in (parameter.value, whole) if v]
    near = not printed or any(min(printed) / MOST_FOLD <= v <= max(printed) * MOST_FOLD for v in values)
    within = any(low <= v <= high for low, high in ranges for v in values)
    return "opened" if near or within or unprinted else "disagrees"


def _judge(name: str, path: str, parameter: Parameter, whole: float = 0.0) -> Deciding:
    why = verified(parameter, whole)
    return Deciding(name, path, parameter.shown, why == "opened", why)
