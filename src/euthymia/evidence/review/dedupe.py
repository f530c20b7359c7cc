"""Which records are the same paper: identifiers first, then titles, years and authors.

In: records.  Out: pairs with a verdict (`same`, or `ask` for a person) and the rule that made it.  Assumed: equal
DOI or PubMed id means the same paper, two different PubMed ids or DOIs never do without a person's word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from euthymia.evidence.review.records import Record, first_family, title_key

SURE, LIKELY = 0.85, 0.75  # trigram cosine: the same, worth asking
SLIPS = 0.08  # share of a title's letters that may differ by slips of the pen
CUT = "title without its end"
SPOILT = 4  # trigrams that one slip can spoil (two letters swapped)
KNOWN, RARE = (
    3,
    20,
)  # a word in so many titles is no slip, unless the word it resembles is so many times as frequent
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
    """Slips that turn `short` into all of `long`, and into the beginning of `long` that fits best.

    A slip is a letter missing, added or wrong, or two neighbours swapped (the restricted Damerau distance); one pass
    over `long` with Hyyro's bit vectors.

    References
    ----------
    hyyro2003bit : H. Hyyro. A bit-vector algorithm for computing Levenshtein and Damerau edit distances. Nordic
        Journal of Computing 10, 29-39 (2003).

    >>> edits("depresion", "depression in mice"), edits("mdoel", "model")
    ((9, 1), (1, 1))
    """
    size = len(short)
    if not size:
        return len(long), 0
    full, top = (1 << size) - 1, 1 << (size - 1)
    place: dict[str, int] = {}
    for at, letter in enumerate(short):
        place[letter] = place.get(letter, 0) | (1 << at)
    up, down, score = full, 0, size
    best, even, before = size, 0, 0
    for letter in long:
        equal = place.get(letter, 0)
        swapped = ((~even & equal) << 1) & before
        even = ((((equal & up) + up) ^ up) | equal | down | swapped) & full
        rise, fall = down | (~(even | up) & full), up & even
        score += bool(rise & top) - bool(fall & top)
        rise, fall = ((rise << 1) | 1) & full, (fall << 1) & full
        up, down = fall | (~(even | rise) & full), rise & even
        best, before = min(best, score), equal
    return score, best


def _words(title: str) -> list[str]:
    """Words of a title, four letters or more, in lower case."""
    return re.findall(r"[^\W\d_]{4,}", title.casefold())


def _other_word(titles: tuple[str, str], keys: tuple[str, str], known: Counter[str]) -> bool:
    """Whether each title has a word of its own that other titles use too: a drug exchanged, not a slip."""
    words = [_words(title) for title in titles]

    def slip(word: str, others: Sequence[str]) -> bool:
        if known[word] < KNOWN:
            return True
        return any(known[word] * RARE < known[v] and edits(word, v)[0] <= 2 for v in others)

    return all(
        any(title_key(word) not in key and not slip(word, others) for word in own)
        for own, others, key in zip(words, words[::-1], keys[::-1], strict=True)
    )


def _near_family(a: str, b: str) -> bool:
    """Same first author, a slip of the pen allowed."""
    if not a or not b:
        return False
    return a == b or (min(len(a), len(b)) > 3 and edits(a, b)[0] <= (1 if len(a) < 8 else 2))


def _verdict(
    a: Record, b: Record, score: float, keys: tuple[str, str], known: Counter[str]
) -> tuple[str, str] | None:
    """Verdict and rule for two records whose titles have trigram cosine `score` (0 where it is below LIKELY)."""
    if a.year and b.year and abs(a.year - b.year) > 1:
        return None
    (short, low), (long, high) = sorted(
        ((keys[0], a.title), (keys[1], b.title)), key=lambda pair: len(pair[0])
    )
    whole, part = edits(short, long)
    slips = _slips(len(short))
    if score < LIKELY and part > slips:
        return None
    family = _near_family(first_family(a.authors), first_family(b.authors))
    anonymous = not (a.authors and b.authors)
    clash = bool((a.pmid and b.pmid and a.pmid != b.pmid) or (a.doi and b.doi and a.doi != b.doi))
    both = min(len(a.abstract), len(b.abstract))
    same_abstract = both > 200 and a.abstract[:both] == b.abstract[:both]
    fair = len(short) >= 20
    rule = ""
    if keys[0] == keys[1] and (fair or family):
        rule = "title"
    elif whole <= slips and (family or same_abstract or (anonymous and fair)):
        rule = "title with slips"
    elif part <= slips and (
        (fair and (family or same_abstract))
        or (len(short) >= 40 and anonymous and _ends_a_part(high, len(short), slips))
    ):
        rule = CUT
    elif score >= SURE and ((family and a.year and b.year) or same_abstract):
        rule = "trigrams"
    if rule:
        apart = rule != "title" and not same_abstract
        doubtful = (
            clash
            or _other_abstract(a.abstract, b.abstract)
            or (
                apart and (_serial(low, high, part < whole) or _other_word((low, high), (short, long), known))
            )
        )
        return ("ask" if doubtful else "same"), rule
    return ("ask", "similar title") if score >= LIKELY or fair else None


def _other_abstract(one: str, other: str) -> bool:
    """Whether two whole abstracts share less than half of the shorter one's words."""
    a, b = set(_words(one)), set(_words(other))
    return min(len(one), len(other)) > 200 and 2 * len(a & b) < min(len(a), len(b))


