"""The regression on placebo arms: its numbers against a refit, its algebra against another form, its columns in use."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from euthymia.outcomes import TrialContext, placebo
from euthymia.outcomes.parameters import parameters
from euthymia.protocol.protocol import Arm, Protocol, Setting, Treatment
from euthymia.trials.arms import trial_context
from euthymia.trials.published import read_trial
from euthymia.trials.rate import context

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "verification"))
import placebo_arms as regression

WEEKS = np.array([0.0, 8 * 168.0])


def test_shipped_numbers_are_those_of_the_fit(shared) -> None:
    """A refit gives the library file back, which prints two decimals."""
    arms = regression.read_arms(shared)
    found, _ = regression.fit(arms, np.ones(len(arms.y), dtype=bool))
    now = regression.shipped()
    assert {n for n in parameters("placebo") if n.split(".")[0] in ("drug", "region", "scale")} < set(found)
    for name, value in found.items():
        assert value == pytest.approx(now[name], abs=0.01)


def synthetic(studies: int = 100, seed: int = 1) -> tuple[regression.Arms, dict[str, float]]:
    g = np.random.default_rng(seed)
    truth = {
        "change": -11.0,
        "run_in": 1.5,
        "region.asia": 2.0,
        "region.europe": -1.0,
        "drug.sertraline": -1.2,
    }
    asia, europe = g.random(studies) < 0.3, g.random(studies) < 0.5
    x = np.column_stack(
        [np.ones(studies), g.random(studies) < 0.5, asia, europe & ~asia, g.random(studies) < 0.4]
    ).astype(float)
    error = g.uniform(0.5, 1.5, studies)
    y = (
        x @ np.array(list(truth.values()))
        + 1.5 * g.standard_normal(studies)
        + error * g.standard_normal(studies)
    )
    return regression.Arms(tuple(truth), x, y, error, np.arange(studies)), truth


def test_the_fit_finds_known_coefficients() -> None:
    """100 trials of 5 columns: each within three standard errors, about 0.35, of the truth; so is the spread."""
    arms, truth = synthetic()
    found, between = regression.fit(arms, np.ones(100, dtype=bool))
    assert between == pytest.approx(1.5, abs=0.4)
    assert found["run_in"] == pytest.approx(truth["run_in"], abs=1.0)
    assert found["drug.sertraline"] == pytest.approx(truth["drug.sertraline"], abs=1.0)
    # regions are departures from the mean of those who say; what the level takes is what they lose
    assert found["region.asia"] - found["region.europe"] == pytest.approx(3.0, abs=1.3)
    assert found["change"] + found["region.asia"] == pytest.approx(-9.0, abs=1.0)


def test_the_posterior_equals_the_normal_equations() -> None:
    """(X'WX + P)^-1 X'Wy, the other way of writing it."""
    arms, _ = synthetic(60, 2)
    sizes, between = np.array([30.0, 1.0, 1.5, 1.5, 0.7]), 1.3
    weight = 1 / (between**2 + arms.error**2)
    precision = arms.x.T @ (weight[:, None] * arms.x) + np.diag(1 / sizes**2)
    other = np.linalg.solve(precision, arms.x.T @ (weight * arms.y))
    assert regression.posterior(arms.x, arms.y, arms.error, sizes, between) == pytest.approx(other, rel=1e-9)


def test_what_is_not_said_changes_nothing_and_what_is_said_does() -> None:
    p = parameters("placebo")

    def change(**kw) -> float:
        return float(placebo.expected_change(TrialContext(times=WEEKS, **kw)))

    assert change() == p["change"]  # 2005: no growth since 2000
    assert change(year=2020) == change() and change(year=1990) == pytest.approx(
        p["change"] - p["change_per_decade"]
    )
    assert change(region="asia") - change() == pytest.approx(p["region.asia"])
    assert change(scale="hamd17") - change() == pytest.approx(p["scale.hamd17"])
    assert change(scale="MADRS") - change() == pytest.approx(p["scale.other"])
    assert change(drugs=("sertraline", "bupropion", "ketamine")) - change() == pytest.approx(
        p["drug.sertraline"] + p["drug.bupropion"]
    )


def test_protocols_and_published_trials_hand_the_columns_on(tmp_path) -> None:
    arms = (
        Arm("p", 9, (Treatment("placebo"),), control=True),
        Arm("d", 9, (Treatment("Zoloft", "50 mg", every="24 h"),)),
    )
    setting = Setting(region="asia", scale="hamd17", care="mixed", run_in=True, year=1995)
    protocol = Protocol("t", "8 weeks", "mdd_outpatient", arms, setting=setting)
    keys = {
        "change",
        "change_per_decade",
        "run_in",
        "mixed_patients",
        "region.asia",
        "scale.hamd17",
        "drug.sertraline",
    }
    assert set(placebo.columns(context(protocol))) == keys
    path = tmp_path / "t.yaml"
    path.write_text(
        """\
trial: t
year: 1995
population: {described: adults, region: "Japan", setting: in- and outpatients, threshold: 27}
design: {layout: parallel, blinding: double, run_in: yes}
arms:
  - {name: placebo, role: control, treatment: placebo, n: 50}
  - {name: drug, role: active, treatment: Zoloft 50 mg, n: 50}
results:
  - {arm: placebo, scale: HAMD-17, week: 8, change: -8, primary: true}
  - {arm: drug, scale: HAMD-17, week: 8, change: -10, primary: true}
primary_met: yes
""",
        "utf-8",
    )
    assert set(placebo.columns(trial_context(read_trial(path)))) == keys | {"per_threshold_point"}
