"""Levels and occupancy over time for one person or a group: the drugs, their schedule, the patient.

In: `Treatment`s, covariates and co-medication.  Out: a `Course` with plasma levels (nmol/L) of every analyte and
occupancies at the asked times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.binding import occupancy_fragment
from euthymia.compounds.compound import Compound, analytes, load_compound
from euthymia.compounds.individual import individual_parameters
from euthymia.compounds.interactions import Perpetrator, enzyme_factors
from euthymia.compounds.metabolism import TURNOVER
from euthymia.compounds.pharmacokinetics import choose_route, dose_target, fragment
from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter
from euthymia.engine.solve import solve
from euthymia.errors import InputError, SolverError

Array = NDArray[np.float64]
LEAST_LEFT = 0.08  # share of the clearance that a drug is taken to leave itself at least
SLOW_HALF_LIVES = 8.0  # half-lives of a slowed clearance or of an enzyme until steady state
OCCASIONS = 14  # bioavailabilities that take turns where doses differ from each other
DAYS = (5, 150)  # shortest and longest simulated approach to steady state


@dataclass(frozen=True, slots=True)
class Treatment:
    """A compound and how it is given.

    Parameters
    ----------
    compound : Compound
    dose : float
        mg at each time.
    interval : float
        Hours between doses; 0 for a single dose.
    start, stop : float
        Hours; `stop` is when no further dose is given.
    route, formulation : str or None
    infusion : float
        Hours over which each dose runs in; 0 for a bolus.
    """

    compound: Compound
    dose: float
    interval: float = 24.0
    start: float = 0.0
    stop: float = 720.0
    route: str | None = None
    formulation: str | None = None
    infusion: float = 0.0

    def key(self) -> str:
        """The route's key in the compound's file."""
        return choose_route(self.compound, self.route, self.formulation)

    def doses(self) -> list[Dose]:
        """The doses as engine records."""
        target = dose_target(self.compound, self.key())
        count = max(1, int(np.ceil((self.stop - self.start) / self.interval - 1e-9))) if self.interval else 1
        return [
            Dose(
                time=self.start + i * self.interval,
                target=target.state,
                amount=self.dose * target.factor,
                kind="infusion" if self.infusion else "bolus",
                duration=self.infusion,
                bioavailability=target.bioavailability,
                lag=target.lag,
            )
            for i in range(count)
        ]


@dataclass(frozen=True, slots=True)
class Course:
    """Levels over time.

    Attributes
    ----------
    times : ndarray, shape (times,), h
    levels : mapping of analyte prefix to ndarray, shape (patients, times), nmol/L
    ports : mapping of port to ndarray, shape (patients, times)
    molar_mass : mapping of analyte prefix to float, mg/nmol
    """

    times: Array
    levels: Mapping[str, Array]
    ports: Mapping[str, Array]
    molar_mass: Mapping[str, float]

    def mass(self, prefix: str) -> Array:
        """Level of one analyte, ng/mL."""
        return self.levels[prefix] * self.molar_mass[prefix] * 1000.0

    def of(self, name: str, molar: bool = False) -> tuple[Array, float]:
        """Level (nmol/L) and molar mass of an analyte by its library name; a mixture is the sum of its parts.

        `a + b` and 'active moiety' (the drug given first and its products) are sums by mass, expressed as the first of
        them, or with `molar` by amount.

        Raises
        ------
        InputError
            Nothing of that name was simulated.
        """
        parts = [part.strip() for part in name.split("+")]
        if "moiety" in name.lower() or re.match(r"(sum|total)\b", name.lower()):
            parts = self.own_parts()
        if len(parts) > 1:
            found = [
                self.of(part) if part not in self.levels else (self.levels[part], self.molar_mass[part])
                for part in parts
            ]
            first = found[0][1]
            return np.sum([level * (1.0 if molar else mass / first) for level, mass in found], axis=0), first
        try:
            known = load_compound(name)
        except InputError:
            known = None
        if known is not None and known.components:
            levels = [self.levels[prefix] for prefix in self.parts_of(known)]
            return np.sum(levels, axis=0), known.value("molar_mass")
        prefix = self.find(known.name if known is not None else name)
        return self.levels[prefix], self.molar_mass[prefix]

    def own_parts(self) -> list[str]:
        """Prefixes of the drug given first and of its products, without those of other drugs."""
        root = next(iter(self.levels)).split(".", 1)[0]
        return [prefix for prefix in self.levels if prefix.split(".", 1)[0] == root]

    def parts_of(self, mixture: Compound) -> list[str]:
        """Prefixes of those parts of a mixture that were simulated (S-ketamine forms S-norketamine alone).

        Raises
        ------
        InputError
            None of them was.
        """
        last = {prefix.rsplit(".", 1)[-1]: prefix for prefix in self.levels}
        found = [last[part.compound.id] for part in mixture.components if part.compound.id in last]
        if not found:
            raise InputError(
                [
                    f"no part of '{mixture.name}' is an analyte of this course; it has: {', '.join(self.levels)}"
                ]
            )
        return found

    def find(self, name: str) -> str:
        """The prefix of an analyte named as in the library; the dosed drug before metabolites.

        Raises
        ------
        InputError
            Nothing of that name was simulated.
        """
        plain = name.lower().replace("-", "_")
        for prefix in sorted(self.levels, key=len):
            last = prefix.rsplit(".", 1)[-1]
            if plain in (prefix, last, last.removeprefix("c_")):
                return prefix
        raise InputError([f"'{name}' is no analyte of this course; it has: {', '.join(self.levels)}"])


def simulate_course(
    treatments: Sequence[Treatment],
    times: Array,
    patient: Mapping[str, Array] | None = None,
    static: Sequence[Perpetrator] = (),
    ports: Sequence[str] = (),
    draws: Mapping[str, Array] | None = None,
    n: int = 1,
    rtol: float = 1e-6,
    override: Mapping[str, Array] | None = None,
    occasions: Mapping[str, Array] | None = None,
) -> Course:
    """Simulate treatments together; each may inhibit or induce the enzymes of the others.

    Parameters
    ----------
    times : ndarray, shape (times,), h, ascending
    patient : mapping
        Covariates as for `individual_parameters`, arrays of length n.
    static : sequence of Perpetrator
        Co-medication of fixed strength.
    ports : sequence of str
        Occupancies to report, for example 'SLC6A4.occupancy'.
    override : mapping of parameter id to ndarray, shape (patients,)
        Values that replace those of the patients.
    occasions : mapping of compound id to ndarray, shape (patients, occasions)
        Between-occasion variability: factors on the bioavailability of successive doses, used in turn
        (`draw_occasions` draws them).

    Raises
    ------
    InputError, SolverError
    """
    compounds = {t.compound.id: t.compound for t in treatments}
    routes = {t.compound.id: t.key() for t in treatments}
    fragments: list[Fragment] = [
        fragment(c, routes[p], p, {k: v for k, v in compounds.items() if k != p})
        for p, c in compounds.items()
    ]
    bound = occupancy_fragment(compounds, ports)
    changing = {
        f"{prefix}.F.occasion{k}": factors[:, k]
        for prefix, factors in (occasions or {}).items()
        for k in range(factors.shape[1])
    }
    fragments.append(Fragment({}, {name: Parameter(1.0, "1") for name in changing}, {}, {}))
    system = OdeSystem.join("course", *fragments, bound)
    parameters = individual_parameters(
        compounds, patient or {}, draws, enzyme_factors(static), routes, only=system.parameters
    )
    parameters.update(override or {})
    for name, factor in changing.items():
        usual = name.rsplit(".", 1)[0]
        parameters[name] = factor * parameters.get(usual, system.parameters[usual].value)
    parts = {name: a for p, c in compounds.items() for name, a in analytes(c, p).items()}
    outputs = [*(f"{name}.C" for name in parts), *(p for p in ports if p in bound.assignments)]
    doses = sorted(
        (d for t in treatments for d in _by_occasion(t, (occasions or {}).get(t.compound.id))),
        key=lambda d: d.time,
    )
    events = Events([doses], np.zeros(n, dtype=int))
    result = solve(system, n, parameters, events, np.asarray(times, dtype=float), outputs, rtol=rtol)
    if not result.ok.all() if hasattr(result.ok, "all") else not result.ok:
        bad = int(np.flatnonzero(np.asarray(result.status))[0])
        raise SolverError(f"patient {bad}: {result.message(bad)}")
    values = {name: np.asarray(result.values[:, :, i]) for i, name in enumerate(outputs)}
    return Course(
        times=np.asarray(times, dtype=float),
        levels={name: values[f"{name}.C"] for name in parts},
        ports={p: values[p] for p in ports if p in values},
        molar_mass={name: a.value("molar_mass") for name, a in parts.items()},
    )


def _by_occasion(treatment: Treatment, factors: Array | None) -> list[Dose]:
    """The doses, each with the bioavailability of its occasion."""
    doses = treatment.doses()
    if factors is None:
        return doses
    many = factors.shape[1]
    return [
        replace(d, bioavailability=f"{d.bioavailability}.occasion{i % many}") for i, d in enumerate(doses)
    ]


def draw_occasions(
    compounds: Sequence[Compound], n: int, rng: np.random.Generator, occasions: int = OCCASIONS
) -> dict[str, Array]:
    """Factors on the bioavailability of successive doses for those compounds whose file tells its spread.

    Returns
    -------
    dict of compound id to ndarray, shape (n, occasions)
        Lognormal with median 1.
    """
    return {
        c.id: np.exp(c.value("occasion.F") * rng.standard_normal((n, occasions)))
        for c in compounds
        if "occasion.F" in c.parameters
    }


def elimination_half_life(compound: Compound, absorption: float = np.inf) -> float:
    """Terminal half-life of one analyte at a low level, h: the slowest of distribution, elimination and absorption.

    Parameters
    ----------
    absorption : float, 1/h
        Rate of absorption; left out, it does not limit.
    """
    outside = [n for n in ("2", "3") if f"V{n}" in compound.parameters]
    rates = np.zeros((1 + len(outside), 1 + len(outside)))
    rates[0, 0] = -compound.value("CL") / compound.value("V")
    for i, n in enumerate(outside, 1):
        flow = compound.value(f"Q{n}")
        rates[0, 0] -= flow / compound.value("V")
        rates[i, 0] = flow / compound.value("V")
        rates[0, i] = flow / compound.value(f"V{n}")
        rates[i, i] = -flow / compound.value(f"V{n}")
    return float(np.log(2) / min(-np.linalg.eigvals(rates).real.max(), absorption))


def terminal_half_life(compound: Compound) -> float:
    """Longest terminal half-life among the analytes, h, at normal function and a low level; at least 1."""
    parts = analytes(compound).values()
    return max([1.0, *(elimination_half_life(p) for p in parts if {"CL", "V"} <= set(p.parameters))])


def _residence_half_life(compound: Compound) -> float:
    """Longest half-life among the analytes, h, from clearance and total volume at normal function."""
    longest = 1.0
    for part in analytes(compound).values():
        if "CL" in part.parameters and "V" in part.parameters:
            volume = sum(part.value(k, 0.0) for k in ("V", "V2", "V3"))
            longest = max(longest, np.log(2) * volume / part.value("CL"))
    return float(longest)


def days_to_steady_state(treatments: Sequence[Treatment], half_lives: float = 30.0) -> float:
    """Days of dosing after which the level no longer changes by more than about 1 %.

    Drugs that block or saturate their own enzymes slow down on the way, and enzymes that are inactivated or induced
    take several of their own half-lives.
    """
    longest = 0.0
    for treatment in treatments:
        parts = analytes(treatment.compound).values()
        longest = max(longest, half_lives * _residence_half_life(treatment.compound))
        for part in parts:
            own = set(part.data.get("saturation", {})) | set(part.data.get("inhibits", {}))
            left = 1.0 - sum(part.value(f"pathways.{enzyme}", 0.0) for enzyme in own)
            if "CL" in part.parameters and left < 1.0:
                volume = sum(part.value(k, 0.0) for k in ("V", "V2", "V3"))
                slow = np.log(2) * volume / (part.value("CL") * max(left, LEAST_LEFT))
                longest = max(longest, SLOW_HALF_LIVES * slow)
            for block in ("inhibits", "induces"):
                for enzyme, record in part.data.get(block, {}).items():
                    if "kinact" in record or "maximum" in record:
                        longest = max(longest, SLOW_HALF_LIVES * np.log(2) / TURNOVER[enzyme])
    return float(np.clip(np.ceil(longest / 24.0), *DAYS))
