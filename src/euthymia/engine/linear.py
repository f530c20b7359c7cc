"""The sparse Jacobian and its LU factorisation without pivoting, as a program of scalar operations.

In: the non-zero pattern of a Jacobian.  Out: an elimination order (Markowitz: fewest fills first), the pattern
with fill, and the operations of factorisation and solution.  Because nothing is permuted at run time, the same
program serves every patient; a pivot that nearly cancels is reported and the caller halves its step.

References
----------
markowitz1957elimination
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Factorisation:
    """What to do, in order.

    Parameters
    ----------
    order : tuple of int
        Rows (and columns) in the order of elimination.
    slots : dict from (row, column) to int
        Storage of the factors; the diagonal holds the inverse pivots.
    factor : tuple
        ("invert", pivot), ("scale", slot, pivot) and ("update", slot, left, upper): slot -= left*upper.
    solve : tuple
        ("subtract", row, slot, column): b[row] -= lu[slot]*b[column]; ("times", row, slot): b[row] *= lu[slot].
    """

    order: tuple[int, ...]
    slots: dict[tuple[int, int], int]
    factor: tuple[tuple, ...]
    solve: tuple[tuple, ...]


def eliminate(n: int, pattern: Iterable[tuple[int, int]]) -> Factorisation:
    """Plan the factorisation of an n by n matrix with a full diagonal.

    >>> eliminate(3, [(0, 1), (0, 2), (1, 0), (2, 0)]).order  # an arrow: the tip goes last, no fill
    (1, 0, 2)
    """
    rows: list[set[int]] = [{i} for i in range(n)]
    cols: list[set[int]] = [{i} for i in range(n)]
    for i, j in pattern:
        rows[i].add(j)
        cols[j].add(i)
    left = set(range(n))
    order: list[int] = []
    full: set[tuple[int, int]] = set()
    while left:
        k = min(left, key=lambda i: ((len(rows[i]) - 1) * (len(cols[i]) - 1), i))
        order.append(k)
        left.remove(k)
        below, beside = cols[k] - {k}, rows[k] - {k}
        full.update((i, k) for i in cols[k])
        full.update((k, j) for j in rows[k])
        for i in below:
            rows[i] |= beside
            rows[i].discard(k)
        for j in beside:
            cols[j] |= below
            cols[j].discard(k)
    place = {k: i for i, k in enumerate(order)}
    ranked = sorted(full, key=lambda ij: (min(place[ij[0]], place[ij[1]]), place[ij[0]], place[ij[1]]))
    slots = {ij: s for s, ij in enumerate(ranked)}
    below_of: dict[int, list[int]] = {k: [] for k in range(n)}
    right_of: dict[int, list[int]] = {k: [] for k in range(n)}
    for i, j in ranked:
        if place[i] > place[j]:
            below_of[j].append(i)
        elif place[j] > place[i]:
            right_of[i].append(j)
    return Factorisation(
        tuple(order),
        slots,
        tuple(_factor(order, slots, below_of, right_of)),
        tuple(_solve(order, slots, below_of, right_of)),
    )


def _factor(order, slots, below_of, right_of):  # type: ignore[no-untyped-def]
    for k in order:
        yield "invert", slots[k, k]
        for i in below_of[k]:
            yield "scale", slots[i, k], slots[k, k]
            for j in right_of[k]:
                yield "update", slots[i, j], slots[i, k], slots[k, j]


def _solve(order, slots, below_of, right_of):  # type: ignore[no-untyped-def]
    for k in order:
        for i in below_of[k]:
            yield "subtract", i, slots[i, k], k
    for k in reversed(order):
        for j in right_of[k]:
            yield "subtract", k, slots[k, j], j
        yield "times", k, slots[k, k]
