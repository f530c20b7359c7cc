"""Drugs together: enzymes changed by co-medication, and warnings that no kinetics can show.

In: names of drugs.  Out: which of them are simulated, what the others leave of each enzyme
(`library/interactions/perpetrators.yaml`), and warnings such as serotonin toxicity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from euthymia.compounds.compound import Compound, _index, analytes, load_compound
from euthymia.errors import InputError, nearest
from euthymia.evidence.parameter import Parameter, read_parameter
from euthymia.evidence.read import LIBRARY, load


@dataclass(frozen=True, slots=True)
class Perpetrator:
    """A drug that changes enzymes and is not simulated itself.

    Attributes
    ----------
    enzymes : mapping of enzyme to Parameter
        What it leaves of each ('CYP3A4'), or makes of it where it induces; 'gut' is CYP3A4 of the gut wall alone.
    daily : float
        mg a day that these numbers stand for; 0 where not stated.
    """

    name: str
    title: str
    enzymes: dict[str, Parameter]
    daily: float = 0.0

    def at_dose(self, daily: float) -> Perpetrator:
        """The same drug at another daily dose (mg).

        Inhibition follows the level: 1/left - 1 in proportion to the dose.  Induction is near its most at usual
        doses and is kept.  Without a dose on either side nothing changes.
        """
        if not daily or not self.daily or daily == self.daily:
            return self
        scale = daily / self.daily
        return replace(
            self,
            enzymes={
                e: p
                if p.value >= 1 or p.value <= 0
                else replace(p, value=1 / (1 + scale * (1 / p.value - 1)))
                for e, p in self.enzymes.items()
            },
        )


@cache
def perpetrators() -> dict[str, Perpetrator]:
    """All of `library/interactions/perpetrators.yaml`, by name and synonym."""
    document = load(LIBRARY / "interactions" / "perpetrators.yaml", "perpetrators")
    found: dict[str, Perpetrator] = {}
    for name, record in document.data["perpetrators"].items():
        enzymes = {
            e: read_parameter(document, ("perpetrators", name, "enzymes", e), f"{name}.{e}")
            for e in record["enzymes"]
        }
        daily = 0.0
        if "daily" in record:
            daily = read_parameter(document, ("perpetrators", name, "daily"), f"{name}.daily").value
        entry = Perpetrator(name, record["title"], enzymes, daily)
        for spelling in (name, *record.get("synonyms", ())):
            found[spelling.lower()] = entry
    return found


def find(name: str, as_inhibitor: bool = True) -> Compound | Perpetrator:
    """A co-medication: a perpetrator of fixed strength, or a compound of the library.

    Raises
    ------
    InputError
        Neither of them; the nearest name is offered.
    """
    plain = " ".join(name.lower().split())
    for spelling in (plain, plain.replace(" ", "-"), plain.replace(".", "").replace("’", "'")):
        if as_inhibitor and spelling in perpetrators():
            return perpetrators()[spelling]
    index = _index()
    if plain in index or plain.replace(" ", "-") in index or plain.replace("_", "-") in index:
        return load_compound(plain)
    known = [*index, *perpetrators()]
    raise InputError(
        [f"'{name}' is not in the library, so its interactions are unknown (not none){nearest(plain, known)}"]
    )


def enzyme_factors(found: Iterable[Perpetrator]) -> dict[str, float]:
    """What several perpetrators of fixed strength leave of each enzyme: their factors multiply."""
    left: dict[str, float] = {}
    for entry in found:
        for enzyme, parameter in entry.enzymes.items():
            left[enzyme] = left.get(enzyme, 1.0) * parameter.value
    return left


def changes_enzymes(compound: Compound) -> tuple[str, ...]:
    """Enzymes that a compound or its products inhibit or induce in the library."""
    found: dict[str, None] = {}
    for part in analytes(compound).values():
        found.update(dict.fromkeys([*part.data.get("inhibits", {}), *part.data.get("induces", {})]))
    return tuple(found)


def _flags(compound: Compound | Perpetrator) -> set[str]:
    if isinstance(compound, Perpetrator):
        return set()
    return {flag for part in (compound, *analytes(compound).values()) for flag in part.data.get("flags", ())}


def warnings(drugs: Sequence[Compound | Perpetrator]) -> list[str]:
    """Dangers and gaps of a combination, in words."""
    said: list[str] = []
    flags = {d.name: _flags(d) for d in drugs}
    for maoi in [n for n, f in flags.items() if "irreversible_maoi" in f]:
        for other in [n for n, f in flags.items() if "serotonergic" in f and n != maoi]:
            said.append(
                f"{maoi} with {other}: contraindicated, serotonin toxicity; the enzyme returns with a half-life "
                "of about 12 days, so the danger outlasts the last dose by two weeks"
            )
    for maoi in [n for n, f in flags.items() if "reversible_maoi" in f]:
        for other in [n for n, f in flags.items() if "serotonergic" in f and n != maoi]:
            said.append(f"{maoi} with {other}: risk of serotonin toxicity")
    serotonergic = [n for n, f in flags.items() if "serotonergic" in f]
    if len(serotonergic) > 1 and not any("maoi" in flag for f in flags.values() for flag in f):
        said.append(f"{' with '.join(serotonergic)}: serotonergic effects add")
    for kind, text in (("opioid", "opioid effects add"), ("qt", "both prolong the QT interval")):
        with_flag = [n for n, f in flags.items() if kind in f]
        if len(with_flag) > 1:
            said.append(f"{' with '.join(with_flag)}: {text}")
    for drug in drugs:
        if isinstance(drug, Compound) and drug.has_kinetics and not drug.pathways and not drug.components:
            said.append(
                f"{drug.name}: the enzymes that clear it are not known here, so no change can be computed"
            )
        if isinstance(drug, Compound) and not changes_enzymes(drug):
            said.append(
                f"{drug.name}: no data on inhibition of enzymes by it; that is a gap, not a proof of none"
            )
    return said
