"""Times as a protocol writes them, in hours after the first dose.

`baseline` is hour 0, `day 1` begins at hour 0, `day 8` is the visit seven days later, `week 2` the visit
after two weeks.

>>> visit_hours("baseline"), visit_hours("day 8"), visit_hours("week 2"), visit_hours("day 1 + 40 min")
(0.0, 168.0, 336.0, 0.6666666666666666)
"""

from __future__ import annotations

from euthymia.units import quantity


def hours(text: str) -> float:
    """A duration such as '8 weeks' in hours."""
    return quantity(text, "h").value


def visit_hours(text: str) -> float:
    """A visit such as 'baseline', 'day 8', 'week 2' or 'day 1 + 40 min' in hours."""
    day, _, later = text.partition("+")
    extra = hours(later) if later else 0.0
    if day.strip() == "baseline":
        return extra
    kind, number = day.split()
    return ((float(number) - 1.0) * 24.0 if kind == "day" else float(number) * 168.0) + extra
