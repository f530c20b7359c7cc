"""Virtual patients: correlated covariates and network traits, drawn per patient.

A population file gives every covariate (age, weight, ...), every trait (a network parameter that differs between
patients) and the correlations of their normal scores (a Gaussian copula).  A patient is a number: the same number
always is the same person, whatever else is simulated.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError, Problem, UnitError, nearest
from euthymia.evidence.parameter import (
    Evidence,
    Parameter,
    Spread,
    read_evidence,
    read_parameter,
    read_parameters,
)
from euthymia.evidence.read import LIBRARY, load
from euthymia.patients.streams import normals
from euthymia.units import quantity

FOLDER = LIBRARY / "populations"
LATE = "relief"  # drawn after everything else


@dataclass(frozen=True, slots=True)
class Endotype:
    """A region of the population: patients above or below the quantile that cuts off `share` of them."""

    name: str
    trait: str
    side: str
    share: Parameter


@dataclass(frozen=True, slots=True)
class Marginal:
    """A published mean or share among the ill.

    Parameters
    ----------
    of : str
        Output of the network.
    above : float or None
        The target is the share above this value.
    above_healthy : float or None
        The target is the share above this quantile of the same people in health; with neither, it is a mean.
    at : float, h
        Time after entry, without treatment.
    target : Parameter
    """

    name: str
    of: str
    above: float | None
    above_healthy: float | None
    at: float
    target: Parameter


@dataclass(frozen=True, slots=True)
class Population:
    """The distributions one group of patients is drawn from; `network` names parameters that take a covariate."""

    name: str
    title: str
    covariates: dict[str, Parameter]
    traits: dict[str, Parameter]
    stress: dict[str, Parameter]
    correlations: tuple[tuple[str, str, float, tuple[Evidence, ...]], ...] = ()
    endotypes: tuple[Endotype, ...] = ()
    further: tuple[str, ...] = ()
    marginals: tuple[Marginal, ...] = ()
    network: Mapping[str, str] = field(default_factory=dict)

    def network_values(
        self, values: Mapping[str, NDArray[np.float64]], known: Container[str]
    ) -> dict[str, NDArray[np.float64]]:
        """What a network with the parameters `known` reads of patients: their traits, and covariates under its names."""
        wanted = {**{k: k for k in self.traits}, **self.network}
        return {id_: values[name] for id_, name in wanted.items() if id_ in known and name in values}

    @property
    def varying(self) -> dict[str, Parameter]:
        """Everything that differs between patients, in file order; `further` traits and `relief` are drawn last."""
        both = {**self.covariates, **self.traits, **self.stress}
        last = [*self.further, *(k for k in self.stress if k == LATE)]
        names = [*(k for k in both if k not in last), *last]
        return {k: both[k] for k in names if both[k].spread.kind != "fixed"}

    def correlation_matrix(self) -> NDArray[np.float64]:
        """Correlations of the normal scores, shape (varying, varying)."""
        names = list(self.varying)
        matrix = np.eye(len(names))
        for a, b, rho, _ in self.correlations:
            i, j = names.index(a), names.index(b)
            matrix[i, j] = matrix[j, i] = rho
        return matrix

    def sample(self, seed: int, trial: str, patients: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Values of every covariate, trait and stress setting, each of shape (patients,), canonical units."""
        names = list(self.varying)
        z = normals(seed, trial, patients, f"population/{self.name}", len(names))
        z = correlated(z, np.linalg.cholesky(self.correlation_matrix()))
        fixed = {**self.covariates, **self.traits, **self.stress}
        drawn = {name: value_at(self.varying[name], z[:, i]) for i, name in enumerate(names)}
        return {k: drawn.get(k, np.full(len(patients), p.value)) for k, p in fixed.items()}

    def regions(self, values: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.bool_]]:
        """Which endotype regions each patient lies in (several may overlap), each of shape (patients,)."""
        from scipy.special import ndtri

        found = {}
        for e in self.endotypes:
            parameter = {**self.covariates, **self.traits, **self.stress}[e.trait]
            above = e.side == "above"
            quantile = 1.0 - e.share.value if above else e.share.value
            cut = value_at(parameter, np.array([ndtri(quantile)]))[0]
            found[e.name] = values[e.trait] > cut if above else values[e.trait] < cut
        return found

    def endotype_of(self, values: dict[str, NDArray[np.float64]]) -> NDArray[np.str_]:
        """The first endotype region each patient lies in, or 'none', shape (patients,)."""
        found = np.full(len(next(iter(values.values()))), "none", dtype="<U24")
        for name, inside in self.regions(values).items():
            found[(found == "none") & inside] = name
        return found


