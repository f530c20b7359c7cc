"""The drug card as one offline HTML page, and a page that sets several drugs side by side.

In: cards from `euthymia.compounds.card`.  Out: HTML text; its pictures are SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from euthymia.report.drug_charts import bars, lines, ratios, shaded
from euthymia.report.theme import COLOURS, FONT, INK, SOFT

ALIKE = 1.15  # ratio of peaks below which metaboliser types are not told apart
NARROW = 5  # targets that fit into half a page
SHOWN = 0.1  # occupancy below which a target is not drawn
MOST_TARGETS, MOST_CURVES, MOST_RATIOS, MOST_COLUMNS = 11, 5, 12, 7
STYLE = f"""
body{{font:15px/1.5 {FONT};color:{INK};background:#f6f7f9;margin:0}}
main{{max-width:1120px;margin:0 auto;padding:1.6rem 1.2rem 3rem}}
h1{{font-size:1.9rem;margin:.2rem 0 .1rem}} h2{{font-size:1rem;margin:0 0 .5rem}}
.sub{{color:{SOFT};margin:0 0 .6rem}} .chips span{{display:inline-block;background:#fff;border:1px solid #d9dee4;
border-radius:1rem;padding:.1rem .75rem;margin:0 .35rem .4rem 0;font-size:.9rem}} .chips .off{{background:#fdecea;border-color:#f3b8b0}}
.grid{{display:grid;grid-template-columns:repeat(auto-fit,minmax(430px,1fr));gap:1rem;margin:1rem 0}}
.box{{background:#fff;border:1px solid #e1e5ea;border-radius:.6rem;padding:1rem 1.1rem;overflow-x:auto}}
.box p{{margin:.35rem 0 0;color:{SOFT};font-size:.87rem}} svg{{width:100%;height:auto;display:block}}
svg text{{font:12px {FONT};fill:{SOFT}}} svg text.t{{fill:{INK}}}
table{{border-collapse:collapse;width:100%;font-size:.92rem}} td,th{{padding:.22rem .6rem;text-align:left;border-bottom:1px solid #e8ebef}}
td.n{{text-align:right}} .heat td{{text-align:center;border:2px solid #fff;border-radius:5px}} .heat th{{border:0}}
.heat td,.heat th{{padding:.25rem .3rem;font-size:.85rem}}
.heat .none{{color:#b6bec8}} .parts{{display:flex;height:14px;border-radius:7px;overflow:hidden;margin:.5rem 0}}
.wide{{grid-column:1/-1}} .grey{{color:{SOFT};font-size:.87rem}} summary{{cursor:pointer;font-weight:600}} details{{margin-top:1rem}}
"""


def page(cards: Sequence[dict[str, Any]]) -> str:
    """One drug, or several side by side, as a page."""
    titles = ", ".join(c["identity"]["title"] for c in cards)
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(titles)}</title>"
    parts = [head, "<meta name=viewport content='width=device-width'>", f"<style>{STYLE}</style><main>"]
    if len(cards) > 1:
        parts.append(_comparison(cards))
        parts += [
            f"<details><summary>{escape(c['identity']['title'])}: the whole card</summary>{_one(c)}</details>"
            for c in cards
        ]
    else:
        parts.append(_one(cards[0]))
    return "\n".join([*parts, "</main></html>"])


def _box(title: str, body: str, note: str = "", wide: bool = False) -> str:
    kind = "'box wide'" if wide else "box"
    return f"<div class={kind}><h2>{escape(title)}</h2>{body}{f'<p>{escape(note)}</p>' if note else ''}</div>"


def _dose(found: dict[str, Any]) -> str:
    dose = found["usual_daily_dose_mg"]
    return f"{dose['low']:g} to {dose['high']:g} mg" if {"low", "high"} <= set(dose) else "-"


def _half(found: dict[str, Any]) -> float | None:
    if not found["kinetics"]:
        return None
    first = found["kinetics"][0]
    half: float | None = first["half_life_at_usual_dose_h"] or first["half_life_h"]
    return half


def _one(found: dict[str, Any]) -> str:
    who = found["identity"]
    chips = [who["class"], who["status"]]
    if found["usual_daily_dose_mg"]:
        chips.append(f"usual dose {_dose(found)}")
    if _half(found):
        chips.append(f"half-life {_half(found):.3g} h")
    if found["reference_range"]:
        r = found["reference_range"]
        chips.append(f"reference range {r['low']} to {r['high']} ({' + '.join(r['of'])})")
    marks = "".join(f"<span>{escape(c)}</span>" for c in chips)
    if who["state"] == "off":
        marks += "<span class=off>hypothesis: off by default in people</span>"
    parts = [f"<h1>{escape(who['title'])}</h1>"]
    if who["synonyms"]:
        other = {n.lower(): n for n in reversed(who["synonyms"])}
        parts.append(f"<p class=sub>{escape(', '.join(list(other.values())[::-1][:8]))}</p>")
    parts.append(f"<div class=chips>{marks}</div>")
    parts += [f"<p>{escape(text)}</p>" for text in (who["summary"], *who["notes"]) if text]
    boxes = [*_curves(found), *_targets(found), *_exposure(found), _interactions(found), _kinetics(found)]
    boxes.append(_quality(found))
    return "".join([*parts, "<div class=grid>", *(b for b in boxes if b), "</div>"])


def _curves(found: dict[str, Any]) -> list[str]:
    curve = found["dose_occupancy"]
    if not curve:
        return []
    best = [g for g, v in curve["occupancy"].items() if max(v) > SHOWN][:MOST_CURVES]
    dose = found["usual_daily_dose_mg"]
    bands = {g: (curve["interval_80"][g]["low"], curve["interval_80"][g]["high"]) for g in best}
    picture = lines(
        curve["dose_mg"],
        {g: curve["occupancy"][g] for g in best},
        "dose, mg",
        "occupancy",
        percent=True,
        bands={g: bands[g] for g in best[:2]},
        marks=[dose[k] for k in ("low", "high") if k in dose],
    )
    note = f"{curve['schedule']}; the band is the 80 % interval of the potency, dotted lines the usual doses"
    return [_box("Occupancy against dose", picture, note)] if best else []


def _targets(found: dict[str, Any]) -> list[str]:
    curve = found["dose_occupancy"]
    if not curve:
        return []
    usual = int(
        np.argmin(np.abs(np.asarray(curve["dose_mg"]) - found["usual_daily_dose_mg"].get("high", 0.0)))
    )
    first: dict[str, dict[str, Any]] = {}
    for row in found["targets"]:
        first.setdefault(row["gene"], row)
    rows: list[tuple[str, str, float, float, float, bool]] = []
    for gene, share in sorted(curve["all"].items(), key=lambda item: -item[1])[:MOST_TARGETS]:
        if share < SHOWN / 2 and len(rows) > 3:
            break
        interval = curve["interval_80"][gene]
        low, high = float(interval["low"][usual]), float(interval["high"][usual])
        solid = any(r["gene"] == gene and r["basis"] == "in vivo" for r in found["targets"])
        rows.append((gene, first[gene]["action"], share, low, high, solid))
    note = "dark: potency seen in living people; pale: from binding data, free drug in plasma and brain taken as equal"
    return [_box("What it occupies at the upper usual dose", bars(rows), note)] if rows else []


def _exposure(found: dict[str, Any]) -> list[str]:
    course = found["course_at_low_dose"]
    if not course:
        return []
    times = np.asarray(course["time_h"])
    single = times[-1] <= 24.001
    unit = "h" if single else "days"
    scale = 1.0 if single else 24.0
    shade = None
    r = found["reference_range"]
    if r and len(r["of"]) == 1 and "ng/mL" in str(r["low"]):
        shade = (float(r["low"].split(" ")[0]), float(r["high"].split(" ")[0]))
    curves = {k: v for k, v in course["ng_per_mL"].items() if not k.endswith((" NM", " RM"))}
    peak = [float(np.max(v)) for v in curves.values()]
    title = "Level by metaboliser type"
    if max(peak) < ALIKE * min(peak):
        curves = {k.rsplit(".", 1)[-1].removeprefix("c_"): v for k, v in course["analytes_ng_per_mL"].items()}
        title, shade = "Level of the drug and its products", shade if len(curves) == 1 else None
    picture = lines(list(times / scale), curves, f"{unit} since the first dose", "ng/mL", shade=shade)
    note = f"ng/mL on {found['usual_daily_dose_mg']['low']:g} mg{'' if single else ' a day'}"
    note += "; green: reference range" if shade else ""
    return [_box(title, picture, note)]


def _interactions(found: dict[str, Any]) -> str:
    rows = [(k, float(v)) for k, v in found["interactions"]["level_ratio_with"].items()][:MOST_RATIOS]
    changes = found["interactions"]["changes"]
    acts = "; ".join(f"{e}: {', '.join(how)}" for e, how in changes.items())
    note = (
        f"It acts on {acts}." if acts else "What it does to enzymes is not known here (not a proof of none)."
    )
    body = ratios(rows) if rows else "<p>No change computed: pathways are not known here.</p>"
    return _box("Its level with other drugs", body, note)


def _kinetics(found: dict[str, Any]) -> str:
    rows = []
    for r in found["kinetics"]:
        numbers = [
            f"{r[k]['value']:.4g} {r[k]['unit']}".removesuffix(" 1") if k in r else "-"
            for k in ("CL", "V", "unbound")
        ]
        half = f"{r['half_life_h']:.3g}" if r["half_life_h"] else "-"
        if r["half_life_at_usual_dose_h"]:
            half += f" ({r['half_life_at_usual_dose_h']:.3g} at the usual dose)"
        ways = ", ".join(f"{e} {s:.0%}" for e, s in r["pathways"].items()) or "not known"
        rows.append([r["analyte"], *numbers, half, ways])
    head = ["analyte", "CL", "V", "unbound", "half-life, h", "cleared by"]
    return _box("Kinetics", table(head, rows), wide=True)


def _quality(found: dict[str, Any]) -> str:
    q = found["quality"]
    parts = [("opened", COLOURS[2]), ("recalled", "#e0b04a"), ("assumed", "#c9d0d8")]
    flex = "".join(f'<div style="flex:{q[k] or 0.01};background:{c}"></div>' for k, c in parts)
    words = (
        f"{q['numbers']} numbers: {q['opened']} from a source that was opened (green), {q['recalled']} remembered "
        f"(yellow), {q['assumed']} assumed or derived (grey)."
    )
    gaps = "".join(f"<p>Gap: {escape(gap)}</p>" for gap in q["gaps"])
    sources = f"<p>Sources: {escape(', '.join(found['sources']))}</p>"
    body = f"<div class=parts>{flex}</div><p>{words}</p>{gaps}{sources}"
    return _box("Where the numbers come from", body, wide=True)


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A plain table."""
    head = "".join(f"<th>{escape(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _comparison(cards: Sequence[dict[str, Any]]) -> str:
    at = [(found["dose_occupancy"] or {}).get("all", {}) for found in cards]
    genes = sorted({g for a in at for g in a}, key=lambda g: -max(a.get(g, 0.0) for a in at))
    genes = [g for g in genes if max(a.get(g, 0.0) for a in at) >= SHOWN][:MOST_COLUMNS]
    names = [found["identity"]["title"] for found in cards]
    heat = shaded(genes, [(n, [a.get(g) for g in genes]) for n, a in zip(names, at, strict=True)])
    boxes = [
        _box("Occupancy at the upper usual dose", heat, "- : no data, not none", wide=len(genes) > NARROW)
    ]
    shared = max(genes, key=lambda g: float(np.mean([a.get(g, 0.0) for a in at])), default="")
    with_curve = [c for c in cards if c["dose_occupancy"] and shared in c["dose_occupancy"]["interval_80"]]
    drawn = {
        c["identity"]["title"]: c["dose_occupancy"]["occupancy"][shared]
        for c in with_curve
        if shared in c["dose_occupancy"]["occupancy"]
    }
    if drawn:
        one = with_curve[0]["dose_occupancy"]
        steps = np.asarray(one["dose_mg"]) / with_curve[0]["usual_daily_dose_mg"]["high"]
        picture = lines(
            list(steps), drawn, "dose over the upper usual dose", shared, percent=True, marks=[1.0]
        )
        boxes.append(_box(f"{shared}: occupancy against dose", picture))
    rows = []
    for found in cards:
        levels = {r["phenotype"]: sum(r["average_ng_per_mL"].values()) for r in found["phenotypes"]}
        poor = max((r for r in _folds(found)), default=(1.0, ""), key=lambda x: x[0])
        strongest = next(iter(found["interactions"]["level_ratio_with"].items()), None)
        rows.append(
            [
                found["identity"]["title"],
                _dose(found),
                f"{_half(found):.3g} h" if _half(found) else "-",
                f"{levels['typical']:.3g} ng/mL" if "typical" in levels else "-",
                f"x{poor[0]:.2g} {poor[1]}" if poor[1] else "-",
                f"x{strongest[1]:.2g} {strongest[0]}" if strongest else "-",
                ", ".join(found["interactions"]["changes"]) or "not known",
            ]
        )
    header = [
        "drug",
        "usual dose",
        "half-life",
        "level, lower dose",
        "poor metaboliser",
        "strongest change",
        "acts on",
    ]
    boxes.append(_box("Kinetics and interactions", table(header, rows), wide=True))
    return f"<h1>{escape(', '.join(names))}</h1><div class=grid>{''.join(boxes)}</div>"


def _folds(found: dict[str, Any]) -> list[tuple[float, str]]:
    """Level of the parent in poor metabolisers over the typical one, by enzyme."""
    base = found["phenotypes"][0]["average_ng_per_mL"] if found["phenotypes"] else {}
    parent = next(iter(base), "")
    return [
        (r["average_ng_per_mL"][parent] / base[parent], f"{r['enzyme']} PM")
        for r in found["phenotypes"]
        if r["phenotype"] == "PM" and base.get(parent)
    ]
