"""RIS: tagged lines `TY  - JOUR` ... `ER  - `, the exchange format of reference managers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from euthymia.errors import Problem
from euthymia.evidence.review.records import Record, clean_pmid, clean_year, identified

_TAG = re.compile(r"^([A-Z][A-Z0-9])\s{1,2}-(?:\s(.*))?$")
_TYPES = {
    "JOUR": "journal article",
    "REVIEW": "review",
    "BOOK": "book",
    "CHAP": "chapter",
    "CPAPER": "conference",
    "CONF": "conference",
    "THES": "thesis",
    "GEN": "",
    "RPRT": "report",
    "EJOUR": "journal article",
}


def _first(entry: dict[str, list[str]], *tags: str) -> str:
    return next((entry[tag][0] for tag in tags if entry.get(tag)), "")


def _record(entry: dict[str, list[str]]) -> Record:
    pmid = ""
    if "pubmed" in " ".join(entry.get("DB", []) + entry.get("DP", [])).lower() or entry.get("C7"):
        pmid = clean_pmid(_first(entry, "AN", "C7"))
    for note in entry.get("AN", []) + entry.get("M1", []) + entry.get("N1", []) + entry.get("U1", []):
        found = re.search(r"pmid:?\s*(\d{1,9})", note, re.IGNORECASE)
        pmid = pmid or (found.group(1) if found else "")
    return identified(
        Record(
            doi=_first(entry, "DO", "M3"),
            pmid=pmid,
            title=_first(entry, "TI", "T1", "CT", "BT"),
            authors="; ".join(entry.get("AU", []) + entry.get("A1", [])),
            year=clean_year(_first(entry, "PY", "Y1", "DA")),
            journal=_first(entry, "JO", "JF", "T2", "JA", "J2"),
            type=_TYPES.get(_first(entry, "TY").upper(), _first(entry, "TY").lower()),
            language=_first(entry, "LA"),
            abstract=_first(entry, "AB", "N2"),
            keywords="; ".join(entry.get("KW", [])),
        )
    )


def read(text: str, name: str = "") -> tuple[list[Record], list[Problem]]:
    """Records of a RIS text; an entry without its end, its start or a title is named with its line.

    >>> read("TY  - JOUR\\nTI  - Ketamine\\nPY  - 2020\\nER  - \\n")[0][0].title
    'Ketamine'
    """
    records: list[Record] = []
    problems: list[Problem] = []
    entry: dict[str, list[str]] = {}
    start, last = 0, ""

    def close(line: int, why: str) -> None:
        nonlocal entry
        if why:
            problems.append(Problem(why, name, line))
        record = _record(entry)
        if record.title or record.doi or record.pmid:
            records.append(record)
        elif entry:
            problems.append(Problem("entry without title, DOI and PubMed id: left out", name, start))
        entry = {}

    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.rstrip()
        found = _TAG.match(line.lstrip("\ufeff"))
        if found is None:
            if not line.strip() or (not entry and re.fullmatch(r"\d+\.", line)):
                continue
            if entry and last:
                entry[last][-1] += " " + line.strip()
            else:
                problems.append(Problem(f"not a RIS line: {line[:50]!r}: left out", name, number))
            continue
        tag, value = found.group(1), (found.group(2) or "").strip()
        if tag == "TY":
            if entry:
                close(start, "entry has no 'ER' line; read up to the next entry")
            entry, start, last = {"TY": [value]}, number, "TY"
        elif tag == "ER":
            close(number, "" if entry else "'ER' without 'TY' before it")
            last = ""
        elif not entry:
            problems.append(
                Problem(f"'{tag}' stands outside of an entry ('TY' ... 'ER'): left out", name, number)
            )
            last = ""
        else:
            entry.setdefault(tag, []).append(value)
            last = tag
    if entry:
        close(
            start, "the last entry has no 'ER' line: the file may be cut off; it was read as far as it goes"
        )
    return records, problems


def write(records: Sequence[Record], labels: dict[str, int] | None = None) -> str:
    """RIS text; `labels` (1 included, 0 excluded) become the notes that ASReview reads."""
    lines: list[str] = []
    for r in records:
        pairs = [
            ("TY", "JOUR"),
            ("TI", r.title),
            *(("AU", a.strip()) for a in r.authors.split(";")),
            ("PY", str(r.year or "")),
            ("JO", r.journal),
            ("DO", r.doi),
            ("AN", r.pmid),
            ("DB", "PubMed" if r.pmid else ""),
            ("LA", r.language),
            ("AB", r.abstract),
            *(("KW", k.strip()) for k in r.keywords.split(";")),
        ]
        if labels and r.record in labels:
            pairs.append(("N1", "ASReview_relevant" if labels[r.record] else "ASReview_irrelevant"))
        elif labels is not None:
            pairs.append(("N1", "ASReview_not_seen"))
        lines += [f"{tag}  - {value}" for tag, value in pairs if value]
        lines += ["ER  - ", ""]
    return "\n".join(lines)
