"""A protocol to a run folder: recruit, treat, observe, tabulate.

Simulation is cut into chunks of patients whose name is a hash of everything that decides their numbers (protocol
without endpoints and texts, library, code).  Finished chunks are found again by any later run, so a change of
endpoints, tables or plots simulates nothing, and a killed run goes on where it stopped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.individual import individual_parameters, variable_parameters
from euthymia.engine import Dose, Events, solve
from euthymia.outcomes.adherence import taken
from euthymia.patients.history import LOAD
from euthymia.patients.population import load_population
from euthymia.patients.streams import normals, uniforms
from euthymia.protocol.given import dose_mg
from euthymia.protocol.protocol import Arm, Protocol, Treatment
from euthymia.protocol.times import hours, visit_hours
from euthymia.trials import stages
from euthymia.trials.cohort import Cohort, allocate, recruit
from euthymia.trials.folder import (
    RUNS,
    code_hash,
    content_key,
    library_hash,
    load_chunk,
    make_folder,
    save_chunk,
)
from euthymia.trials.model import EXPECTANCY, START, Model, build_model
from euthymia.units import quantity

CHUNK = 100
DAY = 24.0
LAST_DAY_POINTS = 13
EXPECTED = {"low": 0.5, "usual": 1.0, "high": 1.5}  # on the scale of the network's port, where 1 is a trial
Progress = Callable[[str, int, int], None]


def _silent(stage: str, done: int, total: int) -> None:
    """No progress."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the network did with one replicate's patients, before anything is rated.

    Parameters
    ----------
    cohort : Cohort
    arm : ndarray, shape (patients,)
    visits : ndarray, shape (visits,), h
    severity, untreated : ndarray, shape (patients, visits), model MADRS points
    days : ndarray, shape (days,), h
    courses : ndarray, shape (patients, days, courses), canonical units
    last : ndarray, shape (patients, LAST_DAY_POINTS, courses)
        The last 24 hours of dosing, for exposure.
    taken : ndarray, shape (patients,)
        Share of doses taken.
    status : ndarray, shape (patients,), 0 = ok
    messages : list of str
    choices : ndarray, shape (patients, steps), optional
        Option each patient took at each step of a trial in stages, see `trials.stages`.
    """

    cohort: Cohort
    arm: NDArray[np.int64]
    visits: NDArray[np.float64]
    severity: NDArray[np.float64]
    untreated: NDArray[np.float64]
    days: NDArray[np.float64]
    courses: NDArray[np.float64]
    last: NDArray[np.float64]
    taken: NDArray[np.float64]
    status: NDArray[np.int64]
    messages: list[str] = field(default_factory=list)
    choices: NDArray[np.int64] | None = None


def simulation_key(protocol: Protocol) -> str:
    """The content that decides the simulated numbers of a protocol, as a hash."""
    data = protocol.to_data()
    texts = ("title", "endpoints", "compare_with", "notes", "allow", "analyses", "interim")
    # in a trial in stages who leaves is not treated further
    for key in texts if protocol.staged else (*texts, "dropout"):
        data.pop(key, None)
    if not protocol.staged:  # steps are drawn by the name of the arm
        data["arms"] = [{**arm, "name": str(i)} for i, arm in enumerate(data["arms"])]
    return content_key([data, library_hash(), code_hash()])


def times_of(protocol: Protocol) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Visits, days, and the points of the last 24 hours, in hours."""
    visits = np.array(sorted(visit_hours(v) for v in protocol.visit_list))
    end = protocol.duration_h
    days = np.arange(0.0, end + DAY / 2, DAY)
    return visits, days, np.linspace(max(end - DAY, 0.0), end, LAST_DAY_POINTS)


