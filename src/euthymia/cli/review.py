"""`euthymia review`: the living literature review, one step a subcommand."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem, StoreError
from euthymia.evidence.review.folder import Review, find_folder, new_review, now, open_review

NAME = "review"
HELP = "Search, de-duplicate, screen and tag the literature, and tie papers to the model."


def _show(arguments: argparse.Namespace, data: dict[str, Any], text: str) -> int:
    print(json.dumps(data, indent=1, ensure_ascii=False) if arguments.json else text)
    return 0


def _open(arguments: argparse.Namespace) -> Review:
    review = open_review(arguments.folder)
    for warning in review.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return review


def _write(path: Path, text: str) -> str:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    return str(path)


def _new(arguments: argparse.Namespace) -> int:
    review = new_review(Path(arguments.folder), arguments.template)
    return _show(
        arguments, {"folder": str(review.path)}, f"made {review.path}; now edit {review.path / 'review.yaml'}"
    )


def _search(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.search import search

    review = _open(arguments)
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
    return _show(
        arguments, {"runs": runs}, "\n".join(f"{r['run']}: {r['new']} new, {r['known']} known" for r in runs)
    )


def _import(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.search import import_file

    review, total, all_problems = _open(arguments), [], 0
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
    return _show(
        arguments,
        {"files": total},
        "\n".join([*lines, *([f"{all_problems} problems"] if all_problems else [])]),
    )


def _dedupe(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.dedupe import duplicates, resolve

    review = _open(arguments)
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
    merged, ask = resolve(review.rows("duplicates")), _asked(review)
    lines = [
        f"{len(rows)} new pairs; {len(merged)} of {len(records)} records are duplicates; {len(ask)} pairs to ask a person"
    ]
    lines += [
        f"  ? {a}  {records[a].title[:70]}\n    {b}  {records[b].title[:70]}"
        for a, b in ask
        if a in records and b in records
    ]
    return _show(arguments, {"new": len(rows), "merged": merged, "ask": ask}, "\n".join(lines))


def _asked(review: Review) -> list[tuple[str, str]]:
    last: dict[frozenset[str], dict[str, str]] = {}
    for row in review.rows("duplicates"):
        both = frozenset((row["record"], row["same_as"]))
        if not (
            both in last and last[both]["by"].startswith("person:") and not row["by"].startswith("person:")
        ):
            last[both] = row
    return [(row["record"], row["same_as"]) for row in last.values() if row["verdict"] == "ask"]


def _screen(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.screening import SETTLED, agreements
    from euthymia.evidence.review.session import Session

    review = _open(arguments)
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
        return _show(
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
        lines += [
            f"{n}: {found[n, arguments.stage].by}  {session.records[n].title[:60]}"
            for n in conflicts
            if n in session.records
        ]
        return _show(
            arguments,
            {"agreements": both, "conflicts": conflicts},
            "\n".join(lines) or "nothing decided twice",
        )
    if arguments.next or arguments.json:
        batch = session.queue(arguments.next or 10)
        rows = [{"record": r.record, "title": r.title, "year": r.year, "abstract": r.abstract} for r in batch]
        text = "\n".join(f"{r.record}  {r.year or ''}  {r.title}" for r in batch)
        return _show(
            arguments,
            {"next": rows, "stop": str(session.stop()), "conflicts": conflicts},
            text + f"\n{session.stop()}",
        )
    if arguments.browser:
        from euthymia.evidence.review.browser import server

        made_server, address = server(session, arguments.port)
        print(f"open {address}\nCtrl-C ends it; every decision is saved at once", flush=True)
        try:
            made_server.serve_forever()
        except KeyboardInterrupt:
            made_server.server_close()
        return 0
    from euthymia.evidence.review.terminal import screen

    made = screen(session)
    print(f"{made} decisions by {session.reviewer}; {session.stop()}")
    return 0


def _tag(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.dedupe import resolve
    from euthymia.evidence.review.tag import by_person, fresh, fresh_person, held, learn, suggest
    from euthymia.evidence.review.vocabulary import vocabulary

    review, words = _open(arguments), vocabulary()
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
    return _show(arguments, {"new": len(out), "tagged": len(tagged), "counts": counts}, "\n".join(lines))


def _flow(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.flow import against_published, boxes, flow, included, svg
    from euthymia.evidence.review.report import group_counts, tags_of

    review = _open(arguments)
    counts = flow(review)
    beside = against_published(
        counts, review.settings.published, group_counts(review, tags_of(review, included(review)))
    )
    lines = [
        f"{'; '.join(main)}" + (f"   | {'; '.join(side)}" if side else "") for _, main, side in boxes(counts)
    ]
    lines += [f"published: {what}: {said} (here {here})" for what, said, here in beside]
    if arguments.out:
        lines.append("wrote " + _write(arguments.out, svg(counts, review.settings.title)))
    return _show(arguments, {**counts.as_dict(), "published": beside}, "\n".join(lines))


def _trends(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from euthymia.evidence.review.flow import included
    from euthymia.evidence.review.report import tags_of
    from euthymia.evidence.review.trends import shares, shares_svg, together
    from euthymia.evidence.review.vocabulary import vocabulary

    review, words = _open(arguments), vocabulary()
    records = review.records()
    names = list(records) if arguments.all else included(review)
    tags = tags_of(review, names)
    rows = shares([records[n] for n in names], tags, list(words.mechanisms))
    pairs = together(tags).most_common(30)
    lines = [
        f"{r.year}  {r.mechanism:24s} {r.count:4d} of {r.papers:4d}  {r.share:6.1%} ({r.low:.1%}-{r.high:.1%})"
        for r in rows
        if r.count
    ]
    lines += [f"together: {a} + {b}: {n}" for (a, b), n in pairs[:10]]
    if arguments.out:
        lines.append(
            "wrote "
            + _write(arguments.out, shares_svg(rows, {m.id: m.label for m in words.mechanisms.values()}))
        )
    data = {"shares": [asdict(r) for r in rows if r.count], "together": [[a, b, n] for (a, b), n in pairs]}
    return _show(
        arguments, data, "\n".join(lines) or "no included, tagged papers yet (`--all` takes every record)"
    )


def _export(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.dedupe import resolve
    from euthymia.evidence.review.flow import included
    from euthymia.evidence.review.formats import WRITERS
    from euthymia.evidence.review.screening import states

    review = _open(arguments)
    gone, records = resolve(review.rows("duplicates")), review.records(abstracts=not arguments.no_abstracts)
    found = states(review.rows("decisions"), gone)
    labels = {
        n: int(s.verdict == "include")
        for (n, stage), s in found.items()
        if stage == "title" and s.verdict in {"include", "exclude"}
    }
    names = included(review) if arguments.included else [n for n in records if n not in gone]
    text = WRITERS[arguments.format]([records[n] for n in names], labels)
    if arguments.out:
        print(f"wrote {len(names)} records to {_write(arguments.out, text)}", file=sys.stderr)
    else:
        print(text, end="")
    return 0


def _link(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.report import links_of

    review = _open(arguments)
    links, problems = links_of(review)
    for problem in problems:
        print(f"not read: {problem}", file=sys.stderr)
    records = review.records(abstracts=False)
    lines = [
        f"{links.places} places carry evidence, {links.cited_places} cite a paper",
        f"papers that support something: {len(links.supports)}",
        *(f"  {r}: {', '.join(p[:3])}" for r, p in links.supports.items()),
        f"included papers that support nothing: {len(links.papers_for_nothing)}",
        f"places whose newest source is older than ten years: {len(links.old)}",
        *(f"  {year}  {place}" for place, year in links.old[:20]),
        f"claims without a paper: {len(links.claims_without_paper)}: {', '.join(links.claims_without_paper[:40])}",
        f"new papers on mechanisms with grade C or D: {len(links.to_read)}",
        *(
            f"  {records[r].year} {m}: {records[r].title[:70]} ({len(p)} places)"
            for r, m, p in links.to_read[:20]
        ),
        *(f"RETRACTED {r}: {', '.join(p) or 'cited nowhere'}" for r, p in links.retracted),
    ]
    return _show(arguments, {**links.as_dict(), "not read": problems}, "\n".join(lines))


def _stop(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from euthymia.evidence.review.dedupe import resolve
    from euthymia.evidence.review.screening import reading_order
    from euthymia.evidence.review.stop import stop

    review = _open(arguments)
    gone = resolve(review.rows("duplicates"))
    names = [n for n in review.records(abstracts=False) if n not in gone]
    order = [v for n, v in reading_order(review.rows("decisions"), gone) if n in set(names)]
    state = stop(order, len(names), review.settings.target_recall, review.settings.confidence)
    return _show(arguments, asdict(state), str(state))


def _report(arguments: argparse.Namespace) -> int:
    from euthymia.evidence.review.report import page

    path = _write(arguments.out or Path("review.html"), page(_open(arguments)))
    return _show(arguments, {"wrote": path}, f"wrote {path}")


def _repair(arguments: argparse.Namespace) -> int:
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
    return _show(arguments, {"repaired": rows}, text or "nothing to repair")


def _simulate(arguments: argparse.Namespace) -> int:
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
    return _show(arguments, data, "\n".join(f"{k}: {v}" for k, v in data.items()))


Step = tuple[str, Callable[[argparse.Namespace], int]]
STEPS: dict[str, Step] = {
    "new": ("make a review folder from a shipped one", _new),
    "search": ("run the queries, or go on with a cut-off search (asks the network)", _search),
    "import": ("read records from files: RIS, NBIB, BibTeX, CSV, ASReview, CSL-JSON, PubMed XML", _import),
    "dedupe": ("find records that are the same paper, or settle a pair", _dedupe),
    "screen": ("decide records, best first; ranks anew while you read", _screen),
    "tag": ("suggest mechanisms from the vocabulary, or tag by hand", _tag),
    "flow": ("PRISMA 2020 counts and figure", _flow),
    "trends": ("share of mechanisms per year, and what is studied together", _trends),
    "export": ("write records as RIS, BibTeX, CSL-JSON, CSV or for ASReview", _export),
    "link": ("which parameters, edges and claims the papers support, and what is missing", _link),
    "stop": ("what recall is reached, at what confidence", _stop),
    "report": ("one HTML page that works offline", _report),
    "repair": ("set unreadable log lines aside and seal the rest", _repair),
    "simulate": ("replay a finished review: work saved, and where the tool would have stopped", _simulate),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the steps as sub-parsers."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "me"
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    made: dict[str, argparse.ArgumentParser] = {}
    for name, (text, _) in STEPS.items():
        made[name] = steps.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == "simulate":
            made[name].add_argument(
                "file", type=Path, help="CSV with title, abstract and a column of labels 1 and 0"
            )
        else:
            made[name].add_argument("folder", help="review folder, or the name of a shipped review")
        made[name].add_argument("--json", action="store_true", help="print the result as JSON")
    for name in ("dedupe", "screen", "tag"):
        made[name].add_argument("--as", dest="reviewer", default=user, metavar="PERSON", help="who decides")
    made["new"].add_argument(
        "--template", default="mechanisms", help="shipped review to copy the settings of"
    )
    made["search"].add_argument(
        "--source",
        action="append",
        choices=("pubmed", "europepmc", "openalex"),
        help="only this source; may be repeated",
    )
    made["search"].add_argument(
        "--again", action="store_true", help="ask for the whole window, not only for what is new"
    )
    made["import"].add_argument("files", nargs="+", type=Path)
    made["import"].add_argument(
        "--format",
        default="",
        help="ris, nbib, bibtex, csv, asreview, csl, pubmed; else by the file's ending",
    )
    made["import"].add_argument("--source", default="", help="name of the database the file comes from")
    made["import"].add_argument(
        "--labels-by",
        default="",
        metavar="PERSON",
        help="take the file's inclusion labels over as this person's decisions",
    )
    made["dedupe"].add_argument(
        "--pair", nargs=3, metavar=("RECORD", "RECORD", "VERDICT"), help="settle a pair: same or different"
    )
    screen = made["screen"]
    screen.add_argument("--stage", default="title", choices=("title", "full text"))
    screen.add_argument("--next", type=int, default=0, metavar="N", help="only list the next N records")
    screen.add_argument("--record", default="", help="decide this record without the page")
    screen.add_argument("--verdict", default="", help="include, exclude, maybe or withdrawn")
    screen.add_argument("--reason", default="", help="reason of an exclusion, as named in review.yaml")
    screen.add_argument("--note", default="")
    screen.add_argument("--browser", action="store_true", help="the page in a browser on this machine")
    screen.add_argument("--port", type=int, default=0, help="its port; a free one if not given")
    screen.add_argument("--conflicts", action="store_true", help="list conflicts and Cohen's kappa")
    screen.add_argument("--settle", action="store_true", help="the verdict settles a conflict")
    made["tag"].add_argument("--record", default="", help="tag this record by hand")
    made["tag"].add_argument("--add", action="append", default=[], metavar="MECHANISM")
    made["tag"].add_argument("--remove", action="append", default=[], metavar="MECHANISM")
    made["trends"].add_argument("--all", action="store_true", help="every record, not only the included")
    made["export"].add_argument(
        "--format", default="ris", choices=("ris", "bibtex", "csl", "csv", "asreview")
    )
    made["export"].add_argument("--included", action="store_true", help="only included papers")
    made["export"].add_argument("--no-abstracts", action="store_true")
    for name in ("flow", "trends", "export", "report"):
        made[name].add_argument("--out", type=Path, help="write to this file")
    made["simulate"].add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    """Run one step."""
    return STEPS[arguments.step][1](arguments)
