"""Score predictions on published trials, and leave-out validation inside the calibration trials.

In: trials and a predictor.  Out: one report (plain data, ready for JSON).  Assumed: a trial that is also
among the calibration trials is predicted with itself left out, never from itself; nothing is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from euthymia.trials.arm_model import ControlModel
from euthymia.trials.arm_scores import Usual, arm_rows, arm_scores
from euthymia.trials.baselines import RULES, baseline
from euthymia.trials.effects import ContrastPrediction, EffectModel
from euthymia.trials.explain import network_words
from euthymia.trials.foresight import NOTHING_SEEN, Foresight
from euthymia.trials.power import chance_of_success
from euthymia.trials.published import Contrast, PublishedTrial
from euthymia.trials.scoreboard import Z90, noise_floor, paired_bootstrap, scores
from euthymia.trials.verdict import VerdictModel, joined

WORST = 8
Grouping = Callable[[Contrast], str]
GROUPINGS: dict[str, Grouping] = {
    "trial": lambda c: c.trial,
    "class": lambda c: c.group,
    "drug": lambda c: (c.treatment.split() or [""])[0].lower(),
}


def contrasts_of(trials: Sequence[PublishedTrial]) -> list[Contrast]:
    """All contrasts of the trials, in order."""
    return [c for t in trials for c in t.contrasts()]


def predict_apart(
    learn: Sequence[Contrast],
    ask: Sequence[Contrast],
    refit: bool = True,
    foresight: Foresight = NOTHING_SEEN,
) -> tuple[list[ContrastPrediction], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Predict every asked contrast from contrasts of other trials only; baselines are fitted the same way."""
    whole = EffectModel.fit(learn, foresight=foresight)
    known = {c.trial for c in learn}
    folds: dict[str, list[int]] = {}
    for i, c in enumerate(ask):
        folds.setdefault(c.trial if c.trial in known else "", []).append(i)
    return _folds(learn, ask, folds, lambda c: c.trial, whole, refit)


def _folds(
    learn: Sequence[Contrast],
    ask: Sequence[Contrast],
    folds: dict[str, list[int]],
    label: Grouping,
    whole: EffectModel,
    refit: bool,
    off: Sequence[str] = (),
) -> tuple[list[ContrastPrediction], dict[str, tuple[np.ndarray, np.ndarray]]]:
    predicted: list[ContrastPrediction | None] = [None] * len(ask)
    naive = {rule: (np.zeros(len(ask)), np.zeros(len(ask))) for rule in RULES}
    for name, places in folds.items():
        rest = [c for c in learn if label(c) != name] if name else list(learn)
        some = [ask[i] for i in places]
        if not name:
            model = whole
        elif refit:
            model = EffectModel.fit(rest, whole.scales, 15, off, whole.foresight)
        else:
            known = tuple(c for c in rest if c.learned is not None)
            model = EffectModel(known, whole.scales, whole.foresight)
        verdicts = VerdictModel.fit(rest, off)
        for i, p, v in zip(places, model.predict(some), verdicts.chance(some), strict=True):
            predicted[i] = replace(p, success=float(joined(p.success, float(v))))
        for rule, (mean, sd) in naive.items():
            mean[places], sd[places] = baseline(rule, rest, some)
    return [p for p in predicted if p is not None], naive


def predict_folds(
    contrasts: Sequence[Contrast],
    folds: dict[str, list[int]],
    off: Sequence[str] = (),
    foresight: Foresight = NOTHING_SEEN,
    refit: bool = True,
    learn: Sequence[Contrast] | None = None,
) -> list[ContrastPrediction | None]:
    """Predictions of every fold from the contrasts of the others; of those in no fold, None.

    Parameters
    ----------
    folds : dict of name to places in `contrasts`
        The fold named "" is predicted from all that is learned.
    refit : bool
        Fit the scales anew in every fold; else those of all that is learned serve.
    learn : sequence of Contrast, optional
        What is learned from, where it is not the contrasts themselves.
    """
    of = {contrasts[i].key: name for name, places in folds.items() for i in places}
    base = contrasts if learn is None else learn
    whole = EffectModel.fit(base, off=off, foresight=foresight)
    places = [i for fold in folds.values() for i in fold]
    asked = [contrasts[i] for i in places]
    back = {i: j for j, i in enumerate(places)}
    local = {name: [back[i] for i in fold] for name, fold in folds.items()}
    predicted, _ = _folds(base, asked, local, lambda c: of.get(c.key, "?"), whole, refit, off)
    found: list[ContrastPrediction | None] = [None] * len(contrasts)
    for i, p in zip(places, predicted, strict=True):
        found[i] = p
    return found


def leave_out(
    contrasts: Sequence[Contrast],
    by: str = "trial",
    off: Sequence[str] = (),
    foresight: Foresight = NOTHING_SEEN,
) -> dict[str, Any]:
    """Leave-one-group-out report on the contrasts.

    Parameters
    ----------
    by : str
        `trial`, `class` or `drug`.
    off : sequence of str
        Terms of the effect model to leave out.
    foresight : Foresight
        What the network says of them; nothing where left out.
    """
    label = GROUPINGS[by]
    folds: dict[str, list[int]] = {}
    for i, c in enumerate(contrasts):
        folds.setdefault(label(c) or "unnamed", []).append(i)
    whole = EffectModel.fit(contrasts, off=off, foresight=foresight)
    predicted, naive = _folds(contrasts, contrasts, folds, label, whole, True, off)
    return report(contrasts, predicted, naive)


