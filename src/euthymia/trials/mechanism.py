"""The mechanistic predictor: dose -> exposure -> occupancy -> network -> placebo-adjusted change, for an ensemble.

In: a published trial's arms and an ensemble of models.  Out: for every active arm the difference from control in every
member and virtual patient, at the reported times.  Every member has its own patients of the same numbers, who
fall ill under that member's parameters and enter where their severity asks for it; arms of a trial are lived through
by the same patients with the same kinetics and chance (common random numbers), so a difference carries no sampling
noise between arms.

Assumed: full adherence and no dropout in the network's layer (the statistical layer over it learns what is lost);
a trial's patients are those of the outpatient or inpatient population, with the strata of `STRATA`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.biology.network import build_network
from euthymia.compounds.binding import occupancy_fragment, ports_of
from euthymia.compounds.compound import Compound, load_compound
from euthymia.compounds.individual import individual_parameters
from euthymia.compounds.pharmacokinetics import DoseTarget, dose_target, fragment
from euthymia.engine import Dose, Events, OdeSystem, solve
from euthymia.patients.history import LOAD
from euthymia.trials.courses import DAY, Course, Missing, course_of
from euthymia.trials.ensemble import PROFILE, Ensemble, network
from euthymia.trials.model import EXPECTANCY, SEVERITY, START, continued
from euthymia.trials.published import PublishedArm, PublishedTrial
from euthymia.trials.recruits import (
    MAX_STEPS,
    PATIENTS,
    STRATA,
    TOLERANCE,
    Patients,
    covariates,
    draws,
    lane_values,
    recruit_members,
)

Array = NDArray[np.float64]
# where every trial has its own number of patients: a patient's difference is off by 0.01 MADRS points on average (0.002 at
# TOLERANCE), far below what the number of patients leaves open, and takes 0.6 of the time
OWN_TOLERANCE = 1e-2
STILL_ILL = 18.0  # MADRS at the start of a trial after background treatment


@dataclass(frozen=True, slots=True)
class Effect:
    """What the network says of one contrast.

    Parameters
    ----------
    each : ndarray, shape (members, patients, times), MADRS points
        Arm minus control.
    days : ndarray, shape (times,)
    mean : ndarray, shape (members,)
        At the primary time, over patients.
    reason : str
        Why there is none; empty where there is one.
    given : str
        What the arm takes, in words.
    engaged : dict of port to level
        Ports the arm engages, mean over lanes at the primary time or its largest sampled level.
    shares : dict of edge to MADRS points
        What each edge into the symptoms contributed to the common drive, arm minus control, as logit.
    """

    each: Array
    days: Array
    mean: Array
    reason: str = ""
    given: str = ""
    engaged: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """The network can express the contrast."""
        return not self.reason


def no_effect(members: int, reason: str) -> Effect:
    """A contrast that the network cannot express."""
    empty = np.full((members, 0, 0), np.nan)
    return Effect(empty, np.zeros(0), np.full(members, np.nan), reason)


def own_size(trial: PublishedTrial) -> int:
    """Patients of the larger arm over the trial's contrasts: so many pairs, with and without the drug, are simulated."""
    return max(max(c.n, c.n_control) for c in trial.contrasts())


