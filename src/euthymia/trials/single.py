"""One virtual patient of a run, simulated again on its own: the same numbers, to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError
from euthymia.patients.population import load_population
from euthymia.protocol.protocol import Protocol, parse_protocol
from euthymia.trials.cohort import candidates
from euthymia.trials.folder import open_run
from euthymia.trials.model import build_model
from euthymia.trials.pool import NAME as POOL
from euthymia.trials.simulate import times_of, treat


@dataclass(frozen=True, slots=True)
class PatientCourse:
    """One patient's course.

    Parameters
    ----------
    patient : int
    arm : str
    outputs : tuple of str
    days : ndarray, shape (days,), h
    values : ndarray, shape (days, outputs), canonical units
    visits, severity : ndarray, shape (visits,)
    """

    patient: int
    arm: str
    outputs: tuple[str, ...]
    days: NDArray[np.float64]
    values: NDArray[np.float64]
    visits: NDArray[np.float64]
    severity: NDArray[np.float64]


def simulate_patient(
    protocol: Protocol, patient: int, arm: str, replicate: int = 0, trial: str = ""
) -> PatientCourse:
    """Simulate one candidate number in one arm; `trial` names its random numbers, by default the replicate.

    Raises
    ------
    InputError
        No such arm.
    """
    names = [a.name for a in protocol.arms]
    if arm not in names:
        raise InputError([f"no arm '{arm}'; the arms are: {', '.join(names)}"])
    model = build_model(protocol)
    trial = trial or f"replicate {replicate}"
    number = np.array([patient], dtype=np.int64)
    cohort = candidates(model, load_population(protocol.base), protocol, trial, number, 1)
    part = treat(protocol, model, trial, cohort, np.array([names.index(arm)]), 1)
    visits, days, _ = times_of(protocol)
    outputs = tuple(c[0] for c in model.courses)
    return PatientCourse(patient, arm, outputs, days, part["courses"][0], visits, part["severity"][0])


def rerun_patient(run: str | Path, patient: int, replicate: int = 0) -> PatientCourse:
    """Simulate one patient of a finished run again.

    Raises
    ------
    StoreError
        Not a run folder.
    InputError
        The run has no such patient.
    """
    import polars as pl

    protocol = parse_protocol(open_run(run)["protocol"], f"{run}/protocol.yaml")
    table = pl.read_parquet(Path(run) / "patients.parquet")
    row = table.filter((pl.col("patient") == patient) & (pl.col("replicate") == replicate))
    if not row.height:
        known = table["patient"].head(3).to_list()
        raise InputError([f"the run has no patient {patient}; its patients are {known} and so on"])
    if "candidate" in row.columns:
        return simulate_patient(protocol, int(row["candidate"][0]), row["arm"][0], replicate, POOL)
    return simulate_patient(protocol, patient, row["arm"][0], replicate)
