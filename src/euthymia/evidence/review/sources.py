"""Literature databases: PubMed, Europe PMC, OpenAlex, each a stream of pages that can be resumed.

In: a query, a window of dates, a place to resume from.  Out: pages of records with the place after them.  Nothing else
in Euthymia asks the network.  PubMed's requests and pace are Biopython's Entrez (3 a second, 10 with a key).
"""

from __future__ import annotations

import datetime
import json
import urllib.error
import urllib.parse
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from euthymia.errors import Problem
from euthymia.evidence.review.formats import pubmed
from euthymia.evidence.review.records import Record, clean_year, identified
from euthymia.evidence.review.transport import SourceError, Transport

PAGE = 200
LISTED = 9999
OPENALEX_KEY = "OPENALEX_API_KEY"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its records, what was wrong with it, the place to go on from (empty at the end), hits in all."""

    records: list[Record]
    problems: list[Problem]
    after: str
    hits: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a source: query, window of dates, whether dates are of entry, and keys from the environment."""

    query: str
    since: datetime.date | None = None
    until: datetime.date | None = None
    entered: bool = False
    keys: Mapping[str, str] | None = None


def _day(date: datetime.date | None, other: str, form: str = "%Y/%m/%d") -> str:
    return date.strftime(form) if date else other


def _json(body: bytes, source: str) -> dict[str, Any]:
    try:
        loaded = json.loads(body)
    except ValueError:
        head = " ".join(body[:80].decode("utf-8", "replace").split())
        raise SourceError(
            f"{source} answered with something else than JSON, it begins {head!r}; run again to resume"
        ) from None
    if not isinstance(loaded, dict):
        raise SourceError(
            f"{source} answered with a {type(loaded).__name__} instead of an object; run again to resume"
        )
    return loaded


def pubmed_pages(ask: Question, transport: Transport, after: str = "") -> Iterator[Page]:
    """PubMed: esearch for the ids of the window, efetch for the records, `PAGE` at a time."""
    from Bio import Entrez

    keys = ask.keys or {}
    chosen = {
        "tool": "euthymia",
        "email": keys.get("NCBI_EMAIL") or None,
        "api_key": keys.get("NCBI_API_KEY") or None,
        "max_tries": transport.tries,
        "sleep_between_tries": 2 if transport.pause else 0,
    }
    for name, value in chosen.items():
        setattr(Entrez, name, value)

    def call(what: Callable[..., Any], **parts: Any) -> bytes:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the search itself asks for the address
                with what(db="pubmed", **parts) as handle:
                    body = handle.read()
        except urllib.error.HTTPError as error:
            raise SourceError(
                f"PubMed: HTTP {error.code} {error.reason}; what was fetched is kept, run again to resume"
            ) from None
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            raise SourceError(f"PubMed: {error}; what was fetched is kept, run again to resume") from None
        return body if isinstance(body, bytes) else body.encode()

    window: dict[str, str] = {}
    if ask.since or ask.until:
        window = {
            "datetype": "edat" if ask.entered else "pdat",
            "mindate": _day(ask.since, "1800/01/01"),
            "maxdate": _day(ask.until, "3000/12/31"),
        }
    start = int(after or 0)
    while True:
        found = _json(
            call(Entrez.esearch, term=ask.query, retmode="json", retstart=start, retmax=PAGE, **window),
            "PubMed",
        )
        answer = found.get("esearchresult") or {}
        if "ERROR" in answer or "idlist" not in answer:
            raise SourceError(
                f"PubMed: {answer.get('ERROR') or found.get('error') or 'no list of ids'}; check the query"
            )
        hits, ids = int(answer.get("count", 0)), [str(i) for i in answer["idlist"]]
        if hits > LISTED:
            raise SourceError(
                f"PubMed lists only {LISTED} of {hits} hits; narrow the query or the window of dates"
            )
        if not ids:
            yield Page([], [], "", hits)
            return
        text = call(Entrez.efetch, id=",".join(ids), rettype="xml", retmode="xml").decode("utf-8", "replace")
        records, problems = pubmed.read(text, "PubMed")
        if not records:
            raise SourceError("; ".join(map(str, problems)) or "PubMed: an empty page; run again to resume")
        if missing := sorted(set(ids) - {r.pmid for r in records}):
            problems = [
                *problems,
                Problem(f"PubMed left out {len(missing)} of {len(ids)} records: {', '.join(missing[:5])}"),
            ]
        start += len(ids)
        yield Page(records, problems, str(start) if start < hits else "", hits)
        if start >= hits:
            return


