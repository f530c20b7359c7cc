"""The PRISMA 2020 flow: counts as a pure function of the logs, a table and an SVG figure.

Every count adds up: identified = duplicates + unique; unique = excluded + sought + open; and so on.  `check` states
each sum, and a wrong one is an error, never a picture.

References
----------
page2021prisma : M. J. Page et al. The PRISMA 2020 statement. BMJ 372, n71 (2021). doi:10.1136/bmj.n71
"""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from euthymia.errors import StoreError
from euthymia.evidence.review.dedupe import resolve
from euthymia.evidence.review.folder import Review
from euthymia.evidence.review.screening import states

NOT_RETRIEVED = "access"
HEAD = ' font-weight="600"'


@dataclass(frozen=True, slots=True)
class Flow:
    """Counts of the flow.

    Parameters
    ----------
    sources : dict
        Records found per source; one found in two sources counts in both.
    duplicates : int
        Found more than once: the same id in several sources, or merged by a rule or a person.
    screened, excluded, open : int
        By title: decided, of these excluded, and not yet decided or in conflict.
    sought, not_retrieved, assessed, awaiting, included : int
        Full texts sought, without access, read, not yet decided, and included.
    """

    sources: dict[str, int] = field(default_factory=dict)
    identified: int = 0
    duplicates: int = 0
    unique: int = 0
    screened: int = 0
    excluded: int = 0
    excluded_by: dict[str, int] = field(default_factory=dict)
    open: int = 0
    conflicts: int = 0
    sought: int = 0
    not_retrieved: int = 0
    assessed: int = 0
    full_excluded: int = 0
    full_excluded_by: dict[str, int] = field(default_factory=dict)
    awaiting: int = 0
    included: int = 0
    retracted: int = 0

    def check(self) -> None:
        """Raise StoreError where the counts do not add up."""
        sums = {
            "identified = duplicates + unique": (self.identified, self.duplicates + self.unique),
            "unique = screened + open": (self.unique, self.screened + self.open),
            "screened = excluded + sought": (self.screened, self.excluded + self.sought),
            "sought = not retrieved + assessed + awaiting": (
                self.sought,
                self.not_retrieved + self.assessed + self.awaiting,
            ),
            "assessed = excluded + included": (self.assessed, self.full_excluded + self.included),
        }
        wrong = [f"{name}: {a} is not {b}" for name, (a, b) in sums.items() if a != b]
        if wrong:
            raise StoreError("the flow does not add up: " + "; ".join(wrong))

    def as_dict(self) -> dict[str, Any]:
        """All counts, for JSON."""
        return asdict(self)


def flow(review: Review) -> Flow:
    """Counts of a review as its logs stand."""
    duplicates = resolve(review.rows("duplicates"))
    records = review.records(abstracts=False)
    found = states(review.rows("decisions"), duplicates)
    people = 2 if review.settings.double else 1
    sources: Counter[str] = Counter()
    for record in records.values():
        sources.update([s for s in record.sources.split("; ") if s] or ["unknown"])
    unique = [name for name in records if name not in duplicates]
    out: Counter[str] = Counter()
    full_out: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for name in unique:
        title = found.get((name, "title"))
        if title is None or title.verdict not in {"include", "exclude"} or not title.complete(people):
            counts["open"] += 1
            counts["conflicts"] += bool(title and title.conflict)
            continue
        if title.verdict == "exclude":
            out[title.reason or "no reason given"] += 1
            continue
        counts["sought"] += 1
        text = found.get((name, "full text"))
        if text is None or text.verdict not in {"include", "exclude"} or not text.complete(people):
            counts["awaiting"] += 1
            counts["conflicts"] += bool(text and text.conflict)
        elif text.verdict == "include":
            counts["included"] += 1
            counts["retracted"] += records[name].status == "retracted"
        elif text.reason == NOT_RETRIEVED:
            counts["not_retrieved"] += 1
        else:
            full_out[text.reason or "no reason given"] += 1
    identified, excluded, full = sum(sources.values()), sum(out.values()), sum(full_out.values())
    result = Flow(
        sources=dict(sorted(sources.items())),
        identified=identified,
        duplicates=identified - len(unique),
        unique=len(unique),
        screened=excluded + counts["sought"],
        excluded=excluded,
        excluded_by=dict(sorted(out.items())),
        open=counts["open"],
        conflicts=counts["conflicts"],
        sought=counts["sought"],
        not_retrieved=counts["not_retrieved"],
        assessed=full + counts["included"],
        full_excluded=full,
        full_excluded_by=dict(sorted(full_out.items())),
        awaiting=counts["awaiting"],
        included=counts["included"],
        retracted=counts["retracted"],
    )
    result.check()
    return result


