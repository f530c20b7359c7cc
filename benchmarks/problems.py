"""The models that are timed, each with a population, doses and a tight reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks import study_model
from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter, State, solve


@dataclass(frozen=True)
class Problem:
    """A model with patients, doses and the truth.

    Parameters
    ----------
    reference : ndarray, shape (patients, times, states)
        Rodas5P at rtol 1e-11.
    scale : ndarray, shape (patients, states)
        Largest absolute value of each state on a grid eight times as fine as `times`.
    """

    name: str
    system: OdeSystem
    parameters: dict[str, np.ndarray]
    events: Events
    times: np.ndarray
    reference: np.ndarray
    scale: np.ndarray

    @property
    def patients(self) -> int:
        return len(self.reference)

    def error(self, values: np.ndarray) -> float:
        """Largest deviation over patients, times and states, relative to the patient's largest value of the state."""
        n = len(values)
        gap = np.abs(values - self.reference[:n]).max(axis=1)
        return float(np.max(gap / np.maximum(self.scale[:n], 1e-12)))


def problem(name: str, system: OdeSystem, parameters: dict, events: Events, times: np.ndarray) -> Problem:
    """Compute the reference and the scale."""
    n = len(events.regimen_of)
    tight = solve(system, n, parameters, events, times, list(system.states), rtol=1e-11)
    fine = np.unique(
        np.concatenate([np.linspace(a, b, 9) for a, b in zip(times[:-1], times[1:], strict=True)])
    )
    dense = solve(system, n, parameters, events, fine, list(system.states), rtol=1e-8)
    assert tight.ok.all() and dense.ok.all(), tight.summary()
    return Problem(name, system, parameters, events, times, tight.values, np.abs(dense.values).max(axis=1))


def study(n: int) -> Problem:
    """66 states, stiff, 106 events in 8 weeks."""
    return problem(
        "study model, 66 states",
        study_model.system(),
        study_model.population(n, 7),
        study_model.events(n),
        study_model.TIMES,
    )


def oral_pk(n: int) -> Problem:
    """Two compartments with saturable elimination; a dose each day for 8 weeks: hardly stiff."""
    system = OdeSystem.join(
        "pk",
        Fragment(
            states={
                "depot": State("-ka*depot"),
                "central": State("ka*depot - vm*central/(km + central) - k12*central + k21*tissue"),
                "tissue": State("k12*central - k21*tissue"),
            },
            parameters={
                k: Parameter(v) for k, v in {"ka": 0.9, "vm": 1.5, "km": 4.0, "k12": 0.3, "k21": 0.2}.items()
            },
        ),
        units=False,
    )
    z = np.random.default_rng(11).standard_normal((5, n))
    parameters = {k: p.value * np.exp(0.3 * z[i]) for i, (k, p) in enumerate(system.parameters.items())}
    events = Events([[Dose(0.0, "depot", 20.0, additional=55, interval=24.0)]], np.zeros(n, dtype=int))
    return problem("oral pharmacokinetics, 3 states", system, parameters, events, np.arange(57) * 24.0)
