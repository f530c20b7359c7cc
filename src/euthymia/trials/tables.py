"""The tables of a run folder, from rated replicates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia import __version__
from euthymia.protocol.analyses import EVENTS
from euthymia.protocol.protocol import Protocol
from euthymia.protocol.times import visit_hours
from euthymia.trials.analyses import AnalysisRow, analyse, curves, operating
from euthymia.trials.folder import (
    LAYOUT,
    code_hash,
    library_hash,
    machine,
    make_folder,
    write_atomic,
    write_json,
    write_table,
)
from euthymia.trials.interim import Enrolled, looks, summary
from euthymia.trials.model import Model
from euthymia.trials.pool import Pool, as_simulated, draw, extra
from euthymia.trials.rate import Rated, endpoint_values, rate, scores
from euthymia.trials.simulate import DAY, Simulated
from euthymia.trials.sources import sources_of
from euthymia.trials.stages import in_order, names_of
from euthymia.trials.summary import Row, difference, mean_change, share
from euthymia.units import from_canonical

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
CRP_LIMIT = 3.0
SMALLEST = 1e-6  # level, in the unit shown, that is called none


def write_run(
    folder: Path,
    run_id: str,
    protocol: Protocol,
    model: Model,
    runs: Sequence[Simulated],
    pool: Pool | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Rate all replicates and write every table; returns the manifest, which is written last.

    Parameters
    ----------
    pool : Pool, optional
        Where the replicates were drawn from; courses and exposure are then those of the whole pool.
    """
    make_folder(folder)
    rated = [rate(protocol, s, r) for r, s in enumerate(runs)]
    drawn = None if pool is None else [draw(pool, protocol, r)[1] for r in range(len(runs))]
    write_table(folder / "patients.parquet", patients_table(protocol, rated, drawn))
    write_table(folder / "visits.parquet", visits_table(protocol, rated))
    full = runs if pool is None else [as_simulated(pool, protocol)]
    write_table(folder / "courses.parquet", courses_table(protocol, model, full))
    write_table(folder / "exposure.parquet", exposure_table(protocol, model, full))
    write_table(folder / "levels.parquet", levels_table(protocol, model, runs if pool is None else runs[:1]))
    write_analyses(folder, protocol, rated, pool, progress)
    write_table(folder / "endpoints.parquet", endpoints_table(protocol, rated))
    if any(e.kind in EVENTS for e in protocol.endpoint_list):
        write_table(folder / "survival.parquet", survival_table(protocol, rated[0]))
    if protocol.staged:
        write_table(folder / "flow.parquet", flow_table(protocol, rated))
    published = published_table(protocol)
    if published["trial"]:
        write_table(folder / "published.parquet", published)
    found = sources_of(protocol, model)
    write_table(folder / "parameters.parquet", found.parameters)
    write_json(folder / "sources.json", found.sources)
    write_json(folder / "bibliography.json", found.bibliography)
    write_atomic(folder / "protocol.yaml", protocol.to_yaml().encode())
    manifest = {
        "layout": LAYOUT,
        "euthymia": __version__,
        "library_hash": library_hash(),
        "code_hash": code_hash(),
        "run_id": run_id,
        "seed": protocol.seed,
        "title": protocol.title,
        "protocol": protocol.to_yaml(),
        "options": {
            "replicates": protocol.replicates,
            **({} if pool is None else {"pool": pool.size}),
            "tolerance": protocol.tolerance,
            "profile": protocol.profile,
        },
        "machine": machine(),
        "created_by": "euthymia run protocol.yaml",
        "arms": [a.name for a in protocol.arms],
        "scale": protocol.setting.scale,
        "screened": [s.cohort.screened for s in runs],
        "warnings": warnings_of(protocol, model, rated, pool),
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def write_analyses(
    folder: Path,
    protocol: Protocol,
    rated: Sequence[Rated],
    pool: Pool | None,
    progress: Callable[[str, int, int], None],
) -> None:
    """The tables of analyses, looks, and what both do over replicates."""
    if protocol.analyses:
        rows = []
        for replicate, r in enumerate(rated):
            rows += [{"replicate": replicate, **asdict(row)} for row in analyse(protocol, r)]
            progress("analyse", replicate + 1, len(rated))
        write_table(folder / "analyses.parquet", _columns(rows))
        if len(rated) > 1:
            found = operating([AnalysisRow(**{k: v for k, v in r.items() if k != "replicate"}) for r in rows])
            write_table(folder / "operating.parquet", _columns(found))
    if protocol.interim:
        rows = [row for i, r in enumerate(rated) for row in look_rows(protocol, r, i, pool)]
        write_table(folder / "looks.parquet", _columns(rows))
        write_table(folder / "sequential.parquet", _columns(summary(rows)))


def look_rows(
    protocol: Protocol, rated: Rated, replicate: int, pool: Pool | None
) -> Iterator[dict[str, Any]]:
    """The looks at every arm of one replicate; patients are enrolled in the order of their places."""
    interim = protocol.interim
    assert interim is not None
    endpoint = next(e for e in protocol.endpoint_list if e.name == interim.endpoint)
    more = extra(pool, protocol, replicate) if pool is not None else None
    parts = [rated] if more is None else [rated, rate(protocol, more, replicate)]
    change = np.concatenate([endpoint_values(protocol, r, endpoint) for r in parts])
    baseline = np.concatenate([scores(r, endpoint.of)[:, 0] for r in parts])
    arm = np.concatenate([r.simulated.arm for r in parts])
    groups = [Enrolled(change[arm == i], baseline[arm == i], a.n) for i, a in enumerate(protocol.arms)]
    control = next(i for i, a in enumerate(protocol.arms) if a.control)
    for i, a in enumerate(protocol.arms):
        if i == control:
            continue
        for look in looks(interim, groups[i], groups[control]):
            yield {"replicate": replicate, "arm": a.name, **asdict(look)}


def survival_table(protocol: Protocol, rated: Rated) -> dict[str, Any]:
    """Kaplan-Meier curves of the times to an event, one row a step."""
    columns = ("analysis", "endpoint", "arm", "day", "free", "low", "high", "at_risk", "events", "median_day")
    rows: dict[str, list[Any]] = {c: [] for c in columns}
    for analysis, endpoint, arm, curve in curves(protocol, rated):
        steps = len(curve.time)
        median = curve.median / DAY if np.isfinite(curve.median) else None
        for key, values in (("analysis", [analysis] * steps), ("endpoint", [endpoint] * steps), ("arm", [arm] * steps),
                            ("day", (curve.time / DAY).tolist()), ("free", curve.free.tolist()),
                            ("low", curve.low.tolist()), ("high", curve.high.tolist()),
                            ("at_risk", curve.at_risk.tolist()), ("events", curve.events.tolist()),
                            ("median_day", [median] * steps)):  # fmt: skip
            rows[key] += values
    return rows


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {key: [row[key] for row in rows] for key in (rows[0] if rows else {})}


def warnings_of(
    protocol: Protocol, model: Model, rated: Sequence[Rated], pool: Pool | None = None
) -> list[str]:
    """What a reader must know before trusting the run."""
    found = []
    sick = sum(int((r.simulated.status != 0).sum()) for r in rated)
    if sick:
        found.append(f"{sick} patients could not be simulated; their messages are in the table of patients")
    if pool is not None:
        found.append(
            f"replicates are drawn from {pool.size} virtual patients simulated in every arm; "
            "rating, placebo course and dropout are drawn anew"
        )
    if protocol.setting.care == "emergency":
        found.append("emergency care is outside what the outcome layer was fitted to")
    off = len(model.report.switched_off)
    if off:
        found.append(f"{off} edges of grade D are switched off, as always in human predictions")
    return found


def _arm_names(protocol: Protocol, arm: NDArray[np.int64]) -> list[str]:
    return [protocol.arms[i].name for i in arm]


def patients_table(
    protocol: Protocol, rated: Sequence[Rated], drawn: Sequence[NDArray[np.int64]] | None = None
) -> dict[str, Any]:
    """One row per patient and replicate; `candidate` is the pool's number of a patient drawn from a pool."""
    from euthymia.patients.population import load_population

    population = load_population(protocol.base)
    rows: dict[str, list[Any]] = {}

    def add(**columns: Any) -> None:
        for key, values in columns.items():
            rows.setdefault(key, []).extend(
                np.asarray(values).tolist() if not isinstance(values, list) else values
            )

    for replicate, r in enumerate(rated):
        cohort = r.simulated.cohort
        left = r.observed.dropout_time / DAY
        n = len(cohort.number)
        add(
            replicate=[replicate] * n,
            patient=cohort.number,
            arm=_arm_names(protocol, r.simulated.arm),
            age=np.round(cohort.covariates()["age"], 1),
            sex=cohort.covariates()["sex"].tolist(),
            weight=np.round(cohort.covariates()["weight"], 1),
            smoker=cohort.values["smoker"] > 0,
            baseline_madrs=r.observed.madrs[:, 0],
            severity=cohort.severity,
            endotype=population.endotype_of(cohort.values).tolist(),
            adherence=r.simulated.taken,
            dropout_day=[float(d) if np.isfinite(d) else None for d in left],
            status=r.simulated.status,
            message=list(r.simulated.messages),
            **({} if drawn is None else {"candidate": drawn[replicate]}),
            **_paths(protocol, r),
            **{enzyme: words.tolist() for enzyme, words in cohort.phenotypes.items()},
        )
    return rows


def _paths(protocol: Protocol, r: Rated) -> dict[str, Any]:
    """Steps taken and day of leaving by plan, in trials in stages."""
    if r.simulated.choices is None:
        return {}
    return {
        "path": names_of(protocol, r.simulated.arm, r.simulated.choices),
        "left_by_plan_day": [float(d) / DAY if np.isfinite(d) else None for d in r.left],
    }


def flow_table(protocol: Protocol, rated: Sequence[Rated]) -> dict[str, Any]:
    """Who took which option at every step: one row per replicate, arm, step and option.

    `in_trial` counts the patients of the arm present at that visit, `not_taken` those of them who went on as they were;
    with `dropped` and `left_by_plan` before it they are all who were allocated.
    """
    columns = ("replicate", "arm", "step", "day", "action", "option", "n", "not_taken", "in_trial", "dropped",
               "left_by_plan")  # fmt: skip
    rows: dict[str, list[Any]] = {c: [] for c in columns}
    for replicate, r in enumerate(rated):
        if r.simulated.choices is None:
            continue
        for a, arm in enumerate(protocol.arms):
            mine = r.simulated.arm == a
            for i, step in in_order(arm):
                at = visit_hours(step.at)
                column = int(np.searchsorted(r.simulated.visits, at))
                present = mine & r.observed.in_trial[:, column] & ~(r.left < at)
                for k, option in enumerate(step.options):
                    took = mine & (r.simulated.choices[:, i] == k)
                    values = (replicate, arm.name, step.name, at / DAY, step.action, option.name, int(took.sum()),
                              int((present & (r.simulated.choices[:, i] < 0)).sum()), int(present.sum()),
                              int((mine & ~present & ~(r.left < at)).sum()), int((mine & (r.left < at)).sum()))  # fmt: skip
                    for c, v in zip(columns, values, strict=True):
                        rows[c].append(v)
    return rows


def visits_table(protocol: Protocol, rated: Sequence[Rated]) -> dict[str, Any]:
    """One row per patient, visit and replicate; totals are null after dropout."""
    parts = []
    for replicate, r in enumerate(rated):
        n, k = r.observed.madrs.shape
        present = r.observed.in_trial.copy()
        present[:, 0] = True
        part = {
            "replicate": np.full(n * k, replicate),
            "patient": np.repeat(r.simulated.cohort.number, k),
            "arm": np.repeat(np.array(_arm_names(protocol, r.simulated.arm)), k),
            "day": np.tile(r.simulated.visits / DAY, n),
            "madrs": scores(r, "madrs").ravel(),
            "hamd17": scores(r, "hamd17").ravel(),
            "latent": r.observed.latent.ravel(),
            "in_trial": present.ravel(),
        }
        parts.append(part)
    joined = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
    return {k: _nulls(v) for k, v in joined.items()}


def _nulls(values: NDArray[Any]) -> Any:
    import polars as pl

    series = pl.Series(values.tolist() if values.dtype.kind in "US" else values)
    return series.fill_nan(None) if values.dtype.kind == "f" else series


def courses_table(protocol: Protocol, model: Model, runs: Sequence[Simulated]) -> dict[str, Any]:
    """Mean and quantiles over patients, day by day, of everything that is kept."""
    rows: dict[str, list[Any]] = {
        k: [] for k in ("arm", "output", "title", "unit", "day", "mean", *QUANTILES)
    }
    arm = np.concatenate([r.arm for r in runs])
    values = np.concatenate([r.courses for r in runs])
    days = runs[0].days / DAY
    for i, a in enumerate(protocol.arms):
        mine = values[arm == i]
        for j, (output, title, unit) in enumerate(model.courses):
            data = mine[:, :, j] * from_canonical(1.0, unit)
            if _no_drug(output) and not np.nanmax(np.abs(data), initial=0.0):
                continue
            rows["arm"] += [a.name] * len(days)
            rows["output"] += [output.removesuffix("_mass")] * len(days)
            rows["title"] += [title] * len(days)
            rows["unit"] += [unit] * len(days)
            rows["day"] += days.tolist()
            rows["mean"] += np.nanmean(data, axis=0).tolist()
            for name, q in QUANTILES.items():
                rows[name] += np.nanquantile(data, q, axis=0).tolist()
    return rows


def levels_table(protocol: Protocol, model: Model, runs: Sequence[Simulated]) -> dict[str, Any]:
    """Plasma level and occupancy of every patient on a drug at every visit, before that day's dose."""
    rows: dict[str, list[Any]] = {
        k: [] for k in ("replicate", "patient", "arm", "output", "unit", "day", "value")
    }
    for replicate, r in enumerate(runs):
        at = [int(np.argmin(np.abs(r.days - v))) for v in r.visits]
        for i, a in enumerate(protocol.arms):
            who = np.flatnonzero(r.arm == i)
            for j, (output, _, unit) in enumerate(model.courses):
                data = r.courses[who][:, at, j] * from_canonical(1.0, unit)
                if not _no_drug(output) or not np.nanmax(np.abs(data), initial=0.0):
                    continue
                rows["replicate"] += [replicate] * data.size
                rows["patient"] += np.repeat(r.cohort.number[who], len(at)).tolist()
                rows["arm"] += [a.name] * data.size
                rows["output"] += [output.removesuffix("_mass")] * data.size
                rows["unit"] += [unit] * data.size
                rows["day"] += np.tile(r.visits / DAY, len(who)).tolist()
                rows["value"] += data.ravel().tolist()
    return rows


def _no_drug(output: str) -> bool:
    return output.endswith((".C_mass", ".occupancy"))


def exposure_table(protocol: Protocol, model: Model, runs: Sequence[Simulated]) -> dict[str, Any]:
    """Trough, peak, mean and area over the last 24 hours, and occupancy, over the patients of each arm."""
    rows: dict[str, list[Any]] = {k: [] for k in ("arm", "analyte", "metric", "unit", "p05", "p50", "p95")}
    arm = np.concatenate([r.arm for r in runs])
    values = np.concatenate([r.last for r in runs])
    for i, a in enumerate(protocol.arms):
        mine = values[arm == i]
        for j, (output, _, unit) in enumerate(model.courses):
            data = mine[:, :, j] * from_canonical(1.0, unit)
            if not _no_drug(output) or not np.nanmax(np.abs(data), initial=0.0):
                continue
            data = np.where(np.abs(data) < SMALLEST, 0.0, data)  # what the solver leaves of a drug long gone
            area = np.trapezoid(data, dx=DAY / (data.shape[1] - 1), axis=1)
            metrics = {"Cmin": data.min(axis=1), "Cmax": data.max(axis=1), "Cavg": area / DAY}
            if output.endswith("_mass"):
                metrics["AUC_tau"] = area
            for metric, found in metrics.items():
                rows["arm"].append(a.name)
                rows["analyte"].append(output.removesuffix(".C_mass").removesuffix(".occupancy"))
                rows["metric"].append(metric)
                rows["unit"].append(f"{unit}*h" if metric == "AUC_tau" else unit)
                for name in ("p05", "p50", "p95"):
                    rows[name].append(float(np.nanquantile(found, QUANTILES[name])))
    return rows


def endpoints_table(protocol: Protocol, rated: Sequence[Rated]) -> dict[str, Any]:
    """Endpoints per replicate and arm with 95 % intervals, and differences from the control arm."""
    rows: dict[str, list[Any]] = {
        k: [] for k in ("replicate", "arm", "endpoint", "n", "estimate", "low", "high", "sd", "p")
    }
    for replicate, r in enumerate(rated):
        for row in _endpoint_rows(protocol, r):
            rows["replicate"].append(replicate)
            for key in ("arm", "endpoint", "n", "estimate", "low", "high", "sd", "p"):
                rows[key].append(getattr(row, key))
    return rows


def _endpoint_rows(protocol: Protocol, rated: Rated) -> Iterator[Row]:
    arm = rated.simulated.arm
    control = next((i for i, a in enumerate(protocol.arms) if a.control), None)
    for endpoint in protocol.endpoint_list:
        values = endpoint_values(protocol, rated, endpoint)
        name = (
            f"change_{endpoint.of}"
            if endpoint.kind == "change" and endpoint.name == "change"
            else endpoint.name
        )
        for i, a in enumerate(protocol.arms):
            mine = values[arm == i]
            yield mean_change(a.name, name, mine) if endpoint.kind == "change" else share(a.name, name, mine)
        if control is None:
            continue
        baseline = scores(rated, endpoint.of or protocol.setting.scale)[:, 0]
        for i, a in enumerate(protocol.arms):
            if i != control and endpoint.kind == "change":
                yield difference(
                    a.name,
                    name.replace("change", "difference", 1),
                    (values[arm == i], baseline[arm == i]),
                    (values[arm == control], baseline[arm == control]),
                )
    gone = np.isfinite(rated.observed.dropout_time).astype(float)
    for i, a in enumerate(protocol.arms):
        yield share(a.name, "dropout", gone[arm == i])


def published_table(protocol: Protocol) -> dict[str, Any]:
    """Observed results of the trials named in `compare_with`, matched to this protocol's arms."""
    from euthymia.trials.compare import published_rows

    columns = ("trial", "arm", "matched_arm", "outcome", "day", "value", "low", "high", "unit", "cite")
    rows = [row for name in protocol.compare_with for row in published_rows(name, protocol)]
    return {c: [row[c] for row in rows] for c in columns}


def read_manifest_protocol(folder: Path) -> str:
    """The protocol text of a run."""
    return str(json.loads((folder / "manifest.json").read_text("utf-8"))["protocol"])
