"""Published trials lived through by an ensemble: over processes, in chunks that are kept where a folder is given.

In: trials, an ensemble and how many patients each member has in a trial.  Out: a `Foresight`.  With a number of
patients a chunk is one trial in all members.  With `patients=None` every member has as many patients as the trial had
(`mechanism.own_size`), and a chunk is one trial in `BLOCK` members.  A lane depends on its member and its patient alone,
so results are the same however they are cut, and an interrupted run goes on from the chunks that lie in its folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.errors import EuthymiaError
from euthymia.trials.ensemble import Ensemble, model_hash, prior_ensemble
from euthymia.trials.folder import code_hash, content_key, load_chunk, make_folder, save_chunk
from euthymia.trials.foresight import (
    MEMBERS,
    NOTHING_SEEN,
    PATIENTS,
    Foresight,
    Seen,
    given_words,
    read_foresight,
)
from euthymia.trials.mechanism import Effect, Simulator, no_effect, own_size
from euthymia.trials.published import PublishedTrial

BLOCK = 25  # members of a chunk where every trial has its own number of patients
LOOK = 0.5  # s between two looks at how many chunks are done
Progress = Callable[[int, int], None]
Chunk = dict[str, Seen]


def look(trial: PublishedTrial, simulator: Simulator) -> Chunk:
    """The network's predictions of one trial by contrast key; a trial that fails is named and stops nothing."""
    try:
        effects = simulator.contrasts(trial)
    except (EuthymiaError, ArithmeticError, LookupError, ValueError) as error:
        reason = f"could not be simulated: {error}"
        effects = {c.arm: no_effect(len(simulator.ensemble), reason) for c in trial.contrasts()}
    return {f"{trial.id}/{name}": _seen(effect, given_words(trial, name)) for name, effect in effects.items()}


def _seen(effect: Effect, given: str) -> Seen:
    scatter = 0.0
    if effect.known:
        scatter = float(np.nanmean(np.nanstd(effect.each[:, :, -1], axis=1)))
    return Seen(effect.mean, effect.reason, given, scatter, effect.engaged, effect.shares)


@dataclass(frozen=True, slots=True)
class _Task:
    """Trials in the members from `first` on; the work of one process at a time."""

    trials: tuple[PublishedTrial, ...]
    ensemble: Ensemble
    first: int
    patients: int | None
    folder: Path | None

    def path(self, trial: PublishedTrial) -> Path | None:
        """File of one chunk; named by all that the trial says, so that a changed file is simulated anew."""
        if self.folder is None:
            return None
        name = re.sub(r"[^\w.-]", "_", trial.id)
        digest = content_key(repr(replace(trial, file="", notes=())))[:8]
        part = "" if self.patients else f".{self.first}"
        return self.folder / f"{name}-{digest}{part}.npz"

    def stored(self, trial: PublishedTrial) -> Chunk | None:
        """A chunk that is done and whole."""
        path = self.path(trial)
        return None if path is None else _read(path, trial)


def _run(task: _Task, tell: Callable[[], None] = lambda: None) -> dict[str, Chunk]:
    """Every trial of a task by its name."""
    simulator = Simulator(task.ensemble, task.patients)
    found: dict[str, Chunk] = {}
    for trial in task.trials:
        found[trial.id] = look(trial, simulator)
        path = task.path(trial)
        if path is not None:
            _write(path, found[trial.id])
        if task.patients is None:
            simulator.forget()
        tell()
    return found


def _write(path: Path, chunk: Chunk) -> None:
    arrays: dict[str, Any] = {}
    for key, seen in chunk.items():
        arrays[f"members:{key}"] = seen.members
        arrays[f"reason:{key}"] = np.array(seen.reason)
        arrays[f"scatter:{key}"] = np.array(seen.scatter)
    save_chunk(path, arrays)


def _read(path: Path, trial: PublishedTrial) -> Chunk | None:
    arrays = load_chunk(path)
    if arrays is None:
        return None
    return {
        c.key: Seen(
            arrays[f"members:{c.key}"],
            str(arrays[f"reason:{c.key}"]),
            given_words(trial, c.arm),
            float(arrays[f"scatter:{c.key}"]),
        )
        for c in trial.contrasts()
    }


