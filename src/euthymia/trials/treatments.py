"""Names of treatments as papers print them, to what they are.

In: `library/treatment_names.csv` (names, synonyms, kind, class, mechanism, compound or intervention of the library).  Out:
`Named`.  Assumed: where several names stand in one text, the longest one that is there as whole words is meant; parts
joined by `+`, `with` or `and` are several treatments.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache

from euthymia.errors import InputError, nearest
from euthymia.evidence.read import LIBRARY

FILE = LIBRARY / "treatment_names.csv"
KINDS = ("drug", "combination", "device", "psychotherapy", "exercise", "diet", "control")
SHORTEST = 3  # letters a name needs to be found inside a longer text
_JOINED = re.compile(r"\s*(?:\+|\bplus\b|\bwith\b|\band\b|&)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Named:
    """One treatment of the list.

    Parameters
    ----------
    name, kind : str
        `kind` is one of `KINDS`.
    group, mechanism : str
        Class and mechanism under which trials of it are pooled; empty for controls.
    library : tuple of str
        Compounds or the intervention that stand for it in the library; empty where there is none.
    """

    name: str
    kind: str
    group: str
    mechanism: str
    library: tuple[str, ...]


def _plain(text: str) -> str:
    low = text.lower().replace("\u2019", "'").replace("\u2013", "-")
    return " ".join(re.sub(r"[\s_]+", " ", low).split())


@cache
def _names() -> dict[str, Named]:
    found: dict[str, Named] = {}
    with FILE.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            library = tuple(part for part in row["library"].split(";") if part)
            named = Named(row["treatment"], row["kind"], row["class"], row["mechanism"], library)
            for name in (row["treatment"], *filter(None, row["synonyms"].split(";"))):
                found[_plain(name)] = named
    return found


@cache
def _pattern() -> re.Pattern[str]:
    words = sorted((n for n in _names() if len(n) >= SHORTEST), key=lambda n: -len(n))
    return re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, words)) + r")(?![\w-])")


def classes() -> tuple[str, ...]:
    """Every class of the list, sorted."""
    return tuple(sorted({n.group for n in _names().values() if n.group}))


def mechanisms() -> dict[str, str]:
    """Class of every mechanism of the list."""
    return {n.mechanism: n.group for n in _names().values() if n.mechanism}


def find_treatment(text: str) -> Named | None:
    """The treatment a text names first, or None.

    >>> find_treatment("Zuranolone (SAGE-217) 50 mg").mechanism
    'neurosteroid_GABAA'
    >>> find_treatment("group cognitive-behavioural therapy").group
    'psychotherapy'
    >>> find_treatment("unheardofine") is None
    True
    """
    plain = _plain(text)
    whole = _names().get(plain) or _names().get(re.sub(r"\s*\(.*?\)", "", plain).strip())
    if whole:
        return whole
    hits = [m.group(0) for form in (plain, plain.replace("-", " ")) for m in _pattern().finditer(form)]
    if hits:
        return _names()[hits[0]]
    try:
        from euthymia.compounds.compound import resolve

        return Named(resolve(text), "drug", "", "", (resolve(text),))
    except InputError:
        return None


def find_treatments(text: str) -> tuple[tuple[str, Named | None], ...]:
    """Every part of a text such as `tDCS + sertraline 50 mg`, with what it names.

    >>> [named.name for _, named in find_treatments("tDCS + sertraline 50 mg")]
    ['tDCS', 'sertraline']
    >>> [named.name for _, named in find_treatments("olanzapine + fluoxetine")]
    ['olanzapine-fluoxetine']
    """
    if _plain(text) in _names():
        return ((text, _names()[_plain(text)]),)
    parts = [p for p in _JOINED.split(text) if p.strip()] or [text]
    if len(parts) > 1 and all(find_treatment(p) is None for p in parts):
        parts = [text]
    return tuple((p.strip(), find_treatment(p)) for p in parts)


def suggestion(text: str) -> str:
    """The nearest name of the list, as the end of a message."""
    return nearest(_plain(text), _names())
