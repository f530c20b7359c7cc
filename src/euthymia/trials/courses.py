"""What the patients of a published arm are given, read from the words of the trial file.

In: an arm's treatment, dose, route and schedule, and the trial's background treatment.  Out: a `Course` of doses and
port changes that the network can live through, or a `Missing` with the reason why it cannot.

Assumed, where the text leaves it open: a range of doses stands for its middle, an upper limit for three quarters
of it; a background antidepressant has been taken for four weeks and goes on; a regimen without an end lasts as long
as the trial; a release form the library lacks is taken as the plain tablet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from euthymia.biology.interventions import (
    RESTING,
    WEEKDAYS,
    Intervention,
    intervention_names,
    load_intervention,
)
from euthymia.compounds.compound import is_compound, load_compound, resolve
from euthymia.compounds.pharmacokinetics import choose_route
from euthymia.engine import Dose
from euthymia.errors import InputError
from euthymia.evidence.read import LIBRARY, load
from euthymia.trials.published import PublishedArm, PublishedTrial
from euthymia.trials.schedules import (
    DAY,
    NUMBER,
    WEEK,
    amount_mg,
    amount_or_none,
    dose_times,
    infusion_of,
    length_of,
    range_mg,
    titration,
)
from euthymia.trials.treatments import find_treatment

LEAD = -4 * WEEK  # a background antidepressant has been taken this long
FORMS = re.compile(
    r"\b(XR|SR|ER|MR|CR|XL|IR|augmentation|add-on|adjunct|switch|hydrochloride|HCl|fumarate)\b", re.I
)
ROUTES = ("PO", "IV", "IN", "SC", "IM", "SL", "TD")


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug of a course.

    Parameters
    ----------
    compound, route : str
        Library name and route key.
    amount : float
        mg, or mg per kg of body weight where `per_kg`.
    times : tuple of float, h
        From the trial's start; negative for a background drug.
    length : float, h
        Of each infusion; 0 for a bolus or a tablet.
    """

    compound: str
    route: str
    amount: float
    per_kg: bool
    times: tuple[float, ...]
    length: float = 0.0
    background: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """Everything an arm is given.

    Parameters
    ----------
    drugs : tuple of Drug
    ports : tuple of (time in h, port, level)
    expectancy : float
        Level of the network's expectancy port: 1 in a trial, 0 on a waiting list.
    """

    drugs: tuple[Drug, ...] = ()
    ports: tuple[tuple[float, str, float], ...] = ()
    expectancy: float = 1.0

    @property
    def empty(self) -> bool:
        """Nothing is given."""
        return not self.drugs and not self.ports

    def doses(self) -> list[Dose]:
        """The port changes as engine events."""
        return [Dose(t, port, level, "set") for t, port, level in self.ports]

    def key(self) -> str:
        """Everything that decides the course, in one line."""
        drugs = [
            f"{d.compound} {d.route} {d.amount:g}{'/kg' if d.per_kg else ''} x{len(d.times)}"
            f"@{d.times[0]:g}-{d.times[-1]:g}{f' {d.length:g}h' if d.length else ''}"
            for d in self.drugs
        ]
        ports = [f"{port}={level:g}@{t:g}" for t, port, level in self.ports[:6]]
        return "; ".join([*drugs, *ports, f"expectancy {self.expectancy:g}"])

    def words(self) -> str:
        """The course in words."""
        parts = [
            f"{d.compound} {d.amount:g} mg{'/kg' if d.per_kg else ''} x{len(d.times)}"
            for d in self.drugs
            if not d.background
        ]
        parts += sorted(
            {f"{port} {level:g}" for _, port, level in self.ports if level != RESTING.get(port, 0)}
        )
        return ", ".join(parts) or "nothing"


@dataclass(frozen=True, slots=True)
class Missing:
    """Why the network cannot express an arm."""

    reason: str


@cache
def _table(name: str) -> tuple[dict[str, Any], ...]:
    return tuple(load(LIBRARY / "treatments.yaml").data[name])


