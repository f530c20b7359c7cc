"""SBML models on populations: parameters drawn per patient, every patient simulated.

Models run as one batch through the engine, events included, with the known jumps in time as stop points; those
with algebraic rules that are not linear run patient by patient through the readable simulator.  Both say which they
used.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.engine import Dose, Events, Fragment, Input, OdeSystem, solve
from euthymia.errors import EuthymiaError, InputError, Problem, SolverError, nearest
from euthymia.interop.sbml_change import own_model
from euthymia.interop.sbml_draws import draw
from euthymia.interop.sbml_dynamics import Dynamics, dynamics
from euthymia.interop.sbml_engine import engine_name, to_engine
from euthymia.interop.sbml_machine import Machine
from euthymia.interop.sbml_math import Unsupported
from euthymia.interop.sbml_model import SbmlModel
from euthymia.interop.sbml_read import read_sbml
from euthymia.interop.sbml_simulate import Run, divided, output_symbols, simulate

STOP = "stop.points"


@dataclass(frozen=True, slots=True)
class PopulationRun:
    """What a population did.

    Parameters
    ----------
    times : ndarray, shape (times,), the model's time unit
    outputs : tuple of str
    values : ndarray, shape (patients, times, outputs)
        NaN for a patient that failed.
    draws : mapping of str to ndarray, shape (patients,)
        The varied symbols.
    messages : tuple of str
        Per patient "ok" or what went wrong.
    solver : str
        "engine" or "simulator", with the reason.
    seconds : float
    warnings : tuple of str
        What the file left open and what was taken instead.
    """

    times: np.ndarray
    outputs: tuple[str, ...]
    values: np.ndarray
    draws: Mapping[str, np.ndarray]
    messages: tuple[str, ...]
    solver: str
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> np.ndarray:
        """Which patients ran to the end, shape (patients,), bool."""
        return np.array([m == "ok" for m in self.messages])


def run_population(
    path: str | Path,
    end: float = 10.0,
    steps: int = 100,
    vary: Mapping[str, str] | None = None,
    patients: int = 1,
    seed: int = 0,
    *,
    outputs: Sequence[str] | None = None,
    solver: Callable[..., Any] | None = None,
    rtol: float = 1e-6,
    threads: int | None = None,
    only: int | None = None,
) -> PopulationRun:
    """Run an SBML file on a population.

    Parameters
    ----------
    end : float
        Last time, in the model's time unit.
    steps : int
        Rows are `steps` + 1, evenly spaced.
    vary : mapping
        Symbol to its distribution, see `draw`.
    outputs : sequence of str
        Symbols; by default all species (as the model means them) and changing parameters.
    solver : callable
        `euthymia.engine.solve` or `solve_reference`; the engine's solver by default.
    threads : int, optional
        Of the engine's solver; by default the number of cores less one.
    only : int, optional
        Run this patient of the population alone; its numbers are the same, to the bit.

    Raises
    ------
    InputError
        A bad file, symbol, distribution or number; all are named.
    """
    if not (end > 0 and steps >= 1 and patients >= 1):
        text = f"end {end:g}, steps {steps} and patients {patients} must be above 0"
        raise InputError([Problem(text, file=str(path))])
    model = read_sbml(path)
    began = clock.perf_counter()
    system = dynamics(model)
    vary = dict(vary or {})
    draws = _draws(model, vary, patients, seed, outputs or ())
    first = 0
    if only is not None:
        if not 0 <= only < patients:
            text = f"patient {only} is none of 0 to {patients - 1}"
            raise InputError([Problem(text, file=str(path), key="only")])
        first, patients = only, 1
        draws = {k: v[only : only + 1] for k, v in draws.items()}
    wanted = tuple(outputs) if outputs is not None else default_outputs(system)
    times = np.linspace(0.0, end, steps + 1)
    try:
        batch = prepare_batch(system, times, wanted, draws, patients)
        options = {"threads": threads} if solver is None else {}
        values, messages = batch(solver or solve, rtol, patients, **options)
        how = "engine"
    except Unsupported as reason:
        values, messages = _one_by_one(model, system, times, wanted, draws, patients, rtol)
        how = f"simulator, because: {reason.problems[0].key}: {reason.problems[0].message}"
    messages = [_own_message(m, i, first, draws) for i, m in enumerate(messages)]
    return PopulationRun(
        times, wanted, values, draws, tuple(messages), how, clock.perf_counter() - began, model.warnings
    )


def _own_message(message: str, i: int, first: int, draws: Mapping[str, np.ndarray]) -> str:
    """What went wrong, the patient's own values, and how to run it alone."""
    if message == "ok":
        return message
    text = (
        message.split("; replay it")[0]
        .replace(f"patient {i}", f"patient {first + i}", 1)
        .replace(" h:", ":", 1)
    )
    values = ", ".join(f"{k} = {v[i]:.6g}" for k, v in draws.items())
    return f"{text}; {values or 'nothing varied'}; alone: only={first + i}"


