"""The few error classes, and problems that say where they are.

A `Problem` is one fault with its place, what was found, what is allowed and the nearest right name.  Readers
collect every problem of their input and raise one `InputError` that carries them all.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

LIKE, LIKE_SHORT = 0.75, 0.6  # likeness from which a name is offered; one slip weighs more in a short name
LONG = 6  # letters


class EuthymiaError(Exception):
    """Base of every error that Euthymia raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in an input, with its place.

    Parameters
    ----------
    message : str
        What was wrong, the value, what is allowed, and the next step.
    file : str
        The file as the user named it; empty where there is none.
    line, column : int
        Counted from 1; 0 where unknown.
    key : str
        Dotted path of the key inside the file.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)]) if self.file else ""
        return ": ".join(part for part in (place, self.key, self.message) if part)


class InputError(EuthymiaError):
    """The user's input is wrong; every problem found is listed (exit code 2)."""

    def __init__(self, problems: Iterable[Problem | str]):
        self.problems: list[Problem] = [p if isinstance(p, Problem) else Problem(p) for p in problems]
        super().__init__("\n".join(str(p) for p in self.problems))


class UnitError(EuthymiaError):
    """A unit cannot be read, or a quantity has the wrong dimension."""


class SolverError(EuthymiaError):
    """A simulation as a whole could not be run (one sick patient never raises)."""


class StoreError(EuthymiaError):
    """A result folder cannot be read or written."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """`" - did you mean 'x'?"` for the closest allowed name, else an empty string.

    >>> nearest("sertralin", ["sertraline", "imipramine"])
    " - did you mean 'sertraline'?"
    >>> nearest("liafensine", ["caffeine"])
    ''
    """
    names = {str(a).lower(): str(a) for a in allowed}
    cutoff = LIKE if len(name) >= LONG else LIKE_SHORT
    close = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=cutoff)
    return f" - did you mean '{names[close[0]]}'?" if close else ""
