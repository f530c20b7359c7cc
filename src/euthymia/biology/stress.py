"""Stress histories: a background level and life events whose strain fades, per patient.

In: numbers per patient (background, event rate, event size) and a NumPy generator.  Out: a `StressHistory` and the
doses that carry it: the port `stress.load` is set to the background, and each event is a bolus to the state
`psychological_lifestyle.strain`, which fades with its own memory.  Events are a Poisson process with exponential
sizes.  Time is in h; 0 is the start of the trial, and history lies before it.

>>> import numpy as np
>>> history = sample_stress(np.random.default_rng(1), 3, days_before=60, days_after=56)
>>> history.background.shape, bool((history.times < 56 * 24).all())
((3,), True)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from euthymia.engine.events import Dose

DAY = 24.0
YEAR = 365.25 * DAY
PORT = "stress.load"
STATE = "psychological_lifestyle.strain"


@dataclass(frozen=True)
class StressHistory:
    """Stress of many patients.

    Parameters
    ----------
    background : ndarray, shape (patients,)
        Lasting load, in the unit of `stress.load`.
    episode : ndarray, shape (patients,)
        Load of the precipitating period (at least the background).
    episode_start, episode_stop : float, h
        When the precipitating period lies.
    patient, times, sizes : ndarray, shape (events,)
        Life events, sorted by patient and time.
    start, stop : float, h
    """

    background: np.ndarray
    episode: np.ndarray
    episode_start: float
    episode_stop: float
    patient: np.ndarray
    times: np.ndarray
    sizes: np.ndarray
    start: float
    stop: float

    def doses(self, i: int, after: float = -np.inf, before: float = np.inf) -> list[Dose]:
        """Stress of patient `i` between two times as engine doses, in order of time."""
        low, high = max(self.start, after), min(self.stop, before)
        levels = [
            (self.start, self.background[i]),
            (self.episode_start, self.episode[i]),
            (self.episode_stop, self.background[i]),
        ]
        past = [level for time, level in levels if time <= low]
        doses = [Dose(low, PORT, float(past[-1]), "set")] if past else []
        doses += [Dose(time, PORT, float(level), "set") for time, level in levels if low < time < high]
        first, last = np.searchsorted(self.patient, [i, i + 1])
        mine = slice(int(first), int(last))
        doses += [
            Dose(float(t), STATE, float(size))
            for t, size in zip(self.times[mine], self.sizes[mine], strict=True)
            if low <= t < high
        ]
        return sorted(doses, key=lambda d: d.time)

    def take(self, patients: np.ndarray) -> StressHistory:
        """The history of some patients, renumbered from 0."""
        patients = np.asarray(patients, dtype=int)
        place = np.full(len(self.background), -1)
        place[patients] = np.arange(len(patients))
        mine = place[self.patient] >= 0
        order = np.lexsort((self.times[mine], place[self.patient[mine]]))
        return StressHistory(
            self.background[patients],
            self.episode[patients],
            self.episode_start,
            self.episode_stop,
            place[self.patient[mine]][order],
            self.times[mine][order],
            self.sizes[mine][order],
            self.start,
            self.stop,
        )


def sample_stress(
    rng: np.random.Generator,
    n: int,
    *,
    days_before: float = 150.0,
    days_after: float = 56.0,
    episode_days: float = 60.0,
    background: np.ndarray | float = 0.35,
    episode: np.ndarray | float = 1.0,
    events_per_year: np.ndarray | float = 4.0,
    event_size: np.ndarray | float = 0.3,
) -> StressHistory:
    """Draw the stress of `n` patients from before the trial to its end.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance: equal states give equal histories.
    days_before, days_after : float
        History before, and length after, the start of the trial.
    episode_days : float
        Length of the precipitating period at the begin of the history.
    background, episode : float or ndarray, shape (patients,)
        Levels of load.
    events_per_year, event_size : float or ndarray, shape (patients,)
        Rate of life events, and their mean size.
    """
    start, stop = -days_before * DAY, days_after * DAY
    rate = np.broadcast_to(np.asarray(events_per_year, float), (n,)) / YEAR
    level = np.broadcast_to(np.asarray(background, float), (n,)).copy()
    peak = np.maximum(np.broadcast_to(np.asarray(episode, float), (n,)), level)
    count = rng.poisson(rate * (stop - start))
    patient = np.repeat(np.arange(n), count)
    times = rng.uniform(start, stop, patient.size)
    sizes = rng.exponential(1.0, patient.size) * np.broadcast_to(np.asarray(event_size, float), (n,))[patient]
    order = np.lexsort((times, patient))
    return StressHistory(
        level,
        peak,
        start,
        start + episode_days * DAY,
        patient[order],
        times[order],
        sizes[order],
        start,
        stop,
    )
