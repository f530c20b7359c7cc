"""Calibrate the ensemble: simulate every calibration trial in it, move it towards the results, look again.

In: calibration trials (through the one door that refuses `use: validation`) and the priors of
`library/ensembles/priors.yaml`.  Out: `trials.csv` (the fitted members), `contrasts.csv` (what the prior ensemble
foresees, which the predictor conditions fold by fold) and `calibration.json` (hash of inputs, diagnostics).

Method: ensemble smoother with multiple data assimilation and common random numbers.  A result is the network's
bounded difference plus the statistical layer's terms (level, small studies, class ... at their fitted scales), which
make up the noise's covariance, so inflation by small studies is not blamed on a parameter.  Every simulated trial
is a chunk of its own: an interrupted calibration goes on where it stopped.

References: emerick2013smoother
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.analysis import smoother
from euthymia.analysis.calibrate import inputs_hash
from euthymia.evidence.read import LIBRARY
from euthymia.trials.effects import TERMS, EffectModel, covariance
from euthymia.trials.ensemble import (
    Ensemble,
    model_hash,
    prior_ensemble,
    priors,
    structure_list,
    write_ensemble,
)
from euthymia.trials.folder import make_folder, write_json
from euthymia.trials.foreseeing import foresee
from euthymia.trials.foresight import MEMBERS, PATIENTS, Foresight, bounded, write_foresight
from euthymia.trials.published import Contrast, PublishedTrial, calibration_trials

Array = NDArray[np.floating[Any]]
Progress = Callable[[str, int, int], None]
ITERATIONS = 2
TOLD = 0.02  # prior standard deviations moved per standard error of a datum, from which it is listed


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibrated ensemble and what is known about it.

    Parameters
    ----------
    ensemble : Ensemble
    foresight : Foresight
        Predictions of the prior ensemble.
    report : dict
        Hashes, fit before and after, what each parameter learned and from which contrasts, pairs that cannot be told
        apart, support of the rival structures, calibration on synthetic truth.
    """

    ensemble: Ensemble
    foresight: Foresight
    report: dict[str, Any] = field(default_factory=dict)


def simulate_all(
    trials: Sequence[PublishedTrial],
    ensemble: Ensemble,
    patients: int,
    work: Path,
    label: str,
    jobs: int,
    progress: Progress,
) -> Foresight:
    """Every trial in the ensemble, one chunk a trial."""
    return foresee(
        trials, ensemble, patients, jobs, lambda done, total: progress(label, done, total), make_folder(work)
    )


@dataclass(frozen=True, slots=True)
class Data:
    """What the ensemble is moved towards.

    Parameters
    ----------
    contrasts : tuple of Contrast
    values : ndarray, shape (data,)
    noise : ndarray, shape (data, data)
    """

    contrasts: tuple[Contrast, ...]
    values: Array
    noise: Array

    def predictions(self, foresight: Foresight) -> Array:
        """Bounded predictions of every member, shape (members, data)."""
        return np.array([bounded(foresight.seen[c.key].members) for c in self.contrasts]).T


def data_of(contrasts: Sequence[Contrast], foresight: Foresight) -> Data:
    """Contrasts that the network can express and that report something to learn from."""
    used = tuple(c for c in contrasts if foresight.known(c.key) and c.learned is not None)
    model = EffectModel.fit(contrasts, foresight=foresight)
    pairs = np.array([c.learned for c in used], float)
    terms = {k: v for k, v in covariance(used, used, model.scales).items() if k in TERMS}
    statistical = sum(v for k, v in terms.items() if k not in ("foreseen", "network"))
    return Data(used, pairs[:, 0], np.asarray(statistical) + np.diag(pairs[:, 1] ** 2))


