"""A population through the fast engine: patients in blocks over threads, the same bits however they are cut.

In: a system, parameters per patient, events, times, outputs.  Out: `Trajectories` with a status per patient.
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from euthymia.engine.compiled import Compiled, compiled, driver_code
from euthymia.engine.driver import CONSTANTS, PLACES
from euthymia.engine.driver_events import QUEUE
from euthymia.engine.events import Events, Stops, block_stops, with_clock
from euthymia.engine.jumps import with_jumps
from euthymia.engine.methods import METHODS, Tableau
from euthymia.engine.problem import Prepared, prepare, unfit
from euthymia.engine.system import OdeSystem
from euthymia.engine.trajectories import NO_STEADY_STATE, Trajectories
from euthymia.errors import InputError, Problem, SolverError, nearest

BLOCK = 256
_RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def solve(
    system: OdeSystem,
    n: int,
    parameters: Mapping[str, np.ndarray | float],
    events: Events | None,
    times: np.ndarray,
    outputs: Sequence[str],
    *,
    rtol: float = 1e-5,
    atol: float | np.ndarray | None = None,
    method: str = "auto",
    threads: int | None = None,
    after: bool | np.ndarray = False,
    start: float | None = None,
    initial: Mapping[str, np.ndarray | float] | None = None,
    max_steps: int = 1_000_000,
    max_step: float = np.inf,
) -> Trajectories:
    """Simulate a population.

    Parameters
    ----------
    system : OdeSystem
    n : int
        Patients.
    parameters : mapping from name to ndarray, shape (patients,), or float
        Replaces defaults.
    events : Events or None
    times : ndarray, shape (times,), h, ascending
    outputs : sequence of str
        Names or expressions of names.
    rtol : float
        Relative tolerance of one step; the error of the result is usually several times smaller.
    atol : float or ndarray, shape (states,), optional
        Absolute tolerance; by default a thousandth of `rtol` times the largest value that each state of each
        patient has reached so far, and 1e-10 of `rtol` times the largest state at the last stop (at most 1).
    method : {"auto", "rodas5p", "rodas4", "dopri5"}
        "auto" is rodas5p: measured no slower than the explicit dopri5 on systems that are not stiff either.
    threads : int, optional
        By default the number of cores less one, at least 1.
    after : bool or ndarray, shape (times,)
        False: a value at the moment of an event is the one just before it (a trough); True: just after.
    start : float, h
        By default 0, or the first time where that is earlier.
    initial : mapping from state or input to value, optional
        Replaces first values; ndarray of shape (patients,) or one number.
    max_steps : int
        For each patient.
    max_step : float, h

    Raises
    ------
    InputError
        The request is wrong; every problem is listed.  A patient that fails never raises: see `Trajectories.status`.

    Examples
    --------
    >>> from euthymia.engine import Fragment, Parameter, State
    >>> decay = Fragment(states={"A": State("-k*A", 10.0, "mg")}, parameters={"k": Parameter(0.1, "1/h")})
    >>> out = solve(OdeSystem.join("decay", decay), 1, {}, None, [0.0, 10.0], ["A"], rtol=1e-8)
    >>> out.values[0, :, 0].round(6).tolist()
    [10.0, 3.678794]
    """
    ready = prepare(system, n, parameters, events, times, outputs, after, start, initial)
    tolerance, floor = _tolerances(system, rtol, atol)
    name = _method(system, method, rtol)
    infused = events.infused() if events is not None else ()
    if system.program.jumps:
        infused = (*infused, *system.program.moved_infusions(infused))
    code = compiled(system, infused, outputs, METHODS[name].implicit)
    run = _RUN(driver_code(name, code.width, code.triggers is not None, bool(code.jumps))[0])
    values = np.full((n, len(ready.times), len(outputs)), np.nan)
    status = np.zeros(n, dtype=np.int64)
    failed_at = np.full(n, np.nan)
    counts = np.zeros((2, n))
    detail = unfit(system, ready, events, status, failed_at)
    table = {key: ready.parameters[:, i] for i, key in enumerate(system.parameters)}
    steady = _steady(system, events, ready, table, status, rtol)
    failed_at[status == NO_STEADY_STATE] = ready.start
    options = {
        "RTOL": rtol,
        "START": ready.start,
        "HMAX": max_step,
        "FLOOR": floor,
        "LEAST": float(atol is None),
        "EVENT_STEP": 1 / 400,
    }

    def block(first: int) -> None:
        last = min(first + size, n)
        stops = block_stops(system, events, np.arange(first, last), table, infused, steady)
        stops = with_clock(stops, system, ready.parameters[first:last])
        if code.jumps:
            stops = with_jumps(system, stops, events, np.arange(first, last), ready.parameters, infused)
        part = slice(first, last)
        results = (values[part], status[part], failed_at[part], counts[0, part], counts[1, part])
        _run_block(
            run,
            code,
            METHODS[name],
            ready,
            part,
            stops,
            tolerance,
            options,
            max_steps,
            len(infused),
            results,
        )

    workers = max(1, (os.cpu_count() or 2) - 1) if threads is None else max(1, threads)
    size = min(BLOCK, max(code.width, -(-n // workers))) if n else 1
    starts = range(0, n, size)
    if workers == 1 or len(starts) <= 1:
        for first in starts:
            block(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(block, starts))
    return Trajectories(
        values,
        ready.times,
        tuple(outputs),
        status,
        failed_at,
        counts[0].astype(np.int64),
        counts[1].astype(np.int64),
        name,
        detail,
    )


def _tolerances(system: OdeSystem, rtol: float, atol: float | np.ndarray | None) -> tuple[np.ndarray, float]:
    """Absolute tolerance of each state, and the share of a state's largest value that counts as its size."""
    size = len(system.states)
    problems = []
    if not (isinstance(rtol, (int, float)) and 1e-14 < rtol < 1):
        problems.append(Problem(f"rtol is {rtol}; it must lie between 1e-14 and 1", key="rtol"))
    if atol is not None and (np.shape(atol) not in ((), (size,)) or not np.all(np.asarray(atol) >= 0)):
        problems.append(Problem(f"atol must be one number or {size} numbers, none negative", key="atol"))
    if problems:
        raise InputError(problems)
    if atol is None:
        return np.full(size, 1e-290), 1e-3
    return np.maximum(np.broadcast_to(np.asarray(atol, float), (size,)), 1e-290).copy(), 0.0


