"""One patient's own numbers: size, age, sex, smoking, liver, kidney, genes, other drugs, chance.

In: compounds, patients (arrays) and standard normal draws.  Out: parameter id -> value per patient, for those
ids whose value differs from the library's.  Assumed: clearance follows weight^0.75 and volume weight^1 (70 kg),
chance is lognormal, functions of enzymes multiply.  Where a file gives no spread of its own, the volumes of outer
compartments follow the first one (who binds more in one tissue does so in others) and flows between them vary as
much as it does.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.compound import Compound, Compounds, analytes, by_prefix
from euthymia.compounds.genotype import enzyme_function, smoking_factor
from euthymia.errors import InputError
from euthymia.evidence.parameter import Parameter, Spread

Array = NDArray[np.float64]
WEIGHT, AGE, EGFR = 70.0, 40.0, 100.0
ADULT = 18.0  # years; below it the age effect stays that of an adult
LIMITS = {"age": (0.0, 110.0), "weight": (2.0, 400.0), "egfr": (0.0, 250.0), "hepatic": (0.0, 2.0)}
_UNITS = {"age": "years", "weight": "kg", "egfr": "mL/min", "hepatic": ""}
KIDNEY = ("renal", "OCT2")
_SHAPE = {"CL": 0.75, "Q2": 0.75, "Q3": 0.75, "V": 1.0, "V2": 1.0, "V3": 1.0}
_ABSORPTION = ("ka", "F", "lag")
_FOLLOWS = {
    "V2": "V",
    "V3": "V",
    "Q2": "Q2",
    "Q3": "Q3",
}  # whose chance moves a size that has no spread of its own


def variable_parameters(compounds: Compounds) -> dict[str, Spread]:
    """Ids that take a standard normal draw, with the spread it stands for.

    `<id>` varies between patients; `<id>.uncertainty` moves the value itself and is the same for all patients of
    one virtual trial (or varies per patient where the user wants it so).
    """
    found: dict[str, Spread] = {}
    for prefix, compound in by_prefix(compounds).items():
        for name, analyte in analytes(compound, prefix).items():
            for path, parameter in analyte.parameters.items():
                id_ = _id(name, path, analyte)
                if not id_:
                    continue
                own, short = _size(analyte, path) if path in _SHAPE else (parameter.spread, path)
                if own.sd > 0 and short == path:
                    found[id_] = own
                if parameter.uncertainty.sd > 0 and not path.startswith("pathways."):
                    found[f"{id_}.uncertainty"] = parameter.uncertainty
    from euthymia.compounds.binding import potency_spreads

    found.update(potency_spreads(compounds))
    return found


def _size(compound: Compound, short: str) -> tuple[Spread, str]:
    """Spread of a clearance, volume or flow, and the size whose draw it takes."""
    own = compound.parameters[short].spread
    if own.sd > 0 or short not in _FOLLOWS or "V" not in compound.parameters:
        return own, short
    return compound.parameters["V"].spread, _FOLLOWS[short]


def _id(prefix: str, path: str, compound: Compound) -> str:
    if path in _SHAPE:
        return f"{prefix}.{path}"
    parts = path.split(".")
    if parts[0] == "pathways" and len(parts) == 2:
        return f"{prefix}.{parts[1]}.function"
    if (
        parts[0] == "routes"
        and compound.routes
        and parts[1] == compound.routes[0]
        and parts[2] in _ABSORPTION
    ):
        return f"{prefix}.{parts[2]}"
    return ""


def _check(patients: Mapping[str, Array]) -> None:
    problems = []
    for key, (low, high) in LIMITS.items():
        if key in patients:
            values = np.asarray(patients[key], dtype=float)
            bad = values[~((values >= low) & (values <= high))]
            if bad.size:
                unit = f" {_UNITS[key]}".rstrip()
                problems.append(
                    f"{key} {bad.flat[0]:g}{unit} is impossible; allowed {low:g} to {high:g}{unit}"
                )
    if problems:
        raise InputError(problems)


def individual_parameters(
    compounds: Compounds,
    patients: Mapping[str, Array],
    draws: Mapping[str, Array] | None = None,
    enzymes: Mapping[str, Array | float] | None = None,
    route: Mapping[str, str] | None = None,
    only: Container[str] | None = None,
) -> dict[str, Array]:
    """Parameter values per patient.

    Parameters
    ----------
    compounds : mapping of prefix to Compound, or compounds
    patients : mapping of str to ndarray, shape (patients,)
        `age` (years), `sex` ('female' or 'male'), `weight` (kg), `smoker` (0 or 1), activity scores under the
        enzyme's name ('CYP2D6' ...), `egfr` (mL/min), `hepatic` (function, 1 = normal); all optional.
    draws : mapping of parameter id to ndarray, shape (patients,)
        Standard normal numbers for the ids of `variable_parameters`; ids left out take no chance.
    enzymes : mapping of enzyme to factor
        Function left by co-medication that is not simulated itself (0.4 = 60 % inhibited).
    route : mapping of prefix to route key
        The route whose absorption varies; the compound's usual one where left out.
    only : container of parameter ids
        Keep these ids alone, for example the parameters of the joined system.

    Raises
    ------
    InputError
        Impossible covariates, all of them at once.
    """
    _check(patients)
    draws = draws or {}
    values: dict[str, Array] = {}
    for prefix, compound in by_prefix(compounds).items():
        for name, analyte in analytes(compound, prefix).items():
            _analyte(values, name, analyte, patients, draws, enzymes or {})
        key = (route or {}).get(prefix, compound.routes[0] if compound.routes else "")
        for short in _ABSORPTION:
            parameter = compound.parameters.get(f"routes.{key}.{short}")
            if parameter is not None:
                _vary(values, f"{prefix}.{short}", parameter, draws, 1.0)
    from euthymia.compounds.binding import individual_potencies

    values.update(individual_potencies(compounds, draws))
    return values if only is None else {k: v for k, v in values.items() if k in only}


def _vary(
    values: dict[str, Array],
    id_: str,
    parameter: Parameter,
    draws: Mapping[str, Array],
    factor: Array | float,
    chance: tuple[str, Spread] | None = None,
) -> None:
    """Set a value where a covariate or a draw changes it; `chance` is the draw's id and spread, if not its own."""
    value: Array = np.asarray(parameter.value * np.asarray(factor, dtype=float))
    moved = np.ndim(factor) > 0
    for key, spread in (chance or (id_, parameter.spread), (f"{id_}.uncertainty", parameter.uncertainty)):
        if key in draws and spread.sd > 0:
            value = apply_spread(value, spread, np.asarray(draws[key], dtype=float))
            moved = True
    if moved:
        values[id_] = value


