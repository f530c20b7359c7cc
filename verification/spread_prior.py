"""How much people differ beyond genes and covariates: one pooled number against each drug's own, one drug left out.

For every drug with an observed spread at steady state, the log standard deviation of its clearance that meets the
observation is found; the geometric mean over the *other* drugs predicts it.  Prints both predictions.

Run: python verification/spread_prior.py
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from euthymia.compounds import people, score
from euthymia.compounds.compound import load_compound
from euthymia.compounds.individual import variable_parameters
from euthymia.compounds.observations import Observation, read_observations

TABLE = Path(__file__).with_name("spread_patients.csv")
LEAST, MOST, STEPS = 0.1, 3.0, 7
INSIDE = (0.75, 4 / 3)


def predicted(seen: Observation, factor: float) -> float:
    """Coefficient of variation with every spread of clearance and volume multiplied."""
    people._shares.cache_clear()
    share = people._shares(False)[1]
    alike = replace(seen, row={**seen.row, "population": f"healthy; {seen.row['population']}"})
    with (
        mock.patch.object(people, "_shares", lambda _: (factor, share)),
        mock.patch.object(score, "are_volunteers", lambda *_: True),
        mock.patch.object(score, "draw_covariates", _patients),
        mock.patch.object(score, "STUDY", 0),
    ):
        rows, bad = score.score([alike])
    assert not bad, bad
    return rows[0].predicted


def _patients(given, sex, n, rng, volunteers):
    return people.draw_covariates(given, sex, n, rng, False)


def needed(seen: Observation, observed: float) -> float:
    """The factor that meets an observation, by bisection of its logarithm."""
    low, high = math.log(LEAST), math.log(MOST)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if predicted(seen, math.exp(middle)) < observed else (low, middle)
    return math.exp((low + high) / 2)


def main() -> int:
    """Print the needed, own and pooled spreads; returns 0."""
    observations, _ = read_observations(TABLE)
    parents = [
        s
        for s in observations
        if score._same(s.compound, s.analyte) and not people.are_volunteers(s.row["population"], False)
    ]
    found: dict[str, list[tuple[Observation, float, float, float]]] = {}
    for seen in parents:
        drug = load_compound(seen.compound)
        own = max(s.sd for k, s in variable_parameters([drug]).items() if k.endswith(f"{drug.id}.CL"))
        observed = seen.value / 100
        found.setdefault(drug.name, []).append((seen, observed, own, own * needed(seen, observed)))
    each = {name: float(np.mean([math.log(r[3]) for r in rows])) for name, rows in found.items()}
    print(
        f"{'drug':<16}{'observed':>9}{'own':>7}{'needed':>8}{'pooled of others':>18}{'CV own':>8}{'CV pooled':>10}"
    )
    ratios: dict[str, list[float]] = {"own": [], "pooled": []}
    for name, rows in found.items():
        others = math.exp(np.mean([v for k, v in each.items() if k != name]))
        for seen, observed, own, want in rows:
            plain, pooled = predicted(seen, 1.0), predicted(seen, others / own)
            ratios["own"].append(plain / observed)
            ratios["pooled"].append(pooled / observed)
            print(
                f"{name:<16}{observed:>9.2f}{own:>7.2f}{want:>8.2f}{others:>18.2f}{plain:>8.2f}{pooled:>10.2f}"
            )
    for name, values in ratios.items():
        log = np.log(values)
        inside = np.mean([INSIDE[0] <= v <= INSIDE[1] for v in values])
        bias, off = np.exp(log.mean()), np.exp(np.abs(log).mean())
        print(f"{name}: {inside:.0%} of {len(values)} inside, off by a factor of {off:.2f}, bias {bias:.2f}")
    print(f"pooled over {len(each)} drugs: log SD {math.exp(np.mean(list(each.values()))):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
