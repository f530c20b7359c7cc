"""One virtual patient of a run, simulated again on its own: the same numbers, to the bit.

Outputs that a module declares `population_only` (suicidality) are refused here; `trials.groups` gives means of groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError
from euthymia.patients.population import load_population
from euthymia.protocol.protocol import Protocol, parse_protocol
from euthymia.trials.cohort import candidates
from euthymia.trials.folder import open_run
from euthymia.trials.groups import population_only, with_outputs
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
    protocol: Protocol,
    patient: int,
    arm: str,
    replicate: int = 0,
    trial: str = "",
    outputs: Sequence[str] = (),
) -> PatientCourse:
    """Simulate one candidate number in one arm; `trial` names its random numbers, by default the replicate.

    Parameters
    ----------
    outputs : sequence of str
        Outputs of the network to give besides those a run keeps.

    Raises
    ------
    InputError
        No such arm or output, or an output that may only be asked of a group.
    """
    refuse_population_only(outputs)
    names = [a.name for a in protocol.arms]
    if arm not in names:
        raise InputError([f"no arm '{arm}'; the arms are: {', '.join(names)}"])
    model = with_outputs(build_model(protocol), outputs)
    trial = trial or f"replicate {replicate}"
    number = np.array([patient], dtype=np.int64)
    cohort = candidates(model, load_population(protocol.base), protocol, trial, number, 1)
    part = treat(protocol, model, trial, cohort, np.array([names.index(arm)]), 1)
    visits, days, _ = times_of(protocol)
    outputs = tuple(c[0] for c in model.courses)
    return PatientCourse(patient, arm, outputs, days, part["courses"][0], visits, part["severity"][0])


def refuse_population_only(outputs: Sequence[str]) -> None:
    """Refuse outputs that say nothing of one person.

    Raises
    ------
    InputError
        Naming each of them.
    """
    problems = [
        f"'{o}' is a readout of populations and is refused for one patient: no number of this model says anything "
        "about a person's risk of suicide; ask a group of virtual patients (euthymia.group_course)"
        for o in outputs
        if o in population_only()
    ]
    if problems:
        raise InputError(problems)


def rerun_patient(
    run: str | Path, patient: int, replicate: int = 0, outputs: Sequence[str] = ()
) -> PatientCourse:
    """Simulate one patient of a finished run again, with further outputs where wanted.

    Raises
    ------
    StoreError
        Not a run folder.
    InputError
        The run has no such patient, the network no such output, or it may only be asked of a group.
    """
    import polars as pl

    refuse_population_only(outputs)
    protocol = parse_protocol(open_run(run)["protocol"], f"{run}/protocol.yaml")
    table = pl.read_parquet(Path(run) / "patients.parquet")
    row = table.filter((pl.col("patient") == patient) & (pl.col("replicate") == replicate))
    if not row.height:
        known = table["patient"].head(3).to_list()
        raise InputError([f"the run has no patient {patient}; its patients are {known} and so on"])
    if "candidate" in row.columns:
        return simulate_patient(protocol, int(row["candidate"][0]), row["arm"][0], replicate, POOL, outputs)
    return simulate_patient(protocol, patient, row["arm"][0], replicate, outputs=outputs)
