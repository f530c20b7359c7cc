"""The report: one HTML file that needs no network, built from a run folder without simulating.

In: a run folder.  Out: a file with every figure, table and reference, the same bytes for the same folder.  A
content security policy inside the page forbids every outside request; links to papers open only when clicked.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl

from euthymia import __version__
from euthymia.errors import InputError, Problem
from euthymia.evidence.read import parse
from euthymia.report import courses, figures, statistics, survival, tables
from euthymia.report.comparison import pairs, replicates
from euthymia.report.protocol import arm_rows, protocol_rows
from euthymia.report.references import Reference, references
from euthymia.report.run import Run, read_run
from euthymia.report.theme import Figure, Style, arm_styles

SECTIONS = (
    ("summary", "Summary"),
    ("protocol", "Protocol"),
    ("population", "Population"),
    ("exposure", "Exposure and occupancy"),
    ("course", "Course of symptoms"),
    ("outcomes", "Response, remission, dropout"),
    ("mechanism", "Mechanism"),
    ("credibility", "Credibility and limits"),
    ("evidence", "Sources and parameters"),
    ("reproduce", "How to reproduce"),
)


@dataclass(frozen=True, slots=True)
class Flow:
    """One column of the patient flow: counts of an arm."""

    arm: str
    style: Style
    allocated: int
    failed: int
    left: int
    completed: int
    early: str


def write_report(run_folder: Path, out: Path) -> Path:
    """Write the report of a run; nothing is simulated.

    Parameters
    ----------
    run_folder : Path
        The folder of a finished run.
    out : Path
        The HTML file to write, or an existing folder, which receives `report.html`.

    Returns
    -------
    Path
        The file written; it is complete or, after an error, not there.

    Raises
    ------
    InputError
        The run folder is incomplete, or the file cannot be written.
    """
    page = render(read_run(Path(run_folder)))
    out = Path(out)
    if out.is_dir():
        out = out / "report.html"
    _write_whole(out, page)
    return out


def render(run: Run) -> str:
    """The page as text: the same text for the same run."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("euthymia.report", package_path=".", encoding="utf-8")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)  # fmt: skip
    return environment.get_template("template.html.j2").render(**context(run))


def context(run: Run) -> dict[str, Any]:
    """Everything the template prints."""
    manifest = run.manifest
    scales = [s for s in courses.SCALES if s in run.visits.columns and (s == run.scale or _compared(run, s))]
    used = references(run.sources, run.bibliography)
    return {
        "run": run,
        "manifest": manifest,
        "title": str(manifest.get("title") or "Virtual trial"),
        "version": str(manifest.get("euthymia") or "unknown"),
        "drawn_by": __version__,
        "sections": SECTIONS,
        "styles": arm_styles(run),
        "scale": courses.SCALES.get(run.scale, run.scale),
        "scales": scales,
        "replicates": replicates(run),
        "cards": cards(run),
        "first_figure": _first_figure(run),
        "figures": all_figures(run, scales),
        "tables": all_tables(run),
        "protocol_rows": protocol_rows(_protocol(run)),
        "arm_rows": arm_rows(_protocol(run)),
        "protocol_text": str(manifest.get("protocol") or ""),
        "protocol_link": _data_link(str(manifest.get("protocol") or "")),
        "flow": flow(run),
        "references": used,
        "unverified": sum(not r.verified for r in used),
        "credibility": credibility(run, used),
        "warnings": [_words(w) for w in manifest.get("warnings") or ()],
        "failed": _failed(run),
        "command": command(manifest),
        "machine": _pairs(manifest.get("machine")),
        "options": _pairs(manifest.get("options")),
        "stages": _pairs(manifest.get("stages")),
        "plotly": resources.files("plotly")
        .joinpath("package_data/plotly.min.js")
        .read_text(encoding="utf-8"),
        "style": _own("report.css"),
        "script": _own("report.js"),
        "figure_json": _figure_json,
    }


def all_figures(run: Run, scales: Sequence[str]) -> dict[str, Figure]:
    """Every figure that the run's tables allow, by id."""
    found: list[Figure | None] = [figures.responder_rates(run), figures.retention(run), figures.evidence_grades(run),
                                  figures.improvement_curve(run, run.scale), courses.exposure_courses(run),
                                  figures.endotype_outcomes(run, run.scale), courses.occupancy_courses(run),
                                  courses.mechanism_courses(run), *survival.figures(run)]  # fmt: skip
    for scale in scales:
        found += [courses.change_from_baseline(run, scale), courses.scale_course(run, scale)]
    return {f.id: f for f in found if f is not None}


def all_tables(run: Run) -> dict[str, tables.Table | None]:
    """Every table by name; None where the run has none."""
    return {
        "arms": tables.arms(run),
        "comparison": tables.comparison(run),
        "differences": tables.differences(run),
        "population": tables.population(run),
        "exposure": tables.exposure(run),
        "parameters": tables.parameters(run),
        "analyses": statistics.analyses(run),
        "operating": statistics.operating(run),
        "sequential": statistics.sequential(run),
        "steps": statistics.steps(run),
        "events": survival.at_risk(run),
        "structures": tables.structures(run),
    }