def _method(system: OdeSystem, method: str, rtol: float) -> str:
    if method == "auto":
        return "rodas5p"
    if method not in METHODS:
        allowed = ["auto", *METHODS]
        raise InputError(
            [
                Problem(
                    f"'{method}' is no method{nearest(method, allowed)}; use {', '.join(allowed)}",
                    key="method",
                )
            ]
        )
    return method


def _steady(system, events, ready, table, status, rtol):  # type: ignore[no-untyped-def]
    if events is None or not any(d.steady_state for r in events.regimens for d in r):
        return {}
    from euthymia.engine.steady import steady_states

    return steady_states(system, events, ready, table, status, rtol)


def _aligned(*shape: int) -> np.ndarray:
    """Zeros whose memory starts at a multiple of 64 bytes."""
    count = math.prod(shape)
    raw = np.zeros(count + 8)
    shift = (-raw.ctypes.data // 8) % 8
    return raw[shift : shift + count].reshape(shape)


def _together(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Zeros in one piece of memory, each array at a multiple of 64 bytes: neighbours never fight for one cache set."""
    sizes = [-(-math.prod(shape) // 8) * 8 for shape in shapes.values()]
    room = _aligned(sum(sizes))
    ends = np.cumsum(sizes)
    return {
        key: room[end - size : end][: math.prod(shape)].reshape(shape)
        for (key, shape), size, end in zip(shapes.items(), sizes, ends, strict=True)
    }


def _trigger_memory(code: Compiled, ns: int) -> dict[str, np.ndarray]:
    """Tables and memory of state-triggered events."""
    table, w = code.triggers, code.width
    assert table is not None
    n, changes = len(table.flags), int(table.first[-1])
    return {
        "P_FIRST": table.first, "P_TARGET": table.target, "P_FLAGS": table.flags, "CHANGED": _aligned(w),
        "TRIG": _aligned(table.watched, w), "SEEN": _aligned(table.watched, w),
        "REACT": _aligned(2 * n + 2 * changes),
        "QTIME": _aligned(QUEUE, w), "QEVENT": np.zeros((QUEUE, w), np.int64), "QSERIAL": _aligned(QUEUE, w),
        "QVALUE": _aligned(QUEUE * changes + 1, w),
    }  # fmt: skip


def _jump_memory(code: Compiled, ns: int) -> dict[str, np.ndarray]:
    """Tables and memory of jumps of sensitivities."""
    pairs = [pair for each in code.jumps for pair in each] + [(0, 0)]
    first = np.cumsum([0] + [len(each) for each in code.jumps])
    moved, base = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    return {
        "BEFORE_JUMP": _aligned(ns), "AFTER_JUMP": _aligned(ns), "P_JUMPS": first.astype(np.int64), "P_MOVED": moved,
        "P_BASE": base,
    }  # fmt: skip


def _run_block(
    run,
    code: Compiled,
    method: Tableau,
    ready: Prepared,
    part: slice,
    stops: Stops,
    atol,
    options,
    max_steps,
    n_infused,
    results,
) -> None:  # type: ignore[no-untyped-def]
    """One block of patients through the driver; ctypes lets other threads run meanwhile."""
    y0 = np.ascontiguousarray(ready.initial[part])
    n, ns = y0.shape
    w = code.width
    values, status, failed, steps, rejected = results
    par = np.ascontiguousarray(ready.parameters[part])
    inputs = np.hstack([ready.inputs[part], np.zeros((n, n_infused))])
    shapes: dict[str, tuple[int, ...]] = {
        "Y": (ns, w), "YN": (ns, w), "YMAX": (ns, w), "U": (inputs.shape[1], w),
        "PQ": (code.n_slots + 1, w), "LU": (code.n_factors, w), "K": (method.stages * ns, w),
        "DT": (ns, w), "W": (code.scratch, w), "YI": (ns,), "TQ": (1,),
        "FRESH_K": (ns, w), "FIRST_H": (ns + 2 * inputs.shape[1] + 1, w),
        "YP": (ns, w), "REST": (ns, w), "AGAIN": (ns, w),
    }  # fmt: skip
    shapes |= {lane_value: (w,) for lane_value in PLACES[PLACES.index("T") :]}
    keep = _together(shapes) | {
        "P_Y0": y0, "P_PAR": par, "P_U0": inputs, "P_EVT": stops.time, "P_EVC": stops.code, "P_EVI": stops.index,
        "P_EVV": stops.value, "P_TIMES": ready.times, "P_AFTER": ready.after.astype(np.int64), "P_ATOL": atol,
        "P_TIMED": np.array(code.timed + (0,), np.int64), "P_COEFFICIENTS": method.table(),
        "P_NEED": np.array(code.needed + (0,), np.int64),
        "P_OUT": values, "P_STATUS": status, "P_FAILED": failed, "P_STEPS": steps, "P_REJECTED": rejected,
    }  # fmt: skip
    if code.triggers is not None:
        keep |= _trigger_memory(code, ns)
    if code.jumps:
        keep |= _jump_memory(code, ns)
    context = np.zeros(len(PLACES), dtype=np.int64)
    for key, array in keep.items():
        if not array.flags.c_contiguous:
            raise SolverError(f"internal: {key} is not contiguous")
        context[CONSTANTS[key]] = array.ctypes.data
    sizes = {
        "N": n,
        "NS": ns,
        "NP": par.shape[1],
        "NU": inputs.shape[1],
        "NT": len(ready.times),
        "NO": values.shape[2],
    }
    sizes |= {
        "NE": stops.time.shape[1],
        "NTIMED": len(code.timed),
        "NNEED": len(code.needed),
        "MAXSTEPS": max_steps,
        "NEXT": 0,
        "NINPUTS": ready.inputs.shape[1],
    }
    kernels = {
        "F_PREP": "prep",
        "F_RATES": "rates",
        "F_FACTOR": "factor",
        "F_STAGE": "stage",
        "F_OUT": "outputs",
        "F_WATCH": "watch",
        "F_REACT": "react",
        "F_SLOPE": "slope",
    }
    if code.triggers is not None:
        sizes |= {"NTRIG": len(code.triggers.flags), "NWATCH": code.triggers.watched}
        sizes |= {"NCHANGE": int(code.triggers.first[-1]), "QUEUE": QUEUE}
    sizes |= {place: code.address.get(kernel, 0) for place, kernel in kernels.items()}
    for key, number in sizes.items():
        context[CONSTANTS[key]] = number
    reals = context.view(np.float64)
    for key, real in options.items():
        reals[CONSTANTS[key]] = real
    run(context.ctypes.data)