def simulate(
    protocol: Protocol,
    replicate: int = 0,
    *,
    store: Path | None = None,
    threads: int | None = None,
    progress: Progress = _silent,
    model: Model | None = None,
) -> Simulated:
    """Simulate one replicate of a protocol.

    Parameters
    ----------
    protocol : Protocol
    replicate : int
        Replicates have other patients.
    store : Path, optional
        Folder of chunks; finished ones are reused, new ones are kept there.
    threads : int, optional
        Cores to use; all but one where left out.

    Raises
    ------
    InputError
        The parts do not fit, or hardly anybody can be included.
    """
    trial = f"replicate {replicate}"
    model = model or build_model(protocol)
    folder = make_folder(store / simulation_key(protocol)) if store else None
    cohort = _recruited(protocol, model, trial, replicate, folder, threads, progress)
    arm = allocate(protocol, trial, len(cohort.number))
    chunks = [np.arange(i, min(i + CHUNK, len(arm))) for i in range(0, len(arm), CHUNK)]
    parts = []
    for j, index in enumerate(chunks):
        path = folder / f"{replicate}-{j}.npz" if folder else None
        part = load_chunk(path) if path else None
        if part is None:
            part = treat(protocol, model, trial, cohort.take(index), arm[index], threads)
            if path:
                save_chunk(path, part)
        parts.append(part)
        progress("simulate", int(index[-1]) + 1, len(arm))
    return simulated(protocol, cohort, arm, {k: np.concatenate([p[k] for p in parts]) for k in parts[0]})


def _recruited(
    protocol: Protocol,
    model: Model,
    trial: str,
    replicate: int,
    folder: Path | None,
    threads: int | None,
    progress: Progress,
) -> Cohort:
    path = folder / f"{replicate}-cohort.npz" if folder else None
    stored = load_chunk(path) if path else None
    if stored is not None:

        def block(name: str) -> dict[str, Any]:
            return {k.removeprefix(name): v for k, v in stored.items() if k.startswith(name)}

        return Cohort(
            stored["number"],
            block("value:"),
            block("word:"),
            block("score:"),
            stored["start"],
            stored["severity"],
            int(stored["screened"]),
        )
    population = load_population(protocol.base)
    cohort = recruit(model, population, protocol, trial, threads, lambda a, b: progress("recruit", a, b))
    if path:
        flat: dict[str, Any] = {"number": cohort.number, "start": cohort.start, "severity": cohort.severity}
        flat["screened"] = np.array(cohort.screened)
        for name, found in (
            ("value:", cohort.values),
            ("word:", cohort.phenotypes),
            ("score:", cohort.scores),
        ):
            flat.update({name + k: v for k, v in found.items()})
        save_chunk(path, flat)
    return cohort


def treat(
    protocol: Protocol, model: Model, trial: str, cohort: Cohort, arm: NDArray[np.int64], threads: int | None
) -> dict[str, NDArray[Any]]:
    """Simulate some patients in their arms, and once more without their drugs.

    In a trial in stages whoever changes treatment at a visit is simulated again with the new regimen.
    """
    nothing = np.full((len(arm), stages.most_steps(protocol)), stages.NOT_ASKED)
    part = _treated(protocol, model, trial, cohort, arm, nothing, threads)
    if not protocol.staged:
        return part
    from euthymia.trials.rate import step_scores

    choices = nothing
    for at in stages.step_times(protocol):
        scores, present = step_scores(protocol, simulated(protocol, cohort, arm, part, choices), trial, at)
        decided = stages.decide(protocol, at, cohort.number, arm, choices, scores, present, trial)
        plans, of = stages.plans_of(arm, decided)
        given = [tuple(stages.spans(protocol, protocol.arms[a], c)) for a, c in plans]
        plans, before = stages.plans_of(arm, choices)
        had = [tuple(stages.spans(protocol, protocol.arms[a], c)) for a, c in plans]
        again = np.flatnonzero([given[i] != had[j] for i, j in zip(of, before, strict=True)])
        choices = decided
        if len(again):
            other = _treated(
                protocol,
                model,
                trial,
                cohort.take(again),
                arm[again],
                choices[again],
                threads,
                part["untreated"][again],
            )
            failed = part["status"][again]
            other["status"] = np.where(other["status"] != 0, other["status"], failed)
            other["messages"] = np.where(other["messages"] != "", other["messages"], part["messages"][again])
            _take_over(part, other, again, *(t > at for t in times_of(protocol)[:2]))
    return {**part, "choices": choices}


def _take_over(
    part: dict[str, NDArray[Any]],
    other: dict[str, NDArray[Any]],
    who: NDArray[np.int64],
    visits: NDArray[np.bool_],
    days: NDArray[np.bool_],
) -> None:
    """Put what followed a decision in its place; what was seen before it stays as it was seen."""
    for key, values in other.items():
        if key in ("severity", "courses"):
            later = visits if key == "severity" else days
            part[key][np.ix_(who, np.flatnonzero(later))] = values[:, later]
            continue
        if values.dtype.itemsize > part[key].dtype.itemsize:
            part[key] = part[key].astype(values.dtype)
        part[key][who] = values


