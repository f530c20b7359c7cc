"""`euthymia exposure`: levels, NCA numbers and occupancy of one drug in one patient or a group."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from euthymia.cli._drugs import (
    add_patient_arguments,
    limit_dose,
    one_drug,
    plain,
    read_companions,
    read_dose,
    read_hours,
    read_patient,
)
from euthymia.compounds.binding import ligands
from euthymia.compounds.compound import Compound
from euthymia.compounds.course import Course, Treatment, days_to_steady_state, draw_occasions, simulate_course
from euthymia.compounds.exposure import analyse
from euthymia.compounds.individual import variable_parameters
from euthymia.compounds.interactions import warnings
from euthymia.compounds.observation_words import formulation_of
from euthymia.errors import InputError

NAME = "exposure"
HELP = "levels, exposure and occupancy of a drug in a patient, with phenotypes and co-medication"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--drug", required=True)
    parser.add_argument("--dose", required=True, metavar='"10 mg"')
    parser.add_argument(
        "--every", default="24 h", metavar='"24 h"', help="time between doses; 'once' for a single dose"
    )
    parser.add_argument("--days", type=float, help="days of dosing (default: until steady state)")
    parser.add_argument("--route", help="oral, intravenous, intranasal, ... (default: the usual one)")
    parser.add_argument("--formulation", help="for example extended-release")
    parser.add_argument("--infusion", metavar='"40 min"', help="time over which each dose runs in")
    parser.add_argument(
        "--with",
        dest="companions",
        action="append",
        default=[],
        metavar="DRUG[:DOSE[:EVERY]]",
        help="co-medication; repeatable",
    )
    parser.add_argument(
        "--patients", type=int, default=0, metavar="N", help="also simulate N patients that differ by chance"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    add_patient_arguments(parser)


def report(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything the command prints, as plain data."""
    compound = one_drug(arguments.drug)
    dose = read_dose(arguments.dose, compound, arguments.weight)
    arguments.formulation = formulation_of(arguments.formulation) if arguments.formulation else None
    every = 0.0 if arguments.every.strip() == "once" else read_hours(arguments.every)
    infusion = read_hours(arguments.infusion) if arguments.infusion else 0.0
    problems = [f"{name} {value:g} should be above 0" for name, value in (("--dose", dose),) if value <= 0]
    if every <= 0 and arguments.every.strip() != "once":
        problems.append("--every should be above 0 ('once' is a single dose)")
    problems += (
        ["--days should lie between 0.1 and 730"]
        if arguments.days is not None and not 0.1 <= arguments.days <= 730
        else []
    )
    problems += ["--patients should be between 0 and 20000"] if not 0 <= arguments.patients <= 20000 else []
    if problems:
        raise InputError(problems)
    main = Treatment(compound, dose, every, 0.0, 24.0, arguments.route, arguments.formulation, infusion)
    main.key()
    if not compound.has_kinetics:
        raise InputError(
            [f"{compound.name} has no clearance or volume in the library: no level can be computed"]
        )
    days = arguments.days or (
        days_to_steady_state([main]) if every else max(3.0, days_to_steady_state([main], 6))
    )
    others, static = read_companions(arguments.companions, days)
    if not arguments.days and others and every:
        days = max(days, days_to_steady_state([main, *others]))
        others = [Treatment(o.compound, o.dose, o.interval, 0.0, days * 24.0) for o in others]
    main = Treatment(
        compound, dose, every, 0.0, days * 24.0, arguments.route, arguments.formulation, infusion
    )
    bound = ligands([compound])
    ports = [f"{gene}.occupancy" for gene in bound]
    times = _times(every, days)
    course = simulate_course([main, *others], times, read_patient(arguments), static, ports)
    window = times >= times[-1] - every - 1e-9 if every else np.ones(times.size, dtype=bool)
    analytes = {
        name: _numbers(course, name, window) for name in course.levels if name.split(".")[0] == compound.id
    }
    occupied = {p: float(v[0, window].mean()) for p, v in course.ports.items()}
    said = warnings([compound, *(o.compound for o in others), *static]) if arguments.companions else []
    if limit := limit_dose(compound, dose, every):
        said.insert(0, limit)
    result: dict[str, Any] = {
        "drug": compound.name,
        "dose_mg": dose,
        "interval_h": every or None,
        "days": days,
        "route": main.key(),
        "with": arguments.companions,
        "analytes": analytes,
        "occupancy": dict(
            sorted(((p, o) for p, o in occupied.items() if o >= 0.02), key=lambda item: -item[1])
        ),
        "reference_range": reference(compound, course, window),
        "warnings": said,
        "sources": compound.sources(),
        "course": {"time_h": times, **{f"{n}_ng_per_mL": course.mass(n)[0] for n in analytes}},
    }
    if arguments.patients:
        result["spread"] = _spread(arguments, compound, [main, *others], static, times, window)
    return result


