"""When to stop reading: a hypergeometric test that states the recall reached and its confidence.

In: the verdicts in the order of reading, and how many records there are in all.  Out: the probability of what was
seen if the recall were below the target.  For each earlier moment i, all that was read after i is treated as drawn
at random from all that was unread at i; ranked reading does at least as well as random, so the test errs towards
reading on.  "So many irrelevant in a row" has no such meaning and is not offered.

References
----------
callaghan2020statistical : M. W. Callaghan, F. Mueller-Hansen. Statistical stopping criteria for automated screening
    in systematic reviews. Systematic Reviews 9, 273 (2020). doi:10.1186/s13643-020-01521-4
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom


@dataclass(frozen=True, slots=True)
class Stop:
    """What the test says now.

    Parameters
    ----------
    reached : bool
        Whether the target recall is reached at the confidence asked for.
    p : float
        Probability of the reading so far if recall were below the target (smallest over all starting moments).
    recall : float
        The largest recall that holds at that confidence (0 where none does).
    missed : int
        At that confidence at most so many relevant records are unread; -1 where nothing can be said.
    read, relevant, total : int
    """

    reached: bool
    p: float
    recall: float
    missed: int
    read: int
    relevant: int
    total: int
    target: float
    confidence: float

    @property
    def bound(self) -> str:
        """The recall that can be stated, in words."""
        if self.recall < 0.005:
            return "no recall can be stated yet"
        return (
            f"recall >= {self.recall:.0%} at {self.confidence:.0%} confidence (at most {self.missed} unread)"
        )

    @property
    def verdict(self) -> str:
        """Whether the target is reached, in words."""
        if self.reached:
            return f"STOP: target of {self.target:.0%} recall reached"
        return f"read on: target of {self.target:.0%} recall not reached (p = {self.p:.2g})"

    def __str__(self) -> str:
        if not self.read:
            return f"nothing read yet of {self.total}"
        return f"{self.read} of {self.total} read, {self.relevant} relevant; {self.bound}; {self.verdict}"


def tail_probabilities(
    verdicts: Sequence[int] | NDArray[np.int_], total: int, target: float
) -> NDArray[np.float64]:
    """For each starting moment, the probability of so few relevant records after it if recall were below `target`.

    p_i = P(X <= found after i), X ~ Hypergeometric(unread at i, least number of relevant among them, read after i).

    Returns
    -------
    p : ndarray, shape (read,)
    """
    seen = np.asarray(verdicts, dtype=int)
    read, found = len(seen), int(seen.sum())
    before = np.concatenate([[0], np.cumsum(seen)[:-1]])
    start = np.arange(read)
    hidden = np.floor(found / target - before + 1e-9).astype(int) + 1
    unread = total - start
    possible = hidden <= unread - (read - start) + (found - before)
    draws, missing = read - start, np.minimum(hidden, unread)
    p = hypergeom.cdf(found - before, unread, missing, draws)
    return np.where(possible, p, 0.0)


def stop(verdicts: Sequence[int], total: int, target: float = 0.95, confidence: float = 0.95) -> Stop:
    """Apply the test to the reading so far.

    Parameters
    ----------
    verdicts : sequence of int
        1 relevant, 0 not, in the order of reading.
    total : int
        Records in the set, read or not.

    >>> stop([1, 1, 1] + [0] * 96, 100).reached
    True
    >>> stop([1, 1, 1] + [0] * 20, 100).reached
    False
    """
    seen = np.asarray(verdicts, dtype=int)
    read, found = len(seen), int(seen.sum())
    alpha = 1.0 - confidence

    def p_at(level: float) -> float:
        return float(tail_probabilities(seen, total, level).min())

    if read == 0 or found == 0:
        whole = read >= total
        return Stop(
            whole,
            0.0 if whole else 1.0,
            1.0 if whole else 0.0,
            0 if whole else -1,
            read,
            found,
            total,
            target,
            confidence,
        )
    p = p_at(target)
    low, high = 0, total - read  # most relevant records that may be unread: p falls as more are assumed
    while low < high:
        middle = (low + high) // 2
        # "more than `middle` unread" is recall < found / (found + middle), just above that level
        if p_at(found / (found + middle)) < alpha:
            high = middle
        else:
            low = middle + 1
    certain = low < total - read or read >= total
    recall = found / (found + low) if certain else 0.0
    return Stop(p < alpha, p, recall, low if certain else -1, read, found, total, target, confidence)
