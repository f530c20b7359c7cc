"""Observed exposures, row by row: what was given to whom, and what was measured.

In: a CSV table (columns in `COLUMNS`).  Out: `Observation`s, and the rows that cannot be used, each with its reason.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from euthymia.errors import InputError, UnitError, nearest
from euthymia.units import parse_unit

COLUMNS = (
    "id",
    "compound",
    "analyte",
    "dose",
    "unit",
    "route",
    "infusion_min",
    "interval_h",
    "duration_days",
    "co_medication",
    "phenotype",
    "age",
    "weight_kg",
    "sex",
    "population",
    "metric",
    "at_h",
    "target",
    "reference",
    "value",
    "value_unit",
    "spread",
    "citation",
    "class",
    "kind",
    "confidence",
    "independent",
)
METRICS = (
    "Cmax",
    "Cmin",
    "Cavg",
    "AUC_tau",
    "AUC_inf",
    "t_half",
    "AUC_ratio",
    "Cmax_ratio",
    "Css_ratio",
    "occupancy",
)
CLASSES = ("typical", "metabolite", "drug_gene", "drug_drug", "occupancy", "spread")
_METRIC = {m.lower(): m for m in METRICS} | {
    "css": "Cavg",
    "css_avg": "Cavg",
    "auc": "AUC_tau",
    "auc0_inf": "AUC_inf",
    "auc_0_inf": "AUC_inf",
    "cmin_ratio": "Css_ratio",
    "cavg_ratio": "Css_ratio",
    "c_trough": "Cmin",
    "ctrough": "Cmin",
    "thalf": "t_half",
    "half_life": "t_half",
}


_MG = {"g": 1000.0, "ug": 0.001, "µg": 0.001}


@dataclass(frozen=True, slots=True)
class Given:
    """One drug as given beside the observed one: name, mg (0 where not stated) and hours between doses."""

    name: str
    dose: float = 0.0
    interval: float = 24.0


@dataclass(frozen=True, slots=True)
class Observation:
    """One observed number with the circumstances it was measured in (canonical where a number)."""

    id: str
    compound: str
    analyte: str
    dose: float
    metric: str
    value: float
    unit: str
    route: str = ""
    infusion: float = 0.0
    interval: float = 0.0
    duration: float = 0.0  # days; 0 = single dose, inf = steady state
    others: tuple[Given, ...] = ()
    phenotype: Mapping[str, str] = field(default_factory=dict)
    covariates: Mapping[str, float] = field(default_factory=dict)
    sex: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)
    at: float | None = None
    target: str = ""
    reference: str = ""
    spread: float = math.nan
    kind: str = ""


def read_observations(path: str | Path) -> tuple[list[Observation], list[tuple[str, str]]]:
    """Rows of a table, and (id, reason) of the unusable ones.

    Raises
    ------
    InputError
        The file cannot be read or lacks needed columns.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            rows = list(table)
            header = table.fieldnames or []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([f"{path}: cannot be read as a UTF-8 CSV table: {error}"]) from None
    needed = ("id", "compound", "dose", "metric", "value")
    missing = [c for c in needed if c not in header]
    if missing:
        raise InputError([f"{path}: column '{c}' is missing{nearest(c, header)}" for c in missing])
    good: list[Observation] = []
    bad: list[tuple[str, str]] = []
    for number, row in enumerate(rows, 2):
        clean = {str(k): (v or "").strip() for k, v in row.items() if k and not isinstance(v, list)}
        name = clean.get("id") or f"line {number}"
        try:
            good.append(_observation(name, clean))
        except (ValueError, InputError, UnitError) as error:
            bad.append((name, str(error)))
    return good, bad


def _number(text: str, what: str) -> float:
    match = re.match(r"[~<>=\s]*([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)(?:\s*-\s*(\d*\.?\d+))?", text)
    if not match:
        raise ValueError(f"{what} '{text}' is not a number")
    low = float(match.group(1))
    return (low + float(match.group(2))) / 2 if match.group(2) else low


