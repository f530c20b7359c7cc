"""A review is a folder: settings, five logs, and a local cache of abstracts that is never committed."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from euthymia.errors import InputError, Problem, StoreError, nearest
from euthymia.evidence.review import logs
from euthymia.evidence.review.records import Record, clean_year, merged
from euthymia.evidence.review.settings import Settings, read_settings

SHIPPED = Path(__file__).resolve().parents[2] / "library" / "reviews"
CACHED = ("abstract", "keywords")


def now() -> str:
    """The present time, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Review:
    """An opened review folder.

    Parameters
    ----------
    path : Path
    settings : Settings
    warnings : tuple of Problem
        Rows that were edited by hand; they count as they stand.
    """

    path: Path
    settings: Settings
    warnings: tuple[Problem, ...] = ()

    def log(self, kind: str) -> Path:
        """Path of one log."""
        return self.path / f"{kind}.csv"

    def rows(self, kind: str) -> list[dict[str, str]]:
        """Rows of one log in order.

        Raises
        ------
        InputError
            A line cannot be read; `repair` sets it aside.
        """
        log = logs.read_log(self.log(kind), kind)
        if log.problems:
            raise InputError(log.problems)
        return log.rows

    def append(self, kind: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Add rows to one log (see `logs.append`)."""
        return logs.append(self.log(kind), kind, rows)

    def records(self, abstracts: bool = True) -> dict[str, Record]:
        """Every record by id, in order of arrival; later rows of one id complete earlier ones."""
        names = {f.name for f in fields(Record)} - set(CACHED) - {"year"}
        found: dict[str, Record] = {}
        for row in self.rows("records"):
            record = Record(**{k: v for k, v in row.items() if k in names}, year=clean_year(row["year"]))
            found[record.record] = merged(found[record.record], record) if record.record in found else record
        if abstracts:
            for name, extra in self._cache().items():
                if name in found:
                    found[name] = replace(found[name], abstract=extra["abstract"], keywords=extra["keywords"])
        return found

    @property
    def cache(self) -> Path:
        """Folder of what is not committed: abstracts, pages of unfinished searches."""
        return self.path / ".cache"

    def _cache(self) -> dict[str, dict[str, str]]:
        path, found = self.cache / "abstracts.jsonl", {}
        if path.exists():
            for line in path.read_text("utf-8", "replace").split("\n"):
                try:
                    row = json.loads(line) if line else {}
                except json.JSONDecodeError:
                    continue  # a cut-off line of a cache is fetched again, nothing of the review is in it
                if row.get("record"):
                    found[row["record"]] = {name: str(row.get(name, "")) for name in CACHED}
        return found

    def keep_abstracts(self, records: Iterable[Record]) -> None:
        """Add abstracts and keywords to the local cache."""
        lines = [
            json.dumps({"record": r.record, **{n: getattr(r, n) for n in CACHED}}, ensure_ascii=False)
            for r in records
            if r.abstract or r.keywords
        ]
        if not lines:
            return
        try:
            self.cache.mkdir(exist_ok=True)
            if not (ignore := self.cache / ".gitignore").exists():
                ignore.write_text("*\n")
            logs.append_whole(self.cache / "abstracts.jsonl", ("\n".join(lines) + "\n").encode())
        except OSError as error:
            raise StoreError(
                f"{self.cache}: cannot keep abstracts ({error.strerror}); no log was changed"
            ) from error


def find_folder(name: str) -> Path:
    """The review folder of that path, or the one of that name under ./reviews or shipped with the library."""
    shipped = [p.name for p in SHIPPED.iterdir() if p.is_dir()] if SHIPPED.is_dir() else []
    for path in (Path(name), Path("reviews") / name, SHIPPED / name):
        if (path / "review.yaml").is_file():
            return path
    raise InputError(
        [
            Problem(
                f"no review in {name!r} (no review.yaml); shipped: {', '.join(shipped) or 'none'}"
                f"{nearest(name, shipped)}",
                name,
            )
        ]
    )


def open_review(name: str | Path) -> Review:
    """Open a review folder and name every row that was edited by hand.

    Raises
    ------
    InputError
        `review.yaml` or a log is wrong; all problems are listed.
    """
    path = find_folder(str(name))
    problems, warnings = [], []
    for kind in logs.COLUMNS:
        log = logs.read_log(path / f"{kind}.csv", kind)
        problems += log.problems
        warnings += log.warnings
    settings = read_settings(path / "review.yaml")
    if problems:
        raise InputError(problems)
    return Review(path, settings, tuple(warnings))


def new_review(path: Path, template: str = "mechanisms") -> Review:
    """Make a folder with a copy of a shipped review's settings and empty logs.

    Raises
    ------
    InputError
        The folder already holds a review.
    """
    if (path / "review.yaml").exists():
        raise InputError([Problem("already holds a review; nothing was changed", str(path))])
    source = find_folder(template) / "review.yaml"
    try:
        path.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path / "review.yaml")
    except OSError as error:
        raise StoreError(f"{path}: cannot be made ({error.strerror})") from error
    return open_review(path)


def add_records(review: Review, found: Iterable[Record], run: str, source: str) -> tuple[int, int]:
    """Add what a search or a file brought; known records stay as they are.

    A known record is written again only where it brings news (an identifier, a retraction, another source).

    Returns
    -------
    new, known : int
    """
    have = review.records(abstracts=True)
    rows: list[dict[str, object]] = []
    texts: list[Record] = []
    new, known = 0, 0
    for record in found:
        fresh = replace(record, sources=source, first_run=run)
        old = have.get(record.record)
        if old is None:
            new += 1
        else:
            known += 1
        together = fresh if old is None else merged(old, fresh)
        if old is None or replace(together, abstract="", keywords="") != replace(
            old, abstract="", keywords=""
        ):
            rows.append(asdict(together) | {"year": together.year or ""})
        if old is None or len(together.abstract) > len(old.abstract):
            texts.append(together)
        have[record.record] = together
    review.keep_abstracts(texts)
    review.append("records", rows)
    return new, known
