"""The predictor of placebo-adjusted change: what the network foresees, with a statistical layer over it.

In: contrasts with observed results (to learn from), contrasts to predict, of which only the design is read, and what
the network foresees for both (`foresight`).  Out: `ContrastPrediction` with its uncertainty in parts.  Assumed: the
observed difference of a contrast is
b0 (more for a waiting list) + b1 (design error) + b2 (treatment known to patient or rater) + b3 (mean of the network's ensemble)
+ network (normal, with the covariance between contrasts that the ensemble of models has) + class + mechanism
+ treatment + trial + scatter (a trial term that grows with the design error) + sampling error, all terms normal, so
that the prediction is an exact conditional normal.  The scales of the terms are fitted by marginal likelihood under
log-normal priors, anew in every leave-one-out fold.

Conditioning the network term on the trials learned from is one step of an ensemble smoother, taken on the predictions
instead of the parameters: models that were right about a mechanism's other trials count more.

`b1` says how much more effect a trial reports the smaller it was; it describes publication and design, not
biology. A trial's own result is never read for its prediction.

References: riley2011interpretation
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from euthymia.trials.foresight import NOTHING_SEEN, Foresight
from euthymia.trials.power import chance_of_success
from euthymia.trials.published import Contrast

Array = NDArray[np.floating[Any]]
# prior scale of each term in MADRS points; the fit may move each within its log-normal prior
TERMS = {
    "level": 1.0,
    "small": 1.5,
    "known": 2.0,
    "foreseen": 0.15,  # the sizes of a hand-set network are believed little; that its parts go together, more
    "network": 0.5,
    "class": 1.0,
    "mechanism": 1.0,
    "treatment": 0.7,
    "trial": 1.2,
    "scatter": 0.5,
}
SHARED = ("level", "small", "known", "foreseen")
STRUCTURE = ("network", "class", "mechanism", "treatment")
LOG_SPREAD = 0.5
LEVEL = -2.5  # prior mean of a contrast of a large trial, MADRS points
# what a waiting list adds to a contrast beside other controls, MADRS points: -2.3 (standard error 0.5), regression on the
# standard error, decade and kind of control of 484 comparisons of psychotherapy with a control
WAITING = -2.3
LARGE = 1.5  # design error of a large trial, MADRS points
SAMPLES = 400
NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class ContrastPrediction:
    """Predicted placebo-adjusted change of one contrast, MADRS-equivalents.

    Parameters
    ----------
    mean : float
    parameter, structure, trial, sampling : float
        Standard deviations of the parts: shared coefficients; what this class, mechanism and treatment do;
        the trial's own circumstances; chance in the patients.
    samples : ndarray, shape (samples,)
        Draws of the observed difference, all parts included.
    success : float
        Chance of a significant result in the right direction.
    why : str
        What moved the prediction, in words.
    """

    mean: float
    parameter: float
    structure: float
    trial: float
    sampling: float
    samples: Array
    success: float
    why: str

    @property
    def effect_sd(self) -> float:
        """Standard deviation of the trial's true difference."""
        return float(np.sqrt(self.parameter**2 + self.structure**2 + self.trial**2))

    @property
    def sd(self) -> float:
        """Standard deviation of the observed difference."""
        return float(np.hypot(self.effect_sd, self.sampling))


class Predictor(Protocol):
    """Anything that predicts contrasts from their design."""

    def predict(self, contrasts: Sequence[Contrast]) -> list[ContrastPrediction]:
        """One prediction for each contrast; must not read `observed`, `se` or `success`."""
        ...


def expected(contrasts: Sequence[Contrast]) -> Array:
    """Prior mean of every contrast, MADRS points."""
    return np.array([LEVEL + WAITING * (c.blinding == "waitlist") for c in contrasts], float)


def columns(contrasts: Sequence[Contrast]) -> dict[str, Array]:
    """Design columns of the shared coefficients."""
    small = np.array([c.design_se - LARGE for c in contrasts])
    known = np.array([float(c.blinding != "double") for c in contrasts])
    return {"level": np.ones(len(contrasts)), "small": small, "known": known}


def labels(contrasts: Sequence[Contrast]) -> dict[str, list[str]]:
    """Group labels of the terms that are pooled; a missing label is shared with nobody."""

    def clean(values: list[str], term: str) -> list[str]:
        return [v or f"{term}?{c.key}" for v, c in zip(values, contrasts, strict=True)]

    return {
        "class": clean([c.group for c in contrasts], "class"),
        "mechanism": clean([c.mechanism for c in contrasts], "mechanism"),
        "treatment": clean([(c.treatment.split() or [""])[0].lower() for c in contrasts], "treatment"),
        "trial": [c.trial for c in contrasts],
    }


def covariance(
    a: Sequence[Contrast],
    b: Sequence[Contrast],
    scales: dict[str, float],
    foresight: Foresight = NOTHING_SEEN,
) -> dict[str, Array]:
    """Prior covariance between contrasts, one matrix a term."""
    left, right = columns(a), columns(b)
    found: dict[str, Array] = {k: scales[k] ** 2 * np.outer(left[k], right[k]) for k in left}
    (mean, away), (mean_b, away_b) = foresight.features(a), foresight.features(b)
    found["foreseen"] = scales["foreseen"] ** 2 * np.outer(mean, mean_b)
    found["network"] = scales["network"] ** 2 * away @ away_b.T
    names, others = labels(a), labels(b)
    for k in names:
        found[k] = scales[k] ** 2 * (np.array(names[k])[:, None] == np.array(others[k])[None, :])
    size = [np.array([c.design_se for c in x]) for x in (a, b)]
    found["scatter"] = scales["scatter"] ** 2 * np.outer(*size) * (found["trial"] > 0)
    return found


