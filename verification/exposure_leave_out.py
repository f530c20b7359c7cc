"""Interactions with the source left out: the constant that a study set is fitted anew without that study.

For each constant below, every source of the calibration table that informs it is left out in turn, the constant is
fitted by one factor to the rows of the other sources, and the rows left out are predicted.  Prints the rows and the
geometric mean fold error, and exits 1 where it is beyond the goal.

Run: python verification/exposure_leave_out.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from euthymia.compounds.compound import analytes, load_compound
from euthymia.compounds.interactions import perpetrators
from euthymia.compounds.observations import Observation, read_observations
from euthymia.compounds.score import score

TABLE = Path(__file__).with_name("exposure_calibration.csv")
GOAL = 1.35
FACTORS = np.geomspace(0.1, 10, 15)
# what is fitted -> the rows of the table that inform it
GROUPS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("compound", "fluvoxamine", "inhibits.CYP3A4.Ki"): (
        "buspirone+fluvoxamine", "alprazolam+fluvoxamine", "midazolam+fluvoxamine", "midazolam+fluvoxamine-200",
    ),
    ("compound", "fluvoxamine", "inhibits.CYP1A2.Ki"): ("caffeine+fluvoxamine", "olanzapine+fluvoxamine"),
    ("compound", "bupropion/hydroxybupropion", "inhibits.CYP2D6.Ki"): ("desipramine+bupropion", "atomoxetine+bupropion-NM"),
    ("compound", "sertraline", "inhibits.CYP2D6.Ki"): ("metoprolol+sertraline", "desipramine+sertraline"),
    ("compound", "paroxetine", "inhibits.CYP2D6.kinact"): ("metoprolol+paroxetine", "desipramine+paroxetine"),
    ("perpetrator", "rifampicin", "CYP3A4"): (
        "risperidone+rifampicin", "samidorphan+rifampicin", "zuranolone+rifampicin",
    ),
    ("perpetrator", "itraconazole", "CYP3A4"): (
        "buspirone+itraconazole", "zuranolone+itraconazole", "quinidine+itraconazole",
    ),
    ("perpetrator", "cimetidine", "CYP3A4"): ("quinidine+cimetidine-a", "quinidine+cimetidine-b", "mirtazapine+cimetidine"),
    ("perpetrator", "cimetidine", "OCT2"): ("metformin+cimetidine-500", "metformin+cimetidine-10", "metformin+cimetidine-wang"),
}  # fmt: skip


@contextmanager
def scaled(kind: str, name: str, path: str, factor: float) -> Iterator[None]:
    """A library number multiplied for a while (an inhibited share of enzyme on the scale of 1/share - 1)."""
    if kind == "compound":
        given, _, product = name.partition("/")
        numbers = analytes(load_compound(given))[f"{given}.{product}" if product else given].parameters
    else:
        numbers = perpetrators()[name].enzymes
    before = numbers[path]
    value = before.value * factor
    if kind == "perpetrator":
        change = 1 / before.value - 1 if before.value < 1 else before.value - 1
        value = 1 / (1 + change * factor) if before.value < 1 else 1 + change * factor
    numbers[path] = replace(before, value=value)  # type: ignore[index]
    try:
        yield
    finally:
        numbers[path] = before  # type: ignore[index]


def misses(rows: list[Observation]) -> np.ndarray:
    """Logarithms of predicted over observed."""
    found, unusable = score(rows)
    if unusable:
        raise SystemExit(f"unusable: {unusable}")
    return np.array([np.log(r.predicted / r.observed) for r in found])


def source(row: Observation) -> str:
    """The study of a row."""
    return row.row["citation"].split(" PMID")[0]


def main(say: Callable[[str], None] = print) -> int:
    """Leave every source out once; returns 1 where the goal is missed."""
    table = {r.id: r for r in read_observations(TABLE)[0]}
    errors: list[float] = []
    for what, ids in GROUPS.items():
        rows = [table[i] for i in ids]
        for left in sorted({source(r) for r in rows}):
            kept, out = [r for r in rows if source(r) != left], [r for r in rows if source(r) == left]
            cost = []
            for factor in FACTORS:
                with scaled(*what, factor):
                    cost.append(float((misses(kept) ** 2).sum()))
            best = float(FACTORS[int(np.argmin(cost))])
            with scaled(*what, best):
                missed = misses(out)
            for row, miss in zip(out, missed, strict=True):
                predicted = row.value * np.exp(miss)
                say(
                    f"{'.'.join(what[1:]):<36} x{best:<6.2f} {row.id:<28} observed {row.value:6.2f} predicted {predicted:6.2f}"
                )
                errors.append(float(miss))
    size = np.abs(errors)
    fold = float(np.exp(size.mean()))
    say(f"\n{len(errors)} rows with their source left out: GMFE {fold:.2f} (goal {GOAL}), "
        f"{np.mean(size <= np.log(1.5)):.0%} within 1.5-fold, {np.mean(size <= np.log(2)):.0%} within 2-fold")  # fmt: skip
    return int(fold > GOAL)


if __name__ == "__main__":
    sys.exit(main())