def _observation(name: str, row: Mapping[str, str]) -> Observation:
    metric = _METRIC.get(row["metric"].lower().replace("-", "_"))
    if metric is None:
        raise ValueError(f"metric '{row['metric']}' is unknown; known: {', '.join(METRICS)}")
    interval = _number(row["interval_h"], "interval_h") if row.get("interval_h") else 0.0
    duration = _duration(row.get("duration_days", ""), interval)
    if math.isinf(duration) and not interval:
        interval = 24.0
    covariates = {}
    for column, key in (("age", "age"), ("weight_kg", "weight")):
        if row.get(column):
            covariates[key] = _number(row[column], column)
    tokens = _tokens(row.get("population", ""))
    if tokens.get("smoker", tokens.get("smoking", "")).lower() in ("1", "yes", "true", "smoker"):
        covariates["smoker"] = 1.0
    for key in ("egfr", "hepatic"):
        if key in tokens:
            covariates[key] = _number(tokens[key], key)
    unit = row.get("value_unit") or "1"
    sex = row.get("sex", "").lower()
    return Observation(
        id=name,
        compound=row["compound"],
        analyte=row.get("analyte") or row["compound"],
        dose=_mass(row["dose"], row.get("unit", "mg"), covariates.get("weight", 70.0)),
        metric=metric,
        value=_number(row["value"], "value"),
        unit=unit,
        route=row.get("route", ""),
        infusion=_number(row["infusion_min"], "infusion_min") / 60 if row.get("infusion_min") else 0.0,
        interval=interval,
        duration=duration,
        others=tuple(
            _given(part) for part in re.split(r"[;|]", row.get("co_medication", "")) if part.strip()
        ),
        phenotype=_phenotype(row.get("phenotype", "")),
        covariates=covariates,
        sex={"f": "female", "m": "male", "women": "female", "men": "male"}.get(
            sex, sex if sex in ("female", "male") else ""
        ),
        tokens=tokens,
        at=_number(row["at_h"], "at_h") if row.get("at_h") else None,
        target=row.get("target", "").upper(),
        reference=row.get("reference", ""),
        spread=_spread(row.get("spread", "")),
        kind=row.get("class", ""),
    )


def _duration(text: str, interval: float) -> float:
    if text.lower() in ("ss", "steady state", "steady_state", "inf"):
        return math.inf
    if text:
        days = _number(text, "duration_days")
        return days if interval else 0.0
    return math.inf if interval else 0.0


def _mass(text: str, unit: str, weight: float) -> float:
    """A dose in mg; '/kg' is multiplied with the weight, '/h' is refused."""
    unit = (unit or "mg").replace("ug", "µg")
    per_kg = unit.endswith("/kg")
    plain = unit.removesuffix("/kg").split(" ")[0]
    found = parse_unit(plain)
    if str(found.dimension) != "mass":
        raise ValueError(f"dose unit '{unit}' is no mass")
    return _number(text, "dose") * found.factor * (weight if per_kg else 1.0)


def _given(text: str) -> Given:
    parts = [p.strip() for p in text.split(":")]
    dose = re.match(r"([\d.]+)\s*(mg|g|ug|µg)?", parts[1]) if len(parts) > 1 and parts[1] else None
    amount = float(dose.group(1)) * _MG.get(dose.group(2) or "mg", 1.0) if dose else 0.0
    every = re.match(r"([\d.]+)", parts[2]) if len(parts) > 2 else None
    return Given(parts[0], amount, float(every.group(1)) if every else 24.0)


def _phenotype(text: str) -> dict[str, str]:
    found = {}
    for part in re.split(r"[;,]", text):
        enzyme, sign, word = part.partition("=")
        if sign:
            found[enzyme.upper().replace("ACTIVITY SCORE", "").strip()] = word.strip()
    return found


def _tokens(text: str) -> dict[str, str]:
    return {
        k.strip().lower(): v.strip()
        for k, _, v in (part.partition("=") for part in re.split(r"[;,]", text))
        if v.strip()
    }


def _spread(text: str) -> float:
    """A coefficient of variation from 'CV 45 %', '45%' or 'cv=0.45'; nan where none is meant."""
    match = re.search(r"cv\D*([\d.]+)|([\d.]+)\s*%", text, re.IGNORECASE)
    if not match:
        return math.nan
    number = float(match.group(1) or match.group(2))
    return number / 100 if number > 3 or "%" in text else number
