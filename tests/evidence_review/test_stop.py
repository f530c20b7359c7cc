"""The stopping rule: against counting by hand, and by how often it is wrong."""

from __future__ import annotations

from math import comb, floor

import numpy as np
import pytest

from euthymia.evidence.review.simulate import stopping_point
from euthymia.evidence.review.stop import stop, tail_probabilities


def by_hand(verdicts, total, target):
    """p for every starting moment, by counting subsets."""
    found, read, result = sum(verdicts), len(verdicts), []
    for i in range(read):
        before = sum(verdicts[:i])
        unread, draws, got = total - i, read - i, found - before
        hidden = floor(found / target - before) + 1
        if hidden - got > total - read:
            result.append(0.0)
            continue
        ways = sum(
            comb(hidden, x) * comb(unread - hidden, draws - x)
            for x in range(got + 1)
            if draws - x <= unread - hidden
        )
        result.append(ways / comb(unread, draws))
    return result


@pytest.mark.parametrize("seed", range(6))
def test_probabilities_by_counting(seed):
    generator = np.random.default_rng(seed)
    total = int(generator.integers(20, 60))
    verdicts = (generator.random(int(generator.integers(5, total))) < 0.3).astype(int)
    verdicts[0] = 1
    for target in (0.7, 0.9, 0.95):
        wanted = by_hand(verdicts.tolist(), total, target)
        np.testing.assert_allclose(tail_probabilities(verdicts, total, target), wanted, atol=1e-9)


def test_random_reading_is_rarely_stopped_too_early():
    """With reading at random (its worst case) a single test at a fixed moment errs in at most 5 % of runs."""
    generator, early = np.random.default_rng(3), 0
    for _ in range(400):
        labels = generator.permutation(np.r_[np.ones(40, int), np.zeros(360, int)])
        seen = labels[:370]
        wrong = seen.sum() < 38
        early += wrong and tail_probabilities(seen, 400, 0.95)[0] < 0.05
    assert early / 400 <= 0.05


def test_the_recall_stated_is_the_recall_tested():
    verdicts = np.r_[np.ones(30, int), np.zeros(200, int)]
    state = stop(verdicts, 300, 0.9)
    assert state.reached and state.recall == pytest.approx(30 / (30 + state.missed))
    assert tail_probabilities(verdicts, 300, state.recall).min() < 0.05
    if state.missed:
        assert tail_probabilities(verdicts, 300, 30 / (30 + state.missed - 1)).min() >= 0.05


def test_reached_exactly_when_the_stated_recall_is_the_target():
    generator = np.random.default_rng(1)
    for _ in range(40):
        verdicts = (generator.random(150) < np.linspace(0.5, 0.0, 150)).astype(int)
        verdicts[0] = 1
        read = int(generator.integers(60, 150))
        state = stop(verdicts[:read], 150, 0.9)
        assert state.reached == (state.recall >= 0.9)


def test_ends():
    assert stop([], 10).recall == 0 and not stop([], 10).reached
    assert not stop([0] * 9, 10).reached
    assert stop([0] * 10, 10).reached
    full = stop([1, 0, 1], 3)
    assert full.reached and full.recall == 1 and full.missed == 0
    assert "at most 0 unread" in str(full)


def test_good_ranking_stops_before_the_end_and_bad_ranking_does_not():
    good = np.r_[np.ones(40, int), np.zeros(460, int)]
    assert stopping_point(good) < 350
    spread = np.tile([1] + [0] * 11, 42)[:500]
    assert stopping_point(spread) > 450
