"""Simulated beside published: the same arm, the same outcome, the same day.

In: a run with published rows.  Out: one `Pair` per published value that an arm of this run is matched to.
At the last visit the simulated value comes from the endpoint table, or for a total from each patient's last
visit attended; before it, from the patients still in the trial (mean and 95 % interval).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from euthymia.report.run import Run

SHARES = ("response", "remission", "dropout")
MANY = 20  # from so many repetitions on, the spread of their estimates is the interval
NEAR = 3.0  # days by which a published and a planned visit may differ


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its 95 % interval; nan where there is none.

    Parameters
    ----------
    estimate, low, high : float
        Points, or a share between 0 and 1.
    n : int
        Patients behind it; 0 where unknown.
    """

    estimate: float
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """One published value with the simulated one."""

    trial: str
    published_arm: str
    arm: str
    outcome: str
    day: float
    cite: str
    published: Value
    simulated: Value

    @property
    def difference(self) -> float:
        """Simulated minus published."""
        return self.simulated.estimate - self.published.estimate

    @property
    def compatible(self) -> bool | None:
        """Whether the intervals overlap; a published value without one must lie in the simulated interval."""
        bounds = [self.simulated.low, self.simulated.high]
        if not np.isfinite(bounds).all():
            return None
        low = self.published.low if np.isfinite(self.published.low) else self.published.estimate
        high = self.published.high if np.isfinite(self.published.high) else self.published.estimate
        return bool(low <= bounds[1] and high >= bounds[0])


def endpoint(run: Run, arm: str, name: str) -> Value | None:
    """An endpoint of an arm: its estimate and 95 % interval.

    Of a trial repeated 20 times or more: the median and the middle 95 % of the estimates.  Of fewer: the median,
    with the mean width of the single trials' intervals.
    """
    rows = run.endpoints.filter((pl.col("arm") == arm) & (pl.col("endpoint") == name)).drop_nulls("estimate")
    if not rows.height:
        return None
    if rows.height == 1:
        first = rows.row(0, named=True)
        low, high = (float("nan") if first[c] is None else float(first[c]) for c in ("low", "high"))
        return Value(float(first["estimate"]), low, high, int(first["n"] or 0))
    estimates = rows["estimate"].to_numpy()
    n = int(np.median(rows["n"].to_numpy()))
    low, middle, high = np.percentile(estimates, [2.5, 50, 97.5])
    if rows.height < MANY:
        widths = [np.asarray(rows[c].cast(pl.Float64).to_numpy()) - estimates for c in ("low", "high")]
        low, high = (middle + w.mean() for w in widths)
    return Value(float(middle), float(low), float(high), n)


def replicates(run: Run) -> int:
    """How many times the trial was repeated."""
    return run.endpoints["replicate"].n_unique() if "replicate" in run.endpoints.columns else 1


def observed(run: Run, scale: str) -> pl.DataFrame:
    """Each patient's score and change at every visit attended: patient, arm, day, score, change, percent.

    Patients whose simulation failed are left out.
    """
    well = run.patients.filter(pl.col("status") == 0) if "status" in run.patients.columns else run.patients
    rows = run.visits.filter(pl.col("patient").is_in(well["patient"].implode()) & pl.col(scale).is_not_null())
    if "in_trial" in rows.columns:
        rows = rows.filter(pl.col("in_trial") | (pl.col("day") <= 0))
    first = pl.col(scale).sort_by("day").first().over("patient")
    change = pl.col(scale) - first
    columns = {
        "day": pl.col("day"),
        "score": pl.col(scale),
        "change": change,
        "percent": -100 * change / first,
    }
    kept = rows.select("patient", "arm", **{name: value.cast(pl.Float64) for name, value in columns.items()})
    return kept.sort("patient", "day")


