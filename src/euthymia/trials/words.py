"""Words and numbers of a trial file as people write them, to the one form that is stored.

In: text, numbers.  Out: the canonical word or number, or None where it cannot be told.  Nothing is guessed from what a
number is; only from how it is written.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

BLINDING = {
    "double": r"double|triple|quadruple|participant.*(rater|assessor)|\bdb\b|masked",
    "single": r"single|rater|assessor|observer|patient.?blind",
    "open": r"open|unblind|unmask|\bnone\b|no blind",
    "waitlist": r"wait",
}
LAYOUT = {
    "spcd": r"spcd|sequential parallel",
    "withdrawal": r"withdrawal|relapse prevention|discontinuation",
    "crossover": r"cross.?over",
    "delayed": r"delayed|wait.?list",
    "factorial": r"factorial",
    "sequential": r"sequenced|sequential|smart",
    "parallel": r"parallel|\bRCT\b|randomi[sz]ed|arm|group",
}
ROLES = {
    "active": r"^active$|^experimental|intervention|^treat|^test|^drug|^verum|^investigational",
    "comparator": r"active (?:comparator|control)|comparator|reference|positive control|standard drug",
    "control": r"control|placebo|sham|wait|usual|tau$",
}
HISTORY = {
    "refractory": r"refractory|resistan|\btrd\b|2\+|>=\s*2|two or more",
    "inadequate": r"inadequate|partial|incomplete|non-?respon|1-3|adjunct|augment|unremitted",
    "none": r"none|naive|na\u00efve|not|first|any|no ",
}
SETTINGS = {
    "mixed": r"mixed|both|in-?(patients?)?\s*(and|or|/|\+)\s*out-?patient|out-?(patients?)?\s*(and|or|/|\+)\s*in-?patient",
    "emergency": r"emergenc|crisis|suicid",
    "inpatient": r"^in-?patient|hospital|ward",
    "primary_care": r"primary|general practice|gp",
    "outpatient": r"out-?patient|communit|ambulat|clinic|online|home",
}
REGIONS = {
    "cross_continental": r"cross|inter-?continental|multi-?national|international|global|world",
    "north_america": r"north.?america|united states|\busa?\b|u\.s\.|canada",
    "asia": r"asia|china|chinese|japan|korea|taiwan|india|iran|turkey|thailand",
    "europe": r"europe|\buk\b|united kingdom|england|germany|france|italy|spain|netherlands|sweden|denmark|finland|norway|poland",
}
MET = {
    "yes": r"^(yes|y|true|met|positive|success.*|significant|1)$",
    "no": r"^(no|n|false|not met|missed|negative|fail.*|not significant|ns|0)$",
    "na": r"^(na|n/a|unknown|unclear|not (stated|reported|applicable)|none|null|)$",
}
USE = {"calibration": r"^calib|train|fit", "validation": r"^valid|test|held"}
_TIME = re.compile(
    r"^(?:at\s+|day\s+|d)?([\d.]+)\s*-?\s*(hours?|hrs?|h|days?|d|weeks?|wks?|w|months?|mo|min|minutes?)?\s*(?:later|post.*)?$"
)
_PER_DAY = {"h": 1 / 24, "d": 1.0, "w": 7.0, "mo": 30.4375, "mi": 1 / 1440}
_MOMENT = re.compile(r"^(day|d|week|wk|w|month|hour|h)\s*([\d.]+)$")


def choose(words: dict[str, str], text: Any) -> str | None:
    """The stored word a text stands for: itself, or the first whose pattern is found in it.

    >>> choose(BLINDING, "Double-blind"), choose(ROLES, "Sham"), choose(MET, True)
    ('double', 'control', 'yes')
    """
    plain = str(text).strip().lower() if text is not None else ""
    if plain in words:
        return plain
    return next((word for word, form in words.items() if re.search(form, plain, re.IGNORECASE)), None)


def region(text: Any) -> str | None:
    """Where the patients live; more than one continent is `cross_continental`.

    >>> region("USA"), region("Japan and Germany"), region("Mars")
    ('north_america', 'cross_continental', None)
    """
    plain = str(text).strip().lower().replace("_", " ")
    named = [k for k, form in REGIONS.items() if plain == k.replace("_", " ") or re.search(form, plain)]
    return "cross_continental" if len(named) > 1 else next(iter(named), None)


def number(value: Any) -> float | int | None:
    """A number as printed: a true minus sign, a comma for thousands, a per cent sign, a fraction.

    >>> number("\u221214.2"), number("52 %"), number("31/62"), number("about ten")
    (-14.2, 52, 50.0, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    text = str(value).strip().replace("\u2212", "-").replace("\u2013", "-").replace("%", "").strip()
    share = re.fullmatch(r"(\d+)\s*(?:/|of)\s*(\d+)", text)
    if share:
        return 100 * int(share[1]) / int(share[2]) if int(share[2]) else None
    text = re.sub(r"^(-?\d{1,3}),(\d{3})$", r"\1\2", text)
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text):
        return None
    found = float(text)
    return int(found) if found.is_integer() and "." not in text and "e" not in text.lower() else found


