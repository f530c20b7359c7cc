"""The modeller's list: what `link` found, gathered into things to do, most telling first.

In: links, library, records.  Out: rows of (what to do, where, why), for the screen, the report and a CSV file.  Places
of one library file are one row: a person looks for a newer source per compound or module, not per number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from euthymia.evidence.review.library import Library
from euthymia.evidence.review.link import WEAK, Links
from euthymia.evidence.review.records import Record

KINDS = {
    "retracted": "Retracted papers",
    "read": "New papers on weakly supported mechanisms",
    "refresh": "Files whose newest source is older than ten years",
    "claim": "Claims without a paper",
    "unused": "Included papers that support nothing",
}


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    where : str
        Record, library file or claim.
    what : str
        Title of the paper, the places, or the claim's words.
    why : str
    """

    kind: str
    where: str
    what: str
    why: str


def todo(links: Links, library: Library, records: Mapping[str, Record]) -> list[Todo]:
    """Everything to do, kind by kind; within a kind the most places, or the newest papers, first."""
    rows = [
        Todo(
            "retracted", name, records[name].title, f"cited at {_some(places)}" if places else "cited nowhere"
        )
        for name, places in links.retracted
    ]
    papers: dict[str, list[tuple[str, list[str]]]] = {}
    for name, mechanism, places in links.to_read:
        papers.setdefault(name, []).append((mechanism, places))
    for name, found in papers.items():
        weak = {place for _, places in found for place in places}
        files = _files(weak)
        why = f"{', '.join(m for m, _ in found)}: {len(weak)} places of grade {' or '.join(WEAK)} in {', '.join(files)}"
        rows.append(Todo("read", name, _dated(records[name]), why))
    rows += _refresh(links, library)
    words = {claim.get("id", ""): claim for claim in library.claims}
    said = sorted(links.claims_without_paper, key=lambda c: _documented(words[c]))
    rows += [Todo("claim", f"claim {c}", words[c].get("claim", ""), _home(words[c])) for c in said]
    rows += [
        Todo("unused", name, _dated(records[name]), "no parameter, edge or claim cites it")
        for name in links.papers_for_nothing
        if name not in papers and records[name].status != "retracted"
    ]
    return rows


def _refresh(links: Links, library: Library) -> list[Todo]:
    grades = {place.id: place.grade for place in library.places}
    by_file: dict[str, list[tuple[str, int]]] = {}
    for place, year in links.old:
        by_file.setdefault(place.split(":", 1)[0], []).append(
            (place.split(":", 1)[1] or "(whole file)", year)
        )
    rows = []
    for file, places in sorted(by_file.items(), key=lambda item: (-len(item[1]), item[0])):
        weak = sum(grades[f"{file}:{'' if name == '(whole file)' else name}"] in WEAK for name, _ in places)
        years = [year for _, year in places]
        span = f"{min(years)}" if min(years) == max(years) else f"{min(years)} to {max(years)}"
        why = f"{len(places)} places with sources of {span}, {weak} of grade {' or '.join(WEAK)}"
        rows.append(Todo("refresh", file, _some([name for name, _ in places], 6), why))
    return rows


def _documented(claim: Mapping[str, str]) -> bool:
    return claim.get("state", "").startswith("documented")


def _home(claim: Mapping[str, str]) -> str:
    home = claim.get("home") or "no home in the library"
    return f"{home} ({claim['reason']})" if claim.get("reason") else home


def _dated(record: Record) -> str:
    return f"{record.title} ({record.year})" if record.year else record.title


def _files(places: Iterable[str]) -> list[str]:
    return sorted({place.split(":", 1)[0] for place in places})


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def as_text(rows: Sequence[Todo], most: int = 10) -> str:
    """The list for the screen, at most so many of each kind."""
    lines = []
    for kind, head in KINDS.items():
        chosen = [row for row in rows if row.kind == kind]
        lines.append(f"{head}: {len(chosen)}")
        lines += [f"  {row.where}  {_cut(row.what, 90)}\n      {_cut(row.why, 120)}" for row in chosen[:most]]
        if len(chosen) > most:
            lines.append(f"  ... and {len(chosen) - most} more (--out FILE.csv writes all)")
    return "\n".join(lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3].rstrip() + "..."


def as_csv(rows: Sequence[Todo]) -> str:
    """The list as CSV, one thing to do a row."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([f.name for f in fields(Todo)])
    writer.writerows(astuple(row) for row in rows)
    return buffer.getvalue()
