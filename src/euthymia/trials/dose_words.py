"""Doses that stand in an arm's treatment words: `esketamine 56 or 84 mg`, `sertraline flexible 50 to 200 mg/day`.

In: the words of a treatment.  Out: the treatment without them, the dose as trial files write it, and what looks like a
dose and cannot be read.  Assumed: `or`, `to` and `/` between two amounts of one drug make a range; `per day` with `bid` is
divided; nothing is taken from a number without a unit of mass.
"""

from __future__ import annotations

import re

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_UNIT = r"(?:mg|mcg|µg|ug|g)(?![a-zA-Z])"
_BEFORE = (
    r"(?:(?:(?<![a-zA-Z])(?:flexibl[ey]|flexible-dose|titrated|dosed?|doses|dosing|fixed|target|up to|maximum|max\.?)"
    r"(?![a-zA-Z])|<=|≤|:)\s*)*"
)
_JOIN = r"\s*(?:-|–|/|,|\bto\b|\bor\b|\bthen\b|\band\b)+\s*(?:or\s+|up to\s+)?"
_TIMES = (
    r"bid|b\.i\.d\.?|tid|t\.i\.d\.?|qid|twice (?:daily|a day)|three times (?:daily|a day)|once (?:daily|weekly)|"
    r"(?:twice|once) a week|twice weekly|weekly|daily|qd|q\.d\.?|od"
)
PHRASE = re.compile(
    rf"\(?\s*(?P<before>{_BEFORE})(?<![\w.-])"
    rf"(?P<amount>{_NUMBER}(?:\s*{_UNIT})?(?:{_JOIN}{_NUMBER}(?:\s*{_UNIT})?)*)\s*(?<=[a-zA-Zµ\d\s])"
    rf"(?P<per>\s*(?:/|per)\s*(?:\d+\s*)?kg(?:\s*/\s*h)?)?(?P<day>\s*(?:/|per|a)\s*(?:day|d)\b)?,?\s*(?P<times>(?:{_TIMES})(?![a-zA-Z]))?\s*\)?",
    re.IGNORECASE,
)
_PARTS = re.compile(r"(\s\+\s|\bplus\b|\bwith\b|\band\b(?!\s*\d)|(?<=mg)\s*/\s*(?=[a-z]{4}))", re.IGNORECASE)
_STRAY = re.compile(r"(?<![\w,.+-])(\d[\w.,]*\s+(?!and\b|plus\b|with\b|or\b)[A-Za-z%]+)")
_ONCE = ("once daily", "daily", "qd", "q.d", "q.d.", "od", "")
_PER_DAY = {"bid": 2, "tid": 3, "qid": 4}
_SHORT = {"b.i.d": "bid", "b.i.d.": "bid", "twice daily": "bid", "twice a day": "bid", "t.i.d": "tid", "t.i.d.": "tid",
          "three times daily": "tid", "three times a day": "tid", "twice a week": "2x/week", "twice weekly": "2x/week",
          "once a week": "weekly", "once weekly": "weekly"}  # fmt: skip


def _dose(found: re.Match[str], several: bool) -> str:
    """The dose as trial files write it."""
    amount = found["amount"]
    units = re.findall(_UNIT, amount)
    values = [
        v.replace(",", "") for v in re.findall(_NUMBER, re.sub(r",(?=\s|\d{1,2}\b(?!\d))", " ", amount))
    ]
    times = " ".join((found["times"] or "").lower().split())
    times = _SHORT.get(times, "" if times in _ONCE else times)
    if found["day"] and times in _PER_DAY:
        values = [f"{float(v) / _PER_DAY[times]:g}" for v in values]
    if re.search(r"\bthen\b", amount, re.IGNORECASE):
        joined = " then ".join(values)
    elif several and "/" in amount:
        joined = "/".join(values)
    else:
        joined = values[0] if len(values) == 1 else f"{values[0]}-{values[-1]}"
    before = found["before"].lower()
    word = "flexible " if re.search("flexib|titrat", before) else ""
    word = "up to " if re.search(r"up to|max|<=|≤", before) and len(values) == 1 else word
    per = re.sub(r"\s+", "", (found["per"] or "").lower().replace("per", "/")).replace("70kg", "70 kg")
    return f"{word}{joined} {units[-1]}{per}{f' {times}' if times else ''}".strip()


def doses_in(text: str) -> tuple[str, str, tuple[str, ...]]:
    """Treatment without its doses, the doses of its parts, and what cannot be read.

    >>> doses_in("esketamine 56 or 84 mg")
    ('esketamine', '56-84 mg', ())
    >>> doses_in("tDCS + sertraline flexible 50 to 200 mg/day")
    ('tDCS + sertraline', '+ flexible 50-200 mg', ())
    >>> doses_in("sertraline 2 tablets")
    ('sertraline 2 tablets', '', ('2 tablets',))
    """
    pieces, doses, unread = _PARTS.split(text), [], []
    for i in range(0, len(pieces), 2):
        piece = pieces[i]
        several = bool(re.search(r"[a-z)]\s*/\s*[a-z]|[a-z]{4}-[a-z]{4}", piece, re.IGNORECASE))
        told = next((m for m in PHRASE.finditer(piece) if re.search(_UNIT, m["amount"])), None)
        doses.append("" if told is None else _dose(told, several))
        if told is not None:
            tidy = f"{piece[: told.start()].rstrip()} {piece[told.end() :].lstrip()}"
            pieces[i] = f"{tidy.rstrip(' ,;:')}{' ' if i + 1 < len(pieces) else ''}"
        else:
            unread += [m[1].strip() for m in _STRAY.finditer(re.sub(r"\([^)]*\)", " ", piece))]
    if not any(doses):
        return text, "", tuple(unread)
    clean = " ".join("".join(pieces).split())
    return clean, doses[0] if not any(doses[1:]) else " + ".join(doses).strip(), tuple(unread)
