"""Fit the effect model to the calibration trials, with what the data say about each fitted number.

In: calibration trials (through the one door that refuses `use: validation`).  Out: fitted scales with prior
and posterior widths, the hash of the inputs, and simulation-based calibration on synthetic truth.  Assumed: as in
`trials.effects`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.evidence.read import LIBRARY
from euthymia.trials.effects import LEVEL, LOG_SPREAD, TERMS, EffectModel, covariance
from euthymia.trials.published import Contrast, calibration_trials

STEP = 0.05


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted effect model and its provenance.

    Parameters
    ----------
    model : EffectModel
    inputs : str
        SHA-256 over names and bytes of the trial files read.
    informed : dict of term to float
        Share of the prior width of log scale that the data removed; near 0 means the data say nothing.
    """

    model: EffectModel
    inputs: str
    informed: dict[str, float]

    def as_data(self) -> dict[str, Any]:
        """Plain data for a file."""
        return {
            "kind": "effect model",
            "inputs_sha256": self.inputs,
            "n_contrasts": len(self.model.learned),
            "prior_scales": TERMS,
            "scales": self.model.scales,
            "informed": self.informed,
        }


def inputs_hash(folder: Path) -> str:
    """SHA-256 over the sorted trial files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def minus_log_posterior(contrasts: Sequence[Contrast], scales: dict[str, float]) -> float:
    """Objective of the fit, written a second time, directly from the multivariate normal density."""
    from scipy.stats import multivariate_normal

    pairs = np.array([c.learned for c in contrasts], float)
    y = pairs[:, 0]
    total = np.diag(pairs[:, 1] ** 2) + sum(covariance(contrasts, contrasts, scales).values())
    away = np.array([np.log(scales[k] / TERMS[k]) / LOG_SPREAD for k in TERMS])
    return float(-multivariate_normal(np.full(len(y), LEVEL), total).logpdf(y) + 0.5 * away @ away)


def fit(folder: str | Path | None = None) -> Fit:
    """Fit to every calibration trial of the folder (the library's by default).

    Raises
    ------
    InputError
        A file is faulty or marked `use: validation`.
    """
    place = LIBRARY / "trials" if folder is None else Path(folder)
    contrasts = [c for t in calibration_trials(place) for c in t.contrasts()]
    model = EffectModel.fit(contrasts)
    return Fit(model, inputs_hash(place), _informed(model))


def _informed(model: EffectModel) -> dict[str, float]:
    centre = minus_log_posterior(model.learned, model.scales)
    found = {}
    for k in TERMS:
        up, down = (
            minus_log_posterior(model.learned, {**model.scales, k: model.scales[k] * float(np.exp(s))})
            for s in (STEP, -STEP)
        )
        curvature = (up - 2 * centre + down) / STEP**2
        found[k] = float(1 - min(1.0, 1 / (LOG_SPREAD * np.sqrt(max(curvature, 1e-9)))))
    return found


def simulated_coverage(contrasts: Sequence[Contrast], rounds: int = 40, seed: int = 1) -> float:
    """Share of held-out synthetic contrasts inside their 90 % interval; truth drawn from the priors.

    In every round scales are drawn from their priors, results are simulated for the same designs, a fifth of
    the trials is left out, the model is refitted on the rest and predicts them.
    """
    g = np.random.default_rng(seed)
    used = [c for c in contrasts if c.observed is not None]
    names = sorted({c.trial for c in used})
    inside, asked = 0, 0
    for _ in range(rounds):
        truth = {k: v * float(np.exp(LOG_SPREAD * g.standard_normal())) for k, v in TERMS.items()}
        total = np.diag([c.se**2 for c in used]) + sum(covariance(used, used, truth).values())
        y = LEVEL + np.linalg.cholesky(total) @ g.standard_normal(len(used))
        made = [replace(c, observed=float(v)) for c, v in zip(used, y, strict=True)]
        apart = set(g.choice(names, len(names) // 5, replace=False))
        ask = [c for c in made if c.trial in apart]
        model = EffectModel.fit([c for c in made if c.trial not in apart], iterations=15)
        for c, p in zip(ask, model.predict(ask), strict=True):
            inside += abs(float(c.observed or 0.0) - p.mean) <= 1.6448536 * np.hypot(p.effect_sd, c.se)
            asked += 1
    return inside / asked
