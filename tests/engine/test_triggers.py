"""State-triggered events in lanes: against solutions on paper, and against the readable solver on random events."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from euthymia.engine import (
    Dose,
    Events,
    Fragment,
    Input,
    OdeSystem,
    Parameter,
    State,
    Trigger,
    solve,
    solve_reference,
)
from euthymia.errors import InputError

BOTH = pytest.mark.parametrize(
    "solver",
    [solve, solve_reference, lambda *a, **k: solve(*a, method="dopri5", **k)],
    ids=["lanes", "reference", "explicit"],
)


def system(triggers: dict[str, Trigger], **states: State) -> OdeSystem:
    parts = {"x": State("r", 0.0), "n": State("0", 0.0), **states}
    return OdeSystem.join(
        "events",
        Fragment(parts, {"r": Parameter(1.0), "c": Parameter(3.0)}, {}, {"u": Input(0.0)}, triggers),
        units=False,
    )


@BOTH
def test_saw_tooth_of_each_lane_s_own(solver):
    """x grows at r from 0; two hours after it passes c it falls to 0: period c/r + 2, a time of its own per lane."""
    s = system({"fall": Trigger("x > c", {"x": "0", "n": "n + 1"}, delay="2")})
    r = np.linspace(0.5, 1.5, 9)
    times = np.linspace(0.03, 29.87, 50)
    got = solver(s, 9, {"r": r}, None, times, ["x", "n"], rtol=1e-9)
    assert got.ok.all()
    period = 3 / r[:, None] + 2
    np.testing.assert_allclose(got.values[:, :, 0], (times % period) * r[:, None], atol=1e-8)
    np.testing.assert_allclose(got.values[:, :, 1], times // period)


@BOTH
def test_bouncing_ball(solver):
    """The speed turns at the floor with a loss: heights and times of the bounces are known."""
    ball = Fragment(
        {"h": State("v", 10.0), "v": State("-g", 0.0)},
        {"g": Parameter(9.81), "e": Parameter(0.8)},
        triggers={"bounce": Trigger("h < 0 and v < 0", {"v": "-e*v", "h": "0"})},
    )
    e = np.array([0.5, 0.7, 0.8, 0.9])
    first = np.sqrt(2 * 10 / 9.81)
    speed = 9.81 * first
    times = np.linspace(0.01, first * (1 + 2 * 0.5 + 2 * 0.25) - 0.01, 40)
    got = solver(OdeSystem.join("ball", ball, units=False), 4, {"e": e}, None, times, ["h"], rtol=1e-10)
    for i, share in enumerate(e):
        hit, v = first, speed * share
        want = np.where(times < hit, 10 - 9.81 * times**2 / 2, 0.0)
        for _ in range(6):
            now = (times >= hit) & (times < hit + 2 * v / 9.81)
            want[now] = (v * (times - hit) - 9.81 * (times - hit) ** 2 / 2)[now]
            hit, v = hit + 2 * v / 9.81, v * share
        np.testing.assert_allclose(got.values[i, :, 0], want, atol=2e-7)


CASES = {
    "values at the trigger": (Trigger("x > 3", {"n": "x"}, delay="2"), 3.0),
    "values at the execution": (Trigger("x > 3", {"n": "x"}, delay="2", at_trigger=False), 5.0),
    "a factor is that of the execution": (Trigger("x > 3", {"n": "x"}, delay="2", factors={"n": "x"}), 15.0),
    "true before the start does not fire": (Trigger("x < 3", {"n": "1"}), 0.0),
    "false before the start fires": (Trigger("x < 3", {"n": "1"}, initial=False), 1.0),
    "at once": (Trigger("t > 1", {"n": "x"}), 1.0),
    "a delay of the state's own": (Trigger("x > 3", {"n": "x"}, delay="x/2", at_trigger=False), 4.5),
    "an equality of time": (Trigger("t == 2.5", {"n": "x"}), 2.5),
    "no persistence": (Trigger("x > 3 and x < 4", {"n": "1"}, delay="2", persistent=False), 0.0),
    "persistence": (Trigger("x > 3 and x < 4", {"n": "1"}, delay="2"), 1.0),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", CASES)
def test_rules(solver, name):
    trigger, want = CASES[name]
    got = solver(system({"e": trigger}), 1, {}, None, [0.0, 8.0], ["n"], rtol=1e-9)
    assert got.ok.all(), got.summary()
    assert got.values[0, 1, 0] == pytest.approx(want, abs=1e-8)


@BOTH
def test_priority_and_cascade(solver):
    """The higher priority goes first; what it does takes the condition of the lower away; a chain runs at one moment."""
    both = {
        "low": Trigger("x > 3", {"n": "10*n + 1"}, priority="1"),
        "high": Trigger("x > 3", {"n": "10*n + 2"}, priority="2 + 0*x"),
        "none": Trigger("x > 3", {"n": "10*n + 3"}, priority="-5"),
    }
    both = {k: replace(v, at_trigger=False) for k, v in both.items()}
    assert solver(system(both), 1, {}, None, [0.0, 4.0], ["n"]).values[0, 1, 0] == 213.0
    stopped = {k: replace(v, persistent=False) for k, v in both.items()}
    stopped["high"] = replace(stopped["high"], changes={"n": "7", "x": "0"})
    assert solver(system(stopped), 1, {}, None, [0.0, 4.0], ["n"]).values[0, 1, 0] == 7.0
    chain = {f"s{i}": Trigger(f"n > {i}.5", {"n": "n + 1"}) for i in range(6)}
    chain["go"] = Trigger("x > 3", {"n": "1"})
    assert solver(system(chain), 1, {}, None, [0.0, 3.01], ["n"]).values[0, 1, 0] == 7.0


@BOTH
def test_a_dose_that_triggers(solver):
    """A bolus lifts x over the threshold: the trigger acts at the same moment; an input it sets acts from then on."""
    s = system({"e": Trigger("x > 3", {"u": "5"})}, y=State("u", 0.0))
    events = Events([[Dose(1.25, "x", 4.0)]], np.zeros(2, int))
    times = [1.25, 1.25, 2.25]
    got = solver(
        s, 2, {"r": np.zeros(2)}, events, times, ["u", "y"], after=np.array([0, 1, 1], bool), rtol=1e-9
    )
    np.testing.assert_allclose(got.values[0], [[0, 0], [5, 0], [5, 5]], atol=1e-9)


@BOTH
def test_endless_events_and_bad_delays_have_a_status(solver):
    back = {"a": Trigger("n > 0.5", {"n": "0"}), "b": Trigger("n < 0.5 and x > c", {"n": "1"})}
    got = solver(system(back), 3, {"c": np.array([3.0, 99.0, 5.0])}, None, [0.0, 8.0], ["n"])
    assert got.status.tolist() == [6, 0, 6] and got.failed_at[[0, 2]] == pytest.approx([3.0, 5.0])
    assert (
        "patient 0 stopped at t = 3 h: state-triggered events trigger one another without end"
        in got.message(0)
    )
    bad = system({"e": Trigger("x > 3", {"n": "1"}, delay="2 - x")})
    assert "delay of a triggered event is negative" in solver(bad, 1, {}, None, [0.0, 8.0], ["n"]).message(0)
    many = system({"e": Trigger("sin(40*t) > 0", {"n": "1"}, delay="1000")})
    assert (
        "more than 128 triggered events wait"
        in solver(many, 1, {}, None, [0.0, 80.0], ["n"], max_step=0.02).message(0)
        if solver is solve
        else True
    )


def test_a_trigger_without_changes_is_only_a_stop():
    """A jump in a rate as a trigger: the solver starts afresh there and the result keeps its tolerance."""
    part = Fragment({"x": State("if(x > 1, 0.1, 1)", 0.0)}, triggers={"jump": Trigger("x > 1", {})})
    got = solve(OdeSystem.join("jump", part, units=False), 1, {}, None, [0.0, 11.0], ["x"], rtol=1e-6)
    assert abs(got.values[0, 1, 0] - 2.0) < 1e-6


def test_bad_triggers_are_named():
    with pytest.raises(InputError) as caught:
        system({"e": Trigger("x > 3", {"m": "1", "n": "q"}, delay="tt", factors={"x": "1"})})
    for part in (
        "e: a trigger can change states and inputs, not 'm'", "e.n: 'q' in 'q' is not defined",
        "e.delay: 'tt' in 'tt' is not defined", "e: a factor of 'x', which the trigger does not change",
    ):  # fmt: skip
        assert part in str(caught.value)


CONDITIONS = (
    "a > {0}",
    "a < {0}",
    "b - a > {1}",
    "sin({0}*t + {1}) > 0.3",
    "a > {1} and b < {0}",
    "c > {0} or a > {1}",
    "not (b > {0})",
)
VALUES = ("a + {0}", "{1}", "0.5*b", "-b", "c + 1", "a*b + {0}")


@st.composite
def random_events(draw):
    number = st.floats(0.2, 2.5)
    triggers = {}
    for k in range(draw(st.integers(1, 4))):
        numbers = (draw(number), draw(number))
        fill = lambda t, n=numbers: t.format(*n)  # noqa: E731
        changes = {
            target: fill(draw(st.sampled_from(VALUES)))
            for target in draw(
                st.lists(st.sampled_from(["a", "b", "c", "w"]), min_size=1, max_size=2, unique=True)
            )
        }
        triggers[f"e{k}"] = Trigger(
            fill(draw(st.sampled_from(CONDITIONS))),
            changes,
            delay=draw(st.sampled_from(["0", "0.37", "abs(a)/3", "P"])),
            priority=f"{k}",
            persistent=draw(st.booleans()),
            initial=draw(st.booleans()),
            at_trigger=draw(st.booleans()),
        )
    return triggers


@settings(max_examples=40, deadline=None, derandomize=True, phases=[Phase.generate])
@given(random_events(), st.integers(0, 10**6))
def test_random_events_against_the_readable_solver(triggers, seed):
    rng = np.random.default_rng(seed)
    s = OdeSystem.join(
        "random",
        Fragment(
            {"a": State("b*P + w", "P"), "b": State("-a - 0.1*b", 0.5), "c": State("0.2*(a*a - c)", 0.0)},
            {"P": Parameter(1.0)},
            {},
            {"w": Input(0.1)},
            triggers,
        ),
        units=False,
    )
    n = 5
    p = rng.uniform(0.6, 1.4, n)
    events = Events([[Dose(2.2, "a", 0.7), Dose(5.3, "b", 0.9, "infusion", 0.8)]], np.zeros(n, int))
    times = np.sort(rng.uniform(0, 9, 14))
    fast = solve(s, n, {"P": p}, events, times, ["a", "b", "c", "w"], rtol=1e-9, max_steps=50_000)
    slow = solve_reference(
        s, n, {"P": p}, events, times, ["a", "b", "c", "w"], rtol=1e-9, atol=1e-11, method="DOP853"
    )
    assert fast.status.tolist() == slow.status.tolist(), fast.summary() + slow.summary()
    for i in np.flatnonzero(fast.ok):
        # an event that comes a rounding error later is not an error: rows just around one are left out
        error = np.abs(fast.values[i] - slow.values[i]) / (1 + np.abs(slow.values[i]))
        if error.max() > 1e-5:
            near = [
                solve_reference(
                    s,
                    n,
                    {"P": p},
                    events,
                    times + d,
                    ["a", "b", "c", "w"],
                    rtol=1e-9,
                    atol=1e-11,
                    method="DOP853",
                ).values[i]
                for d in (-1e-6, 1e-6)
            ]
            jumpy = np.abs(near[0] - near[1]).max(axis=1) > 1e-3
            assert error[~jumpy].max() < 1e-5, (triggers, p[i], error.max(axis=1))
