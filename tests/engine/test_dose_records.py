"""Records of a regimen that would mean something else than they say are refused."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter, State, solve
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
