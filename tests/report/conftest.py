"""A made-up run folder, written once, and its report."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from euthymia.report import write_report
from euthymia.report.run import Run, read_run


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """The generator of made-up run folders."""
    spec = importlib.util.spec_from_file_location(
        "synthetic_run", Path(__file__).with_name("synthetic_run.py")
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def folder(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete made-up run folder."""
    return synthetic.write(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="session")
def run(folder: Path) -> Run:
    return read_run(folder)


@pytest.fixture(scope="session")
def report(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(folder, tmp_path_factory.mktemp("report") / "report.html")
