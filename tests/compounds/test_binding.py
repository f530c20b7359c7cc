"""Sites, modulators and partial agonists against their closed forms, from the levels of the same simulation."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.compounds.binding import potencies
from euthymia.compounds.compound import analytes, load_compound
from euthymia.compounds.course import Course, Treatment, simulate_course

TIMES = np.linspace(0.5, 24, 48)


def course(*given: tuple[str, float], ports: list[str]) -> Course:
    treatments = [Treatment(load_compound(name), dose, 0, 0, 24) for name, dose in given]
    return simulate_course(treatments, TIMES, ports=ports, rtol=1e-8)


def load_of(found: Course, name: str, gene: str) -> np.ndarray:
    """Level over the potency at one target."""
    return found.levels[name][0] / potencies(load_compound(name))[gene].EC50


def test_channel_blockers_share_the_pore():
    """Equilibrium block of one site by two ligands: (x + y)/(1 + x + y), whatever opens the channel."""
    found = course(("dextromethorphan", 45), ("esketamine", 28), ports=["GRIN1.block"])
    assert potencies(load_compound("s-norketamine"))["GRIN1"].site == "channel"
    both = np.zeros(TIMES.size)
    known = {**analytes(load_compound("dextromethorphan")), **analytes(load_compound("esketamine"))}
    for name, level in found.levels.items():
        potency = potencies(known[name]).get("GRIN1")
        if potency is not None:
            both += level[0] / potency.EC50
    assert len(found.levels) >= 4 and both.max() > 0.1
    assert found.ports["GRIN1.block"][0] == pytest.approx(both / (1 + both), rel=1e-6)


def test_a_positive_modulator_has_a_site_of_its_own():
    """Hyperbolic in the modulator alone, and no agonism by itself."""
    found = course(("zuranolone", 50), ports=["GABRA1.pam", "GABRA1.agonism"])
    x = load_of(found, "zuranolone", "GABRA1")
    top = potencies(load_compound("zuranolone"))["GABRA1"].maximum
    assert found.ports["GABRA1.pam"][0] == pytest.approx(top * x / (1 + x), rel=1e-6)
    assert "GABRA1.agonism" not in found.ports


def test_a_partial_agonist_is_displaced_by_an_antagonist():
    """Competition at one site: agonism e x/(1 + x + y), antagonism ((1 - e) x + y)/(1 + x + y)."""
    found = course(
        ("cariprazine", 3),
        ("olanzapine", 10),
        ports=["DRD2.agonism", "DRD2.antagonism", "DRD2.occupancy"],
    )
    agonism, total = np.zeros(TIMES.size), np.zeros(TIMES.size)
    bound = np.zeros(TIMES.size)
    known = {**analytes(load_compound("cariprazine")), **analytes(load_compound("olanzapine"))}
    for name, level in found.levels.items():
        potency = potencies(known[name]).get("DRD2")
        if potency is None:
            continue
        x = level[0] / potency.EC50
        total += x
        bound += potency.maximum * x
        agonism += potency.maximum * (0.0 if np.isnan(potency.efficacy) else potency.efficacy) * x
    assert agonism.max() > 0
    assert found.ports["DRD2.agonism"][0] == pytest.approx(agonism / (1 + total), rel=1e-5)
    assert found.ports["DRD2.occupancy"][0] == pytest.approx(bound / (1 + total), rel=1e-5)
    both = found.ports["DRD2.agonism"] + found.ports["DRD2.antagonism"]
    assert both == pytest.approx(found.ports["DRD2.occupancy"], rel=1e-5)
    alone = course(("cariprazine", 3), ports=["DRD2.agonism"])
    assert (found.ports["DRD2.agonism"][0, 10:] < alone.ports["DRD2.agonism"][0, 10:]).all()


def test_memantine_blocks_the_channel():
    """20 mg a day: a level near 0.5 umol/L and a block of some tenths, by its action and not as a ligand of the site."""
    drug = load_compound("memantine")
    times = np.linspace(29 * 24, 30 * 24, 25)
    found = simulate_course([Treatment(drug, 20)], times, ports=["GRIN1.block"])
    assert 0.1 < found.ports["GRIN1.block"].mean() < 0.5
