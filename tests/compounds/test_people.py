"""Chance between volunteers and patients."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.compounds.compound import load_compound
from euthymia.compounds.course import Treatment, simulate_course
from euthymia.compounds.exposure import area
from euthymia.compounds.genotype import enzyme_numbers
from euthymia.compounds.individual import variable_parameters
from euthymia.compounds.people import are_volunteers, draw_people

N = 3000
TIMES = np.concatenate([[0.0], np.geomspace(0.05, 3000, 160)])


def areas(name: str, volunteers: bool) -> dict[str, np.ndarray]:
    """log AUC of every analyte after one dose."""
    drug = load_compound(name)
    draws, override = draw_people(drug, "oral", N, np.random.default_rng(3), volunteers)
    given = [Treatment(drug, 10, 0, 0, 3000)]
    found = simulate_course(given, TIMES, draws=draws, override=override, n=N, rtol=1e-4)
    return {k: np.log([area(TIMES, row) for row in v]) for k, v in found.levels.items()}


@pytest.mark.parametrize("volunteers", [False, True])
def test_the_area_of_a_linear_drug_varies_as_its_oral_clearance(volunteers):
    """Splitting the variance between clearance and bioavailability leaves that of the area as it was."""
    share = enzyme_numbers()["groups.volunteers"].value if volunteers else 1.0
    sd = variable_parameters([load_compound("olanzapine")])["olanzapine.CL"].sd
    assert areas("olanzapine", volunteers)["olanzapine"].std() == pytest.approx(share * sd, rel=0.05)


def test_bioavailability_does_not_move_the_product_of_the_first_pass():
    """Area of a product made from all of the dose depends on its own clearance alone."""
    drug = load_compound("sertraline")
    sd = variable_parameters([drug])["sertraline.norsertraline.CL"].sd
    assert areas("sertraline", False)["sertraline.norsertraline"].std() == pytest.approx(sd, rel=0.1)


def test_words_tell_volunteers_from_patients():
    assert are_volunteers("healthy volunteers, n=24", single=False)
    assert are_volunteers("", single=True)
    assert not are_volunteers("inpatients", single=True)
    assert not are_volunteers("n=192", single=False)
