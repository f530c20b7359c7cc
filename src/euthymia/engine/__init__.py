"""Ground floor: populations of ordinary differential equations; it knows no drug and no brain."""

from typing import TYPE_CHECKING, Any

from euthymia.engine.events import Dose, Events
from euthymia.engine.execute import Summary, stream
from euthymia.engine.replay import alone
from euthymia.engine.sensitivity import Sensitivities, sensitivities
from euthymia.engine.solve import solve
from euthymia.engine.store import ChunkStore
from euthymia.engine.system import Assignment, Fragment, Input, OdeSystem, Parameter, State, Trigger
from euthymia.engine.trajectories import Trajectories

if TYPE_CHECKING:
    from euthymia.engine.reference import solve_reference

__all__ = [
    "Assignment",
    "ChunkStore",
    "Dose",
    "Events",
    "Fragment",
    "Input",
    "OdeSystem",
    "Parameter",
    "Sensitivities",
    "State",
    "Summary",
    "Trajectories",
    "Trigger",
    "alone",
    "sensitivities",
    "solve",
    "solve_reference",
    "stream",
]


def __getattr__(name: str) -> Any:
    """The readable solver on demand: it needs scipy, which takes long to load."""
    if name == "solve_reference":
        from euthymia.engine.reference import solve_reference

        return solve_reference
    raise AttributeError(f"module 'euthymia.engine' has no attribute '{name}'")
