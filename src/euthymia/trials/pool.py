"""Many replicates from a pool: the same virtual patients simulated once in every arm, then drawn with replacement.

In: a protocol without steps.  Out: replicates as `Simulated`, each place in an arm filled by a draw from the pool.
Rating, placebo course, life events and dropout are drawn anew in every place, so two draws of one pool patient share
biology and drug levels and nothing else.  Assumed: the pool stands for the population; what it is off by chance is
shared by all replicates (with 400 patients a twentieth of the spread between patients).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.patients.population import load_population
from euthymia.patients.streams import uniforms
from euthymia.protocol.protocol import Arm, Protocol
from euthymia.trials import simulate as one
from euthymia.trials.cohort import Cohort, allocate, recruit
from euthymia.trials.folder import content_key, load_chunk, make_folder, save_chunk
from euthymia.trials.model import Model
from euthymia.units import quantity

USUAL = 400
MANY = 5000  # patients over all replicates above which a pool is used without being asked for
NAME = "pool"


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool's patients, and what the network did with them in each arm."""

    cohort: Cohort
    arms: tuple[dict[str, NDArray[Any]], ...]

    @property
    def size(self) -> int:
        """Patients in the pool."""
        return len(self.cohort.number)


def pool_size(protocol: Protocol) -> int:
    """Patients of the pool this protocol's replicates come from; 0 where every replicate has its own."""
    if protocol.staged:
        return 0
    patients = sum(a.n for a in protocol.arms) * protocol.replicates
    return protocol.pool or (USUAL if protocol.replicates > 1 and patients > MANY else 0)


def simulate_pool(
    protocol: Protocol,
    model: Model,
    size: int,
    *,
    store: Path | None = None,
    threads: int | None = None,
    progress: Callable[[str, int, int], None] = one._silent,
) -> Pool:
    """Simulate the pool in every arm; finished chunks of an earlier run are used again."""
    whole = protocol.replace(arms=(Arm(NAME, size, protocol.arms[0].treatment),), replicates=1)
    plain = protocol.replace(
        arms=tuple(replace(a, n=1) for a in protocol.arms), replicates=1, pool=0, analyses=(), interim=None
    )
    key = content_key([one.simulation_key(plain), size])
    folder = make_folder(store / key) if store else None
    cohort = recruit(
        model, load_population(protocol.base), whole, NAME, threads, lambda a, b: progress("recruit", a, b)
    )
    chunks = [np.arange(i, min(i + one.CHUNK, size)) for i in range(0, size, one.CHUNK)]
    arms: list[dict[str, NDArray[Any]]] = []
    for i in range(len(protocol.arms)):
        parts = []
        for j, index in enumerate(chunks):
            path = folder / f"pool-{i}-{j}.npz" if folder else None
            part = load_chunk(path) if path else None
            if part is None:
                free = arms[0]["untreated"][index] if arms else None
                where = np.full(len(index), i, dtype=np.int64)
                none = np.zeros((len(index), 0), dtype=np.int64)
                part = one._treated(protocol, model, NAME, cohort.take(index), where, none, threads, free)
                if path:
                    save_chunk(path, part)
            parts.append(part)
            progress("simulate", i * size + int(index[-1]) + 1, size * len(protocol.arms))
        arms.append({k: np.concatenate([p[k] for p in parts]) for k in parts[0]})
    return Pool(cohort, tuple(arms))


def draw(
    pool: Pool, protocol: Protocol, replicate: int, courses: bool = False
) -> tuple[one.Simulated, NDArray[np.int64]]:
    """One replicate and the pool's candidate number of each of its patients.

    Parameters
    ----------
    courses : bool
        Keep the daily courses too.
    """
    trial = f"replicate {replicate}"
    arm = allocate(protocol, trial, sum(a.n for a in protocol.arms))
    return _filled(pool, protocol, trial, arm, np.arange(len(arm)), courses)


def extra(pool: Pool, protocol: Protocol, replicate: int) -> one.Simulated | None:
    """The patients beyond the planned size that a look may ask for; None where no look can."""
    if protocol.interim is None or protocol.interim.resize is None:
        return None
    most = quantity(protocol.interim.resize.most).value
    more = [int(np.ceil(a.n * most - 1e-9)) - a.n for a in protocol.arms]
    arm = np.repeat(np.arange(len(more)), more)
    first = sum(a.n for a in protocol.arms)
    return _filled(pool, protocol, f"replicate {replicate}", arm, first + np.arange(len(arm)), False)[0]


def _filled(
    pool: Pool,
    protocol: Protocol,
    trial: str,
    arm: NDArray[np.int64],
    place: NDArray[np.int64],
    courses: bool,
) -> tuple[one.Simulated, NDArray[np.int64]]:
    pick = (uniforms(protocol.seed, trial, place, "pool")[:, 0] * pool.size).astype(np.int64)
    visits, days, _ = one.times_of(protocol)
    found: dict[str, Any] = {}
    for key in pool.arms[0]:
        if key in ("courses", "last") and not courses:
            found[key] = np.empty((len(arm), 0, 0))
            continue
        stacked = np.stack([part[key] for part in pool.arms]) if key != "messages" else None
        found[key] = (
            stacked[arm, pick]
            if stacked is not None
            else np.array([str(pool.arms[a][key][i]) for a, i in zip(arm, pick, strict=True)])
        )
    cohort = pool.cohort.take(pick)
    numbered = replace(cohort, number=place.astype(np.int64))
    messages = [str(m) for m in found.pop("messages")]
    return one.Simulated(numbered, arm, visits, days=days, messages=messages, **found), cohort.number


def as_simulated(pool: Pool, protocol: Protocol) -> one.Simulated:
    """The whole pool, arm after arm, for courses and exposure."""
    n = pool.size
    arm = np.repeat(np.arange(len(pool.arms)), n)
    merged = {k: np.concatenate([p[k] for p in pool.arms]) for k in pool.arms[0]}
    return one.simulated(protocol, pool.cohort.take(np.tile(np.arange(n), len(pool.arms))), arm, merged)
