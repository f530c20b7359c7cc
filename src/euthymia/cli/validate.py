"""`euthymia validate PATH...`: predictions against published trials, with the scoreboard."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem, StoreError

NAME = "validate"
HELP = "Predict published trials and score the predictions beside naive baselines and the noise floor."
FURTHER = (
    ("response", "response rates", " %", "best constant", "mae_constant"),
    ("time_course", "differences at other times", "", "the primary difference at all times", "mae_flat"),
)
SHOWN = ("mae", "median_ae", "rmse", "r", "sign", "coverage_90", "mae_precise", "auc", "brier")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="trial files, folders or tables (.csv)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--html", metavar="REPORT", help="write a report to this file")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="processes that simulate trials in the network"
    )
    parser.add_argument(
        "--patients", default=None, metavar="N|own",
        help="virtual patients of each of the 200 models (3); own: as many as each trial had, 40 minutes with two jobs for 100 trials",
    )  # fmt: skip
    parser.add_argument(
        "--work", metavar="FOLDER", default="euthymia-runs/validate",
        help="where simulated trials are kept, so that an interrupted run goes on",
    )  # fmt: skip
    parser.add_argument(
        "--no-network", action="store_true", help="statistical terms alone; no trial is simulated (seconds)"
    )
    parser.add_argument(
        "--leave-out",
        choices=("trial", "class", "drug"),
        help="validate inside the calibration trials, leaving one of these out at a time",
    )


def run(arguments: argparse.Namespace) -> int:
    from euthymia.trials.ensemble import is_stale
    from euthymia.trials.explain import explain_worst
    from euthymia.trials.foreseeing import foresight_of
    from euthymia.trials.foresight import NOTHING_SEEN, PATIENTS, read_foresight
    from euthymia.trials.further import further
    from euthymia.trials.published import calibration_trials, read_trials
    from euthymia.trials.validate import contrasts_of, leave_out, validate

    if arguments.jobs < 1:
        raise InputError([f"--jobs {arguments.jobs}: at least 1"])
    if bool(arguments.paths) == bool(arguments.leave_out):
        raise InputError(["give trial files to score, or --leave-out trial|class|drug; one of the two"])
    patients = _patients(arguments.patients, PATIENTS)
    if arguments.patients is not None and (arguments.no_network or arguments.leave_out):
        raise InputError(["--patients: nothing is simulated with --no-network or --leave-out"])
    learn = calibration_trials()
    problems: list[Problem] = []
    notes: list[Problem] = []
    if arguments.leave_out:
        stored = NOTHING_SEEN if arguments.no_network else read_foresight()
        found = leave_out(contrasts_of(learn), arguments.leave_out, foresight=stored)
    else:
        trials, problems = read_trials(arguments.paths)
        if not trials:
            raise InputError(problems or ["no trial file in the given paths"])
        notes = [note for t in trials for note in t.notes]
        foresight = NOTHING_SEEN
        if not arguments.no_network:
            work = _work(arguments.work, must=patients != PATIENTS)
            asked = foresight_of(trials, arguments.jobs, _progress, patients, work)
            foresight = read_foresight().with_more(asked)
        found = validate(trials, learn, foresight)
        notes += [
            Problem(f"has year, treatments and numbers of '{other}' in the library, which is left out", name)
            for name, other in found["twins"].items()
        ]
        if foresight.seen:
            explain_worst(found, trials, foresight)
        found |= further(trials, learn, found)
    found["problems"] = [str(p) for p in problems]
    if not arguments.no_network and is_stale():
        notes.append(
            Problem("the stored ensemble was made with another library; 'euthymia calibrate' renews it")
        )
    found["notes"] = [str(p) for p in notes]
    if arguments.html:
        _write(Path(arguments.html), found)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(text(found))
    for p in notes:
        print(f"note: {p}", file=sys.stderr)
    for p in problems:  # last, where they are seen
        print(f"left out: {p}", file=sys.stderr)
    return 2 if problems else 0


def _patients(text: str | None, usual: int) -> int | None:
    """Patients of each model; None for each trial's own number."""
    if text is None:
        return usual
    if text == "own":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise InputError([f"--patients {text}: a whole number from 1 on, or own"])
    return int(text)


def _work(folder: str, must: bool) -> Path | None:
    """Where to keep chunks; nowhere where the folder cannot be written and little would be lost."""
    from euthymia.trials.folder import make_folder

    try:
        return make_folder(Path(folder))
    except StoreError:
        if must:
            raise
        return None


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= total else ""
        print(f"\rsimulated {done} of {total} parts", end=end, file=sys.stderr, flush=True)


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


def table(found: dict[str, Any]) -> list[list[str]]:
    """Scoreboard rows: the model, then every naive baseline."""
    rows = [["", *SHOWN, "MAE - model's (95 % interval)"]]
    rows.append(["model", *[_cell(found[k]) for k in SHOWN], ""])
    for name, scores in found["naive"].items():
        against = found["against"].get(name)
        gap = (
            f"{-against['difference']:+.2f} ({-against['high']:+.2f}, {-against['low']:+.2f})"
            if against
            else "-"
        )
        rows.append([name, *[_cell(scores[k]) for k in SHOWN], gap])
    return rows


def text(found: dict[str, Any]) -> str:
    """The scoreboard as plain text."""
    rows = table(found)
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True))
        )
        for r in rows
    ]
    head = (
        f"{found['n_contrasts']} contrasts in {found['n_trials']} trials, {found['n_success']} trials with a verdict; "
        f"noise floor of the MAE {_cell(found['noise_floor'])} MADRS points"
    )
    arms = [
        f"change of {role} arms: MAE {s['mae']:.2f}, bias {s['bias']:+.2f}, 90 % coverage {s['coverage_90']:.2f}, "
        f"{s['n']} results "
        f"(best constant {s['mae_constant']:.2f})"
        for role, s in found.get("arms", {}).items()
        if role != "rows"
    ]
    arms += [
        f"{words}: MAE {s['mae']:.1f}{unit}, bias {s['bias']:+.1f}, {s['n']} results in {s['n_trials']} trials "
        f"({naive} {s[key]:.1f})"
        for part, words, unit, naive, key in FURTHER
        for s in [found.get(part) or {}]
        if s.get("n")
    ]
    misses = ["", *arms, "", "worst misses (predicted, observed, what moved the prediction)"]
    by_name = {r["contrast"]: r for r in found["contrasts"]}
    for name in found["worst"]:
        r = by_name[name]
        misses.append(f"  {name}: {r['predicted']:.1f}, {r['observed']:.1f}; {r['why']}")
        if r.get("network"):
            misses.append(f"      {r['network']}")
    return "\n".join([head, "", *lines, *misses])


def _write(path: Path, found: dict[str, Any]) -> None:
    from euthymia.report.scoreboard import page

    try:
        path.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise InputError([Problem(f"cannot be written: {error.strerror}", str(path))]) from None
