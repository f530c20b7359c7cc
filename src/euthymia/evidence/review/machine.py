"""A linear support vector machine that starts from its last answer: squared hinge, one Newton step after another.

In: rows of features, verdicts, a cost per row.  Out: weights that minimise

    F(w) = |w|^2 / 2 + sum_i cost_i max(0, 1 - y_i (x_i, 1) . w)^2

which is what `sklearn.svm.LinearSVC` minimises (its intercept is one more weight, punished like the others); a test
compares the two.  While a person reads, each fit differs little from the one before, so a few products with the
features suffice where a fit from nothing needs dozens.

References
----------
keerthi2005modified : S. S. Keerthi, D. DeCoste. A modified finite Newton method for fast solution of large scale linear
    SVMs. Journal of Machine Learning Research 6, 341-361 (2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
NEWTON, INNER = 50, 200  # most steps, and most products per step; a dozen in all are usual
CLOSE = 1e-3  # moves scores by less than a hundredth of their spread


class Machine:
    """One machine; `fit` starts from the weights of the last fit.

    Parameters
    ----------
    terms : int
        Number of features; one more weight is the intercept.
    close : float
        A fit ends when the gradient is this share of its length at w = 0.
    """

    def __init__(self, terms: int, close: float = CLOSE):
        self.close = close
        self.weights: Vector = np.zeros(terms + 1, dtype=np.float32)
        self.products = 0

    def fit(self, rows: Any, verdicts: NDArray[np.int_], cost: NDArray[np.float64]) -> None:
        """Find the weights.

        Parameters
        ----------
        rows : sparse matrix, shape (n, terms), single precision
        verdicts : ndarray, shape (n,), 1 relevant, 0 not
        cost : ndarray, shape (n,)
        """
        sign = np.where(verdicts == 1, 1.0, -1.0).astype(np.float32)
        price = np.asarray(2.0 * cost, dtype=np.float32)
        turned = rows.T

        def ahead(w: Vector) -> Vector:
            self.products += 1
            return rows @ w[:-1] + w[-1]

        def back(u: Vector) -> Vector:
            return np.append(turned @ u, u.sum(dtype=np.float32))

        def value(w_w: float, short: Vector) -> float:
            return 0.5 * w_w + 0.5 * float(price @ np.square(np.maximum(short, 0.0), dtype=float))

        goal = self.close * _length(back(price * sign))
        w = self.weights
        if not self._sooner(w, ahead, sign, value):
            w = np.zeros_like(w)
        short = 1.0 - sign * ahead(w)  # by how much each row misses its side of the margin
        for _ in range(NEWTON):
            inside = (price * (short > 0)).astype(np.float32)
            slope = w - back(inside * sign * short)
            if _length(slope) <= goal:
                break
            step = self._solve(slope, inside, ahead, back, goal)
            along = sign * ahead(step)
            w_w, w_s, s_s = float(w @ w), float(w @ step), float(step @ step)
            now, size = value(w_w, short), 1.0
            while size > 1e-4 and value(w_w + size * (2 * w_s + size * s_s), short - size * along) > now:
                size /= 2
            w, short = w + np.float32(size) * step, short - np.float32(size) * along
        self.weights = w

    @staticmethod
    def _sooner(w: Vector, ahead: Any, sign: Vector, value: Any) -> bool:
        """Whether the old weights are a better start than none."""
        return bool(w.any()) and value(float(w @ w), 1.0 - sign * ahead(w)) < value(0.0, np.ones_like(sign))

    @staticmethod
    def _solve(slope: Vector, inside: Vector, ahead: Any, back: Any, goal: float) -> Vector:
        """The Newton step: conjugate gradients on (1 + X' cost X) step = -slope."""
        step = np.zeros_like(slope)
        left = -slope
        way, size = left.copy(), float(left @ left)
        close = max(0.5 * goal, 0.05 * size**0.5)
        for _ in range(INNER):
            if size**0.5 <= close:
                break
            bent = way + back(inside * ahead(way))
            share = np.float32(size / float(way @ bent))
            step += share * way
            left -= share * bent
            size, before = float(left @ left), size
            way = left + np.float32(size / before) * way
        return step


def _length(v: Vector) -> float:
    return float(np.sqrt(float(v @ v)))
