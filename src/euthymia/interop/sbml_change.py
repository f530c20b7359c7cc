"""Other first values for an SBML model: a user's changes, or one patient's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from euthymia.errors import InputError, Problem, nearest
from euthymia.interop.sbml_model import SbmlModel


def changed(model: SbmlModel, changes: Mapping[str, float]) -> SbmlModel:
    """The model with other first values; initial assignments that depend on them follow.

    Species take a concentration unless the model counts them in amounts.

    Raises
    ------
    InputError
        A symbol that the model does not have.
    """
    parts: dict[str, Any] = {
        k: dict(getattr(model, k)) for k in ("parameters", "compartments", "species", "initial")
    }
    for ident, value in changes.items():
        parts["initial"].pop(ident, None)
        if ident in model.parameters:
            parts["parameters"][ident] = replace(model.parameters[ident], value=float(value))
        elif ident in model.compartments:
            parts["compartments"][ident] = replace(model.compartments[ident], size=float(value))
        elif ident in model.species:
            s = model.species[ident]
            new: dict[str, Any] = {"amount": float(value), "concentration": None}
            if not s.substance_only:
                new = {"amount": None, "concentration": float(value)}
            parts["species"][ident] = replace(s, **new)
        else:
            known = (*model.parameters, *model.species, *model.compartments)
            text = f"'{ident}' is not a parameter, species or compartment" + nearest(ident, known)
            raise InputError([Problem(text, file=model.file)])
    return replace(model, **parts)


def own_model(model: SbmlModel, values: Mapping[str, float]) -> SbmlModel:
    """The model of one patient: a species keeps the kind (amount or concentration) the file gives."""
    species = dict(model.species)
    rest = {}
    for symbol, value in values.items():
        s = species.get(symbol)
        if s is not None and symbol not in model.initial:
            amount = s.concentration is None
            species[symbol] = replace(s, amount=value) if amount else replace(s, concentration=value)
        else:
            rest[symbol] = value
    return changed(replace(model, species=species), rest)