def _draws(
    model: SbmlModel, vary: Mapping[str, str], patients: int, seed: int, outputs: Sequence[str]
) -> dict[str, np.ndarray]:
    """Values of the varied symbols; every wrong symbol, distribution and output is named at once."""
    found: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    for symbol, spec in vary.items():
        try:
            centre = first_value(model, symbol)
        except InputError as error:
            problems += error.problems
            centre = 1.0
        try:
            found[symbol] = draw(spec, centre, patients, seed, symbol)
        except InputError as error:
            problems += [replace(p, file=model.file) for p in error.problems]
    for wanted in outputs:
        try:
            _symbol(model, wanted)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def _symbol(model: SbmlModel, wanted: str) -> str:
    """The model's symbol behind an output such as `n:S`, `c:S` or `k`."""
    kind, _, ident = wanted.rpartition(":")
    known = {*model.species, *model.compartments, *model.parameters, *model.references, *model.reactions}
    if ident not in known:
        raise InputError([Problem(f"'{ident}' is not in the model" + nearest(ident, known), file=model.file)])
    return wanted if kind == "n" and ident in model.species else ident


def default_outputs(system: Dynamics) -> tuple[str, ...]:
    """All species and every other symbol that changes; where none does, every parameter and compartment."""
    model = system.model
    others = [*model.rate, *model.assignment, *system.unknowns]
    others += [target for event in model.events for target, _ in event.assignments]
    found = dict.fromkeys([*model.species, *others])
    return tuple(found) or (*model.parameters, *model.compartments, *model.reactions)


def first_value(model: SbmlModel, symbol: str) -> float:
    """The number the file gives for a parameter, compartment or species.

    Raises
    ------
    InputError
        There is no such symbol, or a rule computes it.
    """
    known = {**model.parameters, **model.compartments, **model.species}
    if symbol not in known:
        some = [*model.parameters, *model.species, *model.compartments]
        listed = ", ".join(some[:8]) + (f" and {len(some) - 8} more" if len(some) > 8 else "")
        text = f"there is no '{symbol}' to vary{nearest(symbol, known) or '; there are ' + listed}"
        raise InputError([Problem(text, file=model.file, key=symbol)])
    if symbol in model.assignment:
        raise InputError(
            [Problem("an assignment rule computes it; it cannot vary", file=model.file, key=symbol)]
        )
    if symbol in model.parameters:
        found = model.parameters[symbol].value
    elif symbol in model.compartments:
        found = model.compartments[symbol].size
    else:
        s = model.species[symbol]
        found = s.amount if s.concentration is None else s.concentration
    return float("nan") if found is None else float(found)


# ---------------------------------------------------------------------- the two ways
def _one_by_one(
    model: SbmlModel,
    system: Dynamics,
    times: np.ndarray,
    wanted: Sequence[str],
    draws: Mapping[str, np.ndarray],
    patients: int,
    rtol: float,
) -> tuple[np.ndarray, list[str]]:
    values = np.full((patients, len(times), len(wanted)), np.nan)
    messages = []
    pairs = [output_symbols(system, w) for w in wanted]
    machine = Machine(system, [o for o, _ in pairs] + [size for _, size in pairs if size])
    atol = rtol * 1e-4 * peaks(system, times)
    for i in range(patients):
        own = dynamics(own_model(model, {k: float(v[i]) for k, v in draws.items()}))
        try:
            table = Run(machine, times, rtol * 0.1, atol, own.initial).go()
            values[i] = divided(table, pairs)
            messages.append("ok")
        except EuthymiaError as error:
            messages.append(f"patient {i}: {error}")
    return values, messages


