"""Why the network foresaw what it did: ports engaged and edges into the symptoms, for the worst misses.

In: a scored report, its trials and what was foreseen.  Out: the same report with words by mechanism.  Assumed: the
library's own values and default structures explain well enough what the ensemble's members do on the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from euthymia.errors import EuthymiaError
from euthymia.trials.ensemble import default_ensemble
from euthymia.trials.foresight import Foresight, Seen
from euthymia.trials.mechanism import Simulator
from euthymia.trials.published import PublishedTrial

WORST = 5
PATIENTS = 6


def explain_worst(
    found: dict[str, Any], trials: Sequence[PublishedTrial], foresight: Foresight, worst: int = WORST
) -> dict[str, Any]:
    """Add to the rows of the worst misses what carried the network's prediction."""
    by_id = {t.id: t for t in trials}
    rows = {r["contrast"]: r for r in found["contrasts"]}
    simulator = Simulator(default_ensemble(), PATIENTS, explain=True)
    for key in found["worst"][:worst]:
        seen = foresight.seen.get(key)
        if seen is None or seen.reason:
            continue
        row = rows[key]
        try:
            effect = simulator.contrasts(by_id[row["trial"]])[row["arm"]]
        except (EuthymiaError, ArithmeticError, LookupError, ValueError):
            continue
        row["network"] = network_words(replace(seen, engaged=effect.engaged, shares=effect.shares))
    return found


def network_words(seen: Seen) -> str:
    """What the network foresees of a contrast, which ports are engaged and which edges carry it."""
    import numpy as np

    if seen.reason:
        return f"network cannot express it: {seen.reason}"
    low, high = np.nanquantile(seen.members, [0.05, 0.95])
    words = f"network foresees {np.nanmean(seen.members):+.1f} ({low:+.1f} to {high:+.1f})"
    if seen.engaged:
        ports = sorted(seen.engaged.items(), key=lambda p: -abs(p[1]))[:4]
        words += "; engages " + ", ".join(f"{k} {v:.2f}" for k, v in ports)
    if seen.shares:
        edges = sorted(seen.shares.items(), key=lambda p: -abs(p[1]))[:3]
        words += "; carried by " + ", ".join(f"{k} {v:+.2f}" for k, v in edges) + " (logit of symptoms)"
    return words
