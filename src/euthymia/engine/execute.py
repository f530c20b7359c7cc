"""Populations of any size in little memory: fixed chunks, reduced as they come.

In: a function that draws the patients first..last-1, so that no array of the whole population exists.  Out: means,
deviations and quantiles of every output at every time, and the patients that failed.  Chunks have fixed bounds,
so the result is the same bits for any number of threads and after any interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from euthymia.engine.events import Events
from euthymia.engine.solve import solve
from euthymia.engine.store import ChunkStore
from euthymia.engine.system import OdeSystem

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
    for first in range(0, n, chunk):
        last = min(first + chunk, n)
        values, messages = _chunk(system, draw, first, last, times, outputs, store, key, options)
        good = np.isfinite(values).all(axis=(1, 2))
        failed += int((~good).sum())
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


def _chunk(
    system, draw, first, last, times, outputs, store, key, options
) -> tuple[np.ndarray, list[tuple[int, str]]]:  # type: ignore[no-untyped-def]
    plain = {k: v for k, v in options.items() if k != "threads"}
    name = [system.key, key, first, last, list(map(float, times)), list(outputs), repr(sorted(plain.items()))]
    if store is not None:
        values = store.get(name)
        if values is not None:
            lost = np.flatnonzero(~np.isfinite(values).all(axis=(1, 2)))
            return values, [
                (int(i), "failed in the stored chunk; replay it alone for the reason") for i in lost
            ]
    parameters, events = draw(first, last)
    out = solve(system, last - first, parameters, events, times, outputs, **options)
    if store is not None:
        store.put(name, out.values)
    return out.values, [(int(i), out.message(int(i))) for i in np.flatnonzero(~out.ok)]