def visit_means(run: Run, scale: str, column: str = "change") -> pl.DataFrame:
    """Mean and 95 % interval of a column at each visit attended: arm, day, n, mean, sd, low, high."""
    half = 1.96 * pl.col(column).std() / pl.col(column).count().cast(pl.Float64).sqrt()
    means = observed(run, scale).group_by("arm", "day", maintain_order=True).agg(
        n=pl.col(column).count(), mean=pl.col(column).mean(), sd=pl.col(column).std(),
        low=pl.col(column).mean() - half, high=pl.col(column).mean() + half)  # fmt: skip
    return means.sort("arm", "day")


def visit_bands(run: Run, scale: str) -> pl.DataFrame:
    """Scores rated at each visit attended: arm, day, n, mean, p05, p25, p50, p75, p95."""
    score = pl.col("score")
    parts = {f"p{q:02d}": score.quantile(q / 100, "linear") for q in (5, 25, 50, 75, 95)}
    found = observed(run, scale).group_by("arm", "day").agg(n=score.count(), mean=score.mean(), **parts)
    return found.sort("arm", "day")


def published_values(run: Run, outcome: str) -> Iterator[tuple[str, float, str, str, Value]]:
    """Published rows of one outcome matched to an arm of this run: arm, day, trial, cite, value.

    Shares are given between 0 and 1 whether printed as per cent or not.
    """
    if run.published is None:
        return
    rows = run.published.filter((pl.col("outcome") == outcome) & pl.col("matched_arm").is_in(run.arms))
    for row in rows.iter_rows(named=True):
        if row["value"] is None:
            continue
        scale = 0.01 if str(row["unit"]).strip() in ("%", "percent") else 1.0
        low, high = (float("nan") if row[c] is None else scale * float(row[c]) for c in ("low", "high"))
        day = run.last_day if row["day"] is None else float(row["day"])
        yield (
            row["matched_arm"],
            day,
            str(row["trial"]),
            str(row["cite"] or ""),
            Value(scale * row["value"], low, high),
        )


def pairs(run: Run) -> list[Pair]:
    """Every published value with its simulated counterpart, in the order of outcome, day and arm."""
    if run.published is None:
        return []
    found = []
    outcomes = run.published["outcome"].unique(maintain_order=True).to_list()
    for outcome in outcomes:
        for arm, day, trial, cite, value in published_values(run, outcome):
            simulated = simulated_value(run, arm, outcome, day)
            if simulated is not None:
                found.append(Pair(trial, arm, arm, outcome, day, cite, value, simulated))
    order = {arm: i for i, arm in enumerate(run.arms)}
    return sorted(found, key=lambda p: (outcomes.index(p.outcome), p.day, order[p.arm], p.trial))


def last_attended(run: Run, arm: str) -> Value | None:
    """Mean total of an arm at each patient's last visit attended, with its 95 % interval."""
    final = observed(run, run.scale).group_by("patient", "arm", maintain_order=True).last()
    score = final.filter(pl.col("arm") == arm)["score"].to_numpy()
    if len(score) < 2:
        return None
    half = 1.96 * score.std(ddof=1) / np.sqrt(len(score))
    return Value(float(score.mean()), float(score.mean() - half), float(score.mean() + half), len(score))


def simulated_value(run: Run, arm: str, outcome: str, day: float) -> Value | None:
    """What the simulation says for a published value; None where it has no counterpart."""
    last = abs(day - run.last_day) <= NEAR
    if last and (value := endpoint(run, arm, outcome)) is not None:
        return value
    if last and outcome == run.scale:
        return last_attended(run, arm)
    change, _, scale = outcome.partition("_")
    column, scale = ("change", scale) if change == "change" else ("score", outcome)
    if scale not in run.visits.columns or scale in ("patient", "arm", "day"):
        return None
    means = visit_means(run, scale, column).filter(pl.col("arm") == arm)
    near = means.filter((pl.col("day") - day).abs() <= NEAR).sort((pl.col("day") - day).abs())
    if not near.height:
        return None
    row = near.row(0, named=True)
    low, high = (float("nan") if row[c] is None else row[c] for c in ("low", "high"))
    return Value(row["mean"], low, high, row["n"])
