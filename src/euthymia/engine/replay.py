"""One patient of a population alone: the same numbers, to the bit, that it had in company."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from euthymia.engine.events import Events


def alone(
    parameters: Mapping[str, np.ndarray | float], events: Events | None, i: int
) -> tuple[dict[str, np.ndarray | float], Events | None]:
    """The parameters and events of patient `i` alone, for `solve(system, 1, *alone(...), times, outputs)`.

    Parameters
    ----------
    parameters : mapping from name to ndarray, shape (patients,), or float
    events : Events or None

    Examples
    --------
    >>> from euthymia.engine import Fragment, OdeSystem, Parameter, State, solve
    >>> decay = OdeSystem.join("decay", Fragment({"A": State("-k*A", 1.0)}, {"k": Parameter(0.1)}), units=False)
    >>> everyone = {"k": np.array([0.1, 0.2, 0.3])}
    >>> together = solve(decay, 3, everyone, None, [0.0, 5.0], ["A"]).values[1]
    >>> bool((solve(decay, 1, *alone(everyone, None, 1), [0.0, 5.0], ["A"]).values[0] == together).all())
    True
    """
    own = {
        name: value if np.ndim(value) == 0 else np.asarray(value)[i : i + 1]
        for name, value in parameters.items()
    }
    if events is None:
        return own, None
    regimen = events.regimens[int(np.asarray(events.regimen_of)[i])]
    taken = None if events.taken is None else np.asarray(events.taken)[i : i + 1]
    return own, Events([regimen], np.zeros(1, dtype=int), taken)
