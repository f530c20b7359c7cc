"""Populations of any size in little memory: fixed chunks, reduced as they come.

In: a function that draws the patients first..last-1, so that no array of the whole population exists.  Out: means,
deviations and quantiles of every output at every time, and the patients that failed.  Chunks have fixed bounds,
so the result is the same bits for any number of threads or workers and after any interruption.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from euthymia.engine.cluster import in_order
from euthymia.engine.events import Events
from euthymia.engine.solve import solve
from euthymia.engine.store import ChunkStore, digest
from euthymia.engine.system import OdeSystem
from euthymia.engine.trajectories import Trajectories
from euthymia.errors import InputError, Problem

Draw = Callable[[int, int], tuple[Mapping[str, np.ndarray | float], Events | None]]


@dataclass(frozen=True)
class Summary:
    """Reduced results of a population.

    Parameters
    ----------
    mean, deviation : ndarray, shape (times, outputs)
        Over the patients that ran to the end; sample standard deviation.
    sample : ndarray, shape (sampled patients, times, outputs)
        A fixed pseudo-random part of the population, for quantiles.
    patients, failed : int
    failures : tuple of (int, str)
        The first hundred: patient and message.
    """

    mean: np.ndarray
    deviation: np.ndarray
    sample: np.ndarray
    times: np.ndarray
    outputs: tuple[str, ...]
    patients: int
    failed: int
    failures: tuple[tuple[int, str], ...]

    def quantile(self, q: float | Sequence[float]) -> np.ndarray:
        """Quantiles over the sampled patients, shape (..., times, outputs)."""
        return np.quantile(self.sample, q, axis=0)


def _sampled(index: np.ndarray, share: float) -> np.ndarray:
    """Which patients belong to the sample: a fixed scramble of the patient's number (splitmix64)."""
    with np.errstate(over="ignore"):
        z = index.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return z.astype(np.float64) / 2.0**64 < share


def stream(
    system: OdeSystem,
    n: int,
    draw: Draw,
    times: np.ndarray,
    outputs: Sequence[str],
    *,
    chunk: int = 4096,
    sample: int = 10_000,
    store: ChunkStore | None = None,
    key: Any = None,
    cluster: Any = None,
    **options: Any,
) -> Summary:
    """Simulate `n` patients chunk by chunk and keep the summary only.

    Parameters
    ----------
    draw : function (first, last) -> (parameters, events)
        The patients first..last-1; must not depend on how the population is cut.
    chunk : int
        Patients at a time.
    sample : int
        About how many patients the quantiles rest on.
    store : ChunkStore, optional
        Keeps each chunk's results, so that a second call with the same `key` goes on where the first stopped.
    key : optional
        Describes `draw` (for example seed and protocol); needed with `store`.
    cluster : distributed.Client, cluster object or str, optional
        Dask workers that take the chunks; a worker that dies costs its time only.  `draw` must be picklable.
    options
        Further options of `solve`.

    Examples
    --------
    >>> from euthymia.engine import Fragment, Parameter, State
    >>> decay = OdeSystem.join("decay", Fragment({"A": State("-k*A", 1.0)}, {"k": Parameter(0.1)}), units=False)
    >>> out = stream(decay, 100, lambda a, b: ({"k": np.arange(a, b) / 100}, None), [0.0, 1.0], ["A"], chunk=32)
    >>> bool(abs(out.mean[1, 0] - np.exp(-np.arange(100) / 100).mean()) < 1e-5)
    True
    """
    total = np.zeros((len(times), len(outputs)))
    spread = np.zeros_like(total)
    count = failed = 0
    failures: list[tuple[int, str]] = []
    kept: list[np.ndarray] = []
    if store is not None and key is None:
        raise InputError([Problem("a store needs a key that describes the draws", key="key")])
    if not (n >= 0 and chunk >= 1):
        raise InputError(
            [Problem(f"n is {n} and chunk is {chunk}; expected n >= 0, chunk >= 1", key="chunk")]
        )
    bounds = [(first, min(first + chunk, n)) for first in range(0, n, chunk)]
    if cluster is not None:
        options.setdefault("threads", 1)  # the cluster decides how many chunks a machine takes
    task = ChunkTask(system, draw, tuple(map(float, times)), tuple(outputs), options)
    salt = key if key is not None else os.urandom(16).hex()  # without a key nothing tells two draws apart
    for (first, last), part in zip(bounds, _parts(task, bounds, salt, store, cluster), strict=True):
        values, status, failed_at = part
        lost = Trajectories(values, np.array(task.times), task.outputs, status, failed_at)
        messages = [(int(i), lost.message(int(i), first)) for i in np.flatnonzero(~lost.ok)]
        good = np.isfinite(values).all(axis=(1, 2))
        failed += int((~good).sum())
        messages += [
            (int(i), f"patient {first + i}: an output is not finite") for i in np.flatnonzero(lost.ok & ~good)
        ]
        failures += [(first + i, text) for i, text in messages][: 100 - len(failures)]
        some = values[good]
        if len(some):
            mean = some.mean(axis=0)
            gap = mean - total
            joined = count + len(some)
            spread += ((some - mean) ** 2).sum(axis=0) + gap**2 * count * len(some) / joined
            total += gap * len(some) / joined
            count = joined
        kept.append(values[good & _sampled(np.arange(first, last), sample / max(n, 1))])
    deviation = np.sqrt(spread / max(count - 1, 1))
    return Summary(
        total,
        deviation,
        np.concatenate(kept) if kept else np.empty((0, *total.shape)),
        np.asarray(times, float),
        tuple(outputs),
        n,
        failed,
        tuple(failures),
    )


