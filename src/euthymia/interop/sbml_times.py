"""When a known function of time crosses zero: stop points that no solver may step over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def crossings(gap: Callable[[float], float], grid: np.ndarray) -> list[float]:
    """Where a function of time is zero or changes sign: exact where it is linear, else by bisection.

    >>> crossings(lambda t: 2 * t - 3, np.linspace(0, 2, 5))
    [1.5]
    """
    first, last = float(grid[0]), float(grid[-1])
    if first == last:
        return []
    a, b = gap(first), gap(last)
    thirds = [first + q * (last - first) for q in (0.3, 0.61, 0.87)]
    scale = max(abs(a), abs(b), 1e-300)
    if all(abs(gap(t) - (a + (b - a) * (t - first) / (last - first))) <= 1e-12 * scale for t in thirds):
        if a * b > 0 or a == b:
            return []
        root = first - a * (last - first) / (b - a)
        polished = root - gap(root) * (last - first) / (b - a)
        return [min((polished, root, float(f"{root:.12g}")), key=lambda t: abs(gap(t)))]
    found = []
    values = [gap(float(t)) for t in grid]
    for i in range(len(grid) - 1):
        low, high = float(grid[i]), float(grid[i + 1])
        if values[i] == 0:
            found.append(low)
        if values[i] * values[i + 1] < 0:
            while high - low > 1e-15 * max(1.0, abs(high)):
                middle = 0.5 * (low + high)
                if not low < middle < high:
                    break
                if gap(middle) * values[i] > 0:
                    low = middle
                else:
                    high = middle
            found.append(high)
    return found
