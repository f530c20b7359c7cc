"""A screening session: the queue of one person, refits while they read, every decision on disk before the next.

In: an opened review, a person, a stage.  Out: rows in the decision log.  Both screens, terminal and browser, are thin
covers of this.
"""

from __future__ import annotations

import numpy as np

from euthymia.evidence.review.dedupe import resolve
from euthymia.evidence.review.folder import Review, now
from euthymia.evidence.review.rank import Ranker, next_records
from euthymia.evidence.review.records import Record
from euthymia.evidence.review.screening import (
    State,
    at_stage,
    check_decision,
    reading_order,
    states,
    waiting,
)
from euthymia.evidence.review.stop import Stop, stop


class Session:
    """One person's work on one stage.

    Parameters
    ----------
    review : Review
    reviewer : str
    stage : str
        `title` or `full text`.
    growth : float
        The ranking is fitted anew when the number of verdicts has grown by this fraction.
    """

    def __init__(self, review: Review, reviewer: str, stage: str = "title", growth: float = 0.05):
        check_decision(stage, "maybe", "", {})
        self.review, self.reviewer, self.stage, self.growth = review, reviewer, stage, growth
        self.people = 2 if review.settings.double else 1
        self.refits = 0
        self._ranker: Ranker | None = None
        self._mine: list[str] = []
        self.reload()

    def reload(self) -> None:
        """Read the folder again: records, duplicates and what others decided meanwhile."""
        self.duplicates = resolve(self.review.rows("duplicates"))
        everything = self.review.records()
        self.records: dict[str, Record] = {n: r for n, r in everything.items() if n not in self.duplicates}
        self.names = list(self.records)
        self._rows = self.review.rows("decisions")
        self._ranker = None
        self._queue: list[str] = []
        self._fitted_at = 0

    @property
    def states(self) -> dict[tuple[str, str], State]:
        """State of every record and stage."""
        return states(self._rows, self.duplicates)

    def stop(self) -> Stop:
        """What the stopping rule says about the title stage now."""
        verdicts = [
            value for name, value in reading_order(self._rows, self.duplicates) if name in self.records
        ]
        settings = self.review.settings
        return stop(verdicts, len(self.records), settings.target_recall, settings.confidence)

    def progress(self) -> tuple[int, int]:
        """How many records this stage has, and how many of them this person need not decide any more."""
        found = self.states
        names = at_stage(self.names, found, self.stage, self.people)
        left = waiting(names, found, self.stage, self.reviewer, self.people)
        return len(names), len(names) - len(left)

    def relevant(self) -> int:
        """How many records count as relevant at this stage so far."""
        wanted = {"include", "maybe", "conflict"}
        return sum(
            stage == self.stage and state.verdict in wanted for (_, stage), state in self.states.items()
        )

    @property
    def last(self) -> str:
        """This session's last decision in words; empty where there is none to undo."""
        if not self._mine:
            return ""
        record = self.records[self._mine[-1]]
        state = self.states[record.record, self.stage]
        reason = state.reasons.get(self.reviewer, "")
        return f"{state.by[self.reviewer]}{f' ({reason})' if reason else ''} - {record.title[:70]}"

    def queue(self, count: int = 1) -> list[Record]:
        """The next records to read, best first; empty when this person is done."""
        order = reading_order(self._rows, self.duplicates)
        if not self._queue or len(order) >= max(self._fitted_at * (1 + self.growth), self._fitted_at + 1):
            self._rank(order, max(count, int(self.growth * len(order)) + 1))
        return [self.records[name] for name in self._queue[:count]]

    def _rank(self, order: list[tuple[str, int]], count: int) -> None:
        if self._ranker is None and self.records:
            texts = [r.text for r in self.records.values()]
            self._ranker = Ranker.remembered(texts, self.review.settings.cold_start, self.review.cache)
        place = {name: i for i, name in enumerate(self.names)}
        known = [(place[n], v) for n, v in order if n in place]
        left = set(waiting(self.names, self.states, self.stage, self.reviewer, self.people))
        if not left or self._ranker is None:
            self._queue = []
            return
        self._scores = self._ranker.score([k[0] for k in known], [k[1] for k in known])
        done = np.array([name not in left for name in self.names])
        self._queue = [self.names[i] for i in next_records(self._scores, done, count)]
        self._fitted_at, self.refits = len(order), self.refits + 1

    def decide(self, record: str, verdict: str, reason: str = "", note: str = "") -> None:
        """Write one decision to disk.

        Raises
        ------
        InputError
            The verdict or the reason is not an allowed one.
        StoreError
            The disk is full; nothing was written and the decision can be made again.
        """
        check_decision(self.stage, verdict, reason, self.review.settings.exclude)
        place = self._queue.index(record) + 1 if record in self._queue else ""
        score = f"{self._scores[self.names.index(record)]:.3f}" if record in self._queue else ""
        row = {
            "record": record,
            "stage": self.stage,
            "verdict": verdict,
            "reason": reason,
            "note": note,
            "reviewer": self.reviewer,
            "time": now(),
            "score": score,
            "rank": place,
        }
        self.review.append("decisions", [row])
        self._rows.append({k: str(v) for k, v in row.items()})
        self._queue = [name for name in self._queue if name != record]
        self._mine.append(record)

    def undo(self) -> str:
        """Withdraw this session's last decision by a further row; return the record, or an empty string."""
        if not self._mine:
            return ""
        record = self._mine.pop()
        row = {
            "record": record,
            "stage": self.stage,
            "verdict": "withdrawn",
            "reason": "",
            "note": "undo",
            "reviewer": self.reviewer,
            "time": now(),
            "score": "",
            "rank": "",
        }
        self.review.append("decisions", [row])
        self._rows.append({k: str(v) for k, v in row.items()})
        self._queue.insert(0, record)
        return record
