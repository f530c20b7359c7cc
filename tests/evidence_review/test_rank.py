"""Ranking: it saves work on made-up records, begins without labels, and is the same twice."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from euthymia.evidence.review.rank import Ranker, letter_features, next_records
from euthymia.evidence.review.simulate import simulate, work_saved

SIZE = 400


@pytest.fixture(scope="module")
def made():
    """400 texts of made-up words, 40 of them relevant by six words of their own."""
    generator = np.random.default_rng(5)
    words = ["".join(generator.choice(list("abdegiklmnoprstuv"), 6)) for _ in range(800)]
    labels = np.zeros(SIZE, int)
    labels[generator.choice(SIZE, 40, replace=False)] = 1
    texts = []
    for label in labels:
        text = list(generator.choice(words[12:], 40))
        own = words[:6] if label else words[6:12]
        text[:3] = generator.choice(own, 3)
        texts.append(" ".join(text))
    return texts, labels, " ".join(words[:6])


def test_much_less_is_read_than_by_chance(made):
    texts, labels, _ = made
    saved = [work_saved(simulate(Ranker(texts), labels, seed).order, labels) for seed in range(2)]
    chance = work_saved(np.random.default_rng(0).permutation(SIZE), labels)
    assert min(saved) > 0.6 > 0.2 > chance


def test_every_record_is_read_once(made):
    texts, labels, _ = made
    run = simulate(Ranker(texts, votes=("words",)), labels, 1)
    assert sorted(run.order) == list(range(SIZE))
    assert run.refits < SIZE


def test_the_question_ranks_before_any_label(made):
    texts, labels, question = made
    scores = Ranker(texts, question).score([], [])
    assert labels[np.argsort(-scores)[:20]].mean() > 0.9


def test_one_verdict_moves_the_ranking(made):
    texts, labels, _ = made
    ranker, first = Ranker(texts), int(np.flatnonzero(labels)[0])
    assert labels[np.argsort(-ranker.score([first], [1]))[:10]].mean() > 3 * labels.mean()


def test_the_same_twice(made):
    texts, labels, _ = made
    rows = list(range(0, SIZE, 7))
    a, b = (Ranker(texts).score(rows, labels[rows]) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_character_pieces_find_a_name_inside_other_words():
    texts = [
        "norketamine study",
        "esketamine trial",
        "hydroxynorketamine",
        "bread and butter",
        "apples and pears",
        "winter coats",
    ] * 10
    labels = np.array([1, 1, 1, 0, 0, 0] * 10)
    scores = Ranker([*texts, "arketamines", "coat of butter"], votes=("letters",)).score(
        list(range(60)), labels
    )
    assert scores[60] > scores[61]


def test_next_records_never_repeats():
    scores, seen = np.array([3.0, 2.0, 1.0]), np.array([True, False, True])
    assert next_records(scores, seen, 5).tolist() == [1]
    assert Ranker(["", ""], "").score([0], [1]).shape == (2,)


def test_work_saved_of_a_perfect_and_a_hopeless_order():
    labels = np.r_[np.ones(20, int), np.zeros(80, int)]
    assert work_saved(np.arange(100), labels) == pytest.approx(0.95 - 0.20 + 0.0, abs=0.011)
    assert work_saved(np.arange(100)[::-1], labels) == pytest.approx(0.95 - 0.99, abs=0.011)


def test_features_are_remembered_and_a_broken_cache_is_not_believed(made, tmp_path):
    texts, labels, question = made
    rows = list(range(0, SIZE, 5))
    first = Ranker.remembered(texts, question, tmp_path, least=10).score(rows, labels[rows])
    kept = sorted(tmp_path.glob("features-*"))
    assert len(kept) == 3
    np.testing.assert_array_equal(
        Ranker.remembered(texts, question, tmp_path, least=10).score(rows, labels[rows]), first
    )
    for path in kept:
        path.write_bytes(path.read_bytes()[:200])
    np.testing.assert_array_equal(
        Ranker.remembered(texts, question, tmp_path, least=10).score(rows, labels[rows]), first
    )
    Ranker.remembered([*texts, "one more"], question, tmp_path, least=10)
    assert not {p.name for p in tmp_path.glob("features-*")} & {p.name for p in kept}


def test_pieces_of_words_against_scikit_learn(made):
    texts = [*made[0], "Die Größe: 5-HT2A, a ab  abc\tNa+/K+"] * 2
    plain = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2, max_df=0.95, dtype=np.float64
    )
    ours, theirs = letter_features(texts), plain.fit_transform(texts)
    assert ours.shape == theirs.shape
    assert abs(ours - theirs).max() < 1e-5
