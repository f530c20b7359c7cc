"""Doses and other changes at known times, as pharmacometricians mean them, turned into stop points per patient.

In: regimens (lists of `Dose`) and which patient follows which.  Out: for a block of patients, sorted arrays of
times and elementary operations, which both solvers obey.  Times in h; amounts in the unit of the target.

Operations: ADD to a state, SET an input, set an infusion's total RATE, SET a state, RESET everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from euthymia.engine.evaluate import function
from euthymia.engine.system import OdeSystem
from euthymia.errors import InputError, Problem, nearest

ADD, SET_INPUT, SET_RATE, SET_STATE, RESET = range(5)
KINDS = ("bolus", "infusion", "set", "reset")


@dataclass(frozen=True, slots=True)
class Dose:
    """One record of a regimen.

    Parameters
    ----------
    time : float
        Hours.
    target : str
        State that receives a bolus or infusion; state or input that is set; ignored by a reset.
    amount : float
        Amount, or the new value of a set.  An infusion without end (`duration` inf) takes its rate from `rate`.
    kind : {"bolus", "infusion", "set", "reset"}
        A reset gives every state its initial value and ends infusions and waiting doses.
    duration : float or str
        Of an infusion; a string names a parameter.
    bioavailability, lag : float or str
        Fraction of the amount that arrives; delay of its arrival.  A string names a parameter.
    rate : float or str
        Infusion rate; where given, the duration is amount*bioavailability/rate.
    additional : int
        Further identical doses, one each `interval`.
    interval : float
        Hours between the additional or steady-state doses.
    steady_state : {0, 1, 2}
        1: the states become those of the periodic steady state under this dose alone; 2: they are added.
    """

    time: float
    target: str = ""
    amount: float = 0.0
    kind: str = "bolus"
    duration: float | str = 0.0
    bioavailability: str | float = 1.0
    lag: str | float = 0.0
    rate: float | str = 0.0
    additional: int = 0
    interval: float = 0.0
    steady_state: int = 0


@dataclass(frozen=True)
class Events:
    """Regimens and who follows which.

    Parameters
    ----------
    regimens : list of lists of Dose
    regimen_of : ndarray, shape (patients,), int
    taken : ndarray, shape (patients, records), optional
        Share of each record of the patient's regimen that is really taken: 0 or 1, or a scale.
    """

    regimens: Sequence[Sequence[Dose]]
    regimen_of: np.ndarray
    taken: np.ndarray | None = None
    _sorted: list = field(default_factory=list, repr=False, compare=False)

    def infused(self) -> tuple[str, ...]:
        """Targets of infusions, sorted."""
        return tuple(sorted({d.target for r in self.regimens for d in r if d.kind == "infusion"}))

    def check(self, system: OdeSystem, n: int, start: float = -np.inf) -> None:
        """Raise `InputError` with everything that does not fit `system`, `n` patients and a run from `start` on."""
        problems = [
            p
            for i, r in enumerate(self.regimens)
            for j, d in enumerate(r)
            for p in _faults(system, d, start, f"regimen {i}, record {j}")
        ]
        of = np.asarray(self.regimen_of)
        if of.shape != (n,):
            problems.append(
                Problem(f"regimen_of has shape {of.shape}; expected ({n},), one regimen for each patient")
            )
        elif n and (of.min() < 0 or of.max() >= len(self.regimens)):
            problems.append(Problem(f"regimen_of must lie in 0..{len(self.regimens) - 1}"))
        if self.taken is not None:
            longest = max((len(r) for r in self.regimens), default=0)
            shape = np.shape(self.taken)
            if len(shape) != 2 or shape[0] != n or shape[1] < longest:
                problems.append(Problem(f"taken has shape {shape}; expected ({n}, {longest})"))
        if problems:
            raise InputError(problems)


def _faults(system: OdeSystem, dose: Dose, start: float, key: str) -> list[Problem]:
    found: list[str] = []
    if dose.kind not in KINDS:
        found.append(f"kind '{dose.kind}' is not one of {', '.join(KINDS)}{nearest(dose.kind, KINDS)}")
    targets = [*system.states, *system.inputs] if dose.kind == "set" else list(system.states)
    if dose.kind != "reset" and dose.target not in targets:
        found.append(f"there is no '{dose.target}' to receive a {dose.kind}{nearest(dose.target, targets)}")
    for name in ("time", "amount", "interval"):
        if not np.isfinite(getattr(dose, name)):
            found.append(f"{name} is {getattr(dose, name)}; it must be finite")
    for name in ("duration", "bioavailability", "lag", "rate"):
        value = getattr(dose, name)
        if isinstance(value, str):
            if value not in system.parameters:
                found.append(
                    f"{name} names the parameter '{value}', which does not exist{nearest(value, system.parameters)}"
                )
        elif np.isnan(value) or value < 0:
            found.append(f"{name} is {value}; it must not be negative")
    if dose.kind == "infusion" and dose.duration == 0.0 and dose.rate == 0.0:
        found.append("an infusion needs a duration or a rate")
    if dose.kind == "infusion" and dose.rate != 0.0 and dose.duration not in (0.0, float("inf")):
        found.append("an infusion takes a duration or a rate, not both")
    if dose.kind in ("bolus", "set", "reset") and (dose.duration != 0.0 or dose.rate != 0.0):
        found.append(f"a {dose.kind} takes no duration and no rate; kind='infusion' does")
    endless = dose.duration == float("inf")
    if (dose.additional or (dose.steady_state and not endless)) and dose.interval <= 0:
        found.append("additional and steady-state doses need an interval above 0 h")
    if dose.additional < 0 or dose.additional != int(dose.additional) or dose.steady_state not in (0, 1, 2):
        found.append("additional is a whole number from 0 on; steady_state is 0, 1 or 2")
    if dose.time < start and dose.kind in ("bolus", "infusion"):
        found.append(f"it lies before the run, which starts at {start:g} h; `start` moves that")
    return [Problem(f"{text} (dose at {dose.time:g} h)", key=key) for text in found]


@dataclass(frozen=True, slots=True)
class Stops:
    """Elementary operations of a block of patients, sorted in time; unused places have time inf.

    Arrays of shape (patients, operations); `index` is a state, an input or an infusion number.
    """

    time: np.ndarray
    code: np.ndarray
    index: np.ndarray
    value: np.ndarray


@dataclass(slots=True)
class _Rows:
    """One patient's operations while they are collected."""

    time: list[float] = field(default_factory=list)
    code: list[int] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)

    def add(self, time: float, code: int, index: int, value: float) -> None:
        self.time.append(time)
        self.code.append(code)
        self.index.append(index)
        self.value.append(value)


