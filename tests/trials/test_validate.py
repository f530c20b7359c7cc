"""Published trials, the effect model, the scoreboard and the commands."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from euthymia.analysis.calibrate import fit, minus_log_posterior, simulated_coverage
from euthymia.cli import calibrate, validate
from euthymia.errors import InputError
from euthymia.evidence.read import LIBRARY
from euthymia.trials.arm_model import CLASS, TRIAL, VISIT, ControlModel, control_results
from euthymia.trials.arm_scores import Usual, arm_rows, arm_scores
from euthymia.trials.arms import control_changes
from euthymia.trials.effects import TERMS, EffectModel, covariance
from euthymia.trials.published import calibration_trials, read_trial, read_trials
from euthymia.trials.scoreboard import auc, noise_floor, paired_bootstrap, scores
from euthymia.trials.table import _id, read_table
from euthymia.trials.validate import contrasts_of, leave_out
from euthymia.trials.validate import validate as validate_trials


@pytest.fixture(scope="module")
def trials():
    return calibration_trials()


@pytest.fixture(scope="module")
def contrasts(trials):
    return contrasts_of(trials)


@pytest.fixture(scope="module")
def left_out(contrasts):
    return leave_out(contrasts, "trial")


def call(module, *arguments):
    import argparse

    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(a) for a in arguments]))


def test_every_calibration_trial_is_a_file(trials, shared):
    import csv

    with (shared / "facts/trials_calibration.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    ids = {_id(r["trial_id"]) for r in rows}
    assert ids <= {t.id for t in trials}
    printed = [float(r["diff_vs_control"]) for r in rows if r["diff_vs_control"]]
    stored = [r.difference for t in trials if t.id in ids for r in t.results if r.difference is not None]
    assert sorted(printed) == pytest.approx(sorted(stored))


def test_hamd_differences_become_madrs_equivalents(contrasts):
    mountain = next(c for c in contrasts if c.key == "ns_mountain/zur30")
    assert mountain.observed == pytest.approx(-1.4 * 1.30)
    assert mountain.se == pytest.approx(0.9 * 1.30)


def test_leave_one_trial_out_reaches_the_goals(left_out):
    best = min(n["mae"] for n in left_out["naive"].values())
    assert left_out["mae"] <= 0.85 * best
    assert left_out["r"] >= 0.5
    assert 0.85 <= left_out["coverage_90"] <= 0.95
    assert left_out["mae"] >= left_out["noise_floor"] * 0.9  # below the noise floor would mean a leak


def test_a_trial_never_sees_its_own_result(contrasts):
    one = next(i for i, c in enumerate(contrasts) if c.observed is not None)
    shifted = list(contrasts)
    shifted[one] = replace(contrasts[one], observed=-40.0, success=not contrasts[one].success)
    rest = [c for c in contrasts if c.trial != contrasts[one].trial]
    before = EffectModel.fit(rest).predict([contrasts[one]])[0]
    after = EffectModel.fit(rest).predict([shifted[one]])[0]
    assert before.mean == after.mean and before.success == after.success


def test_fitting_refuses_files_kept_for_validation(tmp_path):
    text = (LIBRARY / "trials" / "ns_mountain.yaml").read_text("utf-8")
    (tmp_path / "ns_mountain.yaml").write_text(text.replace("use: calibration", "use: validation"), "utf-8")
    for reader in (calibration_trials, fit):
        with pytest.raises(InputError, match="use: validation"):
            reader(tmp_path)
    assert read_trials([tmp_path])[0][0].use == "validation"


def test_fitting_code_has_no_other_door():
    """Outside `published` and the commands, no code of trials or analysis opens trial files itself."""
    import euthymia

    root = LIBRARY.parent
    assert euthymia
    for path in [
        *(root / "analysis").glob("*.py"),
        root / "trials" / "effects.py",
        root / "trials" / "baselines.py",
    ]:
        text = path.read_text("utf-8")
        for door in ("read_trial(", "read_trials(", "read_table(", "open("):
            assert door not in text, f"{path.name} uses {door}"


def test_fit_is_the_maximum_of_the_density_written_again(contrasts):
    model = EffectModel.fit(contrasts, iterations=200)
    best = minus_log_posterior(model.learned, model.scales)
    for k in TERMS:
        for factor in (0.9, 1.1):
            assert minus_log_posterior(model.learned, {**model.scales, k: model.scales[k] * factor}) > best


def test_prediction_is_the_conditional_normal(contrasts):
    """Against the textbook formula on the joint covariance of learned and new contrasts."""
    used = [c for c in contrasts if c.observed is not None]
    new, old = used[:1], used[1:]
    model = EffectModel(tuple(old), dict(TERMS))
    joint = sum(covariance(used, used, TERMS).values()) + np.diag([0.0, *[c.se**2 for c in old]])
    before = np.array([-2.5 - 2.3 * (c.blinding == "waitlist") for c in used])
    assert sum(before != before[0]) == 2  # waiting lists are among them
    y = np.array([c.observed for c in old]) - before[1:]
    gain = np.linalg.solve(joint[1:, 1:], joint[1:, 0])
    p = model.predict(new)[0]
    assert p.mean == pytest.approx(before[0] + gain @ y)
    assert p.effect_sd == pytest.approx(np.sqrt(joint[0, 0] - gain @ joint[1:, 0]), rel=1e-6)
    assert p.samples.std() == pytest.approx(p.sd, rel=0.02)


def test_proxy_from_response_rates_against_hand_calculation(contrasts):
    """Phenelzine 71 % of 34, placebo 28 % of 31 responders."""
    found = next(c for c in contrasts if c.key == "maoi_liebowitz1988/phenelzine")
    a, b = 0.71 * 34 + 0.5, 0.28 * 31 + 0.5
    odds = np.log(a * (32 - b) / ((35 - a) * b))
    assert found.observed is None
    assert found.proxy[0] == pytest.approx(-9.8 * np.sqrt(3) / np.pi * odds)


def test_intervals_cover_on_synthetic_truth(contrasts):
    """90 % nominal; 20 rounds of 12 trials, correlated within rounds: accept 0.84 to 0.96."""
    assert 0.84 < simulated_coverage(contrasts, rounds=20) < 0.96


def test_scores_against_hand_calculation(contrasts):
    three = [replace(contrasts[0], trial=t, observed=o, se=1.0, success=s)
             for t, o, s in (("a", -4.0, True), ("a", -2.0, True), ("b", 1.0, False))]  # fmt: skip
    found = scores(three, np.array([-3.0, -3.0, -1.0]), np.ones(3), np.array([0.8, 0.6, 0.3]))
    assert found["mae"] == pytest.approx((1 + 2) / 2)
    assert found["sign"] == pytest.approx(2 / 3)
    assert found["coverage_90"] == pytest.approx(2 / 3)
    assert found["brier"] == pytest.approx((0.2**2 + 0.3**2) / 2)
    assert found["auc"] == 1.0
    assert noise_floor(three) == pytest.approx(np.sqrt(2 / np.pi))


def test_auc_equals_the_rank_sum():
    from scipy.stats import mannwhitneyu

    g = np.random.default_rng(0)
    won = g.random(50) < 0.5
    chance = g.random(50) + 0.3 * won
    assert auc(chance, won) == pytest.approx(
        mannwhitneyu(chance[won], chance[~won]).statistic / (won.sum() * (~won).sum())
    )


def test_bootstrap_of_equal_predictions_is_zero(contrasts):
    mean = np.full(len(contrasts), -3.0)
    assert paired_bootstrap(contrasts, mean, mean, draws=50)["difference"] == 0


BROKEN = """
trial: broken_2020
title: A broken trial
year: 2020
use: validation
population: {described: MDD}
design: {layout: parallel, blinding: doubel}
arms:
- {name: drug, role: active, treatment: x, n: 40}
- {name: placebo, role: control, treatment: placebo, n: 1}
results:
- {arm: drg, scale: MADSR, day: -3, primary: true, response: 140, change: -70}
primary_met: yes
evidence:
- {basis: assumed, says: a test}
"""


def test_a_broken_file_names_every_fault_with_its_line(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN, "utf-8")
    with pytest.raises(InputError) as caught:
        read_trial(path)
    assert "did you mean 'double'" in str(caught.value) and ":7:" in str(caught.value)
    path.write_text(BROKEN.replace("doubel", "double"), "utf-8")
    with pytest.raises(InputError) as caught:
        read_trial(path)
    text = str(caught.value)
    for part in (
        "did you mean 'drug'",
        "did you mean 'MADRS'",
        "140 is not a percentage",
        "day -3",
        "1 patients",
    ):
        assert part in text


def test_one_bad_trial_stops_no_other(tmp_path, capsys):
    (tmp_path / "broken.yaml").write_text(BROKEN, "utf-8")
    good = (LIBRARY / "trials" / "ns_mountain.yaml").read_text("utf-8")
    (tmp_path / "good.yaml").write_text(good.replace("use: calibration", "use: validation"), "utf-8")
    assert call(validate, tmp_path, "--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert found["n_trials"] == 1 and any("doubel" in p for p in found["problems"])


def test_validate_json_has_the_promised_keys(tmp_path, capsys):
    report = tmp_path / "report.html"
    assert call(validate, LIBRARY / "trials", "--no-network", "--json", "--html", report) == 0
    found = json.loads(capsys.readouterr().out)
    keys = {"mae", "median_ae", "rmse", "r", "sign", "coverage_90", "auc", "brier", "n_contrasts", "n_trials"}
    assert keys <= set(found) and {"naive", "noise_floor", "contrasts"} <= set(found)
    for name in ("zero", "minus_2", "minus_3", "calibration_mean", "class_mean", "shrunken_drug_mean"):
        assert keys <= set(found["naive"][name])
    assert "<svg" in report.read_text("utf-8")


def test_validate_without_anything_to_do_says_so():
    with pytest.raises(InputError, match="one of the two"):
        call(validate)


def test_a_table_reads_as_the_files_do(shared, trials):
    found, problems = read_table(shared / "facts/trials_calibration.csv")
    assert not problems
    assert {t.id for t in found} <= {t.id for t in trials}
    assert all(t.use == "validation" for t in found)


def test_calibrate_prints_what_the_data_inform(capsys, tmp_path):
    out = tmp_path / "fit.json"
    assert call(calibrate, "--effects", "--out", out) == 0
    data = json.loads(out.read_text("utf-8"))
    assert len(data["inputs_sha256"]) == 64 and set(data["scales"]) == set(TERMS)
    assert "informed" in capsys.readouterr().out


def test_arm_changes_follow_the_design(trials):
    by_id = {t.id: t for t in trials}
    waiting = control_changes(by_id["psi_davis2021"])
    pills = control_changes(by_id["dxm_gemini"])
    crisis = control_changes(by_id["esk_aspire1"])
    assert pills[0.0] == 0.0
    assert -16 < pills[42.0] < -8
    assert abs(waiting[28.0]) < 0.4 * abs(pills[42.0])
    assert crisis[1.0] < -9
    (difference,) = EffectModel.fit(contrasts_of(trials)).predict(by_id["dxm_gemini"].contrasts())
    rows = arm_rows(by_id["dxm_gemini"], ControlModel(()), {"AXS05": difference}, Usual(()))
    last = {r["role"]: r for r in rows if r["day"] == 42}
    assert last["control"]["predicted"] == pytest.approx(pills[42.0])
    assert last["active"]["predicted"] == pytest.approx(last["control"]["predicted"] + difference.mean)
    wide = [last[role]["high_90"] - last[role]["low_90"] for role in ("control", "active")]
    assert 8 < wide[0] < wide[1] < 30


def test_a_control_arm_learns_from_others_and_never_from_itself(trials):
    """One trial learned from: the shares of class, design and trial by hand.  Then: better than the best constant."""
    by_id = {t.id: t for t in trials}
    known, asked = by_id["ns_robin"], by_id["ns_mountain"]  # one class, one day, double blind
    (seen,) = control_results(known)
    (wanted,) = control_results(asked, [seen.day])
    columns = {"level": 1.5, "severity": 1.0, "small": 1.0, "short": 1.0, "year": 1.0}
    value = {
        "level": lambda r: 1.0,
        "severity": lambda r: (r.severity - 30) / 5,
        "small": lambda r: 9.2 / math.sqrt(r.n) - 1,
        "short": lambda r: math.log(28 / 15),
        "year": lambda r: (r.trial.year - 2012) / 10,
    }

    def shared(a, b):
        return CLASS**2 + sum(w**2 * value[k](a) * value[k](b) for k, w in columns.items())

    whole = shared(seen, seen) + TRIAL**2 + VISIT**2 + 9.2**2 / seen.n
    slope = shared(seen, wanted) / whole
    mean, sd = ControlModel((seen,)).predict(asked, [seen.day])[seen.day]
    assert mean == pytest.approx(wanted.expected + slope * (seen.observed - seen.expected))
    left = shared(wanted, wanted) - slope * shared(seen, wanted) + TRIAL**2 + VISIT**2 + 9.2**2 / wanted.n
    assert sd == pytest.approx(math.sqrt(left))

    model = ControlModel.fit(trials)
    without = ControlModel(tuple(r for r in model.learned if r.trial.id != "ns_robin"))
    assert model.predict(known, [15.0]) == without.predict(known, [15.0])
    scored = arm_scores([row for t in trials for row in arm_rows(t, model, {}, Usual(()))])["control"]
    assert scored["mae"] < 0.85 * scored["mae_constant"] and 0.85 <= scored["coverage_90"] <= 0.97


def test_a_calibration_trial_under_another_name_is_not_predicted_from_itself(trials):
    one = next(t for t in trials if t.id == "ns_robin")
    (own,) = validate_trials([one], trials)["contrasts"]
    copies = [replace(one, id=name, file="") for name in ("mine", "also_mine")]
    found = validate_trials(copies[:1], trials)
    assert found["twins"] == {"mine": "ns_robin"}
    assert found["contrasts"][0]["predicted"] == pytest.approx(own["predicted"], abs=1e-9)
    both = validate_trials(copies, trials)["contrasts"]
    assert both[0]["predicted"] == pytest.approx(both[1]["predicted"])
    assert both[0]["predicted"] == pytest.approx(own["predicted"], abs=0.1)
    other = replace(one, id="new", year=one.year + 1)
    assert not validate_trials([other], trials)["twins"]


def test_an_active_arm_is_drawn_to_the_usual_change_by_precision(trials):
    """Two opinions weighed by hand; the trial's own arms give none."""
    trial = next(t for t in trials if t.id == "dxm_gemini")
    (difference,) = EffectModel.fit(contrasts_of(trials)).predict(trial.contrasts())
    others = (("a", -8.0), ("a", -12.0), ("b", -14.0), ("c", -18.0))
    mean = (-10 - 14 - 18) / 3
    spread = math.sqrt(((8 + mean) ** 2 / 2 + (12 + mean) ** 2 / 2 + (14 + mean) ** 2 + (18 + mean) ** 2) / 3)
    assert Usual(others).opinion() == pytest.approx((mean, spread))
    assert Usual(others).without(["b"]).opinion() is None  # two trials are too few

    def active(usual):
        rows = arm_rows(trial, ControlModel(()), {"AXS05": difference}, usual)
        return next(r for r in rows if r["role"] == "active")

    alone = active(Usual(()))
    sd = (alone["high_90"] - alone["low_90"]) / 2 / 1.6448536269514722
    share = (1 / sd**2) / (1 / sd**2 + 1 / spread**2)
    both = active(Usual(others))
    assert both["predicted"] == pytest.approx(share * alone["predicted"] + (1 - share) * mean)
    assert active(Usual((*others, (trial.id, -60.0)))) == both
    assert len({name for name, _ in Usual.fit(trials).learned}) > 40


