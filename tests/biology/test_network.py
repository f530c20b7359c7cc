"""Joining: ports, structures, grades, claims; and every way in which a wrong file is refused, with file and line."""

import re

import pytest

from euthymia.biology import build_network, load_module, module_names, read_module
from euthymia.biology.claims import COUNTED, DOCUMENTED, TESTED, check_claims, read_claims
from euthymia.biology.module import FOLDER
from euthymia.biology.paths import around, resolve, shortest_path, weakest
from euthymia.biology.structures import choose, combinations
from euthymia.engine import Assignment, Fragment, Parameter, State
from euthymia.errors import InputError


def test_full_has_eighteen_modules(full):
    assert len(full.modules) == len(module_names()) == 18


def test_a_drug_fragment_is_joined_to_its_port():
    drug = Fragment(
        assignments={"SLC6A4.occupancy": Assignment("x.level")}, parameters={"x.level": Parameter(0.8)}
    )
    network = build_network("core", fragments=[drug])
    assert network.joined["SLC6A4.occupancy"] == "drug"
    assert "SLC6A4.occupancy" not in network.inputs


def test_another_id_is_joined_through_drug_ports():
    drug = Fragment(
        states={"drug.o": State("-drug.o * drug.k", 1.0)}, parameters={"drug.k": Parameter(0.1, "1/h")}
    )
    network = build_network("core", fragments=[drug], drug_ports={"GRIN1.block": "drug.o"})
    assert network.system.assignments["GRIN1.block"].expression == "drug.o"


def test_a_port_joined_with_the_wrong_dimension_is_refused_with_its_place():
    drug = Fragment(
        assignments={"SLC6A4.occupancy": Assignment("d.c", "nmol/L")},
        parameters={"d.c": Parameter(1.0, "nmol/L")},
    )
    with pytest.raises(
        InputError, match=r"modules/\w+\.yaml:\d+:\d+: ports\.SLC6A4.* provides a substance/volume"
    ):
        build_network("core", fragments=[drug])


def test_a_drug_port_that_nobody_reads_is_refused():
    with pytest.raises(
        InputError, match="no module reads the port 'SLC6A4.occupncy' - did you mean 'SLC6A4.occupancy'"
    ):
        build_network("core", drug_ports={"SLC6A4.occupncy": "x"})


def test_a_module_joined_twice_and_an_unknown_one_are_refused():
    with pytest.raises(InputError, match="'hpa' is joined twice"):
        build_network(["hpa", "hpa"])
    with pytest.raises(InputError, match="no module 'serotonine' - did you mean 'serotonin'"):
        build_network(["serotonine"])


def test_structures_change_parameters_and_unknown_options_are_refused():
    network = build_network("core", {"ssri_delay": "downstream"})
    assert network.system.parameters["serotonin.desensitisation_1a"].value == 0
    with pytest.raises(InputError, match="no option of 'ketamine' - did you mean 'trkb'"):
        choose({"ketamine": "trkbb"})
    assert sum(w for _, w in combinations()) == pytest.approx(1)


def test_edges_of_grade_d_are_off_in_humans_and_on_in_mice(full):
    assert full.switched_off["neuroplasticity.reelin"] == "grade D"
    assert full.system.parameters["neuroplasticity.reelin"].value == 0
    assert build_network("full", species="mouse").system.parameters["neuroplasticity.reelin"].value > 0
    by = {e.strength: e for e in full.edges}
    assert all(by[k].grade == "D" for k in full.switched_off)


def test_structure_options_keep_their_contested_edges_on(full):
    assert full.system.parameters["glutamate_gaba.disinhibition"].value > 0
    assert "glutamate_gaba.disinhibition" not in full.switched_off