def block_stops(
    system: OdeSystem,
    events: Events | None,
    patients: np.ndarray,
    parameters: Mapping[str, np.ndarray],
    infused: Sequence[str],
    steady: Mapping[tuple[int, int], np.ndarray] | None = None,
) -> Stops:
    """Stop points of some patients.

    Parameters
    ----------
    patients : ndarray of int
        Which patients of the population.
    parameters : mapping from name to ndarray, shape (patients of the whole population,)
        Only those that doses name are read.
    infused : sequence of str
        Targets in the order of the infusion numbers.
    steady : mapping from (patient, record) to ndarray, shape (states,)
        Periodic steady states that the caller has computed.
    """
    if events is None:
        empty = np.empty((len(patients), 0))
        return Stops(empty, empty.astype(np.int64), empty.astype(np.int64), empty)
    of = np.asarray(events.regimen_of)[patients]
    parts: list[tuple[np.ndarray, Stops]] = []
    for r in np.unique(of):
        rows = np.flatnonzero(of == r)
        made = _plain(system, events, int(r), patients[rows], parameters, infused)
        parts.append(
            (
                rows,
                made
                if made is not None
                else _listed(system, events, patients[rows], parameters, infused, steady),
            )
        )
    width = max((stops.time.shape[1] for _, stops in parts), default=0)
    time = np.full((len(patients), width), np.inf)
    code, index = np.zeros((2, len(patients), width), dtype=np.int64)
    value = np.zeros((len(patients), width))
    for rows, stops in parts:
        for whole, some in (
            (time, stops.time),
            (code, stops.code),
            (index, stops.index),
            (value, stops.value),
        ):
            whole[rows, : some.shape[1]] = some
    return Stops(time, code, index, value)


