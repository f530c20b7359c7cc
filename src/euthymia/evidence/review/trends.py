"""What the literature is about: share of each mechanism per year with intervals, and what is studied together.

In: included records and their tags.  Out: tables and SVG figures.  An interval is Wilson's at 95 %.

References
----------
wilson1927probable : E. B. Wilson. Probable inference, the law of succession, and statistical inference. Journal of the
    American Statistical Association 22, 209-212 (1927). doi:10.1080/01621459.1927.10502953
"""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from euthymia.evidence.review.records import Record

Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """Share of one mechanism among the papers of one year, with its 95 % interval."""

    mechanism: str
    year: int
    count: int
    papers: int
    share: float
    low: float
    high: float


def wilson(count: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    >>> [round(v, 4) for v in wilson(10, 20)]
    [0.2993, 0.7007]
    """
    if not of:
        return 0.0, 1.0
    p, w = count / of, Z * Z / of
    middle = (p + w / 2) / (1 + w)
    half = Z * math.sqrt(p * (1 - p) / of + w / (4 * of)) / (1 + w)
    return max(0.0, middle - half), min(1.0, middle + half)


def shares(records: Sequence[Record], tags: Mapping[str, set[str]], mechanisms: Sequence[str]) -> list[Share]:
    """Share of each mechanism in each year that has papers; papers without a year are left out."""
    papers = Counter(r.year for r in records if r.year)
    counts = Counter((m, r.year) for r in records if r.year for m in tags.get(r.record, ()))
    return [
        Share(m, year, counts[m, year], n, counts[m, year] / n, *wilson(counts[m, year], n))
        for m in mechanisms
        for year, n in sorted(papers.items())
    ]


def together(
    tags: Mapping[str, set[str]], other: Mapping[str, set[str]] | None = None
) -> Counter[tuple[str, str]]:
    """How many papers name two mechanisms, or a mechanism and a compound, together."""
    found: Counter[tuple[str, str]] = Counter()
    for record, names in tags.items():
        if other is None:
            found.update(combinations(sorted(names), 2))
        else:
            found.update((a, b) for a in names for b in other.get(record, ()))
    return found


def periods(rows: Sequence[Share], most: int = 15) -> list[tuple[str, list[Share]]]:
    """Rows by period: years as they are, or spans of equal length where there are more than `most` years.

    Counts of the years in a span are added up and its interval computed from the sum.
    """
    years = sorted({row.year for row in rows})
    if not years:
        return []
    length = -(-(years[-1] - years[0] + 1) // most)
    found: dict[tuple[int, str], list[Share]] = {}
    for row in rows:
        found.setdefault(((row.year - years[-1]) // length, row.mechanism), []).append(row)
    result: dict[int, list[Share]] = {}
    for (at, mechanism), some in sorted(found.items(), key=lambda item: item[0][0]):
        count, papers = sum(r.count for r in some), sum(r.papers for r in some)
        last = years[-1] + at * length
        share = Share(mechanism, last, count, papers, count / papers, *wilson(count, papers))
        result.setdefault(last, []).append(share)
    return [
        (f"{last}" if length == 1 else f"{last - length + 1}-{last % 100:02d}", some)
        for last, some in result.items()
    ]


WIDE, HIGH, COLUMNS = 290.0, 150.0, 3


def shares_svg(rows: Sequence[Share], labels: Mapping[str, str], most: int = 9) -> str:
    """One small panel per mechanism, the most frequent first: share per period, with its 95 % interval as a bar."""
    total = Counter[str]()
    for row in rows:
        total[row.mechanism] += row.count
    chosen = [name for name, count in total.most_common(most) if count]
    if not chosen:
        return _empty("no tagged papers with a year yet")
    spans = periods(rows)
    panels = [
        _panel(
            name,
            labels.get(name, name),
            spans,
            30 + (WIDE + 14) * (at % COLUMNS),
            40 + (HIGH + 30) * (at // COLUMNS),
        )
        for at, name in enumerate(chosen)
    ]
    tall = 40 + (HIGH + 30) * -(-len(chosen) // COLUMNS)
    return _svg(
        30 + (WIDE + 14) * COLUMNS, tall, "".join(panels), "share of papers per mechanism, 95 % intervals"
    )


def _panel(name: str, label: str, spans: Sequence[tuple[str, list[Share]]], left: float, top: float) -> str:
    """One mechanism: its axis, bars of the intervals, points whose area is the number of papers."""
    base, tall, x0 = top + HIGH - 20, HIGH - 44, left + 34
    step = (WIDE - 50) / max(1, len(spans))
    found = [(span, row) for span, some in spans for row in some if row.mechanism == name]
    largest = max(row.papers for _, row in found)
    count = sum(row.count for _, row in found)
    parts = [
        f'<text x="{left:.0f}" y="{top + 12:.0f}" font-weight="600">{html.escape(label)} ({count})</text>'
    ]
    for tick in (0.0, 0.5, 1.0):
        y = base - tall * tick
        parts.append(
            f'<path d="M{x0:.0f} {y:.1f} H{left + WIDE - 10:.0f}" stroke="#e3e6ea"/>'
            f'<text x="{x0 - 4:.0f}" y="{y + 4:.1f}" text-anchor="end" class="s">{tick:.0%}</text>'
        )
    every = -(-len(found) * 34 // int(WIDE - 50))
    for at, (span, row) in enumerate(found):
        x, y = x0 + step * (at + 0.5), base - tall * row.share
        parts.append(
            f'<path d="M{x:.1f} {base - tall * row.low:.1f} V{base - tall * row.high:.1f}" stroke="#9bb8cc" '
            f'stroke-width="3"/><circle cx="{x:.1f}" cy="{y:.1f}" r="{1.6 + 3.4 * (row.papers / largest) ** 0.5:.1f}" '
            f'fill="#1f5f86"><title>{html.escape(label)} {span}: {row.count} of {row.papers} papers '
            f"({row.low:.0%}-{row.high:.0%})</title></circle>"
        )
        if (len(found) - 1 - at) % every == 0:
            parts.append(
                f'<text x="{x:.1f}" y="{base + 14:.0f}" text-anchor="middle" class="s">{span}</text>'
            )
    return "".join(parts)


def together_svg(counts: Mapping[tuple[str, str], int], labels: Mapping[str, str], most: int = 14) -> str:
    """A grid of how often row and column are named in the same paper; pairs of mechanisms stand on both sides."""
    if not counts:
        return _empty("nothing is named together yet")
    left, right = Counter[str](), Counter[str]()
    if all(b in labels for _, b in counts):
        counts = {**counts, **{(b, a): count for (a, b), count in counts.items()}}
    for (a, b), count in counts.items():
        left[a] += count
        right[b] += count
    rows, columns = [n for n, _ in left.most_common(most)], [n for n, _ in right.most_common(most)]
    top, cell, parts = max(counts.values()), 34, []
    for i, a in enumerate(rows):
        parts.append(
            f'<text x="222" y="{182 + cell * i}" text-anchor="end">{html.escape(_short(labels.get(a, a)))}</text>'
        )
        for j, b in enumerate(columns):
            count = counts.get((a, b), 0)
            if count:
                x, y = 230 + cell * j, 162 + cell * i
                parts.append(
                    f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" fill="#2a6f97" '
                    f'opacity="{0.12 + 0.8 * count / top:.2f}"/>'
                    f'<text x="{x + 16}" y="{y + 20}" text-anchor="middle">'
                    f"{count}</text>"
                )
    for j, b in enumerate(columns):
        at = 250 + cell * j
        parts.append(
            f'<text transform="translate({at},154) rotate(-50)">{html.escape(_short(labels.get(b, b)))}</text>'
        )
    return _svg(
        330 + cell * len(columns), 190 + cell * len(rows), "".join(parts), "named together in one paper"
    )


def _short(label: str, most: int = 28) -> str:
    return label if len(label) <= most else label[: most - 3].rstrip() + "..."


def _svg(width: float, height: float, body: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        "<style>text{font:12px sans-serif}.s{font-size:10px;fill:#555}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="8" y="18" font-weight="700">{title}</text>{body}</svg>\n'
    )


def _empty(why: str) -> str:
    return _svg(420, 60, f'<text x="8" y="44">{html.escape(why)}</text>', "nothing to draw")
