"""Which record to read next: two linear votes over words and over pieces of words.

In: the texts of all records and the verdicts so far.  Out: a score per record, higher = read sooner.  Before both
verdicts exist, the question's own words rank (cosine).  After that two linear support vector machines vote, one on
words and word pairs, one on character 3-5-grams, which see drug and strain names even where only a title exists; of
their standardised scores the words count twice.  Each machine's cost and class weights are ASReview's published
`elas_u4` setting (C 0.11, relevant records together 9.8 times the weight of irrelevant ones).
"""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.evidence.review.machine import Machine

COST = 0.11
RATIO = 9.8
SMALL, MOST = 50, 0.95  # below so many records no term is left out; above, terms in more than this share are
WEIGHTS = {"words": 2.0, "letters": 1.0}


def word_features(texts: Sequence[str], question: str = "") -> tuple[Any, NDArray[np.float64]]:
    """TF-IDF of words and word pairs (records, terms), and each record's cosine to the question."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    most = 1.0 if len(texts) < SMALL else MOST
    vectoriser = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_df=most, dtype=np.float32)
    matrix = vectoriser.fit_transform(texts).tocsr()
    matrix.sort_indices()
    if not question.strip():
        return matrix, np.zeros(len(texts))
    return matrix, np.asarray((matrix @ vectoriser.transform([question]).T).todense(), dtype=float).ravel()


def letter_features(texts: Sequence[str]) -> Any:
    """TF-IDF of character 3-5-grams inside words (records, pieces).

    Each different word is cut into pieces once: counts of pieces = (counts of words) x (pieces of each word).
    """
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

    words = CountVectorizer(tokenizer=str.split, token_pattern=None, dtype=np.float32)
    counts = words.fit_transform(texts)
    pieces = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5), dtype=np.float32)
    counts = (counts @ pieces.fit_transform(words.get_feature_names_out())).tocsr()
    counts.sort_indices()
    if len(texts) >= SMALL:
        in_texts = np.bincount(counts.indices, minlength=counts.shape[1])
        counts = counts[:, (in_texts >= 2) & (in_texts <= MOST * len(texts))]
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts).tocsr()


def standardised(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores with mean 0 and standard deviation 1 (all 0 where they do not differ)."""
    spread = scores.std()
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)


class Ranker:
    """Features of all records, computed once; `score` fits anew on the verdicts so far.

    Parameters
    ----------
    texts : sequence of str, length records
        Title and abstract of each record.
    question : str
        The review's question and query words, for the cold start.
    votes : tuple of str
        Any of `words`, `letters`.
    """

    def __init__(
        self, texts: Sequence[str], question: str = "", votes: tuple[str, ...] = ("words", "letters")
    ):
        usable = [text if text.strip() else "untitled" for text in texts]
        self._votes, self._features = votes, list[Any]()
        self._cosine = np.zeros(len(usable))
        for vote in votes:
            if vote == "words":
                matrix, self._cosine = word_features(usable, question)
            else:
                matrix = letter_features(usable)
            self._features.append(matrix)
        self.count = len(usable)
        self.restart()

    def restart(self) -> None:
        """Forget earlier fits, so that the next one depends on its verdicts alone."""
        self._machines = [Machine(matrix.shape[1]) for matrix in self._features]

    @classmethod
    def remembered(cls, texts: Sequence[str], question: str, folder: Path, least: int = 5000) -> Ranker:
        """A ranker whose features are kept in `folder` when there are at least `least` records.

        Kept under a digest of the texts and the question; a fault of the disk only means computing them again.
        """
        if len(texts) < least:
            return cls(texts, question)
        from scipy.sparse import load_npz, save_npz

        digest = hashlib.sha256("\x1e".join([question, *texts]).encode()).hexdigest()[:16]
        files = [folder / f"features-{digest}-{vote}.npz" for vote in WEIGHTS]
        cold = folder / f"features-{digest}-cosine.npy"
        with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            kept = cls.__new__(cls)
            kept._votes, kept._features = tuple(WEIGHTS), [load_npz(path).tocsr() for path in files]
            kept._cosine, kept.count = np.load(cold), len(texts)
            kept.restart()
            if all(matrix.shape[0] == len(texts) for matrix in kept._features):
                return kept
        made = cls(texts, question, tuple(WEIGHTS))
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            for old in folder.glob("features-*"):
                old.unlink()
            for path, matrix in zip(files, made._features, strict=True):
                save_npz(path, matrix, compressed=False)
            np.save(cold, made._cosine)
        return made

    def score(
        self, labelled: Sequence[int], verdicts: Sequence[int] | NDArray[np.int_]
    ) -> NDArray[np.float64]:
        """Score of every record, labelled ones too.

        Parameters
        ----------
        labelled : sequence of int
            Rows that have a verdict.
        verdicts : sequence of int
            Their verdicts, 1 relevant, 0 not.

        Returns
        -------
        scores : ndarray, shape (records,)
        """
        rows, wanted = np.asarray(labelled, dtype=int), np.asarray(verdicts, dtype=int)
        if len(rows) == 0 or len(np.unique(wanted)) < 2:
            return self._before_both(rows, wanted)
        relevant = int(wanted.sum())
        scale = len(wanted) / (relevant * (1.0 + 1.0 / RATIO))
        cost = COST * scale * np.where(wanted == 1, 1.0, relevant / (RATIO * (len(wanted) - relevant)))
        total = np.zeros(self.count)
        for vote, matrix, machine in zip(self._votes, self._features, self._machines, strict=True):
            machine.fit(matrix[rows], wanted, cost)
            found = matrix @ machine.weights[:-1]  # the intercept moves all scores alike
            total += WEIGHTS[vote] * standardised(np.asarray(found, dtype=float))
        return total

    def _before_both(self, rows: NDArray[np.int_], wanted: NDArray[np.int_]) -> NDArray[np.float64]:
        """Cosine to the question, moved towards relevant and away from irrelevant records seen so far."""
        scores = standardised(self._cosine)
        if len(rows):
            centre = np.asarray(self._features[0][rows].mean(axis=0)).ravel()
            sign = 1.0 if wanted[0] == 1 else -0.5
            scores = scores + sign * standardised(np.asarray(self._features[0] @ centre, dtype=float))
        return scores


def next_records(scores: NDArray[np.float64], seen: NDArray[np.bool_], count: int) -> NDArray[np.int_]:
    """Rows of the `count` best unseen records, best first; ties keep file order.

    >>> next_records(np.array([0.1, 0.9, 0.5]), np.array([False, True, False]), 2).tolist()
    [2, 0]
    """
    order = np.argsort(-scores, kind="stable")
    return order[~seen[order]][:count]
