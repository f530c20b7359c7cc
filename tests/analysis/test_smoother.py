"""The ensemble smoother against the exact answer of linear normal problems, and the calibration around it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from euthymia.analysis import ensemble_calibration, smoother
from euthymia.errors import InputError
from euthymia.evidence.read import LIBRARY
from euthymia.trials.ensemble import prior_ensemble
from euthymia.trials.published import calibration_trials


@pytest.fixture(scope="module")
def linear():
    """3000 members of a problem with 3 parameters, 5 data, and its exact posterior."""
    g = np.random.default_rng(1)
    operator = g.standard_normal((5, 3))
    x = g.standard_normal((3000, 3))
    noise = np.diag([0.5, 1.0, 0.3, 2.0, 1.0]) + 0.1
    data = np.array([1.0, -0.5, 0.7, 0.2, -1.0])
    precision = np.eye(3) + operator.T @ np.linalg.solve(noise, operator)
    covariance = np.linalg.inv(precision)
    mean = covariance @ operator.T @ np.linalg.solve(noise, data)
    return operator, x, noise, data, mean, covariance


def test_one_step_is_bayes_in_a_linear_normal_problem(linear):
    operator, x, noise, data, mean, covariance = linear
    step = smoother.analysis(x, x @ operator.T, data, noise)
    assert step.scores.mean(axis=0) == pytest.approx(mean, abs=0.06)
    assert np.cov(step.scores.T) == pytest.approx(covariance, abs=0.05)
    assert step.predicted == pytest.approx(step.scores @ operator.T, abs=0.2)


def test_two_inflated_steps_use_the_data_once(linear):
    operator, x, noise, data, mean, covariance = linear
    one = smoother.analysis(x, x @ operator.T, data, noise, 1, 2.0)
    two = smoother.analysis(one.scores, one.scores @ operator.T, data, noise, 2, 2.0)
    assert two.scores.mean(axis=0) == pytest.approx(mean, abs=0.08)
    assert np.cov(two.scores.T) == pytest.approx(covariance, abs=0.06)


def test_what_the_data_do_not_touch_stays_at_its_prior():
    g = np.random.default_rng(2)
    x = g.standard_normal((200, 6))
    step = smoother.analysis(x, x[:, :1], np.array([2.0]), np.array([[0.1]]))
    told = smoother.informed(x, step.scores)
    assert told[0] > 0.5
    assert np.abs(told[1:]).max() < 0.15


def test_a_sum_is_told_but_not_its_parts():
    g = np.random.default_rng(3)
    x = g.standard_normal((2000, 2))
    step = smoother.analysis(x, x.sum(axis=1, keepdims=True), np.array([0.0]), np.array([[0.01]]))
    ((i, j, r),) = smoother.confounded(step.scores)
    assert {i, j} == {0, 1} and r < -0.9


def test_synthetic_truth_lies_where_the_posterior_says(linear):
    operator, x, noise, *_ = linear
    few = x[:150]
    found = smoother.simulated_calibration(few, few @ operator.T, noise, rounds=60)
    assert 0.82 <= found["coverage_90"] <= 0.97
    wrong = smoother.simulated_calibration(few, few @ operator.T, 0.02 * noise, rounds=30)
    assert wrong["coverage_90"] >= 0.7  # consistent noise, so still calibrated


def test_misfit_is_one_where_noise_is_what_it_says():
    g = np.random.default_rng(4)
    noise = np.diag([1.0, 4.0, 9.0])
    data = np.zeros(3)
    predicted = g.standard_normal((4000, 3)) * np.sqrt(np.diag(noise))
    assert smoother.misfit(predicted, data, noise) == pytest.approx(1.0, abs=0.05)


def test_validation_trials_are_refused(tmp_path):
    text = (LIBRARY / "trials" / "hirayasu_2011b.yaml").read_text("utf-8")
    (tmp_path / "x.yaml").write_text(text.replace("use: calibration", "use: validation"), "utf-8")
    with pytest.raises(InputError, match="validation"):
        ensemble_calibration.calibrate(tmp_path, tmp_path / "work", members=20, patients=1)


def test_an_interrupted_calibration_resumes(tmp_path):
    folder = tmp_path / "trials"
    folder.mkdir()
    for name in ("hirayasu_2011b", "tdcs_elect2017"):
        shutil.copy(LIBRARY / "trials" / f"{name}.yaml", folder)
    ensemble = prior_ensemble(20)
    work = tmp_path / "work"
    trials = calibration_trials(folder)
    calls: list[tuple[str, int, int]] = []

    def run():
        calls.clear()
        return ensemble_calibration.simulate_all(
            trials, ensemble, 1, work, "x", 1, lambda *a: calls.append(a)
        )

    first = run()
    assert calls[0] == ("x", 0, 2)
    chunk = next(work.rglob("hirayasu_2011b*.npz"))
    chunk.write_bytes(b"torn")
    second = run()
    assert calls == [("x", 1, 2), ("x", 2, 2)]  # nothing but the torn chunk is simulated again
    for key, seen in first.seen.items():
        assert seen.members == pytest.approx(second.seen[key].members, nan_ok=True)


CHILD = """
import sys
from pathlib import Path
from euthymia.analysis.ensemble_calibration import calibrate, write_calibrated
trials, work, out = map(Path, sys.argv[1:])
write_calibrated(calibrate(trials, work, members=4, patients=1, iterations=1), out)
"""


def test_a_killed_calibration_resumes_to_the_same_bytes(tmp_path):
    """Killed once two chunks lie on disk; its successor keeps them and writes what an undisturbed one writes."""
    folder = tmp_path / "trials"
    folder.mkdir()
    for name in ("hirayasu_2011b", "tdcs_elect2017", "hpa_arana1995"):
        shutil.copy(LIBRARY / "trials" / f"{name}.yaml", folder)

    def start(work: str, out: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", CHILD, str(folder), str(tmp_path / work), str(tmp_path / out)]
        return subprocess.Popen(command, stderr=subprocess.PIPE)

    process = start("work", "killed")
    until = time.monotonic() + 120
    while len(list((tmp_path / "work").rglob("*.npz"))) < 2 and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert process.returncode < 0 and not (tmp_path / "killed").exists()
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "work").rglob("*.npz")}
    assert 2 <= len(kept) < 6  # three trials, before and after the step
    for work, out in (("work", "resumed"), ("other", "whole")):
        process = start(work, out)
        told = process.communicate()[1]
        assert process.returncode == 0, told.decode()
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    names = ("trials.csv", "contrasts.csv", "calibration.json")
    for name in names:
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