def with_clock(stops: Stops, system: OdeSystem, parameters: np.ndarray) -> Stops:
    """Stops joined by those at which a rate changes by the clock, so that no short pulse is stepped over.

    Parameters
    ----------
    parameters : ndarray, shape (patients, parameters)
    """
    nodes = system.program.clock
    if not nodes:
        return stops
    n = len(parameters)
    made = function(system.program.graph, nodes, arrays=True)(0.0, [], parameters.T, [])
    extra = np.stack([np.broadcast_to(np.asarray(x, float), (n,)) for x in made], axis=1)
    extra = np.where(np.isfinite(extra), extra, np.inf)
    none = np.zeros(extra.shape, dtype=np.int64)  # adds 0 to the first state
    time = np.concatenate([stops.time.reshape(n, -1), extra], axis=1)
    order = np.argsort(time, axis=1, kind="stable")
    pairs = ((stops.code, none), (stops.index, none), (stops.value, none.astype(float)))
    parts = [
        np.take_along_axis(np.concatenate([a.reshape(n, -1), b], axis=1), order, axis=1) for a, b in pairs
    ]
    return Stops(np.take_along_axis(time, order, axis=1), *parts)


def _plain(system, events, r, patients, parameters, infused) -> Stops | None:  # type: ignore[no-untyped-def]
    """All patients of a regimen at once; None where it has steady state, resets, or infusions whose times differ."""
    spans: dict[str, list[tuple[float, float]]] = {}
    rows: list[tuple[float, int, int, float, int, str | float]] = []
    lags: dict[int, str] = {}
    states = {s: i for i, s in enumerate(system.states)}
    inputs = {s: i for i, s in enumerate(system.inputs)}
    for j, dose in enumerate(events.regimens[r]):
        late = isinstance(dose.lag, str) and dose.kind != "bolus"
        varied = late or isinstance(dose.duration, str) or dose.rate != 0.0
        if varied or dose.steady_state or dose.kind == "reset":
            return None
        if dose.kind == "set":
            to_state = dose.target in states
            place = states[dose.target] if to_state else inputs[dose.target]
            rows.append((dose.time, SET_STATE if to_state else SET_INPUT, place, dose.amount, j, 1.0))
            continue
        for k in range(dose.additional + 1):
            given = dose.time + k * dose.interval
            start = given if isinstance(dose.lag, str) else given + float(dose.lag)
            if dose.kind == "bolus":
                if isinstance(dose.lag, str):
                    lags[len(rows)] = dose.lag
                rows.append((start, ADD, states[dose.target], dose.amount, j, dose.bioavailability))
                continue
            end = start + float(dose.duration)
            spans.setdefault(dose.target, []).append((start, end))
            number = list(infused).index(dose.target)
            rows.append(
                (start, SET_RATE, number, dose.amount / float(dose.duration), j, dose.bioavailability)
            )
            if np.isfinite(end):
                rows.append((end, SET_RATE, number, 0.0, j, 1.0))
    for each in spans.values():
        each.sort()
        if any(b[0] <= a[1] for a, b in zip(each[:-1], each[1:], strict=True)):
            return None
    n, m = len(patients), len(rows)
    time = np.tile(np.array([row[0] for row in rows], dtype=float), (n, 1))
    code = np.tile(np.array([row[1] for row in rows], dtype=np.int64), (n, 1))
    index = np.tile(np.array([row[2] for row in rows], dtype=np.int64), (n, 1))
    value = np.tile(np.array([row[3] for row in rows], dtype=float), (n, 1))
    for lag in set(lags.values()):
        time[:, [c for c, name in lags.items() if name == lag]] += parameters[lag][patients][:, None]
    if events.taken is not None:
        taken = np.asarray(events.taken, float)[np.ix_(patients, [row[4] for row in rows])]
        setting = (code == SET_STATE) | (code == SET_INPUT)  # a set is made whole or not at all
        time[setting & (taken <= 0)] = np.inf
        value = np.where(setting, value, value * taken)
    for name in {row[5] for row in rows if row[5] != 1.0}:
        columns = [c for c in range(m) if rows[c][5] == name]
        factor = parameters[name][patients] if isinstance(name, str) else np.full(n, float(name))
        value[:, columns] *= factor[:, None]
    time[(code == ADD) & (value == 0.0)] = np.inf
    order = np.argsort(time, axis=1, kind="stable")
    return Stops(*(np.take_along_axis(a, order, axis=1) for a in (time, code, index, value)))


