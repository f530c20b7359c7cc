"""Bibliographic records: one paper as a source delivered it, with normalised identifiers.

In: fields as text from any source.  Out: `Record`, an immutable row of `records.csv`.  Assumed: a DOI or a PubMed
id names one paper; titles and years may be misspelt.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass, replace
from urllib.parse import quote

_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]{1,40}>")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_PRE = re.compile(r"^(?:https?://)?(?:dx\.)?doi\.org/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Record:
    """One paper.

    Parameters
    ----------
    record : str
        Stable id: `pmid:...`, `doi:...`, or `title:` and a digest; empty until `identified`.
    authors : str
        `Family, Given; Family, Given`.
    year : int
        Publication year; 0 where unknown.
    type, language : str
        As the source words it (`review`, `eng`).
    access : str
        `open`, `closed` or empty where the source does not say.
    status : str
        `ok`, `corrected` or `retracted`.
    sources : str
        Where it was found, joined by `; `.
    abstract, keywords : str
        Kept in the local cache only, never in `records.csv`.
    """

    record: str = ""
    doi: str = ""
    pmid: str = ""
    title: str = ""
    authors: str = ""
    year: int = 0
    journal: str = ""
    type: str = ""
    language: str = ""
    access: str = ""
    status: str = "ok"
    first_run: str = ""
    sources: str = ""
    abstract: str = ""
    keywords: str = ""

    @property
    def text(self) -> str:
        """Title and abstract, the words by which a record is ranked and tagged."""
        return f"{self.title} {self.abstract}".strip()


def clean_text(text: str) -> str:
    """Text without markup, entities and repeated white space.

    >>> clean_text("Effects of  5-HT<sub>2A</sub> &amp; mood ")
    'Effects of 5-HT2A & mood'
    """
    return " ".join(html.unescape(_MARKUP.sub("", text or "")).split())


def clean_doi(text: str) -> str:
    """The bare lower-case DOI inside a text, or an empty string.

    >>> clean_doi("https://doi.org/10.1186/S13643-020-01521-4.")
    '10.1186/s13643-020-01521-4'
    """
    found = _DOI.search(_PRE.sub("", html.unescape(text or "")))
    return found.group(0).rstrip(".,;)]}'").lower() if found else ""


def clean_pmid(text: str) -> str:
    """Digits of a PubMed id, or an empty string."""
    found = re.fullmatch(r"\s*(?:pmid:?\s*)?0*(\d{1,9})(?:\.0)?\s*", str(text or ""), re.IGNORECASE)
    return found.group(1) if found and found.group(1) != "0" else ""


def clean_year(text: str) -> int:
    """The first plausible year (1800-2100) in a date, or 0.

    >>> clean_year("2019 Mar-Apr")
    2019
    """
    found = re.search(r"(?<!\d)(1[89]\d\d|20\d\d|2100)(?!\d)", str(text or ""))
    return int(found.group(1)) if found else 0


def title_key(title: str) -> str:
    """A title without case, accents, markup, punctuation and spaces.

    >>> title_key("Depressive-like behaviour: a β-blocker?") == title_key("Depressive like  Behaviour, a β blocker")
    True
    """
    folded = unicodedata.normalize("NFKD", clean_text(title)).casefold()
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    greek = "".join(_GREEK.get(c, c) for c in folded)
    return _NOT_WORD.sub("", greek)


_GREEK = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "epsilon",
    "κ": "kappa",
    "μ": "mu",
    "σ": "sigma",
    "ω": "omega",
    "ß": "ss",
    "ø": "o",
    "æ": "ae",
}


def first_family(authors: str) -> str:
    """Family name of the first author, without accents, initials and case.

    >>> first_family("Müller, K; Doe, J"), first_family("R. L. Whistler and W. C. Lake"), first_family("Doe JB, Roe R")
    ('muller', 'whistler', 'doe')
    """
    name = re.split(r";|,|\band\b|&", authors or "", maxsplit=1)[0].split()
    long = [
        word for word in name if len(word.strip(".")) > 1 and not re.fullmatch(r"(?:[A-Z]\.?-?){1,3}", word)
    ]
    if name and long and name[0] != long[0]:
        long = long[-1:]
    return title_key((long or name or [""])[0])


def links(record: Record) -> list[tuple[str, str]]:
    """Where the paper can be read: name and address, followed only when the person asks."""
    found = [
        (f"doi:{record.doi}", f"https://doi.org/{quote(record.doi)}") if record.doi else None,
        (f"PubMed {record.pmid}", f"https://pubmed.ncbi.nlm.nih.gov/{record.pmid}/") if record.pmid else None,
    ]
    return [link for link in found if link]


def identified(record: Record) -> Record:
    """The record with clean fields and its stable id."""
    title, doi, pmid = clean_text(record.title), clean_doi(record.doi), clean_pmid(record.pmid)
    if pmid:
        name = f"pmid:{pmid}"
    elif doi:
        name = f"doi:{doi}"
    else:
        words = f"{title_key(title)}|{record.year}|{first_family(record.authors)}"
        name = "title:" + hashlib.sha256(words.encode()).hexdigest()[:12]
    return replace(
        record,
        record=record.record or name,
        doi=doi,
        pmid=pmid,
        title=title,
        authors=clean_text(record.authors),
        journal=clean_text(record.journal),
        abstract=clean_text(record.abstract),
        keywords=clean_text(record.keywords),
    )


def merged(kept: Record, other: Record) -> Record:
    """One record of two that are the same paper: what `kept` lacks comes from `other`; retraction wins."""
    fill = {
        name: getattr(other, name)
        for name in (
            "doi",
            "pmid",
            "title",
            "authors",
            "year",
            "journal",
            "type",
            "language",
            "access",
            "keywords",
        )
        if not getattr(kept, name) and getattr(other, name)
    }
    order = {"ok": 0, "corrected": 1, "retracted": 2}
    status = max(kept.status, other.status, key=lambda s: order.get(s, 0))
    found = [s for s in kept.sources.split("; ") + other.sources.split("; ") if s]
    abstract = max(kept.abstract, other.abstract, key=len)
    return replace(kept, status=status, sources="; ".join(dict.fromkeys(found)), abstract=abstract, **fill)
