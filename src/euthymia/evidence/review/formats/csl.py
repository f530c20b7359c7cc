"""CSL-JSON: the format of citation processors, and of the library's own bibliography."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from euthymia.errors import Problem
from euthymia.evidence.review.formats.bibtex import citation_key
from euthymia.evidence.review.records import Record, clean_year, identified


def _name(author: dict[str, Any]) -> str:
    family, given = author.get("family", ""), author.get("given", "")
    return f"{family}, {given}" if given else family or author.get("literal", "")


def record(item: dict[str, Any]) -> Record:
    """One CSL item as a record (its key is not kept: ids come from DOI, PubMed id or title)."""
    issued = item.get("issued") or {}
    parts = (issued.get("date-parts") or [[""]])[0] or [""]
    return identified(
        Record(
            doi=str(item.get("DOI") or ""),
            pmid=str(item.get("PMID") or ""),
            title=str(item.get("title") or ""),
            authors="; ".join(_name(a) for a in item.get("author") or [] if isinstance(a, dict)),
            year=clean_year(str(parts[0]) or str(issued.get("raw") or issued.get("literal") or "")),
            journal=str(item.get("container-title") or ""),
            type=str(item.get("type") or ""),
            language=str(item.get("language") or ""),
            abstract=str(item.get("abstract") or ""),
            keywords=str(item.get("keyword") or ""),
        )
    )


def read(text: str, name: str = "") -> tuple[list[Record], list[Problem]]:
    """Records of a CSL-JSON list.

    >>> read('[{"title": "Mood", "issued": {"date-parts": [[2020]]}}]')[0][0].year
    2020
    """
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        return [], [Problem(f"not JSON: {error.msg}", name, error.lineno, error.colno)]
    if isinstance(items, dict):
        items = items.get("items", [items])
    records, problems = [], []
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict) and item.get("title"):
            records.append(record(item))
        else:
            problems.append(Problem("item without a title: left out", name, key=f"[{number}]"))
    return records, problems


def item(r: Record, key: str) -> dict[str, Any]:
    """One record as a CSL item; empty fields are left out."""
    people = []
    for name in (a.strip() for a in r.authors.split(";")):
        if name:
            family, _, given = (part.strip() for part in name.partition(","))
            people.append({"family": family, **({"given": given} if given else {})})
    fields: dict[str, Any] = {
        "id": key,
        "type": "article-journal",
        "title": r.title,
        "author": people,
        "issued": {"date-parts": [[r.year]]} if r.year else None,
        "container-title": r.journal,
        "DOI": r.doi,
        "PMID": r.pmid,
        "language": r.language,
        "abstract": r.abstract,
    }
    return {name: value for name, value in fields.items() if value}


def write(records: Sequence[Record], labels: dict[str, int] | None = None) -> str:
    """CSL-JSON text, sorted by key."""
    taken: set[str] = set()
    items = sorted((item(r, citation_key(r, taken)) for r in records), key=lambda i: i["id"])
    return json.dumps(items, indent=1, ensure_ascii=False) + "\n"