def simulated(
    protocol: Protocol,
    cohort: Cohort,
    arm: NDArray[np.int64],
    part: dict[str, NDArray[Any]],
    choices: NDArray[np.int64] | None = None,
) -> Simulated:
    """Patients with what the network did with them."""
    visits, days, _ = times_of(protocol)
    rest = {k: v for k, v in part.items() if k not in ("messages", "choices")}
    chosen = part.get("choices") if choices is None else choices
    messages = [str(m) for m in part["messages"]]
    return Simulated(cohort, arm, visits, days=days, messages=messages, choices=chosen, **rest)


def _treated(
    protocol: Protocol,
    model: Model,
    trial: str,
    cohort: Cohort,
    arm: NDArray[np.int64],
    choices: NDArray[np.int64],
    threads: int | None,
    untreated: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[Any]]:
    """The network with the regimens of these choices; the course without drugs is taken over where it is known."""
    n = len(cohort.number)
    visits, days, last = times_of(protocol)
    times = np.unique(np.concatenate([visits, days, last]))
    outputs = [model.severity, *(c[0] for c in model.courses)]
    parameters = patient_parameters(protocol, model, trial, cohort)
    plans, of = stages.plans_of(arm, choices)
    events, share = dosing(protocol, model, trial, cohort, plans, of)
    options: dict[str, Any] = {"rtol": protocol.tolerance, "threads": threads}
    run = solve(model.treated, n, parameters, events, times, outputs, **options)
    status = run.status
    if untreated is None:
        bare = Events([[]], np.zeros(n, dtype=np.int64))
        free = solve(model.treated, n, parameters, bare, visits, [model.severity], **options)
        status = np.where(run.status != 0, run.status, free.status)
        untreated = free.values[:, :, 0]
    at = {name: np.searchsorted(times, t) for name, t in (("visits", visits), ("days", days), ("last", last))}
    return {
        "severity": run.values[:, at["visits"], 0],
        "untreated": untreated,
        "courses": run.values[:, at["days"], 1:],
        "last": run.values[:, at["last"], 1:],
        "taken": share,
        "status": status.astype(np.int64),
        "messages": np.array([run.message(i) if status[i] else "" for i in range(n)]),
    }


def patient_parameters(
    protocol: Protocol, model: Model, trial: str, cohort: Cohort
) -> dict[str, NDArray[np.float64]]:
    """Everything that differs between patients: traits, kinetics, potencies, where the run-up ended."""
    population = load_population(protocol.base)
    values = population.network_values(cohort.values, model.treated.parameters)
    values[LOAD] = cohort.values["after"]
    values[EXPECTANCY] = np.full(len(cohort.number), EXPECTED[protocol.setting.expectancy])
    shared = list(model.network.states)
    values.update(
        {START + s: cohort.start[:, i] for i, s in enumerate(shared) if START + s in model.treated.parameters}
    )
    if model.drugs:
        draws = {
            id_: normals(protocol.seed, trial, cohort.number, f"compound/{id_}")[:, 0]
            for id_ in variable_parameters(model.drugs)
            if not id_.endswith(".uncertainty")
        }
        own = individual_parameters(model.drugs, cohort.covariates(), draws)
        values.update({k: v for k, v in own.items() if k in model.treated.parameters})
    return values


def dosing(
    protocol: Protocol,
    model: Model,
    trial: str,
    cohort: Cohort,
    plans: Sequence[stages.Plan],
    of: NDArray[np.int64],
) -> tuple[Events, NDArray[np.float64]]:
    """Regimens of the plans, the doses each patient takes, and the share taken, shape (patients,)."""
    records = [_records(protocol, model, protocol.arms[a], c) for a, c in plans]
    longest = max((len(r) for r in records), default=0)
    weight = cohort.covariates()["weight"]
    mask = np.ones((len(of), max(longest, 1)))
    share = np.ones(len(of))
    mean = quantity(protocol.adherence).value if protocol.adherence else None
    for i, rows in enumerate(records):
        who = np.flatnonzero(of == i)
        if not rows or not len(who):
            continue
        when = np.array([d.time for d, _ in rows])
        per_kg = np.array([kg for _, kg in rows], dtype=bool)
        given = np.array([d.kind in ("infusion", "set") for d, _ in rows])  # attended
        count = len(when)
        state = uniforms(protocol.seed, trial, cohort.number[who], "adherence/state", count)
        miss = uniforms(protocol.seed, trial, cohort.number[who], "adherence/miss", count)
        kept = taken(when, state, miss, protocol.setting.care == "inpatient", mean) | given
        drug = np.array([d.kind != "set" for d, _ in rows])
        share[who] = kept[:, drug].mean(axis=1) if drug.any() else 1.0
        mask[who, :count] = kept * np.where(per_kg[None, :], weight[who, None], 1.0)
    return Events([[d for d, _ in rows] for rows in records], of, mask), share