@dataclass(slots=True)
class Simulator:
    """Runs arms of trials in an ensemble and remembers what it has run.

    Parameters
    ----------
    ensemble : Ensemble
    patients : int or None
        Virtual patients of each member; None: as many as the larger arm of a trial's contrasts had (`own_size`).
    threads : int
    """

    ensemble: Ensemble
    patients: int | None = PATIENTS
    threads: int = 1
    explain: bool = False
    _cohorts: dict[tuple[str, str], Patients] = field(default_factory=dict)
    _runs: dict[Any, tuple[Array, Array]] = field(default_factory=dict)

    def cohort(self, population: str, stratum: str, each: int | None = None) -> Patients:
        """The virtual patients of a population and stratum.

        Parameters
        ----------
        each : int, optional
            Patients of each member; `patients` where left out.
        """
        key, each = (population, stratum), each or self.patients or PATIENTS
        if key not in self._cohorts or self._cohorts[key].each(len(self.ensemble)) < each:
            self._cohorts[key] = recruit_members(self.ensemble, population, stratum, each, self.threads)
        return self._cohorts[key].first(each, len(self.ensemble))

    def forget(self) -> None:
        """Drop the courses that were run, not the patients."""
        self._runs.clear()

    def contrasts(self, trial: PublishedTrial) -> dict[str, Effect]:
        """The effect of every active arm with a primary result, by arm name."""
        found: dict[str, Effect] = {}
        for c in trial.contrasts():
            arm = trial.arm(c.arm)
            against = partner(trial, arm) or trial.arm(c.against)
            found[c.arm] = self.effect(trial, arm, course_of(trial, arm), course_of(trial, against), c.day)
        return found

    def effect(
        self,
        trial: PublishedTrial,
        arm: PublishedArm,
        own: Course | Missing,
        base: Course | Missing,
        primary: float,
    ) -> Effect:
        """One contrast at the days its trial reports."""
        members = len(self.ensemble)
        for course in (own, base):
            if isinstance(course, Missing):
                return no_effect(members, course.reason)
        assert isinstance(own, Course) and isinstance(base, Course)
        if own == base:
            return no_effect(members, "arm and control differ in something the network does not see")
        silent = _silent(own)
        if silent:
            return no_effect(members, silent)
        days = np.unique([0.0, *(r.day for r in trial.results if r.day is not None), primary])
        population = "mdd_inpatient" if trial.setting == "inpatient" else "mdd_outpatient"
        stratum = _stratum(f"{arm.name} {trial.population}")
        each = own_size(trial) if self.patients is None else self.patients
        people = self.cohort(population, stratum, each)
        with_arm, shares_arm = self.run(own, people, days, (population, stratum))
        without, shares_base = self.run(base, people, days, (population, stratum))
        still = np.where(without[:, 0] >= STILL_ILL, 1.0, 0.0)
        difference = (with_arm - without).reshape(members, each, len(days))
        weight = still.reshape(members, each)
        weight = np.where(weight.sum(axis=1, keepdims=True) > 0, weight, 1.0)
        weight = np.where(np.isfinite(difference).all(axis=2), weight, 0.0)
        at = int(np.searchsorted(days, primary))
        total = np.maximum(weight.sum(axis=1), 1e-9)
        mean = (weight * np.nan_to_num(difference[:, :, at])).sum(axis=1) / total
        shares, engaged = {}, {}
        if self.explain:
            rows = _explained()
            for i, (name, _) in enumerate(rows):
                gap = float(np.nanmean(shares_arm[:, at, i] - shares_base[:, at, i]))
                if abs(gap) > 1e-3:
                    shares[name] = gap
            engaged = _engaged(own, self, people, days)
        return Effect(difference, days, mean, "", own.words(), engaged, shares)

    def run(self, course: Course, people: Patients, days: Array, key: tuple[str, str]) -> tuple[Array, Array]:
        """Severity of every lane, shape (lanes, days), and the explaining terms, shape (lanes, days, terms)."""
        name = (course, tuple(days.tolist()), key, len(people.number))
        if name not in self._runs:
            outputs = [SEVERITY, *((e for _, e in _explained()) if self.explain else ())]
            tolerance = OWN_TOLERANCE if self.patients is None else TOLERANCE
            values = run_course(course, self.ensemble, people, days, outputs, self.threads, tolerance)
            self._runs[name] = (values[:, :, 0], values[:, :, 1:])
        return self._runs[name]


def partner(trial: PublishedTrial, arm: PublishedArm) -> PublishedArm | None:
    """The control of the arm's own stratum or dose scheme, by the end of its name (`ket_fixed` with `midazolam_fixed`)."""
    controls = [a for a in trial.arms if a.role == "control"]
    if len(controls) < 2:
        return None
    end = arm.name.rpartition("_")[2]
    return next((c for c in controls if c.name.endswith(end)), None)


def _stratum(text: str) -> str:
    return next((pattern for pattern in STRATA if re.search(pattern, text, re.IGNORECASE)), "")


def _silent(course: Course) -> str:
    """A reason where nothing the arm takes reaches a port of the network."""
    if course.ports or not course.drugs:
        return ""
    driven = ports_of([load_compound(d.compound) for d in course.drugs if not d.background])
    if driven & set(network().inputs):
        return ""
    names = ", ".join(d.compound for d in course.drugs if not d.background)
    return f"{names}: binds nothing that the network reads"


@cache
def _explained() -> tuple[tuple[str, str], ...]:
    """Edges into the symptoms as (words, expression of their strength times their source)."""
    edges = build_network(PROFILE, check_rest=False).edges
    rows, seen = [], set()
    for edge in edges:
        key = (edge.strength, edge.source)
        if edge.strength.startswith("symptoms.") and key not in seen:
            seen.add(key)
            rows.append((f"{edge.source} -> {edge.target}", f"{edge.strength}*{edge.source}"))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class _Equations:
    system: OdeSystem
    drugs: dict[str, Compound]
    targets: dict[tuple[str, str], DoseTarget]
    wanted: tuple[str, ...]


