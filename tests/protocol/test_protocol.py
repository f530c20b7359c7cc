"""Protocol files: times, doses, conditions, exact round trip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from euthymia.errors import UnitError
from euthymia.evidence.read import LIBRARY
from euthymia.protocol.conditions import parse_condition
from euthymia.protocol.given import dose_mg
from euthymia.protocol.protocol import (
    Arm,
    Endpoint,
    Protocol,
    Setting,
    Treatment,
    parse_protocol,
    read_protocol,
)
from euthymia.protocol.times import visit_hours

SHIPPED = sorted((LIBRARY / "protocols").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_protocols_round_trip(path) -> None:
    protocol = read_protocol(path)
    again = parse_protocol(protocol.to_yaml())
    assert again == protocol
    assert again.to_yaml() == protocol.to_yaml()


doses = st.sampled_from(["10 mg", "0.5 mg/kg", "1e-1 g"])
lines = st.builds(
    Treatment,
    drug=st.just("escitalopram"),
    dose=st.sampled_from(["10 mg", "5 mg", "1e-2 g"]),
    every=st.sampled_from(["24 h", "1 day"]),
)
arms = st.integers(1, 500).map(
    lambda n: Arm(f"arm of {n}", n, (Treatment("escitalopram", "10 mg", every="24 h"),))
)


@settings(max_examples=40, deadline=None)
@example("0E0", 0, [Arm("a", 1, (Treatment("escitalopram", "10 mg", every="24 h"),))], 1, 1950)
@given(
    st.text(min_size=1, max_size=30).filter(lambda s: s.isprintable()),
    st.integers(0, 2**31),
    st.lists(arms, min_size=1, max_size=3, unique_by=lambda a: a.name),
    st.integers(1, 60),
    st.integers(1950, 2100),
)
def test_objects_survive_the_file(title, seed, arm_list, weeks, year) -> None:
    protocol = Protocol(
        title, f"{weeks} weeks", "mdd_outpatient", tuple(arm_list), seed=seed, setting=Setting(year=year),
        endpoints=(Endpoint("response", "madrs", "percent_reduction", f"week {weeks}", at_least="50 %"),),
    )  # fmt: skip
    assert parse_protocol(protocol.to_yaml()) == protocol


def test_dose_times() -> None:
    daily = Treatment("x", "1 mg", every="24 h")
    assert daily.times(72.0) == [0.0, 24.0, 48.0]
    assert Treatment("x", "1 mg", every="12 h", from_="day 2", for_="1 day").times(240.0) == [24.0, 36.0]
    assert Treatment("x", "1 mg", on=("day 4", "day 1")).times(240.0) == [0.0, 72.0]
    assert Treatment("x", "1 mg").times(240.0) == [0.0]


def test_visits_and_doses() -> None:
    assert visit_hours("day 1 + 40 min") == pytest.approx(2 / 3)
    assert visit_hours("week 8") == visit_hours("day 57") == 1344.0
    assert dose_mg("0.5 mg/kg", 80.0) == 40.0
    with pytest.raises(UnitError, match="mass/volume"):
        dose_mg("1 mg/L", 80.0)


def test_conditions() -> None:
    c = parse_condition("weight <= 80 kg")
    assert c.holds(np.array([79e6, 81e6])).tolist() == [True, False]
    assert parse_condition("madrs between 20 and 30").tests == ((">=", 20.0), ("<=", 30.0))
