"""Steps that show what came out: flow, trends, export, link, report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from euthymia.evidence.review.steps.common import opened, show_result, written


def flow_step(arguments: argparse.Namespace) -> int:
    """Count and draw the PRISMA flow."""
    from euthymia.evidence.review.flow import against_published, boxes, flow, included, svg
    from euthymia.evidence.review.report import group_counts, tags_of

    review = opened(arguments)
    counts = flow(review)
    beside = against_published(
        counts, review.settings.published, group_counts(review, tags_of(review, included(review)))
    )
    lines = [
        f"{'; '.join(main)}" + (f"   | {'; '.join(side)}" if side else "") for _, main, side in boxes(counts)
    ]
    lines += [f"published: {what}: {said} (here {here})" for what, said, here in beside]
    if arguments.out:
        lines.append("wrote " + written(arguments.out, svg(counts, review.settings.title)))
    return show_result(arguments, {**counts.as_dict(), "published": beside}, "\n".join(lines))


def trends_step(arguments: argparse.Namespace) -> int:
    """Count mechanisms per year."""
    from dataclasses import asdict

    from euthymia.evidence.review.flow import included
    from euthymia.evidence.review.report import tags_of
    from euthymia.evidence.review.trends import shares, shares_svg, together
    from euthymia.evidence.review.vocabulary import vocabulary

    review, words = opened(arguments), vocabulary()
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
            + written(arguments.out, shares_svg(rows, {m.id: m.label for m in words.mechanisms.values()}))
        )
    data = {"shares": [asdict(r) for r in rows if r.count], "together": [[a, b, n] for (a, b), n in pairs]}
    return show_result(
        arguments, data, "\n".join(lines) or "no included, tagged papers yet (`--all` takes every record)"
    )


def export_step(arguments: argparse.Namespace) -> int:
    """Write records to a file format."""
    from euthymia.evidence.review.dedupe import resolve
    from euthymia.evidence.review.flow import included
    from euthymia.evidence.review.formats import WRITERS
    from euthymia.evidence.review.screening import states

    review = opened(arguments)
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
        print(f"wrote {len(names)} records to {written(arguments.out, text)}", file=sys.stderr)
    else:
        print(text, end="")
    return 0


def link_step(arguments: argparse.Namespace) -> int:
    """Tie papers to the library."""
    from dataclasses import asdict

    from euthymia.evidence.review.report import links_of
    from euthymia.evidence.review.todo import as_csv, as_text

    review = opened(arguments)
    links, tasks, problems = links_of(review)
    for problem in problems:
        print(f"not read: {problem}", file=sys.stderr)
    lines = [
        f"{links.places} places carry evidence, {links.cited_places} cite a paper",
        f"included papers that support something: {len(links.supports)}",
        *(f"  {r}: {', '.join(p[:3])}" for r, p in links.supports.items()),
        as_text(tasks),
    ]
    if arguments.out:
        lines.append("wrote " + written(arguments.out, as_csv(tasks)))
    data = {**links.as_dict(), "todo": [asdict(task) for task in tasks], "not read": problems}
    return show_result(arguments, data, "\n".join(lines))


def report_step(arguments: argparse.Namespace) -> int:
    """Write the HTML report."""
    from euthymia.evidence.review.report import page

    path = written(arguments.out or Path("review.html"), page(opened(arguments)))
    return show_result(arguments, {"wrote": path}, f"wrote {path}")