def test_the_documented_example_is_a_valid_file(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "trial-files.md").read_text("utf-8")
    path = tmp_path / "example_2020.yaml"
    path.write_text(page.split("```yaml")[1].split("```")[0], "utf-8")
    (contrast,) = read_trial(path).contrasts()
    assert contrast.observed == -2.6 and contrast.se == 1.2 and contrast.success is True


def test_the_page_names_every_trial_without_contrast(trials):
    page = (Path(__file__).resolve().parents[2] / "docs" / "trial-files.md").read_text("utf-8")
    for trial in trials:
        if not trial.contrasts():
            assert f"`{trial.id}`" in page


def test_a_waiting_list_is_believed_to_show_more_than_open_care(trials):
    """Both are known to the patient; only the prior mean tells them apart where no waiting list was learned from."""
    learn = [c for c in contrasts_of(trials) if c.blinding != "waitlist"]
    asked = [replace(learn[0], trial="new", blinding=b) for b in ("open", "waitlist")]
    model = EffectModel.fit(learn)
    open_care, waiting = (p.mean for p in model.predict(asked))
    assert waiting - open_care == pytest.approx(-2.3)
    told = next(c for c in contrasts_of(trials) if c.blinding == "waitlist" and c.observed is not None)
    more = EffectModel((*model.learned, replace(told, observed=open_care - 2.3)), model.scales)
    less = EffectModel((*model.learned, replace(told, observed=open_care + 2.3)), model.scales)
    assert more.predict(asked)[1].mean < less.predict(asked)[1].mean
