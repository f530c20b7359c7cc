"""Analyses of a protocol against statsmodels and scipy on the tables of the run, closed forms, and simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

import euthymia.trials.simulate as sim
from euthymia.errors import InputError
from euthymia.evidence.read import LIBRARY
from euthymia.protocol.analyses import Analysis, Interim, Resize
from euthymia.protocol.protocol import Arm, Endpoint, Protocol, parse_protocol, read_protocol
from euthymia.trials import imputation
from euthymia.trials.interim import Enrolled, conditional_power, looks
from euthymia.trials.mmrm import mmrm
from euthymia.trials.pool import pool_size
from euthymia.trials.single import rerun_patient

LIBRARY_PROTOCOLS = LIBRARY / "protocols"


def small(name: str, n: int, **changes) -> Protocol:
    protocol = read_protocol(LIBRARY_PROTOCOLS / f"{name}.yaml")
    arms = tuple(Arm(a.name, n, a.treatment, a.control, a.steps) for a in protocol.arms)
    return protocol.replace(arms=arms, **changes)


@pytest.fixture(scope="module")
def replicated(tmp_path_factory):
    protocol = small("replicated", 40, replicates=3, pool=30)
    run = sim.run_trial(protocol, tmp_path_factory.mktemp("pool"), jobs=1)
    names = ("patients", "visits", "analyses", "operating", "looks", "sequential")
    return run, {n: pl.read_parquet(run.folder / f"{n}.parquet") for n in names}


def carried(visits: pl.DataFrame, replicate: int):
    """Baseline, last score seen and arm of every patient, from the table of visits alone."""
    mine = visits.filter(pl.col("replicate") == replicate).sort("patient", "day")
    seen = mine.group_by("patient", maintain_order=True).agg(
        pl.col("arm").first(),
        pl.col("madrs").first().alias("base"),
        pl.col("madrs").drop_nulls().last().alias("last"),
    )
    return (
        seen["base"].to_numpy(),
        seen["last"].to_numpy(),
        (seen["arm"] != "placebo").to_numpy().astype(float),
    )


@pytest.mark.parametrize("replicate", [0, 2])
def test_ancova_logistic_and_shares_equal_statsmodels_on_the_table(replicated, replicate) -> None:
    _, tables = replicated
    base, last, arm = carried(tables["visits"], replicate)
    rows = {r["analysis"]: r for r in tables["analyses"].filter(pl.col("replicate") == replicate).to_dicts()}
    fit = sm.OLS(last - base, np.column_stack([np.ones(len(base)), base, arm])).fit()
    assert rows["carried"]["estimate"] == pytest.approx(fit.params[2])
    assert rows["carried"]["se"] == pytest.approx(fit.bse[2]) and rows["carried"]["p"] == pytest.approx(
        fit.pvalues[2]
    )
    yes = (base - last) / base >= 0.5
    gap = yes[arm == 1].mean() - yes[arm == 0].mean()
    assert rows["difference"]["estimate"] == pytest.approx(gap)
    left = tables["visits"].filter((pl.col("replicate") == replicate) & (pl.col("day") == 56)).sort("patient")
    stayed = left["madrs"].is_not_null().to_numpy()
    logit = sm.Logit((yes & stayed).astype(float), np.column_stack([np.ones(len(base)), base, arm])).fit(
        disp=0
    )
    assert rows["responders"]["estimate"] == pytest.approx(logit.params[2], rel=1e-4)


def test_mixed_model_of_the_protocol_is_the_mixed_model_of_the_table(replicated) -> None:
    _, tables = replicated
    mine = tables["visits"].filter(pl.col("replicate") == 1)
    wide = mine.pivot(on="day", index=["patient", "arm"], values="madrs").sort("patient")
    x = wide.drop("patient", "arm").to_numpy().astype(float)
    fit = mmrm(x[:, 1:] - x[:, :1], x[:, 0], (wide["arm"] != "placebo").to_numpy().astype(int))
    row = (
        tables["analyses"]
        .filter((pl.col("replicate") == 1) & (pl.col("analysis") == "primary"))
        .row(0, named=True)
    )
    found = fit.difference(1, -1, "kenward-roger")
    assert (row["estimate"], row["se"], row["df"]) == pytest.approx((found.value, found.se, found.df))


def test_replicates_of_a_pool_differ_and_one_patient_alone_is_the_same(replicated) -> None:
    run, tables = replicated
    patients = tables["patients"]
    assert patients.height == 3 * 80 and patients["candidate"].n_unique() <= 30
    first, second = (patients.filter(pl.col("replicate") == r)["candidate"].to_list() for r in (0, 1))
    assert first != second
    scores = [tables["visits"].filter(pl.col("replicate") == r)["madrs"].to_list() for r in (0, 1)]
    assert scores[0] != scores[1]
    alone = rerun_patient(run.folder, 5, 1)
    latent = tables["patients"].filter((pl.col("replicate") == 1) & (pl.col("patient") == 5))
    assert alone.severity[0] == latent["severity"][0]
    assert tables["operating"]["replicates"].to_list() == [3] * 6


def test_pool_is_used_where_asked_or_where_patients_are_many() -> None:
    plain = small("replicated", 100, replicates=1, pool=0)
    assert pool_size(plain) == 0 and pool_size(plain.replace(replicates=200)) == 400
    assert (
        pool_size(plain.replace(replicates=5)) == 0 and pool_size(plain.replace(replicates=5, pool=50)) == 50
    )
    assert pool_size(small("spcd", 60, replicates=200)) == 0


def test_sequential_parallel_comparison_against_its_closed_form(tmp_path) -> None:
    """w d1 + (1 - w) d2 with errors added in squares, both stages by statsmodels from the tables."""
    run = sim.run_trial(small("spcd", 40), tmp_path, jobs=1)
    visits, patients = (pl.read_parquet(run.folder / f"{n}.parquet") for n in ("visits", "patients"))
    wide = visits.pivot(on="day", index=["patient", "arm"], values="madrs").sort("patient")
    path = patients.sort("patient")["path"].to_numpy()
    x = wide.drop("patient", "arm").to_numpy().astype(float)

    def filled(part):
        out = part.copy()
        for j in range(1, out.shape[1]):
            out[:, j] = np.where(np.isnan(out[:, j]), out[:, j - 1], out[:, j])
        return out

    one = filled(x[:, :4])
    drug = (wide["arm"] != "placebo").to_numpy().astype(float)
    first = sm.OLS(one[:, -1] - one[:, 0], np.column_stack([np.ones(len(one)), one[:, 0], drug])).fit()
    again = np.isin(path, ["placebo again", "drug"])
    two = filled(x[again][:, 3:])
    which = (path[again] == "drug").astype(float)
    second = sm.OLS(two[:, -1] - two[:, 0], np.column_stack([np.ones(len(two)), two[:, 0], which])).fit()
    rows = {r["analysis"]: r for r in pl.read_parquet(run.folder / "analyses.parquet").to_dicts()}
    assert rows["pooled"]["estimate"] == pytest.approx(0.6 * first.params[2] + 0.4 * second.params[2])
    assert rows["pooled"]["se"] == pytest.approx(np.hypot(0.6 * first.bse[2], 0.4 * second.bse[2]))
    assert rows["stage_2"]["estimate"] == pytest.approx(second.params[2])


def test_crossover_against_the_t_test_of_period_differences(tmp_path) -> None:
    run = sim.run_trial(small("crossover", 8, dropout="none"), tmp_path, jobs=1)
    wide = pl.read_parquet(run.folder / "visits.parquet").pivot(
        on="day", index=["patient", "arm"], values="madrs"
    )
    gap = ((wide["1.0"] - wide["0.0"]) - (wide["15.0"] - wide["14.0"])).to_numpy()
    first = (wide["arm"] == "ketamine first").to_numpy()
    found = stats.ttest_ind(gap[first], gap[~first])
    row = pl.read_parquet(run.folder / "analyses.parquet").row(0, named=True)
    assert row["estimate"] == pytest.approx((gap[first].mean() - gap[~first].mean()) / 2)
    assert row["p"] == pytest.approx(found.pvalue)


def test_reference_based_imputation_against_conditional_means(shared) -> None:
    """Independent path: conditional means written out patient by patient, then least squares by statsmodels.

    Their estimate is the limit of many imputations; 60 leave a Monte Carlo error below 0.1 point."""
    data = pl.read_csv(shared / "data/antidepressant_trial_hamd17_ipd/antidepressant_trial_hamd17.csv")
    wide = data.pivot(on="VISIT", index=["PATIENT", "THERAPY", "BASVAL"], values="CHANGE").sort("PATIENT")
    change = wide.select(["4", "5", "6", "7"]).to_numpy().astype(float)
    base, arm = wide["BASVAL"].to_numpy().astype(float), (wide["THERAPY"] == "DRUG").to_numpy().astype(int)
    fit = mmrm(change, base, arm)
    seen_any = np.isfinite(change).any(axis=1)
    centre = base[seen_any].mean()
    for strategy in ("j2r", "cir", "cr"):
        done = change.copy()
        for i in range(len(done)):
            control = fit.beta[:4] + (base[i] - centre) * fit.beta[4:8]
            own = control + (fit.beta[8:12] if arm[i] else 0)
            seen, gone = np.flatnonzero(np.isfinite(change[i])), np.flatnonzero(np.isnan(change[i]))
            if not len(gone):
                continue
            last = seen[-1] if len(seen) else -1
            mean = own.copy()
            if arm[i]:
                for v in range(4):
                    if strategy == "cr":
                        mean[v] = control[v]
                    elif v > last:
                        mean[v] = control[v] + (
                            own[last] - control[last] if strategy == "cir" and last >= 0 else 0
                        )
            done[i, gone] = mean[gone]
            if len(seen):
                slope = np.linalg.solve(fit.sigma[np.ix_(seen, seen)], fit.sigma[np.ix_(seen, gone)])
                done[i, gone] += (change[i, seen] - mean[seen]) @ slope
        expected = sm.OLS(done[:, -1], np.column_stack([np.ones(len(base)), base, arm])).fit().params[2]
        found = imputation.multiple_imputation(change, base, arm, strategy, 60, seed=4)[1]
        assert found.value == pytest.approx(expected, abs=0.2), strategy


def test_conditional_power_is_what_brownian_paths_do() -> None:
    g = np.random.default_rng(3)
    z, t, bound = 1.2, 0.5, 2.0
    end = z * np.sqrt(t) + (z / np.sqrt(t)) * (1 - t) + np.sqrt(1 - t) * g.standard_normal(200_000)
    assert conditional_power(z, t, bound) == pytest.approx((end >= bound).mean(), abs=0.004)


@pytest.mark.parametrize("resize", [None, Resize()])
def test_looks_and_more_patients_keep_the_error_rate(resize) -> None:
    """600 trials without any effect: one-sided 2.5 %, binomial test at 0.1 %."""
    g = np.random.default_rng(5)
    interim = Interim(("50 %", "75 %"), "change", resize=resize)
    won = 0
    for _ in range(600):
        arms = [Enrolled(g.normal(0, 9, 60), g.normal(30, 4, 60), 40) for _ in range(2)]
        won += list(looks(interim, *arms))[-1].decision == "success"
    assert stats.binomtest(won, 600, 0.025).pvalue > 0.001


def test_more_patients_only_where_the_look_is_promising() -> None:
    g = np.random.default_rng(6)
    interim = Interim(("50 %",), "change", futility="10 %", resize=Resize("30 %", "80 %", "200 %"))
    sizes = set()
    for _ in range(80):
        arm, control = (Enrolled(g.normal(m, 9, 120), g.normal(30, 4, 120), 60) for m in (-4, 0))
        found = list(looks(interim, arm, control))
        if len(found) == 2:
            power = found[0].conditional_power
            assert found[1].n == (240 if 0.3 <= power < 0.8 else 120)
            sizes.add(found[1].n)
        elif found[0].decision == "futile":
            assert found[0].conditional_power < 0.1
    assert sizes == {120, 240}


def test_estimands_use_what_they_say() -> None:
    """By hand on two patients: one rescued at week 4, one who left after week 1."""
    from euthymia.trials.analyses import success
    from euthymia.trials.data import Data

    times = np.array([0.0, 168.0, 672.0])
    data = Data(
        np.array([[30.0, 25, 10], [30, 12, np.nan]]),
        times,
        np.array([1, 1]),
        ("c", "a"),
        np.array([True, True]),
        changed=np.array([672.0, np.inf]),
        gone=np.array([np.inf, 200.0]),
        planned=np.full(2, np.inf),
    )
    endpoint = Endpoint("response", "madrs", "percent_reduction", "week 4", "50 %")
    policy = Analysis("a", "logistic", "response")
    assert success(data, policy, endpoint).tolist() == [True, True]
    assert success(data, replace(policy, estimand="composite"), endpoint).tolist() == [False, False]


TEXT = """euthymia: 1
title: t
duration: 8 weeks
population: {base: mdd_outpatient}
arms:
  - {name: a, n: 4, treatment: [{drug: placebo, every: 24 h}]}
  - {name: b, n: 4, treatment: [{drug: sertraline, dose: 50 mg, every: 24 h}]}