def foresee(
    trials: Sequence[PublishedTrial],
    ensemble: Ensemble | None = None,
    patients: int | None = PATIENTS,
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
    work: Path | None = None,
) -> Foresight:
    """Simulate trials in an ensemble.

    Parameters
    ----------
    ensemble : Ensemble, optional
        The prior ensemble where left out.
    patients : int or None
        Virtual patients of each member; None: each trial's own number.
    jobs : int
        Processes.
    progress : callable
        Told how many chunks are done, of how many.
    work : Path, optional
        Where chunks are kept and looked for.

    Raises
    ------
    StoreError
        `work` cannot be written.
    """
    ensemble = prior_ensemble(MEMBERS) if ensemble is None else ensemble
    folder = None if work is None else make_folder(work / _key(ensemble, patients))
    asked = [t for t in trials if t.contrasts()]
    size = BLOCK if patients is None else len(ensemble)
    if patients is None:  # the largest first, so that patients are recruited once
        asked.sort(key=own_size, reverse=True)
    parts: dict[str, dict[int, Chunk]] = {t.id: {} for t in asked}
    tasks = []
    for first in range(0, len(ensemble), size):
        members = ensemble.take(range(first, min(first + size, len(ensemble))))
        task = _Task(tuple(asked), members, first, patients, folder)
        todo = []
        for trial in asked:
            chunk = task.stored(trial)
            if chunk is None:
                todo.append(trial)
            else:
                parts[trial.id][first] = chunk
        tasks += [replace(task, trials=some) for some in _shared_out(todo, jobs if patients else 1)]
    total = len(asked) * -(-len(ensemble) // size)
    for task, found in _all(tasks, jobs, progress, total):
        for name, chunk in found.items():
            parts[name][task.first] = chunk
    whole = {t.id: _joined([chunk for _, chunk in sorted(parts[t.id].items())]) for t in asked}
    return Foresight({key: seen for t in trials if t.id in whole for key, seen in whole[t.id].items()})


def _key(ensemble: Ensemble, patients: int | None) -> str:
    members = [ensemble.scores.round(9).tolist(), ensemble.structure.tolist(), ensemble.number.tolist()]
    return content_key([model_hash(), code_hash(), members, patients or "own"])


def _shared_out(trials: Sequence[PublishedTrial], jobs: int) -> list[tuple[PublishedTrial, ...]]:
    """Neighbours together: they share drugs, and so equations that are compiled once."""
    size = max(-(-len(trials) // jobs), 1)
    return [tuple(trials[i : i + size]) for i in range(0, len(trials), size)]


def _all(
    tasks: Sequence[_Task], jobs: int, progress: Progress, total: int
) -> Iterable[tuple[_Task, dict[str, Chunk]]]:
    """Results of every task, in any order."""
    before = total - sum(len(t.trials) for t in tasks)
    done = before
    progress(done, total)

    def one_more() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    if jobs <= 1 or len(tasks) < 2:
        for task in tasks:
            yield task, _run(task, one_more)
        return
    pool = ProcessPoolExecutor(min(jobs, len(tasks)))
    try:
        told = done
        waiting: dict[Future[dict[str, Chunk]], _Task] = {pool.submit(_run, task): task for task in tasks}
        while waiting:
            ready, _ = wait(waiting, LOOK, FIRST_COMPLETED)
            for future in ready:
                task = waiting.pop(future)
                yield task, future.result()
                done += len(task.trials)
            now = done + sum(_lying(task) for task in waiting.values())
            if now != told:
                progress(told := now, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _lying(task: _Task) -> int:
    """Chunks of a task that lie in its folder already."""
    if task.folder is None:
        return 0
    paths = (task.path(t) for t in task.trials)
    return sum(path is not None and path.is_file() for path in paths)


def _joined(parts: Sequence[Chunk]) -> Chunk:
    """One chunk of all members; a contrast has a reason only where no member could express it."""
    found: Chunk = {}
    for key in parts[0]:
        some = [p[key] for p in parts]
        reason = some[0].reason if all(s.reason for s in some) else ""
        scatter = float(np.mean([s.scatter for s in some if not s.reason] or [0.0]))
        members = np.concatenate([s.members for s in some])
        found[key] = replace(some[0], members=members, reason=reason, scatter=scatter)
    return found


def foresight_of(
    trials: Iterable[PublishedTrial],
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
    patients: int | None = PATIENTS,
    work: Path | None = None,
) -> Foresight:
    """Predictions of these trials: stored ones where the arms are the same, simulated ones for the rest.

    With another number of patients than the stored ones have, all are simulated.
    """
    stored = read_foresight()
    if not stored.seen:
        return NOTHING_SEEN
    new: list[PublishedTrial] = []
    found: dict[str, Seen] = {}
    for trial in trials:
        keys = [c.key for c in trial.contrasts()]
        same = patients == PATIENTS and all(
            k in stored.seen and stored.seen[k].given == given_words(trial, k.rpartition("/")[2])
            for k in keys
        )
        if same:
            found |= {k: stored.seen[k] for k in keys}
        elif keys:
            new.append(trial)
    if not new:
        return Foresight(found)
    return Foresight(found).with_more(foresee(new, None, patients, jobs, progress, work))