def _find(text: str, name: str) -> dict[str, Any] | None:
    for entry in _table(name):
        for word in entry["words"]:
            if re.search(rf"(?<![\w-]){re.escape(str(word))}(?![\w-])", text, re.IGNORECASE):
                return entry
    return None


def course_of(trial: PublishedTrial, arm: PublishedArm) -> Course | Missing:
    """What the patients of one arm are given until the last reported day.

    Examples
    --------
    >>> from euthymia.trials.published import read_trial
    >>> trial = read_trial(LIBRARY / "trials" / "esk_synapse2018.yaml")
    >>> course_of(trial, trial.arm("esk84")).words()
    'esketamine 84 mg x3'
    """
    end = DAY * max([r.day for r in trial.results if r.day is not None], default=8 * 7.0)
    drugs: list[Drug] = []
    ports: list[tuple[float, str, float]] = []
    try:
        drugs += _background(trial.background, end)
        parts = _parts(arm.treatment)
        doses = _split(arm.dose, len(parts))
        for text, dose in zip(parts, doses, strict=True):
            _give(text, dose, arm, end, drugs, ports)
        if re.search(r"\+ ?(therapy|support)", arm.schedule, re.I):
            ports += _ports("psychotherapy", 1.0, arm.schedule, end)
    except InputError as error:
        return Missing("; ".join(p.message for p in error.problems))
    waiting = arm.role == "control" and trial.blinding == "waitlist"
    given = {
        d.compound for d in drugs if not d.background
    }  # background and study drug at once: the study dose
    kept = tuple(d for d in drugs if not (d.background and d.compound in given))
    return Course(kept, tuple(sorted(ports)), 0.0 if waiting else 1.0)


def _parts(text: str) -> list[str]:
    plain = re.sub(r"\([^)]*\)", " ", text)
    joined = _find(plain, "treatments") is None or " + " in plain
    pieces = re.split(r"\s\+\s|/|\bplus\b|\band\b", plain) if joined else [plain]
    found: list[str] = []
    for piece in (p.strip() for p in pieces if p.strip()):
        hyphenated = piece.split("-")
        several = len(hyphenated) > 1 and all(is_compound(p) for p in hyphenated)
        found += hyphenated if several and not is_compound(FORMS.sub(" ", piece)) else [piece]
    same = {i for p in found if (e := _find(p, "treatments")) and (i := e.get("intervention"))}
    return found[:1] if len(same) == 1 and len(found) > 1 and same == {"probiotics"} else found


def _split(dose: str, count: int) -> list[str]:
    """The doses of the parts of a combination."""
    if count == 1:
        return [dose]
    pieces = [p.strip() for p in re.split(r"/(?!kg|week|70|h\b)|\+", dose)]
    if len(pieces) != count:
        return [dose if i == 0 else "" for i in range(count)]
    unit = re.search(r"[a-zA-Zµ]+(/kg)?\s*$", pieces[-1])
    return [p if not p or re.search("[a-zA-Z]", p) or not unit else f"{p} {unit[0]}" for p in pieces]


def _give(
    text: str,
    dose: str,
    arm: PublishedArm,
    end: float,
    drugs: list[Drug],
    ports: list[tuple[float, str, float]],
) -> None:
    entry = _find(text, "treatments") or _named(text)
    if entry is not None:
        if entry.get("control"):
            return
        if "unknown" in entry:
            raise InputError([entry["unknown"]])
        if "intervention" in entry:
            ports += _ports(entry["intervention"], _level(entry, dose), arm.schedule, end)
            return
        if "port" in entry:
            stop = min(end, length_of(arm.schedule, end))
            level = float(entry["level"])
            if "half" in entry and (amount := amount_or_none(dose)):
                level *= amount / (amount + float(entry["half"]))
            ports += [(0.0, entry["port"], level), (stop, entry["port"], float(entry["rest"]))]
            return
    name = resolve(entry["compound"] if entry else FORMS.sub(" ", text).strip())
    compound = load_compound(name)
    if not dose.strip():
        if any(d.background and d.compound == name for d in drugs):
            return
        usual = next((e["dose"] for e in _table("background") if e["compound"] == name), None)
        dose = f"{usual} mg" if usual else dose
    if compound.name == "placebo":
        return
    if not compound.has_kinetics:
        raise InputError([f"{name}: no kinetics in the library"])
    word = next((w for w in arm.route.replace("+", " ").split() if w in ROUTES), "")
    try:
        route = choose_route(compound, word or None)
    except InputError:
        if word in ("", "PO") and "sublingual" in compound.routes:
            route = "sublingual"
        elif word in ("PO", ""):
            raise
        else:
            route = choose_route(compound, "IV")
    drugs += _drugs(name, route, dose, arm, end)


