"""Weights of virtual patients: closed forms, exact targets, contradictory targets with errors."""

import numpy as np
import pytest

from euthymia.errors import InputError
from euthymia.patients.weights import prevalence_weights


def test_one_indicator_has_a_closed_form():
    """With share p of patients and target q, those inside weigh q/p and those outside (1-q)/(1-p) times the equal weight."""
    inside = np.r_[np.ones(30), np.zeros(70)]
    w = prevalence_weights(inside[:, None], [0.6])
    assert w.values[:30] == pytest.approx(0.6 / 30) and w.values[30:] == pytest.approx(0.4 / 70)
    assert w.effective == pytest.approx(1 / (0.6**2 / 30 + 0.4**2 / 70))


def test_several_targets_hold_exactly_and_weights_are_the_flattest():
    rng = np.random.default_rng(1)
    f = np.column_stack([rng.random(500) < 0.4, rng.normal(30, 6, 500), rng.lognormal(0, 0.4, 500)])
    goal = [0.27, 28.0, 1.2]
    w = prevalence_weights(f, goal)
    assert w.values @ f == pytest.approx(goal, rel=1e-7) and w.values.sum() == pytest.approx(1)
    assert w.values.min() > 0
    entropy = float(-(w.values @ np.log(w.values)))
    null = np.linalg.svd(np.column_stack([np.ones(500), f]).T)[2][-1]  # keeps all targets
    for step in (1e-4, -1e-4):
        other = w.values + step * null * w.values.min() / np.abs(null).max()
        assert -(other @ np.log(other)) < entropy + 1e-12


def test_targets_met_already_leave_weights_equal():
    f = np.array([[0.0], [1.0], [0.0], [1.0]])
    assert prevalence_weights(f, [0.5]).values == pytest.approx(0.25)


def test_contradictory_targets_are_met_as_well_as_their_errors_allow():
    """Two features that are equal cannot have means 0.2 and 0.6: the miss is shared in the ratio of the variances."""
    x = (np.arange(1000) < 400).astype(float)
    f = np.column_stack([x, x])
    with pytest.raises(InputError, match="no weights reach this marginal together with the others"):
        prevalence_weights(f, [0.2, 0.6], ["a", "b"])
    w = prevalence_weights(f, [0.2, 0.6], ["a", "b"], [0.01, 0.02])
    assert w.values @ x == pytest.approx(0.2 + 0.4 * 0.01**2 / (0.01**2 + 0.02**2), abs=0.005)


def test_a_target_out_of_reach_is_named():
    with pytest.raises(InputError, match=r"crp: no weights reach 2: the patients have 0 to 1"):
        prevalence_weights([[0.0], [1.0]], [2.0], ["crp"])
