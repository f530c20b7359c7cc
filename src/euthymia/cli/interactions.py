"""`euthymia interactions A B C`: what drugs do to each other's levels, and what no level can show."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import numpy as np

from euthymia.cli._drugs import add_patient_arguments, plain, read_companions, read_patient
from euthymia.compounds.course import Treatment, days_to_steady_state, simulate_course
from euthymia.compounds.interactions import warnings
from euthymia.errors import InputError

NAME = "interactions"
HELP = "what drugs taken together do to each other's levels, with warnings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "drugs", nargs="+", metavar="DRUG[:DOSE[:EVERY]]", help='for example "paroxetine:20 mg:24 h"'
    )
    parser.add_argument("--json", action="store_true")
    add_patient_arguments(parser)


def report(arguments: argparse.Namespace) -> dict[str, Any]:
    """Level ratios of every simulated drug, with and without all the others."""
    if len(arguments.drugs) < 2:
        raise InputError(["name at least two drugs"])
    treatments, static = read_companions(arguments.drugs, 30.0)
    names = [t.compound.name for t in treatments]
    if twice := {n for n in names if names.count(n) > 1}:
        raise InputError([f"'{n}' is named twice" for n in sorted(twice)])
    said = warnings([*(t.compound for t in treatments), *static])
    rows: list[dict[str, Any]] = []
    if treatments:
        days = days_to_steady_state(treatments)
        treatments = [replace(t, stop=days * 24.0) for t in treatments]
        times = np.concatenate([[0.0], np.linspace((days - 1) * 24.0, days * 24.0, 97)])
        patient = read_patient(arguments)
        together = simulate_course(treatments, times, patient, static)
        for treatment in treatments:
            alone = simulate_course([treatment], times, patient)
            rows += _rows(treatment, alone, together)
    return {"drugs": arguments.drugs, "levels": rows, "warnings": said}


def _rows(treatment: Treatment, alone: Any, together: Any) -> list[dict[str, Any]]:
    found = []
    for prefix in alone.levels:
        before, after = (float(c.mass(prefix)[0, 1:].mean()) for c in (alone, together))
        found.append(
            {
                "drug": treatment.compound.name,
                "analyte": prefix,
                "dose_mg": treatment.dose,
                "interval_h": treatment.interval,
                "alone_ng_per_mL": before,
                "together_ng_per_mL": after,
                "ratio": after / before if before else None,
                "known": bool(treatment.compound.pathways or treatment.compound.components),
            }
        )
    return found


def run(arguments: argparse.Namespace) -> int:
    result = report(arguments)
    if arguments.json:
        print(json.dumps(plain(result), indent=1))
        return 0
    print(f"{'average level at steady state':<44}{'alone':>9}{'together':>10}{'ratio':>8}   ng/mL")
    for row in result["levels"]:
        ratio = f"{row['ratio']:.2f}" if row["known"] and row["ratio"] else "unknown"
        label = f"{row['analyte']} ({row['dose_mg']:g} mg every {row['interval_h']:g} h)"
        print(f"{label:<44}{row['alone_ng_per_mL']:>9.3g}{row['together_ng_per_mL']:>10.3g}{ratio:>8}")
    for text in result["warnings"]:
        print(f"! {text}")
    return 0