def cards(run: Run) -> list[tuple[str, str]]:
    """The few figures at the top of the page: what, value."""
    weeks = run.last_day / 7
    length = f"{weeks:.3g} weeks" if run.last_day >= 14 else f"{run.last_day:g} days"
    found = [
        ("virtual patients", str(run.patients.height)),
        ("arms", str(len(run.arms))),
        ("duration", length),
    ]
    if run.parameters is not None:
        found.append(("parameters used", str(run.parameters["id"].n_unique())))
    sources = {row.get("cite") for row in run.sources if row.get("cite")}
    return found + ([("sources", str(len(sources)))] if sources else [])


def flow(run: Run) -> list[Flow]:
    """Counts of each arm from allocation to completion."""
    columns, found = run.patients.columns, []
    for arm, style in arm_styles(run).items():
        part = run.patients.filter(pl.col("arm") == arm)
        bad = part.filter(pl.col("status") != 0).height if "status" in columns else 0
        well = part.filter(pl.col("status") == 0) if "status" in columns else part
        days = (
            well["dropout_day"].drop_nulls() if "dropout_day" in columns else pl.Series([], dtype=pl.Float64)
        )
        median = days.median()
        early = f"median day {median:.0f}" if isinstance(median, int | float) else ""
        found.append(Flow(arm, style, part.height, bad, len(days), well.height - len(days), early))
    return found


def credibility(run: Run, used: Sequence[Reference]) -> dict[str, Any]:
    """What the run itself can say about its standing: computed from its tables, nothing typed by hand."""
    found: dict[str, Any] = {"fitted": {}, "count": 0, "trials": [], "basis": [], "overlap": None}
    fitted_to: set[str] = set()
    if run.parameters is not None:
        fitted = run.parameters.filter(pl.col("basis") == "fitted").sort("id")
        found["count"] = fitted.height
        for row in fitted.iter_rows(named=True):
            found["fitted"].setdefault(row["cite"] or "", []).append((row["id"], row.get("title") or ""))
        fitted_to = set(found["fitted"]) - {""}
        counts = run.parameters.group_by("basis").len().sort("len", "basis", descending=[True, False])
        found["basis"] = [(str(b or "not stated").replace("_", " "), n) for b, n in counts.iter_rows()]
    if run.published is not None:
        trials = run.published.select("trial", "cite").unique(maintain_order=True)
        found["trials"] = [(t, c or "", (c or "") in fitted_to) for t, c in trials.iter_rows()]
    verdicts = [p.compatible for p in pairs(run) if p.compatible is not None]
    if verdicts:
        found["overlap"] = (sum(verdicts), len(verdicts))
    return found


def command(manifest: Mapping[str, Any]) -> str:
    """The command that repeats the run."""
    parts = ["euthymia run trial.yaml"]
    if manifest.get("seed") is not None:
        parts.append(f"--seed {manifest['seed']}")
    options = manifest.get("options") or {}
    if isinstance(options, Mapping) and int(options.get("replicates") or 1) > 1:
        parts.append(f"--replicates {options['replicates']}")
    return " ".join(parts)


def _first_figure(run: Run) -> str:
    """The picture of the summary: the total where only totals were published, else the change."""
    told = set() if run.published is None else set(run.published["outcome"].drop_nulls())
    only_totals = run.scale in told and f"change_{run.scale}" not in told
    return f"fig-{'course' if only_totals else 'change'}-{run.scale}"


def _compared(run: Run, scale: str) -> bool:
    if run.published is None:
        return False
    return bool(run.published["outcome"].is_in([scale, f"change_{scale}"]).any())


def _protocol(run: Run) -> Any:
    try:
        return parse(str(run.manifest.get("protocol") or ""), "protocol").data
    except InputError:
        return None  # the text itself is printed in any case


def _failed(run: Run) -> list[tuple[Any, str, str]]:
    if "status" not in run.patients.columns:
        return []
    rows = run.patients.filter(pl.col("status") != 0)
    messages = rows["message"].to_list() if "message" in rows.columns else [""] * rows.height
    return [(p, a, m or "") for p, a, m in zip(rows["patient"], rows["arm"], messages, strict=True)]


def _words(warning: Any) -> str:
    if isinstance(warning, Mapping):
        return str(warning.get("message") or json.dumps(warning, sort_keys=True))
    return str(warning)


def _pairs(found: Any) -> list[tuple[str, str]]:
    if isinstance(found, Mapping):
        return [(str(k).replace("_", " "), _plain(v)) for k, v in found.items()]
    return [("", str(found))] if found else []


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _data_link(text: str) -> str:
    return "data:text/yaml;charset=utf-8;base64," + base64.b64encode(text.encode()).decode() if text else ""


def _own(name: str) -> str:
    return resources.files("euthymia.report").joinpath(name).read_text(encoding="utf-8")


def _figure_json(figure: Figure) -> str:
    """A specification safe inside a script element: no closing tag can appear in it."""
    text = json.dumps(figure.spec, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _write_whole(out: Path, page: str) -> None:
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=out.parent, prefix=f".{out.name}.",
                                         delete=False, newline="\n") as file:  # fmt: skip
            temporary = file.name
            file.write(page)
        os.chmod(temporary, 0o644)
        os.replace(temporary, out)
    except OSError as fault:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        where = "no such folder" if not out.parent.is_dir() else fault.strerror or str(fault)
        raise InputError([Problem(f"cannot be written: {where}", str(out))]) from fault
