"""What is wrong with the treatments of an arm or of a step: drugs, interventions, controls.

In: a list of treatments that begins at some hour of a trial.  Out: problems at the keys of the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from euthymia.biology.interventions import DAY, Intervention, load_intervention
from euthymia.biology.module import load_module, module_names
from euthymia.biology.network import PROFILES
from euthymia.compounds.compound import Compound, load_compound, resolve
from euthymia.compounds.pharmacokinetics import choose_route
from euthymia.errors import InputError, Problem, UnitError
from euthymia.evidence.read import Document, Path_
from euthymia.protocol.names import drug_message
from euthymia.protocol.protocol import Protocol, Treatment
from euthymia.protocol.times import hours, visit_hours
from euthymia.units import quantity

TYPICAL = 70.0  # kg, to judge a dose per weight
IMPLAUSIBLE = 20.0  # times the largest labelled dose
NAMES = ("drug", "intervention", "control")
OF_DRUGS = ("dose", "every", "route", "infusion")
OF_INTERVENTIONS = ("sessions", "per_week", "level")
Spans = dict[str, list[tuple[float, float]]]


def treatment_problems(
    protocol: Protocol, treatments: tuple[Treatment, ...], where: Path_, start: float, document: Document
) -> Iterator[Problem]:
    """Faults of a list of treatments that begins at hour `start`."""
    spans: Spans = {}
    left = protocol.duration_h - start
    for j, treatment in enumerate(treatments):
        path: Path_ = (*where, j)
        problems = list(_lengths(treatment, path, document))
        named = [n for n in NAMES if getattr(treatment, n)]
        if len(named) != 1:
            told = f"names {' and '.join(named)} at once; write one entry for each" if named else (
                "names no treatment; give 'drug', 'intervention' or 'control', for example 'drug: sertraline'"
            )  # fmt: skip
            problems.append(document.problem(path, told))
        yield from problems
        if problems:
            continue
        if not treatment.on and 0 < left <= visit_hours(treatment.from_):
            message = f"'{treatment.from_}' is at or after the trial's end ({protocol.duration}); nothing would be given"
            yield document.problem((*path, "from"), message)
        elif treatment.intervention:
            yield from _intervention(protocol, treatment, path, left, spans, document)
        elif treatment.drug:
            yield from _given(protocol, treatment, path, left, spans, document)


def _lengths(treatment: Treatment, path: Path_, document: Document) -> Iterator[Problem]:
    for key in ("every", "for_", "infusion"):
        if not getattr(treatment, key):
            continue
        try:
            if hours(getattr(treatment, key)) <= 0:
                yield document.problem((*path, key.rstrip("_")), "must be longer than zero")
        except UnitError as error:
            yield document.problem((*path, key.rstrip("_")), str(error))


def _foreign(
    treatment: Treatment, keys: tuple[str, ...], path: Path_, message: str, document: Document
) -> Iterator[Problem]:
    """Keys that the kind of treatment does not take."""
    plain = Treatment()
    for key in keys:
        if getattr(treatment, key) != getattr(plain, key):
            yield document.problem((*path, key), f"'{key}' {message}", at_key=True)


def _taken(
    name: str, span: tuple[float, float], spans: Spans, path: Path_, document: Document
) -> Iterator[Problem]:
    if any(span[0] < end and begin < span[1] for begin, end in spans.get(name, [])):
        yield document.problem(path, f"doses of {name} overlap with another line of this arm")
    spans.setdefault(name, []).append(span)


def _intervention(
    protocol: Protocol, treatment: Treatment, path: Path_, left: float, spans: Spans, document: Document
) -> Iterator[Problem]:
    try:
        found = load_intervention(treatment.intervention)
    except InputError as error:
        yield from (document.problem((*path, "intervention"), p.message) for p in error.problems)
        return
    told = "belongs to drugs; an intervention takes from, for, on, sessions, per_week and level"
    yield from _foreign(treatment, OF_DRUGS, path, told, document)
    if not found.sessions:
        told = f"belongs to treatments in sessions; {found.name} goes on, for example 'for: 6 weeks'"
        yield from _foreign(treatment, ("sessions", "per_week", "on"), path, told, document)
    yield from _unread(protocol, found, path, document)
    begin = visit_hours(treatment.from_)
    if treatment.for_ and begin + hours(treatment.for_) > left + 1e-9:
        message = f"'{treatment.for_}' is longer than the trial ({protocol.duration})"
        yield document.problem((*path, "for"), message)
    end = min(left, begin + hours(treatment.for_)) if treatment.for_ else left
    if found.sessions:
        plan = treatment.plan
        wanted = plan.spans(begin) if not treatment.on else [(t, t + plan.length) for t in treatment.begins()]
        late = [s for s in wanted if s[1] > end]
        if late:
            message = (
                f"{len(wanted)} sessions of {found.name} last until day {wanted[-1][1] // DAY + 1:.0f}, beyond "
                f"{'its end' if treatment.for_ else f'the trial ({protocol.duration})'}; "
                f"{len(wanted) - len(late)} fit: give 'sessions: {max(len(wanted) - len(late), 1)}', more 'per_week' or more time"
            )
            yield document.problem(path, message)
            return
        begin, end = wanted[0][0], wanted[-1][1]
    yield from _taken(found.name, (begin, end), spans, path, document)


def _unread(protocol: Protocol, found: Intervention, path: Path_, document: Document) -> Iterator[Problem]:
    modules = PROFILES.get(protocol.profile, ()) or module_names()
    read = {port for name in modules for port in load_module(name).ports}
    missing = [p for p in found.ports if p not in read]
    if missing:
        message = (
            f"no system of the profile '{protocol.profile}' reads {', '.join(missing)}, so {found.name} would do "
            "nothing; write 'model: {profile: full}'"
        )
        yield document.problem((*path, "intervention"), message)


def _given(
    protocol: Protocol, treatment: Treatment, path: Path_, left: float, spans: Spans, document: Document
) -> Iterator[Problem]:
    told = "belongs to interventions; a drug takes dose, route, every, from, for, on and infusion"
    yield from _foreign(treatment, OF_INTERVENTIONS, path, told, document)
    times = treatment.times(left)
    if times and times[-1] > left:
        yield document.problem(path, f"doses go on after the trial's end ({protocol.duration})")
    if treatment.placebo:
        return
    try:
        name = resolve(treatment.drug)
    except InputError as error:
        told = drug_message(treatment.drug)
        yield from (document.problem((*path, "drug"), told or p.message) for p in error.problems)
        return
    if treatment.for_ and not treatment.every:
        message = "'for' needs 'every', for example 'every: 24 h'; without it one dose is given"
        yield document.problem((*path, "for"), message, at_key=True)
    elif treatment.for_ and visit_hours(treatment.from_) + hours(treatment.for_) > left + 1e-9:
        message = f"'{treatment.for_}' is longer than the trial ({protocol.duration})"
        yield document.problem((*path, "for"), message)
    step = hours(treatment.every) if treatment.every else 0.0
    if times:
        yield from _taken(name, (times[0], times[-1] + step), spans, path, document)
    yield from _drug(protocol, load_compound(name), treatment, path, document)


def _drug(
    protocol: Protocol, compound: Compound, treatment: Treatment, path: Path_, document: Document
) -> Iterator[Problem]:
    try:
        choose_route(compound, treatment.route)
    except InputError as error:
        yield from (document.problem((*path, "route"), p.message) for p in error.problems)
    if not treatment.dose:
        yield document.problem(path, f"'dose' is missing for {compound.name}, for example 'dose: 20 mg'")
        return
    try:
        amount = dose_mg(treatment.dose, TYPICAL)
    except UnitError as error:
        yield document.problem((*path, "dose"), str(error))
        return
    if amount <= 0:
        yield document.problem((*path, "dose"), f"'{treatment.dose}' is not a positive amount")
    largest = compound.parameters.get("doses.high")
    if largest is not None and amount > IMPLAUSIBLE * largest.value and "high_dose" not in protocol.allow:
        yield document.problem(
            (*path, "dose"),
            f"'{treatment.dose}' is {amount / largest.value:.0f} times the largest usual dose ({largest.shown}); "
            "add 'allow: [high_dose]' to keep it",
        )


def dose_mg(text: str, weight_kg: float) -> float:
    """A dose in mg; '0.5 mg/kg' is taken times the body weight.

    >>> dose_mg("20 mg", 70), round(dose_mg("0.5 mg/kg", 70), 9)
    (20.0, 35.0)
    """
    if text.rstrip().endswith("/kg"):
        return quantity(text.rstrip().removesuffix("/kg"), "mg").value * weight_kg
    return quantity(text, "mg").value
