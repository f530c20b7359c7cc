"""The ranking's machine against scikit-learn's, which solves the same problem another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import random as random_matrix
from sklearn.svm import LinearSVC

from euthymia.evidence.review.machine import Machine


@pytest.fixture(scope="module")
def problem():
    """300 sparse rows of unit length, 60 relevant by a direction of their own, and a cost per row."""
    generator = np.random.default_rng(3)
    rows = random_matrix(300, 500, 0.05, format="csr", random_state=7, dtype=np.float32)
    rows = rows.multiply(1 / np.sqrt(rows.multiply(rows).sum(axis=1) + 1e-6)).tocsr().astype(np.float32)
    score = rows @ generator.normal(size=500) + 0.3 * generator.normal(size=300)
    verdicts = (score > np.quantile(score, 0.8)).astype(int)
    return rows, verdicts, np.where(verdicts == 1, 0.8, 0.02)


def truth(rows, verdicts, weight):
    """Weights and intercept of scikit-learn's solver, run to the end."""
    machine = LinearSVC(C=1.0, class_weight=weight, tol=1e-9, max_iter=1_000_000, random_state=0)
    machine.fit(rows, verdicts)
    return np.append(machine.coef_[0], machine.intercept_)


def standard(scores):
    return (scores - scores.mean()) / scores.std()


def test_the_same_weights_as_scikit_learn(problem):
    rows, verdicts, cost = problem
    expected = truth(rows, verdicts, {1: 0.8, 0: 0.02})
    exact = Machine(rows.shape[1], close=1e-6)  # as far as single precision goes
    exact.fit(rows, verdicts, cost)
    assert np.abs(exact.weights - expected).max() < 1e-4 * np.abs(expected).max()
    usual = Machine(rows.shape[1])  # as used for ranking: scores within a hundredth of their spread
    usual.fit(rows, verdicts, cost)
    gap = standard(rows @ usual.weights[:-1]) - standard(rows @ expected[:-1])
    assert np.sqrt(np.mean(gap**2)) < 0.01


def test_going_on_ends_where_starting_anew_ends_and_costs_less(problem):
    rows, verdicts, cost = problem
    going, anew = Machine(rows.shape[1]), Machine(rows.shape[1])
    going.fit(rows[:285], verdicts[:285], cost[:285])
    going.products = 0
    going.fit(rows, verdicts, cost)
    anew.fit(rows, verdicts, cost)
    assert going.products < anew.products
    gap = standard(rows @ going.weights[:-1]) - standard(rows @ anew.weights[:-1])
    assert np.sqrt(np.mean(gap**2)) < 0.02


def test_a_useless_start_does_no_harm(problem):
    rows, verdicts, cost = problem
    machine = Machine(rows.shape[1])
    machine.weights = np.full(501, 1e3, dtype=np.float32)
    machine.fit(rows, verdicts, cost)
    assert np.abs(machine.weights - truth(rows, verdicts, {1: 0.8, 0: 0.02})).max() < 0.01
