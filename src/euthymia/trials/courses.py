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
from dataclasses import dataclass
from functools import cache
from typing import Any

from euthymia.biology.interventions import RESTING, intervention_names, load_intervention
from euthymia.compounds.compound import load_compound, resolve
from euthymia.compounds.pharmacokinetics import choose_route
from euthymia.engine import Dose
from euthymia.errors import InputError
from euthymia.evidence.read import LIBRARY, load
from euthymia.trials.published import PublishedArm, PublishedTrial
from euthymia.trials.treatments import find_treatment
from euthymia.units import to_canonical

DAY, WEEK = 24.0, 168.0
LEAD = -4 * WEEK  # a background antidepressant has been taken this long
HOUR_OF_DAY = 9.0  # clock time of doses and sessions after the course's start
FREE_DAYS = ("mixed", "none", "tau", "care", "soc")
NUMBER = r"(\d+(?:\.\d+)?(?:e\d+)?)"
UNITS = {"kg": 1e6, "g": 1e3, "mg": 1.0, "ug": 1e-3, "mcg": 1e-3, "µg": 1e-3}
FORMS = re.compile(
    r"\b(XR|SR|ER|MR|CR|XL|IR|augmentation|add-on|adjunct|switch|hydrochloride|HCl|fumarate)\b", re.I
)
ROUTES = ("PO", "IV", "IN", "SC", "IM", "SL", "TD")
EVERY = {"bid": 12.0, "tid": 8.0, "qid": 6.0, "qod": 48.0}
WEEKDAYS = {1: (0,), 2: (0, 3), 3: (0, 2, 4), 5: (0, 1, 2, 3, 4), 7: tuple(range(7))}


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
    found = []
    for piece in (p.strip() for p in pieces if p.strip()):
        try:
            resolve(FORMS.sub(" ", piece))
            found.append(piece)
        except InputError:
            found += piece.split("-") if _all_known(piece.split("-")) else [piece]
    same = {i for p in found if (e := _find(p, "treatments")) and (i := e.get("intervention"))}
    return found[:1] if len(same) == 1 and len(found) > 1 and same == {"probiotics"} else found


def _all_known(pieces: list[str]) -> bool:
    try:
        return len(pieces) > 1 and all(resolve(p) for p in pieces)
    except InputError:
        return False


def _split(dose: str, count: int) -> list[str]:
    """The doses of the parts of a combination."""
    if count == 1:
        return [dose]
    pieces = [p.strip() for p in re.split(r"/(?!kg|week|70|h\b)|\+", dose)]
    if len(pieces) != count:
        return [dose if i == 0 else "" for i in range(count)]
    unit = re.search(r"[a-zA-Zµ]+(/kg)?\s*$", pieces[-1])
    return [p if re.search("[a-zA-Z]", p) or not unit else f"{p} {unit[0]}" for p in pieces]


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
            stop = min(end, _length(arm.schedule, end))
            level = float(entry["level"])
            if "half" in entry and (amount := _amount_or_none(dose)):
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
    length = _infusion(arm.route, name)
    times = dose_times(f"{arm.schedule} {dose}", end)
    if per_hour:
        amounts = [a * length for a in amounts]
    if len(amounts) > 1 and len(times) == len(amounts):
        for when, amount in zip(times, amounts, strict=True):
            yield Drug(name, route, amount, per_kg, (when,), length if route == "intravenous" else 0.0)
        return
    amount = sum(amounts) / len(amounts)
    yield Drug(name, route, amount, per_kg, times, length if route == "intravenous" else 0.0)


def _infusion(text: str, name: str) -> float:
    """Length of an infusion in hours; 40 minutes where the text says none, two hours for an antibody."""
    found = re.search(NUMBER + r"\s*(min|h)\b", text)
    if found:
        return float(found[1]) / (60.0 if found[2] == "min" else 1.0)
    return 2.0 if name.endswith("mab") else to_canonical(40, "min")


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
    return [factor * (values[0] + values[-1]) / 2 if "-" in head else factor * values[-1]], per_kg, per_hour


def _length(schedule: str, end: float) -> float:
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
    stop = min(end, _length(low, end))
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


def _named(text: str) -> dict[str, Any] | None:
    """An entry for what the list of treatment names knows and the compounds' own names do not."""
    try:
        resolve(FORMS.sub(" ", text).strip())
        return None
    except InputError:
        pass
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


def _amount_or_none(dose: str) -> float | None:
    try:
        return amount_mg(dose)[0][0]
    except InputError:
        return None


def _level(entry: dict[str, Any], dose: str) -> float:
    """How strong an intervention is, as a multiple of the library's own level."""
    if "per" not in entry:
        return 1.0
    unit = str(entry["unit"])
    if unit == "mg":
        amount = _amount_or_none(dose)
        return amount / float(entry["per"]) if amount else 1.0
    found = re.search(NUMBER + r"\s*" + re.escape(unit), dose)
    return float(found[1]) / float(entry["per"]) if found else 1.0


def _ports(name: str, level: float, schedule: str, end: float) -> list[tuple[float, str, float]]:
    intervention = load_intervention(name)
    stop = min(end, _length(schedule, end)) if not intervention.sessions else end
    found = [(d.time, d.target, d.amount) for d in _sessions(intervention, schedule, stop)]
    rest = RESTING
    return [
        (t, port, rest.get(port, 0.0) + (value - rest.get(port, 0.0)) * level)
        for t, port, value in found
        if t <= end
    ]


def _sessions(intervention: Any, schedule: str, stop: float) -> list[Dose]:
    """The library's sessions, with the number and weekdays of the trial where it states them."""
    from dataclasses import replace

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
    return intervention.doses(0.0, stop)


def _background(text: str, end: float) -> list[Drug]:
    entry = _find(text, "background")
    if entry is None:
        return []
    start = 0.0 if re.search(r"\bnew\b", text) else LEAD
    compound = load_compound(entry["compound"])
    count = int((end - start) // DAY) + 1
    times = tuple(start + i * DAY for i in range(count))
    return [Drug(compound.id, choose_route(compound, None), float(entry["dose"]), False, times, 0.0, True)]
