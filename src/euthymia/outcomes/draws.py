"""The random numbers of the outcome layer, drawn outside and handed in.

In: two functions that give standard normals and uniforms by name and shape (counter-based streams keep every
patient's numbers the same whoever else is simulated).  Out: one frozen record of arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Source = Callable[[str, tuple[int, ...]], Array]


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers per patient and visit; standard normals except `dropout`, uniform in (0, 1).

    Parameters
    ----------
    course : ndarray, shape (patients,)
        Size of the patient's placebo and natural course.
    events : ndarray, shape (patients, visits)
        Innovations of life events; column 0 is not used.
    rating : ndarray, shape (patients, visits)
        Rating noise common to all scales of a visit.
    own : ndarray, shape (patients, visits)
        Rating noise of the secondary scales (the MADRS uses `own_madrs`).
    own_madrs : ndarray, shape (patients, visits)
    dropout : ndarray, shape (patients, visits), uniform
        Decides whether the patient leaves before that visit; column 0 is not used.
    trial : float
        One standard normal for the whole trial: its own placebo level; 0 for the expected trial.
    """

    course: Array
    events: Array
    rating: Array
    own: Array
    own_madrs: Array
    dropout: Array
    trial: float = 0.0

    @classmethod
    def make(cls, patients: int, visits: int, normal: Source, uniform: Source, trial: float = 0.0) -> Draws:
        """Draws from named streams.

        >>> g = np.random.default_rng(1)
        >>> normal, uniform = lambda _, shape: g.standard_normal(shape), lambda _, shape: g.random(shape)
        >>> d = Draws.make(3, 4, normal, uniform)
        >>> d.events.shape
        (3, 4)
        """
        each = (patients, visits)
        return cls(
            course=normal("outcomes.course", (patients,)),
            events=normal("outcomes.events", each),
            rating=normal("outcomes.rating", each),
            own=normal("outcomes.own", each),
            own_madrs=normal("outcomes.own_madrs", each),
            dropout=uniform("outcomes.dropout", each),
            trial=trial,
        )

    @classmethod
    def seeded(cls, patients: int, visits: int, seed: int, trial: float = 0.0) -> Draws:
        """Draws from one NumPy generator; for examples and tests."""
        g = np.random.default_rng(seed)
        normal: Source = lambda _name, shape: g.standard_normal(shape)  # noqa: E731
        uniform: Source = lambda _name, shape: g.random(shape)  # noqa: E731
        return cls.make(patients, visits, normal, uniform, trial)