@cache
def _equations(drugs: tuple[tuple[str, str], ...], own: tuple[str, ...] = ()) -> _Equations:
    """The network with these compounds (name, route) joined to it.

    `own` are ports that the course sets itself: there its level counts, not what a compound happens to bind.
    """
    bare = network()
    found = {c.id: c for c in (load_compound(name) for name, _ in drugs)}
    routes = {load_compound(name).id: route for name, route in drugs}
    wanted = tuple(p for p in bare.inputs if p in ports_of(found) and p not in own)
    parts = [fragment(c, routes[prefix], prefix, found) for prefix, c in found.items()]
    if found:
        parts.append(occupancy_fragment(found, wanted))
    joined = build_network(PROFILE, {}, parts, check_rest=False).system
    targets = {
        (name, route): dose_target(load_compound(name), route, prefix=load_compound(name).id)
        for name, route in drugs
    }
    return _Equations(continued(joined, bare, (LOAD,)), found, targets, wanted)


def run_course(
    course: Course,
    ensemble: Ensemble,
    people: Patients,
    days: Array,
    outputs: list[str],
    threads: int = 1,
    rtol: float = TOLERANCE,
) -> Array:
    """Live through one course in every member and patient.

    Parameters
    ----------
    days : ndarray, shape (times,)
    outputs : list of str

    Returns
    -------
    ndarray, shape (lanes, times, outputs)
        NaN where the equations could not be solved.
    """
    own_ports = tuple(sorted({port for _, port, _ in course.ports}))
    parts = _equations(tuple(sorted({(d.compound, d.route) for d in course.drugs})), own_ports)
    system, lanes = parts.system, len(people.number)
    values = {k: v for k, v in lane_values(ensemble, people).items() if k in system.parameters}
    values[LOAD] = people.values["after"]
    names = list(network().states)
    values |= {START + s: people.start[:, i] for i, s in enumerate(names) if START + s in system.parameters}
    patients = covariates(people)
    if parts.drugs:
        own = individual_parameters(parts.drugs, patients, draws(ensemble, people, parts.drugs))
        values |= {k: v for k, v in own.items() if k in system.parameters}
    records: list[tuple[Dose, bool]] = []
    for drug in course.drugs:
        target = parts.targets[drug.compound, drug.route]
        for at in drug.times:
            dose = Dose(
                at,
                target.state,
                drug.amount * target.factor,
                "infusion" if drug.length else "bolus",
                duration=drug.length,
                bioavailability=target.bioavailability,
                lag=target.lag,
            )
            records.append((dose, drug.per_kg))
    records += [(d, False) for d in course.doses() if d.target in system.inputs]
    records.append((Dose(0.0, EXPECTANCY, course.expectancy, "set"), False))
    records.sort(key=lambda r: (r[0].time, r[0].target))
    taken = None
    if any(per_kg for _, per_kg in records):
        taken = np.ones((lanes, len(records)))
        taken[:, [i for i, (_, kg) in enumerate(records) if kg]] = patients["weight"][:, None]
    events = Events([[d for d, _ in records]], np.zeros(lanes, dtype=np.int64), taken)
    first = min(0.0, *(d.time for d, _ in records))
    times = days * DAY
    run = solve(
        system, lanes, values, events, times, outputs, rtol=rtol, threads=threads, start=first,
        max_steps=MAX_STEPS,
    )  # fmt: skip
    run.values[run.status != 0] = np.nan
    return run.values


def _engaged(course: Course, simulator: Simulator, people: Patients, days: Array) -> dict[str, float]:
    """Ports that the course engages, as the largest mean level over the sampled times of the first members."""
    drugs = tuple(sorted({(d.compound, d.route) for d in course.drugs}))
    found = {port: level for _, port, level in course.ports if level}
    parts = _equations(drugs)
    if not parts.wanted:
        return found
    own = {d.compound for d in course.drugs if not d.background}
    ports = [p for p in parts.wanted if p in ports_of([load_compound(c) for c in own])]
    if not ports:
        return found
    some = people.taken(np.flatnonzero(people.member < 4))
    fine = np.unique(
        [*days, *(t / DAY + h / DAY for d in course.drugs for t in d.times[:1] for h in (1, 4, 12))]
    )
    fine = fine[fine >= 0]
    values = run_course(course, simulator.ensemble, some, fine, ports, simulator.threads)
    level = np.nanmean(values, axis=0).max(axis=0)
    return found | {p: float(v) for p, v in zip(ports, level, strict=True) if v > 0.02}
