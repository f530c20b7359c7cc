"""A finished run, read from its folder.

In: the folder that a simulation leaves (`manifest.json`, Parquet tables, the sources).  Out: one `Run`,
checked: required tables and columns are there, optional tables are `None` or empty where absent.  Nothing is
simulated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from euthymia.errors import InputError, Problem, nearest

BANDS = ("mean", "p05", "p25", "p50", "p75", "p95")
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "patients": ("patient", "arm"),
    "visits": ("patient", "arm", "day"),
    "courses": ("arm", "output", "day", *BANDS),
    "endpoints": ("arm", "endpoint", "n", "estimate", "low", "high"),
}
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "exposure": ("arm", "analyte", "metric", "unit", "p05", "p50", "p95"),
    "published": ("trial", "matched_arm", "outcome", "day", "value", "low", "high", "unit", "cite"),
    "parameters": ("id", "value", "unit", "basis", "grade", "cite"),
    "analyses": ("replicate", "analysis", "arm", "method", "estimate", "low", "high", "p"),
    "operating": ("analysis", "arm", "replicates", "power", "mean", "coverage"),
    "sequential": ("arm", "look", "information", "bound", "reached", "success", "power", "mean_n"),
    "survival": (
        "analysis",
        "endpoint",
        "arm",
        "day",
        "free",
        "low",
        "high",
        "at_risk",
        "events",
        "median_day",
    ),
    "flow": ("replicate", "arm", "step", "day", "option", "n", "not_taken", "in_trial"),
}


@dataclass(frozen=True, slots=True)
class Run:
    """Everything a report or a citation list needs from one run folder.

    Parameters
    ----------
    folder : Path
        Where it was read from.
    manifest : dict
        Version, library hash, seed, protocol text, options, machine, stages, warnings.
    patients, visits, courses, endpoints : polars.DataFrame
        One row per patient; per patient and visit; per arm, output and day; per replicate, arm and endpoint.
        Of a trial that was repeated, patients and visits are those of the first repetition.
    exposure, published, parameters : polars.DataFrame or None
        None where the run has no such table.
    sources : tuple of dict
        What was used and why: cite, reason, what, basis, kind, grade.
    bibliography : dict
        CSL-JSON item by citation key.
    hashes : dict
        SHA-256 of each file read, by file name.
    analyses, operating, sequential, flow, survival : polars.DataFrame or None
        What the protocol's analyses, replicates, looks, steps and times to an event gave.
    """

    folder: Path
    manifest: dict[str, Any]
    patients: pl.DataFrame
    visits: pl.DataFrame
    courses: pl.DataFrame
    endpoints: pl.DataFrame
    exposure: pl.DataFrame | None
    published: pl.DataFrame | None
    parameters: pl.DataFrame | None
    sources: tuple[dict[str, Any], ...]
    bibliography: dict[str, dict[str, Any]]
    hashes: dict[str, str]
    structures: dict[str, Any] | None = None
    analyses: pl.DataFrame | None = None
    operating: pl.DataFrame | None = None
    sequential: pl.DataFrame | None = None
    flow: pl.DataFrame | None = None
    survival: pl.DataFrame | None = None

    @property
    def arms(self) -> list[str]:
        """Arm names in the protocol's order (that of the manifest, else of the patient table)."""
        found = self.patients["arm"].unique(maintain_order=True).to_list()
        order = self.manifest.get("arms", [])
        return sorted(found, key=lambda a: order.index(a) if a in order else len(order))

    @property
    def last_day(self) -> float:
        """Day of the last planned visit."""
        return _largest(self.visits["day"])

    @property
    def scale(self) -> str:
        """The primary rating scale: the manifest's, else one with a change endpoint, published if possible."""
        if self.manifest.get("scale") in self.visits.columns:
            return str(self.manifest["scale"])
        ends = set(self.endpoints["endpoint"].drop_nulls())
        told = set() if self.published is None else set(self.published["outcome"].drop_nulls())
        present = [s for s in ("madrs", "hamd17") if s in self.visits.columns]
        scored = sorted(present, key=lambda s: (f"change_{s}" not in ends, not told & {s, f"change_{s}"}))
        return scored[0] if scored else "madrs"

    def course(self, output: str, arm: str) -> pl.DataFrame:
        """The summary of one output over the patients of one arm, sorted by day."""
        return self.courses.filter((pl.col("output") == output) & (pl.col("arm") == arm)).sort("day")

    def outputs(self) -> list[str]:
        """Every output with a course, in the order of the table."""
        return self.courses["output"].unique(maintain_order=True).to_list()

    def title_of(self, output: str) -> str:
        """The output's printed title, or its id where the run gives none."""
        return self._label(output, "title") or output

    def unit_of(self, output: str) -> str:
        """The output's unit; an empty string for pure numbers."""
        unit = self._label(output, "unit")
        return "" if unit in ("1", "dimensionless") else unit

    def _label(self, output: str, column: str) -> str:
        if column not in self.courses.columns:
            return ""
        found = self.courses.filter(pl.col("output") == output)[column].drop_nulls()
        return str(found[0]) if len(found) else ""


