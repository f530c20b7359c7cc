"""Derivatives to parameters: closed forms by the complex step, tight differences, jumps of moving doses."""

import numpy as np
import pytest

from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter, State, Trigger, sensitivities, solve
from euthymia.errors import InputError

VALUES = {"ka": 1.3, "CL": 2.0, "V": 10.0, "F": 0.6, "lag": 0.4, "D": 3.0}
TIMES = np.linspace(0.13, 40.0, 60)
ORAL = OdeSystem.join(
    "oral",
    Fragment(
        {"A": State("-ka*A", 0.0), "C": State("ka*A/V - CL/V*C", "0.1*F")},
        {k: Parameter(v) for k, v in VALUES.items()},
    ),
    units=False,
)


def closed(ka, CL, V, F, lag, D):  # type: ignore[no-untyped-def]
    """Concentration after three oral doses with lag and one infusion of modelled duration, lag and an initial value."""
    k = CL / V
    total = 0.1 * F * np.exp(-k * TIMES)
    for n in range(3):
        s = TIMES - lag - 12 * n
        dose = 100 * F * ka / V / (ka - k) * (np.exp(-k * s) - np.exp(-ka * s))
        total = total + np.where(np.real(s) > 0, dose, 0)
    s = TIMES - 5 - lag
    during = 20 / D / k * (1 - np.exp(-k * s))
    later = 20 / D / k * (1 - np.exp(-k * D)) * np.exp(-k * (s - D))
    return total + np.where(np.real(s) > 0, np.where(np.real(s) < np.real(D), during, later), 0)


DOSES = [
    Dose(0, "A", 100, bioavailability="F", lag="lag", additional=2, interval=12),
    Dose(5, "C", 20, "infusion", duration="D", lag="lag"),
]


@pytest.mark.parametrize("method", ["rodas5p", "dopri5"])
def test_forward_against_the_complex_step(method):
    """All parameters, all times: lag, bioavailability and duration act by jumps, ka, CL and V by the rates."""
    n = 5
    rng = np.random.default_rng(3)
    table = {k: v * np.exp(0.2 * rng.standard_normal(n)) for k, v in VALUES.items()}
    got = sensitivities(
        ORAL,
        n,
        table,
        Events([DOSES], np.zeros(n, int)),
        TIMES,
        ["C"],
        list(VALUES),
        rtol=1e-9,
        method=method,
    )
    assert got.method == "forward" and got.trajectories.ok.all()
    for i in range(n):
        own = {k: v[i] for k, v in table.items()}
        np.testing.assert_allclose(got.trajectories.values[i, :, 0], closed(**own), rtol=0, atol=2e-7)
        for name in VALUES:
            shifted = own | {name: own[name] + 1e-30j}
            want = np.imag(closed(**shifted)) / 1e-30
            error = np.abs(got.of("C", name)[i] - want).max() / np.abs(want).max()
            assert error < 1e-7, (i, name, error)


NONLINEAR = OdeSystem.join(
    "nonlinear",
    Fragment(
        {
            "A": State("-ka*A"),
            "C": State("ka*A/10 - vm*C/(km + C) + if(t > on and t < on + 2, 0.4, 0)", "c0^2"),
            "O": State("40*C^g*(1 - O) - 10*O"),
            "M": State("0.05*(hill(O, 0.4, g) - M) + exp(-C)*0.01*log(1 + C)*cos(0.3*t)"),
        },
        {k: Parameter(v) for k, v in {"ka": 0.9, "vm": 0.8, "km": 0.5, "g": 1.7, "on": 7.3, "c0": 0.3, "lag": 0.6}.items()},
    ),
    units=False,
)  # fmt: skip
REGIMEN = [Dose(0, "A", 6.0, lag="lag", additional=2, interval=8.0), Dose(11.0, "C", 2.0, kind="set")]
REGIMEN += [Dose(14.0, "C", 3.0, "infusion", rate="vm"), Dose(20.0, kind="reset")]


