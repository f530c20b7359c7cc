"""NONMEM dosing records against NONMEM's own output, a closed form, and bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from euthymia.engine import Assignment, Fragment, Input, OdeSystem, Parameter, State, solve_reference
from euthymia.interop.nonmem import read_nonmem, simulate_nonmem


def one_compartment(clearance: str = "1.1") -> OdeSystem:
    """First-order absorption into one compartment, as the corpus describes it."""
    part = Fragment(
        states={"depot": State("-KA*depot"), "central": State("KA*depot - CL/V*central")},
        parameters={"KA": Parameter(1.5), "V": Parameter(20.0)},
        assignments={"CL": Assignment(clearance), "CP": Assignment("central/(V/1000)")},
        inputs={"WT": Input(70.0)},
    )
    return OdeSystem.join("one compartment", part, units=False)


def printed(path: Path) -> np.ndarray:
    return np.genfromtxt(path, delimiter=",", names=True)["CP"]


@pytest.fixture(scope="module")
def corpus(shared: Path) -> Path:
    return shared / "corpora/nonmem-dosing"


@pytest.mark.shared
def test_29_scenarios(corpus: Path) -> None:
    """Every scenario agrees with NONMEM 7.5.1 to 1e-4 (it prints five digits)."""
    data = read_nonmem(corpus / "dosing-data.csv")
    want = printed(corpus / "dosing-nonmem.csv")
    got = simulate_nonmem(
        data,
        one_compartment(),
        ["depot", "central"],
        ["CP"],
        lag={"central": "LAGT"},
        bioavailability={"central": "BIOAV"},
        duration={"central": "DUR2"},
        rate={"central": "RAT2"},
        solver=solve_reference,
        method="Radau",
        rtol=1e-6,
    )[:, 0]
    assert len(data) == 3837 and len(data.subjects) == 29
    error = np.abs(got - want) / np.maximum(np.abs(want), 1e-3 * want.max())
    worst = {int(data["ID"][r[0]]): float(error[r].max()) for r in data.subjects if error[r].max() > 1e-4}
    assert worst == {}


@pytest.mark.shared
def test_time_varying_covariate(corpus: Path) -> None:
    """The covariate of the next record holds over the interval before it."""
    data = read_nonmem(corpus / "timevarying-data.csv")
    want = np.genfromtxt(corpus / "timevarying-nonmem.csv", delimiter=",", names=True)
    got = simulate_nonmem(
        data,
        one_compartment("1.1*(WT/70)^0.75"),
        ["depot", "central"],
        ["CP", "CL"],
        covariates={"WT": "WT"},
        solver=solve_reference,
        method="Radau",
        rtol=1e-6,
    )
    assert np.allclose(got[:, 0], want["CP"], rtol=1e-4, atol=0.05)
    assert np.allclose(got[:, 1], want["CL"], rtol=1e-4)
