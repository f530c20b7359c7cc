"""A virtual population before treatment: who falls ill, published marginals, weights, endotypes.

In: a population and a number of people.  Each lives through its stress history and, untreated, two more years.  Out:
the ill at entry with their outputs, weights under which the published marginals hold, and endotypes among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.biology.network import Network, build_network
from euthymia.engine import Events, solve
from euthymia.errors import InputError, Problem
from euthymia.patients.history import RUN_UP, stress_history
from euthymia.patients.population import Marginal, Population
from euthymia.patients.weights import Weights, prevalence_weights

Array = NDArray[np.float64]
ILL = 22.0  # MADRS at entry from which a person counts as a patient
SEVERITY = "symptoms.madrs"
STREAM = "virtual population"
REST = 4000.0  # h without stress, after which a person is at rest


@dataclass(frozen=True)
class VirtualPopulation:
    """People who fell ill.

    Parameters
    ----------
    network : Network
    population : Population
    values : dict of name to ndarray, shape (patients,)
        Covariates, traits and stress settings.
    states : dict of state to ndarray, shape (patients,)
        The network at entry.
    severity : ndarray, shape (patients,), MADRS points
    features : dict of marginal to ndarray, shape (patients,)
        What each published marginal is the mean of.
    people : int
        How many lived through a history; the rest stayed well.
    seed : int
    """

    network: Network
    population: Population
    values: dict[str, Array]
    states: dict[str, Array]
    severity: Array
    features: dict[str, Array]
    people: int
    seed: int

    @property
    def traits(self) -> dict[str, Array]:
        """What the network reads of a patient."""
        return self.population.network_values(self.values, self.network.system.parameters)

    def marginals(self) -> list[Marginal]:
        """Published marginals that this network has outputs for."""
        return [m for m in self.population.marginals if m.name in self.features]

    def weights(self, names: Sequence[str] | None = None) -> Weights:
        """Weights under which the published marginals (or those named) hold.

        Raises
        ------
        InputError
            A marginal that no weights of these patients reach.
        """
        used = [m for m in self.marginals() if names is None or m.name in names]
        table = np.column_stack([self.features[m.name] for m in used])
        errors = [m.target.spread.sd if m.target.spread.kind == "normal" else 0.0 for m in used]
        return prevalence_weights(table, [m.target.value for m in used], [m.name for m in used], errors)


def virtual_population(
    population: Population, people: int, seed: int = 1, profile: str = "full", threads: int | None = None
) -> VirtualPopulation:
    """People drawn from a population who are ill at entry.

    Raises
    ------
    InputError
        Nobody fell ill.
    """
    network = build_network(profile)
    number = np.arange(people)
    values = population.sample(seed, STREAM, number)
    traits = population.network_values(values, network.system.parameters)
    system = network.system
    names = {*system.states, *system.assignments}
    wanted = [m for m in population.marginals if m.of in names]
    times = np.array(sorted({0.0, *(m.at for m in wanted)}))
    outputs = [*dict.fromkeys([*system.states, SEVERITY, *(m.of for m in wanted)])]
    events = Events(stress_history(values, relief=True), number)
    lived = solve(system, people, traits, events, RUN_UP + times, outputs, threads=threads)
    at_rest = [m.of for m in wanted if m.above_healthy is not None]
    healthy = (
        solve(system, people, traits, None, np.array([REST]), at_rest, threads=threads).values[:, 0]
        if at_rest
        else np.zeros((people, 0))
    )
    ill = lived.ok & (lived.output(SEVERITY)[:, 0] >= ILL)
    if not ill.any():
        raise InputError([Problem(f"none of {people} people is ill at entry", key=population.name)])
    features: dict[str, Array] = {}
    for m in wanted:
        x = lived.output(m.of)[ill, int(np.searchsorted(times, m.at))]
        limit = m.above
        if m.above_healthy is not None:
            limit = float(np.quantile(healthy[:, at_rest.index(m.of)], m.above_healthy))
        features[m.name] = x if limit is None else (x > limit).astype(float)
    return VirtualPopulation(
        network,
        population,
        {k: v[ill] for k, v in values.items()},
        {s: lived.output(s)[ill, 0] for s in system.states},
        lived.output(SEVERITY)[ill, 0],
        features,
        people,
        seed,
    )
