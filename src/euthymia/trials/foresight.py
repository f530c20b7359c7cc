"""What the network foresees for published contrasts, kept and looked up.

In: what `foreseeing` simulated, or the table shipped with the fitted ensemble.  Out: for every contrast the prior
prediction of every member, or the reason why there is none; and the two features the effect model reads: the mean over
members and the deviations of the members from it.

Assumed: a difference is bounded, BOUND * tanh(difference / BOUND), because patients leave, take other treatment and are
rated on bounded scales; a contrast that the network cannot express has no feature and falls to the statistical terms.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError, Problem
from euthymia.trials.courses import Missing, course_of
from euthymia.trials.ensemble import FOLDER
from euthymia.trials.mechanism import partner
from euthymia.trials.published import Contrast, PublishedTrial

Array = NDArray[np.floating[Any]]
MEMBERS, PATIENTS = 200, 3
BOUND = 6.0  # MADRS points: upper end of the differences between groups that matter
CENTRE = -2.5  # MADRS points: the usual effect, at which the feature is zero
FILE = FOLDER / "contrasts.csv"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network says of one contrast.

    Parameters
    ----------
    members : ndarray, shape (members,), MADRS points
        Arm minus control at the primary time under the prior; NaN where there is none.
    reason : str
        Why there is none.
    given : str
        Arm against control, in words; tells whether a stored prediction is still of the same arms.
    scatter : float
        Standard deviation between patients of a member, MADRS points.
    engaged, shares : dict
        As in `mechanism.Effect`; empty where not asked for.
    """

    members: Array
    reason: str = ""
    given: str = ""
    scatter: float = 0.0
    engaged: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Foresight:
    """Predictions of the network by contrast key; those without one are unknown to it."""

    seen: Mapping[str, Seen] = field(default_factory=dict)
    _rows: dict[str, tuple[float, Array]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for key, seen in self.seen.items():
            if not seen.reason:
                values = bounded(seen.members)
                mean = float(values.mean())
                self._rows[key] = (mean - CENTRE, (values - mean) / np.sqrt(max(len(values) - 1, 1)))

    def known(self, key: str) -> bool:
        """The network can express this contrast."""
        return key in self.seen and not self.seen[key].reason

    def with_more(self, other: Foresight) -> Foresight:
        """Both; `other` wins."""
        return Foresight({**self.seen, **other.seen})

    def features(self, contrasts: Sequence[Contrast]) -> tuple[Array, Array]:
        """Mean less the usual effect, shape (contrasts,), and deviations, shape (contrasts, members)."""
        members = next((len(away) for _, away in self._rows.values()), 1)
        nothing = (0.0, np.zeros(members))
        rows = [self._rows.get(c.key, nothing) for c in contrasts]
        mean = np.array([row[0] for row in rows])
        return mean, np.array([row[1] for row in rows]).reshape(len(contrasts), members)


NOTHING_SEEN = Foresight()


def bounded(difference: Array) -> Array:
    """A difference that cannot pass BOUND; a member that failed takes the mean of the others."""
    filled = np.where(np.isfinite(difference), difference, np.nanmean(difference))
    return BOUND * np.tanh(filled / BOUND)


def given_words(trial: PublishedTrial, arm_name: str) -> str:
    """Arm against control in words, or the reason why they cannot be simulated."""
    arm = trial.arm(arm_name)
    control = next(c.against for c in trial.contrasts() if c.arm == arm_name)
    courses = [course_of(trial, arm), course_of(trial, partner(trial, arm) or trial.arm(control))]
    return " against ".join(c.reason if isinstance(c, Missing) else c.key() for c in courses)


def write_foresight(foresight: Foresight, path: Path) -> None:
    """One row a contrast; members in hundredths of a MADRS point."""
    members = next(len(s.members) for s in foresight.seen.values() if not s.reason)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["contrast", "reason", "given", "scatter", *[f"m{i}" for i in range(members)]])
        for key in sorted(foresight.seen):
            s = foresight.seen[key]
            values = ["" if not np.isfinite(v) else f"{v:.2f}" for v in s.members]
            out.writerow([key, s.reason, s.given, f"{s.scatter:.2f}", *(values if not s.reason else [])])


@cache
def read_foresight(path: Path = FILE) -> Foresight:
    """The table shipped with the fitted ensemble; empty where there is none.

    Raises
    ------
    InputError
        The table is damaged.
    """
    if not path.is_file():
        return NOTHING_SEEN
    found = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                values = [v for k, v in row.items() if k.startswith("m") and v is not None]
                members = np.array([float(v) if v else np.nan for v in values])
                found[row["contrast"]] = Seen(
                    members, row["reason"], row["given"], float(row["scatter"] or 0)
                )
    except (KeyError, ValueError, AttributeError):
        raise InputError([Problem("is damaged; run 'euthymia calibrate'", str(path))]) from None
    return Foresight(found)
