"""Faults of modules, forms, structures and networks: refused when loaded, with the exact message, file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from euthymia.biology import build_network, load_module, network, read_module, structures
from euthymia.biology.module import FOLDER
from euthymia.engine import Assignment, Fragment, Parameter
from euthymia.errors import InputError


def changed(tmp_path: Path, old: str, new: str, source: Path) -> Path:
    """A library file with one place changed."""
    text = source.read_text("utf-8")
    assert text.count(old) >= 1, old
    path = tmp_path / source.name
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def line_of(path: Path, text: str) -> int:
    return path.read_text("utf-8")[: path.read_text("utf-8").index(text)].count("\n") + 1


def refused(call, *arguments, **options) -> list[str]:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return [str(p) for p in caught.value.problems]


def with_module(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Networks read this file in place of the library's module of the same name."""
    name = path.stem.split(".")[0]
    real = network.load_module
    monkeypatch.setattr(
        network, "load_module", lambda n, v="": read_module(path) if n == name else real(n, v)
    )


def test_a_module_that_misses_a_port(tmp_path):
    """The expression reads what no port declares."""
    old = '  opioid.anandamide: {default: 1, unit: "1", title: anandamide}\n'
    path = changed(tmp_path, old, "", FOLDER / "hpa.yaml")
    said = refused(read_module, path)
    line = line_of(path, 'expression: "max(drive_floor')
    assert any(
        re.fullmatch(
            rf"{re.escape(str(path))}:{line}:\d+: assignments\.drive\.expression: 'opioid\.anandamide' is not declared"
            r"(; declare it as a parameter or as a port| - did you mean .*)",
            s,
        )
        for s in said
    ), said


def test_a_port_whose_provider_has_no_such_output(tmp_path, monkeypatch):
    path = tmp_path / "hpa.yaml"
    path.write_text(
        (FOLDER / "hpa.yaml").read_text("utf-8").replace("inflammation.signal", "inflammation.signall"),
        "utf-8",
    )
    with_module(monkeypatch, path)
    line = line_of(path, "  inflammation.signall: {default")
    assert refused(build_network, "core") == [
        f"{path}:{line}:3: ports.inflammation.signall: 'inflammation.signall' is no output of 'inflammation'"
        " - did you mean 'inflammation.signal'?"
    ]


def test_two_modules_that_define_one_name():
    assert refused(build_network, ["hpa", "hpa.gupta"]) == [
        "modules/hpa.gupta.yaml:1: module: module 'hpa' is joined twice"
    ]


def test_one_name_twice_inside_a_module(tmp_path):
    new = '  feedback: {unit: "1", title: again, expression: "1"}\n  external:'
    path = changed(tmp_path, "  external:", new, FOLDER / "hpa.yaml")
    line = line_of(path, '  feedback: {unit: "1", title: feedback')
    assert refused(read_module, path) == [f"{path}:{line}:3: feedback: 'feedback' stands here a second time"]


def test_a_state_that_is_also_a_parameter(tmp_path):
    new = 'parameters:\n  crh:\n    value: 1\n    unit: "1"\n    title: again\n    evidence:\n      - {basis: assumed, says: "a fault"}\n'
    path = changed(tmp_path, "parameters:\n", new, FOLDER / "hpa.yaml")
    line = line_of(path, "parameters:\n") + 1
    assert f"{path}:{line}:3: parameters.crh: 'crh' is also one of the states" in refused(read_module, path)


def test_a_port_joined_with_the_wrong_dimension():
    drug = Fragment(
        assignments={"SLC6A4.occupancy": Assignment("d.c", "nmol/L")},
        parameters={"d.c": Parameter(1.0, "nmol/L")},
    )
    said = refused(build_network, "core", fragments=[drug])
    assert len(said) == 1
    assert re.fullmatch(
        r"modules/serotonin\.yaml:\d+:\d+: ports\.SLC6A4\.occupancy\.unit: port 'SLC6A4\.occupancy' is a dimensionless, "
        r"but 'drug' provides a substance/volume",
        said[0],
    ), said


def test_two_modules_that_disagree_on_a_port(tmp_path, monkeypatch):
    old, new = (
        "psychological_lifestyle.stress: {default: 0,",
        "psychological_lifestyle.stress: {default: 0.5,",
    )
    path = changed(tmp_path, old, new, FOLDER / "hpa.yaml")
    with_module(monkeypatch, path)
    said = refused(build_network, "core")
    line = line_of(path, new)
    assert any(
        s.startswith(f"{path}:{line}:") and "rests at 0.5, in modules/noradrenaline.yaml at 0" in s
        for s in said
    ), said


def test_an_edge_without_evidence(tmp_path):
    text = (FOLDER / "hpa.yaml").read_text("utf-8")
    path = tmp_path / "hpa.yaml"
    path.write_text(
        re.sub(r"    evidence:\n(      - .*\n(       .*\n)?)+  - from", "  - from", text, count=1), "utf-8"
    )
    line = line_of(path, "  - from: psychological_lifestyle.stress")
    assert refused(read_module, path) == [f"{path}:{line}:5: edges.0: 'evidence' is missing"]


def test_a_structure_that_conflicts_with_another(tmp_path, monkeypatch):
    for source in structures.FOLDER.glob("*.yaml"):
        (tmp_path / source.name).write_text(source.read_text("utf-8"), "utf-8")
    path = tmp_path / "ketamine.yaml"
    path.write_text(
        path.read_text("utf-8").replace("  trkb:\n", "  trkb:\n    excludes: [psychedelic=trkb]\n", 1),
        "utf-8",
    )
    monkeypatch.setattr(structures, "FOLDER", tmp_path)
    line = line_of(path, "excludes")
    assert refused(structures.choose, {"ketamine": "trkb", "psychedelic": "trkb"}) == [
        f"{path}:{line}:16: structures.ketamine: 'ketamine=trkb' conflicts with 'psychedelic=trkb'"
    ]
    assert structures.choose({"ketamine": "trkb"})["ketamine"].name == "trkb"


def test_a_network_that_does_not_rest(tmp_path, monkeypatch):
    path = changed(tmp_path, "  acth: {initial: 1,", "  acth: {initial: 2,", FOLDER / "hpa.yaml")
    with_module(monkeypatch, path)
    said = refused(build_network, "core")
    line = line_of(path, 'rate: "k_acth')
    assert said[
        0
    ] == f"{path}:{line}:11: hpa.acth: does not rest: drifts by -1 per hour when nothing is given" or any(
        re.fullmatch(
            rf"{re.escape(str(path))}:{line}:\d+: hpa\.acth: does not rest: drifts by \S+ per hour when nothing is given",
            s,
        )
        for s in said
    ), said


def test_nothing_is_refused_in_the_library():
    assert load_module("hpa").states and build_network("core").system.states
