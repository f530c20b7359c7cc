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

from euthymia.compounds.compound import Compound, load_compound
from euthymia.compounds.genotype import enzyme_numbers
from euthymia.compounds.observation_text import (
    WEIGHT,
    Given,
    duration,
    gene,
    genes,
    given,
    hours,
    is_patch_rate,
    is_yes,
    mass,
    number,
    tokens,
    variation,
)
from euthymia.errors import InputError, UnitError, nearest

__all__ = ["CLASSES", "COLUMNS", "METRICS", "Given", "Observation", "read_observations"]

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
    "css_avg_ratio": "Css_ratio",
    "ctrough_ratio": "Css_ratio",
    "c_ratio": "Css_ratio",
    "auc_tau_ratio": "AUC_ratio",
    "auc_inf_ratio": "AUC_ratio",
    "aucr": "AUC_ratio",
    "cmaxr": "Cmax_ratio",
    "conc": "Cavg",
    "concentration": "Cavg",
    "c": "Cavg",
    "cmax_ss": "Cmax",
    "cmin_ss": "Cmin",
    "cavg_ss": "Cavg",
    "css_min": "Cmin",
    "trough": "Cmin",
    "auc_ss": "AUC_tau",
    "auc0_tau": "AUC_tau",
    "auc_0_tau": "AUC_tau",
    "auc24": "AUC_tau",
    "auc0_24": "AUC_tau",
    "auclast": "AUC_inf",
    "auc_last": "AUC_inf",
    "t1/2": "t_half",
    "t1_2": "t_half",
    "halflife": "t_half",
    "occ": "occupancy",
    "c_trough": "Cmin",
    "ctrough": "Cmin",
    "thalf": "t_half",
    "half_life": "t_half",
}
_EAST_ASIAN = re.compile(
    r"\b(east asians?|chinese|japanese|koreans?|taiwanese|thais?|vietnamese)\b", re.IGNORECASE
)


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
    row: Mapping[str, str] = field(default_factory=dict, repr=False)


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
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError([f"{path}: cannot be read as a UTF-8 CSV table: {error}"]) from None
    needed = ("id", "compound", "dose", "metric", "value")
    missing = [c for c in needed if c not in header]
    if missing:
        raise InputError([f"{path}: column '{c}' is missing{nearest(c, header)}" for c in missing])
    good: list[Observation] = []
    bad: list[tuple[str, str]] = []
    for line, row in enumerate(rows, 2):
        clean = {str(k): (v or "").strip() for k, v in row.items() if k and not isinstance(v, list)}
        name = clean.get("id") or f"line {line}"
        try:
            good.append(observation(name, clean))
        except InputError as error:
            bad.append((name, "; ".join(p.message for p in error.problems)))
        except (ValueError, UnitError) as error:
            bad.append((name, str(error)))
    return good, bad


def observation(name: str, row: Mapping[str, str]) -> Observation:
    """One row of a table as an observation.

    Raises
    ------
    ValueError, InputError, UnitError
        What cannot be understood.
    """
    metric = _METRIC.get(row["metric"].lower().replace("-", "_").replace(" ", "_"))
    if metric is None:
        raise ValueError(f"metric '{row['metric']}' is unknown; known: {', '.join(METRICS)}")
    compound = load_compound(row["compound"])
    interval = hours(row.get("interval_h", ""))
    days = duration(row.get("duration_days", ""), interval)
    if math.isinf(days) and not interval:
        interval = 24.0
    said = tokens(row.get("population", ""))
    if is_patch_rate(row.get("route", ""), row.get("unit", "")):
        said["delivered"] = "yes"
    covariates = _covariates(row, said)
    infusion = number(row["infusion_min"], "infusion_min") / 60 if row.get("infusion_min") else 0.0
    unit = row.get("value_unit") or "1"
    sex = row.get("sex", "").lower()
    value = number(row["value"], "value")
    companions = tuple(given(p) for p in re.split(r"[;|]", row.get("co_medication", "")) if p.strip())
    return Observation(
        id=name,
        compound=row["compound"],
        analyte=row.get("analyte") or row["compound"],
        dose=_dose(row, metric, covariates.get("weight", WEIGHT), infusion, compound),
        metric=metric,
        value=value,
        unit=unit,
        route=row.get("route", ""),
        infusion=infusion,
        interval=interval,
        duration=days,
        others=tuple(g for g in companions if g.name.lower() not in ("none", "no", "-", "placebo")),
        phenotype=genes(row.get("phenotype", "")),
        covariates=covariates,
        sex={"f": "female", "m": "male", "women": "female", "men": "male"}.get(
            sex, sex if sex in ("female", "male") else ""
        ),
        tokens=said,
        at=number(row["at_h"], "at_h") if row.get("at_h") else None,
        target=gene(row.get("target", "")),
        reference=row.get("reference", ""),
        spread=variation(row.get("spread", ""), value),
        kind=row.get("class", "").strip().lower().replace("-", "_").replace(" ", "_"),
        row=row,
    )


def _covariates(row: Mapping[str, str], said: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for column, key in (("age", "age"), ("weight_kg", "weight")):
        if row.get(column):
            found[key] = number(row[column], column)
    if "weight" not in found and _EAST_ASIAN.search(row.get("population", "")):
        found["weight"] = WEIGHT * enzyme_numbers()["groups.east_asian_weight"].value
    if is_yes(said.get("smoker", said.get("smoking", ""))):
        found["smoker"] = 1.0
    for key in ("egfr", "hepatic"):
        if key in said:
            found[key] = number(said[key], key)
    return found


def _dose(row: Mapping[str, str], metric: str, weight: float, infusion: float, compound: Compound) -> float:
    """mg; the usual lower dose where a half-life or a ratio leaves it open."""
    if row["dose"]:
        size = compound.value("molar_mass") if "molar_mass" in compound.parameters else math.nan
        return mass(row["dose"], row.get("unit", "mg"), weight, infusion, size)
    if (metric == "t_half" or metric.endswith("_ratio")) and "doses.low" in compound.parameters:
        return compound.value("doses.low")
    raise ValueError(f"the dose is missing, and {metric} of {compound.name} cannot be computed without it")