def calibrate(
    folder: str | Path | None = None,
    work: str | Path = "euthymia-runs/calibration",
    members: int = MEMBERS,
    patients: int = PATIENTS,
    iterations: int = ITERATIONS,
    jobs: int = 1,
    progress: Progress = lambda label, done, total: None,
) -> Calibrated:
    """Calibrate from nothing, or from the chunks of an interrupted calibration.

    Raises
    ------
    InputError
        A trial file is faulty or marked `use: validation`.
    StoreError
        The work folder cannot be written.
    """
    place = LIBRARY / "trials" if folder is None else Path(folder)
    trials = [t for t in calibration_trials(place) if t.contrasts()]
    contrasts = [c for t in trials for c in t.contrasts()]
    ensemble, store = prior_ensemble(members), make_folder(Path(work))
    first = simulate_all(trials, ensemble, patients, store, "prior", jobs, progress)
    data = data_of(contrasts, first)
    before = data.predictions(first)
    steps: list[dict[str, Any]] = []
    step, now = None, before
    moved = ensemble
    for i in range(iterations):
        steps.append(_fit_of(f"before step {i + 1}", now, data))
        step = smoother.analysis(moved.scores, now, data.values, data.noise, i + 1, float(iterations))
        moved = moved.with_scores(np.asarray(step.scores, np.float64))
        foresight = simulate_all(trials, moved, patients, store, f"after step {i + 1}", jobs, progress)
        steps[-1]["foreseen_by_gain"] = float(
            np.abs(step.predicted.mean(0) - data.predictions(foresight).mean(0)).mean()
        )
        now = data.predictions(foresight)
    steps.append(_fit_of("fitted", now, data))
    report = {
        "kind": "ensemble of networks",
        "inputs": {"trials_sha256": inputs_hash(place), "model_sha256": model_hash()},
        "members": members,
        "patients": patients,
        "data": len(data.values),
        "steps": steps,
        **_learned(ensemble, moved, before, now, data),
    }
    return Calibrated(moved, first, report)


def _fit_of(label: str, predicted: Array, data: Data) -> dict[str, Any]:
    """Posterior (or prior) predictive check of the data."""
    g = np.random.default_rng(5)
    root = np.linalg.cholesky(data.noise + 1e-9 * np.eye(len(data.values)))
    drawn = predicted + (root @ g.standard_normal((len(data.values), len(predicted)))).T
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    return {
        "at": label,
        "misfit": smoother.misfit(predicted, data.values, data.noise),
        "mae": float(np.abs(predicted.mean(0) - data.values).mean()),
        "coverage_90": float(((low <= data.values) & (data.values <= high)).mean()),
        "spread": float(predicted.std(0).mean()),
    }


def _learned(prior: Ensemble, fitted: Ensemble, before: Array, after: Array, data: Data) -> dict[str, Any]:
    names = [p.id for p in priors()]
    one = smoother.analysis(prior.scores, before, data.values, data.noise)
    told = smoother.tellers(prior.scores, before, data.noise, one.gain)
    share = smoother.informed(prior.scores, fitted.scores)
    values = {p.id: p.value(fitted.scores[:, i]) for i, p in enumerate(priors())}
    parameters = {}
    for i, name in enumerate(names):
        order = np.argsort(-np.abs(told[i]))[:4]
        parameters[name] = {
            "prior_centre": priors()[i].centre,
            "fitted_median": float(np.median(values[name])),
            "fitted_90": [float(q) for q in np.quantile(values[name], [0.05, 0.95])],
            "informed": float(share[i]),
            "told_by": [
                f"{data.contrasts[j].key} {told[i, j]:+.2f}" for j in order if abs(told[i, j]) > TOLD
            ],
        }
    pairs = [[names[i], names[j], r] for i, j, r in smoother.confounded(fitted.scores)]
    checked = smoother.simulated_calibration(prior.scores, before, data.noise)
    checked.pop("ranks")
    return {
        "parameters": parameters,
        "not_told_apart": pairs,
        "structures": _structures(prior, before, data),
        "simulation_based_calibration": checked,
    }


def _structures(prior: Ensemble, predicted: Array, data: Data) -> dict[str, Any]:
    """Support of every rival: mean log density of its members relative to all, and what that makes of its prior."""
    gap = data.values - predicted
    inverse = np.linalg.inv(data.noise)
    log = -0.5 * np.einsum("mi,ij,mj->m", gap, inverse, gap)
    weight = np.exp(log - log.max())
    found: dict[str, Any] = {}
    options = [structure_list()[s][0] for s in prior.structure]
    for name in options[0]:
        for option in sorted({o[name] for o in options}):
            here = np.array([o[name] == option for o in options])
            found[f"{name}={option}"] = {
                "prior": float(here.mean()),
                "posterior": float(weight[here].sum() / weight.sum()),
            }
    found["effective_members"] = float(weight.sum() ** 2 / (weight**2).sum())
    return found


def write_calibrated(result: Calibrated, folder: Path) -> list[Path]:
    """Write the three files of a calibrated ensemble."""
    make_folder(folder)
    write_ensemble(result.ensemble, folder / "trials.csv")
    write_foresight(result.foresight, folder / "contrasts.csv")
    write_json(folder / "calibration.json", result.report)
    return [folder / n for n in ("trials.csv", "contrasts.csv", "calibration.json")]
