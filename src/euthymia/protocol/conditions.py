"""Inclusion conditions such as `madrs >= 22` or `age between 18 and 65 years`.

>>> c = parse_condition("age between 18 years and 65 years")
>>> c.name, c.holds(np.array([17.0, 40.0]) * 8766.0).tolist()
('age', [False, True])
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import UnitError
from euthymia.units import quantity

_COMPARE = {
    ">=": np.greater_equal,
    "<=": np.less_equal,
    ">": np.greater,
    "<": np.less,
    "==": np.equal,
}
_FORM = "a condition looks like 'madrs >= 22' or 'age between 18 years and 65 years'"


@dataclass(frozen=True, slots=True)
class Condition:
    """Bounds on one covariate, trait or baseline score (canonical units)."""

    name: str
    tests: tuple[tuple[str, float], ...]

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which values satisfy every bound, same shape."""
        found = np.ones(np.shape(values), dtype=bool)
        for sign, bound in self.tests:
            found &= _COMPARE[sign](values, bound)
        return found


def parse_condition(text: str) -> Condition:
    """Read one condition.

    Raises
    ------
    UnitError
        The text is no condition, or a bound has no valid unit.
    """
    between = re.fullmatch(r"\s*([\w.]+)\s+between\s+(.+?)\s+and\s+(.+?)\s*", text)
    if between:
        name, low, high = between.groups()
        unit = re.sub(r"^[\s0-9.eE+-]+", "", high)
        low = low if re.search(r"[A-Za-z%]", low) else f"{low} {unit}"
        return Condition(name, ((">=", quantity(low).value), ("<=", quantity(high).value)))
    single = re.fullmatch(r"\s*([\w.]+)\s*(>=|<=|==|>|<)\s*(.+?)\s*", text)
    if not single:
        raise UnitError(f"'{text}' is not a condition; {_FORM}")
    name, sign, bound = single.groups()
    return Condition(name, ((sign, quantity(bound).value),))
