"""Sources of the numbers that decide exposure and occupancy, and their second entry.

Truth: the definitions (what decides, what verifies) on hand-made numbers; the asked share of 70 %; the second entry.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from euthymia.cli import main
from euthymia.compounds.compound import load_compound
from euthymia.compounds.deciding import convention, deciding, prominent, shares, verified
from euthymia.compounds.second_entry import Printed, compare, first_entries, second_entries
from euthymia.errors import InputError
from euthymia.evidence.parameter import Evidence, Parameter
from euthymia.units import parse_unit

LEAST_VERIFIED = 0.70
LEAST_TYPED = 150


def number(value: float, *evidence: Evidence) -> Parameter:
    return Parameter("CL", value, parse_unit("L/h"), evidence=evidence)


def read(reported: tuple[float, str] | None = None, basis: str = "measured") -> Evidence:
    return Evidence(basis, "meyer2004occupancy", system="human", kind="READ", reported=reported)


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (number(10.0, read((10.0, "L/h"))), "opened"),
        (number(10.0, read((14.9, "L/h"))), "opened"),
        (number(10.0, read((15.1, "L/h"))), "disagrees"),
        (number(10.0, read((5.0, "L/h")), read((20.0, "L/h"))), "opened"),  # between the two
        (
            number(10.0, replace(read((20.0, "L/h")), between=(9.0, 31.0))),
            "opened",
        ),  # within the range printed
        (number(8.0, replace(read((20.0, "L/h")), between=(9.0, 31.0))), "disagrees"),
        (number(10.0, read((250.0, "mL/min"))), "opened"),  # 15 L/h
        (number(10.0, read((260.0, "mL/min"))), "disagrees"),
        (number(10.0, read((3.0, "h"))), "opened"),  # a half-life: derived, nothing to compare with
        (number(10.0, Evidence("recalled", "meyer2004occupancy")), "recalled"),
        (number(10.0, Evidence("assumed", says="size")), "assumed"),
        (number(10.0, read(), Evidence("assumed", says="size")), "recalled"),  # the source says no size
    ],
)
def test_what_verifies_a_number(parameter: Parameter, expected: str) -> None:
    assert verified(parameter) == expected


def test_conventions_are_not_counted() -> None:
    sertraline, imipramine = load_compound("sertraline"), load_compound("imipramine")
    assert convention(sertraline, "routes.oral.F")
    assert not convention(imipramine, "routes.oral.F")  # a real bioavailability
    assert not convention(sertraline, "CL")
    paths = {v.path for v in deciding(sertraline, ("SLC6A4",))}
    assert {"CL", "V", "unbound", "pathways.CYP2C19", "targets.SLC6A4.EC50"} <= paths
    assert not {"routes.oral.F", "pathways.CYP2D6", "doses.low"} & paths


def test_forty_compounds_with_a_reason_and_a_potency_each() -> None:
    found = shares()
    assert len(found) == len(prominent()) == 40
    assert all(share.listed_for and share.values for share in found)
    assert not [v for share in found for v in share.values if v.why in ("missing", "disagrees")]


def test_share_that_rests_on_opened_sources() -> None:
    numbers = {(v.compound, v.path): v.verified for share in shares() for v in share.values}
    assert sum(numbers.values()) >= LEAST_VERIFIED * len(numbers)


def test_second_entry_agrees_with_the_first() -> None:
    entries = second_entries()
    if not entries:
        pytest.skip("no value has been typed a second time yet")
    pairs = compare(first_entries(), entries)
    assert [p for p in pairs if p.status == "differs"] == []
    assert sum(p.status == "agrees" for p in pairs) >= LEAST_TYPED


def test_second_entry_finds_differences(tmp_path: Path) -> None:
    one = Printed("a", "CL", "x2001y", 1, 20.0, "L/h")
    assert compare([one], [])[0].status == "missing"
    for value, unit, status in (
        (20.1, "L/h", "agrees"),
        (20.3, "L/h", "differs"),
        (2.0, "h", "differs"),
        (333.0, "mL/min", "agrees"),
    ):
        assert compare([one], [Printed("a", "CL", "x2001y", 1, value, unit)])[0].status == status
    with pytest.raises(InputError, match="no such value"):
        compare([one], [Printed("b", "CL", "x2001y", 1, 20.0, "L/h")])
    header = "compound,path,cite,number,value,unit,place,resolution\n"
    (tmp_path / "round.csv").write_text(header + "a,CL,x2001y,,twenty,L/h,,\na,CL,x2001y,1,20,xyzzy,,\n")
    with pytest.raises(InputError) as error:
        second_entries(tmp_path)
    assert [p.line for p in error.value.problems] == [2, 3]


def test_command_prints_the_share(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--sources"]) == 0
    out = capsys.readouterr().out
    assert "together" in out and "second entry:" in out and "escitalopram" in out
    assert main(["audit", "--sources", "cipralex"]) == 0
    assert "opened     escitalopram CL 27 L/h" in capsys.readouterr().out
    assert main(["audit", "--sources", "caffeine"]) == 2
