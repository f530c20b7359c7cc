"""Integrators, one a file: the tableau, its order, its source."""

from __future__ import annotations

from euthymia.engine.methods.dopri5 import DOPRI5
from euthymia.engine.methods.rodas4 import RODAS4
from euthymia.engine.methods.rodas5p import RODAS5P
from euthymia.engine.methods.tableau import Tableau

METHODS: dict[str, Tableau] = {m.name: m for m in (RODAS5P, RODAS4, DOPRI5)}
__all__ = ["METHODS", "Tableau"]
