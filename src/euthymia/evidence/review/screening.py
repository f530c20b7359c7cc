"""Who decided what: verdicts from the log, conflicts between people, agreement, and what to read next.

In: the decision log, newest row last.  Out: one state per record and stage.  A decision is never edited: a changed
mind, or an undo (`withdrawn`), is a further row, and the log keeps both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from euthymia.errors import InputError, Problem, nearest

STAGES = ("title", "full text")
VERDICTS = ("include", "exclude", "maybe", "withdrawn")
SETTLED = "settled"


@dataclass(slots=True)
class State:
    """Where one record stands at one stage.

    Parameters
    ----------
    by : dict
        Last verdict of each reviewer (`settled` is the reviewer of a resolved conflict).
    reasons : dict
        Reason given by each reviewer.
    """

    by: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def conflict(self) -> bool:
        """Whether two people disagree and nobody has settled it."""
        return SETTLED not in self.by and len({v for v in self.by.values() if v != "maybe"}) > 1

    @property
    def verdict(self) -> str:
        """`include`, `exclude`, `maybe`, `conflict`, or empty where nobody has decided."""
        if SETTLED in self.by:
            return self.by[SETTLED]
        sure = {v for v in self.by.values() if v != "maybe"}
        if len(sure) > 1:
            return "conflict"
        return next(iter(sure)) if sure else ("maybe" if self.by else "")

    @property
    def reason(self) -> str:
        """The reason that counts: the one of whoever settled, else the first given."""
        return self.reasons.get(SETTLED) or next((r for r in self.reasons.values() if r), "")

    def complete(self, people: int) -> bool:
        """Whether enough people have decided, and agree."""
        if SETTLED in self.by:
            return True
        return (
            self.verdict in {"include", "exclude"} and sum(v != "maybe" for v in self.by.values()) >= people
        )


def states(
    rows: Iterable[Mapping[str, str]], duplicates: Mapping[str, str] | None = None
) -> dict[tuple[str, str], State]:
    """State of each record and stage that anyone has decided on.

    Decisions on a duplicate count for the record that stands for it, so that merging two records loses none.
    """
    result: dict[tuple[str, str], State] = {}
    for row in rows:
        name = (duplicates or {}).get(row["record"], row["record"])
        state = result.setdefault((name, row["stage"]), State())
        if row["verdict"] == "withdrawn":
            state.by.pop(row["reviewer"], None)
            state.reasons.pop(row["reviewer"], None)
        else:
            state.by[row["reviewer"]] = row["verdict"]
            state.reasons[row["reviewer"]] = row["reason"]
    return {key: state for key, state in result.items() if state.by}


def check_decision(stage: str, verdict: str, reason: str, reasons: Mapping[str, str]) -> None:
    """Raise InputError, with every problem, where a decision is not one of the allowed ones."""
    problems = []
    for what, value, allowed in (("stage", stage, STAGES), ("verdict", verdict, VERDICTS)):
        if value not in allowed:
            problems.append(
                Problem(f"unknown {what} {value!r}; allowed: {', '.join(allowed)}{nearest(value, allowed)}")
            )
    if verdict == "exclude" and reason not in reasons:
        problems.append(
            Problem(f"unknown reason {reason!r}; allowed: {', '.join(reasons)}{nearest(reason, reasons)}")
        )
    if problems:
        raise InputError(problems)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two people on the records both decided.

    Parameters
    ----------
    both : int
        Records both decided.
    observed, kappa : float
        Share of equal verdicts; Cohen's kappa (nan where it is not defined).
    """

    first: str
    second: str
    both: int
    observed: float
    kappa: float


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa: (observed - expected agreement) / (1 - expected agreement).

    >>> round(cohen_kappa(["y"] * 25 + ["n"] * 25, ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15), 3)
    0.4
    """
    count = len(first)
    if not count:
        return float("nan")
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
    expected = sum(first.count(v) * second.count(v) for v in set(first) | set(second)) / count**2
    return float("nan") if expected >= 1.0 else (observed - expected) / (1.0 - expected)


def agreements(found: Mapping[tuple[str, str], State], stage: str) -> list[Agreement]:
    """Agreement of every pair of people at one stage, before conflicts were settled."""
    people = sorted({p for (_, s), state in found.items() if s == stage for p in state.by if p != SETTLED})
    result = []
    for at, one in enumerate(people):
        for other in people[at + 1 :]:
            pairs = [
                (s.by[one], s.by[other])
                for (_, st), s in found.items()
                if st == stage and one in s.by and other in s.by
            ]
            if pairs:
                a, b = [p[0] for p in pairs], [p[1] for p in pairs]
                share = sum(x == y for x, y in pairs) / len(pairs)
                result.append(Agreement(one, other, len(pairs), share, cohen_kappa(a, b)))
    return result


def at_stage(
    names: Sequence[str], found: Mapping[tuple[str, str], State], stage: str, people: int
) -> list[str]:
    """Records a stage is about: all by title; for the full text those that were included by title."""
    if stage != "full text":
        return list(names)
    titles = {name: found.get((name, "title")) for name in names}
    return [
        n for n, state in titles.items() if state and state.verdict == "include" and state.complete(people)
    ]


def waiting(
    names: Sequence[str], found: Mapping[tuple[str, str], State], stage: str, reviewer: str, people: int
) -> list[str]:
    """Records this person has still to decide at a stage, in the given order.

    For the full text only records included by title; a record that enough others have decided is not asked again.
    """
    result = []
    for name in at_stage(names, found, stage, people):
        state = found.get((name, stage))
        if state and (reviewer in state.by or state.complete(people)):
            continue
        result.append(name)
    return result


def reading_order(rows: Sequence[Mapping[str, str]], duplicates: Mapping[str, str]) -> list[tuple[str, int]]:
    """Records in the order they were first decided by title, with 1 for those that now count as relevant.

    A record in conflict, or a `maybe`, counts as relevant: the stopping rule then errs towards reading on.
    """
    found = states(rows, duplicates)
    order: dict[str, int] = {}
    for row in rows:
        name = duplicates.get(row["record"], row["record"])
        state = found.get((name, "title"))
        if row["stage"] == "title" and name not in order and state:
            order[name] = int(state.verdict in {"include", "maybe", "conflict"})
    return list(order.items())
