"""The review as one HTML page that works offline: flow, trends, what goes together, and the modeller's list.

In: an opened review.  Out: HTML text with the figures inside; no script, no font and no picture is fetched.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from euthymia.evidence.review.dedupe import resolve
from euthymia.evidence.review.flow import against_published, flow, included, svg
from euthymia.evidence.review.folder import Review
from euthymia.evidence.review.library import read_library
from euthymia.evidence.review.link import Links, link
from euthymia.evidence.review.records import Record
from euthymia.evidence.review.screening import agreements, reading_order, states
from euthymia.evidence.review.stop import stop
from euthymia.evidence.review.tag import held
from euthymia.evidence.review.todo import KINDS, Todo, todo
from euthymia.evidence.review.trends import shares, shares_svg, together, together_svg
from euthymia.evidence.review.vocabulary import vocabulary

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}
table{border-collapse:collapse;margin:.6rem 0}td,th{border:1px solid #ccd;padding:.25rem .6rem;
text-align:left;vertical-align:top;overflow-wrap:anywhere}
td:first-child{min-width:13rem;max-width:16rem}td{font-size:.92rem}
h2{margin-top:2.2rem}svg{max-width:100%;height:auto}.note{color:#555}"""


def tags_of(review: Review, names: Iterable[str]) -> dict[str, set[str]]:
    """Mechanisms that hold for each record."""
    wanted = set(names)
    result: dict[str, set[str]] = {name: set() for name in wanted}
    for (record, mechanism), tag in held(review.rows("tags")).items():
        if record in wanted and tag.verdict == "yes":
            result[record].add(mechanism)
    return result


def group_counts(review: Review, tags: dict[str, set[str]]) -> dict[str, int]:
    """Included papers per group of the published review (a paper counts where it has any of the group's mechanisms)."""
    groups = review.settings.published.get("groups") or []
    return {
        g["label"]: sum(bool(names & set(g.get("mechanisms") or ())) for names in tags.values())
        for g in groups
    }


def links_of(review: Review) -> tuple[Links, list[Todo], list[str]]:
    """Links of the included papers, what they leave to do, and what of the library could not be read."""
    names, library = included(review), read_library()
    records = review.records()
    chosen = [records[n] for n in names]
    result = link(chosen, tags_of(review, names), library, vocabulary(), others=list(records.values()))
    return result, todo(result, library, records), [str(p) for p in library.problems]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{html.escape(h)}</th>' for h in head)}</tr>{body}</table>"


def _more(count: int, shown: int) -> str:
    return (
        f'<p class="note">... and {count - shown} more (<code>euthymia review link --out todo.csv</code> lists all)</p>'
        if count > shown
        else ""
    )


def page(review: Review, most: int = 60) -> str:
    """The whole report."""
    words, settings = vocabulary(), review.settings
    records, names = review.records(), included(review)
    tags, counts = tags_of(review, names), flow(review)
    chosen: list[Record] = [records[n] for n in names]
    compounds = {r.record: set(words.compounds_in(f"{r.text} {r.keywords}")) for r in chosen}
    labels = {m.id: m.label for m in words.mechanisms.values()}
    decisions, gone = review.rows("decisions"), resolve(review.rows("duplicates"))
    order = [v for n, v in reading_order(decisions, gone) if n in records]
    read = stop(order, counts.unique, settings.target_recall, settings.confidence)
    links, tasks, problems = links_of(review)
    parts = [f"<h1>{html.escape(settings.title)}</h1><p>{html.escape(settings.question)}</p>"]
    parts.append("<h2>Flow</h2>" + svg(counts, settings.title))
    if settings.published:
        rows = against_published(counts, settings.published, group_counts(review, tags))
        parts.append(
            "<p>The published review beside this folder's logs:</p>"
            + _table(("what", "published", "here"), [(a, "" if b is None else b, c) for a, b, c in rows])
        )
    parts.append(f"<h2>Reading</h2><p>{html.escape(str(read))}</p>")
    found = states(decisions, gone)
    agreed = [a for stage in ("title", "full text") for a in agreements(found, stage)]
    if agreed:
        parts.append(
            _table(
                ("people", "both decided", "equal", "Cohen's kappa"),
                [(f"{a.first}, {a.second}", a.both, f"{a.observed:.0%}", f"{a.kappa:.2f}") for a in agreed],
            )
        )
    parts.append(
        "<h2>Mechanisms per year</h2>" + shares_svg(shares(chosen, tags, list(words.mechanisms)), labels)
    )
    parts.append(
        "<h2>Named together</h2>"
        + together_svg(together(tags), labels)
        + together_svg(together(tags, compounds), labels)
    )
    parts.append("<h2>For the modeller</h2>")
    parts.append(
        f"<p>{links.places} places in the library carry evidence, {links.cited_places} of them cite a paper.</p>"
    )
    title = {n: records[n].title for n in names}
    supports = [(title[r], ", ".join(p[:4])) for r, p in links.supports.items()]
    parts.append(f"<h3>Papers that support something ({len(supports)})</h3>")
    parts.append(
        _table(("paper", "places"), supports[:most]) + _more(len(supports), most) if supports else ""
    )
    for kind, head in KINDS.items():
        things = [(t.where, t.what, t.why) for t in tasks if t.kind == kind]
        parts.append(f"<h3>{head} ({len(things)})</h3>")
        if things:
            parts.append(_table(("where", "what", "why"), things[:most]) + _more(len(things), most))
    if problems:
        parts.append("<h3>Not read</h3>" + _table(("problem",), [(p,) for p in problems]))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(settings.title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
