"""What the trial around the patients looks like, as far as it moves scores.

In: the design of a trial.  Out: one frozen record that `placebo`, `dropout` and `observe` read.  Assumed:
context acts on the placebo and natural course only; what the treatment does comes from the mechanistic
network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError, Problem, nearest

Array = NDArray[np.float64]
BLINDING = ("double", "single", "open")
CONTACT = ("placebo", "attention", "usual_care", "waiting")
SETTINGS = ("outpatient", "inpatient", "primary_care", "mixed", "emergency")
REGIONS = ("asia", "europe", "north_america", "cross_continental")
HISTORY = ("none", "inadequate", "refractory")


@dataclass(frozen=True, slots=True)
class TrialContext:
    """Design of a trial as the patients and raters live it.

    Parameters
    ----------
    times : ndarray, shape (visits,), h
        Visit times from randomisation; the first is 0 (baseline).
    year : float
        Year of the trial.
    threshold : float or None, MADRS points
        Lowest baseline score let in; None where there is none.
    probability_active : float
        Chance of being allocated to an active arm, as the patients are told.
    blinding : str
        `double`, `single` or `open`.
    setting : str
        `outpatient`, `primary_care`, `inpatient`, `mixed` (in- and outpatients) or `emergency` (admitted in crisis).
    history : str
        `none`; `inadequate`: one to three failed treatments, the last continued; `refractory`: two or more
        failed, no antidepressant continued.
    run_in : bool
        Placebo run-in or lead-in before randomisation.
    procedure : bool
        Attended infusion, dosing session or stimulation rather than tablets alone.
    new_treatment : bool
        All arms start a new standard antidepressant at randomisation.
    length : float or None, h
        Length of treatment as it was announced; the last visit where None.
    contact : str
        What patients meet besides the treatment itself: `placebo` (drug, device, pill or sham, with what they believe to
        get), `attention` (visits and a reason to hope, nothing hidden: psychological placebo, exercise class,
        psychotherapy), `usual_care` or `waiting`.
    region : str
        `asia`, `europe`, `north_america`, `cross_continental`; empty where not said: the mean trial.
    scale : str
        Scale of the primary outcome, as trials with HAMD17 report other placebo courses; empty where not said.
    drugs : tuple of str
        Library names of the drugs in the trial's arms: the trials of one drug share sponsor, sites and years.
    psychotherapy : bool
        Patients have psychotherapy, whose effect in the network already holds a part of what attention does.

    Raises
    ------
    InputError
        Impossible values, all of them at once.

    Examples
    --------
    >>> TrialContext(times=np.array([0.0, 1344.0]), year=2010).blinding
    'double'
    """

    times: Array
    year: float = 2005.0
    threshold: float | None = None
    probability_active: float = 0.5
    blinding: str = "double"
    setting: str = "outpatient"
    history: str = "none"
    run_in: bool = False
    procedure: bool = False
    new_treatment: bool = False
    length: float | None = None
    contact: str = "placebo"
    psychotherapy: bool = False
    region: str = ""
    scale: str = ""
    drugs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = []
        times = np.asarray(self.times, dtype=float)
        if times.ndim != 1 or times.size < 2 or times[0] != 0 or (np.diff(times) <= 0).any():
            problems.append(Problem("visit times must start at 0 and rise; give at least two", key="times"))
        if not 0 <= self.probability_active <= 1:
            problems.append(
                Problem(
                    f"{self.probability_active} is not a chance between 0 and 1", key="probability_active"
                )
            )
        for key, allowed in (
            ("blinding", BLINDING),
            ("setting", SETTINGS),
            ("history", HISTORY),
            ("contact", CONTACT),
            ("region", ("", *REGIONS)),
        ):
            value = getattr(self, key)
            if value not in allowed:
                hint = nearest(value, allowed) or f"; allowed: {', '.join(filter(None, allowed))}"
                problems.append(Problem(f"unknown value '{value}'{hint}", key=key))
        if problems:
            raise InputError(problems)
        object.__setattr__(self, "times", times)

    def belief(self, active: Array | bool, unblinding: Array | float = 0.0) -> Array:
        """How far patients believe to be on the active treatment, 0 to 1.

        Blinded patients believe the odds they were told; unblinding (what acute effects, or their lack, give
        away) moves the belief towards the truth.  Open treatment is known.

        Parameters
        ----------
        active : ndarray of bool, shape (patients,)
        unblinding : ndarray or float, 0 to 1

        Examples
        --------
        >>> TrialContext(times=np.array([0.0, 24.0])).belief(np.array([True, False]), 0.6)
        array([0.8, 0.2])
        """
        truth = np.asarray(active, dtype=float)
        given_away = np.asarray(unblinding, dtype=float)
        if self.blinding == "open":
            given_away = np.ones_like(given_away)
        return self.probability_active + given_away * (truth - self.probability_active)
