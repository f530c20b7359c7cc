"""What SBML import must refuse, and how it says so; events by closed forms; damaged files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from euthymia.errors import EuthymiaError, InputError, SolverError
from euthymia.interop.sbml import Unsupported, read_sbml, simulate
from euthymia.interop.sbml_dynamics import dynamics

MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">'
TIME = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol>'


def sbml(body: str, parameters: str = "x=1,y=2", level: tuple[int, int] = (3, 2)) -> str:
    """A model of variable parameters and `body`."""
    named = "".join(
        f'<parameter id="{k}" value="{v}" constant="false"/>'
        for k, v in (p.split("=") for p in parameters.split(","))
    )
    space = "level3/version2/core" if level == (3, 2) else f"level3/version{level[1]}/core"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/{space}" level="{level[0]}" '
        f'version="{level[1]}"><model id="m"><listOfParameters>{named}</listOfParameters>{body}</model></sbml>'
    )


def rule(kind: str, variable: str, math: str) -> str:
    return f'<{kind}Rule variable="{variable}">{MATH}{math}</math></{kind}Rule>'


def event(trigger: str, changes: dict[str, str], *, delay: str = "", priority: str = "", **flags: str) -> str:
    flag = {"initialValue": "true", "persistent": "true", "useValuesFromTriggerTime": "true"} | flags
    use = flag.pop("useValuesFromTriggerTime")
    marks = " ".join(f'{k}="{v}"' for k, v in flag.items())
    parts = f"<trigger {marks}>{MATH}{trigger}</math></trigger>"
    parts += f"<delay>{MATH}{delay}</math></delay>" if delay else ""
    parts += f"<priority>{MATH}{priority}</math></priority>" if priority else ""
    sets = "".join(
        f'<eventAssignment variable="{k}">{MATH}{v}</math></eventAssignment>' for k, v in changes.items()
    )
    parts += f"<listOfEventAssignments>{sets}</listOfEventAssignments>"
    return f'<event useValuesFromTriggerTime="{use}">{parts}</event>'


def apply(op: str, *args: str) -> str:
    return f"<apply><{op}/>{''.join(args)}</apply>"


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def writer(text: str) -> Path:
        path = tmp_path / "model.xml"
        path.write_text(text)
        return path

    return writer


def run(path: Path, times: list[float], outputs: list[str]) -> np.ndarray:
    return simulate(read_sbml(path), times, outputs, rtol=1e-9)


FAST = (
    '<listOfReactions><reaction id="R7" reversible="false" fast="true"><kineticLaw>'
    f"{MATH}<cn>1</cn></math></kineticLaw></reaction></listOfReactions>"
)
FBC = 'xmlns:fbc="http://www.sbml.org/sbml/level3/version1/fbc/version2"'
REFUSED = [
    (sbml(FAST, level=(3, 1)), "reaction 'R7': a fast reaction"),
    (
        sbml("").replace("<model ", f'<model {FBC} fbc:strict="false" ').replace(
            ' level="3"', f' {FBC} fbc:required="false" level="3"'
        ),
        "package 'fbc'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), REFUSED)
def test_unsupported_names_element_and_id(write, text: str, wanted: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Unsupported) as caught:
        read_sbml(write(text))
    assert wanted in str(caught.value) and "model.xml" in str(caught.value)


WRONG = [
    (rule("assignment", "x", "<ci>yy</ci>"), "'yy' is not defined - did you mean 'y'?"),
    (rule("assignment", "q", "<cn>1</cn>"), "'q' is not a symbol"),
    (
        rule("assignment", "x", "<ci>y</ci>") + rule("assignment", "y", "<ci>x</ci>"),
        "cyclic definition: x -> y -> x",
    ),
]


@pytest.mark.parametrize(("rules", "wanted"), WRONG)
def test_faulty_models_are_explained(write, rules: str, wanted: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as caught:
        run(write(sbml(f"<listOfRules>{rules}</listOfRules>")), [0, 1], ["x"])
    assert wanted in str(caught.value)


@pytest.mark.parametrize("text", ["", "no xml", "<sbml>", "<?xml version='1.0'?><html/>", sbml("")[:200]])
def test_no_sbml(write, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"model\.xml"):
        read_sbml(write(text))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_sbml(tmp_path / "none.xml")


def test_undefined_rate_is_a_solver_error(write) -> None:  # type: ignore[no-untyped-def]
    """dx/dt = ln(-1) has no solution; the message says when."""
    path = write(sbml(f"<listOfRules>{rule('rate', 'x', apply('ln', '<cn>-1</cn>'))}</listOfRules>"))
    with pytest.raises(SolverError, match="time"):
        run(path, [0, 1], ["x"])


def test_state_without_first_value(write) -> None:  # type: ignore[no-untyped-def]
    """A state without a number is named."""
    text = sbml(f"<listOfRules>{rule('rate', 'x', '<cn>1</cn>')}</listOfRules>").replace(
        'id="x" value="1"', 'id="x"'
    )
    with pytest.raises(SolverError, match="no finite value at time 0 of x"):
        run(write(text), [0, 1], ["x"])


def test_endless_cascade_is_a_solver_error(write) -> None:  # type: ignore[no-untyped-def]
    """Two events that trigger each other without end."""
    up = event(apply("lt", "<ci>x</ci>", "<cn>5</cn>"), {"x": "<cn>9</cn>"}, initialValue="false")
    down = event(apply("gt", "<ci>x</ci>", "<cn>5</cn>"), {"x": "<cn>1</cn>"}, initialValue="false")
    path = write(sbml(f"<listOfEvents>{up}{down}</listOfEvents>"))
    with pytest.raises(SolverError, match="without end"):
        run(path, [0, 1], ["x"])


def after(t: float) -> str:
    return apply("geq", TIME, f"<cn>{t}</cn>")


def test_priority_and_assignment_time(write) -> None:  # type: ignore[no-untyped-def]
    """At t = 1 the higher priority goes first; with values of execution time the second sees its result."""
    high = event(after(1), {"x": "<cn>10</cn>"}, priority="<cn>2</cn>")
    for use, want in (("true", 2.0), ("false", 11.0)):
        low = event(
            after(1),
            {"x": apply("plus", "<ci>x</ci>", "<cn>1</cn>")},
            priority="<cn>1</cn>",
            useValuesFromTriggerTime=use,
        )
        path = write(sbml(f"<listOfEvents>{low}{high}</listOfEvents>"))
        assert run(path, [0, 0.5, 2], ["x"])[:, 0].tolist() == [1.0, 1.0, want]


ANNOTATED = (
    '<listOfFunctionDefinitions><functionDefinition id="f"><annotation><symbols '
    'xmlns="http://sbml.org/annotations/symbols" definition="http://en.wikipedia.org/wiki/MEANING"/></annotation>'
    f"{MATH}<lambda><bvar><ci>a</ci></bvar><notanumber/></lambda></math></functionDefinition>"
    "</listOfFunctionDefinitions>"
)


def test_functions_that_only_an_annotation_explains(write) -> None:  # type: ignore[no-untyped-def]
    """A Level 2 rateOf: y' = rateOf(x) = 3; anything else of the kind is refused."""
    body = f"<listOfRules>{rule('rate', 'x', '<cn>3</cn>')}{rule('rate', 'y', '<apply><ci>f</ci><ci>x</ci></apply>')}"
    text = sbml(body + "</listOfRules>").replace("<listOfParameters>", ANNOTATED + "<listOfParameters>")
    assert run(write(text.replace("MEANING", "Derivative")), [0, 2], ["y"])[1, 0] == pytest.approx(8.0)
    with pytest.raises(Unsupported, match="annotated function 'f'"):
        read_sbml(write(text.replace("MEANING", "Normal_distribution")))


