"""Simulated against observed: imipramine 225 mg/day in inpatients (Reisby 1977)."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from euthymia.protocol.protocol import read_protocol
from euthymia.trials.simulate import run_trial

HERE = Path(__file__).parent
START = 7.0  # day on which imipramine begins
LEVELS = {"imipramine": "imipramine.C", "desipramine": "imipramine.desipramine.C"}
CLOSE = 1.33  # a spread within this factor counts as reproduced


def observed() -> pl.DataFrame:
    """The patients of the study: subject, week of treatment (1 to 4), levels in ng/mL, change."""
    data = pl.read_csv(HERE / "reisby.csv", infer_schema_length=None, null_values=["NA"])
    return data.select(
        patient="subject",
        week=pl.col("week") + 1,
        imipramine=pl.col("imipramine").exp(),
        desipramine=pl.col("desipramine").exp(),
        change="depr_score",
    )


def simulated(folder: Path) -> pl.DataFrame:
    """The same columns for the virtual patients."""
    visits = pl.read_parquet(folder / "visits.parquet")
    first = visits.filter(pl.col("day") == START).select("patient", start="hamd17")
    changes = visits.filter(pl.col("day") > START).join(first, on="patient")
    table = changes.select("patient", "day", change=pl.col("hamd17") - pl.col("start"))
    levels = pl.read_parquet(folder / "levels.parquet")
    for name, output in LEVELS.items():
        one = levels.filter(pl.col("output") == output).select("patient", "day", pl.col("value").alias(name))
        table = table.join(one, on=["patient", "day"], how="left")
    return table.with_columns(week=(pl.col("day") - START) / 7).drop("day")


def spread(data: pl.DataFrame, name: str) -> tuple[float, float]:
    """Median over patients of their mean level, and the coefficient of variation between patients."""
    per = data.drop_nulls(name).group_by("patient").agg(pl.col(name).mean())[name]
    return float(per.median() or np.nan), float((per.std() or np.nan) / (per.mean() or np.nan))


def correlation(data: pl.DataFrame) -> tuple[float, float, int]:
    """Correlation of the log of the summed level with the change at week 4, its 95 % half width, patients."""
    last = data.filter(pl.col("week") == 4).drop_nulls()
    x = np.log((last["imipramine"] + last["desipramine"]).to_numpy())
    r = float(np.corrcoef(x, last["change"].to_numpy())[0, 1])
    return r, float(1.96 * (1 - r**2) / np.sqrt(len(x) - 1)), len(x)


def findings(seen: pl.DataFrame, model: pl.DataFrame) -> list[str]:
    """What fits and what does not, sentence by sentence."""
    said = []
    for name in LEVELS:
        (m1, cv1), (m2, cv2) = spread(seen, name), spread(model, name)
        fold, ratio = m2 / m1, cv2 / cv1
        verdict = "fits" if max(fold, 1 / fold) <= 1.25 else "is off by more than a quarter"
        wide = "fits" if 1 / CLOSE <= ratio <= CLOSE else "does not fit"
        said.append(
            f"The median level of {name} {verdict}: {m2:.0f} ng/mL simulated, {m1:.0f} observed ({fold:.2f}-fold). "
            f"Its spread between patients {wide}: coefficient of variation {100 * cv2:.0f} % and {100 * cv1:.0f} %."
        )
    ours, theirs = (
        d.group_by("week").agg(pl.col("change").mean(), sd=pl.col("change").std()).sort("week")
        for d in (model, seen)
    )
    gaps = [a - b for a, b in zip(ours["change"], theirs["change"], strict=True)]
    said.append(
        "The weekly change of the Hamilton total is "
        + ", ".join(f"{a:.1f}" for a in ours["change"])
        + " simulated against "
        + ", ".join(f"{b:.1f}" for b in theirs["change"])
        + f" observed; the mean gap is {np.mean(gaps):+.1f} points, its largest {max(gaps, key=abs):+.1f}. "
        f"At week 4 the standard deviation of change is {ours['sd'][-1]:.1f} simulated, {theirs['sd'][-1]:.1f} observed."
    )
    (r1, h1, n1), (r2, h2, n2) = correlation(seen), correlation(model)
    agree = "The two intervals overlap" if abs(r1 - r2) <= h1 + h2 else "The two intervals do not overlap"
    said.append(
        f"Level and outcome: the correlation of log(imipramine + desipramine) with the change at week 4 is "
        f"{r2:+.2f} ± {h2:.2f} simulated (n {n2}) and {r1:+.2f} ± {h1:.2f} observed (n {n1}). {agree}. "
        "In the model occupancy of both transporters is near its plateau at these levels, so that level can explain "
        "little; a stronger relation in the data would be a failure of the model, not of the data."
    )
    said.append(
        "Nothing here was fitted to these patients' scores. The clearances of both drugs come from other studies; "
        "this set was used once to check their level and spread. The placebo course of inpatients is an assumption."
    )
    return said


def figures(seen: pl.DataFrame, model: pl.DataFrame) -> list[str]:
    """Three plots as HTML fragments; the first carries plotly."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    colours = {"simulated": "#0072B2", "observed": "#D55E00"}
    both = {"simulated": model, "observed": seen}
    levels = make_subplots(1, 2, subplot_titles=["Imipramine", "Desipramine"], shared_yaxes=True)
    for i, name in enumerate(LEVELS):
        for label, data in both.items():
            levels.add_trace(
                go.Box(x=data["week"], y=data[name], name=label, legendgroup=label, showlegend=not i,
                       marker_color=colours[label], boxpoints=False), 1, i + 1)  # fmt: skip
    levels.update_layout(boxmode="group", title="Plasma level before the dose")
    levels.update_yaxes(type="log", dtick=1)
    levels.update_yaxes(title="ng/mL", col=1)
    levels.update_xaxes(title="week of treatment")
    course = go.Figure(layout={"title": "Change of the Hamilton total, mean and standard deviation"})
    for label, data in both.items():
        rows = data.group_by("week").agg(pl.col("change").mean(), sd=pl.col("change").std()).sort("week")
        shift = 0.04 if label == "observed" else -0.04
        course.add_trace(
            go.Scatter(x=rows["week"] + shift, y=rows["change"], name=label, marker_color=colours[label],
                       error_y={"type": "data", "array": rows["sd"]}))  # fmt: skip
    course.update_layout(xaxis_title="week of treatment", yaxis_title="points")
    relation = go.Figure(layout={"title": "Level and outcome at week 4"})
    for label, data in both.items():
        last = data.filter(pl.col("week") == 4).drop_nulls()
        relation.add_trace(
            go.Scatter(x=last["imipramine"] + last["desipramine"], y=last["change"], name=label, mode="markers",
                       marker={"color": colours[label], "opacity": 0.5 if label == "simulated" else 1.0}))  # fmt: skip
    relation.update_layout(yaxis_title="change, points")
    relation.update_xaxes(type="log", dtick=1, title="imipramine + desipramine, ng/mL")
    drawn = []
    for i, figure in enumerate((levels, course, relation)):
        figure.update_layout(
            template="plotly_white", height=420, font={"family": "system-ui, sans-serif", "size": 14}
        )
        drawn.append(figure.to_html(full_html=False, include_plotlyjs=not i, div_id=f"figure{i}"))
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=str(HERE / "report.html"), help="where to write the report")
    parser.add_argument("--runs", default="euthymia-runs", help="folder for runs")
    arguments = parser.parse_args()
    result = run_trial(read_protocol(HERE / "protocol.yaml"), arguments.runs)
    seen, model = observed(), simulated(result.folder)
    said = findings(seen, model)
    text = "".join(f"<p>{s}</p>" for s in said)
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Imipramine in inpatients</title>"
        "<style>body{font:17px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}</style>"
        f"<h1>Imipramine 225 mg/day in inpatients</h1><p>300 virtual patients (run {result.run_id}) beside the "
        f"{seen['patient'].n_unique()} patients of Reisby 1977.</p><h2>What fits and what does not</h2>{text}"
        + "".join(figures(seen, model))
        + "</html>"
    )
    Path(arguments.out).write_text(page, "utf-8")
    print("\n".join(said))
    print(f"Report: {arguments.out}")


if __name__ == "__main__":
    main()
