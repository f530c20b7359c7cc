"""Records of a regimen that would mean something else than they say are refused."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.engine import Dose, Events, Fragment, Input, OdeSystem, Parameter, State, solve
from euthymia.errors import InputError

SYSTEM = OdeSystem.join("one", Fragment({"A": State("-k*A")}, {"k": Parameter(0.1)}), units=False)
FAULTY = [
    (Dose(0.0, "A", 20.0, rate=2.0), "a bolus takes no duration and no rate; kind='infusion' does"),
    (Dose(0.0, "A", 20.0, duration=2.0), "a bolus takes no duration"),
    (Dose(0.0, "A", 20.0, "infusion", rate=2.0, duration=3.0), "a duration or a rate, not both"),
    (Dose(0.0, "A", 20.0, interval=4.0, additional=1.5), "additional is a whole number"),  # type: ignore[arg-type]
    (Dose(-2.0, "A", 20.0), "it lies before the run, which starts at 0 h; `start` moves that (dose at -2 h)"),
]


@pytest.mark.parametrize(("dose", "wanted"), FAULTY)
def test_refused(dose: Dose, wanted: str) -> None:
    with pytest.raises(InputError) as caught:
        solve(SYSTEM, 1, {}, Events([[dose]], np.zeros(1, int)), [0.0, 1.0], ["A"])
    assert wanted in str(caught.value)


def test_a_dose_before_time_zero_counts_where_the_run_starts_there() -> None:
    events = Events([[Dose(-2.0, "A", 20.0)]], np.zeros(1, int))
    out = solve(SYSTEM, 1, {}, events, [0.0, 1.0], ["A"], rtol=1e-8, start=-3.0)
    assert out.values[0, :, 0] == pytest.approx(20 * np.exp(-0.1 * np.array([2.0, 3.0])), rel=1e-6)


def test_records_of_all_patients_at_once_are_those_patient_by_patient() -> None:
    """Doses that arrive late by a parameter, in part or not at all; sets made or not."""
    from euthymia.engine.events import _listed, _plain

    parts = Fragment(
        {"A": State("-k*A"), "B": State("u - k*B")},
        {"k": Parameter(0.1), "F": Parameter(1.0), "lag": Parameter(0.0), "late": Parameter(0.0)},
        inputs={"u": Input(0.0)},
    )
    system = OdeSystem.join("two", parts, units=False)
    rng = np.random.default_rng(3)
    n = 40
    table = {
        "F": rng.uniform(0, 1, n) * (rng.random(n) < 0.8),
        "lag": rng.uniform(0, 30, n),
        "late": np.round(rng.uniform(0, 3, n)),
    }
    regimen = [
        *(Dose(12.0 * i, "A", 20.0, bioavailability="F", lag="lag") for i in range(5)),
        Dose(0.0, "B", 3.0, lag="late", additional=4, interval=24.0),
        *(Dose(24.0 * i, "u", float(i % 2), "set") for i in range(4)),
        Dose(30.0, "A", 7.0, "set"),
        Dose(10.0, "B", 5.0, "infusion", duration=2.0, lag=1.5, bioavailability="F"),
    ]
    taken = rng.choice([0.0, 0.5, 1.0], (n, len(regimen)))
    for share in (None, taken):
        events = Events([regimen], np.zeros(n, int), share)
        infused = events.infused()
        patients = np.arange(n)
        fast = _plain(system, events, 0, patients, table, infused)
        slow = _listed(system, events, patients, table, infused, None)
        assert fast is not None
        for p in patients:
            rows = [
                {
                    (t, c, i, v)
                    for t, c, i, v in zip(s.time[p], s.code[p], s.index[p], s.value[p], strict=True)
                    if np.isfinite(t) and not (c == 2 and v == 0)
                }
                for s in (fast, slow)
            ]
            assert rows[0] == rows[1]
            times = fast.time[p][np.isfinite(fast.time[p])]
            assert (np.diff(times) >= 0).all()
