"""Published trials with their own numbers of patients in every member: `python -m benchmarks.trials [FOLDER]`.

A hundred trials of the library (all others with `--trials N`) are lived through by the 200 members of the prior ensemble,
each member with as many patients as the larger arm of the trial had, with and without the drug.  Finished chunks (a trial
in 25 members) lie in FOLDER, so an interrupted run goes on.  Prints the time of this run, and how far the predictions lie
from those of 3 patients a member.  With `--members N` a part of the ensemble is measured; the work of a member is the same,
so its time grows with 200/N, but for the equations, which every process compiles once.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np

from euthymia.trials.ensemble import prior_ensemble
from euthymia.trials.foreseeing import foresee
from euthymia.trials.foresight import MEMBERS, PATIENTS, Foresight, bounded
from euthymia.trials.mechanism import own_size
from euthymia.trials.published import PublishedTrial, calibration_trials

GOAL = 60.0  # minutes for a hundred trials on two cores


def cpu() -> float:
    """CPU seconds of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def spread_over(trials: list[PublishedTrial], count: int) -> list[PublishedTrial]:
    """So many trials, evenly over the sizes."""
    ordered = sorted((t for t in trials if t.contrasts()), key=own_size)
    return [ordered[i] for i in np.unique(np.linspace(0, len(ordered) - 1, count).round().astype(int))]


def apart(few: Foresight, own: Foresight) -> dict[str, float]:
    """How far two predictions of the same contrasts lie from each other, MADRS points."""
    keys = [k for k in own.seen if own.known(k) and few.known(k)]
    means = np.array([[bounded(f.seen[k].members).mean() for f in (few, own)] for k in keys])
    spread = np.array([[bounded(f.seen[k].members).std() for f in (few, own)] for k in keys])
    gap = means[:, 0] - means[:, 1]
    return {
        "contrasts": float(len(keys)),
        "mean absolute difference of the means": float(np.abs(gap).mean()),
        "largest": float(np.abs(gap).max()),
        "correlation of the means": float(np.corrcoef(means.T)[0, 1]),
        "spread of members, few": float(spread[:, 0].mean()),
        "spread of members, own": float(spread[:, 1].mean()),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path("euthymia-runs/benchmark"))
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--members", type=int, default=MEMBERS)
    arguments = parser.parse_args()
    trials = spread_over(calibration_trials(), arguments.trials)
    patients = sum(
        own_size(t) * len({c.arm for c in t.contrasts()} | {c.against for c in t.contrasts()}) for t in trials
    )
    print(
        f"{len(trials)} trials, {patients} patients in their arms, {arguments.members} members: {patients * arguments.members} courses"
    )
    begun, first = time.monotonic(), [-1]

    def progress(done: int, total: int) -> None:
        first[0] = done if first[0] < 0 else first[0]
        minutes = (time.monotonic() - begun) / 60
        end = "\n" if done >= total else ""
        print(
            f"\r{done} of {total} chunks, {minutes:.1f} min, CPU {cpu() / 60:.1f} min",
            end=end,
            file=sys.stderr,
            flush=True,
        )

    ensemble = prior_ensemble(MEMBERS).take(range(arguments.members))
    own = foresee(trials, ensemble, None, arguments.jobs, progress, arguments.folder)
    minutes, used = (time.monotonic() - begun) / 60, cpu() / 60
    few = foresee(trials, ensemble, PATIENTS, arguments.jobs, work=arguments.folder)
    for name, value in apart(few, own).items():
        print(f"  {name}: {value:.3g}")
    if first[0]:
        print(f"{first[0]} chunks were there already: {minutes:.1f} min for the rest is no measurement")
        return 1
    print(
        f"{minutes:.1f} min with {arguments.jobs} processes, {used:.1f} min of CPU time (goal {GOAL:.0f} min)"
    )
    return int(minutes * MEMBERS / arguments.members > GOAL)


if __name__ == "__main__":
    raise SystemExit(main())
