"""Steps of a trial in several stages: who changes treatment at a visit, on what score, to what.

In: `arms[].steps` of a protocol file.  Out: `Step` with its options and `Rule` on observed scores.  A step is taken by the
patients of the arm who are in the trial at its visit, whose score fulfils `if`, and (where `only` is given) whose last
step has one of those names.  Steps of one visit are asked in the order of the file; a patient takes one of them at most.

>>> [c.kind for c in parse_rule("not response and madrs >= 11").clauses]
['response', 'score']
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from euthymia.errors import UnitError
from euthymia.units import quantity

if TYPE_CHECKING:
    from euthymia.protocol.protocol import Treatment

ACTIONS = ("switch", "add", "stop", "leave", "randomise")
SCORES = ("madrs", "hamd17", "hamd21", "hamd24", "qids", "bdi", "phq9")
FORM = (
    "a rule looks like 'not response', 'remission', 'reduction < 20 %', 'madrs >= 11', 'change > -5' or two of them "
    "joined by 'and'; 'on hamd17' names another scale, 'since last step' at the end counts from there"
)
SINCE = r"\s+since (?:the )?last step$"


@dataclass(frozen=True, slots=True)
class Option:
    """One way on after a randomised step, taken with a chance in proportion to `share`; no treatment means go on."""

    name: str
    share: float = 1.0
    treatment: tuple[Treatment, ...] = ()
    go_on: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One change of treatment at a visit.

    Parameters
    ----------
    name, at : str
    if_ : str
        Rule on the scores; everybody where empty.
    only : tuple of str
        Names of the steps or options a patient must have taken last; anybody where empty.
    action : str
        One of `ACTIONS`.
    options : tuple of Option
        Several for `randomise`, else one.
    """

    name: str
    at: str
    action: str
    options: tuple[Option, ...]
    if_: str = ""
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison of a rule."""

    kind: str  # response, remission, reduction, change or score
    scale: str
    sign: str = ""
    bound: float = 0.0
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Clauses that must all hold; `since_step` counts changes from the patient's last step, else from baseline."""

    clauses: tuple[Clause, ...]
    since_step: bool = False


def parse_rule(text: str) -> Rule:
    """Read a rule; an empty one holds for everybody.

    Raises
    ------
    UnitError
        The text is no rule.
    """
    plain = re.sub(SINCE, "", text.strip())
    parts = [p for p in re.split(r"\s+and\s+", plain) if p]
    return Rule(tuple(_clause(p) for p in parts), plain != text.strip())


def _clause(text: str) -> Clause:
    word = re.fullmatch(r"(not\s+)?(response|remission)(?:\s+on\s+(\w+))?", text.strip())
    if word:
        return Clause(word[2], _scale(word[3], text), negated=bool(word[1]))
    compare = re.fullmatch(r"(\w+)\s*(>=|<=|>|<)\s*(-?[\d.]+\s*%?)(?:\s+on\s+(\w+))?", text.strip())
    if not compare:
        raise UnitError(f"'{text}' is no rule; {FORM}")
    what, sign, bound, on = compare.groups()
    value = quantity(bound).value
    if what in ("reduction", "change"):
        return Clause(what, _scale(on, text), sign, value)
    return Clause("score", _scale(what, text), sign, value)


def _scale(name: str | None, text: str) -> str:
    if name and name.lower() not in SCORES:
        raise UnitError(f"'{name}' in '{text}' is no scale; {FORM}; scales: {', '.join(SCORES)}")
    return (name or "").lower()


def build_step(record: dict[str, Any], place: int, treatments: Any) -> Step:
    """A step from the data of the file; `treatments` builds the treatments of a list."""
    action = next((a for a in ACTIONS if a in record), "")
    given = record.get(action)
    name = record.get("name", "")
    if action == "randomise":
        options = tuple(
            Option(o["name"], o.get("share", 1.0), treatments(o.get("treatment", ())), "treatment" not in o)
            for o in given or ()
        )
    else:
        options = (
            Option(name or f"step {place + 1}", 1.0, treatments(given) if isinstance(given, list) else ()),
        )
    return Step(name or f"step {place + 1}", record["at"], action, options, record.get("if", ""),
                tuple(record.get("only", ())))  # fmt: skip


def step_data(step: Step, plain: Any) -> dict[str, Any]:
    """The step as plain data of the file."""
    found: dict[str, Any] = {"name": step.name, "at": step.at}
    if step.if_:
        found["if"] = step.if_
    if step.only:
        found["only"] = list(step.only)
    if step.action == "randomise":
        found["randomise"] = [
            {
                "name": o.name,
                **({"share": o.share} if o.share != 1.0 else {}),
                **({} if o.go_on else {"treatment": [plain(t) for t in o.treatment]}),
            }
            for o in step.options
        ]
    elif step.action in ("stop", "leave"):
        found[step.action] = True
    else:
        found[step.action] = [plain(t) for t in step.options[0].treatment]
    return found