def test_forward_against_tight_differences():
    """Powers with a parameter as exponent, a clock switch at a parameter, a set, a reset, an infusion of modelled rate.

    The differences have an error of the size eps^2 = 1e-8 of the curvature; hence 1e-5 of each largest derivative."""
    times, wrt = np.linspace(0.1, 24, 90), list(NONLINEAR.parameters)
    events = Events([REGIMEN], np.zeros(1, int))
    outputs = [*NONLINEAR.states, "A*O + on"]
    got = sensitivities(NONLINEAR, 1, {}, events, times, outputs, wrt, rtol=1e-9)
    assert got.trajectories.ok.all()
    for j, name in enumerate(wrt):
        sides = []
        step = 1e-4 * NONLINEAR.parameters[name].value
        for sign in (1, -1):
            p = {name: NONLINEAR.parameters[name].value + sign * step}
            sides.append(solve(NONLINEAR, 1, p, events, times, outputs, rtol=1e-12).values[0])
        want = (sides[0] - sides[1]) / (2 * step)
        # a time that lies within the step of a moving stop belongs to one side only in the difference
        size = np.abs(want).max(axis=0)
        error = np.abs(got.values[0, :, :, j] - want).max(axis=0)
        assert (error <= 1e-5 * size + 1e-7).all(), (name, error / size)
    assert np.abs(got.of("C", "lag")).max() > 0.1 and np.abs(got.of("C", "on")).max() > 0.1


def test_the_jump_terms_matter(monkeypatch):
    """Without the jumps the derivative to the lag time is wrong: the test above would see it."""
    import euthymia.engine.jumps as jumps

    events = Events([DOSES], np.zeros(1, int))
    right = sensitivities(ORAL, 1, {}, events, TIMES, ["C"], ["lag"], rtol=1e-8).values
    monkeypatch.setattr(jumps, "JUMP", jumps.MARK)
    wrong = sensitivities(ORAL, 1, {}, events, TIMES, ["C"], ["lag"], rtol=1e-8).values
    assert np.abs(right - wrong).max() > 0.5 * np.abs(right).max()


def test_differences_where_forward_cannot():
    """A trigger at the patient's own level, and a steady state: auto takes differences; both have closed forms."""
    saw = OdeSystem.join(
        "saw",
        Fragment(
            {"x": State("r", 0.0)},
            {"r": Parameter(1.0), "c": Parameter(3.0)},
            triggers={"e": Trigger("x > c", {"x": "0"})},
        ),
        units=False,
    )
    got = sensitivities(saw, 1, {}, None, np.array([2.0, 4.0, 8.0]), ["x"], ["r", "c"], rtol=1e-9)
    assert got.method == "differences"
    np.testing.assert_allclose(
        got.values[0, :, 0], [[2, 0], [4, -1], [8, -2]], atol=1e-6
    )  # x = r t - c floor(r t/c)
    steady = Events([[Dose(0, "C", 10.0, steady_state=1, interval=12.0)]], np.zeros(1, int))
    times = np.array([0.0, 6.0])
    got = sensitivities(ORAL, 1, {}, steady, times, ["C"], ["CL"], rtol=1e-9, after=True)
    k, want = 0.2, []
    for t in times:
        decay, whole = np.exp(-k * t), 1 - np.exp(-12 * k)
        want.append(10 * (-t * decay * whole - decay * 12 * np.exp(-12 * k)) / whole**2 / 10)
    np.testing.assert_allclose(got.of("C", "CL")[0], want, rtol=1e-5)


def test_same_bits_in_any_company():
    rng = np.random.default_rng(1)
    ka = 0.9 * np.exp(0.3 * rng.standard_normal(23))
    events = Events([REGIMEN], np.zeros(23, int))
    whole = sensitivities(NONLINEAR, 23, {"ka": ka}, events, TIMES, ["M"], ["g", "lag"]).values
    for i in (0, 5, 22):
        one = Events([REGIMEN], np.zeros(1, int))
        alone = sensitivities(NONLINEAR, 1, {"ka": ka[i : i + 1]}, one, TIMES, ["M"], ["g", "lag"]).values
        assert (alone[0] == whole[i]).all()


def test_bad_requests_name_everything():
    saw = OdeSystem.join(
        "saw",
        Fragment({"x": State("1")}, {"r": Parameter(1.0)}, triggers={"e": Trigger("x > 3", {"x": "0"})}),
        units=False,
    )
    with pytest.raises(InputError) as caught:
        sensitivities(saw, 1, {}, None, [1.0], ["x"], ["rr"], how="forward")
    assert "'rr' is no parameter of 'saw' - did you mean 'r'?" in str(caught.value)
    assert "forward cannot take state-triggered events; use how='differences'" in str(caught.value)
    with pytest.raises(
        InputError, match="'forwards' is none of auto, forward, differences - did you mean 'forward'"
    ):
        sensitivities(ORAL, 1, {}, None, [1.0], ["C"], ["ka"], how="forwards")
    tied = Events([[Dose(0.4, "A", 1.0), Dose(0, "C", 1.0, lag="lag")]], np.zeros(1, int))
    with pytest.raises(InputError, match="change their order with 'lag'"):
        sensitivities(ORAL, 1, {}, tied, [1.0], ["C"], ["lag"])