endpoints:
  - {name: change, of: madrs, kind: change, at: week 8}
analyses:
  - {name: one, method: mmrm, endpoint: chnage}
  - {name: two, method: logistic, endpoint: change}
  - {name: three, method: mmrm, endpoint: change}
  - {name: four, method: spcd, endpoint: change, stage: second}
interim: {at: [50 %, 40 %], endpoint: changes}
"""


def test_faults_of_analyses_and_looks_are_named_with_line_and_remedy() -> None:
    with pytest.raises(InputError) as caught:
        parse_protocol(TEXT, "p.yaml")
    found = [str(p) for p in caught.value.problems]
    for expected in (
        "p.yaml:11:41: analyses.0.endpoint: no endpoint 'chnage' - did you mean 'change'?",
        "p.yaml:12:45: analyses.1.endpoint: 'change' is of kind change; logistic needs percent_reduction or below",
        "p.yaml:13:27: analyses.2.method: 8 patients are too few for an unstructured mixed model of 8 visits; it needs 12 "
        "at every visit: more patients, fewer visits, or 'method: ancova'",
        "p.yaml:14:57: analyses.3.stage: no step 'second'; steps: none",
        "p.yaml:15:22: interim.at.1: '40 %' does not rise between 0 % and 100 %; the last look is the end",
        "p.yaml:15:16: interim.at.0: '50 %' of the smallest arm is 2 patients, too few to compare; look later or have more "
        "(at least 3 an arm)",
        "p.yaml:15:39: interim.endpoint: 'changes' is no change endpoint - did you mean 'change'?",
    ):
        assert expected in found, found


def test_a_protocol_with_analyses_writes_and_reads_itself() -> None:
    protocol = read_protocol(LIBRARY_PROTOCOLS / "replicated.yaml")
    assert parse_protocol(protocol.to_yaml()) == protocol


def test_a_killed_pool_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    protocol = small("replicated", 10, replicates=2, pool=20, analyses=(), interim=None)
    monkeypatch.setattr(sim, "CHUNK", 8)
    done, real = [], sim._treated

    def treated(*args):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(1)
        return real(*args)

    monkeypatch.setattr(sim, "_treated", treated)
    with pytest.raises(KeyboardInterrupt):
        sim.run_trial(protocol, tmp_path, jobs=1)
    assert not list(tmp_path.rglob("*.parquet"))
    done.clear()
    sim.run_trial(protocol, tmp_path, jobs=1)
    assert len(done) == 2, "six chunks, four of them kept"