def included(review: Review) -> list[str]:
    """Ids of the papers that count as included: by full text, or by title where full texts are not decided."""
    duplicates = resolve(review.rows("duplicates"))
    found = states(review.rows("decisions"), duplicates)
    result = []
    for name in review.records(abstracts=False):
        title, text = found.get((name, "title")), found.get((name, "full text"))
        verdict = (
            text.verdict
            if text and text.verdict in {"include", "exclude"}
            else (title.verdict if title else "")
        )
        if name not in duplicates and verdict == "include":
            result.append(name)
    return result


def _reasons(by: dict[str, int]) -> list[str]:
    return [f"{name}: {count}" for name, count in by.items()]


def boxes(f: Flow) -> list[tuple[str, list[str], list[str]]]:
    """Rows of the figure: phase, lines of the main box, lines of the box beside it (may be empty)."""
    rest = [f"{f.conflicts} in conflict"] if f.conflicts else []
    return [
        (
            "Identification",
            [f"Records identified: {f.identified}", *_reasons(f.sources)],
            [f"Duplicates removed: {f.duplicates}"],
        ),
        (
            "Screening",
            [
                f"Records screened by title: {f.screened}",
                *([f"not yet decided: {f.open}"] if f.open else []),
                *rest,
            ],
            [f"Records excluded: {f.excluded}", *_reasons(f.excluded_by)],
        ),
        (
            "",
            [
                f"Reports sought: {f.sought}",
            ],
            [f"Reports not retrieved: {f.not_retrieved}"],
        ),
        (
            "",
            [f"Reports assessed: {f.assessed}"],
            [f"Reports excluded: {f.full_excluded}", *_reasons(f.full_excluded_by)],
        ),
        (
            "Included",
            [
                f"Papers included: {f.included}",
                *([f"by title only, full text to be decided: {f.awaiting}"] if f.awaiting else []),
                *([f"of these retracted: {f.retracted}"] if f.retracted else []),
            ],
            [],
        ),
    ]


def _box(x: float, y: float, width: float, height: float, lines: list[str]) -> str:
    rows = "".join(
        f'<text x="{x + (26 if i else 12)}" y="{y + 22 + 17 * i}"{"" if i else HEAD}>{html.escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" class="box"/>{rows}'


def svg(f: Flow, title: str) -> str:
    """PRISMA 2020 flow figure as SVG text."""
    parts: list[str] = []
    y, gap = 56.0, 30.0
    for phase, main, beside in boxes(f):
        height = 18.0 + 17 * max(len(main), len(beside), 1)
        if parts:
            parts.append(f'<path d="M 270 {y - gap} V {y - 3}" class="line" marker-end="url(#tip)"/>')
        parts.append(_box(130, y, 280, height, main))
        if beside:
            parts.append(_box(470, y, 280, height, beside))
            parts.append(f'<path d="M 410 {y + height / 2} H 467" class="line" marker-end="url(#tip)"/>')
        if phase:
            parts.append(f'<text x="20" y="{y + 22}" class="phase">{phase}</text>')
        y += height + gap
    style = (
        ".box{fill:#fff;stroke:#334}.line{stroke:#334;fill:none}text{font:13px sans-serif;fill:#111}"
        ".phase{font-weight:700;fill:#2a5}.head{font-size:15px;font-weight:700}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 770 {y:.0f}" role="img" '
        'aria-label="PRISMA 2020 flow diagram">'
        f'<style>{style}</style><defs><marker id="tip" markerWidth="8" markerHeight="8" '
        'refX="6" refY="4" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="#334"/></marker></defs><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="20" y="30" class="head">{html.escape(title[:95])}</text>{"".join(parts)}</svg>\n'
    )


def against_published(
    f: Flow, published: dict[str, Any], groups: dict[str, int]
) -> list[tuple[str, int | None, int]]:
    """Rows (what, published, here) of the review's own totals beside those of the logs."""
    rows: list[tuple[str, int | None, int]] = []
    if "identified" in published:
        rows.append(("records identified", published["identified"], f.identified))
    if "included" in published:
        rows.append(("papers included", published["included"], f.included))
    for group in published.get("groups") or []:
        rows.append((f"papers on {group['label']}", group.get("count"), groups.get(group["label"], 0)))
    return rows
