"""The first step after a change of one kind is learnt from the last change of that kind."""

from __future__ import annotations

import numpy as np

from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter, State, solve

RATES = {"kon": 2000.0, "koff": 1.0, "k": 0.1, "kin": 0.1, "kout": 0.1, "kint": 0.2}
BINDING = OdeSystem.join(
    "binding",
    Fragment(
        {
            "C": State("-kon*C*R + koff*CR - k*C"),
            "R": State("kin - kout*R - kon*C*R + koff*CR", 1.0),
            "CR": State("kon*C*R - koff*CR - kint*CR"),
        },
        {k: Parameter(v) for k, v in RATES.items()},
    ),
    units=False,
)
DOSES = 28


def _run(kon: list[float]):  # type: ignore[no-untyped-def]
    doses = [Dose(0.0, "C", 3.0, additional=DOSES - 1, interval=24.0)]
    n = len(kon)
    events = Events([doses], np.zeros(n, dtype=int))
    times = np.arange(DOSES + 1) * 24.0
    return solve(BINDING, n, {"kon": np.array(kon)}, events, times, ["C", "R"], rtol=1e-6, threads=1)


def test_few_steps_are_rejected_after_repeated_doses():
    out = _run([500.0, 1000.0, 2000.0, 4000.0])
    assert out.ok.all()
    assert out.rejected.max() < 2 * DOSES  # a fixed first step costs 4 to 5 rejections a dose


def test_what_is_learnt_stays_with_the_patient():
    many = [100.0 * 1.3**i for i in range(19)]
    together = _run(many)
    for i in (0, 7, 18):
        alone = _run(many[i : i + 1])
        assert np.array_equal(alone.values[0], together.values[i])
        assert alone.steps[0] == together.steps[i]
