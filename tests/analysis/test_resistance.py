"""The virtual population and its resistance: marginals, weights, emergence, definitions, command, figure."""

import json

import numpy as np
import pytest

from euthymia.analysis.resistance import ADEQUATE, Resistance, treat_in_steps
from euthymia.analysis.virtual import virtual_population
from euthymia.cli import main
from euthymia.patients.population import load_population

PEOPLE = 300


@pytest.fixture(scope="module")
def people():
    return virtual_population(load_population("mdd_outpatient"), PEOPLE, profile="core")


@pytest.fixture(scope="module")
def found(people):
    return treat_in_steps(people)


def test_part_of_the_people_falls_ill(people):
    assert 0.2 * PEOPLE < len(people.severity) < 0.8 * PEOPLE and people.severity.min() >= 22


def test_published_marginals_hold_under_the_weights(people):
    """Within two published standard errors, all of them, and at the price of at most two thirds of the precision."""
    weights = people.weights()
    for m in people.marginals():
        weighted = weights.values @ people.features[m.name]
        assert abs(weighted - m.target.value) < 2 * m.target.spread.sd, (m.name, weighted)
    assert weights.effective > len(people.severity) / 3


def test_unweighted_marginals_come_near(people):
    """Within a fourth of the published value or two of its standard errors, whichever is wider."""
    for m in people.marginals():
        room = max(0.25 * m.target.value, 2 * m.target.spread.sd)
        assert abs(people.features[m.name].mean() - m.target.value) < room, m.name


def test_stress_that_stays_ends_where_people_are_followed_without_treatment(people):
    """The share still ill after two years is the published fifth; with stress that never ends it was above a half."""
    later = people.features["chronicity"].mean()
    assert 0.1 < later < 0.3


def test_resistance_emerges_from_vulnerability(people, found):
    """Without any parameter of that name the resistant are the more inflamed, with weaker plasticity or more stress."""
    resistant = found.definitions()["two treatments failed, as prescribed or not"]
    assert 0.1 < resistant.mean() < 0.6
    tone, chi = people.values["inflammation.trait"], people.values["neuroplasticity.chi"]
    assert (
        np.median(tone[resistant]) > 1.2 * np.median(tone[~resistant])
        or chi[resistant].mean() < chi[~resistant].mean()
    )


def test_shares_lie_where_the_field_has_them(found):
    """First treatment: about 30 to 60 % do not respond. Two failures: 15 to 45 % (a fourth to above a third)."""
    shares = found.shares()
    assert 0.25 < shares["no response to the first treatment"] < 0.6
    assert 0.15 < shares["two treatments failed, as prescribed or not"] < 0.45


def test_definitions_are_nested(found):
    d = found.definitions()
    failed = d["two treatments failed, as prescribed or not"]
    assert not (d["two adequate treatments failed"] & ~failed).any()
    assert not (
        d["less than a quarter improvement in two adequate treatments"] & ~d["two adequate treatments failed"]
    ).any()
    assert np.array_equal(failed, d["two adequate treatments failed"] | d["pseudo-resistant"])


def test_definitions_by_hand():
    """Four made-up patients: responder; two adequate failures; the same badly taken; a late responder."""
    nan = np.nan
    one = Resistance(
        before=np.array([[30, nan, nan], [36, 34, 33], [30, 28, 27], [30, 25, nan]]),
        after=np.array([[12, nan, nan], [34, 33, 30], [28, 27, 26], [25, 8, nan]]),
        adherence=np.array([[0.9, nan, nan], [0.9, 0.95, 0.9], [0.9, 0.5, 0.9], [0.9, 0.9, nan]]),
        weeks_ill=np.array([10.0, 120.0, 30.0, 60.0]),
    )
    d = {k: v.tolist() for k, v in one.definitions().items()}
    assert d["two adequate treatments failed"] == [False, True, False, False]
    assert d["pseudo-resistant"] == [False, False, True, False]
    assert d["no remission after all steps"] == [True, True, True, False]
    assert one.maudsley().tolist() == [1 + 3 + 0, 3 + 4 + 2, 1 + 3 + 1, 2 + 3 + 1]
    assert one.general_hospital().tolist() == [0, 3, 2, 1]


def test_adherence_decides_pseudo_resistance(found):
    d = found.definitions()["pseudo-resistant"]
    assert (found.adherence[d, :2].min(axis=1) < ADEQUATE).all()


def test_command_and_page(tmp_path, capsys):
    arguments = ["population", "mdd_outpatient", "--people", "80", "--profile", "core"]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ill"] > 10 and {m["name"] for m in told["marginals"]} >= {
        "raised_crp",
        "cortisol",
        "chronicity",
    }
    assert {e["name"] for e in told["endotypes"]} >= {
        "low_plasticity",
        "anhedonic",
        "anxious",
        "gut",
        "metabolic",
    }
    file = tmp_path / "population.html"
    assert main([*arguments, "--html", str(file)]) == 0
    page = file.read_text("utf-8")
    assert "two adequate treatments failed" in page and page.count("<svg") == 3 and "http" not in page