Part = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ChunkTask:
    """A request that can be carried out for any range of patients, on any machine."""

    system: OdeSystem
    draw: Draw
    times: tuple[float, ...]
    outputs: tuple[str, ...]
    options: Mapping[str, Any]

    def __call__(self, first: int, last: int) -> Part:
        """Values, statuses and times of failure of the patients first..last-1."""
        parameters, events = self.draw(first, last)
        out = solve(
            self.system, last - first, parameters, events, np.array(self.times), self.outputs, **self.options
        )
        return out.values, out.status, out.failed_at

    def name(self, key: Any, first: int, last: int) -> list:
        """What decides the numbers of a chunk."""
        plain = {k: v for k, v in self.options.items() if k != "threads"}
        return [self.system.key, key, first, last, self.times, self.outputs, plain]


def _parts(
    task: ChunkTask, bounds: Sequence[tuple[int, int]], key: Any, store: ChunkStore | None, cluster: Any
) -> Iterator[Part]:
    """The chunks in order: from the store where they are there, else computed and stored."""
    todo: list[tuple[int, int]] = []
    for first, last in bounds:
        if store is None or not store.path(task.name(key, first, last)).is_file():
            todo.append((first, last))
    made = in_order(((digest(task.name(key, *b)), partial(task, *b)) for b in todo), cluster)
    missing = set(todo)
    for first, last in bounds:
        name = task.name(key, first, last)
        if (first, last) not in missing:
            assert store is not None
            packed = store.get(name)
            if packed is None:  # removed since
                yield task(first, last)
                continue
            yield _unpacked(packed, len(task.outputs))
            continue
        part = next(made)
        if store is not None:
            store.put(name, _packed(part))
        yield part


def _packed(part: Part) -> np.ndarray:
    """One array: the values of a patient in a row, then status and time of failure."""
    values, status, failed_at = part
    return np.column_stack([values.reshape(len(values), -1), status, failed_at])


def _unpacked(packed: np.ndarray, outputs: int) -> Part:
    values = np.ascontiguousarray(packed[:, :-2]).reshape(len(packed), -1, outputs)
    return values, packed[:, -2].astype(np.int64), packed[:, -1].copy()