def correlated(z: NDArray[np.float64], lower: NDArray[Any]) -> NDArray[np.float64]:
    """`z @ lower.T`, summed column by column: a matrix product rounds differently for one patient and for many.

    >>> correlated(np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.5, 1.0]])).tolist()
    [[1.0, 2.5]]
    """
    found = np.zeros_like(z)
    for i, row in enumerate(lower):
        for j in np.flatnonzero(row):
            found[:, i] += row[j] * z[:, j]
    return found


def value_at(parameter: Parameter, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value of a parameter at standard normal scores `z`, after its between-patient spread.

    A lognormal parameter has its value as median, a normal one as mean; bounds clip.
    """
    from scipy.special import expit, logit, ndtr

    s: Spread = parameter.spread
    if s.kind == "lognormal":
        x = parameter.value * np.exp(s.sd * z)
    elif s.kind == "normal":
        x = parameter.value + s.sd * z
    elif s.kind == "logitnormal":
        x = expit(logit(parameter.value) + s.sd * z)
    elif s.kind == "uniform":
        x = s.low + (s.high - s.low) * ndtr(z)
    else:
        x = np.full_like(z, parameter.value)
    return np.clip(x, s.low, s.high)


def list_populations() -> list[str]:
    """Names of the shipped populations."""
    return sorted(p.stem for p in FOLDER.glob("*.yaml"))


@lru_cache(maxsize=16)
def load_population(name: str) -> Population:
    """A population of the library by name.

    Raises
    ------
    InputError
        Unknown name (the nearest is offered), or a fault in the file.
    """
    if name not in list_populations():
        known = list_populations()
        raise InputError(
            [Problem(f"unknown population '{name}'{nearest(name, known) or '; known: ' + ', '.join(known)}")]
        )
    document = load(FOLDER / f"{name}.yaml", "population")
    data = document.data
    blocks = {b: read_parameters(document, (b,)) for b in ("covariates", "traits", "stress")}
    further = read_parameters(document, ("further",))
    blocks["traits"] |= further
    everything = {**blocks["covariates"], **blocks["traits"], **blocks["stress"]}
    problems = []
    for i, record in enumerate(data.get("correlations", [])):
        for j, key in enumerate(record["between"]):
            if key not in everything or everything[key].spread.kind == "fixed":
                hint = nearest(key, everything)
                problems.append(
                    document.problem(("correlations", i, "between", j), f"'{key}' does not vary here{hint}")
                )
    for id_, covariate in data.get("network", {}).items():
        if covariate not in blocks["covariates"]:
            hint = nearest(covariate, blocks["covariates"])
            problems.append(document.problem(("network", id_), f"'{covariate}' is no covariate here{hint}"))
    endotypes = []
    for key, record in data.get("endotypes", {}).items():
        if record["trait"] not in everything:
            path = ("endotypes", key, "trait")
            problems.append(
                document.problem(
                    path, f"'{record['trait']}' is not in this file{nearest(record['trait'], everything)}"
                )
            )
            continue
        share = read_parameter(document, ("endotypes", key, "share"), f"endotypes.{key}.share")
        endotypes.append(Endotype(key, record["trait"], record["side"], share))
    marginals = []
    for key, record in data.get("marginals", {}).items():
        where = ("marginals", key)
        if "above" in record and "above_healthy" in record:
            problems.append(document.problem(where, "give 'above' or 'above_healthy', not both"))
        try:
            at = quantity(record.get("at", "0 h")).value
        except UnitError as error:
            problems.append(document.problem((*where, "at"), str(error)))
            continue
        target = read_parameter(document, (*where, "target"), f"marginals.{key}")
        marginals.append(
            Marginal(key, record["of"], record.get("above"), record.get("above_healthy"), at, target)
        )
    if problems:
        raise InputError(problems)
    correlations = tuple(
        (*r["between"], float(r["rho"]), read_evidence(r["evidence"])) for r in data.get("correlations", [])
    )
    return Population(
        name,
        data["title"],
        **blocks,
        correlations=correlations,
        endotypes=tuple(endotypes),
        further=tuple(further),
        marginals=tuple(marginals),
        network=dict(data.get("network", {})),
    )
