"""Steps in which people and rankings decide: screen, tag, stop, simulate."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from euthymia.errors import InputError, Problem
from euthymia.evidence.review.folder import now
from euthymia.evidence.review.steps.common import opened, show_result

if TYPE_CHECKING:
    from euthymia.evidence.review.session import Session


def screen_step(arguments: argparse.Namespace) -> int:
    """Decide records."""
    from euthymia.evidence.review.screening import SETTLED, agreements
    from euthymia.evidence.review.session import Session

    review = opened(arguments, writes=True)
    who = SETTLED if arguments.settle else arguments.reviewer
    if review.settings.reviewers and who not in (*review.settings.reviewers, SETTLED):
        names = ", ".join(review.settings.reviewers)
        raise InputError(
            [Problem(f"{who!r} is not among the reviewers of review.yaml: {names}; name one with --as")]
        )
    session = Session(review, who, arguments.stage)
    if arguments.record:
        if arguments.record not in session.records:
            raise InputError(
                [
                    Problem(
                        f"no record {arguments.record!r} (a duplicate is decided under the record it stands for)"
                    )
                ]
            )
        session.decide(arguments.record, arguments.verdict or "", arguments.reason, arguments.note)
        return show_result(
            arguments,
            {"record": arguments.record, "verdict": arguments.verdict},
            f"{arguments.record}: {arguments.verdict}",
        )
    found = session.states
    conflicts = [
        name for (name, stage), state in found.items() if stage == arguments.stage and state.conflict
    ]
    if arguments.conflicts:
        both = [
            {"pair": [a.first, a.second], "both": a.both, "equal": a.observed, "kappa": a.kappa}
            for a in agreements(found, arguments.stage)
        ]
        lines = [
            f"{a.first}, {a.second}: {a.both} both decided, {a.observed:.0%} equal, kappa {a.kappa:.2f}"
            for a in agreements(found, arguments.stage)
        ]
        for n in (name for name in conflicts if name in session.records):
            said = "; ".join(f"{who} {verdict}" for who, verdict in found[n, arguments.stage].by.items())
            lines.append(f"{n}  {session.records[n].title[:70]}\n    {said}")
        if conflicts:
            lines.append("to settle one: --settle --record RECORD --verdict include or exclude")
        return show_result(
            arguments,
            {"agreements": both, "conflicts": conflicts},
            "\n".join(lines) or "nothing decided twice",
        )
    if arguments.next or arguments.json:
        batch = session.queue(arguments.next or 10)
        rows = [{"record": r.record, "title": r.title, "year": r.year, "abstract": r.abstract} for r in batch]
        text = "\n".join(f"{r.record}  {r.year or ''}  {r.title}" for r in batch)
        return show_result(
            arguments,
            {"next": rows, "stop": str(session.stop()), "conflicts": conflicts},
            text + f"\n{session.stop()}",
        )
    if arguments.browser:
        from euthymia.evidence.review.browser import server

        _ranked(session)
        made_server, address = server(session, arguments.port)
        print(f"open {address}\nCtrl-C ends it; every decision is saved at once", flush=True)
        try:
            made_server.serve_forever()
        except KeyboardInterrupt:
            made_server.server_close()
        return 0
    from euthymia.evidence.review.terminal import screen

    _ranked(session)
    made = screen(session)
    print(f"{made} decisions by {session.reviewer}; {session.stop()}")
    return 0


def _ranked(session: Session) -> None:
    """Rank for the first time, and say so: with many records this takes a while."""
    print(f"ranking {len(session.records)} records ...", file=sys.stderr, flush=True)
    session.queue()


def tag_step(arguments: argparse.Namespace) -> int:
    """Tag mechanisms."""
    from euthymia.evidence.review.dedupe import resolve
    from euthymia.evidence.review.tag import by_person, fresh, fresh_person, held, learn, suggest
    from euthymia.evidence.review.vocabulary import vocabulary

    review, words = opened(arguments, writes=True), vocabulary()
    gone = resolve(review.rows("duplicates"))
    records = [r for n, r in review.records().items() if n not in gone]
    rows = review.rows("tags")
    if arguments.record:
        if arguments.record not in {r.record for r in records}:
            raise InputError([Problem(f"no record {arguments.record!r}")])
        tags = [by_person(arguments.record, m, "yes", arguments.reviewer, words) for m in arguments.add]
        tags += [by_person(arguments.record, m, "no", arguments.reviewer, words) for m in arguments.remove]
        out = fresh_person(tags, words.version, now())
    else:
        out = fresh(suggest(records, words), rows, words.version, now())
        out += fresh(
            [*suggest(records, words), *learn(records, rows)],
            [*rows, *({k: str(v) for k, v in o.items()} for o in out)],
            words.version,
            now(),
        )
    review.append("tags", out)
    holding = [t for t in held(review.rows("tags")).values() if t.verdict == "yes"]
    tagged = {t.record for t in holding}
    counts = {m: sum(t.mechanism == m for t in holding) for m in words.mechanisms}
    lines = [f"{len(out)} new tag rows; {len(tagged)} of {len(records)} records have a tag"]
    lines += [f"  {counts[m]:5d}  {m}" for m in sorted(counts, key=lambda m: -counts[m]) if counts[m]]
    if arguments.record:
        lines += [f"  {t.mechanism} ({t.by}: {t.words})" for t in holding if t.record == arguments.record]
    return show_result(
        arguments, {"new": len(out), "tagged": len(tagged), "counts": counts}, "\n".join(lines)
    )


def stop_step(arguments: argparse.Namespace) -> int:
    """State the recall reached."""
    from dataclasses import asdict

    from euthymia.evidence.review.dedupe import resolve
    from euthymia.evidence.review.screening import reading_order
    from euthymia.evidence.review.stop import stop

    review = opened(arguments)
    gone = resolve(review.rows("duplicates"))
    names = [n for n in review.records(abstracts=False) if n not in gone]
    order = [v for n, v in reading_order(review.rows("decisions"), gone) if n in set(names)]
    state = stop(order, len(names), review.settings.target_recall, review.settings.confidence)
    return show_result(arguments, asdict(state), str(state))


def simulate_step(arguments: argparse.Namespace) -> int:
    """Replay a finished review."""
    import numpy as np

    from euthymia.evidence.review.formats import read_file, table
    from euthymia.evidence.review.rank import Ranker
    from euthymia.evidence.review.simulate import simulate, stopping_point, work_saved

    found, _ = read_file(arguments.file, "csv")
    known = table.labels(arguments.file.read_text("utf-8-sig"))
    records = list({r.record: r for r in found if r.record in known}.values())
    labels = np.array([known[r.record] for r in records])
    if len(labels) < 3 or len(set(labels.tolist())) < 2:
        raise InputError([Problem("needs records labelled 1 and 0", str(arguments.file))])
    run = simulate(Ranker([r.text for r in records]), labels, arguments.seed)
    at = stopping_point(labels[run.order], every=10)
    data = {
        "records": len(labels),
        "relevant": int(labels.sum()),
        "work saved at 95 % recall": round(work_saved(run.order, labels), 4),
        "read at own stop": at,
        "recall at own stop": round(float(labels[run.order][:at].sum() / labels.sum()), 4),
    }
    return show_result(arguments, data, "\n".join(f"{k}: {v}" for k, v in data.items()))
