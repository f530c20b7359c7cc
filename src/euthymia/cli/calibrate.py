"""`euthymia calibrate`: fit the ensemble of models, or the effect model alone, to the calibration trials."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem

NAME = "calibrate"
HELP = "Fit the ensemble of models to the calibration trials and say what the data inform."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="trial files; the library's by default")
    parser.add_argument(
        "--effects", action="store_true", help="fit the statistical effect model alone (seconds)"
    )
    parser.add_argument("--out", metavar="PATH", help="folder for the fitted ensemble; a file with --effects")
    parser.add_argument(
        "--work", metavar="FOLDER", default="euthymia-runs/calibration",
        help="where simulated trials are kept, so that an interrupted calibration resumes",
    )  # fmt: skip
    parser.add_argument("--members", type=int, default=200, metavar="N", help="models in the ensemble (200)")
    parser.add_argument("--patients", type=int, default=3, metavar="N", help="virtual patients of each (3)")
    parser.add_argument("--iterations", type=int, default=2, metavar="N", help="steps of the smoother (2)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--json", action="store_true", help="print the fit as JSON")


def run(arguments: argparse.Namespace) -> int:
    if arguments.effects:
        return _effects(arguments)
    least = {"members": 20, "patients": 1, "iterations": 1, "jobs": 1}
    problems = [
        f"--{k} {getattr(arguments, k)}: at least {v}" for k, v in least.items() if getattr(arguments, k) < v
    ]
    if problems:
        raise InputError(problems)
    from euthymia.analysis.ensemble_calibration import calibrate, write_calibrated

    def progress(label: str, done: int, total: int) -> None:
        print(
            f"\r{label}: {done} of {total} trials",
            end="\n" if done == total else "",
            file=sys.stderr,
            flush=True,
        )

    result = calibrate(
        arguments.folder, arguments.work, arguments.members, arguments.patients, arguments.iterations,
        arguments.jobs, progress,
    )  # fmt: skip
    out = Path(arguments.out or "euthymia-calibration")
    paths = write_calibrated(result, out)
    if arguments.json:
        print(json.dumps(result.report, indent=1))
    else:
        print(text(result.report))
        print("written: " + ", ".join(str(p) for p in paths))
    return 0


def text(report: dict[str, Any]) -> str:
    """The calibration in words."""
    lines = [
        f"{report['members']} members, {report['patients']} patients each, {report['data']} data; "
        f"trials {report['inputs']['trials_sha256'][:12]}, model {report['inputs']['model_sha256'][:12]}"
    ]
    for s in report["steps"]:
        lines.append(
            f"{s['at']}: misfit {s['misfit']:.2f}, MAE {s['mae']:.2f}, "
            f"90 % coverage {s['coverage_90']:.2f}, spread {s['spread']:.2f}"
        )
    lines += ["", f"{'parameter':<38}{'prior':>8}{'fitted':>8}  90 % interval     informed  told by"]
    for name, p in report["parameters"].items():
        low, high = p["fitted_90"]
        lines.append(
            f"{name:<38}{p['prior_centre']:8.3g}{p['fitted_median']:8.3g}  {low:7.3g} - {high:<7.3g} "
            f"{100 * p['informed']:6.0f} %   {'; '.join(p['told_by'][:2])}"
        )
    lines += ["", "pairs the data cannot tell apart (posterior correlation):"]
    lines += [f"  {a} with {b}: {r:+.2f}" for a, b, r in report["not_told_apart"]] or ["  none"]
    lines += ["rival structures, prior -> posterior:"]
    lines += [
        f"  {k}: {v['prior']:.2f} -> {v['posterior']:.2f}"
        for k, v in report["structures"].items()
        if isinstance(v, dict)
    ]
    c = report["simulation_based_calibration"]
    lines.append(
        f"on synthetic truth: 90 % intervals hold {c['coverage_90']:.2f} of parameters, "
        f"{c['coverage_90_prediction']:.2f} of predictions; ranks {c['uniform']:.3f} from uniform "
        f"(chance {c['critical']:.3f})"
    )
    return "\n".join(lines)


def _effects(arguments: argparse.Namespace) -> int:
    from euthymia.analysis.calibrate import fit

    data = fit(arguments.folder).as_data()
    if arguments.out:
        try:
            Path(arguments.out).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError([Problem(f"cannot be written: {error.strerror}", arguments.out)]) from None
    if arguments.json:
        print(json.dumps(data, indent=1))
        return 0
    print(f"{data['n_contrasts']} contrasts; inputs {data['inputs_sha256'][:12]}")
    print("term        prior  fitted  informed by data")
    for term, prior in data["prior_scales"].items():
        print(f"{term:<10}  {prior:5.2f}  {data['scales'][term]:6.2f}  {100 * data['informed'][term]:5.0f} %")
    return 0
