"""Times to an event against the leukaemia trial of every textbook, two libraries, closed forms and hand counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats
from statsmodels.duration.survfunc import survdiff

from euthymia.errors import InputError
from euthymia.protocol.analyses import Analysis
from euthymia.protocol.protocol import Arm, Endpoint, Protocol, Treatment, parse_protocol
from euthymia.protocol.steps import Option, Step
from euthymia.trials.analyses import curves, operating, rows_of
from euthymia.trials.data import data_of, event_times
from euthymia.trials.rate import rate, scores
from euthymia.trials.simulate import run_trial, simulate
from euthymia.trials.survival import hazard_ratio, kaplan_meier, log_rank

# weeks in remission on 6-mercaptopurine and on placebo (Freireich and others, Blood 1963; in Kalbfleisch and Prentice)
DRUG = [6, 6, 6, 7, 10, 13, 16, 22, 23]
DRUG_CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TIME = np.array([*DRUG, *DRUG_CENSORED, *PLACEBO], float)
EVENT = np.repeat([True, False, True], [9, 12, 21])
ARM = np.repeat([1, 0], 21)


def test_kaplan_meier_of_the_leukaemia_trial() -> None:
    """Shares printed in the textbooks, and the product over hand-counted risk sets."""
    curve = kaplan_meier(TIME[ARM == 1], EVENT[ARM == 1])
    printed = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for week, share in printed.items():
        assert curve.free[curve.time == week][0] == pytest.approx(share, abs=5e-4)
    by_hand = np.prod([1 - 3 / 21, 1 - 1 / 17, 1 - 1 / 15])
    assert curve.free[curve.time == 10][0] == pytest.approx(by_hand, rel=1e-12)
    assert curve.median == 23 and kaplan_meier(TIME[ARM == 0], EVENT[ARM == 0]).median == 8
    assert dict(zip(curve.time, curve.at_risk, strict=True))[13] == 12
    assert curve.events.sum() == 9
    # Greenwood: S^2 (3 / (21 18) + 1 / (17 16)), through the log-log scale
    s, var = curve.free[curve.time == 7][0], 3 / (21 * 18) + 1 / (17 * 16)
    reach = 1.959964 * np.sqrt(var) / abs(np.log(s))
    at = curve.time == 7
    assert (curve.low[at][0], curve.high[at][0]) == (
        pytest.approx(s ** np.exp(reach), rel=1e-6),
        pytest.approx(s ** np.exp(-reach), rel=1e-6),
    )


def test_without_censoring_the_curve_is_the_share_left() -> None:
    curve = kaplan_meier(TIME[ARM == 0], np.ones(21, bool))
    for t, free in zip(curve.time, curve.free, strict=True):
        assert free == pytest.approx((TIME[ARM == 0] > t).mean(), abs=1e-12)
    other = stats.ecdf(stats.CensoredData(uncensored=TIME[ARM == 0])).sf
    assert curve.free[1:] == pytest.approx(other.probabilities, abs=1e-12)


def test_log_rank_of_the_leukaemia_trial() -> None:
    """9 events where 19.25 were expected, variance 6.257, chi2 16.79 as printed; both libraries agree."""
    found = log_rank(TIME, EVENT, ARM)[1]
    assert found.value * found.se**-2 == pytest.approx(9 - 19.25, abs=0.005)
    assert found.se**-2 == pytest.approx(6.257, abs=5e-4)
    chi2, p = survdiff(TIME, EVENT.astype(int), ARM)
    assert (found.value / found.se) ** 2 == pytest.approx(chi2, rel=1e-10)
    assert chi2 == pytest.approx(16.79, abs=0.005) and found.p == pytest.approx(p, rel=1e-6)
    parts = [stats.CensoredData(TIME[(a == ARM) & EVENT], right=TIME[(a == ARM) & ~EVENT]) for a in (1, 0)]
    assert found.value / found.se == pytest.approx(stats.logrank(*parts).statistic, rel=1e-9)


def test_hazard_ratio_of_the_leukaemia_trial() -> None:
    """Printed with ties after Efron: 1.572 with standard error 0.412."""
    found = hazard_ratio(TIME, EVENT, ARM)[1]
    assert (found.value, found.se) == (pytest.approx(-1.572, abs=5e-4), pytest.approx(0.412, abs=5e-4))


def test_exponential_times_give_their_ratio_and_the_power_of_the_formula() -> None:
    g, ratio, n, end = np.random.default_rng(5), 0.6, 70, 20.0
    arm = np.repeat([0, 1], n)
    values, won, events = [], 0, []
    for _ in range(600):
        raw = g.exponential(np.where(arm == 1, 10.0 / ratio, 10.0))
        found = log_rank(np.minimum(raw, end), raw <= end, arm)[1]
        values.append(found.value)
        won += found.p < 0.05 and found.value < 0
        events.append((raw <= end).sum())
    assert np.mean(values) == pytest.approx(np.log(ratio), abs=0.03)
    power = stats.norm.cdf(abs(np.log(ratio)) * np.sqrt(np.mean(events) / 4) - 1.959964)
    assert won / 600 == pytest.approx(power, abs=3 * np.sqrt(power * (1 - power) / 600))


def test_proportional_hazards_recover_the_ratio_of_many_patients() -> None:
    g, arm = np.random.default_rng(2), np.repeat([0, 1], 1500)
    raw = g.exponential(np.where(arm == 1, 100.0, 200.0))
    found = hazard_ratio(np.minimum(raw, 300.0), raw <= 300.0, arm)[1]
    assert abs(found.value - np.log(2)) < 3 * found.se


def test_equal_hazards_are_found_different_in_one_of_twenty() -> None:
    g, arm = np.random.default_rng(6), np.repeat([0, 1], 40)
    wrong = sum(
        log_rank(np.minimum(t, 15.0), t <= 15.0, arm)[1].p < 0.05 for t in g.exponential(10.0, (600, 80))
    )
    assert abs(wrong / 600 - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 600)


def test_what_cannot_be_compared_says_so() -> None:
    nobody = np.zeros(42, bool)
    for method in (log_rank, hazard_ratio):
        with pytest.raises(ValueError, match="nobody had the event; a longer trial, more patients"):
            method(TIME, nobody, ARM)
        with pytest.raises(ValueError, match="nobody at risk"):
            method(TIME, EVENT, np.ones(42, int))
    with pytest.raises(ValueError, match="log-rank test needs none"):
        hazard_ratio(TIME, EVENT & (ARM == 1), ARM)
    assert np.isfinite(log_rank(TIME, EVENT & (ARM == 1), ARM)[1].p)
    flat = kaplan_meier(np.array([3.0, 5.0]), np.array([False, False]))
    assert flat.free.tolist() == [1.0, 1.0, 1.0] and np.isnan(flat.median)


DRUG_20 = Treatment("escitalopram", "20 mg", every="24 h")
EMPTY = Treatment("placebo", every="24 h")
WITHDRAWAL = Protocol(
    "withdrawal", "12 weeks", "mdd_outpatient",
    (Arm("open", 80, (DRUG_20,), steps=(
        Step("again", "week 6", "randomise", (Option("goes on", 1.0, (), True), Option("stops", 1.0, (EMPTY,)))),
    )),),
    seed=4, include=("madrs >= 22",), visits=tuple(["baseline", *(f"week {w}" for w in (2, 4, 6, 8, 10, 12))]),
    endpoints=(
        Endpoint("relapse", "madrs", "relapse", "week 12", limit=22.0, from_="week 6"),
        Endpoint("left", kind="discontinuation", at="week 12"),
        Endpoint("onset", "madrs", "onset", "week 6", at_least="50 %"),
    ),
    analyses=(
        Analysis("cox", "time_to_event", "relapse", stage="again"),
        Analysis("rank", "log_rank", "relapse", stage="again"),
        Analysis("rank_composite", "log_rank", "relapse", "composite", stage="again"),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def rated():
    return rate(WITHDRAWAL, simulate(WITHDRAWAL, threads=2))


def test_relapses_after_randomised_withdrawal_are_those_in_the_scores(rated) -> None:
    """Read again visit by visit, in plain Python; the two options are compared and nobody else."""
    madrs, choice = scores(rated, "madrs"), rated.simulated.choices[:, 0]
    rows = []
    for row, option in zip(madrs, choice, strict=True):
        if option < 0:
            continue
        after = [(w, x) for w, x in zip((2, 4, 6), row[4:], strict=True) if np.isfinite(x)]
        bad = [w for w, x in after if x >= 22]
        rows.append((bad[0] if bad else (after[-1][0] if after else 0), bool(bad), int(option == 0)))
    rows = [r for r in rows if r[0] > 0]
    time, event, arm = (np.array(v) for v in zip(*rows, strict=True))
    chi2, p = survdiff(time, event.astype(int), arm)
    row = next(r for a in WITHDRAWAL.analyses if a.name == "rank"
               for r in rows_of(WITHDRAWAL, rated, a, WITHDRAWAL.endpoints[0]))  # fmt: skip
    assert (row.estimate / row.se) ** 2 == pytest.approx(chi2, rel=1e-9) and row.p == pytest.approx(
        p, rel=1e-6
    )
    assert row.arm == "goes on" and row.favours == "low" and row.estimate < 0
    shown = {(t, a): c for t, _, a, c in curves(WITHDRAWAL, rated)}
    assert shown["cox", "stops"].events.sum() == event[arm == 0].sum()
    assert set(shown) >= {("left", "open"), ("onset", "open")}


def test_leaving_for_any_reason_is_counted_once_and_at_its_time(rated) -> None:
    endpoint = WITHDRAWAL.endpoints[1]
    event, last = event_times(data_of(WITHDRAWAL, rated, endpoint, "treatment_policy"), endpoint)
    gone = rated.observed.dropout_time
    assert np.array_equal(np.isfinite(event), np.isfinite(gone)) and np.isfinite(event).sum() > 5
    assert np.array_equal(event[np.isfinite(event)], gone[np.isfinite(gone)])
    assert (last[~np.isfinite(gone)] == 12 * 168.0).all()


def test_the_composite_counts_leaving_as_relapse_and_withdrawal_itself_as_none(rated) -> None:
    relapse = WITHDRAWAL.endpoints[0]
    plain, both = (
        event_times(data_of(WITHDRAWAL, rated, relapse, e, "again"), relapse, e)[0]
        for e in ("treatment_policy", "composite")
    )
    data = data_of(WITHDRAWAL, rated, relapse, "composite", "again")
    start = 6 * 168.0
    first = np.minimum(plain, np.where(data.gone > start, data.gone - start, np.inf))
    assert np.array_equal(both, first) and np.isfinite(both).sum() > np.isfinite(plain).sum()
    assert not np.isfinite(data.changed).any()  # being randomised to placebo is the comparison, not a failure
    kept = data_of(WITHDRAWAL, rated, relapse, "hypothetical", "again").scores
    assert np.array_equal(kept, data.scores, equal_nan=True)


def test_onset_by_the_composite_is_none_for_who_left(rated) -> None:
    onset = WITHDRAWAL.endpoints[2]
    data = data_of(WITHDRAWAL, rated, onset, "composite")
    event, last = event_times(data, onset, "composite")
    assert not np.isfinite(event[data.failed]).any() and (last[data.failed] == 6 * 168.0).all()
    assert np.isfinite(event[~data.failed]).any()


def test_a_run_writes_curves_power_and_the_report_shows_them(tmp_path) -> None:
    small = WITHDRAWAL.replace(replicates=2, arms=(replace(WITHDRAWAL.arms[0], n=40),))
    folder = run_trial(small, tmp_path, jobs=2).folder
    table = pl.read_parquet(folder / "survival.parquet")
    for (_, _), part in table.group_by("analysis", "arm"):
        assert part["day"].is_sorted() and part["free"].to_list() == sorted(part["free"], reverse=True)
        assert ((part["low"] <= part["free"]) & (part["free"] <= part["high"])).all()
    power = pl.read_parquet(folder / "operating.parquet")
    assert set(power["method"]) == {"time_to_event", "log_rank"} and (power["replicates"] == 2).all()
    from euthymia.report.document import write_report

    page = write_report(folder, tmp_path / "r.html").read_text("utf-8")
    assert "Times to an event" in page and "fig-survival-cox" in page


def test_power_over_replicates_counts_fewer_relapses_as_success() -> None:
    from euthymia.trials.analyses import AnalysisRow

    head = ("rank", "log_rank", "relapse", "treatment_policy", "goes on", "log hazard ratio", 80)
    rows = [AnalysisRow(*head, v, 0.2, None, v - 0.4, v + 0.4, p) for v, p in ((-0.6, 0.003), (0.6, 0.003))]
    assert operating(rows)[0]["power"] == 0.5


FORM = """\
euthymia: 1
title: t
duration: 8 weeks
population: {base: mdd_outpatient}
arms:
  - {name: a, n: 10, control: true, treatment: [{drug: placebo}]}
  - {name: b, n: 10, treatment: [{drug: sertraline, dose: 50 mg, every: 24 h}]}
endpoints:
  - {%s}
analyses:
  - {name: rank, method: log_rank, endpoint: e}
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "name: e, kind: relapse, at: week 8, limit: 20",
            "'of' is missing, the scale, for example 'of: madrs'",
        ),
        (
            "name: e, of: madrs, kind: change, at: week 8",
            "log_rank needs onset or relapse or discontinuation",
        ),
        ("name: e, kind: discontinuation, at: week 4, from: week 6", "'week 6' is not before 'at: week 4'"),
    ],
)
def test_faults_of_events_are_named(line, said) -> None:
    with pytest.raises(InputError, match=said):
        parse_protocol(FORM % line)
    assert parse_protocol(FORM % "name: e, kind: discontinuation, at: week 8").endpoints[0].of == ""
