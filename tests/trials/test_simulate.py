"""A small trial end to end: reproducible to the bit, resumable, one patient alone, conservative outcome layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom

import euthymia.trials.simulate as sim
from euthymia.protocol.protocol import Arm, Protocol, Treatment
from euthymia.trials.cohort import allocate
from euthymia.trials.single import rerun_patient
from euthymia.trials.summary import mean_change, share

PROTOCOL = Protocol(
    "small", "2 weeks", "mdd_outpatient",
    (
        Arm("placebo", 5, (Treatment("placebo", every="24 h"),), control=True),
        Arm("escitalopram", 6, (Treatment("escitalopram", "10 mg", every="24 h"),)),
    ),
    seed=7, include=("madrs >= 20",),
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> sim.RunResult:
    return sim.run_trial(PROTOCOL, tmp_path_factory.mktemp("runs"), jobs=1)


def tables(folder: Path) -> dict[str, bytes]:
    return {
        p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix in (".parquet", ".json", ".yaml")
    }


def test_same_input_same_bytes_whatever_the_chunks_and_threads(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sim, "CHUNK", 4)
    again = sim.run_trial(PROTOCOL, tmp_path, jobs=2)
    assert again.run_id == run.run_id
    assert tables(again.folder) == tables(run.folder)


def test_one_patient_alone_gives_the_same_numbers(run) -> None:
    protocol_run = sim.simulate(PROTOCOL, threads=1)
    i = 8
    patient = int(protocol_run.cohort.number[i])
    alone = rerun_patient(run.folder, patient)
    assert np.array_equal(alone.values, protocol_run.courses[i], equal_nan=True)
    assert np.array_equal(alone.severity, protocol_run.severity[i])


def test_new_endpoints_simulate_nothing(run, monkeypatch) -> None:
    monkeypatch.setattr(sim, "treat", lambda *a: pytest.fail("simulated again"))
    monkeypatch.setattr(sim, "recruit", lambda *a: pytest.fail("recruited again"))
    changed = PROTOCOL.replace(title="other", compare_with=(), notes="x")
    other = sim.run_trial(changed, run.folder.parent, jobs=1)
    assert other.run_id != run.run_id


def test_a_killed_run_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sim, "CHUNK", 4)
    done = []

    def treat(*args):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return real(*args)

    real = sim.treat
    monkeypatch.setattr(sim, "treat", treat)
    with pytest.raises(KeyboardInterrupt):
        sim.run_trial(PROTOCOL, tmp_path, jobs=1)
    assert not any(p.suffix == ".parquet" for p in tmp_path.rglob("*"))
    done.clear()
    sim.run_trial(PROTOCOL, tmp_path, jobs=1)
    assert len(done) == 1, "only the chunk that was lost is simulated again"


def test_patients_differ_by_seed_and_replicate() -> None:
    base = sim.simulate(PROTOCOL, threads=1)
    assert not np.array_equal(base.severity, sim.simulate(PROTOCOL.replace(seed=8), threads=1).severity)
    assert not np.array_equal(base.severity, sim.simulate(PROTOCOL, 1, threads=1).severity)


def test_tables_hold_together(run) -> None:
    patients, visits = (pl.read_parquet(run.folder / f"{n}.parquet") for n in ("patients", "visits"))
    assert patients.height == 11 and patients["status"].sum() == 0
    assert patients.group_by("arm").len().sort("arm")["len"].to_list() == [6, 5]
    assert visits.height == 33
    assert visits.filter(pl.col("day") == 0)["madrs"].null_count() == 0
    assert (patients["severity"] >= 20).all()
    levels = pl.read_parquet(run.folder / "levels.parquet")
    assert set(levels["arm"]) == {"escitalopram"}
    sources = pl.read_parquet(run.folder / "parameters.parquet")
    assert (
        sources.filter(
            (pl.col("cite") == "") & ~pl.col("basis").is_in(["assumed", "derived", "fitted"])
        ).height
        == 0
    )


def test_untreated_patients_have_no_drug_effect() -> None:
    r = sim.simulate(PROTOCOL, threads=1)
    assert np.array_equal(r.severity[r.arm == 0], r.untreated[r.arm == 0])
    assert (np.abs(r.severity - r.untreated)[r.arm == 1][:, -1] > 0).all()


def test_allocation_fills_the_arms() -> None:
    arm = allocate(PROTOCOL, "t", 11)
    assert np.bincount(arm).tolist() == [5, 6]


def test_intervals_cover() -> None:
    g = np.random.default_rng(1)
    hits = [
        row.low < -3 < row.high for row in (mean_change("a", "c", g.normal(-3, 9, 30)) for _ in range(2000))
    ]
    assert abs(np.mean(hits) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 2000)  # three standard errors
    n, p = 60, 0.3
    exact = sum(
        binom.pmf(k, n, p) * (row.low < p < row.high)
        for k in range(n + 1)
        for row in [share("a", "r", np.repeat([1.0, 0.0], [k, n - k]))]
    )
    assert 0.93 < exact < 0.97  # exact coverage; discrete, so not 95 % itself


def test_dropout_and_adherence_of_the_protocol_are_obeyed() -> None:
    from euthymia.trials.rate import rate

    stay = PROTOCOL.replace(dropout="none", adherence="100 %")
    r = sim.simulate(stay, threads=1)
    assert r.taken.min() == 1.0
    rated = rate(stay, r)
    assert rated.observed.in_trial.all() and np.isinf(rated.observed.dropout_time).all()
    assert sim.simulate(PROTOCOL.replace(adherence="0 %"), threads=1).taken[r.arm == 1].max() == 0.0


@pytest.mark.parametrize("mean", [0.3, 0.6, 0.95])
def test_adherence_reaches_its_long_run_mean(mean: float) -> None:
    from euthymia.outcomes.adherence import taken

    g = np.random.default_rng(1)
    times = np.arange(4000) * 24.0
    late = taken(times, g.random((60, 4000)), g.random((60, 4000)), mean=mean)[:, 1000:]
    assert late.mean() == pytest.approx(mean, abs=0.02)