def pair(value: Any) -> tuple[float, float] | None:
    """Two numbers: a list, or text such as `-5.1 to -0.3`, in rising order.

    >>> pair("-5.1 to -0.3"), pair([1, 2]), pair("(-7.67, -0.49)")
    ((-5.1, -0.3), (1.0, 2.0), (-7.67, -0.49))
    """
    if isinstance(value, list | tuple) and len(value) == 2:
        parts = list(value)
    elif isinstance(value, str):
        text = value.replace("\u2212", "-").replace("\u2013", "-")
        parts = re.findall(r"-?\d+\.?\d*", re.sub(r"(?<=\d)\s*-\s*(?=\d)", " to ", text))
    else:
        return None
    numbers = [float(n) for n in map(number, parts) if n is not None]
    return (min(numbers), max(numbers)) if len(numbers) == 2 else None


def days(value: Any) -> float | int | None:
    """Days after randomisation: a number, or text such as `6 weeks`, `24 h`, `week 8`.

    >>> days("6 weeks"), days("24 h"), days("week 8"), days(42)
    (42, 1, 56, 42)
    """
    plain = number(value)
    if plain is not None:
        return plain
    text = str(value).strip().lower()
    moment = _MOMENT.match(text)
    if moment:
        text = f"{moment[2]} {moment[1]}"
    found = _TIME.match(text)
    if not found:
        return None
    unit = found[2] or "d"
    factor = _PER_DAY["mo" if unit.startswith("mo") else "mi" if unit.startswith("mi") else unit[0]]
    result = float(found[1]) * factor
    return int(result) if result.is_integer() else result


_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*-?\s*(d|days?|wk|wks|weeks?|mo|months?)\b(?!\s*apart)")


def schedule_days(text: str) -> float | None:
    """How long a schedule such as `2x/week 4 wk` or `daily for 14 days` lasts, or None where it does not say.

    >>> schedule_days("2x/week 4 wk"), schedule_days("daily for 14 days"), schedule_days("single")
    (28.0, 14.0, None)
    """
    spans = _SPAN.findall(text.lower())
    return max((float(days(f"{n} {unit}") or 0) for n, unit in spans), default=None)


_COUNTS = {"once": 1, "one": 1, "twice": 2, "two": 2, "thrice": 3, "three": 3, "four": 4, "five": 5, "six": 6}
_WORD = "(once|one|twice|two|thrice|three|four|five|six|\\d+)"
_GIVEN = "(?:doses|infusions|sessions|administrations)"
_SCHEDULES = (
    (
        rf"\b{_WORD}(?: (?:times?|sessions?|infusions?|doses?))?"
        r"(?: ?[x\u00d7] ?/? ?(?:per |a |each )?week| ?(?:/ ?|per |a |each |every )week| weekly)\b",
        "{n}x/week",
    ),
    (rf"\b{_WORD}(?: times?)? (?:daily|a day|per day|each day)\b", "{day}"),
    (r"\b(?:b\.?i\.?d\.?|bd)(?![a-z])", "bid"),
    (r"\b(?:t\.?i\.?d\.?|tds)(?![a-z])", "tid"),
    (r"\b(?:q\.?d\.?|o\.?d\.?|every day|each day|per day|nightly|at bedtime)(?![a-z])", "daily"),
    (r"\bevery (?:other|second) day\b", "qod"),
    (
        r"\b(?:one|a single|1) (?:dose|infusion|session|administration)\b|\bsingle[- ](?:dose|infusion|session)\b",
        "single",
    ),
    (
        rf"\b{_WORD} {_GIVEN},? (?:given )?{_WORD} (?:weeks?|wks?) apart\b",
        "{n} sessions ({m} wk apart)",
    ),
    (rf"\b{_WORD} {_GIVEN},? (?:given )?(?:over|in|within|for) {_WORD} (?:weeks?|wks?)\b", "{rate}"),
    (r"\b(?:on )?days? (\d+(?:, ?\d+)+(?:,? and \d+)?)", "{weeks}"),
)
_A_DAY = {1: "daily", 2: "bid", 3: "tid", 4: "qid"}


def schedule(text: str) -> str:
    """A schedule in the words this format writes, where its usual words can be told; the rest stays.

    >>> schedule("twice weekly for 4 weeks"), schedule("three times a week, 6 weeks"), schedule("once daily for 8 weeks")
    ('2x/week for 4 weeks', '3x/week, 6 weeks', 'daily for 8 weeks')
    >>> schedule("two doses 3 weeks apart"), schedule("BID"), schedule("days 1, 15 and 43"), schedule("one infusion")
    ('2 sessions (3 wk apart)', 'bid', 'wk 0,2,6', 'single')
    """
    for form, new in _SCHEDULES:
        text = re.sub(form, partial(_in_words, new), text, flags=re.IGNORECASE)
    return text


def _in_words(new: str, found: re.Match[str]) -> str:
    groups = [g for g in found.groups() if g]
    if new == "{weeks}":
        at = [int(d) - 1 for d in re.findall(r"\d+", groups[0])]
        return "wk " + ",".join(str(d // 7) for d in at) if all(d % 7 == 0 for d in at) else found[0]
    counts = [_COUNTS.get(g.lower()) or int(g) for g in groups]
    if new == "{rate}":
        whole = counts[1] and counts[0] % counts[1] == 0
        return f"{counts[0] // counts[1]}x/week {counts[1]} wk" if whole else found[0]
    if new == "{day}":
        return _A_DAY.get(counts[0], found[0])
    return new.format(n=counts[0] if counts else "", m=counts[-1] if counts else "")
