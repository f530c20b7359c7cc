"""`euthymia run trial.yaml`: simulate a protocol, write its run folder and report."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from euthymia.cli.progress import Progress
from euthymia.errors import InputError

NAME = "run"
HELP = "Run a trial from a protocol file; finished parts of an earlier run are used again."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "protocol", metavar="PROTOCOL", help="a protocol file (euthymia new trial writes one)"
    )
    _options(parser)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", default="euthymia-runs", metavar="DIR", help="folder for runs (euthymia-runs)"
    )
    parser.add_argument("--replicates", type=int, metavar="N", help="repeat the trial with N other samples")
    parser.add_argument("--jobs", type=int, metavar="N", help="cores to use (all but one)")
    parser.add_argument("--seed", type=int, metavar="S", help="another seed than the protocol's")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--structures", action="store_true", help="also average the prediction over rival mechanisms"
    )
    parser.add_argument("--no-report", action="store_true", help="write the tables only")


def run(arguments: argparse.Namespace) -> int:
    from euthymia.protocol.protocol import read_protocol

    return execute(read_protocol(arguments.protocol), arguments)


def execute(protocol: Any, arguments: argparse.Namespace) -> int:
    """Run a protocol with the options of the command line and print what came out."""
    from euthymia.trials.simulate import run_trial

    problems = [
        f"--{name} is {value}; it must be at least {least}"
        for name, least in (("replicates", 1), ("jobs", 1), ("seed", 0))
        for value in [getattr(arguments, name)]
        if value is not None and value < least
    ]
    if problems:
        raise InputError(problems)
    changes = {k: getattr(arguments, k) for k in ("replicates", "seed") if getattr(arguments, k) is not None}
    protocol = dataclasses.replace(protocol, **changes)
    start = time.perf_counter()
    averaged = None
    with Progress(quiet=arguments.json) as progress:
        result = run_trial(protocol, arguments.out, jobs=arguments.jobs, progress=progress)
        if getattr(arguments, "structures", False):
            averaged = _over_structures(protocol, result.folder, arguments.jobs, progress)
    report = None
    seconds = dict(result.seconds)
    if not arguments.no_report:
        from euthymia.report.document import write_report

        begun = time.perf_counter()
        report = write_report(result.folder, result.folder / "report.html")
        seconds["report"] = time.perf_counter() - begun
    rows = arm_rows(protocol, result.folder)
    if arguments.json:
        data = {
            "run": result.run_id,
            "seed": protocol.seed,
            "folder": str(result.folder),
            "report": str(report) if report else None,
            "arms": rows,
            "structures": averaged.to_data() if averaged else None,
            "seconds": {k: round(v, 3) for k, v in seconds.items()},
            "warnings": result.manifest["warnings"],
        }
        print(json.dumps(data, indent=1))
        return 0
    print_rows(protocol, rows)
    if averaged:
        from euthymia.cli.structures import lines

        print("\n".join(lines(averaged)))
    for warning in result.manifest["warnings"]:
        print(f"note: {warning}")
    print(f"seed {protocol.seed}   run {result.run_id}   {time.perf_counter() - start:.1f} s ", end="")
    print("(" + ", ".join(f"{k} {v:.1f}" for k, v in seconds.items()) + ")")
    print(f"Report: {report}" if report else f"Tables: {result.folder}")
    return 0


def _over_structures(protocol: Any, folder: Path, jobs: int | None, progress: Any) -> Any:
    """Average over structures and leave the result in the run folder, where the report finds it."""
    from euthymia.analysis.structures import predict_over_structures
    from euthymia.trials.folder import write_json

    found = predict_over_structures(protocol, threads=jobs, progress=progress)
    write_json(folder / "structures.json", found.to_data())
    return found


def arm_rows(protocol: Any, folder: Path) -> list[dict[str, Any]]:
    """One row per arm: n and its endpoints with 95 % intervals; published values beside them where there are any."""
    import polars as pl

    table = pl.read_parquet(folder / "endpoints.parquet")
    published_file = folder / "published.parquet"
    published = pl.read_parquet(published_file).to_dicts() if published_file.is_file() else []
    rows = []
    for arm in protocol.arms:
        row: dict[str, Any] = {"arm": arm.name, "n": arm.n}
        mine = table.filter(pl.col("arm") == arm.name)
        for (name,), part in mine.group_by("endpoint", maintain_order=True):
            if part.height == 1:
                estimate, low, high = part.select("estimate", "low", "high").row(0)
            else:
                x = part["estimate"]
                estimate, low, high = x.median(), x.quantile(0.025), x.quantile(0.975)
            row[str(name)] = {"estimate": estimate, "low": low, "high": high}
        row["published"] = [p for p in published if p["matched_arm"] == arm.name]
        rows.append(row)
    return rows


def print_rows(protocol: Any, rows: list[dict[str, Any]]) -> None:
    """The short table of a run."""
    scale = protocol.setting.scale
    change = f"change_{scale}"
    last = protocol.visit_list[-1]
    print(f"{protocol.title}\n")
    width = max(len(r["arm"]) for r in rows) + 2
    title = f"{scale.upper()} change, {last}"
    head = f"{'arm':<{width}}{'n':>5}  {title:<26}{'response':>10}{'remission':>11}{'dropout':>9}"
    print(head)
    for row in rows:
        c = row.get(change)
        text = (
            f"{c['estimate']:.1f} ({c['low']:.1f} to {c['high']:.1f})" if c and c["low"] is not None else ""
        )
        cells = [
            f"{100 * row[k]['estimate']:.0f} %" if k in row else ""
            for k in ("response", "remission", "dropout")
        ]
        print(f"{row['arm']:<{width}}{row['n']:>5}  {text:<26}{cells[0]:>10}{cells[1]:>11}{cells[2]:>9}")
        d = row.get(f"difference_{scale}")
        for trial in dict.fromkeys(p["trial"] for p in row["published"]):
            mine = {p["outcome"]: p for p in row["published"] if p["trial"] == trial}
            value = mine.get(change)
            said = f"{value['value']:.1f}" if value else ""
            cells = [_percent(mine.get(k)) for k in ("response", "remission", "dropout")]
            print(f"{'  published':<{width}}{'':>5}  {said:<26}{cells[0]:>10}{cells[1]:>11}{cells[2]:>9}")
        if d and d["low"] is not None:
            print(
                f"{'  against control':<{width}}{'':>5}  {d['estimate']:.1f} ({d['low']:.1f} to {d['high']:.1f})"
            )
            for p in row["published"]:
                if p["outcome"] == f"difference_{scale}":
                    print(f"{'  published':<{width}}{'':>5}  {p['value']:.1f}")
    trials = {p["trial"]: p["cite"] for r in rows for p in r["published"]}
    if trials:
        from euthymia.evidence.bibliography import as_text, entries_for

        print()
        for entry in entries_for(trials.values()):
            print(f"published: {as_text(entry)}")
    print()


def _percent(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return f"{row['value'] if '%' in row['unit'] else 100 * row['value']:.0f} %"
