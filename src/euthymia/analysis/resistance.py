"""Treatment resistance as it emerges: patients go through treatment steps, and the usual definitions count them.

In: a virtual population, ill and untreated.  Each patient takes a reuptake inhibitor, then a serotonin-noradrenaline
reuptake inhibitor, then an alpha-2 and 5-HT2/3 blocker, eight weeks each, until one works.  Adherence is drawn for each
step.  Out: response and adherence at every step and, from them, resistance by definition.  No parameter means
"resistant".

References
----------
Definitions: at least two adequate trials failed (regulators); less than a quarter improvement in both (stricter, as
trials of rapid drugs ask); Maudsley staging (Fekadu 2009); Massachusetts General staging (Fava 2003); pseudo-resistance
where a failed step was not taken as prescribed.  The two staging schemes are written from memory of their papers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.analysis.virtual import SEVERITY, VirtualPopulation
from euthymia.engine import Dose, Events, solve
from euthymia.outcomes.adherence import taken
from euthymia.patients.streams import uniforms

Array = NDArray[np.float64]
WEEK, DAY = 168.0, 24.0
LENGTH = 8 * WEEK
ADEQUATE = 0.8  # share of doses from which a step counts as taken
RESPONSE, MINIMAL, REMISSION = 0.5, 0.25, 10.0
#: port and level with every dose taken, by step
STEPS: tuple[tuple[str, Mapping[str, float]], ...] = (
    ("reuptake inhibitor", {"SLC6A4.occupancy": 0.80}),
    ("serotonin-noradrenaline reuptake inhibitor", {"SLC6A4.occupancy": 0.80, "SLC6A2.occupancy": 0.60}),
    (
        "alpha-2 and 5-HT2 blocker",
        {"ADRA2A.antagonism": 0.7, "HTR2A.antagonism": 0.7, "HTR2C.antagonism": 0.7, "HRH1.antagonism": 0.8},
    ),
)
MILD, MODERATE, SEVERE = 7.0, 20.0, 35.0  # MADRS bands of severity


@dataclass(frozen=True)
class Resistance:
    """What happened to each patient.

    Parameters
    ----------
    before, after : ndarray, shape (patients, steps), MADRS points
        NaN for steps a patient did not need.
    adherence : ndarray, shape (patients, steps), share of doses
    weeks_ill : ndarray, shape (patients,)
        From the begin of the stress to entry.
    """

    before: Array
    after: Array
    adherence: Array
    weeks_ill: Array

    @property
    def improvement(self) -> Array:
        """Share of the score at the start of each step that went, shape (patients, steps)."""
        return 1.0 - self.after / self.before

    def failed(self, least: float = RESPONSE) -> NDArray[np.bool_]:
        """Steps taken as prescribed without the improvement asked for."""
        return (self.improvement < least) & (self.adherence >= ADEQUATE)

    def definitions(self) -> dict[str, NDArray[np.bool_]]:
        """Each patient by each definition, shape (patients,)."""
        none: NDArray[np.bool_] = self.improvement < RESPONSE
        first_two = np.logical_and(none[:, 0], none[:, 1])
        adequate = np.logical_and(self.adherence[:, 0] >= ADEQUATE, self.adherence[:, 1] >= ADEQUATE)
        minimal = self.failed(MINIMAL)
        remitted = np.nan_to_num(self.after, nan=np.inf) <= REMISSION
        return {
            "no response to the first treatment": none[:, 0],
            "two treatments failed, as prescribed or not": first_two,
            "two adequate treatments failed": first_two & adequate,
            "less than a quarter improvement in two adequate treatments": np.logical_and(
                minimal[:, 0], minimal[:, 1]
            ),
            "three treatments failed": np.logical_and.reduce(none, axis=1),
            "Maudsley stage moderate or worse": np.greater_equal(self.maudsley(), 7),
            "pseudo-resistant": first_two & ~adequate,
            "no remission after all steps": ~np.logical_or.reduce(remitted, axis=1),
        }

    def maudsley(self) -> NDArray[np.int64]:
        """Maudsley staging, 3 to 15 points: duration, severity, failed treatments (no augmentation or ECT here)."""
        months = self.weeks_ill * WEEK / (365.25 / 12 * DAY)
        duration = 1 + (months > 12) + (months > 24)
        first = self.before[:, 0]
        severity = 1 + (first >= MILD) + (first >= MODERATE) + (first >= SEVERE)
        count = self.failed().sum(axis=1)
        treatments = np.where(count > 0, 1 + (count > 2), 0)
        return (duration + severity + treatments).astype(np.int64)

    def general_hospital(self) -> Array:
        """Massachusetts General staging: one point for each adequate trial failed."""
        return self.failed().sum(axis=1).astype(float)

    def shares(self, weights: Array | None = None) -> dict[str, float]:
        """Share of patients by definition, with weights where given."""
        w = np.full(len(self.weeks_ill), 1.0) if weights is None else weights
        return {name: float(w @ yes / w.sum()) for name, yes in self.definitions().items()}


def treat_in_steps(people: VirtualPopulation, threads: int | None = None) -> Resistance:
    """Take every patient through the steps until a response; the natural course and expectancy go on meanwhile."""
    n = len(people.severity)
    system, traits = people.network.system, people.traits
    names = [*system.states, SEVERITY]
    states = {k: v.copy() for k, v in people.states.items()}
    current = people.severity.copy()
    before, after, adherence = (np.full((n, len(STEPS)), np.nan) for _ in range(3))
    open_ = np.ones(n, dtype=bool)
    number = np.arange(n)
    doses_at = np.arange(0.0, LENGTH, DAY)
    for i, (_, ports) in enumerate(STEPS):
        who = np.flatnonzero(open_)
        if not len(who):
            break
        state, miss = (
            uniforms(people.seed, f"step {i}", number[who], f"adherence/{kind}", len(doses_at))
            for kind in ("state", "miss")
        )
        share = taken(doses_at, state, miss).mean(axis=1)
        regimens = [
            [
                Dose(0.0, "stress.load", float(people.values["after"][p]), "set"),
                Dose(0.0, "psych.expectancy", 1.0, "set"),
                *(
                    Dose(0.0, port, _reached(level, s), "set")
                    for port, level in ports.items()
                    if port in system.inputs
                ),
            ]
            for p, s in zip(who, share, strict=True)
        ]
        done = solve(
            system,
            len(who),
            {k: v[who] for k, v in traits.items()},
            Events(regimens, np.arange(len(who))),
            np.array([LENGTH]),
            names,
            initial={k: v[who] for k, v in states.items()},
            threads=threads,
        )
        end = done.values[:, 0]
        before[who, i], after[who, i], adherence[who, i] = current[who], end[:, -1], share
        for j, name in enumerate(system.states):
            states[name][who] = end[:, j]
        current[who] = end[:, -1]
        open_[who] = end[:, -1] > (1 - RESPONSE) * before[who, i]
    onset = people.values.get("onset", np.zeros(n))
    return Resistance(before, after, adherence, onset / WEEK)


def _reached(level: float, share: float) -> float:
    """Occupancy when a share of doses is taken: exposure falls in proportion, occupancy saturates.

    >>> _reached(0.8, 1.0), round(_reached(0.8, 0.5), 3)
    (0.8, 0.667)
    """
    exposure = level / (1.0 - level) * share
    return float(exposure / (1.0 + exposure))