def prepare_batch(
    system: Dynamics,
    times: np.ndarray,
    wanted: Sequence[str],
    draws: Mapping[str, np.ndarray],
    patients: int,
) -> Callable[..., tuple[np.ndarray, list[str]]]:
    """A function (solver, rtol, count, share, **options) -> (values, messages) that runs the first `count` patients.

    The absolute tolerance of a state is `share` * rtol * its largest value in the typical patient.

    Raises
    ------
    Unsupported
        The model does not run in a batch.
    """
    model = system.model
    symbols = [_symbol(model, w) for w in wanted]
    symbols += [model.species[s].compartment for s in symbols if s in model.species]
    translated = to_engine(system, symbols, draws, keep=draws)
    for symbol in draws:
        if symbol not in translated.start:
            raise Unsupported("varying a symbol that nothing reads", "symbol", symbol, model.file)
    names = []
    for w in wanted:
        kind, _, ident = w.rpartition(":")
        text = translated.names[_symbol(model, w)]
        species = model.species.get(ident)
        if kind == "c" and species is not None and species.substance_only:
            text = f"{text}/{translated.names[species.compartment]}"
        names.append(text)
    plain = translated.system
    whole = Fragment(
        plain.states, plain.parameters, plain.assignments, {**plain.inputs, STOP: Input()}, plain.triggers
    )
    joined = OdeSystem.join(plain.name, whole, units=False)
    try:
        largest = dict(zip(map(engine_name, system.states), peaks(system, times), strict=True))
        scale = np.array([largest.get(s, 1.0) for s in plain.states])
    except SolverError:  # the typical patient fails: each one's own sizes must do
        scale = None
    events = stop_events(model, system, times, draws, patients)

    def run(
        solver: Any, rtol: float, count: int, share: float = 1e-3, **options: Any
    ) -> tuple[np.ndarray, list[str]]:
        values = {translated.start[k]: v[:count] for k, v in draws.items()}
        first = Events(events.regimens, events.regimen_of[:count]) if events is not None else None
        options |= {"rtol": rtol, "after": True} | ({} if scale is None else {"atol": rtol * share * scale})
        result = solver(joined, count, values, first, times, names, **options)
        return result.values, [result.message(i) for i in range(count)]

    return run


def peaks(system: Dynamics, times: np.ndarray) -> np.ndarray:
    """The largest size of each state in the typical patient, shape (states,), for absolute tolerances."""
    symbols = list(system.states)
    if not symbols:
        return np.zeros(0)
    found = np.abs(simulate(system, times, symbols, rtol=1e-6, atol=1e-20))
    largest = np.max(np.where(np.isfinite(found), found, 0.0), axis=0, initial=0.0)
    moving = largest[largest > 0]
    return np.maximum(largest, 1e-6 * moving.min() if moving.size else 1.0)


def stop_events(
    model: SbmlModel, system: Dynamics, times: np.ndarray, draws: Mapping[str, np.ndarray], patients: int
) -> Events | None:
    """The known jumps in time as stop points, for each patient his own where they depend on a varied symbol."""
    machine = Machine(system, [])
    if not machine.time_gaps and not machine.features:
        return None
    varied = set(draws) & machine.timing
    regimens = []
    for i in range(patients if varied else 1):
        own = dynamics(own_model(model, {k: float(draws[k][i]) for k in varied})) if varied else system
        run = Run(Machine(own, []), times, 1e-6, 1e-9)
        regimens.append([Dose(t, STOP, float(k % 2), "set") for k, t in enumerate(run.stops())])
    return Events(regimens, np.arange(patients) if varied else np.zeros(patients, int))
