"""The bibliography: CSL-JSON entries by citation key, as text and BibTeX."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from euthymia.errors import InputError, Problem
from euthymia.evidence.read import LIBRARY

Entry = dict[str, Any]


@cache
def bibliography() -> dict[str, Entry]:
    """All entries of `library/bibliography/*.json` by key.

    Raises
    ------
    InputError
        A broken file or a key that stands twice.
    """
    entries: dict[str, Entry] = {}
    problems = []
    for path in sorted((LIBRARY / "bibliography").glob("*.json")):
        name = str(path.relative_to(LIBRARY))
        try:
            found = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            problems.append(Problem(f"not JSON: {error}", name))
            continue
        for entry in found:
            if entries.get(entry["id"], entry) != entry:
                problems.append(Problem(f"'{entry['id']}' stands twice with different content", name))
            entries[entry["id"]] = entry
    if problems:
        raise InputError(problems)
    return dict(sorted(entries.items()))


def year(entry: Entry) -> str:
    """The year of publication, or 'n.d.'."""
    parts = entry.get("issued", {}).get("date-parts", [[None]])
    return str(parts[0][0] or "n.d.")


def as_text(entry: Entry) -> str:
    """One reference as a line of text.

    >>> as_text({"id": "x", "title": "T", "author": [{"family": "Meyer", "given": "JH"}],
    ...          "issued": {"date-parts": [[2004]]}, "container-title": "J", "PMID": "1"})
    'Meyer JH (2004). T. J. PMID 1.'
    """
    names = [
        " ".join(filter(None, (a.get("family") or a.get("literal"), a.get("given"))))
        for a in entry.get("author", [])
    ]
    who = ", ".join(names[:6]) + (" et al." if len(names) > 6 else "")
    parts = [f"{who} ({year(entry)})" if who else f"({year(entry)})", entry.get("title", "").rstrip(".")]
    place = entry.get("container-title") or entry.get("publisher") or ""
    place += f" {entry['volume']}" if "volume" in entry else ""
    place += f":{entry['page']}" if "page" in entry else ""
    ids = [f"{k} {entry[k]}" for k in ("DOI", "PMID", "ISBN") if k in entry] + [
        entry[k] for k in ("URL",) if k in entry
    ]
    return ". ".join(p for p in (*parts, place.strip(), *ids) if p) + "."


def as_bibtex(entry: Entry) -> str:
    """One reference as BibTeX."""
    kind = {"article-journal": "article", "book": "book", "chapter": "incollection"}.get(
        entry.get("type", ""), "misc"
    )
    authors = " and ".join(
        ", ".join(filter(None, (a.get("family") or a.get("literal"), a.get("given"))))
        for a in entry.get("author", [])
    )
    fields = {
        "author": authors,
        "title": "{" + entry.get("title", "") + "}",
        "journal" if kind == "article" else "howpublished": entry.get("container-title")
        or entry.get("publisher", ""),
        "year": year(entry),
        "volume": entry.get("volume", ""),
        "pages": entry.get("page", ""),
        "doi": entry.get("DOI", ""),
        "pmid": entry.get("PMID", ""),
        "url": entry.get("URL", ""),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value and value != "{}"]
    return "\n".join([f"@{kind}{{{entry['id']},", *lines, "}"])


def entries_for(keys: Iterable[str]) -> list[Entry]:
    """The entries of the given keys, sorted by key; unknown keys are left out."""
    known = bibliography()
    return [known[k] for k in sorted(set(keys)) if k in known]
