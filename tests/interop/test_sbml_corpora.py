"""SBML import against third-party truth: 400 cases of the SBML Test Suite and 12 BioModels trajectories."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from euthymia.interop.sbml import Unsupported, simulate_case

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def suite(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbml_suite", shared / "tools" / "sbml_suite.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def score(suite: ModuleType, folder: Path, level: str | None = None) -> dict[str, list[str]]:
    """Cases by outcome; a refusal must be typed and name element and id."""
    found: dict[str, list[str]] = {"pass": [], "wrong": [], "refused": []}
    for case in sorted(p.name for p in folder.iterdir() if p.is_dir()):
        path = suite.newest(str(folder / case), case, level)
        if path is None:
            continue
        settings = suite.read_settings(str(folder / case / f"{case}-settings.txt"))
        want = suite.read_results(str(folder / case / f"{case}-results.csv"), settings)
        try:
            got = simulate_case(path, settings)
        except Unsupported as refusal:
            assert "'" in refusal.problems[0].key and case in refusal.problems[0].file
            found["refused"].append(case)
            continue
        found["pass" if suite.compare(want, got, settings)[0] else "wrong"].append(case)
    return found


def test_semantic_cases(suite: ModuleType, shared: Path) -> None:
    """All 400 cases pass; none is refused or wrong."""
    found = score(suite, shared / "corpora/sbml-semantic/cases")
    assert found["wrong"] == []
    assert len(found["pass"]) == 400


@pytest.mark.parametrize("level", ["l1v2", "l2v4", "l3v1"])
def test_levels_agree(suite: ModuleType, shared: Path, level: str) -> None:
    """A case gives the same verdict whichever SBML level it is written in."""
    folder = shared / "corpora/sbml-semantic/cases"
    newest = score(suite, folder) if level == "l1v2" else None
    found = score(suite, folder, level)
    assert found["wrong"] == [] and len(found["refused"]) <= 1
    assert newest is None or set(found["pass"]) <= set(newest["pass"])


def biomodel(suite: ModuleType, base: Path, model: Path) -> float:
    """The largest deviation in units of the tolerance."""
    settings = suite.read_settings(f"{base}-settings.txt")
    extra = dict(
        line.split(":", 1) for line in Path(f"{base}-settings.txt").read_text().splitlines() if ":" in line
    )
    changes = [c.split("=") for c in extra.get("changes", "").split(",") if "=" in c]
    settings["changes"] = {k.strip(): float(v) for k, v in changes}
    want = suite.read_results(f"{base}-results.csv", settings)
    got = simulate_case(model, settings)
    worst = 0.0
    for ident in settings["variables"]:
        a, b = np.array(want[ident]), np.asarray(got[ident])
        peak = float(extra["absolute_of_column_max"]) * np.abs(a).max()
        worst = max(
            worst,
            float(np.max(np.abs(a - b) / (settings["absolute"] + settings["relative"] * abs(a) + peak))),
        )
    return worst


IDS = ["049", "140", "268", "379", "569", "576", "602", "628", "636", "714", "823", "917"]


@pytest.mark.parametrize("ident", IDS)
def test_biomodels(suite: ModuleType, shared: Path, ident: str) -> None:
    """Curated models agree with trajectories on which libRoadRunner and COPASI agree."""
    folder = shared / f"corpora/biomodels/BIOMD0000000{ident}"
    assert biomodel(suite, folder / folder.name, folder / f"{folder.name}.xml") < 0.1


def test_pulse_is_not_stepped_over(suite: ModuleType, shared: Path) -> None:
    """A dopamine pulse of 1 s in a system at rest must move it."""
    folder = shared / "corpora/biomodels/BIOMD0000000636"
    worst = biomodel(suite, folder / f"{folder.name}-pulse", folder / f"{folder.name}.xml")
    assert math.isfinite(worst) and worst < 0.1
