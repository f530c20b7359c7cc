"""Steady-state doses of nonlinear systems: the run-in of many doses, invariance, a closed form, and no steady state."""

from dataclasses import replace

import numpy as np
import pytest

from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter, State, solve, solve_reference

VALUES = {"ka": 0.8, "vm": 12.0, "km": 3.0, "lag": 0.7, "D": 20.0, "F": 0.8}
NONLINEAR = OdeSystem.join(
    "saturable",
    Fragment(
        {
            "A": State("-ka*A"),
            "C": State("ka*A/10 - vm/10*C/(km + C)"),
            "E": State("0.3*(1 + 0.2*cos(0.5235987755982988*t))*(1 - C/(2 + C)) - 0.3*E", 1.0),
        },
        {k: Parameter(v) for k, v in VALUES.items()},
    ),
    units=False,
)
N = 9
TABLE = {
    k: v * np.exp(0.25 * np.random.default_rng(3).standard_normal(N)) for k, v in VALUES.items() if k != "F"
}
STATES = ["A", "C", "E"]

DOSES = {
    "oral": Dose(0.0, "A", 40.0, interval=12.0, bioavailability="F"),
    "oral with lag": Dose(0.0, "A", 40.0, interval=12.0, lag="lag"),
    "infusion": Dose(0.0, "C", 4.0, "infusion", duration=3.0, interval=12.0),
    "overlapping infusions of modelled duration": Dose(
        0.0, "C", 4.0, "infusion", duration="D", interval=12.0
    ),
}


@pytest.mark.parametrize(
    ("solver", "name"), [*((solve, name) for name in DOSES), (solve_reference, "oral with lag")]
)
def test_as_after_many_doses(solver, name):
    """SS=1 at time 240 gives what 60 doses before it give, for each patient's own parameters and through the day."""
    dose = DOSES[name]
    n = N if solver is solve else 2
    table = {k: v[:n] for k, v in TABLE.items()}
    times = 720 + np.linspace(0, 24, 25)
    begin = np.zeros(n, int)
    steady = Events([[replace(dose, time=720.0, steady_state=1, additional=3)]], begin)
    got = solver(NONLINEAR, n, table, steady, times, STATES, rtol=1e-8, after=True)
    before = Events([[replace(dose, time=0.0, additional=63)]], begin)
    want = solve(NONLINEAR, n, table, before, times, STATES, rtol=1e-9, after=True)
    assert got.ok.all() and want.ok.all(), got.summary()
    size = np.abs(want.values).max(axis=1, keepdims=True) + 1e-6  # no depot under an infusion
    assert (np.abs(got.values - want.values) / size).max() < 2e-6
    assert np.ptp(got.values[:, 0, 1]) > 0.1  # the patients differ


def test_ss_2_adds_to_what_is_there():
    """A second drug's worth of the same compartment: the state before plus the steady state under the dose alone."""
    one = replace(DOSES["oral"], steady_state=1)
    alone = solve(NONLINEAR, N, TABLE, Events([[one]], np.zeros(N, int)), [0.0], STATES, rtol=1e-9).values
    # at time 0 before the events the state is the initial one; after SS=2 it is their sum
    two = Events([[Dose(0.0, "C", 1.0), replace(DOSES["oral"], steady_state=2)]], np.zeros(N, int))
    got = solve(NONLINEAR, N, TABLE, two, [0.0], STATES, rtol=1e-9, after=True).values[:, 0]
    first = Events([[one]], np.zeros(N, int))
    steady = solve(NONLINEAR, N, TABLE, first, [0.0], STATES, rtol=1e-9, after=True).values[:, 0]
    np.testing.assert_allclose(got, steady + np.array([0.0, 1.0, 1.0]), rtol=1e-7)
    assert (alone[:, 0, 2] == 1.0).all()


def test_constant_infusion_has_the_closed_form():
    """Input R/10 per volume equals the elimination: C = km r/(vm - r) with r = R; E follows the clock around it."""
    rate = 0.5
    endless = Dose(0.0, "C", 0.0, "infusion", duration=np.inf, rate=rate, steady_state=1)
    got = solve(
        NONLINEAR, N, TABLE, Events([[endless]], np.zeros(N, int)), [0.0, 30.0], ["C"], rtol=1e-9, after=True
    )
    want = TABLE["km"] * 10 * rate / (TABLE["vm"] - 10 * rate)
    np.testing.assert_allclose(got.values[:, :, 0], np.stack([want, want], axis=1), rtol=1e-6)


def test_no_steady_state_is_a_status():
    """A patient who gets more than he can eliminate has none; the others have theirs, to the bit."""
    dose = Events([[Dose(0.0, "A", 40.0, steady_state=1, interval=12.0)]], np.zeros(3, int))
    vm = np.array([12.0, 3.0, 14.0])  # 40 each 12 h is 3.33 per hour
    got = solve(NONLINEAR, 3, {"vm": vm}, dose, [0.0, 6.0], ["C"], after=True)
    assert got.status.tolist() == [0, 5, 0]
    assert "patient 1 stopped at t = 0 h: no periodic steady state was reached" in got.message(1)
    for i in (0, 2):
        one = Events(dose.regimens, np.zeros(1, int))
        alone = solve(NONLINEAR, 1, {"vm": vm[i : i + 1]}, one, [0.0, 6.0], ["C"], after=True)
        assert (alone.values[0] == got.values[i]).all()
