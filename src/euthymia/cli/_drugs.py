"""What the drug commands share: reading doses, patients and co-medication from the command line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from euthymia.compounds.compound import Compound, load_compound
from euthymia.compounds.course import Treatment
from euthymia.compounds.genotype import read_activity
from euthymia.compounds.interactions import Perpetrator, find
from euthymia.compounds.observation_text import WEIGHT, every_hours, mass
from euthymia.compounds.observation_words import release_in, without_salt
from euthymia.errors import InputError
from euthymia.units import quantity

Array = NDArray[np.float64]


def add_patient_arguments(parser: argparse.ArgumentParser) -> None:
    """Covariates of one patient."""
    parser.add_argument(
        "--phenotype",
        action="append",
        default=[],
        metavar="ENZYME=PM",
        help="metaboliser type or activity score, e.g. CYP2C19=PM or CYP2D6=0.5; repeatable",
    )
    parser.add_argument("--age", type=float, help="years")
    parser.add_argument("--weight", type=float, help="kg")
    parser.add_argument("--sex", choices=("female", "male"))
    parser.add_argument("--smoker", action="store_true")
    parser.add_argument("--egfr", type=float, help="kidney function, mL/min")
    parser.add_argument("--hepatic", type=float, help="liver function, 1 = normal")


def read_phenotypes(texts: list[str]) -> dict[str, float]:
    """'CYP2C19=PM' to activity scores.

    Raises
    ------
    InputError
        Every text that is not understood.
    """
    scores: dict[str, float] = {}
    problems: list[str] = []
    for text in texts:
        enzyme, sign, word = (part.strip() for part in text.partition("="))
        enzyme = enzyme.upper().removesuffix("ACTIVITY SCORE").strip()
        if not sign or not word:
            problems.append(f"phenotype '{text}' should read like CYP2C19=PM")
            continue
        try:
            scores[enzyme] = read_activity(enzyme, word)
        except InputError as error:
            problems.extend(p.message for p in error.problems)
    if problems:
        raise InputError(problems)
    return scores


def read_patient(arguments: argparse.Namespace, n: int = 1) -> dict[str, Array]:
    """Covariates as arrays of length n."""
    single: dict[str, float] = dict(read_phenotypes(arguments.phenotype))
    for key in ("age", "weight", "egfr", "hepatic"):
        if getattr(arguments, key) is not None:
            single[key] = getattr(arguments, key)
    if arguments.smoker:
        single["smoker"] = 1.0
    patient: dict[str, Array] = {k: np.full(n, v) for k, v in single.items()}
    if arguments.sex:
        patient["sex"] = np.full(n, arguments.sex)
    return patient


def read_dose(text: str, compound: Compound | None = None, weight: float | None = None) -> float:
    """'10 mg' to mg; a dose without unit is an error.

    '0.5 mg/kg' is multiplied with the weight (70 kg where none is given), '24 mmol' with the molar mass.
    """
    parts = text.split(maxsplit=1)
    if len(parts) == 2 and parts[1].replace(" ", "").endswith(("/kg", "mol")):
        size = compound.value("molar_mass") if compound and "molar_mass" in compound.parameters else math.nan
        try:
            return mass(parts[0], parts[1], weight or WEIGHT, 0.0, size)
        except ValueError as error:
            raise InputError([f"--dose {text}: {error}"]) from None
    return quantity(text, "mg").value


def read_hours(text: str) -> float:
    """'24 h', '1 week' or 'bid' to h."""
    if not any(c.isdigit() for c in text) and (every := every_hours(text)):
        return every
    return quantity(text, "h").value


def read_companions(texts: list[str], days: float) -> tuple[list[Treatment], list[Perpetrator]]:
    """'omeprazole', 'paroxetine:20 mg:24 h' to treatments that are simulated and drugs of fixed strength.

    A library compound without a dose is given at the lower end of its usual daily dose.

    Raises
    ------
    InputError
        Every drug that is unknown or has neither kinetics nor interaction data.
    """
    treatments: list[Treatment] = []
    static: list[Perpetrator] = []
    problems: list[str] = []
    for text in texts:
        name, _, rest = text.partition(":")
        dose, _, every = rest.partition(":")
        try:
            found = find(name, as_inhibitor=True)
            if isinstance(found, Perpetrator):
                static.append(found)
                continue
            treatments.append(companion(found, dose, every, days))
        except InputError as error:
            problems.extend(p.message for p in error.problems)
    if problems:
        raise InputError(problems)
    return treatments, static


def companion(compound: Compound, dose: str, every: str, days: float) -> Treatment:
    """A co-medication as a treatment."""
    if not compound.has_kinetics:
        raise InputError(
            [f"{compound.name} has no kinetic data here, so its interactions cannot be computed"]
        )
    if not dose and "doses.low" not in compound.parameters:
        raise InputError([f"{compound.name} has no usual dose here; write '{compound.name}:20 mg:24 h'"])
    amount = read_dose(dose) if dose else compound.value("doses.low")
    return Treatment(compound, amount, read_hours(every) if every else 24.0, 0.0, days * 24.0)


def limit_dose(compound: Compound, dose: float, every: float) -> str:
    """A warning where the daily dose is far beyond the usual range, else ''."""
    high = compound.parameters.get("doses.high")
    daily = dose * (24.0 / every if every else 1.0)
    if high is not None and daily > 3 * high.value:
        return f"{daily:g} mg a day is more than three times the usual upper dose of {high.value:g} mg"
    return ""


def one_drug(name: str) -> Compound:
    """The compound of a name, which may carry a salt ('citalopram hydrobromide')."""
    try:
        return load_compound(name)
    except InputError:
        short = without_salt(name) if not release_in(name) else name
        if short == name:
            raise
        return load_compound(short)


def plain(value: object) -> object:
    """Numbers and arrays as JSON can hold them (nan becomes null)."""
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, float | np.floating):
        number = float(value)
        return None if not np.isfinite(number) else float(f"{number:.6g}")
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value
