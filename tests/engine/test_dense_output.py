"""Outputs between the ends of steps are as accurate as the steps, also of states that follow others fast."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.engine import Fragment, OdeSystem, Parameter, State, solve

RATES = np.array([1.0, 10.0, 100.0, 1e3, 1e4, 1e6])
TIMES = np.linspace(0, 20, 2001)
SYSTEM = OdeSystem.join(
    "follow",
    Fragment(
        states={
            "x": State("v", 1.0),
            "v": State("-x", 0.0),
            "fast": State("rate*(x*x/(0.3 + x*x) - fast)", 1 / 1.3),
            "slow": State("0.3*(x - slow)", 0.0),
        },
        parameters={"rate": Parameter(1.0)},
    ),
    units=False,
)


@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
@pytest.mark.parametrize("method", ["rodas5p", "rodas4"])
def test_a_state_that_follows_fast_is_accurate_between_steps(method, rtol):
    """Without the correction the error is up to 118 times rtol (rodas5p) and 45 times (rodas4), the ends' 0.4 times."""
    run = {"parameters": {"rate": RATES}, "times": TIMES, "outputs": list(SYSTEM.states)}
    found = solve(SYSTEM, len(RATES), events=None, **run, rtol=rtol, method=method)
    tight = solve(SYSTEM, len(RATES), events=None, **run, rtol=1e-11)
    bound = 2.0 if method == "rodas5p" else 10.0
    assert np.abs(found.values - tight.values).max() < bound * rtol
    oscillation = np.abs(found.values[..., :2] - np.stack([np.cos(TIMES), -np.sin(TIMES)], axis=1))
    assert oscillation.max() < 2 * rtol


def test_what_is_asked_between_steps_leaves_the_steps_alone():
    """The same bits at common times, and the same steps, with and without outputs between."""
    run = {"parameters": {"rate": RATES}, "outputs": list(SYSTEM.states)}
    many = solve(SYSTEM, len(RATES), events=None, times=TIMES, **run)
    few = solve(SYSTEM, len(RATES), events=None, times=TIMES[::400], **run)
    assert np.array_equal(many.values[:, ::400], few.values)
    assert np.array_equal(many.steps, few.steps)
