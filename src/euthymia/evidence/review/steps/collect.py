"""Steps that bring records together: new, search, import, dedupe, repair."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from euthymia.errors import InputError, Problem
from euthymia.evidence.review.folder import Review, find_folder, new_review, now
from euthymia.evidence.review.steps.common import opened, show_result


def new_step(arguments: argparse.Namespace) -> int:
    """Make a review folder from a shipped one."""
    review = new_review(Path(arguments.folder), arguments.template)
    return show_result(
        arguments, {"folder": str(review.path)}, f"made {review.path}; now edit {review.path / 'review.yaml'}"
    )


def search_step(arguments: argparse.Namespace) -> int:
    """Run the queries of the review."""
    from euthymia.evidence.review.search import search

    review = opened(arguments, writes=True)
    runs = []
    for source in arguments.source or list(review.settings.queries):
        run = search(review, source, tell=lambda line: print(line, file=sys.stderr), again=arguments.again)
        runs.append(
            {
                "run": run.run,
                "hits": run.hits,
                "new": run.new,
                "known": run.known,
                "problems": list(run.problems),
            }
        )
    return show_result(
        arguments, {"runs": runs}, "\n".join(f"{r['run']}: {r['new']} new, {r['known']} known" for r in runs)
    )


def import_step(arguments: argparse.Namespace) -> int:
    """Read records from files."""
    from euthymia.evidence.review.search import import_file

    review, total, all_problems = opened(arguments, writes=True), [], 0
    for path in arguments.files:
        run, taken = import_file(review, path, arguments.format, arguments.source, arguments.labels_by)
        for problem in run.problems:
            print(problem, file=sys.stderr)
        all_problems += len(run.problems)
        total.append(
            {
                "file": str(path),
                "read": run.hits,
                "new": run.new,
                "known": run.known,
                "decisions": taken,
                "problems": list(run.problems),
            }
        )
    lines = [
        f"{t['file']}: {t['read']} read, {t['new']} new, {t['known']} known, {t['decisions']} decisions"
        for t in total
    ]
    return show_result(
        arguments,
        {"files": total},
        "\n".join([*lines, *([f"{all_problems} problems"] if all_problems else [])]),
    )


def dedupe_step(arguments: argparse.Namespace) -> int:
    """Find duplicates, or settle a pair."""
    from euthymia.evidence.review.dedupe import duplicates, resolve

    review = opened(arguments, writes=True)
    records = review.records()
    if arguments.pair:
        one, other, verdict = arguments.pair
        if verdict not in {"same", "different"} or {one, other} - set(records):
            raise InputError(
                [Problem(f"--pair takes two known records and 'same' or 'different'; got {arguments.pair}")]
            )
        rows = [
            {
                "record": one,
                "same_as": other,
                "verdict": verdict,
                "by": f"person:{arguments.reviewer}",
                "time": now(),
            }
        ]
    else:
        known = {frozenset((r["record"], r["same_as"])) for r in review.rows("duplicates")}
        rows = [
            {
                "record": p.record,
                "same_as": p.same_as,
                "verdict": p.verdict,
                "by": p.by,
                "score": f"{p.score:.3f}",
                "time": now(),
            }
            for p in duplicates(list(records.values()))
            if frozenset((p.record, p.same_as)) not in known
        ]
    review.append("duplicates", rows)
    merged, ask = resolve(review.rows("duplicates")), asked(review)
    lines = [
        f"{len(rows)} new pairs; {len(merged)} of {len(records)} records are duplicates; {len(ask)} pairs to ask a person"
    ]
    lines += [
        f"  ? {a}  {records[a].title[:70]}\n    {b}  {records[b].title[:70]}"
        for a, b in ask
        if a in records and b in records
    ]
    return show_result(arguments, {"new": len(rows), "merged": merged, "ask": ask}, "\n".join(lines))


def asked(review: Review) -> list[tuple[str, str]]:
    """Pairs that wait for a person's word."""
    last: dict[frozenset[str], dict[str, str]] = {}
    for row in review.rows("duplicates"):
        both = frozenset((row["record"], row["same_as"]))
        if not (
            both in last and last[both]["by"].startswith("person:") and not row["by"].startswith("person:")
        ):
            last[both] = row
    return [(row["record"], row["same_as"]) for row in last.values() if row["verdict"] == "ask"]


def repair_step(arguments: argparse.Namespace) -> int:
    """Set unreadable log lines aside."""
    from euthymia.evidence.review.logs import COLUMNS, read_log, repair

    path, rows = find_folder(arguments.folder), []
    for kind in COLUMNS:
        log = read_log(path / f"{kind}.csv", kind)
        for fault in [*log.problems, *log.warnings]:
            print(fault, file=sys.stderr)
        count, aside = repair(path / f"{kind}.csv", kind)
        if log.problems or log.warnings:
            rows.append(
                {"log": kind, "kept": len(log.rows), "set aside": count, "in": str(aside) if count else ""}
            )
    text = "\n".join(
        f"{r['log']}: {r['kept']} rows kept, {r['set aside']} lines set aside {r['in']}" for r in rows
    )
    return show_result(arguments, {"repaired": rows}, text or "nothing to repair")
