"""Stops of a system with sensitivities: what a dose does to the derivatives of the states.

In: the plain stops of a block of patients.  Out: the same stops with, around each that moves with a parameter (lag
time, duration) a MARK and a JUMP, and with the derivative of each amount and infusion rate.  Derivatives of times
and amounts to the parameters are central differences of the stops themselves, which are sums, products and
quotients of parameters: exact to about 1e-10.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from euthymia.engine.driver_jumps import CONSTANTS
from euthymia.engine.events import ADD, SET_RATE, SET_STATE, Events, Stops, block_stops, with_clock
from euthymia.engine.system import OdeSystem
from euthymia.errors import InputError, Problem

MARK, JUMP = CONSTANTS["MARK"], CONSTANTS["JUMP"]
STEP = 1e-5


def with_jumps(
    system: OdeSystem,
    stops: Stops,
    events: Events | None,
    patients: np.ndarray,
    parameters: np.ndarray,
    infused: Sequence[str],
) -> Stops:
    """The stops of some patients with what they do to sensitivities.

    Parameters
    ----------
    parameters : ndarray, shape (patients of the whole population, parameters)

    Raises
    ------
    InputError
        Two stops change their order with a parameter: their derivative does not exist.
    """
    program, names = system.program, list(system.parameters)
    n, m = stops.time.shape
    wrt = program.wrt  # type: ignore[attr-defined]
    slopes = [_slopes(system, stops, events, patients, parameters, infused, names.index(p)) for p in wrt]
    moved = np.zeros((n, m), bool)
    for rise, _ in slopes:
        moved |= rise != 0
    due = np.isfinite(stops.time)
    nothing = np.full((n, m), np.inf)
    columns = [
        (
            np.where(moved & due, stops.time, nothing),
            np.full((n, m), MARK),
            np.zeros((n, m), int),
            np.zeros((n, m)),
        ),
        (stops.time, stops.code, stops.index, stops.value),
    ]
    for j, (rise, change) in enumerate(slopes):
        of_state, of_infusion = program.places(j, infused)  # type: ignore[attr-defined]
        rated = stops.code == SET_RATE
        index = np.where(rated, of_infusion[stops.index * rated], of_state[stops.index * ~rated])
        acts = (stops.code == SET_STATE) | rated | ((stops.code == ADD) & (change != 0))
        time = np.where(acts & (index >= 0) & due, stops.time, nothing)
        columns.append((time, stops.code, np.maximum(index, 0), change))
        time = np.where((rise != 0) & due, stops.time, nothing)
        columns.append((time, np.full((n, m), JUMP), np.full((n, m), j), rise))
    parts = [np.stack([c[k] for c in columns], axis=2).reshape(n, -1) for k in range(4)]
    order = np.argsort(parts[0], axis=1, kind="stable")
    time, code, index, value = (np.ascontiguousarray(np.take_along_axis(p, order, axis=1)) for p in parts)
    return Stops(time, code.astype(np.int64), index.astype(np.int64), value)


def _slopes(system, stops, events, patients, parameters, infused, column):  # type: ignore[no-untyped-def]
    """Derivatives of times and values of the stops to one parameter, each of shape (patients, stops)."""
    own = parameters[:, column]
    step = STEP * np.maximum(np.abs(own), 1e-3)
    sides = []
    for sign in (1.0, -1.0):
        there = parameters.copy()
        there[:, column] = own + sign * step
        table = {key: there[:, i] for i, key in enumerate(system.parameters)}
        made = with_clock(block_stops(system, events, patients, table, infused), system, there[patients])
        same = made.time.shape == stops.time.shape
        if not (same and (made.code == stops.code).all() and (made.index == stops.index).all()):
            name = list(system.parameters)[column]
            text = f"two doses or switches change their order with '{name}'; use method=\"differences\""
            raise InputError([Problem(text, key="wrt")])
        sides.append(made)
    width = 2 * step[patients][:, None]
    with np.errstate(invalid="ignore"):
        rise = np.where(np.isfinite(stops.time), (sides[0].time - sides[1].time) / width, 0.0)
        change = (sides[0].value - sides[1].value) / width
    small = 1e-9
    rise[
        np.abs(rise) < small * np.maximum(1.0, np.abs(stops.time)) / np.maximum(np.abs(width), 1e-300) * 1e-7
    ] = 0.0
    change[np.abs(sides[0].value - sides[1].value) <= 1e-13 * np.abs(stops.value)] = 0.0
    return rise, change
