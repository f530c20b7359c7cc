"""What a review asks: `review.yaml`, read strictly, every problem at once with its line."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.read import parse

SOURCES = ("pubmed", "europepmc", "openalex")


@dataclass(frozen=True, slots=True)
class Settings:
    """The question of a review and its rules.

    Parameters
    ----------
    words : tuple of str
        Words that rank before any verdict exists, beside the question itself.
    queries : dict
        Query text per source (`pubmed`, `europepmc`, `openalex`).
    since, until : datetime.date or None
        Window of publication dates; without `until` the search runs up to today.
    include, exclude : dict
        Reasons by short name; a verdict `exclude` names one of them.
    double : bool
        Whether two people must screen each record.
    target_recall, confidence : float
        What the stopping rule must show.
    published : dict
        Numbers of the published review, to compare the flow with: `identified`, `included`, `groups`.
    """

    title: str
    question: str
    words: tuple[str, ...] = ()
    queries: dict[str, str] = field(default_factory=dict)
    since: datetime.date | None = None
    until: datetime.date | None = None
    languages: tuple[str, ...] = ()
    include: dict[str, str] = field(default_factory=dict)
    exclude: dict[str, str] = field(default_factory=lambda: {"irrelevant": "does not answer the question"})
    reviewers: tuple[str, ...] = ()
    double: bool = False
    target_recall: float = 0.95
    confidence: float = 0.95
    published: dict[str, Any] = field(default_factory=dict)
    cite: str = ""

    @property
    def cold_start(self) -> str:
        """All words the question brings."""
        return " ".join([self.title, self.question, *self.words, *self.include.values()])


_KINDS: dict[str, type | tuple[type, ...]] = {
    "title": str,
    "question": str,
    "words": list,
    "queries": dict,
    "since": str,
    "until": str,
    "languages": list,
    "include": dict,
    "exclude": dict,
    "reviewers": list,
    "double": bool,
    "target_recall": (int, float),
    "confidence": (int, float),
    "published": dict,
    "cite": str,
}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()[:10]
    return str(value)


def read_settings(path: Path) -> Settings:
    """Read `review.yaml`.

    Raises
    ------
    InputError
        The file is missing, is no YAML, or has unknown keys or wrong values; all problems are listed.
    """
    try:
        document = parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise InputError(
            [Problem(f"no review here: {error.strerror}; `euthymia review new FOLDER` makes one", str(path))]
        ) from None
    loaded = document.data
    if not isinstance(loaded, dict):
        raise InputError([Problem("must be a mapping with `title` and `question`", str(path), 1)])
    problems: list[Problem] = []

    def fault(key: str, message: str) -> None:
        line, column = document.places.get((key, "@"), (0, 0))
        problems.append(Problem(message, str(path), line, column, key))

    values = {str(key): _plain(value) for key, value in loaded.items()}
    for key, value in values.items():
        if key not in _KINDS:
            fault(key, f"unknown key; allowed: {', '.join(_KINDS)}{nearest(key, _KINDS)}")
        elif value is not None and not isinstance(value, _KINDS[key]):
            fault(key, f"{value!r} is of the wrong kind")
    for key in ("title", "question"):
        if not str(values.get(key) or "").strip():
            fault(key, f"`{key}` is missing")
    for source in values.get("queries") or {} if isinstance(values.get("queries"), dict) else {}:
        if source not in SOURCES:
            fault(
                "queries",
                f"unknown source {source!r}; allowed: {', '.join(SOURCES)}{nearest(source, SOURCES)}",
            )
    for key in ("since", "until"):
        try:
            values[key] = datetime.date.fromisoformat(values[key]) if values.get(key) else None
        except (ValueError, TypeError):
            fault(key, f"{values[key]!r} is no date; write it as 2024-09-30")
    for key in ("target_recall", "confidence"):
        number = values.get(key, 0.95)
        if isinstance(number, int | float) and not 0.5 <= number < 1.0:
            fault(key, f"{number} must lie between 0.5 and 1")
    if values.get("double") is True and len(values.get("reviewers") or []) < 2:
        fault("double", "double screening needs at least two `reviewers`")
    if problems:
        raise InputError(problems)
    known = {key: value for key, value in values.items() if value is not None}
    for key in ("words", "languages", "reviewers"):
        known[key] = tuple(str(item) for item in known.get(key, ()))
    return Settings(**known)
