"""Rules of a protocol's steps on observed scores.

In: a parsed rule and rated totals.  Out: who fulfils it.  Response and remission are those of `outcomes.endpoints`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from euthymia.outcomes.endpoints import remission, response
from euthymia.protocol.steps import Clause, Rule

Array = NDArray[np.float64]
_COMPARE = {">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less}


def fulfils(rule: Rule, scores: Mapping[str, Array], start: int, at: int, primary: str) -> NDArray[np.bool_]:
    """Who fulfils a rule at a visit; a missing score fulfils nothing.

    Parameters
    ----------
    scores : mapping of scale to ndarray, shape (patients, visits)
    start, at : int
        The visit changes are counted from, and the visit of the step.
    primary : str
        Scale where the rule names none.

    Returns
    -------
    ndarray of bool, shape (patients,)

    Examples
    --------
    >>> from euthymia.protocol.steps import parse_rule
    >>> madrs = np.array([[30.0, 20.0], [30.0, 10.0], [30.0, np.nan]])
    >>> fulfils(parse_rule("not response"), {"madrs": madrs}, 0, 1, "madrs").tolist()
    [True, False, False]
    """
    found = np.ones(len(next(iter(scores.values()))), bool)
    for clause in rule.clauses:
        x = scores[clause.scale or primary]
        seen = np.isfinite(x[:, at]) & np.isfinite(x[:, start])
        holds = _holds(clause, x[:, [start, at]], (clause.scale or primary).upper())
        found &= (~holds if clause.negated else holds) & seen
    return found


def _holds(clause: Clause, pair: Array, scale: str) -> NDArray[np.bool_]:
    if clause.kind == "response":
        return response(pair)[:, 1]
    if clause.kind == "remission":
        return remission(pair, scale)[:, 1]
    before, now = pair.T
    with np.errstate(invalid="ignore", divide="ignore"):
        value = {"score": now, "change": now - before, "reduction": (before - now) / before}[clause.kind]
        return _COMPARE[clause.sign](value, clause.bound)
