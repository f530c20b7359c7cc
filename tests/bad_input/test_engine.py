"""Bad input to the engine: each fault of a system, a request, a patient or a result on disk with its exact message."""

from __future__ import annotations

import numpy as np
import pytest

from euthymia.engine import (
    ChunkStore,
    Dose,
    Events,
    Fragment,
    OdeSystem,
    Parameter,
    State,
    solve,
    solve_reference,
    stream,
)
from euthymia.errors import EuthymiaError, InputError, StoreError

UNITS = {"k": Parameter(0.1, "1/h"), "CL": Parameter(2.0, "L/h"), "V": Parameter(10.0, "L")}


def join(fragment: Fragment) -> OdeSystem:
    return OdeSystem.join("model", fragment)


FAULTS = {
    "a misspelt name": (
        lambda: join(Fragment({"C": State("-k*c_plasma", 1.0, "mg/L"), "Cplasma": State("0", 0.0, "mg/L")}, UNITS)),
        "C: 'c_plasma' in '-k*c_plasma' is not defined - did you mean 'Cplasma'?",
    ),
    "a cyclic assignment": (
        lambda: OdeSystem.join(
            "model", Fragment({"C": State("a")}, {}, {"a": _assign("b + 1"), "b": _assign("a*2")}), units=False
        ),
        "a: cyclic: a -> b -> a",
    ),
    "cyclic initial values": (
        lambda: OdeSystem.join("model", Fragment({"A": State("0", "B"), "B": State("0", "2*A")}), units=False),
        "A: cyclic initial values: A -> B -> A",
    ),
    "wrong dimensions": (
        lambda: join(Fragment({"C": State("-CL*C", 1.0, "mg/L")}, UNITS)),
        "C: '-CL*C' is a mass/time; expected a mass/time/volume",
    ),
    "a sum of a clearance and a volume": (
        lambda: join(Fragment({"C": State("-k*C*(CL + V)/(1 [L])", 1.0, "mg/L")}, UNITS)),
        "C: '-k*C*(CL + V)/(1 [L])': column 10: the sum of a volume/time and a volume",
    ),
    "a broken expression": (
        lambda: join(Fragment({"C": State("-k*(C", 1.0, "mg/L")}, UNITS)),
        "C: column 6 of '-k*(C': expected ')', found 'the end'",
    ),
    "a name given twice": (
        lambda: OdeSystem.join("model", Fragment({"C": State("0")}), Fragment({}, {"C": Parameter(1.0)}), units=False),
        "C: 'C' is defined twice (states and parameters)",
    ),
    "a dose into a compartment that does not exist": (
        lambda: _run(events=[Dose(3.0, "Depot", 10.0)]),
        "regimen 0, record 0: there is no 'Depot' to receive a bolus - did you mean 'depot'? (dose at 3 h)",
    ),
    "an infusion without duration": (
        lambda: _run(events=[Dose(3.0, "depot", 10.0, "infusion")]),
        "regimen 0, record 0: an infusion needs a duration or a rate (dose at 3 h)",
    ),
    "a lag that names no parameter": (
        lambda: _run(events=[Dose(3.0, "depot", 10.0, lag="lg")]),
        "regimen 0, record 0: lag names the parameter 'lg', which does not exist - did you mean 'lag'? (dose at 3 h)",
    ),
    "an unknown parameter": (
        lambda: _run(parameters={"K": 1.0}),
        "parameters: 'K' is no parameter of 'model' - did you mean 'k'?",
    ),
    "a parameter of another number of patients": (
        lambda: _run(parameters={"k": np.ones(2)}),
        "parameters: k has shape (2,); expected (3,) or one number",
    ),
    "times that go back": (
        lambda: _run(times=[0.0, 5.0, 2.0]),
        "times: times must be finite, ascending and not before the start (0 h)",
    ),
    "an unknown output": (lambda: _run(outputs=["dept"]), "dept: 'dept' is no name of 'model' - did you mean 'depot'?"),
    "an unknown method": (
        lambda: _run(method="rodas5"),
        "method: 'rodas5' is no method - did you mean 'rodas5p'?",
    ),
}  # fmt: skip


def _assign(text: str):  # type: ignore[no-untyped-def]
    from euthymia.engine import Assignment

    return Assignment(text)


ORAL = OdeSystem.join(
    "model",
    Fragment({"depot": State("-k*depot", "start")}, {k: Parameter(v) for k, v in {"k": 0.1, "lag": 0.5, "D": 2.0, "start": 1.0}.items()}),
    units=False,
)  # fmt: skip


def _run(parameters=None, events=None, times=(0.0, 5.0, 9.0), outputs=("depot",), solver=solve, **options):  # type: ignore[no-untyped-def]
    plan = Events([events], np.zeros(3, int)) if events else None
    return solver(ORAL, 3, parameters or {}, plan, np.asarray(times), list(outputs), **options)


@pytest.mark.parametrize("name", FAULTS)
def test_message(name: str) -> None:
    action, wanted = FAULTS[name]
    with pytest.raises(InputError) as caught:
        action()
    assert str(caught.value) == wanted or str(caught.value).startswith(f"{wanted}; ")


