"""The fast engine against the slow one on random systems, doses and parameters."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from euthymia.engine import Dose, Events, Fragment, Input, OdeSystem, Parameter, State, solve, solve_reference
from euthymia.engine.evaluate import function

TIMES = np.array([0.0, 1.0, 5.5, 12.0, 12.0, 20.0, 31.0])
AFTER = np.array([0, 0, 0, 0, 1, 0, 0], bool)
TERMS = (
    "hill({x}, K, n)", "{x}/(K + {x})", "K*{x}*exp(-{x})", "log(1 + {x}^2)", "tanh({x} - K)", "min({x}, K)", "max({x} - K, 0)",
    "sin(t/3)*{x}", "if({x} > K, 0.5*K, {x}/2)", "sqrt({x}^2 + K)", "{x}^1.5/(1 + {x}^1.5)", "pos({x})^n/(2 + pos({x})^n)",
    "logistic({x})", "u*{x}/(1+{x}^2)", "abs({x} - 1)", "cos(t)^2", "atan({x})", "{x}^2/(1 + {x}^2)", "(0.1 + {x}^2)^-1.2",
)  # fmt: skip


@st.composite
def systems(draw):
    """A chain of dissipative states with random smooth and kinked couplings; loss rates over three decades."""
    n = draw(st.integers(1, 6))
    states = {}
    for i in range(n):
        loss = draw(st.sampled_from([0.02, 0.3, 1.0, 40.0]))
        terms = [
            draw(st.sampled_from(TERMS)).format(x=f"x{draw(st.integers(0, n - 1))}")
            for _ in range(draw(st.integers(1, 3)))
        ]
        states[f"x{i}"] = State(
            f"{loss}*({' + '.join(terms)})*0.4 - {loss}*x{i}", draw(st.sampled_from(["K", "0.2", "0", "K*n"]))
        )
    parameters = {"K": Parameter(0.8), "n": Parameter(2.3)}
    return OdeSystem.join("random", Fragment(states, parameters, {}, {"u": Input(0.5)}), units=False)


@st.composite
def regimens(draw, n):
    doses = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["bolus", "infusion", "set", "reset"]))
        doses.append(
            Dose(
                draw(st.sampled_from([0.0, 0.7, 5.5, 12.0, 14.25])),
                "u" if kind == "set" else f"x{draw(st.integers(0, n - 1))}",
                draw(st.sampled_from([0.5, 2.0])),
                kind,
                draw(st.sampled_from([0.5, 3.0])) if kind == "infusion" else 0.0,
                lag=draw(st.sampled_from([0.0, 0.6, "K"])) if kind in ("bolus", "infusion") else 0.0,
                bioavailability=draw(st.sampled_from([1.0, "K"])) if kind in ("bolus", "infusion") else 1.0,
                additional=draw(st.integers(0, 2)) if kind in ("bolus", "infusion") else 0,
                interval=4.0,
            )
        )
    return doses


@settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
@given(data=st.data())
def test_random_systems(data):
    system = data.draw(systems())
    n = len(system.states)
    events = Events([data.draw(regimens(n)) for _ in range(2)], np.array([0, 1, 0]))
    parameters = {"K": np.array([0.8, 1.1, 0.5]), "n": np.array([2.3, 1.4, 3.0])}
    outputs = [*system.states, "x0*K + u"]
    slow = solve_reference(
        system, 3, parameters, events, TIMES, outputs, rtol=1e-8, atol=1e-10, method="Radau", after=AFTER
    )
    scale = np.nanmax(np.abs(slow.values), axis=(0, 1)) + 1e-3
    for method, bar in (("rodas5p", 1e-5), ("rodas4", 1e-5), ("dopri5", 1e-5)):
        fast = solve(system, 3, parameters, events, TIMES, outputs, rtol=1e-8, method=method, after=AFTER)
        both = slow.ok & fast.ok
        assert both.all(), fast.summary() + slow.summary()
        # kinks (min, if, abs) cost both solvers some digits: hence 1e-5 rather than 1e-7
        assert np.max(np.abs(fast.values - slow.values) / scale) < bar, method


@pytest.mark.parametrize("method", ["rodas5p", "rodas4", "dopri5"])
def test_order_of_convergence(method):
    """The error falls with the tolerance on a smooth nonlinear problem with a known solution: logistic growth."""
    system = OdeSystem.join(
        "logistic", Fragment({"x": State("r*x*(1-x)", 0.01)}, {"r": Parameter(1.0)}), units=False
    )
    times = np.linspace(0, 12, 25)
    exact = 1 / (1 + 99 * np.exp(-times))
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8, 1e-10):
        got = solve(system, 1, {}, None, times, ["x"], rtol=rtol, method=method).values[0, :, 0]
        errors.append(np.abs(got / exact - 1).max())
    assert errors[0] < 1e-2 and errors[1] < 1e-4 and errors[2] < 1e-6 and errors[3] < 1e-8, errors


@settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.lists(st.sampled_from(TERMS), min_size=1, max_size=3), st.floats(0.1, 3), st.floats(0.2, 3))
def test_derivatives_against_differences(terms, x, k):
    text = "*".join(t.format(x="a") for t in terms)
    system = OdeSystem.join(
        "slope",
        Fragment({"a": State(text)}, {"K": Parameter(k), "n": Parameter(2.3)}, {}, {"u": Input(0.5)}),
        units=False,
    )
    program = system.program
    leaf = program.graph.make("y", 0)
    slope = program.graph.gradient(program.rates[0]).get(leaf, program.graph.const(0.0))
    both = function(program.graph, [program.rates[0], slope])
    h = 1e-5
    near = [both(2.0, [x + d * h], [k, 2.3], [0.5]) for d in (-1, 0, 1)]
    central = (near[2][0] - near[0][0]) / (2 * h)
    sides = abs((near[2][0] - near[1][0]) - (near[1][0] - near[0][0])) / h
    assert abs(near[1][1] - central) <= 1e-6 * (1 + abs(central)) + sides
