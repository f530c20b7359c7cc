"""Both solvers against solutions written on paper."""

import numpy as np
import pytest

from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter, State, solve, solve_reference

TIMES = np.arange(0.0, 49.0, 3.0)
KA, CL, V = 1.3, 2.0, 10.0
K = CL / V


def oral(f: str = "1") -> OdeSystem:
    return OdeSystem.join(
        "oral",
        Fragment(
            states={"A": State("-ka*A", 0.0, "mg"), "C": State("ka*A/V - CL/V*C", 0.0, "mg/L")},
            parameters={
                "ka": Parameter(KA, "1/h"), "CL": Parameter(CL, "L/h"), "V": Parameter(V, "L"),
                "F": Parameter(0.6), "lag": Parameter(0.4, "h"), "D": Parameter(3.0, "h"), "R": Parameter(20.0, "mg/h"),
            },
        ),
    )  # fmt: skip


def bateman(t: np.ndarray, dose: float) -> np.ndarray:
    t = np.maximum(t, 0.0)
    return dose * KA / V / (KA - K) * (np.exp(-K * t) - np.exp(-KA * t))


def infused(t: np.ndarray, rate: float, duration: float) -> np.ndarray:
    """Concentration under a constant rate (concentration per hour) for a while."""
    on = np.clip(t, 0.0, duration)
    return rate / K * (1 - np.exp(-K * on)) * np.exp(-K * np.maximum(t - duration, 0.0)) * (t > 0)


def both(dose: list[Dose], tolerance: float = 2e-7, **options: object) -> list[np.ndarray]:
    system = oral()
    events = Events([dose], np.zeros(1, dtype=int))
    results = []
    for method in ("rodas5p", "dopri5"):
        out = solve(system, 1, {}, events, TIMES, ["C", "A"], rtol=1e-9, method=method, **options)
        assert out.ok.all(), out.summary()
        results.append(out.values[0])
    # SciPy's own error at its tightest setting, so that the bar is the same for all three
    slow = solve_reference(system, 1, {}, events, TIMES, ["C", "A"], rtol=1e-10, atol=1e-12, **options)
    assert slow.ok.all(), slow.summary()
    return [*results, slow.values[0]]


@pytest.mark.parametrize("share,delay", [(1.0, 0.0), ("F", "lag"), (0.6, 0.4)])
def test_oral_doses(share, delay):
    f, lag = (0.6, 0.4) if share != 1.0 else (1.0, 0.0)
    expect = sum(bateman(TIMES - lag - 12 * k, 100 * f) for k in range(4))
    for got in both([Dose(0, "A", 100.0, bioavailability=share, lag=delay, additional=3, interval=12)]):
        np.testing.assert_allclose(got[:, 0], expect, atol=2e-7 * expect.max())


@pytest.mark.parametrize("given", [{"duration": 3.0}, {"duration": "D"}, {"rate": 20.0}, {"rate": "R"}])
def test_infusions(given):
    expect = infused(TIMES - 1.5, 20.0, 3.0)
    for got in both([Dose(1.5, "C", 60.0, kind="infusion", **given)]):
        np.testing.assert_allclose(got[:, 0], expect, atol=2e-7 * expect.max())


def test_overlapping_infusions():
    expect = sum(infused(TIMES - 2 * k, 10.0, 5.0) for k in range(4))
    for got in both([Dose(0, "C", 50.0, kind="infusion", duration=5.0, additional=3, interval=2.0)]):
        np.testing.assert_allclose(got[:, 0], expect, atol=2e-7 * expect.max())


def test_steady_state_bolus():
    t = TIMES % 12
    expect = (
        100
        * KA
        / V
        / (KA - K)
        * (np.exp(-K * t) / (1 - np.exp(-12 * K)) - np.exp(-KA * t) / (1 - np.exp(-12 * KA)))
    )
    for got in both([Dose(0, "A", 100.0, steady_state=1, interval=12, additional=9)], after=True):
        np.testing.assert_allclose(got[:, 0], expect, atol=2e-6 * expect.max())


