"""Which records are the same paper: identifiers first, then titles, years and authors.

In: records.  Out: pairs with a verdict (`same`, or `ask` for a person) and the rule that made it.  Assumed: equal
DOI or PubMed id means the same paper, two different PubMed ids or DOIs never do without a person's word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from euthymia.evidence.review.records import Record, first_family, title_key

SURE, LIKELY, NEAR = 0.85, 0.75, 0.30  # trigram cosine: the same, worth asking, worth looking at
SLIPS = 0.08  # share of a title's letters that may differ by slips of the pen
BLOCK = 2000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records and what the rules say: `same` or `ask`."""

    record: str
    same_as: str
    verdict: str
    by: str
    score: float


def _serial(short: str, long: str, cut: bool) -> bool:
    """Whether figures or part numbers tell two titles apart (`Part I` and `Part II`); a cut end does not."""
    parts = [re.findall(r"(?<![\w-])[ivx]{1,4}(?![\w-])", title.casefold()) for title in (short, long)]
    figures = ["".join(re.findall(r"\d", title)) for title in (short, long)]
    if cut:
        return parts[1][: len(parts[0])] != parts[0] or not figures[1].startswith(figures[0])
    return parts[0] != parts[1] or figures[0] != figures[1]


def edits(short: str, long: str) -> tuple[int, int]:
    """Edit distance of `short` to all of `long`, and to the beginning of `long` that fits best.

    Myers' bit-vector algorithm: one pass over `long`.

    >>> edits("depresion", "depression in mice")
    (9, 1)
    """
    size = len(short)
    if not size:
        return len(long), 0
    full, top = (1 << size) - 1, 1 << (size - 1)
    place: dict[str, int] = {}
    for at, letter in enumerate(short):
        place[letter] = place.get(letter, 0) | (1 << at)
    up, down, score = full, 0, size
    best = size
    for letter in long:
        equal = place.get(letter, 0)
        vertical = equal | down
        across = (((equal & up) + up) ^ up) | equal
        rise, fall = down | (~(across | up) & full), up & across
        score += bool(rise & top) - bool(fall & top)
        rise, fall = ((rise << 1) | 1) & full, (fall << 1) & full
        up, down = fall | (~(vertical | rise) & full), rise & vertical
        best = min(best, score)
    return score, best


def _near_family(a: str, b: str) -> bool:
    """Same first author, a slip of the pen allowed."""
    if not a or not b:
        return False
    return a == b or (min(len(a), len(b)) > 3 and edits(a, b)[0] <= (1 if len(a) < 8 else 2))


def _verdict(a: Record, b: Record, score: float, keys: tuple[str, str]) -> tuple[str, str] | None:
    """Verdict and rule for two records whose titles have trigram cosine `score`."""
    if a.year and b.year and abs(a.year - b.year) > 1:
        return None
    (short, low), (long, high) = sorted(
        ((keys[0], a.title), (keys[1], b.title)), key=lambda pair: len(pair[0])
    )
    family = _near_family(first_family(a.authors), first_family(b.authors))
    anonymous = not (a.authors and b.authors)
    clash = bool((a.pmid and b.pmid and a.pmid != b.pmid) or (a.doi and b.doi and a.doi != b.doi))
    same_abstract = min(len(a.abstract), len(b.abstract)) > 200 and a.abstract[:150] == b.abstract[:150]
    whole, part = edits(short, long)
    slips = max(3, int(SLIPS * len(short)))
    fair = len(short) >= 20
    rule = ""
    if keys[0] == keys[1] and (fair or family):
        rule = "title"
    elif whole <= slips and (family or same_abstract or (anonymous and fair)):
        rule = "title with slips"
    elif part <= slips and ((fair and (family or same_abstract)) or (len(short) >= 40 and anonymous)):
        rule = "title without its end"
    elif score >= SURE and ((family and a.year and b.year) or same_abstract):
        rule = "trigrams"
    if rule:
        doubtful = clash or (rule != "title" and not same_abstract and _serial(low, high, part < whole))
        return ("ask" if doubtful else "same"), rule
    if score >= LIKELY or (part <= slips and fair):
        return "ask", "similar title"
    return None


def _by_identifier(records: Sequence[Record]) -> list[Pair]:
    pairs = []
    for name in ("pmid", "doi"):
        first: dict[str, Record] = {}
        for record in records:
            value = getattr(record, name)
            if not value:
                continue
            if value in first:
                pairs.append(Pair(record.record, first[value].record, "same", name, 1.0))
            else:
                first[value] = record
    return pairs


def _candidates(records: Sequence[Record]) -> Iterable[tuple[int, int, float]]:
    """Pairs of rows with similar titles and years at most one apart (or unknown)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    titles = [r.title or "untitled" for r in records]
    matrix = (
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), dtype=np.float32)
        .fit_transform(titles)
        .tocsr()
    )
    years = np.array([r.year for r in records])
    order = np.argsort(years, kind="stable")
    years, matrix = years[order], matrix[order]
    unknown = int(np.searchsorted(years, 1))
    for start in range(0, len(order), BLOCK):
        end = min(start + BLOCK, len(order))
        low = 0 if years[start] == 0 else int(np.searchsorted(years, years[start] - 1))
        high = (
            len(order) if years[start] == 0 else int(np.searchsorted(years, years[end - 1] + 1, side="right"))
        )
        for left, right in {(low, high), (0, unknown if low >= unknown else 0)}:
            product = (matrix[start:end] @ matrix[left:right].T).tocoo()
            keep = product.data >= NEAR
            for i, j, score in zip(
                product.row[keep] + start, product.col[keep] + left, product.data[keep], strict=True
            ):
                if j < i:
                    a, b = sorted((int(order[i]), int(order[j])))
                    yield a, b, float(score)


def duplicates(records: Sequence[Record]) -> list[Pair]:
    """Pairs that are, or may be, the same paper; the later record points to the earlier.

    >>> a = Record("a", doi="10.1/x", title="Ketamine and mood", year=2020)
    >>> b = Record("b", doi="10.1/x", title="Ketamine and mood.", year=2020)
    >>> [(p.record, p.same_as, p.by) for p in duplicates([a, b])]
    [('b', 'a', 'doi')]
    """
    pairs = _by_identifier(records)
    known = {frozenset((p.record, p.same_as)) for p in pairs}
    keys = [title_key(r.title) for r in records]
    if len(records) > 1:
        for a, b, score in _candidates(records):
            both = frozenset((records[a].record, records[b].record))
            if len(both) < 2 or both in known:
                continue
            if not (keys[a] and keys[b]):
                continue
            if found := _verdict(records[a], records[b], score, (keys[a], keys[b])):
                known.add(both)
                pairs.append(Pair(records[b].record, records[a].record, *found, round(score, 3)))
    return pairs


def resolve(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Which record stands for each duplicate: a person's word beats a rule, the last word beats earlier ones.

    >>> resolve([{"record": "b", "same_as": "a", "verdict": "same", "by": "title"}])
    {'b': 'a'}
    """
    last: dict[frozenset[str], Mapping[str, str]] = {}
    for row in rows:
        both = frozenset((row["record"], row["same_as"]))
        before = last.get(both)
        if before and before["by"].startswith("person:") and not row["by"].startswith("person:"):
            continue
        last[both] = row
    parent: dict[str, str] = {}

    def top(name: str) -> str:
        while name in parent:
            name = parent[name]
        return name

    for row in last.values():
        if row["verdict"] == "same":
            child, kept = top(row["record"]), top(row["same_as"])
            if child != kept:
                parent[child] = kept
    return {name: top(name) for name in list(parent)}
