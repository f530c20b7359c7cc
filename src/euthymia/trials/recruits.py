"""The virtual patients of an ensemble on the day a trial starts.

In: an ensemble, a population and a stratum.  Out: `Patients`: every member's own patients of the same numbers, who fell
ill under that member's parameters.  Assumed: candidates enter from `INCLUDED` MADRS points on; where a member makes too
few ill enough, its most severe enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.compound import Compound
from euthymia.compounds.individual import variable_parameters
from euthymia.engine import Events, solve
from euthymia.patients.genes import sample_genes
from euthymia.patients.history import RUN_UP, stress_history
from euthymia.patients.population import load_population
from euthymia.patients.streams import normals, uniforms
from euthymia.trials.cohort import Cohort
from euthymia.trials.ensemble import SEED, Ensemble, network
from euthymia.trials.model import SEVERITY

Array = NDArray[np.float64]
PATIENTS = 8  # virtual patients of each member
POOL = 64  # candidates of each member, at least
CANDIDATES = 4  # for each patient wanted; three of five fall ill
INCLUDED = 22.0  # MADRS at which candidates enter
TOLERANCE = 1e-3
MAX_STEPS = 20_000  # of one lane; one that needs more is left out as failed
# strata of trials, by words of arm or population: trait, side and quantile of the population
STRATA = {
    r"low.?crp|crp.?(low|lt|<)": ("inflammation.trait", "below", 0.5),
    r"high.?crp|crp.?(high|ge|gt|>)": ("inflammation.trait", "above", 0.5),
    r"insulin.?resistant|\bIR\b(?!,)": ("metabolism.sensitivity_rest", "below", 0.5),
}


@dataclass(frozen=True, slots=True)
class Patients:
    """Virtual patients of every member on the day the trial starts; lanes run member by member.

    Parameters
    ----------
    member : ndarray of int, shape (lanes,)
    number : ndarray of int, shape (lanes,)
        Candidate number, the same person in every member.
    values : mapping of str to ndarray, shape (lanes,)
    start : ndarray, shape (lanes, states)
    scores : mapping of enzyme to ndarray, shape (lanes,)
    """

    member: NDArray[np.int64]
    number: NDArray[np.int64]
    values: dict[str, Array]
    start: Array
    scores: dict[str, Array]

    def each(self, members: int) -> int:
        """Patients of each of so many members."""
        return len(self.number) // members

    def taken(self, lanes: NDArray[np.int64]) -> Patients:
        """Some of the lanes."""
        return Patients(
            self.member[lanes],
            self.number[lanes],
            {k: v[lanes] for k, v in self.values.items()},
            self.start[lanes],
            {k: v[lanes] for k, v in self.scores.items()},
        )

    def first(self, each: int, members: int) -> Patients:
        """The first patients of each of so many members."""
        have = self.each(members)
        if have == each:
            return self
        return self.taken(np.flatnonzero(np.arange(len(self.number)) % have < each))


def recruit_members(ensemble: Ensemble, population: str, stratum: str, wanted: int, threads: int) -> Patients:
    people = load_population(population)
    bare = network()
    candidates = max(POOL, CANDIDATES * wanted * (2 if stratum else 1))  # a stratum holds half of them
    number = np.arange(candidates, dtype=np.int64)
    values = people.sample(SEED, "patients", number)
    flips = uniforms(SEED, "patients", number, "population/flips", 2)
    values["female"] = (flips[:, 0] < values["female"]).astype(float)
    values["smoker"] = (flips[:, 1] < values["smoker"]).astype(float)
    inside = np.ones(candidates, bool)
    if stratum:
        trait, side, share = STRATA[stratum]
        score = values[trait] if trait in values else normals(SEED, "patients", number, trait)[:, 0]
        cut = np.quantile(score, share)
        inside = score <= cut if side == "below" else score > cut
    keep = np.flatnonzero(inside)
    number = number[keep]
    values = {k: v[keep] for k, v in values.items()}
    members, pool = len(ensemble), len(number)
    member = np.repeat(np.arange(members), pool)
    lanes = {k: np.tile(v, members) for k, v in values.items()}
    everyone = Patients(member, np.tile(number, members), lanes, np.zeros((0, 0)), {})
    parameters = {k: v for k, v in lane_values(ensemble, everyone).items() if k in bare.parameters}
    events = Events(stress_history(lanes), np.arange(len(member)))
    run = solve(
        bare, len(member), parameters, events, np.array([RUN_UP]), [*bare.states, SEVERITY],
        rtol=TOLERANCE, threads=threads, max_steps=MAX_STEPS,
    )  # fmt: skip
    last = run.values[:, 0, :]
    severity = np.where(np.isfinite(last[:, -1]), last[:, -1], -1.0).reshape(members, pool)
    index = np.empty((members, wanted), dtype=np.int64)
    for m in range(members):
        ill = np.flatnonzero(severity[m] >= INCLUDED)
        if len(ill) < wanted:  # the most severe where too few are ill enough
            ill = np.sort(np.argsort(-severity[m], kind="stable")[:wanted])
        index[m] = m * pool + ill[:wanted]
    flat = index.reshape(-1)
    _, scores = sample_genes("european", SEED, "patients", everyone.number[flat])
    return Patients(
        member[flat],
        everyone.number[flat],
        {k: v[flat] for k, v in lanes.items()},
        last[flat, :-1],
        scores,
    )


def lane_values(ensemble: Ensemble, people: Patients) -> dict[str, Array]:
    """Network parameters of every lane: the member's, moved by the patient's traits."""
    population = load_population("mdd_outpatient")
    found = {k: v[people.member] for k, v in ensemble.values().items()}
    return {**found, **population.network_values(people.values, network().parameters)}


def covariates(people: Patients) -> dict[str, Any]:
    """What pharmacokinetics asks for."""
    zero = np.zeros(0)
    cohort = Cohort(people.number, people.values, {}, people.scores, zero, zero, 0)
    return cohort.covariates()


def draws(ensemble: Ensemble, people: Patients, drugs: Mapping[str, Compound]) -> dict[str, Array]:
    """Chance of the patients (by patient) and uncertainty of the values (by member)."""
    found: dict[str, Array] = {}
    for id_ in variable_parameters(drugs):
        if id_.endswith(".uncertainty"):
            number = np.maximum(ensemble.number, 0)
            z = normals(SEED, "ensemble", number, f"prior/{id_}")[:, 0]
            found[id_] = np.where(ensemble.number < 0, 0.0, z)[people.member]
        else:
            found[id_] = normals(SEED, "patients", people.number, f"compound/{id_}")[:, 0]
    return found
