"""Modules and networks as SBML: a small form of `verification/sbml_export.py`, which runs all of them."""

import re
import sys
from pathlib import Path

import pytest

from euthymia.biology import build_network, load_module
from euthymia.interop.sbml_export import consistency
from euthymia.interop.sbml_network import export_network

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "verification"))
import sbml_export as verification

TOLERANCE = 1e-4  # what is asked of trajectories; measured deviations are below 1e-7


@pytest.mark.parametrize("name", ["hpa", "hpa.gupta", "symptoms", "core network"])
def test_other_programs_agree(name, tmp_path):
    pytest.importorskip("roadrunner")
    pytest.importorskip("COPASI")
    part = build_network("core") if name == "core network" else load_module(*name.split(".", 1))
    line, fine = verification.check(part, tmp_path, TOLERANCE)
    assert fine, line


def test_the_whole_network_has_no_fault_and_says_who_says_so(tmp_path):
    text = export_network(build_network("full"), tmp_path / "full.xml")
    assert consistency(text) == []
    assert "identifiers.org/hgnc.symbol:SLC6A4" in text and "identifiers.org/pubmed:" in text
    assert (
        text.count("sboTerm=") == text.count("<parameter ")
        and (tmp_path / "full.xml").read_text("utf-8") == text
    )


def test_a_wrong_sign_is_noticed(tmp_path, monkeypatch):
    """Mutation: a model with one constant changed must not pass as the same."""
    pytest.importorskip("roadrunner")
    honest = verification.export_network

    def changed(part, path, **options):
        text, count = re.subn(
            r'(id="hpa__stress_drive"[^>]*value=)"0.36"', r'\1"0.37"', honest(part, **options)
        )
        assert count == 1
        Path(path).write_text(text, "utf-8")
        return text

    monkeypatch.setattr(verification, "export_network", changed)
    assert not verification.check(load_module("hpa"), tmp_path, TOLERANCE)[1]