BOTH = pytest.mark.parametrize("solver", [solve, solve_reference])


@BOTH
@pytest.mark.parametrize(
    ("parameters", "events", "wanted"),
    [
        (
            {"k": np.array([0.1, np.nan, 0.1])},
            None,
            "patient 1 stopped at t = 0 h: a parameter or initial value is not finite (k = nan)",
        ),
        (
            {"start": np.array([1.0, np.inf, 1.0])},
            None,
            "patient 1 stopped at t = 0 h: a parameter or initial value is not finite "
            "(start = inf, first value of depot = inf)",
        ),
        (
            {"lag": np.array([0.5, -0.5, 0.5])},
            [Dose(1.0, "depot", 10.0, lag="lag")],
            "patient 1 stopped at t = 0 h: a dose has a lag time, bioavailability, rate or duration that cannot be "
            "(lag lag = -0.5)",
        ),
        (
            {"D": np.array([2.0, 0.0, 2.0])},
            [Dose(1.0, "depot", 10.0, "infusion", duration="D")],
            "patient 1 stopped at t = 0 h: a dose has a lag time, bioavailability, rate or duration that cannot be "
            "(duration D = 0)",
        ),
    ],
)
def test_a_patient_that_cannot_begin(solver, parameters, events, wanted: str) -> None:  # type: ignore[no-untyped-def]
    """The others are unharmed: they have the numbers that they have without it."""
    got = _run(parameters, events, solver=solver)
    assert got.message(1) == wanted + (
        "; replay it with solve(system, 1, *alone(parameters, events, 1), times, outputs), "
        "or with solve_reference for a second opinion"
    )
    assert got.summary() == f"1 of 3 patients failed:\n{got.message(1)}"
    healthy = _run({k: v[0] for k, v in parameters.items()}, events, solver=solver)
    assert (got.values[[0, 2]] == healthy.values[[0, 2]]).all() and np.isnan(got.values[1]).all()


def test_a_stiff_patient_that_fails_harms_nobody() -> None:
    """Van der Pol's oscillator; one patient is 1e7 times stiffer and has no more steps."""
    vdp = OdeSystem.join(
        "vdp",
        Fragment({"x": State("v", 2.0), "v": State("m*(1 - x^2)*v - x", 0.0)}, {"m": Parameter(1.0)}),
        units=False,
    )
    m = np.array([1.0, 1e7, 2.0, 3.0])
    got = solve(vdp, 4, {"m": m}, None, [0.0, 10.0], ["x"], method="dopri5", max_steps=3000)
    assert got.status.tolist() == [0, 1, 0, 0]
    assert ": more steps than allowed; the patient is stiffer than expected" in got.message(1)
    for i in (0, 2, 3):
        assert (
            solve(vdp, 1, {"m": m[i : i + 1]}, None, [0.0, 10.0], ["x"], method="dopri5").values[0]
            == got.values[i]
        ).all()
    assert solve(vdp, 1, {"m": 1e7}, None, [0.0, 10.0], ["x"], method="rodas5p", max_steps=3000).ok.all()


def test_a_result_file_that_is_cut_off(tmp_path) -> None:  # type: ignore[no-untyped-def]
    store = ChunkStore(tmp_path / "run")

    def draw(first: int, last: int):  # type: ignore[no-untyped-def]
        return {"k": np.arange(first, last) / 10}, None

    def run():  # type: ignore[no-untyped-def]
        return stream(ORAL, 30, draw, [0.0, 5.0], ["depot"], chunk=10, store=store, key="a")

    whole = run()
    chunk = sorted((tmp_path / "run").glob("*.chunk"))[1]
    chunk.write_bytes(chunk.read_bytes()[:-7])
    with pytest.raises(StoreError) as caught:
        run()
    assert (
        str(caught.value)
        == f"{chunk}: the chunk is cut off or damaged; delete this file and run again to remake it"
    )
    chunk.unlink()
    again = run()
    assert (again.mean == whole.mean).all() and (again.sample == whole.sample).all()


def test_requests_of_a_stream(tmp_path) -> None:  # type: ignore[no-untyped-def]
    def draw(first: int, last: int):  # type: ignore[no-untyped-def]
        return {}, None

    with pytest.raises(InputError, match="key: a store needs a key that describes the draws"):
        stream(ORAL, 3, draw, [0.0, 5.0], ["depot"], store=ChunkStore(tmp_path / "run"))
    with pytest.raises(InputError, match="n is 3 and chunk is 0; expected n >= 0, chunk >= 1"):
        stream(ORAL, 3, draw, [0.0, 5.0], ["depot"], chunk=0)
    with pytest.raises(StoreError, match="cannot be made a folder of results"):
        (tmp_path / "file").touch()
        ChunkStore(tmp_path / "file")


def test_no_cluster_answers() -> None:
    pytest.importorskip("distributed")

    def draw(first: int, last: int):  # type: ignore[no-untyped-def]
        return {}, None

    with pytest.raises(EuthymiaError, match="no Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        stream(ORAL, 3, draw, [0.0, 5.0], ["depot"], cluster="tcp://127.0.0.1:9")
