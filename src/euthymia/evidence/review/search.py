"""Run the review's queries, or read a file, into the logs; a cut-off search goes on where it stopped.

In: an opened review, the name of a source or a file.  Out: rows in the logs of records and runs.  Each page is written
to the record log before the next is asked for; the place to go on from lies in the local cache.  A later run asks only
for what was entered since the last finished one, with a week of overlap.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from euthymia.errors import InputError, Problem, StoreError
from euthymia.evidence.review.folder import Review, add_records, now
from euthymia.evidence.review.formats import read_file, table
from euthymia.evidence.review.screening import states
from euthymia.evidence.review.sources import PAGES, Question
from euthymia.evidence.review.transport import Transport

OVERLAP = datetime.timedelta(days=7)
KEYS = ("NCBI_API_KEY", "NCBI_EMAIL", "OPENALEX_API_KEY")


@dataclass(frozen=True, slots=True)
class Run:
    """What one search brought."""

    run: str
    source: str
    hits: int
    new: int
    known: int
    problems: tuple[str, ...] = ()


def digest(source: str, query: str) -> str:
    """Short digest of a source and a query, to know the same search again."""
    return hashlib.sha256(f"{source}\n{query}".encode()).hexdigest()[:12]


def _last(review: Review, name: str) -> datetime.date | None:
    """Day of the last finished run of this very query."""
    days = [row["time"][:10] for row in review.rows("runs") if row["digest"] == name]
    return datetime.date.fromisoformat(max(days)) if days else None


def _place(review: Review, name: str) -> Path:
    return review.cache / f"search-{name}.json"


def search(
    review: Review,
    source: str,
    transport: Transport | None = None,
    tell: Callable[[str], None] = lambda _: None,
    again: bool = False,
) -> Run:
    """Run one source's query and log it.

    Parameters
    ----------
    review : Review
    source : str
        `pubmed`, `europepmc` or `openalex`; its query stands in `review.yaml`.
    transport : Transport, optional
    tell : callable
        Receives a line of progress per page.
    again : bool
        Ask for the whole window, not only for what was entered since the last run.

    Raises
    ------
    InputError
        There is no query for the source.
    SourceError
        The source failed; pages fetched so far are kept, and the next run goes on after them.
    """
    query = review.settings.queries.get(source, "").strip()
    if source not in PAGES or not query:
        have = ", ".join(review.settings.queries) or "none"
        raise InputError(
            [
                Problem(
                    f"no query for {source!r}; review.yaml has queries for: {have}",
                    str(review.path / "review.yaml"),
                )
            ]
        )
    name = digest(source, f"{query}|{review.settings.since}|{review.settings.until}")
    place, last = _place(review, name), None if again else _last(review, name)
    saved = _resume(place)
    if saved:
        run, after, new, known = saved["run"], saved["after"], saved["new"], saved["known"]
        last = datetime.date.fromisoformat(saved["last"]) if saved["last"] else None
        tell(f"{source}: going on after {after}")
    else:
        run, after, new, known = f"{source}-{now()}", "", 0, 0
    since = last - OVERLAP if last else review.settings.since
    until = None if last else review.settings.until
    keys = {key: os.environ[key] for key in KEYS if os.environ.get(key)}
    if source == "pubmed" and "NCBI_EMAIL" not in keys:
        tell("pubmed: NCBI wishes to know who asks; set the environment variable NCBI_EMAIL to your address")
    ask = Question(query, since, until, entered=bool(last), keys=keys)
    problems: list[str] = []
    hits = 0
    for page in PAGES[source](ask, transport or Transport(), after):
        window = [r for r in page.records if _within(r.year, review.settings.since, review.settings.until)]
        fresh, old = add_records(review, window, run, source)
        new, known, hits = new + fresh, known + old, page.hits
        problems += map(str, page.problems)
        _save(
            place,
            {
                "run": run,
                "after": page.after,
                "new": new,
                "known": known,
                "last": last.isoformat() if last else "",
            },
        )
        tell(f"{source}: {new + known} of {hits} read, {new} new")
    review.append(
        "runs",
        [
            {
                "run": run,
                "time": now(),
                "source": source,
                "query": query,
                "digest": name,
                "since": since or "",
                "until": until or "",
                "hits": hits,
                "new": new,
                "known": known,
                "note": "; ".join(problems)[:300],
            }
        ],
    )
    place.unlink(missing_ok=True)
    return Run(run, source, hits, new, known, tuple(problems))


def _within(year: int, since: datetime.date | None, until: datetime.date | None) -> bool:
    """Whether a year may lie in the review's window (a search by entry date also brings older papers)."""
    return not year or ((not since or year >= since.year) and (not until or year <= until.year))


def _resume(place: Path) -> dict | None:
    try:
        saved = json.loads(place.read_text("utf-8"))
        return saved if saved.get("after") else None
    except (OSError, ValueError, AttributeError):
        return None


def _save(place: Path, values: dict) -> None:
    try:
        place.parent.mkdir(exist_ok=True)
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps(values), "utf-8")
        os.replace(fresh, place)
    except OSError as error:
        raise StoreError(
            f"{place}: cannot keep the place of the search ({error.strerror}); records so far are logged"
        ) from error


def import_file(
    review: Review, path: Path, form: str = "", source: str = "", reviewer: str = ""
) -> tuple[Run, int]:
    """Read a file of records; with `reviewer`, take over its inclusion labels as that person's decisions.

    Returns
    -------
    run : Run
    decisions : int
        Labels taken over; a record this person has decided already keeps its decision.
    """
    found, problems = read_file(path, form)
    name = source or f"file:{path.name}"
    run = f"import-{now()}"
    content = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    new, known = add_records(review, found, run, name)
    if new or content not in {row["digest"] for row in review.rows("runs")}:
        review.append(
            "runs",
            [
                {
                    "run": run,
                    "time": now(),
                    "source": name,
                    "query": path.name,
                    "digest": content,
                    "since": "",
                    "until": "",
                    "hits": len(found),
                    "new": new,
                    "known": known,
                    "note": "; ".join(map(str, problems))[:300],
                }
            ],
        )
    taken = 0
    if reviewer:
        before = states(review.rows("decisions"))
        rows = []
        reason = next(iter(review.settings.exclude), "")
        for record, label in table.labels(path.read_text("utf-8-sig")).items():
            state = before.get((record, "title"))
            if state is None or reviewer not in state.by:
                rows.append(
                    {
                        "record": record,
                        "stage": "title",
                        "verdict": "include" if label else "exclude",
                        "reason": "" if label else reason,
                        "note": f"from {path.name}",
                        "reviewer": reviewer,
                        "time": now(),
                    }
                )
        taken = review.append("decisions", rows)
    return Run(run, name, len(found), new, known, tuple(map(str, problems))), taken
