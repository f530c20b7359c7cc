"""References a run used, each with its reason, as text, BibTeX and CSL-JSON.

In: the run's sources (who was used for what) and its bibliographic records.  Out: one `Reference` per
citation key, sorted by key.  A key without a record stays in the list and says so: nothing is left out or made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TYPES = {
    "article-journal": "article",
    "article": "article",
    "book": "book",
    "chapter": "incollection",
    "paper-conference": "inproceedings",
    "thesis": "phdthesis",
    "report": "techreport",
}
FIELDS = (
    ("volume", "volume"),
    ("issue", "number"),
    ("page", "pages"),
    ("publisher", "publisher"),
    ("DOI", "doi"),
)
SPECIAL = {c: "\\" + c for c in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}


@dataclass(frozen=True, slots=True)
class Reference:
    """One source with everything it was used for.

    Parameters
    ----------
    cite : str
        The citation key.
    item : dict or None
        The CSL-JSON record; None where the run holds none.
    uses : tuple of dict
        The rows of `sources.json` that cite it: reason, what, basis, kind, grade.
    """

    cite: str
    item: Mapping[str, Any] | None
    uses: tuple[Mapping[str, Any], ...]

    @property
    def verified(self) -> bool:
        """Whether at least one use was checked against the opened source."""
        return any(str(u.get("kind", "")).upper() == "READ" for u in self.uses)

    @property
    def link(self) -> str:
        """Where a reader finds it: DOI, else PubMed, else the record's own address, else nothing."""
        item = self.item or {}
        if item.get("DOI"):
            return f"https://doi.org/{item['DOI']}"
        if str(item.get("PMID", "")).isdigit():
            return f"https://pubmed.ncbi.nlm.nih.gov/{item['PMID']}/"
        url = str(item.get("URL", ""))
        return url if url.startswith(("https://", "http://")) else ""

    @property
    def text(self) -> str:
        """The reference as a line of text."""
        return (
            reference_text(self.item) if self.item else f"{self.cite} (no bibliographic record in this run)"
        )

    def reasons(self) -> list[tuple[str, list[str]]]:
        """Each reason with the things it was given for, in the order of the run."""
        grouped: dict[str, list[str]] = {}
        for use in self.uses:
            things = grouped.setdefault(str(use.get("reason") or "used"), [])
            what = str(use.get("what") or "")
            if what and what not in things:
                things.append(what)
        return list(grouped.items())


def references(sources: Iterable[Mapping[str, Any]], bibliography: Mapping[str, Any]) -> list[Reference]:
    """One reference per citation key, sorted by key."""
    uses: dict[str, list[Mapping[str, Any]]] = {}
    for row in sources:
        if row.get("cite"):
            uses.setdefault(str(row["cite"]), []).append(row)
    return [Reference(cite, bibliography.get(cite), tuple(uses[cite])) for cite in sorted(uses)]


def reference_text(item: Mapping[str, Any]) -> str:
    """A record as one line: authors (year). Title. Journal volume(issue): pages. Identifier.

    >>> reference_text({"title": "On one", "author": [{"family": "Beta", "given": "Ann B"}], "page": "1-2",
    ...                 "issued": {"date-parts": [[2001]]}, "container-title": "J", "volume": "3"})
    'Beta AB (2001). On one. J 3: 1-2.'
    """
    names = [_short(a) for a in item.get("author", ())]
    who = ", ".join(names if len(names) <= 6 else [*names[:3], "et al."])
    when = _year(item)
    head = f"{who} ({when})" if who and when else who or (f"({when})" if when else "")
    volume = str(item.get("volume", ""))
    if item.get("issue"):
        volume += f"({item['issue']})"
    place = " ".join(p for p in (str(item.get("container-title", "")), volume) if p)
    if item.get("page"):
        place += f": {item['page']}"
    known = (
        [f"doi:{item['DOI']}"] if item.get("DOI") else [f"PMID {item['PMID']}"] if item.get("PMID") else []
    )
    title = str(item.get("title", "")).rstrip(".")
    parts = [head, title, place or str(item.get("publisher", "")), *known]
    return ". ".join(p for p in parts if p) + "."


def bibtex(reference: Reference) -> str:
    """The reference as a BibTeX entry; the reasons stand in its note.

    >>> print(bibtex(Reference("a1", {"id": "a1", "title": "A & B", "type": "book"}, ({"reason": "why"},))))
    @book{a1,
      title = {{A \\& B}},
      note = {Used for: why}
    }
    """
    item = reference.item or {}
    kind = TYPES.get(str(item.get("type", "")), "misc")
    rows = []
    authors = " and ".join(_full(a) for a in item.get("author", ()))
    if authors:
        rows.append(("author", authors))
    rows.append(("title", "{" + _tex(str(item.get("title", reference.cite))) + "}"))
    if _year(item):
        rows.append(("year", _year(item)))
    if item.get("container-title"):
        holder = "booktitle" if kind in ("incollection", "inproceedings") else "journal"
        rows.append((holder, _tex(str(item["container-title"]))))
    for csl, name in FIELDS:
        if item.get(csl):
            rows.append((name, _field(name, str(item[csl]))))
    if item.get("PMID"):
        rows.append(("pmid", str(item["PMID"])))
    if reference.link and not item.get("DOI"):
        rows.append(("url", reference.link))
    reasons = "; ".join(reason for reason, _ in reference.reasons())
    missing = "" if reference.item else "No bibliographic record in this run. "
    rows.append(("note", missing + "Used for: " + _tex(reasons)))
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in rows)
    return f"@{kind}{{{reference.cite},\n{body}\n}}"


def _field(name: str, value: str) -> str:
    if name == "doi":
        return value
    return re.sub(r"(?<=\d)[-–](?=\d)", "--", value) if name == "pages" else _tex(value)


def _year(item: Mapping[str, Any]) -> str:
    parts = (item.get("issued") or {}).get("date-parts") or [[]]
    return str(parts[0][0]) if parts[0] else ""


def _short(author: Mapping[str, str]) -> str:
    if author.get("literal"):
        return author["literal"]
    initials = "".join(p[0] for p in re.split(r"[\s.\-]+", author.get("given", "")) if p)
    return " ".join(p for p in (author.get("family", ""), initials) if p)


def _full(author: Mapping[str, str]) -> str:
    if author.get("literal"):
        return "{" + _tex(author["literal"]) + "}"
    return _tex(", ".join(p for p in (author.get("family", ""), author.get("given", "")) if p))


def _tex(text: str) -> str:
    return "".join(SPECIAL.get(c, c) for c in text)
