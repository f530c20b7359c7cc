"""Responders and remitters: rates, differences, ratios and adjusted odds.

In: yes/no per patient and the arm.  Out: rates and estimates.  Assumed: a patient without a last score is a
non-responder, as in the trials themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.trials.statistics import Estimate

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rates:
    """Yes/no outcome in an arm against control.

    Parameters
    ----------
    rate, control : float
        Shares of patients.
    difference, log_ratio, log_odds : Estimate
    """

    rate: float
    control: float
    difference: Estimate
    log_ratio: Estimate
    log_odds: Estimate

    @property
    def needed_to_treat(self) -> float:
        """Patients to treat for one more responder; infinite where the arm is no better."""
        return 1 / self.difference.value if self.difference.value > 0 else float("inf")


def rates(yes: NDArray[np.bool_], arm: NDArray[np.int64]) -> dict[int, Rates]:
    """Unadjusted comparison of every arm with arm 0.

    Half a patient is added to every cell of the ratio and odds where a cell is empty.

    Examples
    --------
    >>> found = rates(np.repeat([True, False, True, False], [50, 50, 30, 70]), np.repeat([1, 0], 100))[1]
    >>> round(found.difference.value, 3), round(found.needed_to_treat, 1)
    (0.2, 5.0)
    """
    from statsmodels.stats.contingency_tables import Table2x2

    yes, arm = np.asarray(yes, bool), np.asarray(arm, int)
    b, n0 = int(yes[arm == 0].sum()), int((arm == 0).sum())
    found = {}
    for k in (int(a) for a in np.unique(arm) if a):
        a, n1 = int(yes[arm == k].sum()), int((arm == k).sum())
        cells = np.array([[a, n1 - a], [b, n0 - b]], float)
        table = Table2x2(cells, shift_zeros=True)
        p1, p0 = a / n1, b / n0
        error = max(np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0), 0.5 / max(n0, n1))
        found[k] = Rates(
            p1,
            p0,
            Estimate(p1 - p0, float(error)),
            Estimate(float(table.log_riskratio), float(table.log_riskratio_se)),
            Estimate(float(table.log_oddsratio), float(table.log_oddsratio_se)),
        )
    return found


def adjusted_odds(yes: NDArray[np.bool_], baseline: Array, arm: NDArray[np.int64]) -> dict[int, Estimate]:
    """Log odds ratio of every arm against arm 0 from logistic regression on baseline and arm."""
    import statsmodels.api as sm

    arms = [int(a) for a in np.unique(arm) if a]
    design = np.column_stack([np.ones(len(arm)), baseline, *[(arm == a).astype(float) for a in arms]])
    fit = sm.GLM(np.asarray(yes, float), design, family=sm.families.Binomial()).fit()
    return {a: Estimate(float(fit.params[2 + i]), float(fit.bse[2 + i])) for i, a in enumerate(arms)}