def _largest(values: pl.Series) -> float:
    top = values.max()
    return float(top) if isinstance(top, int | float) else 0.0


def read_run(folder: Path) -> Run:
    """Read and check a run folder.

    Parameters
    ----------
    folder : Path
        The folder a run left.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        The folder, a required file or a required column is missing, or a file cannot be read; every problem
        is listed.
    """
    folder = Path(folder)
    problems: list[Problem] = []
    manifest = _manifest(folder, problems)
    tables: dict[str, pl.DataFrame | None] = {}
    for name, columns in {**REQUIRED, **OPTIONAL}.items():
        tables[name] = _table(folder / f"{name}.parquet", columns, name in REQUIRED, problems)
    sources, bibliography = _sources(folder, problems)
    beside = folder / "structures.json"
    averaged = _json(beside, problems) if beside.is_file() else None
    if problems:
        raise InputError(problems)
    names = [
        "manifest.json",
        *(f"{n}.parquet" for n in tables),
        "sources.json",
        "bibliography.json",
        "structures.json",
    ]
    required = {n: t for n, t in tables.items() if n in REQUIRED and t is not None}
    for name in ("patients", "visits"):
        required[name] = _first_replicate(required[name])
    return Run(
        folder=folder,
        manifest=manifest,
        **required,
        exposure=_filled(tables["exposure"]),
        published=_filled(tables["published"]),
        parameters=_filled(tables["parameters"]),
        sources=sources,
        bibliography=bibliography,
        hashes={n: _sha256(folder / n) for n in names if (folder / n).is_file()},
        analyses=_filled(tables["analyses"]),
        operating=_filled(tables["operating"]),
        sequential=_filled(tables["sequential"]),
        flow=_filled(tables["flow"]),
        survival=_filled(tables["survival"]),
        structures=averaged or None,
    )


def read_sources(folder: Path) -> tuple[tuple[dict[str, Any], ...], dict[str, dict[str, Any]]]:
    """Only what `euthymia cite` needs: the sources used and their bibliographic records.

    Raises
    ------
    InputError
        The folder is not a run folder, or it holds no sources.
    """
    folder = Path(folder)
    problems: list[Problem] = []
    _manifest(folder, problems)
    if not problems and not (folder / "sources.json").is_file():
        problems.append(Problem("is missing: this run recorded no sources", str(folder / "sources.json")))
    sources, bibliography = _sources(folder, problems)
    if problems:
        raise InputError(problems)
    return sources, bibliography


def _filled(table: pl.DataFrame | None) -> pl.DataFrame | None:
    return table if table is not None and table.height else None


def _first_replicate(table: pl.DataFrame) -> pl.DataFrame:
    if "replicate" not in table.columns:
        return table
    return table.filter(pl.col("replicate") == pl.col("replicate").min()).drop("replicate")


def _manifest(folder: Path, problems: list[Problem]) -> dict[str, Any]:
    if not folder.is_dir():
        what = "is a file; give the run folder" if folder.exists() else "no such folder; give a run folder"
        near = (
            nearest(folder.name, (p.name for p in folder.parent.glob("*"))) if folder.parent.is_dir() else ""
        )
        problems.append(Problem(what + near, str(folder)))
        return {}
    path = folder / "manifest.json"
    if not path.is_file():
        problems.append(Problem("is missing: this is not the folder of a finished run", str(path)))
        return {}
    manifest = _json(path, problems)
    if not isinstance(manifest, dict):
        problems.append(Problem("should be a JSON object", str(path)))
        return {}
    return manifest


def _json(path: Path, problems: list[Problem]) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as fault:
        problems.append(Problem(f"is not JSON: {fault.msg}", str(path), fault.lineno, fault.colno))
    except (OSError, UnicodeDecodeError) as fault:
        problems.append(Problem(f"cannot be read: {fault}", str(path)))
    return {}


def _table(
    path: Path, columns: tuple[str, ...], required: bool, problems: list[Problem]
) -> pl.DataFrame | None:
    if not path.is_file():
        if required and path.parent.is_dir():
            problems.append(Problem("is missing: this is not the folder of a finished run", str(path)))
        return None
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as fault:
        problems.append(Problem(f"cannot be read as a Parquet table: {fault}", str(path)))
        return None
    missing = [c for c in columns if c not in table.columns]
    for column in missing:
        near = nearest(column, table.columns)
        problems.append(Problem(f"has no column '{column}'{near}", str(path), key=column))
    if required and not table.height and not missing:
        problems.append(Problem("has no rows", str(path)))
    return None if missing else table


def _sources(
    folder: Path, problems: list[Problem]
) -> tuple[tuple[dict[str, Any], ...], dict[str, dict[str, Any]]]:
    used = _json(folder / "sources.json", problems) if (folder / "sources.json").is_file() else []
    items = _json(folder / "bibliography.json", problems) if (folder / "bibliography.json").is_file() else []
    if isinstance(items, dict):
        items = [{"id": key, **item} for key, item in items.items()]
    return tuple(used or ()), {str(i["id"]): i for i in items if "id" in i}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
