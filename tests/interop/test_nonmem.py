"""NONMEM dosing records against NONMEM's own output, a closed form, and bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from euthymia.engine import Assignment, Fragment, Input, OdeSystem, Parameter, State, solve, solve_reference
from euthymia.errors import InputError
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
@pytest.mark.parametrize("solver", [solve, solve_reference])
def test_29_scenarios(corpus: Path, solver) -> None:  # type: ignore[no-untyped-def]
    """Every record of every scenario agrees with NONMEM 7.5.1 to 1e-4 (it prints five digits)."""
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
        solver=solver,
        rtol=1e-8,
    )[:, 0]
    assert len(data) == 3837 and len(data.subjects) == 29
    error = np.abs(got - want) / np.maximum(np.abs(want), 1e-6)
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
        rtol=1e-8,
    )
    moving = want["CP"] > 0
    assert np.abs(got[moving, 0] / want["CP"][moving] - 1).max() < 1e-4
    assert np.allclose(got[:, 1], want["CL"], rtol=1e-4)


@pytest.mark.shared
def test_scenarios_of_patients_that_differ(corpus: Path) -> None:
    """All 29 regimens in one batch, each subject with parameters of its own: the lanes against the readable solver."""
    data = read_nonmem(corpus / "dosing-data.csv")
    rng = np.random.default_rng(8)
    own = {"KA": 1.5 * np.exp(0.3 * rng.standard_normal(29)), "V": 20 * np.exp(0.3 * rng.standard_normal(29))}
    properties = {"lag": "LAGT", "bioavailability": "BIOAV", "duration": "DUR2", "rate": "RAT2"}
    options = {k: {"central": v} for k, v in properties.items()}
    both = [
        simulate_nonmem(
            data, one_compartment(), ["depot", "central"], ["CP"], parameters=own, solver=s, rtol=r, **options
        )[:, 0]
        for s, r in ((solve, 1e-8), (solve_reference, 1e-9))
    ]
    assert np.abs(both[0] - both[1]).max() < 1e-5 * np.abs(both[1]).max()
    error = np.abs(both[0] - both[1]) / np.maximum(np.abs(both[1]), 1e-4 * np.abs(both[1]).max())
    assert error.max() < 1e-4
    plain = printed(corpus / "dosing-nonmem.csv")
    assert np.median(np.abs(both[0] / np.where(plain == 0, 1, plain) - 1)) > 0.05  # they are other patients


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(text)
    return path


def test_closed_form(tmp_path: Path) -> None:
    """A bolus into the central compartment falls by exp(-CL/V t); an observation before a dose sees the trough."""
    text = (
        "id,time,amt,evid,cmt,dv\n7,0,100,1,2,.\n7,10,.,0,2,.\n7,10,100,1,2,.\n7,10,.,0,2,.\n7,20,.,0,2,.\n"
    )
    got = simulate_nonmem(
        read_nonmem(table(tmp_path, text)), one_compartment(), ["depot", "central"], ["central"], rtol=1e-8
    )[:, 0]
    fall = np.exp(-1.1 / 20 * 10)
    want = [100, 100 * fall, 100 * (1 + fall), 100 * (1 + fall), 100 * (fall + fall**2)]
    assert got == pytest.approx(want, rel=1e-6)


def test_evid_is_derived_and_rows_may_be_comments(tmp_path: Path) -> None:
    data = read_nonmem(table(tmp_path, "C,ID,TIME,AMT,DV\n.,1,0,5,.\nC,1,x,5,.\n.,1,2,.,3\n"))
    assert data["EVID"].tolist() == [1, 0] and data["MDV"].tolist() == [1, 0] and data.line.tolist() == [2, 4]


def test_blanks_part_cells_too(tmp_path: Path) -> None:
    data = read_nonmem(table(tmp_path, "ID TIME\tAMT DV\n 1 0 5 .\n1  2 .\t3\n"))
    assert data["AMT"].tolist() == [5, 0] and data["DV"][1] == 3 and data["TIME"].tolist() == [0, 2]


BAD = [
    ("ID,AMT\n1,2\n", ["TIME is missing"]),
    ("ID,TIME,AMT\n1,0,ten\n1,9:30,1\n", [":2:3: AMT: 'ten' is no number", ":3:2: TIME", "clock times"]),
    ("ID,TIME,AMT,EVID\n1,0,5,9\n", [":2: EVID: 9 is none of"]),
    ("ID,TIME,AMT,EVID\n1,0,0,1\n", [":2: AMT: a dose record without an amount"]),
    ("ID,TIME,AMT,ADDL\n1,0,5,3\n", [":2: II: ADDL and SS need an interval"]),
    ("ID,TIME,AMT,RATE\n1,0,5,-3\n", [":2: RATE: -3 is no rate"]),
    ("ID,TIME,AMT\n1,5,1\n1,4,1\n", [":3: TIME: 4 is before"]),
    ("ID,TIME,AMT\n1,5,1\n2,5,1\n1,6,1\n", [":4: ID: subject 1 appears again"]),
    ("ID,TIME,AMT\n1,5\n", [":2: 2 cells, 3 expected"]),
    ("ID,TIME,AMT,EVID\n1,0,5,0\n1,0,-5,1\n", ["stands on a record that is no dose", "-5 is negative"]),
    ("ID,TIME,AMT\n1,inf,5\n", [":2:2: TIME: 'inf' is no number"]),
    ("", ["empty"]),
]


@pytest.mark.parametrize(("text", "wanted"), BAD)
def test_faults_name_row_and_column(tmp_path: Path, text: str, wanted: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_nonmem(table(tmp_path, text))
    for part in wanted:
        assert part in str(caught.value)


def test_data_that_do_not_fit_the_model(tmp_path: Path) -> None:
    """Compartments, modelled rates and covariates are checked before anything runs."""
    path = table(tmp_path, "ID,TIME,AMT,CMT,RATE,WT\n1,0,5,3,0,70\n1,1,5,2,-2,.\n")
    with pytest.raises(InputError) as caught:
        simulate_nonmem(
            read_nonmem(path), one_compartment(), ["depot", "central"], ["CP"], covariates={"WT": "WTT"}
        )
    for part in (
        "compartment 3 does not exist",
        "modelled duration of 'central'",
        "did you mean 'WT'",
        ":3: WT: missing",
    ):
        assert part in str(caught.value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet='ID TIME,AMTEVRS0123456789.-\n"eC\x00é', max_size=80))
def test_any_text_is_read_or_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fuzz.csv"
    path.write_text("ID,TIME,AMT,EVID\n" + text, encoding="utf-8")
    try:
        read_nonmem(path)
    except InputError as error:
        assert error.problems
