"""Who enters the trial: candidates are drawn, live through their stress history, and are let in or not.

A candidate is a number; its covariates, genes, history and severity depend on that number and the seed alone, so
any patient can be simulated again on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.engine import Events, solve
from euthymia.errors import InputError, SolverError
from euthymia.patients.genes import sample_genes
from euthymia.patients.history import RUN_UP, stress_history
from euthymia.patients.population import Population
from euthymia.patients.streams import normals, uniforms
from euthymia.protocol.conditions import parse_condition
from euthymia.protocol.protocol import Protocol
from euthymia.trials.model import Model
from euthymia.units import from_canonical

BLOCK = 256
RAREST = 0.01  # below this share of candidates let in, the inclusion is refused


@dataclass(frozen=True, slots=True)
class Cohort:
    """Patients of one trial before its first dose.

    Parameters
    ----------
    number : ndarray, shape (patients,)
        Candidate numbers.
    values : mapping of str to ndarray, shape (patients,)
        Covariates, traits and stress settings (canonical units).
    phenotypes, scores : mapping of enzyme to ndarray, shape (patients,)
        Metaboliser phenotype words and activity scores.
    start : ndarray, shape (patients, states)
        Network states at the first dose.
    severity : ndarray, shape (patients,)
        Model MADRS at the first dose.
    screened : int
        Candidates drawn to find these.
    """

    number: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    phenotypes: dict[str, NDArray[np.str_]]
    scores: dict[str, NDArray[np.float64]]
    start: NDArray[np.float64]
    severity: NDArray[np.float64]
    screened: int

    def take(self, index: NDArray[np.int64]) -> Cohort:
        """Some of the patients."""
        return Cohort(
            self.number[index],
            {k: v[index] for k, v in self.values.items()},
            {k: v[index] for k, v in self.phenotypes.items()},
            {k: v[index] for k, v in self.scores.items()},
            self.start[index],
            self.severity[index],
            self.screened,
        )

    def covariates(self) -> dict[str, NDArray]:
        """What pharmacokinetics asks for: age (years), sex, weight (kg), smoker, egfr (mL/min), activity scores."""
        return {
            "age": from_canonical_array(self.values["age"], "year"),
            "sex": np.where(self.values["female"] > 0, "female", "male"),
            "weight": from_canonical_array(self.values["weight"], "kg"),
            "smoker": self.values["smoker"],
            "egfr": from_canonical_array(self.values["egfr"], "mL/min"),
            **self.scores,
        }


def from_canonical_array(values: NDArray[np.float64], unit: str) -> NDArray[np.float64]:
    """Canonical numbers in `unit`."""
    return values * from_canonical(1.0, unit)


def candidates(
    model: Model,
    population: Population,
    protocol: Protocol,
    trial: str,
    number: NDArray[np.int64],
    threads: int | None,
) -> Cohort:
    """Draw the candidates with these numbers and run them up to the trial's start."""
    seed = protocol.seed
    values = population.sample(seed, trial, number)
    flips = uniforms(seed, trial, number, "population/flips", 2)
    values["female"] = (flips[:, 0] < values["female"]).astype(float)
    values["smoker"] = (flips[:, 1] < values["smoker"]).astype(float)
    phenotypes, scores = sample_genes(protocol.genotype, seed, trial, number)
    traits = population.network_values(values, model.network.parameters)
    events = Events(stress_history(values), np.arange(len(number)))
    run = solve(
        model.network,
        len(number),
        traits,
        events,
        np.array([RUN_UP]),
        list(model.network.states) + [model.severity],
        rtol=protocol.tolerance,
        threads=threads,
    )
    last = run.values[:, 0, :]
    return Cohort(number, values, phenotypes, scores, last[:, :-1], last[:, -1], len(number))


def recruit(
    model: Model,
    population: Population,
    protocol: Protocol,
    trial: str,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Cohort:
    """Candidates in the order of their numbers, the first that fulfil every inclusion condition.

    Raises
    ------
    InputError
        Fewer than one candidate in a hundred is let in.
    SolverError
        No candidate could be simulated.
    """
    wanted = sum(arm.n for arm in protocol.arms)
    conditions = [parse_condition(text) for text in protocol.include]
    found: list[Cohort] = []
    have = screened = 0
    while have < wanted:
        number = np.arange(screened, screened + BLOCK, dtype=np.int64)
        block = candidates(model, population, protocol, trial, number, threads)
        screened += BLOCK
        known = {**block.values, "madrs": block.severity, "hamd17": block.severity / model.madrs_per_hamd17}
        inside = np.isfinite(block.severity)
        if not inside.any():
            raise SolverError(
                "no candidate of the first block could be simulated; run with --debug and report this"
            )
        for condition in conditions:
            inside &= condition.holds(known[condition.name])
        found.append(block.take(np.flatnonzero(inside)))
        have += int(inside.sum())
        progress(min(have, wanted), wanted)
        if screened >= 8 * BLOCK and have < RAREST * screened:
            raise InputError(
                [
                    f"only {have} of {screened} candidates fulfil {', '.join(protocol.include)}; widen the inclusion"
                ]
            )
    everyone = _concatenate(found, screened)
    return everyone.take(np.arange(wanted))


def _concatenate(parts: list[Cohort], screened: int) -> Cohort:
    def joined(field: str) -> dict:
        return {k: np.concatenate([getattr(p, field)[k] for p in parts]) for k in getattr(parts[0], field)}

    return Cohort(
        np.concatenate([p.number for p in parts]),
        joined("values"),
        joined("phenotypes"),
        joined("scores"),
        np.concatenate([p.start for p in parts]),
        np.concatenate([p.severity for p in parts]),
        screened,
    )


def allocate(protocol: Protocol, trial: str, patients: int) -> NDArray[np.int64]:
    """The arm of each patient, shape (patients,): a random order of the arms' places."""
    places = np.repeat(np.arange(len(protocol.arms)), [arm.n for arm in protocol.arms])
    keys = normals(protocol.seed, trial, np.arange(patients), "allocation")[:, 0]
    return places[np.argsort(np.argsort(keys, kind="stable"), kind="stable")]
