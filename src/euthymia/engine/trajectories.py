"""What a simulation of a population returns, with a status in words for each patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

OK, TOO_MANY_STEPS, STEP_TOO_SMALL, NOT_FINITE, BAD_START, NO_STEADY_STATE = range(6)
EVENTS_WITHOUT_END, TOO_MANY_WAITING, BAD_DELAY, BAD_DOSE = range(6, 10)
WORDS = {
    OK: "ok",
    TOO_MANY_STEPS: "more steps than allowed; the patient is stiffer than expected or a rate changes without end",
    STEP_TOO_SMALL: "the step became too small to move time on; a rate is discontinuous or grows without bound",
    NOT_FINITE: "a rate or state is not finite",
    BAD_START: "a parameter or initial value is not finite",
    EVENTS_WITHOUT_END: "state-triggered events trigger one another without end at one moment",
    TOO_MANY_WAITING: "more than 128 triggered events wait for their delayed execution",
    BAD_DELAY: "the delay of a triggered event is negative or not a number",
    BAD_DOSE: "a dose has a lag time, bioavailability, rate or duration that cannot be",
    NO_STEADY_STATE: "no periodic steady state was reached under the steady-state dose",
}


@dataclass(frozen=True)
class Trajectories:
    """Results of a population.

    Parameters
    ----------
    values : ndarray, shape (patients, times, outputs)
        NaN after the time at which a patient failed.
    times : ndarray, shape (times,), h
    outputs : tuple of str
    status : ndarray, shape (patients,), int
        0 where all went well.
    failed_at : ndarray, shape (patients,), h
        Time reached by a failed patient; NaN for the others.
    steps, rejected : ndarray, shape (patients,), int
        Work done.
    detail : mapping from patient to str
        What exactly was wrong before the start, where that is known.
    """

    values: np.ndarray
    times: np.ndarray
    outputs: tuple[str, ...]
    status: np.ndarray
    failed_at: np.ndarray
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    rejected: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    method: str = ""
    detail: Mapping[int, str] = field(default_factory=dict)

    @property
    def ok(self) -> np.ndarray:
        """Which patients ran to the end, shape (patients,), bool."""
        return self.status == OK

    def output(self, name: str) -> np.ndarray:
        """Values of one output, shape (patients, times)."""
        return self.values[:, :, self.outputs.index(name)]

    def message(self, i: int, first: int = 0) -> str:
        """What happened to patient `i`, in words; `first` is the number of the first patient held here."""
        status = int(self.status[i])
        if status == OK:
            return "ok"
        return (
            f"patient {first + i} stopped at t = {self.failed_at[i]:.6g} h: {WORDS[status]}"
            f"{' (' + self.detail[i] + ')' if i in self.detail else ''}; "
            f"replay it with solve(system, 1, *alone(parameters, events, {first + i}), times, outputs), "
            "or with solve_reference for a second opinion"
        )

    def summary(self) -> str:
        """How many patients failed, which, and why."""
        bad = np.flatnonzero(self.status != OK)
        if not bad.size:
            return f"all {self.status.size} patients ran to the end"
        lines = [f"{bad.size} of {self.status.size} patients failed:"]
        lines += [self.message(int(i)) for i in bad[:10]]
        return "\n".join(lines + ([f"... and {bad.size - 10} more"] if bad.size > 10 else []))