def same_trial(trial: PublishedTrial) -> tuple[Any, ...] | None:
    """What tells two files of one trial: year, treatments and numbers of patients; None where no number is stated."""
    arms = sorted(((a.treatment.split() or [""])[0].lower(), a.n or 0) for a in trial.arms)
    return (trial.year, *arms) if any(n for _, n in arms) else None


def twins(trials: Sequence[PublishedTrial], learn: Sequence[PublishedTrial]) -> dict[str, str]:
    """Trials that are learned from under another name, as asked name to learned name."""
    known = {same_trial(t): t.id for t in learn}
    found = {t.id: known[key] for t in trials if (key := same_trial(t)) is not None and key in known}
    return {asked: name for asked, name in found.items() if asked != name}


def apart_from(trials: Sequence[PublishedTrial], learn: Sequence[PublishedTrial]) -> list[PublishedTrial]:
    """The learned trials under the names they are asked by, so that they are left out; without those asked twice."""
    asked: dict[str, list[str]] = {}
    for name, learned in twins(trials, learn).items():
        asked.setdefault(learned, []).append(name)
    once = {learned: names[0] for learned, names in asked.items() if len(names) == 1}
    return [replace(t, id=once.get(t.id, t.id)) for t in learn if t.id not in asked or t.id in once]


def validate(
    trials: Sequence[PublishedTrial],
    learn: Sequence[PublishedTrial],
    foresight: Foresight = NOTHING_SEEN,
) -> dict[str, Any]:
    """Scoreboard of the trials, predicted from the calibration trials `learn` and what the network foresees.

    A trial that `learn` holds, under its own name or another (`twins`), is predicted without it.
    """
    asked = contrasts_of(trials)
    other_names, learn = twins(trials, learn), apart_from(trials, learn)
    predicted, naive = predict_apart(contrasts_of(learn), asked, foresight=foresight)
    found = report(asked, predicted, naive)
    for row in found["contrasts"]:
        seen = foresight.seen.get(row["contrast"])
        row["network"] = network_words(seen) if seen else "not asked"
        there = seen is not None and not seen.reason
        row["foreseen"] = float(np.nanmean(seen.members)) if seen and there else None
        row["sd"]["patient"] = seen.scatter / math.sqrt(row["n"]) if seen and there else None
    by_trial: dict[str, dict[str, ContrastPrediction]] = {}
    for c, p in zip(asked, predicted, strict=True):
        by_trial.setdefault(c.trial, {})[c.arm] = p
    controls, usual = ControlModel.fit(learn), Usual.fit(learn)
    rows = [row for t in trials for row in arm_rows(t, controls, by_trial.get(t.id, {}), usual)]
    found["arms"] = {"rows": rows, **arm_scores(rows)}
    found["twins"] = other_names
    return _clean(found)


def _clean(value: Any) -> Any:
    """NaN is no JSON."""
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_clean(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def report(
    contrasts: Sequence[Contrast],
    predicted: Sequence[ContrastPrediction],
    naive: dict[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, Any]:
    """Scores, baselines beside them, one row per contrast, classes and worst misses."""
    mean = np.array([p.mean for p in predicted])
    # the interval speaks of the observed value, so its sampling part is the reported error where there is one
    sd = np.array([np.hypot(p.effect_sd, c.se) for p, c in zip(predicted, contrasts, strict=True)])
    chance = np.array([p.success for p in predicted])
    rows = [_row(c, p, s) for c, p, s in zip(contrasts, predicted, sd, strict=True)]
    found: dict[str, Any] = {**scores(contrasts, mean, sd, chance), "noise_floor": noise_floor(contrasts)}
    found["naive"], found["against"] = {}, {}
    for rule, (m, s) in naive.items():
        effect = np.sqrt(np.maximum(s**2 - np.array([c.design_se**2 for c in contrasts]), 0.0))
        p = np.array(
            [
                chance_of_success(float(a), c.design_se, uncertainty=float(u))
                for a, c, u in zip(m, contrasts, effect, strict=True)
            ]
        )
        total = np.hypot(effect, [c.se for c in contrasts])
        found["naive"][rule] = {**scores(contrasts, m, total, p), "noise_floor": found["noise_floor"]}
        if found["n_contrasts"]:
            found["against"][rule] = paired_bootstrap(contrasts, mean, m)
    found["classes"] = {}
    for group in sorted({c.group for c in contrasts}):
        at = [i for i, c in enumerate(contrasts) if c.group == group]
        found["classes"][group] = scores([contrasts[i] for i in at], mean[at], sd[at], chance[at])
    found["contrasts"] = rows
    missed = [r for r in rows if r["observed"] is not None]
    found["worst"] = [r["contrast"] for r in sorted(missed, key=lambda r: -abs(r["error"]))[:WORST]]
    return _clean(found)


def _row(c: Contrast, p: ContrastPrediction, sd: float) -> dict[str, Any]:
    return {
        "contrast": c.key,
        "trial": c.trial,
        "arm": c.arm,
        "treatment": c.treatment,
        "dose": c.dose,
        "class": c.group,
        "mechanism": c.mechanism,
        "n": c.n,
        "n_control": c.n_control,
        "day": c.day,
        "observed": c.observed,
        "se": c.se,
        "predicted": p.mean,
        "low_90": p.mean - Z90 * float(sd),
        "high_90": p.mean + Z90 * float(sd),
        "sd": {"parameter": p.parameter, "structure": p.structure, "trial": p.trial, "sampling": p.sampling},
        "error": None if c.observed is None else p.mean - c.observed,
        "success": c.success,
        "p_success": p.success,
        "why": p.why,
    }
