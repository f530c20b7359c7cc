"""Each compound against what its own sources print: half-life, time of the peak, level at usual doses.

A clearance and a volume may each be well sourced and still give a half-life that nobody saw.  For every compound with
kinetics this simulates one dose of the lower usual size and compares with the hours that its evidence prints (beside
volume and clearance: a half-life; beside absorption: the time of the peak), and the average level between the lower and
the higher usual dose with the reference range.  Where a drug blocks or saturates its own enzymes, the half-life may be
that of one dose or that after repeated ones.  Prints what lies apart and exits 1 where a half-life or a peak does by more
than `FAR`; levels are printed only, because doses and ranges come from different indications.

Run: python verification/consistency.py [COMPOUND ...]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from euthymia.compounds.compound import Compound, list_compounds, load_compound
from euthymia.compounds.course import (
    Treatment,
    days_to_steady_state,
    elimination_half_life,
    simulate_course,
)
from euthymia.evidence.parameter import Evidence

NEAR, FAR = 1.25, 1.6  # factors outside the printed range
SEVERAL = (
    "steady",
    "repeated",
    "multiple",
    "chronic",
    "elderly",
    "old",
    "poor",
)  # circumstances other than one dose


def slowed_half_life(drug: Compound) -> float:
    """Half-life from 12 to 48 h after the last of repeated lower usual doses, h."""
    dose = drug.value("doses.low")
    end = days_to_steady_state([Treatment(drug, dose, 24, 0, 24)]) * 24.0
    course = simulate_course([Treatment(drug, dose, 24, 0, end)], np.array([0.0, end - 12, end + 24]))
    level = course.of(drug.name)[0][0]
    return float(36 * np.log(2) / np.log(level[1] / level[2]))


def peak_time(drug: Compound, route: str) -> float:
    """Hours after one dose of the lower usual size by one route at which the level is highest."""
    times = np.linspace(0.0, 60.0, 1201)
    kind, _, formulation = route.partition("_")
    course = simulate_course(
        [Treatment(drug, drug.value("doses.low"), 0, 0, 24, kind, formulation or None)], times
    )
    return float(times[course.of(drug.name)[0][0].argmax()])


def average(drug: Compound, dose: float) -> float:
    """Average level on one dose a day of what the reference range counts, in the range's canonical unit."""
    once = Treatment(drug, dose, 24, 0, 24)
    end = days_to_steady_state([once]) * 24.0
    times = np.concatenate([[0.0], np.linspace(end - 24, end, 25)])
    course = simulate_course([Treatment(drug, dose, 24, 0, end)], times)
    counted = drug.data["reference_range"].get("of", [drug.name])
    molar = drug.parameters["reference_range.low"].unit.dimension.canonical.startswith("nmol")
    return float(sum(np.mean(course.of(n)[0][0][1:]) * (1 if molar else course.of(n)[1]) for n in counted))


def printed(drug: Compound, *paths: str) -> Iterator[Evidence]:
    """Evidence beside these numbers that prints hours after one dose in ordinary adults."""
    for path in paths:
        for said in drug.parameters[path].evidence if path in drug.parameters else ():
            if said.reported and said.reported[1] == "h" and not any(w in said.says for w in SEVERAL):
                yield said


def apart(value: float, low: float, high: float) -> float:
    """Factor by which a value lies outside a range, 1 inside."""
    return max(1.0, low / value, value / high)


def compare(drug: Compound) -> Iterator[tuple[str, float, float, float, str]]:
    """What was simulated, the printed range and its source."""
    if {"CL", "V"} <= set(drug.parameters):
        usual = drug.value(f"routes.{drug.routes[0]}.ka", np.inf) if drug.routes else np.inf
        seen = [elimination_half_life(drug, usual)]
        blocks = set(drug.data.get("saturation", {})) | set(drug.data.get("inhibits", {}))
        if blocks & set(drug.pathways) and drug.has_kinetics and "doses.low" in drug.parameters:
            seen.append(slowed_half_life(drug))
        for said in printed(drug, "CL", "V", "V2"):
            low, high = said.between or (said.reported[0],) * 2  # type: ignore[index]
            between = float(np.clip(np.sqrt(low * high), min(seen), max(seen)))
            yield "half-life", between, low, high, said.cite
    if not drug.has_kinetics or "doses.low" not in drug.parameters:
        return
    for route in drug.routes:
        for said in printed(drug, f"routes.{route}.ka"):
            low, high = said.between or (said.reported[0],) * 2  # type: ignore[index]
            yield f"peak {route.replace('_', ' ')}", peak_time(drug, route), low, high, said.cite
    if "reference_range.low" in drug.parameters and "doses.high" in drug.parameters:
        low, high = (average(drug, drug.value(f"doses.{end}")) for end in ("low", "high"))
        least, most = (drug.value(f"reference_range.{end}") for end in ("low", "high"))
        middle = float(np.clip(np.sqrt(least * most), low, high))
        yield "level", middle, least, most, "reference range"


def main(names: list[str]) -> int:
    """Print what lies apart; returns 1 where anything lies far apart."""
    compared = near = far = 0
    for name in names or list_compounds():
        drug = load_compound(name)
        for what, value, low, high, cite in compare(drug):
            factor = apart(value, low, high)
            compared += 1
            near += factor > NEAR
            far += factor > FAR and what != "level"
            if factor > NEAR or names:
                unit = "mg/L" if what == "level" else "h"
                flag = "FAR" if factor > FAR else "near" if factor > NEAR else "ok"
                span = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
                print(
                    f"{name:<22} {what:<28} {value:8.3g} {unit:<6} printed {span} ({cite})  {factor:.2f} {flag}"
                )
    print(
        f"{compared} comparisons, {near} apart by more than {NEAR}, {far} half-lives or peaks by more than {FAR}"
    )
    return int(far > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
