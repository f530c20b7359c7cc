"""Bad systems and bad requests: every problem at once, by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.engine import (
    Assignment,
    Dose,
    Events,
    Fragment,
    OdeSystem,
    Parameter,
    State,
    solve,
    solve_reference,
)
from euthymia.engine.syntax import parse
from euthymia.errors import InputError


def problems(*fragments: Fragment, **options) -> str:
    with pytest.raises(InputError) as caught:
        OdeSystem.join("bad", *fragments, **options)
    return str(caught.value)


def test_all_problems_at_once():
    text = problems(
        Fragment(
            {"C": State("-clearence*C", "start*", "mg/L"), "D": State("C + t", 0.0, "mg")},
            {"clearance": Parameter(1.0, "L/h")},
            {"p": Assignment("q"), "q": Assignment("p")},
        ),
        Fragment({"C": State("0")}),
    )
    assert "'C' is defined twice" in text
    assert "'clearence' in '-clearence*C' is not defined - did you mean 'clearance'?" in text
    assert "column 7 of 'start*': expected a number, a name or '(', found 'the end'" in text
    assert "cyclic: p -> q -> p" in text or "cyclic: q -> p -> q" in text
    assert "the sum of a mass/volume and a time" in text


@pytest.mark.parametrize(
    "rate,what",
    [
        ("-CL*C", "expected a mass/time/volume"),
        ("-k*C*exp(C)", "exp() of a mass/volume"),
        ("-k*C^n", "raised to a power that is no literal number"),
        ("-k*max(C, V)", "max() of a mass/volume and a volume"),
        ("-k*if(C > V, C, C)", "the comparison of a mass/volume and a volume"),
        ("k*(C - 5)", "the difference of a mass/volume and a dimensionless"),
    ],
)
def test_wrong_dimensions(rate, what):
    parameters = {
        "CL": Parameter(1, "L/h"),
        "k": Parameter(1, "1/h"),
        "V": Parameter(1, "L"),
        "n": Parameter(2),
    }
    assert what in problems(Fragment({"C": State(rate, 0.0, "mg/L")}, parameters))


@pytest.mark.parametrize(
    "rate",
    ["k*(5 [mg/L] - C)", "-k*C^2/(5 [mg/L])", "-k*C*hill(C, 0.01 [g/L], n)", "k*max(C, 0)", "k*sqrt(C*C)"],
)
def test_right_dimensions(rate):
    system = OdeSystem.join(
        "ok", Fragment({"C": State(rate, 0.0, "mg/L")}, {"k": Parameter(1, "1/h"), "n": Parameter(2)})
    )
    assert system.state_names == ("C",)


def test_unit_literals_are_converted():
    system = OdeSystem.join("unit", Fragment({"C": State("0 * C / (1 [h])", "0.002 [g/L]", "mg/L")}))
    assert solve(system, 1, {}, None, [0.0, 1.0], ["C"]).values[0, 1, 0] == pytest.approx(2.0)


def test_initial_values_by_expression():
    fragment = Fragment(
        {"a": State("0", "b + s"), "b": State("0", "2*k")}, {"k": Parameter(3.0)}, {"s": Assignment("k*b")}
    )
    system = OdeSystem.join("start", fragment, units=False)
    out = solve(system, 2, {"k": np.array([3.0, 1.0])}, None, [0.0, 1.0], ["a"])
    assert out.values[:, 1, 0].tolist() == [6.0 + 18.0, 2.0 + 2.0]
    assert "cyclic initial values" in problems(
        Fragment({"a": State("0", "b"), "b": State("0", "a")}), units=False
    )


@pytest.mark.parametrize("solver", [solve, solve_reference])
def test_bad_requests(solver):
    system = OdeSystem.join("one", Fragment({"A": State("-k*A")}, {"k": Parameter(1.0)}), units=False)
    events = Events(
        [[Dose(0, "B", 1.0), Dose(1, "A", np.nan), Dose(2, "A", 1.0, "infusion", lag="lagg")]],
        np.zeros(1, int),
    )
    with pytest.raises(InputError) as caught:
        solver(system, 2, {"kk": 1.0, "k": np.ones(3)}, events, [3.0, 1.0], ["A", "Q"])
    text = str(caught.value)
    for part in (
        "'kk' is no parameter of 'one' - did you mean 'k'?", "k has shape (3,); expected (2,)", "times must be finite, ascending",
        "'Q' is no name of 'one'", "there is no 'B' to receive a bolus", "amount is nan", "lag names the parameter 'lagg'",
        "an infusion needs a duration", "regimen_of has shape (1,)",
    ):  # fmt: skip
        assert part in text, part


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="ab1.2e+-*/^()[]<>=!&|, hilmxtpog\t\x00é", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except InputError as error:
        assert "column" in str(error)


def test_deep_nesting_is_refused():
    for text in ("(" * 5000 + "1" + ")" * 5000, "-" * 5000 + "1", "2^" * 5000 + "1", "not " * 5000 + "1"):
        try:
            parse(text)
        except InputError as error:
            assert "deep" in str(error)


def test_powers_at_and_below_zero():
    """Whole exponents follow the sign rule; other powers of a negative number count as zero; in both solvers."""
    system = OdeSystem.join(
        "powers", Fragment({"x": State("-1", 1.0)}, {"n": Parameter(2.5), "m": Parameter(3.0)}), units=False
    )
    outputs = ["x^n", "x^m", "x^2.5", "x^3", "x^(n-n)"]
    for solver in (solve, solve_reference):
        got = solver(system, 1, {}, None, [0.0, 1.0, 2.0], outputs).values[0]
        np.testing.assert_allclose(got[2], [0.0, -1.0, 0.0, -1.0, got[2][4]], atol=1e-6)
        np.testing.assert_allclose(got[0], 1.0)