def regimen(protocol: Protocol, model: Model, arm: Arm) -> list[Dose]:
    """The doses of one arm in time order."""
    return [dose for dose, _ in _records(protocol, model, arm)]


def _records(
    protocol: Protocol, model: Model, arm: Arm, choices: tuple[int, ...] = ()
) -> list[tuple[Dose, bool]]:
    """Doses in time order, each with whether it is per kilogram of body weight."""
    rows: list[tuple[Dose, bool]] = []
    for t, start, stop in stages.spans(protocol, arm, choices):
        if t.placebo:
            continue
        if t.intervention:
            rows += [(d, False) for d in _ports(protocol, t, start, stop)]
            continue
        target = model.targets[t.drug, t.route]
        per_kg = t.dose.rstrip().endswith("/kg")
        amount = dose_mg(t.dose, 1.0) * target.factor
        length = hours(t.infusion) if t.infusion else 0.0
        for at in t.times(protocol.duration_h - start):
            if start + at >= stop:
                continue
            dose = Dose(
                start + at,
                target.state,
                amount,
                "infusion" if length else "bolus",
                duration=length,
                bioavailability=target.bioavailability,
                lag=target.lag,
            )
            rows.append((dose, per_kg))
    return sorted(rows, key=lambda r: (r[0].time, r[0].target))


def _ports(protocol: Protocol, t: Treatment, start: float, stop: float) -> list[Dose]:
    """Port changes of one intervention that counts from `start` and ends at `stop` at the latest."""
    begin = start + (0.0 if t.on else visit_hours(t.from_))
    end = min(stop, protocol.duration_h, begin + hours(t.for_) if t.for_ else np.inf)
    return t.plan.doses(begin, end, t.level, t.begins())


def default_threads(jobs: int | None) -> int:
    """All cores but one, at least one, unless the user says otherwise."""
    return jobs or max((os.cpu_count() or 2) - 1, 1)


@dataclass(frozen=True, slots=True)
class RunResult:
    """Where a run lies and what it is called."""

    folder: Path
    run_id: str
    manifest: Mapping[str, Any]
    seconds: Mapping[str, float]


def run_trial(
    protocol: Protocol,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    progress: Progress = _silent,
) -> RunResult:
    """Run a protocol: simulate all replicates, rate them, write the run folder.

    Parameters
    ----------
    protocol : Protocol
    out : path, optional
        Folder for runs, `euthymia-runs` where left out.
    jobs : int, optional
        Cores to use.

    Raises
    ------
    InputError, StoreError
        See `simulate`; the folder cannot be written.
    """
    from euthymia.trials.pool import draw, pool_size, simulate_pool
    from euthymia.trials.tables import write_run

    start = time.perf_counter()
    base = make_folder(Path(out or RUNS))
    model = build_model(protocol)
    built = time.perf_counter()
    threads, store = default_threads(jobs), base / "chunks"
    size = pool_size(protocol)
    pool = None
    if size:
        pool = simulate_pool(protocol, model, size, store=store, threads=threads, progress=progress)
        runs = [draw(pool, protocol, r, courses=r == 0)[0] for r in range(protocol.replicates)]
    else:
        runs = [
            simulate(protocol, r, store=store, threads=threads, progress=progress, model=model)
            for r in range(protocol.replicates)
        ]
    done = time.perf_counter()
    run_id = content_key([protocol.to_data(), library_hash(), code_hash()])
    manifest = write_run(base / run_id, run_id, protocol, model, runs, pool, progress)
    seconds = {"build": built - start, "simulate": done - built, "analyse": time.perf_counter() - done}
    progress("analyse", 1, 1)
    return RunResult(base / run_id, run_id, manifest, seconds)
