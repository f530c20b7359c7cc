"""Periodic steady states under repeated doses, for any system, by running in.

In: a population with steady-state doses.  Out: the states of each patient at the moment of each such record.
The doses are given at the record's time less 1, 2, ... intervals, so that rates that depend on time have their
phase; the number of cycles grows until the estimated distance to the limit is below the tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from euthymia.engine.events import Dose, Events
from euthymia.engine.problem import Prepared
from euthymia.engine.system import OdeSystem
from euthymia.engine.trajectories import NO_STEADY_STATE

CYCLES = (8, 32, 128, 512, 2048)


def steady_states(
    system: OdeSystem,
    events: Events,
    ready: Prepared,
    table: Mapping[str, np.ndarray],
    status: np.ndarray,
    rtol: float,
) -> dict[tuple[int, int], np.ndarray]:
    """States at each steady-state record: {(patient, record): ndarray, shape (states,)}.

    Patients without a periodic steady state get the status NO_STEADY_STATE.
    """
    found: dict[tuple[int, int], np.ndarray] = {}
    of = np.asarray(events.regimen_of)
    for r, regimen in enumerate(events.regimens):
        for j, dose in enumerate(regimen):
            if not dose.steady_state:
                continue
            patients = np.flatnonzero((of == r) & (status == 0))
            if events.taken is not None:
                patients = patients[np.asarray(events.taken)[patients, j] > 0]
            states, settled = _run_in(system, dose, ready, patients, table, rtol)
            status[patients[~settled]] = NO_STEADY_STATE
            found.update({(int(p), j): states[i] for i, p in enumerate(patients)})
    return found


def _run_in(
    system: OdeSystem,
    dose: Dose,
    ready: Prepared,
    patients: np.ndarray,
    table: Mapping[str, np.ndarray],
    rtol: float,
) -> tuple[np.ndarray, np.ndarray]:
    from euthymia.engine.solve import solve

    inner = min(rtol, 1e-7)
    endless = dose.duration == np.inf
    interval = dose.interval if dose.interval > 0 else 24.0
    states = np.full((len(patients), len(system.states)), np.nan)
    settled = np.zeros(len(patients), dtype=bool)
    for cycles in CYCLES:
        todo = np.flatnonzero(~settled)
        if not todo.size:
            break
        who = patients[todo]
        begin = dose.time - cycles * interval
        more = 0 if endless else cycles - 1
        repeated = replace(dose, time=begin, additional=more, interval=interval, steady_state=0)
        out = solve(
            system,
            len(who),
            {name: column[who] for name, column in table.items()},
            Events([[repeated]], np.zeros(len(who), dtype=int)),
            dose.time + interval * np.array([-2.0, *np.linspace(-1.0, 0.0, 9)]),
            list(system.states),
            rtol=inner,
            start=begin,
            initial={s: ready.initial[who, i] for i, s in enumerate(system.states)},
        )
        first, second, last = out.values[:, 0], out.values[:, 1], out.values[:, -1]
        size = np.abs(last) + 1e-3 * np.abs(out.values[:, 1:]).max(axis=1) + 1e-300
        change = np.max(np.abs(last - second) / size, axis=1)
        before = np.max(np.abs(second - first) / size, axis=1)
        with np.errstate(all="ignore"):
            ratio = np.minimum(np.where(before > 0, change / before, 0.0), 0.99999)
        noise = 100 * inner  # below it the change is the solver's own error
        good = out.ok & ((change <= noise) | (change * ratio / (1 - ratio) < max(0.1 * rtol, inner)))
        states[todo[good]] = last[good]
        settled[todo[good]] = True
    return states, settled
