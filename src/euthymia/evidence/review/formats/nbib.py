"""NBIB (MEDLINE): what PubMed's "send to citation manager" and "Format: PubMed" write."""

from __future__ import annotations

import re

from euthymia.errors import Problem
from euthymia.evidence.review.records import Record, clean_pmid, clean_year, identified

_TAG = re.compile(r"^([A-Z]{2,4})\s{0,2}- (.*)$")


def _record(entry: dict[str, list[str]]) -> Record:
    def first(tag: str) -> str:
        return (entry.get(tag) or [""])[0]

    kinds = [kind.lower() for kind in entry.get("PT", [])]
    ids = [value for value in entry.get("LID", []) + entry.get("AID", []) if "[doi]" in value]
    status = "ok"
    if "retracted publication" in kinds or entry.get("RIN"):
        status = "retracted"
    elif entry.get("EIN") or "corrected and republished article" in kinds:
        status = "corrected"
    return identified(
        Record(
            doi=ids[0] if ids else "",
            pmid=clean_pmid(first("PMID")),
            title=first("TI").rstrip("."),
            authors="; ".join(entry.get("FAU") or entry.get("AU") or []),
            year=clean_year(first("DP")),
            journal=first("JT") or first("TA"),
            type="review" if any("review" in k for k in kinds) else (kinds[0] if kinds else ""),
            language=first("LA"),
            access="open" if entry.get("PMC") else "",
            status=status,
            abstract=first("AB"),
            keywords="; ".join(entry.get("OT", []) + entry.get("MH", [])),
        )
    )


def read(text: str, name: str = "") -> tuple[list[Record], list[Problem]]:
    """Records of a MEDLINE text; each begins with its PMID.

    >>> read("PMID- 123\\nTI  - Mood\\n      and gut.\\nDP  - 2021 May\\n")[0][0].title
    'Mood and gut'
    """
    records: list[Record] = []
    problems: list[Problem] = []
    entry: dict[str, list[str]] = {}
    start, last = 0, ""

    def close() -> None:
        if not entry:
            return
        record = _record(entry)
        if record.title:
            records.append(record)
        else:
            problems.append(Problem("entry without a title (TI): left out", name, start))

    for number, line in enumerate(text.splitlines(), start=1):
        found = _TAG.match(line)
        if found:
            tag, value = found.group(1), found.group(2).strip()
            if tag == "PMID":
                close()
                entry, start = {}, number
            elif not entry:
                problems.append(Problem(f"'{tag}' stands before any PMID: left out", name, number))
                last = ""
                continue
            entry.setdefault(tag, []).append(value)
            last = tag
        elif line.startswith("      ") and entry and last:
            entry[last][-1] += " " + line.strip()
        elif line.strip():
            problems.append(Problem(f"not a MEDLINE line: {line[:50]!r}: left out", name, number))
    close()
    return records, problems