def apply_spread(value: Array | float, spread: Spread, z: Array) -> Array:
    """A typical value moved by standard normal draws, kept inside the spread's bounds."""
    if spread.kind == "lognormal":
        moved = np.asarray(value) * np.exp(spread.sd * z)
    elif spread.kind == "logitnormal":
        odds = np.asarray(value) / (1 - np.asarray(value)) * np.exp(spread.sd * z)
        moved = odds / (1 + odds)
    elif spread.kind == "normal":
        moved = np.asarray(value) + spread.sd * z
    else:
        moved = np.asarray(value) + 0.0 * z
    return np.clip(moved, spread.low, spread.high)


def _analyte(
    values: dict[str, Array],
    prefix: str,
    compound: Compound,
    patients: Mapping[str, Array],
    draws: Mapping[str, Array],
    enzymes: Mapping[str, Array | float],
) -> None:
    """Size, age and sex on clearance and volume; genes, habits and organs on the pathways."""
    weight = np.asarray(patients["weight"], dtype=float) / WEIGHT if "weight" in patients else None
    for short, power in _SHAPE.items():
        parameter = compound.parameters.get(short)
        if parameter is None:
            continue
        power = compound.value(f"covariates.weight_{short}", power)
        factor: Array | float = 1.0 if weight is None else weight**power
        if short == "CL":
            factor = factor * _age_and_sex(compound, patients)
        spread, leader = _size(compound, short)
        _vary(values, f"{prefix}.{short}", parameter, draws, factor, (f"{prefix}.{leader}", spread))
    hepatic = np.asarray(patients["hepatic"], dtype=float) if "hepatic" in patients else None
    for pathway in compound.pathways:
        work: Array | float = 1.0
        kidney = pathway in KIDNEY
        if kidney and "egfr" in patients:
            work = np.asarray(patients["egfr"], dtype=float) / EGFR
        if pathway in patients:
            work = enzyme_function(pathway, patients[pathway])
        if "smoker" in patients and smoking_factor(pathway) != 1:
            work = work * np.where(np.asarray(patients["smoker"]) > 0, smoking_factor(pathway), 1.0)
        if pathway in enzymes:
            work = work * np.asarray(enzymes[pathway], dtype=float)
        if hepatic is not None and not kidney:
            work = work * hepatic
        chance, id_ = compound.parameters[f"pathways.{pathway}"].spread, f"{prefix}.{pathway}.function"
        if chance.sd > 0 and id_ in draws:
            work = apply_spread(work, chance, np.asarray(draws[id_], dtype=float))
        if np.ndim(work) > 0 or work != 1.0:
            values[f"{prefix}.{pathway}.function"] = np.asarray(work, dtype=float)
    if "gut_extraction" in compound.parameters and "gut" in enzymes:
        values[f"{prefix}.gut.function"] = np.asarray(enzymes["gut"], dtype=float)
    if hepatic is not None:
        values[f"{prefix}.other.function"] = hepatic


def _age_and_sex(compound: Compound, patients: Mapping[str, Array]) -> Array | float:
    factor: Array | float = 1.0
    power = compound.parameters.get("covariates.age")
    if power is not None and "age" in patients:
        age = np.maximum(np.asarray(patients["age"], dtype=float), ADULT)
        factor = factor * (age / AGE) ** power.value
    female = compound.parameters.get("covariates.female")
    if female is not None and "sex" in patients:
        factor = factor * np.where(_female(patients["sex"]), female.value, 1.0)
    return factor


def _female(sex: Sequence[str] | Array) -> NDArray[np.bool_]:
    return np.asarray(sex).astype(str) == "female"
