"""Stress histories: rates and sizes as asked, equal for equal generators, and carried by the network."""

import numpy as np
import pytest

from euthymia.biology.stress import PORT, STATE, sample_stress
from euthymia.engine import Events
from euthymia.engine.solve import solve


def draw(seed, n=2000, **options):
    return sample_stress(np.random.default_rng(seed), n, **options)


def test_equal_generators_give_equal_histories():
    one, two, other = draw(1), draw(1), draw(2)
    assert np.array_equal(one.times, two.times) and np.array_equal(one.sizes, two.sizes)
    assert not np.array_equal(one.times[:50], other.times[:50])


def test_events_come_at_their_rate_and_mean_size():
    history = draw(3, days_before=300, days_after=65.25, events_per_year=4.0, event_size=0.3)
    assert len(history.times) / 2000 == pytest.approx(4.0, rel=0.03)  # Poisson error of 8000 events is 1.1 %
    assert history.sizes.mean() == pytest.approx(0.3, rel=0.04)
    counts = np.bincount(history.patient, minlength=2000)
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.1)


def test_doses_of_one_patient_are_sorted_and_lie_inside_the_window():
    history = draw(4, n=20, events_per_year=20.0)
    doses = history.doses(7, after=-24.0 * 30, before=24.0 * 20)
    times = [d.time for d in doses]
    assert times == sorted(times) and min(times) >= -720 and max(times) < 480
    assert doses[0].target == PORT and {d.target for d in doses} <= {PORT, STATE}


def test_taking_patients_keeps_their_events():
    history = draw(5, n=30, events_per_year=10.0)
    part = history.take(np.array([9, 3]))
    assert [d.time for d in part.doses(0)] == [d.time for d in history.doses(9)]
    assert [d.amount for d in part.doses(1)] == [d.amount for d in history.doses(3)]


def test_a_history_makes_the_vulnerable_ill(core):
    history = sample_stress(np.random.default_rng(6), 2, background=0.35, episode=1.0, events_per_year=0.0)
    events = Events([history.doses(0), history.doses(1)], np.arange(2))
    chi = {"neuroplasticity.chi": np.array([1.0, 0.83])}
    madrs = solve(
        core.system, 2, chi, events, np.array([0.0]), ["symptoms.madrs"], start=history.start
    ).values[:, 0, 0]
    assert madrs[0] < 12 and madrs[1] > 25


def test_strain_fades_with_its_own_memory(core):
    history = sample_stress(
        np.random.default_rng(8), 1, background=0.0, episode=0.0, events_per_year=12.0, event_size=1.0
    )
    start, stop = history.start, history.stop
    done = solve(
        core.system,
        1,
        {},
        Events([history.doses(0)], np.zeros(1, int)),
        np.array([stop]),
        [STATE],
        start=start,
    )
    expected = float(np.sum(history.sizes * np.exp(-(stop - history.times) / 720.0)))
    assert done.values[0, 0, 0] == pytest.approx(expected, rel=1e-4)