def _drugs(name: str, route: str, dose: str, arm: PublishedArm, end: float) -> Iterator[Drug]:
    amounts, per_kg, per_hour = amount_mg(dose)
    length = infusion_of(arm.route, name)
    times = dose_times(f"{arm.schedule} {dose}", end)
    if per_hour:
        amounts = [a * length for a in amounts]
    if len(amounts) > 1 and len(times) == len(amounts):
        for when, amount in zip(times, amounts, strict=True):
            yield Drug(name, route, amount, per_kg, (when,), length if route == "intravenous" else 0.0)
        return
    if re.search("flexib|titrat", dose) and (ends := range_mg(dose)):
        for begin, stop, amount in titration(*ends):
            if some := tuple(t for t in times if begin <= t < stop):
                yield Drug(name, route, amount, per_kg, some, length if route == "intravenous" else 0.0)
        return
    amount = sum(amounts) / len(amounts)
    yield Drug(name, route, amount, per_kg, times, length if route == "intravenous" else 0.0)


def _named(text: str) -> dict[str, Any] | None:
    """An entry for what the list of treatment names knows and the compounds' own names do not."""
    if is_compound(FORMS.sub(" ", text).strip()):
        return None
    named = find_treatment(FORMS.sub(" ", text).strip())
    if named is None:
        return None
    if named.kind == "control" and not named.library:
        return {"control": True}
    if len(named.library) != 1:
        return None
    if named.library[0] in intervention_names():
        return {"intervention": named.library[0]}
    return {"compound": named.library[0]}


def _level(entry: dict[str, Any], dose: str) -> float:
    """How strong an intervention is, as a multiple of the library's own level."""
    if "per" not in entry:
        return 1.0
    unit = str(entry["unit"])
    if unit == "mg":
        amount = amount_or_none(dose)
        return amount / float(entry["per"]) if amount else 1.0
    found = re.search(NUMBER + r"\s*" + re.escape(unit), dose)
    return float(found[1]) / float(entry["per"]) if found else 1.0


def _ports(name: str, level: float, schedule: str, end: float) -> list[tuple[float, str, float]]:
    intervention = load_intervention(name)
    stop = min(end, length_of(schedule, end)) if not intervention.sessions else end
    doses = _sessions(intervention, schedule).doses(0.0, stop, level)
    return [(d.time, d.target, d.amount) for d in doses if d.time <= end]


def _sessions(intervention: Intervention, schedule: str) -> Intervention:
    """The library's sessions, with the number and weekdays of the trial where it states them."""
    low = schedule.lower()
    if intervention.sessions:
        per_week = re.search(r"(\d)x/week", low)
        many = re.search(r"(?:(\d+)-)?(\d+) sessions", low)
        length = re.search(NUMBER + r" ?wk", low)
        days = WEEKDAYS.get(int(per_week[1]), intervention.weekdays) if per_week else intervention.weekdays
        count = intervention.sessions
        if many:
            count = (int(many[1] or many[2]) + int(many[2])) // 2
        elif length:
            count = int(float(length[1]) * len(days))
        intervention = replace(intervention, sessions=count, weekdays=days)
    return intervention


def _background(text: str, end: float) -> list[Drug]:
    entry = _find(text, "background")
    if entry is None:
        return []
    start = 0.0 if re.search(r"\bnew\b", text) else LEAD
    compound = load_compound(entry["compound"])
    count = int((end - start) // DAY) + 1
    times = tuple(start + i * DAY for i in range(count))
    return [Drug(compound.id, choose_route(compound, None), float(entry["dose"]), False, times, 0.0, True)]
