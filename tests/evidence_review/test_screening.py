"""Decisions: two people, conflicts, undo, duplicates, resuming; the page driven by scripted keys."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from euthymia.errors import InputError, StoreError
from euthymia.evidence.review.folder import open_review
from euthymia.evidence.review.screening import SETTLED, agreements, cohen_kappa, reading_order, states
from euthymia.evidence.review.session import Session
from euthymia.evidence.review.terminal import screen


def row(record, verdict, who="eva", stage="title", reason=""):
    return {
        "record": record,
        "stage": stage,
        "verdict": verdict,
        "reason": reason,
        "reviewer": who,
        "note": "",
    }


def test_kappa_against_scikit_learn():
    generator = np.random.default_rng(2)
    for _ in range(5):
        a, b = (generator.choice(["include", "exclude", "maybe"], 60).tolist() for _ in range(2))
        assert cohen_kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))
    assert np.isnan(cohen_kappa(["x"], ["x"])) and np.isnan(cohen_kappa([], []))


def test_conflict_and_how_it_is_settled():
    rows = [row("a", "include"), row("a", "exclude", "tom", reason="language")]
    found = states(rows)["a", "title"]
    assert found.verdict == "conflict" and found.conflict and not found.complete(2)
    rows.append(row("a", "exclude", SETTLED, reason="irrelevant"))
    found = states(rows)["a", "title"]
    assert (found.verdict, found.reason, found.conflict, found.complete(2)) == (
        "exclude",
        "irrelevant",
        False,
        True,
    )
    assert agreements({("a", "title"): found}, "title")[0].observed == 0


def test_one_person_is_not_enough_where_two_are_asked():
    one = states([row("a", "include")])["a", "title"]
    assert one.complete(1) and not one.complete(2)


def test_a_changed_mind_and_an_undo():
    rows = [row("a", "include"), row("a", "exclude", reason="irrelevant")]
    assert states(rows)["a", "title"].verdict == "exclude"
    assert states([*rows, row("a", "withdrawn")]) == {}


def test_merging_duplicates_loses_no_decision():
    rows = [row("copy", "include", "tom"), row("a", "exclude", "eva", reason="irrelevant")]
    assert states(rows, {"copy": "a"})["a", "title"].by == {"tom": "include", "eva": "exclude"}
    assert reading_order(rows, {"copy": "a"}) == [("a", 1)]


def test_a_session_ranks_saves_and_resumes(filled):
    session = Session(filled, "eva")
    first = session.queue()[0]
    assert "Ketamine" in first.title
    for _ in range(6):
        record = session.queue()[0]
        session.decide(
            record.record, *(("include", "") if "Ketamine" in record.title else ("exclude", "irrelevant"))
        )
    again = Session(open_review(filled.path), "eva")
    assert len(again.queue(10)) == 4
    assert {r.record for r in again.queue(10)}.isdisjoint(n for n, _ in again.states)
    assert len(Session(filled, "tom").queue(10)) == 4, (
        "decided once is enough unless the review asks for two people"
    )
    relevant = [v for _, v in reading_order(filled.rows("decisions"), {})]
    assert sum(relevant) == 5 and relevant[:4] == [1, 1, 1, 1]


def test_double_screening_asks_both(filled):
    (filled.path / "review.yaml").write_text(
        (filled.path / "review.yaml").read_text() + "double: true\nreviewers: [eva, tom]\n"
    )
    review = open_review(filled.path)
    Session(review, "eva").decide("pmid:1000", "include")
    assert "pmid:1000" in {r.record for r in Session(review, "tom").queue(20)}
    Session(review, "tom").decide("pmid:1000", "include")
    assert "pmid:1000" not in {r.record for r in Session(review, "ann").queue(20)}


def test_full_texts_come_after_titles(filled):
    assert Session(filled, "eva", "full text").queue(9) == []
    Session(filled, "eva").decide("pmid:1002", "include")
    assert [r.record for r in Session(filled, "eva", "full text").queue(9)] == ["pmid:1002"]


def test_bad_decisions_are_refused(filled):
    session = Session(filled, "eva")
    with pytest.raises(InputError) as fault:
        session.decide("pmid:1000", "exclud", "nothing")
    assert "did you mean 'exclude'" in str(fault.value)
    with pytest.raises(InputError, match="reason"):
        session.decide("pmid:1000", "exclude", "nothing")
    assert filled.rows("decisions") == []


def run_page(review, keys, lines=()):
    said, pressed, typed = [], iter(keys), iter(lines)
    made = screen(Session(review, "eva"), lambda: next(pressed), lambda _: next(typed), said.append)
    return made, "\n".join(said)


def test_the_page_by_keys(filled):
    made, said = run_page(filled, "inx e2 u  m s h q".replace(" ", ""), ["worth a look"])
    rows = filled.rows("decisions")
    assert [r["verdict"] for r in rows] == ["include", "exclude", "withdrawn", "maybe"]
    assert (rows[1]["reason"], rows[1]["note"]) == ("language", "worth a look")
    assert made == 2 and "read on" in said
    assert rows[3]["record"] == rows[1]["record"], "the record that was taken back is asked again"


def test_the_page_ends_by_itself_and_says_stop(filled):
    keys = iter(())

    class Keys:
        def __init__(self):
            self.queue = []

        def __call__(self):
            return self.queue.pop(0) if self.queue else "i"

    made, said = 0, []
    made = screen(Session(filled, "eva"), Keys(), lambda _: "", said.append)
    assert made == 10 and "nothing is left" in said[-1]
    del keys


def test_a_full_disk_while_screening_is_shown_and_asked_again(filled, monkeypatch):
    from euthymia.evidence.review import logs

    real, faults = logs.os.fsync, iter([OSError(28, "No space left on device")])

    def full_once(handle):
        for fault in faults:
            raise fault
        real(handle)

    monkeypatch.setattr(logs.os, "fsync", full_once)
    made, said = run_page(filled, "iiq")
    assert made == 1 and "NOT SAVED" in said and len(filled.rows("decisions")) == 1
    assert issubclass(StoreError, Exception)
