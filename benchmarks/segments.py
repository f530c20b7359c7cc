"""A patient's run cut at its doses, for simulators that know no doses: what changes at which moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.problems import Problem
from euthymia.engine.events import ADD, RESET, SET_RATE, SET_STATE, block_stops, with_clock
from euthymia.engine.problem import prepare


@dataclass(frozen=True)
class Cut:
    """One patient: first values and the changes at the start of each segment.

    Parameters
    ----------
    state : ndarray, shape (states,)
    parameters : ndarray, shape (parameters,)
    inputs : ndarray, shape (inputs + infused states,)
        Values before the first change; rates of infusion stand behind the inputs.
    starts : ndarray, shape (segments,)
    changes : list of list of (kind, place, value)
        `add` or `state` to a state, `input` to an input, at the start of each segment.
    """

    state: np.ndarray
    parameters: np.ndarray
    inputs: np.ndarray
    starts: np.ndarray
    changes: list[list[tuple[str, int, float]]]


def cut(p: Problem, patient: int) -> Cut:
    """Cut one patient's run at its doses."""
    system, infused = p.system, p.events.infused()
    ready = prepare(
        system, p.patients, p.parameters, p.events, p.fine, list(system.states), False, None, None
    )
    table = {k: ready.parameters[:, i] for i, k in enumerate(system.parameters)}
    everyone = np.arange(p.patients)
    stops = block_stops(system, p.events, everyone, table, infused, {})
    stops = with_clock(stops, system, ready.parameters)
    begin, last = float(p.times[0]), float(p.times[-1])
    time = stops.time[patient]
    kept = np.flatnonzero(time < last)
    starts = np.unique(np.concatenate([[begin], np.maximum(time[kept], begin)]))
    changes: list[list[tuple[str, int, float]]] = [[] for _ in starts]
    for k in kept:
        code, index = int(stops.code[patient, k]), int(stops.index[patient, k])
        assert code != RESET
        if code in (ADD, SET_STATE):
            kind = "add" if code == ADD else "state"
        else:
            kind, index = "input", index + (len(system.inputs) if code == SET_RATE else 0)
        place = int(np.searchsorted(starts, max(float(time[k]), begin)))
        changes[place].append((kind, index, float(stops.value[patient, k])))
    inputs = np.concatenate([ready.inputs[patient], np.zeros(len(infused))])
    return Cut(ready.initial[patient], ready.parameters[patient], inputs, starts, changes)


def rates_with_infusions(p: Problem) -> list[int]:
    """Rate nodes of every state; infused states take a further input."""
    program = p.system.program
    rates = list(program.rates)
    for k, name in enumerate(p.events.infused()):
        i = p.system.state_names.index(name)
        rates[i] = program.graph.add(rates[i], program.graph.make("u", len(p.system.inputs) + k))
    return rates
