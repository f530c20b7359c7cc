"""Stress before and during a trial: the history through which a patient falls ill.

In: a population's stress settings per patient.  Out: the changes of the network's `stress.load` before the trial,
and the load that stays during it.  Assumed: one peak of constant height that begins `onset` before the trial, lasts
`peak` and ends at the latest with the trial's start; afterwards a constant rest `after`, which ends only
where people are followed for long without treatment.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from euthymia.engine import Dose
from euthymia.units import to_canonical

LOAD = "stress.load"
RUN_UP = to_canonical(26, "week")  # before the trial; covers the longest onset and is whole days


def stress_history(values: Mapping[str, NDArray[np.float64]], relief: bool = False) -> list[list[Dose]]:
    """Changes of `stress.load` in the run-up, one regimen per patient; hour 0 is `RUN_UP` before the trial.

    Parameters
    ----------
    values : mapping with 'onset', 'peak' (h), 'load', 'after', each ndarray of shape (patients,)
    relief : bool
        Whether the stress that stays ends 'relief' (h) after the trial's start.
    """
    starts = RUN_UP - np.minimum(values["onset"], RUN_UP)
    ends = np.minimum(starts + values["peak"], RUN_UP)
    found = [
        [Dose(float(a), LOAD, float(high), "set"), Dose(float(b), LOAD, float(low), "set")]
        for a, b, high, low in zip(starts, ends, values["load"], values["after"], strict=True)
    ]
    if relief:
        for doses, end in zip(found, RUN_UP + values["relief"], strict=True):
            doses.append(Dose(float(end), LOAD, 0.0, "set"))
    return found
