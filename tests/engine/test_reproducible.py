"""The same bits for any batch size, order, block and number of threads; a sick patient harms nobody."""

import numpy as np
import pytest

from euthymia.engine import Dose, Events, Fragment, Input, OdeSystem, Parameter, State, solve

TIMES = np.linspace(0, 96, 13)


def model() -> OdeSystem:
    """Nonlinear, stiff, with powers, a clock and an input."""
    return OdeSystem.join(
        "mixed",
        Fragment(
            states={
                "A": State("-ka*A"),
                "C": State("ka*A/10 - vm*C/(km + C) + leak*(1 + 0.3*cos(0.26*t))"),
                "O": State("400*C*(1 - O) - 100*O"),
                "M": State("0.05*(hill(O, 0.4, n) - M) + exp(-C)*0.01*log(1 + C)"),
            },
            parameters={
                name: Parameter(v) for name, v in {"ka": 0.9, "vm": 0.8, "km": 0.5, "n": 2.3}.items()
            },
            inputs={"leak": Input(0.01)},
        ),
        units=False,
    )


def population(n: int) -> tuple[dict, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    parameters = {
        name: v * np.exp(0.4 * rng.standard_normal(n)) for name, v in {"ka": 0.9, "vm": 0.8, "n": 2.3}.items()
    }
    return parameters, rng.integers(0, 2, n), (rng.uniform(size=(n, 4)) < 0.8).astype(float)


REGIMENS = [
    [Dose(12.0 * k, "A", 5.0) for k in range(4)],
    [Dose(3.0 + 24 * k, "C", 6.0, "infusion", 2.0) for k in range(3)] + [Dose(30.0, "A", 3.0)],
]


def run(pick: np.ndarray, n: int, method: str, threads: int = 1) -> np.ndarray:
    parameters, regimen, taken = population(n)
    events = Events(REGIMENS, regimen[pick], taken[pick])
    chosen = {name: value[pick] for name, value in parameters.items()}
    out = solve(
        model(), len(pick), chosen, events, TIMES, ["C", "M", "O*M+leak"], method=method, threads=threads
    )
    assert out.ok.all(), out.summary()
    return out.values


@pytest.mark.parametrize("method", ["rodas5p", "rodas4", "dopri5"])
def test_same_bits_in_any_company(method):
    n = 1000 if method == "rodas5p" else 60
    everyone = np.arange(n)
    whole = run(everyone, n, method)
    shuffled = np.random.default_rng(1).permutation(n)
    assert (run(shuffled, n, method) == whole[shuffled]).all()
    assert (run(everyone, n, method, threads=2) == whole).all()
    assert (run(everyone[:7], n, method) == whole[:7]).all()
    for i in (0, 3, n - 1):
        assert (run(everyone[i : i + 1], n, method)[0] == whole[i]).all()
    assert np.std(whole[:, -1, 0]) > 0  # patients differ, so equality says something


def test_sick_patients_have_a_status_and_harm_nobody():
    system = OdeSystem.join(
        "burst", Fragment({"x": State("k*x*x", 1.0)}, {"k": Parameter(-1.0)}), units=False
    )
    k = np.array([-1.0, 1.0, np.nan, -2.0, 0.5] + [-0.5] * 20)  # k > 0 grows without bound at t = 1/k
    out = solve(system, len(k), {"k": k}, None, np.array([0.0, 0.5, 3.0]), ["x"], rtol=1e-8, max_steps=20000)
    assert (out.status[[1, 4]] > 0).all() and out.status[2] > 0
    good = ~np.isin(np.arange(len(k)), [1, 2, 4])
    assert (out.status[good] == 0).all()
    np.testing.assert_allclose(out.values[good, -1, 0], 1 / (1 - 3 * k[good]), rtol=1e-6)
    assert abs(out.failed_at[1] - 1.0) < 1e-3 and "patient 1 stopped at t = 1" in out.message(1)
    assert np.isnan(out.values[1, -1, 0]) and np.isfinite(out.values[1, 1, 0])
    assert "3 of 25 patients failed" in out.summary()


def test_same_bits_for_any_lane_count(monkeypatch):
    import importlib

    machine = importlib.import_module("euthymia.engine.compiled")
    pick = np.arange(21)
    results = []
    for width in (2, 4, 8):
        monkeypatch.setattr(machine, "lanes", lambda width=width: width)
        monkeypatch.setattr(machine, "_CACHE", {})
        results.append(run(pick, 21, "rodas5p"))
    assert (results[0] == results[1]).all() and (results[1] == results[2]).all()
