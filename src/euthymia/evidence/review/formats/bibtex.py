"""BibTeX: `@article{key, title = {...}, ...}`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from euthymia.errors import Problem
from euthymia.evidence.review.records import Record, clean_year, first_family, identified, title_key

_START = re.compile(r"@\s*(\w+)\s*[{(]", re.ASCII)
_ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "c": "\u0327",
    "v": "\u030c",
}
_LETTERS = {r"\ss": "ß", r"\o": "ø", r"\O": "Ø", r"\l": "ł", r"\L": "Ł", r"\ae": "æ", r"\aa": "å", r"\i": "i"}


def _plain(value: str) -> str:
    """A BibTeX value as text: accents composed, braces and escapes removed."""

    def accent(found: re.Match[str]) -> str:
        return unicodedata.normalize("NFC", found.group(2) + _ACCENTS[found.group(1)])

    value = re.sub(r"\\(['`^\"~cv])\s*\{?\\?([A-Za-z])\}?", accent, value)
    for code, letter in _LETTERS.items():
        value = re.sub(re.escape(code) + r"(?![A-Za-z])\s?", letter, value)
    value = re.sub(r"\\([&%$#_{}])", r"\1", value.replace("---", "-").replace("--", "-"))
    return " ".join(value.replace("{", "").replace("}", "").replace("~", " ").split())


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins at `at`: braces, quotes or a bare word, joined by `#`; raises IndexError when cut off."""
    if text[at] in '{"':
        close, depth, start = ("}" if text[at] == "{" else '"'), 0, at + 1
        at += 1
        while depth or text[at] != close:
            if text[at] == "\\":
                at += 1
            elif text[at] in "{}":
                depth += 1 if text[at] == "{" else -1
            at += 1
        return text[start:at], at + 1
    found = re.compile(r"[^\s,#})]+").match(text, at)
    return (found.group(0), found.end()) if found else ("", at)


def _entry(text: str, at: int) -> tuple[dict[str, str], int]:
    """Fields of the entry whose opening brace ends at `at`."""
    fields: dict[str, str] = {}
    at = text.index(",", at) + 1
    while True:
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] in "})":
            return fields, at + 1
        equals = text.index("=", at)
        name = text[at:equals].strip().lower()
        if not re.fullmatch(r"[\w-]+", name):
            raise ValueError(name)
        at, parts = equals + 1, []
        while True:
            while text[at] in " \t\r\n#":
                at += 1
            part, at = _value(text, at)
            parts.append(part)
            while text[at] in " \t\r\n":
                at += 1
            if text[at] != "#":
                break
        fields[name] = _plain("".join(parts))


def read(text: str, name: str = "") -> tuple[list[Record], list[Problem]]:
    """Records of a BibTeX text; a broken entry is named with its line and the next one is read.

    >>> read("@article{a, title = {The {BDNF} story}, year = 2020, author = {Doe, J and Roe, R}}")[0][0].authors
    'Doe, J; Roe, R'
    """
    records: list[Record] = []
    problems: list[Problem] = []
    at = 0
    while found := _START.search(text, at):
        at = found.end()
        if found.group(1).lower() in {"comment", "preamble", "string"}:
            continue
        line = text.count("\n", 0, found.start()) + 1
        try:
            fields, end = _entry(text, at)
        except (IndexError, ValueError):
            problems.append(
                Problem("entry is broken (a brace, quote or comma is missing): left out", name, line)
            )
            continue
        if "\n@" in text[at:end] and (nested := _START.search(text, at, end)):
            problems.append(Problem("entry is not closed before the next one: left out", name, line))
            at = nested.start()
            continue
        at = end
        if not fields.get("title"):
            problems.append(Problem("entry without a title: left out", name, line))
            continue
        records.append(
            identified(
                Record(
                    doi=fields.get("doi", ""),
                    pmid=fields.get("pmid", ""),
                    title=fields["title"],
                    authors="; ".join(re.split(r"\s+and\s+", fields.get("author", ""))),
                    year=clean_year(fields.get("year") or fields.get("date", "")),
                    journal=fields.get("journal") or fields.get("journaltitle", ""),
                    type=found.group(1).lower(),
                    language=fields.get("language", ""),
                    abstract=fields.get("abstract", ""),
                    keywords=fields.get("keywords", ""),
                )
            )
        )
    return records, problems


def citation_key(record: Record, taken: set[str]) -> str:
    """`<author><year><first long word>`, made unique with a letter."""
    words = [title_key(w) for w in record.title.split()]
    word = next((w for w in words if len(w) > 3), "untitled")
    key = base = f"{first_family(record.authors) or 'anonymous'}{record.year or ''}{word}"
    for letter in "abcdefghijklmnopqrstuvwxyz":
        if key not in taken:
            break
        key = base + letter
    taken.add(key)
    return key


def write(records: Sequence[Record], labels: dict[str, int] | None = None) -> str:
    """BibTeX text; unique keys, special characters escaped, titles protected."""
    taken: set[str] = set()
    blocks = []
    for r in records:
        people = [a.strip() for a in r.authors.split(";") if a.strip()]
        fields = {
            "title": "{" + _escape(r.title) + "}",
            "author": _escape(" and ".join(people)),
            "year": str(r.year or ""),
            "journal": _escape(r.journal),
            "doi": r.doi,
            "pmid": r.pmid,
            "language": r.language,
            "abstract": _escape(r.abstract),
            "keywords": _escape(r.keywords),
        }
        body = ",\n".join(f"  {k} = {{{v}}}" for k, v in fields.items() if v and v != "{}")
        blocks.append(f"@article{{{citation_key(r, taken)},\n{body}\n}}\n")
    return "\n".join(blocks)


def _escape(text: str) -> str:
    text = text.replace("\\", "").replace("{", "").replace("}", "")
    return re.sub(r"([&%$#_])", r"\\\1", text)
