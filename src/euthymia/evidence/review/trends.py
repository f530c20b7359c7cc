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
COLOURS = (
    "#2a6f97",
    "#c1440e",
    "#468432",
    "#7b2d8b",
    "#b8860b",
    "#0f766e",
    "#9d174d",
    "#4b5563",
    "#1d4ed8",
    "#65a30d",
)


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


def shares_svg(rows: Sequence[Share], labels: Mapping[str, str], most: int = 6) -> str:
    """Lines of the most frequent mechanisms over the years, with interval bands."""
    total = Counter[str]()
    for row in rows:
        total[row.mechanism] += row.count
    chosen = [name for name, count in total.most_common(most) if count]
    years = sorted({row.year for row in rows})
    if not chosen:
        return _empty("no tagged papers with a year yet")
    top = max(0.1, max(row.high for row in rows if row.mechanism in chosen))
    span = max(1, years[-1] - years[0])

    def x(year: int) -> float:
        return 60 + 560 * (year - years[0]) / span

    def y(share: float) -> float:
        return 340 - 300 * share / top

    parts = []
    for tick in range(5):
        value = top * tick / 4
        parts.append(
            f'<path d="M60 {y(value):.1f} H620" stroke="#e5e7eb"/><text x="8" y="{y(value) + 4:.1f}">{value:.0%}</text>'
        )
    for year in years[:: max(1, len(years) // 8)]:
        parts.append(f'<text x="{x(year) - 14:.1f}" y="362">{year}</text>')
    for at, name in enumerate(chosen):
        line, colour = [row for row in rows if row.mechanism == name], COLOURS[at % len(COLOURS)]
        up = " ".join(f"{x(r.year):.1f},{y(r.high):.1f}" for r in line)
        down = " ".join(f"{x(r.year):.1f},{y(r.low):.1f}" for r in reversed(line))
        points = " ".join(f"{x(r.year):.1f},{y(r.share):.1f}" for r in line)
        parts.append(f'<polygon points="{up} {down}" fill="{colour}" opacity="0.10"/>')
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(r.year):.1f}" cy="{y(r.share):.1f}" r="3" fill="{colour}"><title>'
            f"{html.escape(labels.get(name, name))} {r.year}: {r.count} of {r.papers} ({r.low:.0%}-{r.high:.0%})"
            "</title></circle>"
            for r in line
        ]
        parts.append(
            f'<text x="640" y="{50 + 20 * at}" fill="{colour}">{html.escape(labels.get(name, name))}</text>'
        )
    return _svg(880, 380, "".join(parts), "share of papers per mechanism and year, 95 % intervals")


def together_svg(counts: Mapping[tuple[str, str], int], labels: Mapping[str, str], most: int = 14) -> str:
    """A grid of how often row and column are named in the same paper."""
    if not counts:
        return _empty("nothing is named together yet")
    left, right = Counter[str](), Counter[str]()
    for (a, b), count in counts.items():
        left[a] += count
        right[b] += count
    rows, columns = [n for n, _ in left.most_common(most)], [n for n, _ in right.most_common(most)]
    top, cell, parts = max(counts.values()), 34, []
    for i, a in enumerate(rows):
        parts.append(
            f'<text x="222" y="{162 + cell * i}" text-anchor="end">{html.escape(labels.get(a, a)[:32])}</text>'
        )
        for j, b in enumerate(columns):
            count = counts.get((a, b), 0)
            if count:
                x, y = 230 + cell * j, 142 + cell * i
                parts.append(
                    f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" fill="#2a6f97" '
                    f'opacity="{0.12 + 0.8 * count / top:.2f}"/>'
                    f'<text x="{x + 16}" y="{y + 20}" text-anchor="middle">'
                    f"{count}</text>"
                )
    for j, b in enumerate(columns):
        at = 250 + cell * j
        parts.append(
            f'<text transform="translate({at},134) rotate(-50)">{html.escape(labels.get(b, b)[:24])}</text>'
        )
    return _svg(
        330 + cell * len(columns), 170 + cell * len(rows), "".join(parts), "named together in one paper"
    )


def _svg(width: float, height: float, body: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        "<style>text{font:12px sans-serif}</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="8" y="18" font-weight="700">{title}</text>{body}</svg>\n'
    )


def _empty(why: str) -> str:
    return _svg(420, 60, f'<text x="8" y="44">{html.escape(why)}</text>', "nothing to draw")
