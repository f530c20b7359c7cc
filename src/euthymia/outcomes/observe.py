"""From mechanistic severity to what a trial writes down.

Layers, in this order:

1. `latent_network`, MADRS points: what the biological network says each patient's severity is at each visit,
   drug included, placebo response and natural recovery NOT included.  Where the network also moves without
   the drug, pass that run as `untreated`; the treatment effect is then the difference of the two in logits of
   the range, as the network adds what it relieves, and the course without treatment is taken from the measured
   placebo course alone, so that nothing counts twice.  Who is nearly well has little left to gain from a drug.
2. `placebo.course`: placebo response, natural course, life events and acute context effects are added.
3. The baseline rating is lifted near the inclusion threshold (`placebo.inflation`), later ratings are not.
4. Rating noise, linking, rounding and bounds (`scales.total`) give the totals.
5. `dropout.dropout_time` decides on the rated MADRS and the side effects who is still present.

In: arrays, a context, draws.  Out: `Observations`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.errors import InputError
from euthymia.outcomes import placebo
from euthymia.outcomes.context import TrialContext
from euthymia.outcomes.draws import Draws
from euthymia.outcomes.dropout import dropout_time
from euthymia.outcomes.scales import total

Array = NDArray[np.float64]
RANGE = 60.0  # MADRS points
EDGE = 0.005  # share of the range kept from either end


@dataclass(frozen=True, slots=True)
class Observations:
    """What the trial would write down at every visit.

    Parameters
    ----------
    times : ndarray, shape (visits,), h
    latent : ndarray, shape (patients, visits), MADRS points
        True severity, before rating.
    madrs, hamd17 : ndarray, shape (patients, visits), points
        Rated totals had everybody stayed; see `seen` for the totals of those present.
    in_trial : ndarray of bool, shape (patients, visits)
        Who is present at each visit.
    dropout_time : ndarray, shape (patients,), h
        Infinite for completers.
    shared, own : ndarray, shape (patients, visits)
        The rating noise used, so that any further scale can be rated later.
    lifted : ndarray, shape (patients,), MADRS points
        Baseline inflation included in the first column of every rated scale.
    """

    times: Array
    latent: Array
    madrs: Array
    hamd17: Array
    in_trial: NDArray[np.bool_]
    dropout_time: Array
    shared: Array
    own: Array
    lifted: Array

    def scores(self, on: str) -> Array:
        """Totals of any linked scale had everybody stayed, shape (patients, visits)."""
        if on == "MADRS":
            return self.madrs
        return total(_with_lift(self.latent, self.lifted), on, self.shared, self.own)

    def seen(self, on: str = "MADRS") -> Array:
        """Totals of those present, NaN after dropout, shape (patients, visits)."""
        return np.where(self.in_trial, self.scores(on), np.nan)


def _gained(severity: Array, treated: Array, untreated: Array) -> Array:
    """MADRS points that the shift from `untreated` to `treated`, in logits, makes at another severity."""

    def logits(x: Array) -> Array:
        share = np.clip(x / RANGE, EDGE, 1 - EDGE)
        return np.log(share / (1 - share))

    here = logits(severity)
    there = here + logits(treated) - logits(untreated)
    return RANGE * (1 / (1 + np.exp(-there)) - 1 / (1 + np.exp(-here)))


def _with_lift(latent: Array, lifted: Array) -> Array:
    rated = latent.copy()
    rated[:, 0] += lifted
    return rated


def observe(
    latent_network: Array,
    context: TrialContext,
    draws: Draws,
    *,
    active: Array | bool = True,
    untreated: Array | None = None,
    unblinding: Array | float = 0.0,
    burden: Array | float = 0.0,
    changes: Array | None = None,
    hidden: bool = False,
) -> Observations:
    """Rated scores and dropout of a virtual arm or trial.

    Parameters
    ----------
    latent_network : ndarray, shape (patients, visits), MADRS points
        Severity from the mechanistic network at `context.times`, treatment included.
    context : TrialContext
    draws : Draws
    active : bool or ndarray of bool, shape (patients,)
        Who receives the treatment under test; moves belief where treatment is open or given away.
    untreated : ndarray, shape (patients, visits), MADRS points, optional
        The same patients' network run without the treatment.
    unblinding : float or ndarray, shape (patients,), 0 to 1
        How far acute effects give the allocation away.
    burden : float or ndarray, shape (patients,) or (patients, visits)
        Side effects, 0 as on placebo, 1 as on a licensed antidepressant dose.
    changes : ndarray, shape (patients, changes), h, optional
        When treatment was changed during the trial; infinite where it was not.
    hidden : bool
        Patients leave by their latent severity rather than by the rated total: what is missing then is not at random
        given what was seen.

    Returns
    -------
    Observations

    Raises
    ------
    InputError
        Shapes that do not agree.

    Examples
    --------
    >>> weeks = np.arange(0, 9, 2) * 168.0
    >>> severity = np.full((200, 5), 30.0)
    >>> seen = observe(severity, TrialContext(times=weeks), Draws.seeded(200, 5, seed=1), active=False)
    >>> bool(seen.madrs[:, -1].mean() < seen.madrs[:, 0].mean())
    True
    """
    latent_network = np.asarray(latent_network, dtype=float)
    expected = (len(draws.course), len(context.times))
    if latent_network.shape != expected or draws.events.shape != expected:
        raise InputError([f"severity has shape {latent_network.shape}, draws and visits ask for {expected}"])
    who = np.broadcast_to(np.asarray(active, dtype=float), expected[:1])
    belief = context.belief(who, unblinding)
    course = placebo.course(context, draws, belief, changes)
    if untreated is None:
        latent = latent_network + course
    else:
        latent = untreated[:, :1] + course
        latent = latent + _gained(latent, latent_network, untreated)
    lifted = placebo.inflation(latent[:, 0], context.threshold)
    madrs = total(_with_lift(latent, lifted), "MADRS", draws.rating, draws.own_madrs)
    hamd17 = total(_with_lift(latent, lifted), "HAMD17", draws.rating, draws.own)
    left = dropout_time(context.times, latent if hidden else madrs, draws.dropout, burden)
    present = context.times < left[:, None]
    return Observations(context.times, latent, madrs, hamd17, present, left, draws.rating, draws.own, lifted)
