"""What a schema cannot see in a protocol: names, dimensions, overlaps, plausibility.

Every problem is collected; the caller gets them all in one `InputError`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from euthymia.biology.module import module_names
from euthymia.biology.network import PROFILES
from euthymia.biology.structures import choose
from euthymia.biology.variants import variants
from euthymia.errors import InputError, Problem, UnitError, nearest
from euthymia.evidence.read import LIBRARY, Document, Path_
from euthymia.patients.population import list_populations, load_population
from euthymia.protocol.analyses import EVENTS, NEEDS_CHANGE, NEEDS_SHARE, NEEDS_TIME, Analysis
from euthymia.protocol.conditions import parse_condition
from euthymia.protocol.given import treatment_problems
from euthymia.protocol.names import highest
from euthymia.protocol.protocol import Arm, Endpoint, Protocol, Treatment
from euthymia.protocol.steps import ACTIONS, parse_rule
from euthymia.protocol.times import visit_hours
from euthymia.units import quantity

SCORES = ("madrs", "hamd17")
FEWEST_AT_LOOK = 3
FEWEST = 2
PERIODS = 2


def check_protocol(protocol: Protocol) -> None:
    """Raise `InputError` with every problem of a protocol that its schema cannot see."""
    document = protocol.document or Document(protocol.to_data(), "protocol")
    problems = [
        *_timing(protocol, document),
        *_model(protocol, document),
        *_population(protocol, document),
        *_endpoints(protocol, document),
        *_analyses(protocol, document),
        *_interim(protocol, document),
    ]
    names: dict[str, int] = {}
    for i, arm in enumerate(protocol.arms):
        if arm.name in names:
            problems.append(document.problem(("arms", i, "name"), f"two arms are named '{arm.name}'"))
        names[arm.name] = i
        problems.extend(_arm(protocol, arm, i, document))
    known = [p.stem for p in (LIBRARY / "trials").glob("*.yaml")]
    for i, trial in enumerate(protocol.compare_with):
        if trial not in known:
            message = f"no published trial '{trial}' in the library{nearest(trial, known)}"
            problems.append(document.problem(("compare_with", i), message))
    if sum(a.control for a in protocol.arms) > 1:
        problems.append(document.problem(("arms",), "more than one arm is marked 'control: true'"))
    if problems:
        found = sorted(set(problems), key=lambda p: (p.line, p.column, p.message))
        raise InputError(found)


def _timing(protocol: Protocol, document: Document) -> Iterator[Problem]:
    if protocol.duration_h <= 0:
        yield document.problem(
            ("duration",), f"'{protocol.duration}' is no time; a trial lasts longer than that"
        )
    seen: set[float] = set()
    for i, visit in enumerate(protocol.visit_list):
        at = visit_hours(visit)
        if at > protocol.duration_h + 1e-9 or at < 0:
            yield document.problem(("visits", i), f"'{visit}' lies outside the trial of {protocol.duration}")
        if at in seen:
            yield document.problem(("visits", i), f"'{visit}' is the same time as another visit")
        seen.add(at)
    if protocol.visits and 0.0 not in seen:
        yield document.problem(("visits",), "'baseline' is missing; every outcome is read against it")


def _model(protocol: Protocol, document: Document) -> Iterator[Problem]:
    """Structures and rival forms that do not exist, or that conflict."""
    if protocol.structures:
        try:
            choose(dict(protocol.structures))
        except InputError as error:
            for p in error.problems:
                path: Path_ = ("model", "structures", *p.key.split(".")[1:2])
                yield document.problem(
                    path, p.message, at_key=len(path) < len(("model", "structures", "name"))
                )
    present = PROFILES[protocol.profile] or module_names()
    for name, variant in protocol.variants:
        path = ("model", "variants", name)
        rivals = variants(name)
        if name not in present:
            message = f"the profile '{protocol.profile}' has no module '{name}'{nearest(name, present)}"
            yield document.problem(path, message, at_key=True)
        elif variant not in rivals:
            hint = nearest(variant, rivals) or f"; rival forms: {', '.join(rivals) or 'none'}"
            yield document.problem(path, f"'{name}' has no form '{variant}'{hint}")


def _population(protocol: Protocol, document: Document) -> Iterator[Problem]:
    known = list_populations()
    if protocol.base not in known:
        hint = nearest(protocol.base, known) or f"; known: {', '.join(known)}"
        yield document.problem(("population", "base"), f"unknown population '{protocol.base}'{hint}")
        return
    population = load_population(protocol.base)
    names = {**population.covariates, **population.traits, **population.stress}
    for i, text in enumerate(protocol.include):
        path = ("population", "include", i)
        try:
            condition = parse_condition(text)
        except UnitError as error:
            yield document.problem(path, str(error))
            continue
        if condition.name not in names and condition.name not in SCORES:
            hint = nearest(condition.name, [*names, *SCORES])
            yield document.problem(path, f"unknown quantity '{condition.name}'{hint}")


def _endpoints(protocol: Protocol, document: Document) -> Iterator[Problem]:
    if protocol.adherence and quantity(protocol.adherence).value > 1:
        yield document.problem(("adherence", "mean"), f"'{protocol.adherence}' is more than all doses")
    yield from _share(protocol.setting.unblinding, ("setting", "unblinding"), document)
    times = {visit_hours(v) for v in protocol.visit_list}
    seen: set[str] = set()
    for i, endpoint in enumerate(protocol.endpoints):
        path: Path_ = ("endpoints", i)
        if visit_hours(endpoint.at) not in times:
            yield document.problem(
                (*path, "at"), f"'{endpoint.at}' is not a visit{nearest(endpoint.at, protocol.visit_list)}"
            )
        yield from _share(endpoint.at_least, (*path, "at_least"), document)
        if endpoint.kind == "percent_reduction" and not endpoint.at_least:
            yield document.problem(path, "percent_reduction needs 'at_least', for example 'at_least: 50 %'")
        if endpoint.kind == "below" and not endpoint.limit:
            yield document.problem(path, "below needs 'limit', for example 'limit: 10'")
        if endpoint.kind == "relapse" and not endpoint.limit:
            yield document.problem(path, "relapse needs 'limit', for example 'limit: 22'")
        if endpoint.limit and endpoint.of and endpoint.limit > highest(endpoint.of):
            message = f"{endpoint.limit:g} is above every total of {endpoint.of}; expected 0 to {highest(endpoint.of):g}"
            yield document.problem((*path, "limit"), message)
        if endpoint.kind == "onset" and not endpoint.at_least:
            yield document.problem(path, "onset needs 'at_least', for example 'at_least: 50 %'")
        if not endpoint.of and endpoint.kind != "discontinuation":
            yield document.problem(path, "'of' is missing, the scale, for example 'of: madrs'")
        if endpoint.kind in EVENTS and visit_hours(endpoint.from_) >= visit_hours(endpoint.at):
            yield document.problem(
                (*path, "from"), f"'{endpoint.from_}' is not before 'at: {endpoint.at}'; no time is left"
            )
        if endpoint.from_ != "baseline" and visit_hours(endpoint.from_) not in times:
            yield document.problem(
                (*path, "from"),
                f"'{endpoint.from_}' is not a visit{nearest(endpoint.from_, protocol.visit_list)}",
            )
        if endpoint.name in seen:
            yield document.problem((*path, "name"), f"two endpoints are named '{endpoint.name}'")
        seen.add(endpoint.name)


def _share(text: str, path: Path_, document: Document, most: str = "100 %") -> Iterator[Problem]:
    """A share that cannot be."""
    if text and not 0 < quantity(text).value <= quantity(most).value:
        yield document.problem(path, f"'{text}' cannot be; give more than 0 % and at most {most}")


def _visits(protocol: Protocol, named: tuple[str, ...], path: Path_, document: Document) -> Iterator[Problem]:
    """Visits that are named and that the trial does not have, or names twice."""
    times = {visit_hours(v) for v in protocol.visit_list}
    seen: set[float] = set()
    for i, visit in enumerate(named):
        at = visit_hours(visit)
        if at not in times:
            hint = f"{nearest(visit, protocol.visit_list)}; visits: {', '.join(protocol.visit_list)}"
            yield document.problem((*path, i), f"'{visit}' is not a visit{hint}")
        elif at in seen:
            yield document.problem((*path, i), f"'{visit}' is named twice; each period has its own visit")
        seen.add(at)


def _few(protocol: Protocol, analysis: Analysis, path: Path_, document: Document) -> Iterator[Problem]:
    """Arms too small for any comparison of means, shares or times."""
    for arm in protocol.arms:
        if arm.n < FEWEST:
            message = (
                f"{arm.n} patient in arm '{arm.name}' is too few for {analysis.method}; it needs {FEWEST} an arm: "
                "more patients, or no analysis"
            )
            yield document.problem((*path, "method"), message)


def _analyses(protocol: Protocol, document: Document) -> Iterator[Problem]:
    known = {e.name: e for e in protocol.endpoint_list}
    steps = [s.name for a in protocol.arms for s in a.steps]
    seen: set[str] = set()
    for i, analysis in enumerate(protocol.analyses):
        path: Path_ = ("analyses", i)
        if analysis.name in seen:
            yield document.problem((*path, "name"), f"two analyses are named '{analysis.name}'")
        seen.add(analysis.name)
        yield from _endpoint_of(analysis, known, path, document)
        yield from _share(analysis.alpha, (*path, "alpha"), document, "50 %")
        yield from _share(analysis.weight, (*path, "weight"), document)
        if analysis.method in ("spcd", "crossover") or analysis.stage:
            if analysis.stage not in steps:
                hint = nearest(analysis.stage, steps) or f"; steps: {', '.join(steps) or 'none'}"
                yield document.problem((*path, "stage"), f"no step '{analysis.stage}'{hint}")
        elif not any(a.control for a in protocol.arms):
            yield document.problem(
                path, f"'{analysis.name}' compares with a control; mark one arm 'control: true'"
            )
        if analysis.method == "crossover":
            if len(protocol.arms) != 2:
                yield document.problem(path, "a crossover has two arms, one an order")
            if len(analysis.periods) != PERIODS:
                yield document.problem(path, "crossover needs 'periods', the two visits that are read")
            yield from _visits(protocol, analysis.periods, (*path, "periods"), document)
        if analysis.method in ("mmrm", "imputation"):
            yield from _enough(protocol, analysis, known, path, document)
        else:
            yield from _few(protocol, analysis, path, document)


def _endpoint_of(
    analysis: Analysis, known: dict[str, Endpoint], path: Path_, document: Document
) -> Iterator[Problem]:
    name = analysis.endpoint
    kinds: tuple[str, ...] = ()
    if name not in known:
        hint = nearest(name, known) or f"; endpoints: {', '.join(known)}"
        yield document.problem((*path, "endpoint"), f"no endpoint '{name}'{hint}")
        return
    for methods, allowed in (
        ((*NEEDS_CHANGE, "spcd", "crossover"), ("change",)),
        (NEEDS_SHARE, ("percent_reduction", "below")),
        (NEEDS_TIME, EVENTS),
    ):
        kinds = allowed if analysis.method in methods else kinds
    if known[name].kind not in kinds:
        yield document.problem(
            (*path, "endpoint"),
            f"'{name}' is of kind {known[name].kind}; {analysis.method} needs {' or '.join(kinds)}",
        )


def _enough(
    protocol: Protocol, analysis: Analysis, known: dict[str, Endpoint], path: Path_, document: Document
) -> Iterator[Problem]:
    """Too few patients for an unstructured mixed model."""
    if analysis.endpoint not in known:
        return
    last = visit_hours(known[analysis.endpoint].at)
    visits = sum(0 < visit_hours(v) <= last for v in protocol.visit_list)
    least = 2 + len(protocol.arms) - 1 + visits + 1
    patients = sum(a.n for a in protocol.arms)
    if patients < least:
        message = (
            f"{patients} patients are too few for an unstructured mixed model of {visits} visits; it needs {least} at "
            "every visit: more patients, fewer visits, or 'method: ancova'"
        )
        yield document.problem((*path, "method"), message)


def _interim(protocol: Protocol, document: Document) -> Iterator[Problem]:
    interim = protocol.interim
    if interim is None:
        return
    shares = [quantity(t).value for t in interim.at]
    for i, share in enumerate(shares):
        if not 0 < share < 1 or (i and share <= shares[i - 1]):
            yield document.problem(
                ("interim", "at", i),
                f"'{interim.at[i]}' does not rise between 0 % and 100 %; the last look is the end",
            )
    smallest = min((math.ceil(a.n * shares[0]) for a in protocol.arms), default=0)
    if 0 < shares[0] < 1 and smallest < FEWEST_AT_LOOK:
        message = (
            f"'{interim.at[0]}' of the smallest arm is {smallest} patients, too few to compare; "
            f"look later or have more (at least {FEWEST_AT_LOOK} an arm)"
        )
        yield document.problem(("interim", "at", 0), message)
    known = {e.name: e for e in protocol.endpoint_list}
    if interim.endpoint not in known or known[interim.endpoint].kind != "change":
        changes = [e.name for e in protocol.endpoint_list if e.kind == "change"]
        hint = nearest(interim.endpoint, changes) or f"; changes: {', '.join(changes)}"
        yield document.problem(("interim", "endpoint"), f"'{interim.endpoint}' is no change endpoint{hint}")
    if not any(a.control for a in protocol.arms):
        yield document.problem(("interim",), "looks compare with a control; mark one arm 'control: true'")
    if interim.resize and protocol.staged:
        yield document.problem(
            ("interim", "resize"), "a trial in stages cannot be resized; leave one of them out"
        )
    if interim.resize and quantity(interim.resize.most).value <= 1:
        yield document.problem(
            ("interim", "resize", "most"), f"'{interim.resize.most}' is no more than planned"
        )


def _arm(protocol: Protocol, arm: Arm, i: int, document: Document) -> Iterator[Problem]:
    yield from treatment_problems(protocol, arm.treatment, ("arms", i, "treatment"), 0.0, document)
    yield from _steps(protocol, arm, i, document)


def _steps(protocol: Protocol, arm: Arm, i: int, document: Document) -> Iterator[Problem]:
    times = {visit_hours(v) for v in protocol.visit_list}
    names: list[str] = []
    for j, step in enumerate(arm.steps):
        path: Path_ = ("arms", i, "steps", j)
        at = visit_hours(step.at)
        if at not in times:
            hint = nearest(step.at, protocol.visit_list) or f"; visits: {', '.join(protocol.visit_list)}"
            yield document.problem((*path, "at"), f"'{step.at}' is not a visit{hint}")
        elif not 0 < at < protocol.duration_h:
            yield document.problem(
                (*path, "at"), f"'{step.at}' is not between baseline and the end ({protocol.duration})"
            )
        try:
            parse_rule(step.if_)
        except UnitError as error:
            yield document.problem((*path, "if"), str(error))
        record = document.data["arms"][i]["steps"][j] if _at(document, path) else {}
        given = [a for a in ACTIONS if a in record]
        if record and len(given) != 1:
            told = f"both {' and '.join(given)}" if given else "nothing to do"
            yield document.problem(path, f"step '{step.name}' has {told}; give one of {', '.join(ACTIONS)}")
        for name in step.only:
            if name not in names:
                hint = nearest(name, names) or f"; earlier steps: {', '.join(names) or 'none'}"
                yield document.problem((*path, "only"), f"no earlier step is named '{name}'{hint}")
        for k, option in enumerate(step.options):
            inner: Path_ = (
                (*path, "randomise", k, "treatment") if step.action == "randomise" else (*path, step.action)
            )
            yield from treatment_problems(protocol, option.treatment, inner, at, document)
            if step.action == "add":
                yield from _given_already(protocol, arm, j, option.treatment, inner, document)
            names.append(option.name)
        names.append(step.name)


def _given_already(
    protocol: Protocol, arm: Arm, j: int, added: tuple[Treatment, ...], path: Path_, document: Document
) -> Iterator[Problem]:
    """Drugs that are added while the arm's own course of them surely goes on: no step before can have ended it."""
    step = arm.steps[j]
    at = visit_hours(step.at)
    before = [s for s in arm.steps if visit_hours(s.at) < at]
    if step.only or any(s.action not in ("add", "leave") for s in before):
        return
    going = {
        t.drug.strip().lower(): t
        for t in arm.treatment
        if t.drug and not t.placebo and t.every and any(h >= at for h in t.times(protocol.duration_h))
    }
    for k, treatment in enumerate(added):
        if treatment.drug.strip().lower() in going:
            message = (
                f"'{treatment.drug}' is given already in arm '{arm.name}' and goes on at {step.at}; 'add' would give both "
                "courses: write 'switch' with the new dose, or add another drug"
            )
            yield document.problem((*path, k, "drug"), message)


def _at(document: Document, path: Path_) -> bool:
    """Whether the document holds this path (a protocol built in Python may hold none)."""
    data = document.data
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
