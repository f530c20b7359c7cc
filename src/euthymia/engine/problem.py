"""The checks and preparations that both solvers share: parameters per patient, initial values, outputs, times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from euthymia.engine.evaluate import function
from euthymia.engine.events import Events
from euthymia.engine.system import OdeSystem
from euthymia.engine.trajectories import BAD_DOSE, BAD_START
from euthymia.errors import InputError, Problem, nearest


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checked request.

    Parameters
    ----------
    parameters : ndarray, shape (patients, parameters)
    initial : ndarray, shape (patients, states)
    inputs : ndarray, shape (patients, inputs)
    times : ndarray, shape (times,), h
    after : ndarray, shape (times,), bool
        Value after (not before) the events of the same moment.
    start : float, h
    """

    parameters: np.ndarray
    initial: np.ndarray
    inputs: np.ndarray
    times: np.ndarray
    after: np.ndarray
    start: float


def prepare(
    system: OdeSystem,
    n: int,
    parameters: Mapping[str, np.ndarray | float],
    events: Events | None,
    times: np.ndarray,
    outputs: Sequence[str],
    after: bool | np.ndarray,
    start: float | None,
    initial: Mapping[str, np.ndarray | float] | None,
) -> Prepared:
    """Check everything at once.

    Raises
    ------
    InputError
        Unknown parameters or outputs, wrong shapes, times out of order, events that do not fit.
    """
    problems: list[Problem] = []
    table = np.empty((n, len(system.parameters)))
    table[:] = [item.value for item in system.parameters.values()]
    column = {name: i for i, name in enumerate(system.parameters)}
    for name, value in parameters.items():
        if name not in column:
            hint = nearest(name, column)
            problems.append(Problem(f"'{name}' is no parameter of '{system.name}'{hint}", key="parameters"))
        elif np.shape(value) not in ((), (n,)):
            problems.append(
                Problem(
                    f"{name} has shape {np.shape(value)}; expected ({n},) or one number", key="parameters"
                )
            )
        else:
            table[:, column[name]] = value
    times = np.ascontiguousarray(times, dtype=float).reshape(-1)
    begin = float(min(0.0, times[0]) if start is None and times.size else start or 0.0)
    if not times.size or not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0) or times[0] < begin:
        problems.append(
            Problem(f"times must be finite, ascending and not before the start ({begin:g} h)", key="times")
        )
    when = np.broadcast_to(np.asarray(after, bool), times.shape).copy()
    if times.size and np.any((np.diff(times) == 0) & when[:-1] & ~when[1:]):
        problems.append(Problem("of equal times those before an event come first", key="after"))
    for text in outputs:
        try:
            system.expression(text)
        except InputError as error:
            problems += error.problems
    if not len(outputs):
        problems.append(Problem("no output is asked for", key="outputs"))
    for name in initial or {}:
        if name not in system.states and name not in system.inputs:
            hint = nearest(name, [*system.states, *system.inputs])
            problems.append(Problem(f"'{name}' is no state and no input{hint}", key="initial"))
    if events is not None:
        try:
            events.check(system, n, begin)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    program = system.program
    first = function(program.graph, [*program.initials, *program.first_inputs], arrays=True)
    with np.errstate(all="ignore"):
        values = first(begin, [], table.T, [])
    starts = np.empty((n, len(values)))
    for i, (name, value) in enumerate(zip([*system.states, *system.inputs], values, strict=True)):
        starts[:, i] = value if initial is None or name not in initial else initial[name]
    y0, inputs = (np.ascontiguousarray(x) for x in np.split(starts, [len(system.states)], axis=1))
    return Prepared(np.ascontiguousarray(table), y0, inputs, times, when, begin)


def unfit(
    system: OdeSystem, ready: Prepared, events: Events | None, status: np.ndarray, failed_at: np.ndarray
) -> dict[int, str]:
    """Mark the patients that cannot begin, and say why: {patient: what is not finite or cannot be}."""
    names = [*system.parameters, *(f"first value of {s}" for s in system.states)]
    both = np.hstack([ready.parameters, ready.initial])
    found: dict[int, str] = {}
    for i in np.flatnonzero(~np.isfinite(both).all(axis=1)).tolist():
        lost = [f"{names[j]} = {both[i, j]:g}" for j in np.flatnonzero(~np.isfinite(both[i]))]
        status[i] = BAD_START
        found[i] = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    if events is not None:
        for i, text in _bad_doses(system, ready, events):
            if not status[i]:
                status[i] = BAD_DOSE
                found[i] = text
    failed_at[list(found)] = ready.start
    return found


def _bad_doses(system: OdeSystem, ready: Prepared, events: Events) -> Iterator[tuple[int, str]]:
    """Doses whose parameters are out of range for some patient: such a dose would be lost without a word."""
    column = {name: ready.parameters[:, i] for i, name in enumerate(system.parameters)}
    of = np.asarray(events.regimen_of)
    for r, regimen in enumerate(events.regimens):
        seen: set[tuple[str, str]] = set()
        for dose in regimen:
            for what in ("lag", "bioavailability", "duration", "rate"):
                name = getattr(dose, what)
                if not isinstance(name, str) or (what, name) in seen:
                    continue
                if what in ("duration", "rate") and dose.kind != "infusion":
                    continue
                seen.add((what, name))
                least = column[name] <= 0 if what in ("duration", "rate") else column[name] < 0
                for i in np.flatnonzero(least & (of == r)):
                    yield int(i), f"{what} {name} = {column[name][i]:g}"