def test_persistence_and_delay(write) -> None:  # type: ignore[no-untyped-def]
    """x = t; a trigger true for 1 < x < 2 with delay 3 fires at 4 only if it persists."""
    grow = f"<listOfRules>{rule('rate', 'x', '<cn>1</cn>')}</listOfRules>"
    window = apply("and", apply("gt", "<ci>x</ci>", "<cn>1</cn>"), apply("lt", "<ci>x</ci>", "<cn>2</cn>"))
    for persistent, want in (("true", 7.0), ("false", 2.0)):
        fires = event(window, {"y": "<cn>7</cn>"}, delay="<cn>3</cn>", persistent=persistent)
        path = write(sbml(f"{grow}<listOfEvents>{fires}</listOfEvents>", "x=0,y=2"))
        assert run(path, [0, 3.9999, 4.0001], ["y"])[:, 0].tolist() == [2.0, 2.0, want]


def test_narrow_window_between_steps(write) -> None:  # type: ignore[no-untyped-def]
    """A window of 1e-6 in a state that a solver crosses in one long step is not missed."""
    grow = f"<listOfRules>{rule('rate', 'x', '<cn>1</cn>')}</listOfRules>"
    window = apply(
        "and", apply("gt", "<ci>x</ci>", "<cn>50</cn>"), apply("lt", "<ci>x</ci>", "<cn>50.000001</cn>")
    )
    path = write(sbml(f"{grow}<listOfEvents>{event(window, {'y': '<cn>7</cn>'})}</listOfEvents>", "x=0,y=2"))
    assert run(path, [0, 49, 51, 100], ["y"])[:, 0].tolist() == [2.0, 2.0, 7.0, 7.0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_damaged_files_never_crash(tmp_path: Path, place: int, junk: bytes) -> None:
    text = sbml(
        f"<listOfRules>{rule('rate', 'x', apply('times', '<ci>x</ci>', '<cn>-1</cn>'))}</listOfRules>"
        f"<listOfEvents>{event(after(1), {'y': '<cn>3</cn>'})}</listOfEvents>"
    ).encode()
    place %= len(text)
    path = tmp_path / "model.xml"
    path.write_bytes(text[:place] + junk + text[place + len(junk) :])
    with contextlib.suppress(EuthymiaError):
        simulate(dynamics(read_sbml(path)), [0, 2], ["x"])


def test_level_1_without_encoding(write) -> None:  # type: ignore[no-untyped-def]
    """XML needs no encoding; Level 1's log is the natural one; an open algebraic rule sets no compartment."""
    text = (
        '<?xml version="1.0"?><sbml xmlns="http://www.sbml.org/sbml/level1" level="1" version="2"><model name="m">'
        '<listOfCompartments><compartment name="C" volume="2"/></listOfCompartments>'
        '<listOfSpecies><species name="S" compartment="C" initialAmount="3" boundaryCondition="true"/></listOfSpecies>'
        '<listOfParameters><parameter name="x" value="4"/><parameter name="y"/><parameter name="z"/></listOfParameters>'
        '<listOfRules><parameterRule name="y" formula="log(x)"/><algebraicRule formula="S - z + 1"/></listOfRules>'
        "</model></sbml>"
    )
    got = run(write(text), [0.0, 1.0], ["y", "z", "S", "C"])
    assert got == pytest.approx(np.tile([np.log(4.0), 2.5, 1.5, 2.0], (2, 1)))
