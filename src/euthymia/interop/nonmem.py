"""NONMEM-format data sets through the ODE engine: records become doses, stop points and covariate changes.

Comes in: a `DataSet` and an `OdeSystem` whose compartments are numbered.  Goes out: the model's outputs at every
record.  As in NONMEM: lag and bioavailability act on the record's compartment only; a bioavailability stretches
an infusion of given rate; RATE=-1 models the rate and -2 the duration; ADDL repeats every II; EVID 3 and 4 reset
states, running infusions and doses still to come; a covariate's next record holds over the interval before it.

Tests compare with NONMEM's own output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from euthymia.engine import Dose, Events, OdeSystem, Trajectories, solve
from euthymia.engine.evaluate import function
from euthymia.errors import InputError, Problem, SolverError, nearest
from euthymia.interop.nonmem_read import DataSet, read_nonmem

__all__ = ["DataSet", "read_nonmem", "regimens", "simulate_nonmem"]

PerCompartment = Mapping[str, str | float]


def simulate_nonmem(
    data: DataSet,
    system: OdeSystem,
    compartments: Sequence[str],
    outputs: Sequence[str],
    *,
    default_dose: int = 1,
    bioavailability: PerCompartment | None = None,
    lag: PerCompartment | None = None,
    rate: PerCompartment | None = None,
    duration: PerCompartment | None = None,
    covariates: Mapping[str, str] | None = None,
    parameters: Mapping[str, np.ndarray | float] | None = None,
    solver: Callable[..., Trajectories] | None = None,
    **options: Any,
) -> np.ndarray:
    """Outputs at every record of a data set.

    Parameters
    ----------
    compartments : sequence of str
        The states that CMT 1, 2, ... mean.
    outputs : sequence of str
        Expressions of the system.
    default_dose : int
        The compartment of a dose with CMT 0.
    bioavailability, lag, rate, duration : mapping
        State to a number, a column of the data set, or a parameter of the system; `rate` and `duration` serve
        RATE -1 and -2.
    covariates : mapping
        Column to the input that it sets.
    parameters : mapping
        Values per subject, shape (subjects,), or one number.
    solver : callable
        `euthymia.engine.solve` (the default) or `solve_reference`.

    Returns
    -------
    ndarray, shape (records, outputs)

    Raises
    ------
    InputError
        The data set does not fit the system; row and column are named.
    SolverError
        A subject failed; the message says which and when.
    """
    solver = solver or solve
    plan = _Plan(data, system, compartments, default_dose, covariates or {})
    plan.properties = {"bioavailability": bioavailability or {}, "lag": lag or {}}
    plan.properties |= {"rate": rate or {}, "duration": duration or {}}
    plan.check()
    plan.settle_constant_infusions(solver, parameters or {}, options)
    schedule = [plan.regimen(i) for i in range(len(data.subjects))]
    moments = sorted({m for i in range(len(data.subjects)) for m in plan.moments(i)})
    at = {m: k for k, m in enumerate(moments)}
    events = Events(schedule, np.arange(len(schedule)))
    result = solver(
        system,
        len(schedule),
        {**(parameters or {})},
        events,
        np.array([m[0] for m in moments]),
        list(system.state_names),
        after=np.array([m[1] for m in moments]),
        **options,
    )
    if not result.ok.all():
        raise SolverError(result.summary())
    states = np.empty((len(data), len(system.states)))
    for i, rows in enumerate(data.subjects):
        states[rows] = result.values[i, [at[m] for m in plan.moments(i)], :]
    return plan.outputs(outputs, states, parameters or {})


def regimens(
    data: DataSet, system: OdeSystem, compartments: Sequence[str], **properties: Any
) -> list[list[Dose]]:
    """The doses of each subject, as the engine takes them; arguments as `simulate_nonmem`."""
    plan = _Plan(
        data,
        system,
        compartments,
        properties.pop("default_dose", 1),
        properties.pop("covariates", None) or {},
    )
    plan.properties = {k: v or {} for k, v in properties.items()}
    plan.check()
    return [plan.regimen(i) for i in range(len(data.subjects))]


class _Plan:
    """How the records of a data set act on one system."""

    def __init__(
        self,
        data: DataSet,
        system: OdeSystem,
        compartments: Sequence[str],
        default_dose: int,
        covariates: Mapping[str, str],
    ):
        self.data, self.system, self.compartments = data, system, list(compartments)
        self.default, self.covariates = default_dose, dict(covariates)
        self.properties: dict[str, PerCompartment] = {}
        self.steady: dict[int, np.ndarray] = {}
        self.evid = data["EVID"]

    # ------------------------------------------------------------------ checks
    def check(self) -> None:
        """Raise `InputError` with everything that does not fit."""
        data, system, found = self.data, self.system, []
        for state in self.compartments:
            if state not in system.states:
                found.append(Problem(f"compartment '{state}' is no state{nearest(state, system.states)}"))
        for i in np.flatnonzero((self.evid == 1) | (self.evid == 4)):
            number = self._number(int(i))
            if not 1 <= number <= len(self.compartments):
                text = f"compartment {number} does not exist; there are {len(self.compartments)}"
                found.append(Problem(text, file=data.file, line=int(data.line[i]), key="CMT"))
                continue
            state = self.compartments[number - 1]
            for code, word in ((-1, "rate"), (-2, "duration")):
                if data["RATE"][i] == code and state not in self.properties.get(word, {}):
                    text = f"{code} needs a modelled {word} of '{state}'; give {word}={{'{state}': ...}}"
                    found.append(Problem(text, file=data.file, line=int(data.line[i]), key="RATE"))
        for column, name in self.covariates.items():
            if name not in system.inputs:
                found.append(
                    Problem(f"covariate {column}: '{name}' is no input{nearest(name, system.inputs)}")
                )
            for i in np.flatnonzero(np.isnan(data[column])):
                found.append(Problem("missing", file=data.file, line=int(data.line[i]), key=column.upper()))
        for word, table in self.properties.items():
            for state, value in table.items():
                known = {*data.columns, *system.parameters}
                if isinstance(value, str) and value not in system.parameters and value.upper() not in known:
                    text = f"'{value}' is neither a column nor a parameter{nearest(value, known)}"
                    found.append(Problem(text, key=f"{word} of {state}"))
        if found:
            raise InputError(found)

    def _number(self, row: int) -> int:
        return int(self.data["CMT"][row]) or self.default

    def _property(self, word: str, state: str, row: int, default: float) -> str | float:
        value = self.properties.get(word, {}).get(state, default)
        if isinstance(value, str) and value not in self.system.parameters:
            return float(self.data[value][row])
        return value

    # ------------------------------------------------------------------ records to doses
    def regimen(self, subject: int) -> list[Dose]:
        """The doses, resets and covariate changes of one subject."""
        doses: list[Dose] = []
        rows = self.data.subjects[subject]
        for k, row in enumerate(rows):
            time = float(self.data["TIME"][row])
            evid = int(self.evid[row])
            if k == 0:
                doses += self._covariates(row, min(0.0, time))
            if evid in (3, 4):
                doses.append(Dose(time, kind="reset"))
            if evid in (1, 4):
                doses += self._dose(row, time)
            if k + 1 < len(rows):
                doses += self._covariates(rows[k + 1], time)
        return doses

    def _covariates(self, row: int, time: float) -> list[Dose]:
        return [Dose(time, name, float(self.data[c][row]), "set") for c, name in self.covariates.items()]

    def _constant(self, row: int) -> bool:
        """A steady state of a constant infusion, which ends at the record."""
        d = self.data
        dosing = self.evid[row] in (1, 4)
        return bool(dosing and d["SS"][row] and d["AMT"][row] == 0)

    def _dose(self, row: int, time: float) -> list[Dose]:
        d, state = self.data, self.compartments[self._number(row) - 1]
        if self._constant(row):
            kind = "set" if d["SS"][row] == 1 else "bolus"
            first = [Dose(time, kind="reset")] if kind == "set" else []
            values = self.steady.get(row, np.zeros(len(self.system.states)))
            return first + [
                Dose(time, s, float(v), kind) for s, v in zip(self.system.states, values, strict=True)
            ]
        code = float(d["RATE"][row])
        infusion: dict[str, Any] = {}
        share = self._property("bioavailability", state, row, 1.0)
        amount = float(d["AMT"][row])
        if code > 0 or code == -1:
            speed = code if code > 0 else self._property("rate", state, row, 0.0)
            if isinstance(speed, str) or isinstance(share, str) or not speed * amount * share > 0:
                infusion = {"rate": speed}
            else:  # rounded, so that a duration meant to be II is II and leaves no gap of one last bit
                infusion = {"duration": float(f"{amount * share / speed:.13g}")}
        elif code == -2:
            infusion = {"duration": self._property("duration", state, row, 0.0)}
        return [
            Dose(
                time,
                state,
                amount,
                "infusion" if infusion else "bolus",
                bioavailability=share,
                lag=self._property("lag", state, row, 0.0),
                additional=int(d["ADDL"][row]),
                interval=float(d["II"][row]),
                steady_state=int(d["SS"][row]),
                **infusion,
            )
        ]

    def settle_constant_infusions(self, solver: Any, parameters: Mapping[str, Any], options: dict) -> None:
        """Find the steady states of constant infusions, which the records ask for with SS and AMT 0."""
        for i, rows in enumerate(self.data.subjects):
            for row in rows:
                if not self._constant(row):
                    continue
                time, state = float(self.data["TIME"][row]), self.compartments[self._number(row) - 1]
                rate = float(self.data["RATE"][row])
                endless = Dose(time, state, 0.0, "infusion", duration=np.inf, rate=rate, steady_state=1)
                own = {k: (v if np.ndim(v) == 0 else np.asarray(v)[i : i + 1]) for k, v in parameters.items()}
                events = Events([[*self._covariates(row, min(0.0, time)), endless]], np.zeros(1, int))
                names = list(self.system.state_names)
                found = solver(self.system, 1, own, events, np.array([time]), names, after=True, **options)
                if not found.ok.all():
                    text = f"no steady state: {found.summary()}"
                    raise InputError(
                        [Problem(text, file=self.data.file, line=int(self.data.line[row]), key="SS")]
                    )
                self.steady[row] = found.values[0, 0]

    # ------------------------------------------------------------------ times and outputs
    def moments(self, subject: int) -> list[tuple[float, bool]]:
        """For each record its time, and whether it sees the state after the doses of that time."""
        rows = self.data.subjects[subject]
        acts = self.evid[rows] >= 1
        times = self.data["TIME"][rows]
        found = []
        for k, row in enumerate(rows):
            same = times == times[k]
            later = bool((acts & same)[k + 1 :].any())
            if later and (acts & same)[: k + 1].any() and self.evid[row] == 0:
                text = "an observation between two event records of one time; move one of them"
                raise InputError(
                    [Problem(text, file=self.data.file, line=int(self.data.line[row]), key="TIME")]
                )
            found.append((float(times[k]), not (later and self.evid[row] == 0)))
        return found

    def outputs(self, wanted: Sequence[str], states: np.ndarray, parameters: Mapping[str, Any]) -> np.ndarray:
        """Output expressions at the records, with each record's own covariates."""
        system, data = self.system, self.data
        program = system.program
        compute = function(program.graph, [program.node(o) for o in wanted], arrays=True)
        of = np.zeros(len(data), int)
        for i, rows in enumerate(data.subjects):
            of[rows] = i
        p = [
            np.broadcast_to(np.asarray(parameters.get(n, item.value), float), (len(data.subjects),))[of]
            for n, item in system.parameters.items()
        ]
        column = {name: c for c, name in self.covariates.items()}
        u = [
            data[column[n]] if n in column else np.full(len(data), i.value) for n, i in system.inputs.items()
        ]
        with np.errstate(all="ignore"):
            values = compute(data["TIME"], list(states.T), p, u)
        return np.stack([np.broadcast_to(v, (len(data),)) for v in values], axis=1)
