"""Mechanism tags: suggested by the vocabulary and, once people have tagged enough, by a model; people have the last word.

In: records, the tag log, the vocabulary.  Out: rows for the tag log, and the tags that hold.  A suggestion never
overwrites a person: for each record and mechanism a person's row beats any other, and of a person's rows the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.review.records import Record
from euthymia.evidence.review.vocabulary import Vocabulary

ENOUGH = 50


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag that holds (`yes`) or was refused (`no`): by whom, from which words, how sure (0-1)."""

    record: str
    mechanism: str
    verdict: str
    by: str
    words: str
    confidence: float


def suggest(records: Iterable[Record], vocabulary: Vocabulary) -> list[Tag]:
    """Tags from the vocabulary alone; a term in the title is surer than one in the abstract."""
    tags = []
    for record in records:
        title = vocabulary.found(record.title)
        whole = vocabulary.found(f"{record.title} {record.abstract} {record.keywords}")
        for name, words in whole.items():
            confidence = 0.9 if name in title else (0.7 if len(words) > 1 else 0.5)
            tags.append(Tag(record.record, name, "yes", "lexicon", "; ".join(words[:8]), confidence))
    return tags


def held(rows: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], Tag]:
    """The row that counts for each record and mechanism: a person's last word, else the last suggestion.

    >>> rows = [dict(record="a", mechanism="hpa", verdict=v, by=b, words="", confidence="1")
    ...         for v, b in (("no", "person:eva"), ("yes", "lexicon"))]
    >>> held(rows)["a", "hpa"].verdict
    'no'
    """
    result: dict[tuple[str, str], Tag] = {}
    for row in rows:
        key = row["record"], row["mechanism"]
        before = result.get(key)
        if before and before.by.startswith("person:") and not row["by"].startswith("person:"):
            continue
        confidence = float(row["confidence"]) if row["confidence"] else 1.0
        result[key] = Tag(*key, row["verdict"], row["by"], row["words"], confidence)
    return result


def fresh(
    tags: Iterable[Tag], rows: Sequence[Mapping[str, str]], version: str, time: str
) -> list[dict[str, object]]:
    """Rows to append: suggestions that say something new and that no person has decided.

    A lexicon tag that the vocabulary no longer gives is withdrawn with verdict `no`.
    """
    before, out, seen = held(rows), [], set()
    everything = list(tags)
    for tag in everything:
        old = before.get((tag.record, tag.mechanism))
        seen.add((tag.record, tag.mechanism, tag.by))
        if old and (
            old.by.startswith("person:")
            or (old.verdict, old.by, old.words) == (tag.verdict, tag.by, tag.words)
        ):
            continue
        if old and old.by == "lexicon" and tag.by == "model":
            continue
        out.append(_row(tag, version, time))
    for (record, mechanism), old in before.items():
        if old.by == "lexicon" and old.verdict == "yes" and (record, mechanism, "lexicon") not in seen:
            out.append(_row(Tag(record, mechanism, "no", "lexicon", "", old.confidence), version, time))
    return out


def fresh_person(tags: Iterable[Tag], version: str, time: str) -> list[dict[str, object]]:
    """Rows for what a person tagged; always written, so that the log shows who said it when."""
    return [_row(tag, version, time) for tag in tags]


def _row(tag: Tag, version: str, time: str) -> dict[str, object]:
    return {
        "record": tag.record,
        "mechanism": tag.mechanism,
        "verdict": tag.verdict,
        "by": tag.by,
        "words": tag.words,
        "confidence": f"{tag.confidence:.2f}",
        "version": version,
        "time": time,
    }


def by_person(record: str, mechanism: str, verdict: str, person: str, vocabulary: Vocabulary) -> Tag:
    """A person's tag.

    Raises
    ------
    InputError
        The mechanism is not in the vocabulary.
    """
    if mechanism not in vocabulary.mechanisms:
        names = ", ".join(vocabulary.mechanisms)
        raise InputError(
            [
                Problem(
                    f"unknown mechanism {mechanism!r}; allowed: {names}{nearest(mechanism, vocabulary.mechanisms)}"
                )
            ]
        )
    return Tag(record, mechanism, verdict, f"person:{person}", "", 1.0)


def learn(records: Sequence[Record], rows: Sequence[Mapping[str, str]], enough: int = ENOUGH) -> list[Tag]:
    """Suggestions by one linear model per mechanism that people have decided on at least `enough` records.

    The words with the largest weight in the record are named.
    """
    decided: dict[str, dict[str, int]] = {}
    for tag in held(rows).values():
        if tag.by.startswith("person:"):
            decided.setdefault(tag.mechanism, {})[tag.record] = int(tag.verdict == "yes")
    ready = {
        name: said for name, said in decided.items() if len(said) >= enough and len(set(said.values())) == 2
    }
    if not ready:
        return []
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectoriser = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, stop_words="english")
    matrix = vectoriser.fit_transform([r.text or "untitled" for r in records]).tocsr()
    names, place = vectoriser.get_feature_names_out(), {r.record: i for i, r in enumerate(records)}
    tags = []
    for mechanism, said in ready.items():
        rows_of = [place[name] for name in said if name in place]
        values = [said[records[i].record] for i in rows_of]
        if len(set(values)) < 2:
            continue
        model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=500).fit(matrix[rows_of], values)
        chance = model.predict_proba(matrix)[:, 1]
        for i in np.flatnonzero(chance >= 0.5):
            part = matrix[int(i)].multiply(model.coef_[0]).tocoo()
            best = np.argsort(-part.data)[:5]
            words = "; ".join(names[part.col[b]] for b in best if part.data[b] > 0)
            tags.append(
                Tag(records[int(i)].record, mechanism, "yes", "model", words, float(round(chance[i], 2)))
            )
    return tags