def _ends_a_part(title: str, length: int, slips: int) -> bool:
    """Whether a mark that begins a subtitle stands after about so many letters."""
    return any(
        abs(len(title_key(title[: found.start()])) - length) <= slips
        for found in re.finditer(r"[:.?!;(]|\s[-\u2013\u2014]", title)
    )


def _slips(length: int) -> int:
    """How many slips of the pen a title of so many letters may have."""
    return max(3, int(SLIPS * length))


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


def _candidates(records: Sequence[Record], keys: Sequence[str]) -> Iterable[tuple[int, int, float]]:
    """Pairs of rows worth a closer look, years at most one apart (or unknown), with their trigram cosine.

    Either the cosine is at least LIKELY, or so many trigrams are shared that one title can be the other, or its
    beginning, with a few slips: each slip spoils at most SPOILT trigrams (the q-gram lemma).
    """
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    years = np.array([r.year for r in records])
    order = np.argsort(years, kind="stable")
    years, unknown = years[order], int(np.searchsorted(years[order], 1))
    titles = [records[i].title or "untitled" for i in order]
    cosine = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), dtype=np.float32).fit_transform(titles)
    pieces = CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True, dtype=np.float32)
    shared = pieces.fit_transform([keys[i] if len(keys[i]) > 2 else "???" for i in order])
    slips = np.array([_slips(len(keys[i])) for i in order])
    least = np.maximum(1.0, np.diff(shared.indptr) - SPOILT * slips)
    for start in range(0, len(order), BLOCK):
        end = min(start + BLOCK, len(order))
        low = 0 if years[start] == 0 else int(np.searchsorted(years, years[start] - 1))
        high = (
            len(order) if years[start] == 0 else int(np.searchsorted(years, years[end - 1] + 1, side="right"))
        )
        for left, right in {(low, high), (0, unknown if low >= unknown else 0)}:
            found: dict[tuple[int, int], float] = {}
            for matrix in (shared, cosine):
                product = (matrix[start:end] @ matrix[left:right].T).tocoo()
                i, j = product.row + start, product.col + left
                bound = np.minimum(least[i], least[j]) if matrix is shared else LIKELY
                keep = (product.data >= bound) & (j < i)
                scores = product.data[keep] if matrix is cosine else np.zeros(int(keep.sum()))
                found.update(zip(zip(i[keep].tolist(), j[keep].tolist(), strict=True), scores, strict=True))
            for (one, other), score in found.items():
                a, b = sorted((int(order[one]), int(order[other])))
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
        words = Counter(word for r in records for word in set(_words(r.title)))
        for a, b, score in _candidates(records, keys):
            both = frozenset((records[a].record, records[b].record))
            if len(both) < 2 or both in known:
                continue
            if not (keys[a] and keys[b]):
                continue
            if found := _verdict(records[a], records[b], score, (keys[a], keys[b]), words):
                known.add(both)
                pairs.append(Pair(records[b].record, records[a].record, *found, round(score, 3)))
    return _unambiguous(pairs, {r.record: len(key) for r, key in zip(records, keys, strict=True)})


def _unambiguous(pairs: list[Pair], length: Mapping[str, int]) -> list[Pair]:
    """The pairs, but where a cut title begins two different papers, a person is asked which."""
    sure = [asdict(p) for p in pairs if p.verdict == "same" and p.by != CUT]
    top, longer = resolve(sure), dict[str, set[str]]()
    ends = {p: sorted((p.record, p.same_as), key=length.__getitem__) for p in pairs if p.by == CUT}
    for short, long in ends.values():
        longer.setdefault(top.get(short, short), set()).add(top.get(long, long))
    many = {short for short, found in longer.items() if len(found - {short}) > 1}
    return [
        replace(p, verdict="ask") if p in ends and top.get(ends[p][0], ends[p][0]) in many else p
        for p in pairs
    ]


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