def test_steady_state_with_lag():
    """At the record the previous dose arrived interval - lag ago."""
    lag = 0.4
    t = (TIMES - lag) % 12
    expect = (
        100
        * KA
        / V
        / (KA - K)
        * (np.exp(-K * t) / (1 - np.exp(-12 * K)) - np.exp(-KA * t) / (1 - np.exp(-12 * KA)))
    )
    for got in both([Dose(0, "A", 100.0, steady_state=1, interval=12, additional=9, lag=lag)], after=True):
        np.testing.assert_allclose(got[:, 0], expect, atol=2e-6 * expect.max())


def test_constant_infusion_to_steady_state():
    expect = np.full(len(TIMES), 7.0 / K)
    for got in both(
        [Dose(0, "C", 0.0, kind="infusion", duration=np.inf, rate=7.0, steady_state=1)], after=True
    ):
        np.testing.assert_allclose(got[:, 0], expect, rtol=2e-6)


def test_reset_and_set():
    expect = np.where(
        TIMES < 7, bateman(TIMES, 100), np.where(TIMES > 10, 5 * np.exp(-K * (TIMES - 10)), 0.0)
    )
    doses = [
        Dose(0, "A", 100.0),
        Dose(5, "A", 50.0, lag=3.0),
        Dose(7, kind="reset"),
        Dose(10, "C", 5.0, kind="set"),
    ]
    for got in both(doses):
        np.testing.assert_allclose(got[:, 0], np.where((TIMES > 7) & (TIMES <= 10), 0.0, expect), atol=1e-6)


def test_value_before_and_after_a_dose():
    times = np.array([0.0, 0.0, 12.0, 12.0])
    events = Events([[Dose(0, "A", 100.0, additional=1, interval=12.0)]], np.zeros(1, dtype=int))
    left = 100 * np.exp(-12 * KA)
    for solver in (solve, solve_reference):
        got = solver(
            oral(), 1, {}, events, times, ["A"], rtol=1e-9, after=np.array([0, 1, 0, 1], bool)
        ).values[0, :, 0]
        np.testing.assert_allclose(got, [0.0, 100.0, left, 100.0 + left], atol=1e-6)


def test_missed_doses_per_patient():
    taken = np.array([[1, 0], [0, 1], [0.5, 1.0]])
    events = Events([[Dose(0, "A", 100.0), Dose(10, "A", 40.0)]], np.zeros(3, dtype=int), taken)
    out = solve(oral(), 3, {}, events, TIMES, ["C"], rtol=1e-9).values[:, :, 0]
    expect = np.array([a * bateman(TIMES, 100) + b * bateman(TIMES - 10, 40) for a, b in taken])
    np.testing.assert_allclose(out, expect, atol=1e-6)


@pytest.mark.parametrize("solver", [solve, solve_reference])
@pytest.mark.parametrize(
    "rate", ["if(t >= on and t < on + 0.001, 1000, 0)", "if(t - on >= 0, if(t - on < 0.001, 1000, 0), 0)"]
)
def test_a_short_pulse_is_not_stepped_over(solver, rate):
    """3.6 s of input in 1000 h: the clock's thresholds are stop points, for each patient its own."""
    system = OdeSystem.join("pulse", Fragment({"x": State(rate)}, {"on": Parameter(500.0)}), units=False)
    on = np.array([500.0, 123.4, 990.0])
    got = solver(system, 3, {"on": on}, None, [0.0, 400.0, 1000.0], ["x"], rtol=1e-6).values[:, :, 0]
    np.testing.assert_allclose(got, [[0, 0, 1], [0, 1, 1], [0, 0, 1]], atol=1e-4)


def test_whole_numbers_are_as_good_as_fractions_in_doses():
    """Times and amounts given as Python integers, in a regimen shared by patients who miss some of it."""
    system = oral()
    whole = [Dose(0, "A", 3), Dose(12, "A", 2, bioavailability="F")]
    split = [Dose(0.0, "A", 3.0), Dose(12.0, "A", 2.0, bioavailability="F")]
    taken = np.array([[1.0, 1.0], [1.0, 0.5]])
    found = [
        solve(system, 2, {}, Events([d], np.zeros(2, int), taken), TIMES, ["C", "A"]).values
        for d in (whole, split)
    ]
    assert np.array_equal(*found) and found[0].max() > 0
