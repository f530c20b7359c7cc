"""What a protocol asks of its data: analyses, their estimands, and looks during the trial.

In: `analyses` and `interim` of a protocol file.  Out: frozen records.  Nothing is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass

METHODS = (
    "ancova", "mmrm", "imputation", "risk_difference", "logistic", "time_to_event", "log_rank", "spcd", "crossover",
)  # fmt: skip
ESTIMANDS = ("treatment_policy", "hypothetical", "composite", "while_on_treatment")
STRATEGIES = ("mar", "j2r", "cir", "cr")
NEEDS_CHANGE = ("ancova", "mmrm", "imputation")
NEEDS_SHARE = ("risk_difference", "logistic")
NEEDS_TIME = ("time_to_event", "log_rank")
EVENTS = ("onset", "relapse", "discontinuation")


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis.

    Parameters
    ----------
    name, method : str
        `method` is one of `METHODS`.
    endpoint : str
        Name of an endpoint; for `spcd` and `crossover` a change whose scale and visit are used.
    estimand : str
        How rescue, a change of treatment and leaving are dealt with: `treatment_policy` uses every score seen,
        `hypothetical` drops scores after a change of treatment, `composite` counts a change or leaving as failure,
        `while_on_treatment` carries the last score before it forward.
    strategy, imputations
        Of multiple imputation.
    df : str
        Degrees of freedom of the mixed model.
    stage : str
        Name of the step at which patients were randomised again (`spcd`) or crossed over (`crossover`).
    weight : str
        Weight of the first stage (`spcd`).
    periods : tuple of str
        Visits at which the two periods are read (`crossover`).
    alpha : str
        Two-sided significance level.
    """

    name: str
    method: str
    endpoint: str = ""
    estimand: str = "treatment_policy"
    strategy: str = "mar"
    imputations: int = 20
    df: str = "satterthwaite"
    stage: str = ""
    weight: str = "50 %"
    periods: tuple[str, ...] = ()
    alpha: str = "5 %"


@dataclass(frozen=True, slots=True)
class Resize:
    """More patients where the look is promising: conditional power inside `from_` to `to`, at most `most` times n."""

    from_: str = "30 %"
    to: str = "80 %"
    most: str = "150 %"


@dataclass(frozen=True, slots=True)
class Interim:
    """Looks during the trial.

    Parameters
    ----------
    at : tuple of str
        Shares of the patients, in the order of enrolment, whose data are in.
    endpoint : str
        A change endpoint, compared by analysis of covariance.
    spending : str
        `obrien_fleming` or `pocock` spending of the two-sided `alpha`; with `_classical` the bounds of fixed shape.
    futility : str
        Conditional power under the trend seen below which an arm stops; empty for never.
    resize : Resize or None
    """

    at: tuple[str, ...]
    endpoint: str
    spending: str = "obrien_fleming"
    alpha: str = "5 %"
    futility: str = ""
    resize: Resize | None = None