@dataclass(frozen=True, slots=True)
class EffectModel:
    """The fitted model: the contrasts it learned from and the scale of every term."""

    learned: tuple[Contrast, ...]
    scales: dict[str, float]
    foresight: Foresight = NOTHING_SEEN

    @classmethod
    def fit(
        cls,
        contrasts: Sequence[Contrast],
        start: dict[str, float] | None = None,
        iterations: int = 40,
        off: Sequence[str] = (),
        foresight: Foresight = NOTHING_SEEN,
    ) -> EffectModel:
        """Scales of the terms by penalised marginal likelihood.

        Parameters
        ----------
        contrasts : sequence of Contrast
            Those with neither magnitude nor proxy are left out.
        start : dict, optional
            Scales to begin with.
        off : sequence of str
            Terms left out, to see what they are worth.
        foresight : Foresight
            What the network says of these and of later contrasts.
        """
        priors = {k: NOTHING if k in off else v for k, v in TERMS.items()}
        used = tuple(c for c in contrasts if c.learned is not None)
        y, noise = _data(used)
        unit = covariance(used, used, dict.fromkeys(TERMS, 1.0), foresight)
        prior = np.log(list(priors.values()))

        def objective(theta: Array) -> tuple[float, Array]:
            weights = np.exp(2 * theta)
            total = noise + sum(w * unit[k] for w, k in zip(weights, TERMS, strict=True))
            factor = linalg.cho_factor(total, lower=True)
            inverse = linalg.cho_solve(factor, np.eye(len(y)))
            alpha = inverse @ y
            away = (theta - prior) / LOG_SPREAD
            value = 0.5 * y @ alpha + np.log(np.diag(factor[0])).sum() + 0.5 * away @ away
            inner = inverse - np.outer(alpha, alpha)
            slope = np.array([w * (inner * unit[k]).sum() for w, k in zip(weights, TERMS, strict=True)])
            return float(value), slope + away / LOG_SPREAD

        first = prior if start is None else np.log([start[k] for k in TERMS])
        result = optimize.minimize(
            objective, first, jac=True, method="L-BFGS-B", options={"maxiter": iterations}
        )
        return cls(used, dict(zip(TERMS, np.exp(result.x).tolist(), strict=True)), foresight)

    def predict(self, contrasts: Sequence[Contrast]) -> list[ContrastPrediction]:
        """Conditional normal of every contrast given what was learned (contrasts are predicted one by one)."""
        y, noise = _data(self.learned)
        total = noise + sum(covariance(self.learned, self.learned, self.scales, self.foresight).values())
        factor = linalg.cho_factor(total, lower=True)
        alpha = linalg.cho_solve(factor, y)
        cross = covariance(contrasts, self.learned, self.scales, self.foresight)
        own = covariance(contrasts, contrasts, self.scales, self.foresight)
        found = []
        before = expected(contrasts)
        for i, c in enumerate(contrasts):
            shares = {k: float(cross[k][i] @ alpha) for k in cross}
            parts = {}
            for name, terms in (
                ("parameter", SHARED),
                ("structure", STRUCTURE),
                ("trial", ("trial", "scatter")),
            ):
                prior = sum(own[k][i, i] for k in terms)
                seen = sum(cross[k][i] for k in terms)
                parts[name] = float(prior - seen @ linalg.cho_solve(factor, seen))
            everything = np.sum([cross[k][i] for k in cross], axis=0)
            variance = float(
                sum(own[k][i, i] for k in own) - everything @ linalg.cho_solve(factor, everything)
            )
            fit = variance / sum(
                parts.values()
            )  # the parts are correlated given the data; shares of the total
            sd = {k: float(np.sqrt(max(v * fit, 0.0))) for k, v in parts.items()}
            mean = float(before[i]) + sum(shares.values())
            whole = float(np.hypot(np.sqrt(variance), c.design_se))
            grid = (np.arange(SAMPLES) + 0.5) / SAMPLES
            samples = mean + whole * np.sqrt(2) * _inverse_erf(2 * grid - 1)
            success = chance_of_success(mean, c.design_se, uncertainty=float(np.sqrt(variance)))
            found.append(
                ContrastPrediction(
                    mean,
                    sd["parameter"],
                    sd["structure"],
                    sd["trial"],
                    c.design_se,
                    samples,
                    success,
                    _words(c, shares),
                )
            )
        return found


def _data(contrasts: Sequence[Contrast]) -> tuple[Array, Array]:
    """Values less the prior mean, and the diagonal matrix of sampling variances."""
    pairs = np.array([c.learned for c in contrasts], float).reshape(-1, 2)
    return pairs[:, 0] - expected(contrasts), np.diag(pairs[:, 1] ** 2)


def _inverse_erf(x: Array) -> Array:
    from scipy.special import erfinv

    return erfinv(x)


def _words(c: Contrast, shares: dict[str, float]) -> str:
    names = {
        "small": f"n {c.n}+{c.n_control}",
        "known": "treatment known",
        "foreseen": "size the network foresees",
        "network": "what the network learned from other trials",
        "class": f"class {c.group}",
        "mechanism": f"mechanism {c.mechanism}",
        "treatment": c.treatment,
        "trial": "other arms of the trial",
    }
    large = sorted((k for k in names if abs(shares[k]) > 0.1), key=lambda k: -abs(shares[k]))
    return ", ".join(f"{names[k]} {shares[k]:+.1f}" for k in large) or "no term moved it"
