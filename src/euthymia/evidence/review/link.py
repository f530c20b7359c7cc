"""From paper to model: what the included papers support, what supports nothing, and what a modeller should look at.

In: included records with their tags, and the library.  Out: lists, computed afresh each time.  A paper is tied to a
citation key by DOI, PubMed id or title; a tag ties it to the mechanism's modules.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from euthymia.evidence.review.library import Library, Place
from euthymia.evidence.review.records import Record, title_key
from euthymia.evidence.review.vocabulary import Vocabulary

OLD = 10
WEAK = ("C", "D")


@dataclass(frozen=True, slots=True)
class Links:
    """What `link` found.

    Parameters
    ----------
    supports : dict
        Record id to the places that cite it.
    papers_for_nothing : list
        Included records that no place cites.
    old : list of (place, year)
        Places whose newest dated source is older than ten years.
    claims_without_paper : list
        Claims of the review that no cited place represents.
    to_read : list of (record, mechanism, places)
        Included papers not yet cited, on a mechanism whose module has places of grade C or D.
    retracted : list of (record, places)
        Retracted papers that the library cites, or that are included.
    """

    supports: dict[str, list[str]]
    papers_for_nothing: list[str]
    old: list[tuple[str, int]]
    claims_without_paper: list[str]
    to_read: list[tuple[str, str, list[str]]]
    retracted: list[tuple[str, list[str]]]
    places: int
    cited_places: int

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self)


def keys_of(records: Sequence[Record], bibliography: Mapping[str, Record]) -> dict[str, list[str]]:
    """Citation keys of each record, by DOI, PubMed id, or title with the same year."""
    by: dict[tuple[str, str], list[str]] = {}
    for key, entry in bibliography.items():
        for name in _names(entry):
            by.setdefault(name, []).append(key)
    return {
        r.record: list(dict.fromkeys(key for name in _names(r) for key in by.get(name, ()))) for r in records
    }


def _names(record: Record) -> list[tuple[str, str]]:
    names = [("doi", record.doi), ("pmid", record.pmid)]
    if len(title_key(record.title)) >= 20:
        names.append(("title", f"{title_key(record.title)}|{record.year}"))
    return [name for name in names if name[1]]


def _represented(claim: Mapping[str, str], places: Sequence[Place]) -> bool:
    return any(claim.get("id") in place.claims and place.cites for place in places)


def link(
    records: Sequence[Record],
    tags: Mapping[str, set[str]],
    library: Library,
    vocabulary: Vocabulary,
    today: datetime.date | None = None,
    others: Sequence[Record] = (),
) -> Links:
    """Tie included papers to the library.

    Parameters
    ----------
    records : sequence of Record
        Included papers.
    tags : dict
        Mechanisms of each record.
    library : Library
    vocabulary : Vocabulary
    today : datetime.date, optional
    others : sequence of Record
        Papers of the review that are not included: of these only the retracted ones that the library cites are listed.
    """
    year = (today or datetime.date.today()).year
    keys = keys_of(records, library.bibliography)
    by_key: dict[str, list[str]] = {}
    for place in library.places:
        for cite in (*place.cites, *place.against):
            by_key.setdefault(cite, []).append(place.id)
    supports = {
        name: sorted({p for key in found for p in by_key.get(key, ())}) for name, found in keys.items()
    }
    old = []
    for place in library.places:
        years = [
            library.bibliography[c].year
            for c in place.cites
            if c in library.bibliography and library.bibliography[c].year
        ]
        if years and year - max(years) > OLD:
            old.append((place.id, max(years)))
    weak: dict[str, list[str]] = {}
    for place in library.places:
        if place.grade in WEAK:
            weak.setdefault(place.name, []).append(place.id)
    to_read = []
    for record in records:
        if supports.get(record.record) or record.status == "retracted":
            continue
        for name in sorted(tags.get(record.record, ())):
            mechanism = vocabulary.mechanisms.get(name)
            places = [p for module in (mechanism.modules if mechanism else ()) for p in weak.get(module, ())]
            if places:
                to_read.append((record.record, name, places))
    years_of = {r.record: r.year for r in records}
    to_read.sort(key=lambda row: (-years_of[row[0]], row[0], row[1]))
    withdrawn = [(r.record, supports.get(r.record, [])) for r in records if r.status == "retracted"]
    gone = [r for r in others if r.status == "retracted" and r.record not in keys]
    for name, found in keys_of(gone, library.bibliography).items():
        places = sorted({p for key in found for p in by_key.get(key, ())})
        withdrawn += [(name, places)] if places else []
    scientific = [c for c in library.claims if c.get("type") in {"S", "Q", "N", ""} or "type" not in c]
    return Links(
        supports={name: places for name, places in supports.items() if places},
        papers_for_nothing=[name for name, places in supports.items() if not places],
        old=sorted(old, key=lambda row: (row[1], row[0])),
        claims_without_paper=[
            c["id"] for c in scientific if c.get("id") and not _represented(c, library.places)
        ],
        to_read=to_read,
        retracted=withdrawn,
        places=len(library.places),
        cited_places=sum(bool(p.cites) for p in library.places),
    )
