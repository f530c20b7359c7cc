"""The controlled vocabulary of mechanisms: terms to patterns, each tag with the words that made it.

In: `library/vocabulary.yaml`.  Out: for a text, the mechanisms named in it and the words found.  Assumed: a term in a
title or an abstract means the paper is about it; a person's tag always beats this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from euthymia.errors import InputError, Problem
from euthymia.evidence.read import parse, read_text

FILE = Path(__file__).resolve().parents[2] / "library" / "vocabulary.yaml"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One controlled word.

    Parameters
    ----------
    id, label, group : str
    modules : tuple of str
        Library modules it feeds.
    claims : tuple of str
        `system` of the review's claims it covers.
    terms, mesh : tuple of str
    """

    id: str
    label: str
    group: str
    modules: tuple[str, ...]
    claims: tuple[str, ...]
    terms: tuple[str, ...]
    mesh: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All mechanisms in file order, the compounds to look for, and the version of the file."""

    mechanisms: dict[str, Mechanism]
    compounds: tuple[str, ...]
    version: str

    def found(self, text: str) -> dict[str, tuple[str, ...]]:
        """Mechanisms named in a text, with the words found, most frequent first.

        >>> sorted(vocabulary().found("Ketamine raises BDNF in mice"))
        ['glutamate_gaba', 'neuroplasticity']
        """
        result = {}
        for mechanism in self.mechanisms.values():
            words = _words(mechanism.terms, text)
            if words:
                result[mechanism.id] = words
        return result

    def compounds_in(self, text: str) -> list[str]:
        """Compounds named in a text."""
        return sorted({word.lower() for word in _words(self.compounds, text)})


@lru_cache(maxsize=128)
def pattern(terms: tuple[str, ...]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Patterns of terms matched in any case, and of terms matched as written."""

    def one(term: str) -> str:
        open_end, stem = term.endswith("*"), term.rstrip("*")
        body = r"[\s\-\u2010-\u2015]?".join(re.escape(part) for part in re.split(r"[\s\-]", stem))
        return body + (r"[\w\-]*" if open_end else r"s?")

    def join(chosen: list[str], flags: int) -> re.Pattern[str] | None:
        if not chosen:
            return None
        longest = sorted(chosen, key=len, reverse=True)
        return re.compile(r"(?<!\w)(?:" + "|".join(map(one, longest)) + r")(?!\w)", flags)

    exact = [t for t in terms if _as_written(t)]
    return join([t for t in terms if t not in exact], re.IGNORECASE), join(exact, 0)


def _as_written(term: str) -> bool:
    letters = [c for c in term if c.isalpha()]
    return bool(letters) and all(c.isupper() for c in letters) and " " not in term


def _words(terms: tuple[str, ...], text: str) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for compiled in pattern(terms):
        for word in compiled.findall(text) if compiled else ():
            key = word if word.isupper() else word.lower()
            counts[key] = counts.get(key, 0) + 1
    return tuple(sorted(counts, key=lambda w: (-counts[w], w)))


@lru_cache(maxsize=4)
def vocabulary(path: Path = FILE) -> Vocabulary:
    """Read the vocabulary.

    Raises
    ------
    InputError
        A mechanism lacks a field or has an unknown one; all problems are listed.
    """
    document = parse(read_text(path), str(path))
    loaded = document.data
    problems, found = [], {}
    lists = ("modules", "claims", "terms", "mesh")
    for name, entry in (loaded.get("mechanisms") or {}).items():
        line = document.places["mechanisms", name, "@"][0]
        wanted = {"label", "group", *lists}
        if not isinstance(entry, dict) or set(entry) != wanted:
            given = ", ".join(entry) if isinstance(entry, dict) else entry
            problems.append(
                Problem(
                    f"needs exactly {', '.join(sorted(wanted))}; has {given}", str(path), line, 1, str(name)
                )
            )
            continue
        if not entry["terms"]:
            problems.append(Problem("has no terms", str(path), line, 1, str(name)))
        parts = {key: tuple(str(v) for v in entry[key]) for key in lists}
        found[str(name)] = Mechanism(str(name), str(entry["label"]), str(entry["group"]), **parts)
    if problems:
        raise InputError(problems)
    compounds = tuple(str(c) for c in loaded.get("compounds") or ())
    return Vocabulary(found, compounds, str(loaded.get("version", "")))
