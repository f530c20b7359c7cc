"""The scoreboard of predictions as one HTML page that needs no network.

In: the report of `euthymia validate` (plain data).  Out: the page as text.  Nothing is computed here but positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

STYLE = """
:root{color-scheme:light}body{font:16px/1.5 system-ui,sans-serif;max-width:96rem;margin:0 auto;padding:1.5rem;color:#1c2733}
h1{font-size:1.7rem;margin:.2em 0}h2{font-size:1.25rem;margin:2em 0 .4em}p{max-width:60rem}.note{color:#52606d}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
caption{text-align:left;color:#52606d;padding:.3em 0}th,td{padding:.3em .7em;border-bottom:1px solid #d9e2ec;text-align:right;
vertical-align:top}th{background:#f0f4f8;position:sticky;top:0}td:first-child,th:first-child,.text{text-align:left}
tr.model td{font-weight:600;background:#e6f0fa}td.bad{color:#b3261e}figure{margin:1em 0}li{margin:.2em 0}
td:not(.text){white-space:nowrap}td:first-child,td.text{overflow-wrap:anywhere;white-space:normal}
tr.first td{border-bottom:0;padding-bottom:0}tr.why td{color:#52606d;font-size:.85rem;padding:.1em .7em .5em 1.6em}
svg text{font:12px system-ui,sans-serif;fill:#52606d}
"""
METRICS = {
    "mae": "MAE", "median_ae": "median AE", "rmse": "RMSE", "r": "r", "sign": "sign", "coverage_90": "90 % coverage",
    "mae_precise": "MAE, SE < 2", "auc": "AUC", "brier": "Brier", "n_contrasts": "contrasts", "n_trials": "trials",
}  # fmt: skip
SIZE, MARGIN = 460, 46


def page(found: dict[str, Any]) -> str:
    """The page.

    Parameters
    ----------
    found : dict
        What `euthymia validate --json` prints.
    """
    parts = [
        "<h1>Predictions against published trials</h1>",
        f"<p>{found['n_contrasts']} contrasts with a magnitude in {found['n_trials']} trials, "
        f"{found['n_success']} trials with a verdict. A perfect prediction would have a mean absolute error of "
        f"{_n(found['noise_floor'])} MADRS points from chance in the patients alone. Every trial counts once; negative "
        "differences favour the arm.</p>",
        _scatter(found["contrasts"]),
        "<h2>Scores beside naive predictions</h2>",
        _table(
            ["", *METRICS.values(), "MAE above the model's (95 %)"],
            [
                _scores("model", found, None),
                *(_scores(k, v, found["against"].get(k)) for k, v in found["naive"].items()),
            ],
            mark="model",
        ),
        "<h2>By class</h2>",
        _table(
            ["class", *METRICS.values()],
            [_scores(k or "no class given", v)[:-1] for k, v in found["classes"].items()],
        ),
        *_further(found),
        "<h2>Every contrast</h2>",
        _contrasts(found["contrasts"]),
        *_list("Left out", found.get("problems")),
        *_list("Notes", found.get("notes")),
    ]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    return f"{head}<title>Predictions against published trials</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"


def _n(value: Any, digits: int = 2) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _scores(name: str, scores: dict[str, Any], against: dict[str, Any] | None = None) -> list[str]:
    gap = ""
    if against:
        gap = f"{-against['difference']:+.2f} ({-against['high']:+.2f} to {-against['low']:+.2f})"
    return [name.replace("_", " "), *(_n(scores.get(k)) for k in METRICS), gap]


def _table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    text: Sequence[int] = (),
    mark: str = "",
    caption: str = "",
    below: Sequence[str] = (),
) -> str:
    """A table; `below` is text that each row has in a row of its own under it, as wide as the table."""

    def cell(tag: str, i: int, value: str) -> str:
        return f"<{tag}{' class=text' if i in text else ''}>{escape(value)}</{tag}>"

    top = "".join(cell("th", i, h) for i, h in enumerate(heads))
    lines = []
    for k, r in enumerate(rows):
        told = below[k] if below else ""
        look = " class=model" if mark and r[0] == mark else " class=first" if told else ""
        lines.append(f"<tr{look}>" + "".join(cell("td", i, c) for i, c in enumerate(r)) + "</tr>")
        if told:
            lines.append(f'<tr class=why><td class=text colspan="{len(heads)}">{escape(told)}</td></tr>')
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll" tabindex="0"><table>{told}<thead><tr>{top}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _further(found: dict[str, Any]) -> list[str]:
    rows = [
        [
            f"change of {role} arms, points",
            _n(s["n"]),
            _n(s["mae"]),
            _n(s["bias"]),
            _n(s["mae_constant"]),
            _n(s.get("coverage_90")),
        ]
        for role, s in (found.get("arms") or {}).items()
        if role != "rows"
    ]
    for key, words, naive in (
        ("response", "response rate, per cent", "mae_constant"),
        ("time_course", "difference at other times, points", "mae_flat"),
    ):
        s = found.get(key) or {}
        if s.get("n"):
            rows.append([words, _n(s["n"]), _n(s["mae"]), _n(s["bias"]), _n(s[naive]), _n(None)])
    parts = []
    if rows:
        caption = "Naive is the error of the best constant; for other times, of the primary difference kept."
        parts += ["<h2>Arms, response, time</h2>",
                  _table(["", "results", "MAE", "bias", "naive MAE", "90 % coverage"], rows, caption=caption)]  # fmt: skip
    if found.get("grades"):
        lines = [
            [
                g,
                _n(s["n_contrasts"]),
                _n(s["mae"]),
                _n(s["bias"]),
                _n(s["mae_constant"]),
                _n(s["coverage_90"]),
            ]
            for g, s in found["grades"].items()
        ]
        caption = "A: read in the source. C: remembered, or the file does not say."
        parts += ["<h2>By grade of the trial's numbers</h2>",
                  _table(["grade", "contrasts", "MAE", "bias", "naive MAE", "90 % coverage"], lines, caption=caption)]  # fmt: skip
    return parts


def _contrasts(rows: Sequence[dict[str, Any]]) -> str:
    heads = [
        "contrast",
        "class",
        "n",
        "day",
        "observed",
        "SE",
        "predicted",
        "90 % interval",
        "success",
        "chance",
    ]
    lines = [
        [r["contrast"], r["class"], f"{r['n']} + {r['n_control']}", f"{r['day']:g}", _n(r["observed"], 1), _n(r["se"], 1),
         _n(r["predicted"], 1), f"{r['low_90']:.1f} to {r['high_90']:.1f}", _n(r["success"]), _n(r["p_success"])]
        for r in rows
    ]  # fmt: skip
    moved = ["; ".join(str(r[k]) for k in ("why", "network") if r.get(k)) for r in rows]
    return _table(
        heads, lines, text=(1,), caption="Below each contrast: what moved its prediction.", below=moved
    )


def _list(title: str, lines: Sequence[str] | None) -> list[str]:
    if not lines:
        return []
    return [f"<h2>{title}</h2><ul>", *(f"<li>{escape(str(t))}</li>" for t in lines), "</ul>"]


def _scatter(rows: Sequence[dict[str, Any]]) -> str:
    """Observed against predicted as an inline SVG; bars are one standard error and the 90 % interval."""
    seen = [r for r in rows if r["observed"] is not None]
    if not seen:
        return '<p class="note">No contrast has a magnitude to draw.</p>'
    values = [v for r in seen for v in (r["observed"] - r["se"], r["observed"] + r["se"], r["predicted"])]
    low, high = 5 * int(min([*values, 0.0]) // 5), 5 * int(-(-max([*values, 0.0]) // 5))
    step = (SIZE - 2 * MARGIN) / (high - low)

    def x(v: float) -> float:
        return MARGIN + (min(max(v, low), high) - low) * step

    def y(v: float) -> float:
        return SIZE - x(v)

    marks = [
        f'<line x1="{x(low):.1f}" y1="{y(low):.1f}" x2="{x(high):.1f}" y2="{y(high):.1f}" stroke="#9fb3c8"/>'
    ]
    for t in range(low, high + 1, 5):
        marks.append(f'<line x1="{x(t):.1f}" y1="{y(low):.1f}" x2="{x(t):.1f}" y2="{y(high):.1f}" stroke="#e4e7eb"/>'
                     f'<line x1="{x(low):.1f}" y1="{y(t):.1f}" x2="{x(high):.1f}" y2="{y(t):.1f}" stroke="#e4e7eb"/>'
                     f'<text x="{x(t):.1f}" y="{y(low) + 16:.1f}" text-anchor="middle">{t}</text>'
                     f'<text x="{x(low) - 8:.1f}" y="{y(t) + 4:.1f}" text-anchor="end">{t}</text>')  # fmt: skip
    for r in seen:
        a, b, o = x(r["predicted"]), r["observed"], r["se"]
        title = escape(f"{r['contrast']}: observed {b:.1f}, predicted {r['predicted']:.1f}")
        marks.append(f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{y(b - o):.1f}" y2="{y(b + o):.1f}" stroke="#829ab1"/>'
                     f'<line x1="{x(r["low_90"]):.1f}" x2="{x(r["high_90"]):.1f}" y1="{y(b):.1f}" y2="{y(b):.1f}" stroke="#d9e2ec"/>'
                     f'<circle cx="{a:.1f}" cy="{y(b):.1f}" r="4.5" fill="#0967d2"><title>{title}</title></circle>')  # fmt: skip
    words = "Observed (up) against predicted (right) difference from control, MADRS points; the line is identity. "
    return (
        f'<figure><svg viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}" role="img" aria-label="{words}">'
        f'{"".join(marks)}<text x="{SIZE / 2}" y="{SIZE - 6}" text-anchor="middle">predicted</text>'
        f'<text x="14" y="{SIZE / 2}" text-anchor="middle" transform="rotate(-90 14 {SIZE / 2})">observed</text></svg>'
        f'<figcaption class="note">{words}Upright bars: one standard error of the trial; level bars: 90 % interval.</figcaption></figure>'
    )
