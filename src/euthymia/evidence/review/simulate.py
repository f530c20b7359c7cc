"""Simulated screening of a labelled set: how much reading a ranking saves, and where the stopping rule stops.

In: a `Ranker` and the true labels.  Out: the order of reading.  Used by benchmarks and by anyone who wants to know
how the tool does on a review already finished.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.evidence.review.rank import Ranker, next_records
from euthymia.evidence.review.stop import tail_probabilities


@dataclass(frozen=True, slots=True)
class Simulation:
    """Order of reading, shape (records read,), and the number of refits."""

    order: NDArray[np.int_]
    refits: int


def simulate(
    ranker: Ranker, labels: NDArray[np.int_], seed: int | None = None, growth: float = 0.05
) -> Simulation:
    """Read the whole set as the tool would order it.

    Parameters
    ----------
    ranker : Ranker
    labels : ndarray, shape (records,), 1 relevant, 0 not
    seed : int, optional
        Draws one relevant and one irrelevant record to begin with; without it the cold start ranks.
    growth : float
        Refit when the number of verdicts has grown by this fraction.
    """
    order: list[int] = []
    seen = np.zeros(len(labels), dtype=bool)
    if seed is not None:
        generator = np.random.default_rng(seed)
        order = [int(generator.choice(np.flatnonzero(labels == value))) for value in (1, 0)]
        seen[order] = True
    ranker.restart()
    refits = 0
    while len(order) < len(labels):
        scores = ranker.score(order, labels[order])
        refits += 1
        for row in next_records(scores, seen, max(1, int(growth * len(order)))):
            order.append(int(row))
            seen[row] = True
    return Simulation(np.array(order), refits)


def work_saved(order: NDArray[np.int_], labels: NDArray[np.int_], recall: float = 0.95) -> float:
    """Work saved over sampling: recall - (records read to reach it) / (all records).

    >>> round(work_saved(np.arange(100), np.r_[np.ones(10, int), np.zeros(90, int)]), 2)
    0.85
    """
    found = np.cumsum(labels[order])
    needed = int(np.ceil(recall * labels.sum()))
    return float(recall - (np.searchsorted(found, needed) + 1) / len(labels))


def stopping_point(
    verdicts: NDArray[np.int_], target: float = 0.95, confidence: float = 0.95, every: int = 1
) -> int:
    """How many records are read when the stopping rule first says stop (asked after every `every` records)."""
    for read in range(max(every, 1), len(verdicts), every):
        seen = verdicts[:read]
        if seen.any() and tail_probabilities(seen, len(verdicts), target).min() < 1.0 - confidence:
            return read
    return len(verdicts)