def _listed(system, events, patients, parameters, infused, steady) -> Stops:  # type: ignore[no-untyped-def]
    """Patient by patient, every rule obeyed."""
    lists = [_one(system, events, int(p), parameters, infused, steady or {}) for p in patients]
    width = max((len(rows.time) for rows in lists), default=0)
    time = np.full((len(lists), width), np.inf)
    code, index = np.zeros((2, len(lists), width), dtype=np.int64)
    value = np.zeros((len(lists), width))
    for i, rows in enumerate(lists):
        m = len(rows.time)
        order = np.argsort(np.asarray(rows.time), kind="stable")
        time[i, :m] = np.asarray(rows.time)[order]
        code[i, :m] = np.asarray(rows.code, dtype=np.int64)[order]
        index[i, :m] = np.asarray(rows.index, dtype=np.int64)[order]
        value[i, :m] = np.asarray(rows.value)[order]
    return Stops(time, code, index, value)


def _number(value: float | str, parameters: Mapping[str, np.ndarray], p: int) -> float:
    return float(parameters[value][p]) if isinstance(value, str) else float(value)


def arrival(
    dose: Dose, parameters: Mapping[str, np.ndarray], p: int, scale: float = 1.0
) -> tuple[float, float, float, float]:
    """(lag, amount that arrives, rate, duration) of a dose of patient `p`; a bolus has duration 0."""
    amount = dose.amount * scale * _number(dose.bioavailability, parameters, p)
    rate = _number(dose.rate, parameters, p) * (scale > 0)
    duration = _number(dose.duration, parameters, p)
    if dose.kind == "infusion":
        if rate > 0 and not np.isinf(duration):
            duration = amount / rate
        elif not rate:
            rate = amount / duration if duration > 0 else 0.0
    return _number(dose.lag, parameters, p), amount, rate, duration if dose.kind == "infusion" else 0.0


def _one(system, events, p, parameters, infused, steady) -> _Rows:  # type: ignore[no-untyped-def]
    rows = _Rows()
    states = {s: i for i, s in enumerate(system.states)}
    inputs = {s: i for i, s in enumerate(system.inputs)}
    rate_of = {s: i for i, s in enumerate(infused)}
    regimen = events.regimens[int(events.regimen_of[p])]
    clears = sorted(d.time for d in regimen if d.kind == "reset" or d.steady_state == 1)
    running: dict[int, list[tuple[float, float, float]]] = {}

    def infuse(number: int, start: float, end: float, rate: float, given: float) -> None:
        cut = next((c for c in clears if c > given), np.inf)
        if start < cut and rate != 0.0:
            running.setdefault(number, []).append((start, min(end, cut), rate))

    for j, dose in enumerate(regimen):
        scale = 1.0 if events.taken is None else float(events.taken[p, j])
        if dose.kind == "reset":
            rows.add(dose.time, RESET, 0, 0.0)
            continue
        if dose.kind == "set":
            if scale > 0:
                to_state = dose.target in states
                rows.add(
                    dose.time,
                    SET_STATE if to_state else SET_INPUT,
                    (states if to_state else inputs)[dose.target],
                    dose.amount,
                )
            continue
        lag, amount, rate, duration = arrival(dose, parameters, p, scale)
        if dose.steady_state and scale > 0:
            add = ADD if dose.steady_state == 2 else SET_STATE
            for i, value in enumerate(steady[p, j]):
                rows.add(dose.time, add, i, float(value))
            if dose.kind == "infusion" and dose.interval > 0:
                back = 1
                while lag - back * dose.interval + duration > 0 and back < 100000:
                    start = dose.time + lag - back * dose.interval
                    infuse(rate_of[dose.target], max(start, dose.time), start + duration, rate, dose.time)
                    back += 1
        for k in range(dose.additional + 1):
            given = dose.time + k * dose.interval
            if any(dose.time < c <= given for c in clears):
                continue
            start = given + lag
            if dose.kind == "infusion":
                infuse(rate_of[dose.target], start, start + duration, rate, given)
            elif amount != 0.0 and not any(given < c <= start for c in clears):
                rows.add(start, ADD, states[dose.target], amount)
    _rates(rows, running)
    return rows


def _rates(rows: _Rows, running: Mapping[int, list[tuple[float, float, float]]]) -> None:
    """Infusions as total rates after each change: exactly 0 when none runs."""
    for number, spans in running.items():
        changes = sorted({t for start, end, _ in spans for t in (start, end) if np.isfinite(t)})
        for t in changes:
            total = sum(rate for start, end, rate in spans if start <= t < end)
            rows.add(t, SET_RATE, number, float(total))
