"""Predictions averaged over rival mechanisms: the arithmetic, the screening, the command and the report."""

import json
from pathlib import Path

import pytest

from euthymia.analysis import structures
from euthymia.analysis.structures import average, predict_over_structures
from euthymia.cli import main
from euthymia.errors import InputError
from euthymia.protocol.protocol import read_protocol

PROTOCOL = """euthymia: 1
title: one infusion
duration: 2 days
visits: [baseline, day 2]
population: {base: mdd_outpatient, include: ['madrs >= 20']}
arms:
  - {name: placebo, n: 10, control: true, treatment: [{drug: placebo}]}
  - {name: ketamine, n: 10, treatment: [{drug: ketamine, dose: 0.5 mg/kg, route: iv, infusion: 40 min, on: [baseline]}]}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("structures") / "trial.yaml"
    path.write_text(PROTOCOL)
    return path


@pytest.fixture(scope="module")
def found(file):
    """Screened: ketamine's own mechanisms, and one structure that cannot matter to it."""
    with pytest.MonkeyPatch.context() as patch:
        known = structures.structures()
        some = {k: known[k] for k in ("ketamine", "deep_brain_stimulation")}
        patch.setattr(structures, "structures", lambda: some)
        return predict_over_structures(read_protocol(file), patients=8)


def test_average_by_hand():
    """0.5*-2 + 0.25*-3 + 0.25*0.5 = -1.625; two of three have its sign and at least half its size."""
    a = average("x", [-2.0, -3.0, 0.5], [2.0, 1.0, 1.0])
    assert a.mean == pytest.approx(-1.625) and (a.agree, a.total) == (2, 3)
    assert a.agree_weight == pytest.approx(0.75)
    assert a.sd == pytest.approx((0.5 * 0.375**2 + 0.25 * 1.375**2 + 0.25 * 2.125**2) ** 0.5)


def test_only_structures_that_move_the_prediction_are_combined(found):
    assert "ketamine" in found.varied and "deep_brain_stimulation" in found.without_effect
    assert sum(c.weight for c in found.combinations) == pytest.approx(1)
    by = {c.structures["ketamine"]: c.differences["ketamine"] for c in found.combinations}
    assert set(by) == {"disinhibition", "nmda_at_rest", "metabolite", "trkb"} and len(set(by.values())) == 4


def test_the_average_lies_between_its_structures(found):
    a = found.averages[0]
    assert a.low <= a.mean <= a.high and a.total == len(found.combinations) and a.agree <= a.total


def test_rival_forms_can_be_tried_as_well(file):
    found = predict_over_structures(
        read_protocol(file), ["deep_brain_stimulation"], ["neuroplasticity"], patients=4
    )
    assert {c.forms.get("neuroplasticity", "ordinary") for c in found.combinations} == {"ordinary", "loop"}


def test_bad_requests_are_refused_together(file):
    with pytest.raises(InputError) as caught:
        predict_over_structures(read_protocol(file), ["ketamin"], ["symptoms"])
    said = [str(p) for p in caught.value.problems]
    assert any("no structure 'ketamin' - did you mean 'ketamine'" in s for s in said)
    assert any("'symptoms' has no rival forms" in s for s in said)


def test_command_lists_and_reports(file, found, tmp_path, capsys, monkeypatch):
    assert main(["structures"]) == 0
    said = capsys.readouterr().out
    assert "ssri_delay" in said and "hpa.gupta" in said
    monkeypatch.setattr(structures, "predict_over_structures", lambda *_, **__: found)
    assert main(["structures", str(file)]) == 0
    assert f"of {len(found.combinations)} agree" in capsys.readouterr().out
    arguments = ["run", str(file), "--out", str(tmp_path), "--structures", "--json", "--jobs", "1"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["structures"]["averages"][0]["total"] == len(result["structures"]["combinations"])
    page = Path(result["report"]).read_text("utf-8")
    assert "Where science disagrees" in page and "Averaged over structures" in page
