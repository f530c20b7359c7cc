"""`euthymia sbml run|bench MODEL.xml`: an SBML model on a population, and its speed beside libRoadRunner."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from euthymia.errors import InputError

NAME = "sbml"
HELP = "Run an SBML model on a population, or time it against libRoadRunner at equal error."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["run", "bench"], help="run or time")
    parser.add_argument("model", metavar="MODEL.xml", help="an SBML file, Level 1 to Level 3 Version 2")
    parser.add_argument(
        "--end", type=float, default=10.0, metavar="T", help="last time, the model's unit (10)"
    )
    parser.add_argument(
        "--steps", type=int, default=100, metavar="N", help="steps between output times (100)"
    )
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="NAME=DIST",
        help="for example 'k1=lognormal(0.3)', quoted for the shell; may be repeated",
    )
    parser.add_argument("--patients", type=int, metavar="N", help="patients (run 1, bench 256)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the draws")
    parser.add_argument("--out", metavar="FILE.csv", help="run: write patient, time and outputs as CSV")
    parser.add_argument(
        "--error", type=float, default=1e-6, metavar="E", help="bench: the error to reach (1e-6)"
    )
    parser.add_argument(
        "--outputs", metavar="A,B", help="run: symbols to report; n:S the amount of S, c:S its concentration"
    )
    parser.add_argument(
        "--only", type=int, metavar="I", help="run: this patient of the population alone, from 0"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="run: cores to use (all but one)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    vary = {}
    problems = []
    for item in arguments.vary:
        name, sign, distribution = item.partition("=")
        if not sign:
            problems.append(f"--vary '{item}': expected NAME=DISTRIBUTION, for example k1=lognormal(0.3)")
        elif name.strip() in vary:
            problems.append(f"--vary '{item}': {name.strip()} is given twice")
        vary[name.strip()] = distribution
    small = {"--steps": arguments.steps, "--patients": arguments.patients, "--jobs": arguments.jobs}
    problems += [
        f"{name} {value}: at least 1" for name, value in small.items() if value is not None and value < 1
    ]
    if not arguments.end > 0:
        problems.append(f"--end {arguments.end:g}: above 0")
    if not Path(arguments.model).is_file():
        found = "a folder, not a file" if Path(arguments.model).is_dir() else "no such file"
        problems.append(f"{arguments.model}: {found}")
    if arguments.out and (not Path(arguments.out).parent.is_dir() or Path(arguments.out).is_dir()):
        problems.append(f"--out {arguments.out}: the file cannot be written; its folder must exist")
    if not arguments.error > 0:
        problems.append(f"--error {arguments.error:g}: above 0")
    if problems:
        raise InputError(problems)
    return _run(arguments, vary) if arguments.what == "run" else _bench(arguments, vary)


def _run(arguments: argparse.Namespace, vary: dict[str, str]) -> int:
    from euthymia.interop.sbml_population import run_population

    n = arguments.patients or 1
    outputs = [w.strip() for w in arguments.outputs.split(",")] if arguments.outputs else None
    found = run_population(
        arguments.model,
        arguments.end,
        arguments.steps,
        vary,
        n,
        arguments.seed,
        outputs=outputs,
        threads=arguments.jobs,
        only=arguments.only,
    )
    if arguments.out:
        _write(found, Path(arguments.out), arguments.only or 0)
    rows = []
    for j, name in enumerate(found.outputs):
        last = found.values[found.ok, -1, j]
        rows.append({"output": name, "median": _at(last, 50), "p05": _at(last, 5), "p95": _at(last, 95)})
    failed = [m for m in found.messages if m != "ok"]
    if arguments.json:
        data = {
            "patients": n,
            "solver": found.solver,
            "seconds": found.seconds,
            "failed": failed,
            "warnings": list(found.warnings),
            "at_end": rows,
        }
        print(json.dumps(data, indent=1))
    else:
        who = f"{n} patients" if arguments.only is None else f"patient {arguments.only} of {n}"
        print(f"{who} to t = {arguments.end:g} in {found.seconds:.2f} s ({found.solver})")
        print(f"{'at the end':<32}{'median':>14}{'5 %':>14}{'95 %':>14}")
        for r in rows:
            print(f"{r['output']:<32}{r['median']:>14.6g}{r['p05']:>14.6g}{r['p95']:>14.6g}")
        for text in found.warnings:
            print(f"note: {text}")
        if failed:
            print(f"{len(failed)} of {n} patients failed:")
        for text in failed[:10]:
            print(f"  {text.replace('alone: only=', 'alone: --only ')}")
        if len(failed) > 10:
            print(f"  ... and {len(failed) - 10} more (--json lists all)")
    return 1 if len(failed) == len(found.messages) else 0


def _at(values: Any, percent: float) -> float:
    import numpy as np

    return float(np.percentile(values, percent)) if len(values) else float("nan")


def _write(found: Any, path: Path, first: int) -> None:
    import numpy as np
    import polars as pl

    n, k, _ = found.values.shape
    columns = {"patient": np.repeat(np.arange(first, first + n), k), "time": np.tile(found.times, n)}
    columns |= {
        f"{name}_" if name in ("patient", "time") else name: found.values[:, :, j].ravel()
        for j, name in enumerate(found.outputs)
    }
    pl.DataFrame(columns).write_csv(path)
    print(f"wrote {path}")


def _bench(arguments: argparse.Namespace, vary: dict[str, str]) -> int:
    from euthymia.interop.sbml_bench import bench_sbml

    n = arguments.patients or 256
    found = bench_sbml(
        arguments.model,
        arguments.end,
        arguments.steps,
        vary or None,
        n,
        arguments.seed,
        target=arguments.error,
    )
    if arguments.json:
        print(json.dumps([{k: getattr(t, k) for k in t.__slots__} for t in found], indent=1))
        return 0
    for t in found:
        print(
            f"{t.tool:<16} rtol {t.rtol:.1e}  error {t.error:.1e}  {t.patients_per_second:.1f} patients/s per core"
        )
    if len(found) == 2:
        print(f"ratio {found[0].patients_per_second / found[1].patients_per_second:.1f}")
    else:
        print("libRoadRunner is not installed; pip install libroadrunner to compare")
    return 0
