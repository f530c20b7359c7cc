"""Doses, times and lengths out of the words of published trials.

In: texts such as `56-84 mg`, `2x/week 4 wk`, `IV 40 min`.  Out: mg, hours.  Assumed: a range of doses stands for its
middle, an upper limit for three quarters of it; a regimen without an end lasts as long as the trial.
"""

from __future__ import annotations

import re

from euthymia.biology.interventions import WEEKDAYS
from euthymia.errors import InputError
from euthymia.units import to_canonical

DAY, WEEK = 24.0, 168.0
NUMBER = r"(\d+(?:\.\d+)?(?:e\d+)?)"
UNITS = {"kg": 1e6, "g": 1e3, "mg": 1.0, "ug": 1e-3, "mcg": 1e-3, "µg": 1e-3}
RANGE = re.compile(r"-|\bto\b|\bor\b|\d\s*/\s*\d")
EVERY = {"bid": 12.0, "tid": 8.0, "qid": 6.0, "qod": 48.0}


def amount_mg(text: str) -> tuple[list[float], bool, bool]:
    """Amounts in mg as printed, whether per kg, whether per hour; one amount, or one for each session.

    >>> amount_mg("56-84 mg"), amount_mg("0.5 mg/kg"), amount_mg("20 then 30 mg/70 kg")
    (([70.0], False, False), ([0.5], True, False), ([20.0, 30.0], False, False))
    """
    low = text.replace(",", "").replace("–", "-")
    unit = re.search(r"(?<![a-zA-Z])(mg|ug|mcg|µg|g)(?![a-zA-Z])", low)
    if unit is None:
        raise InputError([f"no dose in mg can be read from '{text}'"])
    factor = UNITS[unit[1]]
    head = low[: unit.start()]
    values = [float(v) for v in re.findall(NUMBER, head)]
    if not values:
        raise InputError([f"no number before the unit in '{text}'"])
    tail = low[unit.end() :].lstrip()
    per_kg, per_hour = bool(re.match(r"/\s*kg", tail)), bool(re.match(r"(/\s*kg)?\s*/\s*h", tail))
    if re.search(r"then", head):
        return [v * factor for v in values], per_kg, per_hour
    if re.search(r"<=|≤|up to|max", head):
        return [0.75 * values[-1] * factor], per_kg, per_hour
    return (
        [factor * (values[0] + values[-1]) / 2 if RANGE.search(head) else factor * values[-1]],
        per_kg,
        per_hour,
    )


def range_mg(text: str) -> tuple[float, float] | None:
    """Lowest and highest dose of a range, mg; None where the text has none.

    >>> range_mg("flexible 50 to 200 mg"), range_mg("50 mg")
    ((50.0, 200.0), None)
    """
    found = re.search(
        NUMBER + r"\s*(?:-|to|or)\s*" + NUMBER + r"\s*(mg|ug|mcg|µg|g)\b", text.replace("–", "-")
    )
    return (float(found[1]) * UNITS[found[3]], float(found[2]) * UNITS[found[3]]) if found else None


def titration(low: float, high: float) -> tuple[tuple[float, float, float], ...]:
    """Begin and end in hours and dose of a flexible range: lowest for a week, middle for a week, then three quarters of the
    highest where that is more.

    >>> [dose for _, _, dose in titration(50, 200)]
    [50, 125.0, 150.0]
    """
    middle = (low + high) / 2
    return (0.0, WEEK, low), (WEEK, 2 * WEEK, middle), (2 * WEEK, float("inf"), max(middle, 0.75 * high))


def amount_or_none(dose: str) -> float | None:
    try:
        return amount_mg(dose)[0][0]
    except InputError:
        return None


def length_of(schedule: str, end: float) -> float:
    """How long a regimen lasts, h."""
    found = re.search(NUMBER + r"\s*(wk|weeks?|d|days?|months?)\b", schedule)
    if not found:
        return end
    unit = {"w": WEEK, "d": DAY, "m": 30 * DAY}[found[2][0]]
    return float(found[1]) * unit


def dose_times(schedule: str, end: float) -> tuple[float, ...]:
    """Times of doses in hours from the start.

    >>> dose_times("2x/week 4 wk", 28 * 24.0), dose_times("wk 0,2,6", 84 * 24.0)
    ((0.0, 72.0, 168.0, 240.0, 336.0, 408.0, 504.0, 576.0), (0.0, 336.0, 1008.0))
    """
    low = schedule.lower()
    stop = min(end, length_of(low, end))
    weeks = re.search(r"\b(?:wk|weeks?) (\d+(?:, ?\d+)+)", low)
    if weeks:
        return tuple(float(w) * WEEK for w in weeks[1].split(",") if float(w) * WEEK < end)
    apart = re.search(r"\((\d+) wk apart\)", low)
    many = re.search(r"(\d+) sessions|x ?(\d+)\b(?!/)", low)
    if many and "/week" not in low:
        gap = float(apart[1]) * WEEK if apart else 2 * WEEK
        return tuple(i * gap for i in range(int(many[1] or many[2])) if i * gap < end)
    if re.search(r"single|once\b(?! ?(daily|a))", low):
        return (0.0,)
    per_week = re.search(r"(\d)x ?/? ?(?:a |per )?(?:week|wk)", low)
    count = int(per_week[1]) if per_week else 1 if re.search(r"\bweekly", low) else 0
    if count:
        days = WEEKDAYS.get(count, tuple(range(count)))
        found = [w * WEEK + d * DAY for w in range(int(stop // WEEK) + 1) for d in days]
        return tuple(t for t in found if t < stop)
    every = next((h for w, h in EVERY.items() if re.search(rf"\b{w}\b", low)), DAY)
    return tuple(i * every for i in range(max(int(-(-stop // every)), 1)))


def infusion_of(text: str, name: str) -> float:
    """Length of an infusion in hours; 40 minutes where the text says none, two hours for an antibody."""
    found = re.search(NUMBER + r"\s*(min|h)\b", text)
    if found:
        return float(found[1]) / (60.0 if found[2] == "min" else 1.0)
    return 2.0 if name.endswith("mab") else to_canonical(40, "min")
