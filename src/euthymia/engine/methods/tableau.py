"""The form that all one-step methods share, so that one driver serves them.

Stages are increments K_s.  Implicit (Rosenbrock, in the form without matrix products):
(I/(h gamma) - J) K_s = f(t + at_s h, y + sum_j a_sj K_j) + sum_j c_sj K_j / h + d_s h df/dt; the last increment is
the error estimate and the new state is the last argument plus it.  Explicit: K_s = h f(t + at_s h, y + sum_j a_sj K_j);
the last stage is the first of the next step.  Within a step y(theta) = y + sum_s K_s sum_k dense_sk theta^(k+1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Tableau:
    """Coefficients of one method.

    Parameters
    ----------
    order : int
        Step sizes change with the error to the power -1/order.
    gamma : float
        0 for an explicit method.
    error : tuple of float
        Explicit methods: weights of the increments in the error estimate.
    """

    name: str
    order: int
    gamma: float
    a: tuple[tuple[float, ...], ...]
    at: tuple[float, ...]
    dense: tuple[tuple[float, ...], ...]
    c: tuple[tuple[float, ...], ...] = ()
    d: tuple[float, ...] = ()
    error: tuple[float, ...] = ()
    safety: float = 0.7

    @property
    def stages(self) -> int:
        return len(self.a)

    def table(self) -> np.ndarray:
        """Coefficients of the stages, shape (2, stages, stages): a, then c."""
        made = np.zeros((2, self.stages, self.stages))
        for part, rows in zip(made, (self.a, self.c), strict=True):
            for s, row in enumerate(rows):
                part[s, : len(row)] = row
        return made

    @property
    def implicit(self) -> bool:
        return self.gamma > 0


def rosenbrock_dense(
    last: tuple[float, ...], h: tuple[tuple[float, ...], ...]
) -> tuple[tuple[float, ...], ...]:
    """Dense output (1-x) y0 + x (y1 + (1-x)(h1 + x (h2 + x h3))) as powers of x for each increment."""
    rows = []
    for s, weight in enumerate((*last, 1.0)):
        h1, h2, h3 = (row[s] if s < len(row) else 0.0 for row in (*h, (), ())[:3])
        rows.append((weight + h1, h2 - h1, h3 - h2, -h3))
    return tuple(rows)
