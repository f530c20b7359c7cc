"""How far a number or an edge is supported: A to D, computed and never typed.

| grade | meaning |
|---|---|
| A | two independent human sources, or a label or meta-analysis of humans plus one more |
| B | one human source, or a human meta-analysis or label alone |
| C | rodent, in vitro or ex vivo only, or a human source not yet opened |
| D | assumed, fitted or derived without a direct measurement |

A paper that disagrees lowers the grade by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Statement(Protocol):
    """What grading needs to know of one piece of evidence."""

    @property
    def basis(self) -> str: ...
    @property
    def cite(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def kind(self) -> str: ...


DIRECT = ("measured", "meta_analysis", "label")
GRADES = "ABCD"


def grade(evidence: Sequence[Statement], against: Sequence[Statement] = ()) -> str:
    """The grade of a list of evidence.

    >>> from euthymia.evidence.parameter import Evidence
    >>> one = Evidence("measured", "meyer2004serotonin", system="human", kind="READ")
    >>> two = Evidence("meta_analysis", "sorensen2022occupancy", system="human", kind="READ")
    >>> grade([one]), grade([one, two]), grade([one], against=[two]), grade([Evidence("assumed")])
    ('B', 'A', 'C', 'D')
    """
    opened = {e.cite for e in evidence if e.basis in DIRECT and e.system == "human" and e.kind == "READ"}
    others = any(e.basis in (*DIRECT, "recalled") and e.cite for e in evidence)
    level = 0 if len(opened) >= 2 else 1 if opened else 2 if others else 3
    return GRADES[min(level + bool(against), 3)]