def europepmc_pages(ask: Question, transport: Transport, after: str = "") -> Iterator[Page]:
    """Europe PMC: the REST search, whose cursor is the place to resume from."""
    field = "CREATION_DATE" if ask.entered else "FIRST_PDATE"
    window = f" AND {field}:[{_day(ask.since, '1800-01-01', '%Y-%m-%d')} TO {_day(ask.until, '3000-12-31', '%Y-%m-%d')}]"
    query = f"({ask.query}){window if ask.since or ask.until else ''}"
    cursor = after or "*"
    while True:
        parts = {
            "query": query,
            "format": "json",
            "resultType": "core",
            "pageSize": str(PAGE),
            "cursorMark": cursor,
        }
        body = transport.get(
            "https://www.ebi.ac.uk/europepmc/webservices/rest/search?" + urllib.parse.urlencode(parts)
        )
        answer = _json(body, "Europe PMC")
        if "resultList" not in answer:
            raise SourceError(f"Europe PMC: {answer.get('errMsg') or 'no result list'}; check the query")
        items = answer["resultList"].get("result") or []
        following = str(answer.get("nextCursorMark") or "")
        ended = not items or not following or following == cursor or len(items) < PAGE
        yield Page(
            [_europepmc(i) for i in items if i.get("title")],
            [],
            "" if ended else following,
            int(answer.get("hitCount", 0)),
        )
        if ended:
            return
        cursor = following


def _europepmc(item: Mapping[str, Any]) -> Record:
    kinds = [str(k).lower() for k in (item.get("pubTypeList") or {}).get("pubType") or []]
    people = (item.get("authorList") or {}).get("author") or []
    names = [
        f"{p.get('lastName', '')}, {p.get('firstName') or p.get('initials', '')}"
        for p in people
        if p.get("lastName")
    ]
    return identified(
        Record(
            doi=str(item.get("doi") or ""),
            pmid=str(item.get("pmid") or ""),
            title=str(item.get("title") or "").rstrip("."),
            authors="; ".join(names) or str(item.get("authorString") or ""),
            year=clean_year(str(item.get("pubYear") or "")),
            journal=str(((item.get("journalInfo") or {}).get("journal") or {}).get("title") or ""),
            type="review" if any("review" in k for k in kinds) else (kinds[0] if kinds else ""),
            language=str(item.get("language") or ""),
            access={"Y": "open", "N": "closed"}.get(str(item.get("isOpenAccess")), ""),
            status="retracted" if any("retracted" in k for k in kinds) else "ok",
            abstract=str(item.get("abstractText") or ""),
            keywords="; ".join((item.get("keywordList") or {}).get("keyword") or []),
        )
    )


def openalex_pages(ask: Question, transport: Transport, after: str = "") -> Iterator[Page]:
    """OpenAlex: needs a key (environment variable OPENALEX_API_KEY); its cursor is the place to resume from."""
    key = (ask.keys or {}).get(OPENALEX_KEY, "")
    if not key:
        raise SourceError(f"OpenAlex needs a free key; set the environment variable {OPENALEX_KEY}")
    bounds = (
        [("from_created_date", ask.since)]
        if ask.entered
        else [("from_publication_date", ask.since), ("to_publication_date", ask.until)]
    )
    filters = [f"{name}:{date.isoformat()}" for name, date in bounds if date]
    cursor = after or "*"
    while True:
        parts = {"search": ask.query, "per-page": str(PAGE), "cursor": cursor, "api_key": key}
        if filters:
            parts["filter"] = ",".join(filters)
        answer = _json(
            transport.get("https://api.openalex.org/works?" + urllib.parse.urlencode(parts), hide=key),
            "OpenAlex",
        )
        if "results" not in answer:
            raise SourceError(
                f"OpenAlex: {answer.get('message') or answer.get('error') or 'no results'}; check the query and the key"
            )
        meta, items = answer.get("meta") or {}, answer["results"]
        following = str(meta.get("next_cursor") or "")
        ended = not items or not following
        yield Page(
            [_openalex(i) for i in items if i.get("title")],
            [],
            "" if ended else following,
            int(meta.get("count") or 0),
        )
        if ended:
            return
        cursor = following


def _openalex(item: Mapping[str, Any]) -> Record:
    places = item.get("abstract_inverted_index") or {}
    words = sorted((at, word) for word, ats in places.items() for at in ats)
    people = [str((a.get("author") or {}).get("display_name") or "") for a in item.get("authorships") or []]
    names = [f"{n.rsplit(' ', 1)[1]}, {n.rsplit(' ', 1)[0]}" if " " in n else n for n in people if n]
    where = ((item.get("primary_location") or {}).get("source") or {}).get("display_name")
    opened = (item.get("open_access") or {}).get("is_oa")
    return identified(
        Record(
            doi=str(item.get("doi") or ""),
            pmid=str((item.get("ids") or {}).get("pmid") or "").rsplit("/", 1)[-1],
            title=str(item.get("title") or ""),
            authors="; ".join(names),
            year=clean_year(str(item.get("publication_year") or "")),
            journal=str(where or ""),
            type=str(item.get("type") or ""),
            language={"en": "eng"}.get(str(item.get("language")), str(item.get("language") or "")),
            access="" if opened is None else ("open" if opened else "closed"),
            status="retracted" if item.get("is_retracted") else "ok",
            abstract=" ".join(word for _, word in words),
        )
    )


PAGES: dict[str, Callable[[Question, Transport, str], Iterator[Page]]] = {
    "pubmed": pubmed_pages,
    "europepmc": europepmc_pages,
    "openalex": openalex_pages,
}