BROKEN = [
    ("k_crh*(drive/cortisol", "k_crhh*(drive/cortisol", "'k_crhh' is not declared - did you mean 'k_crh'"),
    ("k_crh*(drive/cortisol", "0.3*k_crh*(drive/cortisol", "0.3 is a naked number"),
    ("outputs: [crh", "outputs: [crhh", "output 'crhh' is no state or assignment - did you mean 'crh'"),
    ("strength: stress_drive", "strength: stress_driv", "'stress_driv' is no parameter of this module"),
    ("to: sensitivity", "to: sensitivty", "'sensitivty' is no state or assignment"),
    (
        "opioid.anandamide: {default",
        "opioid.anandamidee: {default",
        "port 'opioid.anandamidee' is read by no expression",
    ),
    (
        'unit: "1/h"\n    title: turnover of CRH',
        'unit: "1/hq"\n    title: turnover of CRH',
        "'1/hq' is not a unit",
    ),
    ('sign: "+"', 'sign: "up"', "unknown value 'up'"),
]


@pytest.mark.parametrize(("old", "new", "message"), BROKEN, ids=[b[2][:40] for b in BROKEN])
def test_a_broken_module_is_refused_with_file_and_line(old, new, message, tmp_path):
    text = (FOLDER / "hpa.yaml").read_text()
    assert old in text
    path = tmp_path / "hpa.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_module(path)
    problems = [str(p) for p in caught.value.problems]
    assert any(message in p and re.search(r"hpa\.yaml:\d+:\d+", p) for p in problems), problems


def test_an_edge_without_evidence_is_refused(tmp_path):
    text = (FOLDER / "hpa.yaml").read_text()
    path = tmp_path / "hpa.yaml"
    path.write_text(
        re.sub(r"    evidence:\n(      - .*\n(       .*\n)?)+  - from", "  - from", text, count=1)
    )
    with pytest.raises(InputError, match="'evidence' is missing"):
        read_module(path)


def test_a_network_that_does_not_rest_is_refused(monkeypatch, tmp_path):
    import euthymia.biology.network as network

    text = (FOLDER / "hpa.yaml").read_text().replace("acth: {initial: 1,", "acth: {initial: 1.5,")
    path = tmp_path / "hpa.yaml"
    path.write_text(text)
    monkeypatch.setattr(
        network,
        "load_module",
        lambda name, variant="": read_module(path) if name == "hpa" else load_module(name, variant),
    )
    with pytest.raises(InputError, match=r"hpa\.acth: does not rest"):
        build_network("core")


def test_paths_name_their_weakest_evidence(full):
    route = shortest_path(full, resolve(full, "sert"), resolve(full, "madrs"))
    assert route[0].source == "SLC6A4.occupancy" and route[-1].target == "symptoms.madrs"
    assert weakest(route).grade in "BC"
    assert resolve(full, "bdnf") == "neuroplasticity.bdnf" and around(full, "neuroplasticity.bdnf")


def test_every_claim_has_a_home_and_enough_can_be_run():
    ledger = read_claims()
    assert [c.id for c in ledger] == list(range(1, 302))
    assert not check_claims(ledger)
    counted = [c for c in ledger if c.type in COUNTED]
    assert sum(c.state != DOCUMENTED for c in counted) >= 0.85 * len(counted)
    assert sum(c.state == TESTED for c in counted) >= 0.70 * len(counted)


def test_a_claim_without_a_home_is_found():
    from dataclasses import replace

    first = read_claims()[1]
    wrong = [replace(first, homes=("edge:no->where",)), replace(first, id=9999, homes=())]
    messages = [str(p) for p in check_claims(wrong)]
    assert any("no edge 'no->where'" in m for m in messages) and any("has no home" in m for m in messages)


@pytest.mark.parametrize(
    ("asked", "said", "rows"),
    [
        (("--around", "bdnf"), "what enters and leaves neuroplasticity.bdnf", "hpa.cortisol"),
        (("--path", "sert..madrs"), "weakest evidence on the path", "SLC6A4.occupancy"),
    ],
)
def test_the_page_of_a_part_shows_the_part(asked, said, rows, tmp_path):
    from euthymia.cli import main

    page = tmp_path / "part.html"
    assert main(["network", *asked, "--html", str(page)]) == 0
    text = page.read_text("utf-8")
    assert said in text and rows in text and text.count("<tr ") < 30 and text.count("<svg") == 1
