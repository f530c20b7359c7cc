"""Distributions of varied symbols: text such as `lognormal(0.3)` to one value for each patient.

Streams are counter-based and keyed by seed and symbol, so that a patient keeps his values in a larger population.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np

from euthymia.errors import InputError, Problem

_SPEC = re.compile(r"\s*(lognormal|normal|uniform)\s*\(([^)]*)\)\s*")


def draw(spec: str, value: float, patients: int, seed: int, symbol: str) -> np.ndarray:
    """Values of one symbol for every patient; patient i is the same in a larger population.

    Parameters
    ----------
    spec : str
        `lognormal(cv)` or `normal(cv)` about the model's value (the median or mean), `lognormal(median, cv)`,
        `normal(mean, sd)`, or `uniform(low, high)`.  `cv=` and `%` may be written.

    Raises
    ------
    InputError
        The text is none of these.

    >>> draw("uniform(1, 2)", 0.0, 3, 7, "k").shape
    (3,)
    """
    match = _SPEC.fullmatch(spec)
    problem = f"'{spec}' is no distribution; for example lognormal(0.3), normal(5, 1) or uniform(1, 2)"
    if not match:
        raise InputError([Problem(problem, key=symbol)])
    kind, inside = match.groups()
    try:
        numbers = [
            float(w.strip().rstrip("%")) / (100 if w.strip().endswith("%") else 1)
            for w in (part.rpartition("=")[2] for part in inside.split(","))
        ]
    except ValueError:
        raise InputError([Problem(problem, key=symbol)]) from None
    word = hashlib.sha256(symbol.encode()).digest()
    stream = np.random.Generator(np.random.Philox(key=[seed, int.from_bytes(word[:8], "little")]))
    if kind == "uniform" and len(numbers) == 2 and numbers[0] <= numbers[1]:
        return numbers[0] + (numbers[1] - numbers[0]) * stream.random(patients)
    if kind in ("normal", "lognormal") and len(numbers) in (1, 2) and numbers[-1] >= 0:
        z = stream.standard_normal(patients)
        centre = numbers[0] if len(numbers) == 2 else value
        if not np.isfinite(centre) or (kind == "lognormal" and centre < 0):
            raise InputError([Problem(f"'{spec}' about {centre:g} is not possible", key=symbol)])
        if kind == "lognormal":
            return centre * np.exp(np.sqrt(np.log1p(numbers[-1] ** 2)) * z)
        return centre + (numbers[-1] if len(numbers) == 2 else numbers[0] * abs(centre)) * z
    raise InputError([Problem(problem, key=symbol)])
