"""What a trial observes: scales, placebo course, dropout, adherence, endpoints.

In: mechanistic severity in MADRS points.  Out: rated totals, presence, endpoints.  See `observe` for the
layers.
"""

from euthymia.outcomes.context import TrialContext
from euthymia.outcomes.draws import Draws
from euthymia.outcomes.observe import Observations, observe
from euthymia.outcomes.scales import Scale, scale, scale_names, to_madrs, total

__all__ = [
    "Draws",
    "Observations",
    "Scale",
    "TrialContext",
    "observe",
    "scale",
    "scale_names",
    "to_madrs",
    "total",
]
