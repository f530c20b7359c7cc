"""What a group of virtual patients does on average, for outputs that a run does not keep; the home of population readouts.

In: a protocol, one of its arms and outputs of the network.  Out: means over recruited patients, day by day.  Outputs
that a module declares `population_only` (suicidality) are given here and nowhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from euthymia.biology.module import load_module, module_names
from euthymia.errors import InputError, nearest
from euthymia.patients.population import load_population
from euthymia.protocol.protocol import Protocol
from euthymia.trials.cohort import recruit
from euthymia.trials.model import Model, build_model
from euthymia.trials.simulate import times_of, treat

LEAST = 50  # patients of the smallest group whose means are given


@dataclass(frozen=True, slots=True)
class GroupCourse:
    """Means of a group.

    Parameters
    ----------
    arm : str
    patients : int
        Who ran to the end.
    outputs : tuple of str
    days : ndarray, shape (days,), h
    mean : ndarray, shape (days, outputs), canonical units
    """

    arm: str
    patients: int
    outputs: tuple[str, ...]
    days: NDArray[np.float64]
    mean: NDArray[np.float64]


@cache
def population_only() -> frozenset[str]:
    """Outputs of all modules that may only be asked of groups."""
    return frozenset(o for name in module_names() for o in load_module(name).population_only)


def with_outputs(model: Model, outputs: Sequence[str]) -> Model:
    """The model with further outputs kept day by day.

    Raises
    ------
    InputError
        The model has no such output.
    """
    known = {*model.treated.states, *model.treated.assignments}
    problems = [f"the network has no output '{o}'{nearest(o, known)}" for o in outputs if o not in known]
    if problems:
        raise InputError(problems)
    had = {c[0] for c in model.courses}
    more = [(o, o, "1") for o in dict.fromkeys(outputs) if o not in had]
    return dataclasses.replace(model, courses=(*model.courses, *more))


def group_course(
    protocol: Protocol, arm: str, outputs: Sequence[str], patients: int = 200, threads: int | None = None
) -> GroupCourse:
    """Recruit a group by the protocol's conditions, treat it in one arm and give its means.

    Raises
    ------
    InputError
        No such arm or output, or fewer patients than a group has.
    """
    names = [a.name for a in protocol.arms]
    if arm not in names:
        raise InputError([f"no arm '{arm}'; the arms are: {', '.join(names)}"])
    if patients < LEAST:
        raise InputError([f"patients is {patients}; a group has at least {LEAST}"])
    chosen = dataclasses.replace(protocol.arms[names.index(arm)], n=patients)
    alone = dataclasses.replace(protocol, arms=(chosen,))
    model = with_outputs(build_model(alone), outputs)
    cohort = recruit(model, load_population(alone.base), alone, "group", threads)
    part = treat(alone, model, "group", cohort, np.zeros(patients, dtype=np.int64), threads)
    column = [[c[0] for c in model.courses].index(o) for o in outputs]
    ran = part["status"] == 0
    if ran.sum() < LEAST:
        raise InputError([f"only {int(ran.sum())} of {patients} patients could be simulated"])
    mean = part["courses"][ran][:, :, column].mean(axis=0)
    return GroupCourse(arm, int(ran.sum()), tuple(outputs), times_of(alone)[1], mean)
