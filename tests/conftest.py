"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material beside the checkout; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("EUTHYMIA_SHARED", ROOT.parent / "shared"))
    if not (folder / "README.md").is_file():
        pytest.skip("the shared reference material is not beside this checkout")
    return folder