def _times(every: float, days: float) -> np.ndarray:
    end = days * 24.0
    coarse = np.arange(0.0, end, max(1.0, end / 400))
    fine = np.linspace(end - every, end, 97) if every else np.geomspace(0.02, end, 200)
    return np.unique(np.round(np.concatenate([coarse, fine, [end]]), 6))


def _numbers(course: Course, name: str, window: np.ndarray) -> dict[str, float]:
    found = analyse(course.times[window], course.mass(name)[0, window])
    return {
        "Cmax_ng_per_mL": found.Cmax,
        "Tmax_h": found.Tmax,
        "Cmin_ng_per_mL": max(found.Cmin, 0.0),  # what is left of nothing may be a rounding below it
        "Cavg_ng_per_mL": found.Cavg,
        "AUC_ng_h_per_mL": found.AUC,
        "Cavg_nmol_per_L": found.Cavg / course.molar_mass[name] / 1000.0,
    }


def reference(compound: Compound, course: Course, window: np.ndarray) -> dict[str, Any] | None:
    """The therapeutic reference range beside the trough of its analytes, ng/mL."""
    if "reference_range.low" not in compound.parameters:
        return None
    low, high = (compound.value(f"reference_range.{k}") * 1000.0 for k in ("low", "high"))
    mass_based = compound.parameters["reference_range.low"].unit.dimension.exponents[1] == 1
    total = 0.0
    for name in compound.data["reference_range"]["of"]:
        prefix = course.find(name)
        values = course.mass(prefix) if mass_based else course.levels[prefix] * 1000.0
        total += float(values[0, window].min())
    verdict = "below" if total < low else "above" if total > high else "within"
    unit = "ng/mL" if mass_based else "nmol/mL"
    scale = 1.0 if mass_based else 1e-9
    return {
        "low": low * scale,
        "high": high * scale,
        "trough": total * scale,
        "verdict": verdict,
        "of": compound.data["reference_range"]["of"],
        "unit": unit if mass_based else "mmol/L",
    }


def _spread(
    arguments: argparse.Namespace,
    compound: Compound,
    treatments: list[Treatment],
    static: Any,
    times: np.ndarray,
    window: np.ndarray,
) -> dict[str, Any]:
    n = arguments.patients
    rng = np.random.default_rng(arguments.seed)
    ids = variable_parameters([t.compound for t in treatments])
    draws = {k: rng.standard_normal(n) for k in ids if not k.endswith(".uncertainty")}
    course = simulate_course(
        treatments,
        times[window],
        read_patient(arguments, n),
        static,
        (),
        draws,
        n,
        rtol=1e-4,
        occasions=draw_occasions([t.compound for t in treatments], n, rng),
    )
    found = {}
    for name in course.levels:
        if name.split(".")[0] == compound.id:
            average = course.mass(name).mean(axis=1)
            low, middle, high = np.percentile(average, [5, 50, 95])
            found[name] = {"p5": low, "median": middle, "p95": high, "cv": average.std() / average.mean()}
    return found


def run(arguments: argparse.Namespace) -> int:
    result = report(arguments)
    if arguments.json:
        print(json.dumps(plain(result), indent=1))
        return 0
    every = (
        f"every {result['interval_h']:g} h for {result['days']:g} days" if result["interval_h"] else "once"
    )
    print(f"{result['drug']} {result['dose_mg']:g} mg {result['route'].replace('_', ' ')}, {every}")
    if result["with"]:
        print(f"with {', '.join(result['with'])}")
    print(f"\n{'analyte':<34}{'Cmax':>9}{'Tmax h':>8}{'Cmin':>9}{'Cavg':>9}{'AUC':>11}   ng/mL, ng*h/mL")
    for name, row in result["analytes"].items():
        print(
            f"{name:<34}{row['Cmax_ng_per_mL']:>9.3g}{row['Tmax_h']:>8.2g}{row['Cmin_ng_per_mL']:>9.3g}"
            f"{row['Cavg_ng_per_mL']:>9.3g}{row['AUC_ng_h_per_mL']:>11.4g}"
        )
    if "spread" in result:
        print("\nbetween patients (average level, ng/mL)      5 %    median      95 %     CV")
        for name, row in result["spread"].items():
            print(f"{name:<40}{row['p5']:>9.3g}{row['median']:>10.3g}{row['p95']:>10.3g}{row['cv']:>7.0%}")
    if result["reference_range"]:
        r = result["reference_range"]
        print(
            f"\ntrough of {' + '.join(r['of'])}: {r['trough']:.3g} {r['unit']}, {r['verdict']} the reference range "
            f"{r['low']:g}-{r['high']:g} {r['unit']}"
        )
    if result["occupancy"]:
        print("\naverage occupancy at the end")
        for port, value in list(result["occupancy"].items())[:12]:
            print(f"  {port.removesuffix('.occupancy'):<10} {value:>6.1%} {'#' * round(40 * value)}")
    for text in result["warnings"]:
        print(f"\nwarning: {text}", file=sys.stderr)
    print(f"\n{len(result['sources'])} sources; euthymia drug {result['drug']} lists them")
    return 0
