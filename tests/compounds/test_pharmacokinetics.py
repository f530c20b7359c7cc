"""Kinetics against closed forms and conservation of mass."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.compounds.binding import occupancy_fragment, potencies
from euthymia.compounds.compound import Compound, load_compound
from euthymia.compounds.course import Treatment, simulate_course
from euthymia.compounds.exposure import analyse, area
from euthymia.compounds.individual import individual_parameters, variable_parameters
from euthymia.compounds.pharmacokinetics import dose_target, fragment
from euthymia.engine import Dose, Events, OdeSystem, solve_reference
from euthymia.errors import InputError


def steady(name: str, dose: float, every: float = 24.0, days: int = 60, **more) -> float:
    """Average level of the parent over the last interval, nmol/L."""
    times = np.linspace(days * 24 - every, days * 24, 97)
    course = simulate_course([Treatment(load_compound(name), dose, every, 0, days * 24)], times, **more)
    compound = load_compound(name)
    return area(times, course.levels[compound.id][0]) / every


def test_one_compartment_absorption_follows_the_bateman_function():
    drug = load_compound("reboxetine")
    times = np.linspace(0.5, 72, 40)
    course = simulate_course([Treatment(drug, 10, 0, 0, 72)], times, rtol=1e-8)
    ka, k = drug.value("routes.oral.ka"), drug.value("CL") / drug.value("V")
    dose = 10 * drug.nmol_per_mg()
    expected = dose * ka / (drug.value("V") * (ka - k)) * (np.exp(-k * times) - np.exp(-ka * times))
    assert course.levels["reboxetine"][0] == pytest.approx(expected, rel=1e-5)


def test_two_compartments_with_absorption_follow_their_closed_form():
    """Sum of three exponentials (Gibaldi and Perrier) from the micro-constants, after the lag."""
    drug = load_compound("escitalopram")
    times = np.linspace(0.5, 120, 60)
    since = np.maximum(times - drug.value("routes.oral.lag"), 0.0)
    course = simulate_course([Treatment(drug, 10, 0, 0, 120)], times, rtol=1e-8)
    volume, ka = drug.value("V"), drug.value("routes.oral.ka")
    k10, k12 = drug.value("CL") / volume, drug.value("Q2") / volume
    k21 = drug.value("Q2") / drug.value("V2")
    total = k10 + k12 + k21
    alpha, beta = ((total + sign * np.sqrt(total**2 - 4 * k10 * k21)) / 2 for sign in (1, -1))
    dose = 10 * drug.nmol_per_mg() * ka / volume
    expected = dose * (
        (k21 - alpha) / ((ka - alpha) * (beta - alpha)) * np.exp(-alpha * since)
        + (k21 - beta) / ((ka - beta) * (alpha - beta)) * np.exp(-beta * since)
        + (k21 - ka) / ((alpha - ka) * (beta - ka)) * np.exp(-ka * since)
    )
    assert course.levels["escitalopram"][0] == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_average_level_is_dose_over_clearance_and_interval():
    drug = load_compound("escitalopram")
    expected = 10 * drug.nmol_per_mg() / drug.value("CL") / 24
    assert steady("escitalopram", 10) == pytest.approx(expected, rel=2e-3)


def test_first_pass_and_clearance_agree_with_the_well_stirred_liver():
    """AUC after an oral dose is F_ref D / (CL r) whatever the extraction; after the vein it depends on E."""
    drug = load_compound("imipramine")
    function = np.array([0.0])
    r = 1 - drug.value("pathways.CYP2D6")
    times = np.unique(np.concatenate([np.geomspace(0.02, 400, 400), [0.0]]))
    given = Treatment(drug, 50, 0, 0, 400)
    normal = simulate_course([given], times)
    poor = simulate_course([given], times, {"CYP2D6": function})
    ratio = area(times, poor.levels["imipramine"][0]) / area(times, normal.levels["imipramine"][0])
    assert ratio == pytest.approx(1 / r, rel=2e-3)


def test_an_intravenous_dose_feels_less_of_a_lost_enzyme_where_the_liver_extracts_much():
    """After the vein AUC rises by (1 - E + E r)/r, less than by 1/r."""
    drug = load_compound("esketamine")
    e = drug.value("extraction")
    times = np.unique(np.concatenate([np.geomspace(0.02, 120, 500), [0.0, 0.5]]))
    given = Treatment(drug, 30, 0, 0, 120, route="intravenous", infusion=0.5)
    function = {"CYP3A4": np.array([0.0])}
    # an activity score of 0 keeps the rest of CYP3A4 that other CYP3A enzymes stand for
    left = individual_parameters([drug], function)["esketamine.CYP3A4.function"][0]
    r = 1 - drug.value("pathways.CYP3A4") * (1 - left)
    auc = [area(times, simulate_course([given], times, p).levels["esketamine"][0]) for p in ({}, function)]
    assert auc[1] / auc[0] == pytest.approx((1 - e + e * r) / r, rel=3e-3)


def test_every_molecule_of_imipramine_is_accounted_for():
    """Depot, both compartments and what was lost add up to the absorbed dose at any time."""
    drug = load_compound("imipramine")
    part = fragment(drug)
    system = OdeSystem.join("mass", part)
    target = dose_target(drug)
    times = np.linspace(0, 96, 961)
    names = ["imipramine.depot", "imipramine.A1", "imipramine.elimination", "imipramine.A2"]
    doses = Events([[Dose(0.0, target.state, 1000.0, bioavailability=1.0)]], np.zeros(1, int))
    found = solve_reference(system, 1, {}, doses, times, names, rtol=1e-9).values[0]
    lost = np.concatenate([[0], np.cumsum((found[1:, 2] + found[:-1, 2]) / 2 * np.diff(times))])
    total = found[1:, 0] + found[1:, 1] + found[1:, 3] + lost[1:]
    assert total == pytest.approx(1000.0, rel=2e-3)  # trapezoid over 0.1 h steps


def test_racemic_ketamine_is_the_sum_of_its_enantiomers_alone():
    times = np.linspace(0.1, 12, 50)
    both = simulate_course(
        [Treatment(load_compound("ketamine"), 40, 0, 0, 12, infusion=0.5)], times, rtol=1e-8
    )
    s = simulate_course(
        [Treatment(load_compound("esketamine"), 20, 0, 0, 12, route="iv", infusion=0.5)], times, rtol=1e-8
    )
    level = both.levels["ketamine.esketamine"][0]
    late = times > 1  # the racemate passes a one-minute mixing step
    assert level[late] == pytest.approx(s.levels["esketamine"][0][late], rel=0.02)


@pytest.mark.parametrize("name", ["paroxetine", "fluvoxamine", "fluoxetine"])
def test_level_rises_more_than_the_dose_for_drugs_that_block_their_own_clearance(name):
    low = load_compound(name).value("doses.low")
    assert steady(name, 2 * low, days=90) / steady(name, low, days=90) > 2.15


def single(name: str, dose: float) -> tuple[float, float]:
    """AUC to infinity (nmol*h/L) and half-life (h) of the parent after one dose."""
    times = np.concatenate([[0.0], np.geomspace(0.05, 1200, 500)])
    course = simulate_course([Treatment(load_compound(name), dose, 0, 0, 1200)], times)
    found = analyse(times, course.levels[name][0])
    return found.AUC, found.t_half


def test_fluvoxamine_rises_threefold_where_the_dose_doubles():
    """Spigset 1998 (ten men, half the daily dose twice a day): AUC 3.25, 3.17 and 3.14 times for 25 to 200 mg a day.

    The last two steps are met; at the lowest doses the model is too linear (2.4), which the bound says.
    """
    areas = [steady("fluvoxamine", dose, 12.0) for dose in (12.5, 25, 50, 100)]
    rises = [high / low for low, high in zip(areas, areas[1:], strict=False)]
    assert rises[0] == pytest.approx(3.25, rel=0.3)
    assert rises[1:] == pytest.approx([3.17, 3.14], rel=0.15)


def test_paroxetine_accumulates_more_than_its_first_dose_predicts():
    """Controlled-release 25 mg in twelve people: AUC 100.9 after one dose, 706.8 ng*h/mL at steady state (7.0 times);
    half-life 12.0 h (SD 3.6) after one 20 mg dose in 24 men, 21 h (CV 32 %) after 30 days of 30 mg."""
    first, half_life = single("paroxetine", 25)
    assert 24 * steady("paroxetine", 25) / first == pytest.approx(7.0, rel=0.25)
    assert single("paroxetine", 20)[1] == pytest.approx(12.0, rel=0.25)
    times = np.array([30.0, 31.5]) * 24
    course = simulate_course([Treatment(load_compound("paroxetine"), 30, 24, 0, 30 * 24)], times)
    early, late = course.levels["paroxetine"][0]
    after = 36 * np.log(2) / np.log(early / late)
    assert after == pytest.approx(21, rel=0.3) and after > 1.4 * half_life


def test_fluoxetine_leaves_more_slowly_after_weeks_than_after_one_dose():
    """Label: half-life 1 to 3 days after one dose, 4 to 6 days after long use."""
    assert 24 < single("fluoxetine", 20)[1] < 72
    times = np.array([61.0, 66.0]) * 24
    course = simulate_course([Treatment(load_compound("fluoxetine"), 40, 24, 0, 60 * 24)], times)
    early, late = course.levels["fluoxetine"][0]
    assert 4 * 24 < 120 * np.log(2) / np.log(early / late) < 6.5 * 24


def test_poor_metabolisers_form_some_dextrorphan():
    """About a tenth of what is left of the clearance: present, but far below that of normal metabolisers."""
    times = np.linspace(0.01, 72, 300)
    genes = {"CYP2D6": np.array([0.0, 2.0])}
    given = [Treatment(load_compound("dextromethorphan"), 30, 0, 0, 72)]
    poor, normal = simulate_course(given, times, genes, n=2).levels["dextromethorphan.dextrorphan"]
    assert 0.02 < area(times, poor) / area(times, normal) < 0.2


def test_sertraline_and_escitalopram_are_linear():
    for name in ("sertraline", "escitalopram"):
        assert steady(name, 40) / steady(name, 20) == pytest.approx(2, rel=1e-3)


def test_irreversible_inhibition_outlasts_the_drug():
    drug = load_compound("phenelzine")
    times = np.array([27.9, 42.0]) * 24
    course = simulate_course([Treatment(drug, 60, 24, 0, 28 * 24)], times, ports=["MAOA.inhibition"])
    on, after = course.ports["MAOA.inhibition"][0]
    assert 0.8 < on < 0.95
    assert course.levels["phenelzine"][0, 1] < 1e-6 * course.levels["phenelzine"][0, 0]
    turnover = drug.value("targets.MAOA.turnover")
    assert after / on == pytest.approx(np.exp(-turnover * 14 * 24), rel=0.05)


def test_competing_ligands_share_one_site():
    """Two ligands at their EC50 occupy a third of the sites each."""
    drug = load_compound("imipramine")
    bound = occupancy_fragment([drug], ["SLC6A4.occupancy", "SLC6A4.agonism"])
    text = bound.assignments["SLC6A4.occupancy"].expression
    assert text.count("/") == 3 and "SLC6A4.orthosteric_load" in text
    assert bound.assignments["SLC6A4.agonism"].expression.startswith("(0)")
    assert "HTR9.occupancy" not in occupancy_fragment([drug], ["HTR9.occupancy"]).assignments


def test_in_vivo_potency_goes_before_the_affinity_table():
    assert potencies(load_compound("sertraline"))["SLC6A4"].basis == "in vivo"
    prior = potencies(load_compound("sertraline"))["SLC6A3"]
    assert prior.basis == "prior" and prior.uncertainty.sd >= 0.55 * np.log(10)


def test_patient_size_genes_and_chance_move_the_parameters():
    drug = load_compound("escitalopram")
    z = np.array([0.0, 1.0])
    found = individual_parameters([drug], {"weight": np.array([70.0, 140.0])}, {"escitalopram.V": z})
    assert found["escitalopram.CL"][1] / found["escitalopram.CL"][0] == pytest.approx(2**0.75)
    sd = variable_parameters([drug])["escitalopram.V"].sd
    assert found["escitalopram.V"][1] / found["escitalopram.V"][0] == pytest.approx(2 * np.exp(sd))
    genes = individual_parameters([drug], {"CYP2C19": np.array([0.0, 2.0])})
    assert list(genes["escitalopram.CYP2C19.function"]) == [0.0, 1.0]


def test_impossible_covariates_are_all_named():
    with pytest.raises(InputError) as caught:
        individual_parameters(
            [load_compound("escitalopram")], {"weight": np.array([-5.0]), "age": np.array([300.0])}
        )
    assert len(caught.value.problems) == 2


def test_a_route_without_data_lists_those_that_have():
    with pytest.raises(InputError, match="it has: oral"):
        fragment(load_compound("sertraline"), "intranasal")


def test_unknown_drug_offers_the_nearest():
    with pytest.raises(InputError, match="did you mean 'imipramine'"):
        load_compound("imipramin")


def test_placebo_has_nothing_to_simulate():
    placebo: Compound = load_compound("placebo")
    assert not placebo.has_kinetics
    with pytest.raises(InputError, match="no level can be computed"):
        fragment(placebo)
