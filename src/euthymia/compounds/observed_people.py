"""What each of many people like those of a study would show, for means and coefficients of variation.

In: an `Observation`.  Out: one value of a metric a person.
"""

from __future__ import annotations

import numpy as np

from euthymia.compounds.compound import Compound, analytes, load_compound
from euthymia.compounds.course import draw_occasions
from euthymia.compounds.genotype import draw_scores, genotyped_enzymes
from euthymia.compounds.observations import Observation
from euthymia.compounds.observed_course import measure, simulate_observed, treatment_of
from euthymia.compounds.people import ancestry_of, are_volunteers, draw_covariates, draw_people

CROWD = 1000  # people for a mean or a coefficient of variation: poor metabolisers are few and count much


def are_alike(seen: Observation) -> bool:
    return are_volunteers(seen.row.get("population", ""), not seen.interval or seen.duration == 0)


def people_of(seen: Observation, metric: str, molar: bool = False) -> np.ndarray:
    """A metric of each of many people like those of a study; nmol/L (times h for areas)."""
    compound = load_compound(seen.compound)
    rng = np.random.default_rng(1)
    about = f"{seen.row.get('population', '')} {seen.row.get('citation', '')}"
    alike = are_alike(seen)
    people = draw_covariates(seen.covariates, seen.sex, CROWD, rng, alike) | _genes(compound, rng, about)
    if "/kg" in seen.row.get("unit", ""):
        people.pop("weight")  # a dose by weight: heavier people get more
    draws, absorbed = draw_people(compound, treatment_of(seen, compound).key(), CROWD, rng, alike)
    occasions = draw_occasions([compound], CROWD, rng)
    course, plan = simulate_observed(
        seen, CROWD, draws, people=people, override=absorbed, occasions=occasions
    )
    levels, _ = course.of(seen.analyte, molar)
    return np.array([measure(seen, course, plan, row, metric) for row in levels])


def _genes(compound: Compound, rng: np.random.Generator, about: str) -> dict[str, np.ndarray]:
    """Activity scores of a group for the enzymes that clear a compound, by the ancestry that is told."""
    shares = {e for part in analytes(compound).values() for e in part.pathways}
    ancestry = ancestry_of(about)
    return {e: draw_scores(e, rng.random(CROWD), ancestry) for e in genotyped_enzymes() if e in shares}
