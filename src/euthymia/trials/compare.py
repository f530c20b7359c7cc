"""Published results beside a protocol's arms.

In: the name of a trial file and a protocol.  Out: rows of the published outcomes, each matched to the arm with the
same drug and dose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from euthymia.compounds.compound import resolve
from euthymia.errors import InputError
from euthymia.protocol.check import dose_mg
from euthymia.protocol.protocol import Protocol

DAILY = 70.0  # kg, for doses per weight


def arm_signature(treatments: Any) -> tuple[tuple[str, float], ...]:
    """Drugs with their first daily dose in mg, sorted; placebo alone is the empty signature."""
    found: dict[str, float] = {}
    for t in treatments:
        if not t.placebo:
            found.setdefault(resolve(t.drug), round(dose_mg(t.dose, DAILY), 6) if t.dose else 0.0)
    return tuple(sorted(found.items()))


def published_rows(name: str, protocol: Protocol) -> Iterator[dict[str, Any]]:
    """Rows of `published.parquet` for one trial of the library.

    Raises
    ------
    InputError
        No trial of that name.
    """
    from euthymia.trials.published import load_trial

    trial = load_trial(name)
    ours = {arm_signature(a.treatment): a.name for a in protocol.arms}
    for arm in trial.arms:
        try:
            matched = ours.get(arm_signature(arm.treatment), "")
        except InputError:
            continue
        for row in arm.published():
            yield {"trial": trial.id, "arm": arm.name, "matched_arm": matched, "cite": trial.cite, **row}
