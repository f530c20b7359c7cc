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

from euthymia.compounds.compound import Compound, is_compound, load_compound
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
from euthymia.compounds.observation_words import METRICS, measured, route_of, spellings
from euthymia.compounds.people import ancestry_of
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
COURSE = 3.0  # days: so long a treatment without an interval was once a day
CLASSES = ("typical", "metabolite", "drug_gene", "drug_drug", "occupancy", "spread")


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
    name_of_metric = measured(row["metric"])
    if name_of_metric is None:
        raise ValueError(f"metric '{row['metric']}' is unknown; known: {', '.join(METRICS)}")
    metric = name_of_metric.metric
    row = _plain(row)
    compound = load_compound(row["compound"])
    interval = hours(row.get("interval_h", ""))
    days = duration(row.get("duration_days", ""), interval)
    stated = row.get("duration_days", "")
    at_once = row.get("infusion_min") or row.get("at_h") or name_of_metric.at
    if metric in ("Cavg", "Css_ratio") and not (interval or stated or at_once):
        interval, days = 24.0, math.inf  # an average level is one of steady state
    if not interval and stated and duration(stated, 24.0) >= COURSE:
        interval = 24.0
        days = duration(stated, interval)
    said = tokens(f"{row.get('population', '')};{row.get('release', '')}")
    if name_of_metric.window:
        said.setdefault("auc_window_h", str(name_of_metric.window))
    if is_patch_rate(row.get("route", ""), row.get("unit", "")):
        said["delivered"] = "yes"
    covariates = _covariates(row, said)
    infusion = number(row["infusion_min"], "infusion_min") / 60 if row.get("infusion_min") else 0.0
    unit = row.get("value_unit") or "1"
    sex = row.get("sex", "").lower()
    value = number(row["value"], "value")
    companions = tuple(given(p) for p in re.split(r"[;|]|\s\+\s", row.get("co_medication", "")) if p.strip())
    phenotype = {k.upper(): v for k, v in said.items() if re.match(r"cyp\d", k)} | genes(
        row.get("phenotype", "")
    )
    at = number(row["at_h"], "at_h") if row.get("at_h") else name_of_metric.at or None
    return Observation(
        id=name,
        compound=row["compound"],
        analyte=row.get("analyte") or row["compound"],
        dose=_dose(row, metric, covariates.get("weight", WEIGHT), infusion, compound, interval),
        metric=metric,
        value=value,
        unit=unit,
        route=row.get("route", ""),
        infusion=infusion,
        interval=interval,
        duration=days,
        others=tuple(g for g in companions if g.name.lower() not in ("none", "no", "-", "placebo")),
        phenotype=phenotype,
        covariates=covariates,
        sex={"f": "female", "m": "male", "women": "female", "men": "male"}.get(
            sex, sex if sex in ("female", "male") else ""
        ),
        tokens=said,
        at=at,
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
    if "weight" not in found and ancestry_of(row.get("population", "")) == "east_asian":
        found["weight"] = WEIGHT * enzyme_numbers()["groups.east_asian_weight"].value
    if smoking := said.get("smoker", said.get("smoking", "")):
        found["smoker"] = float(is_yes(smoking))
    for key in ("egfr", "hepatic"):
        if key in said:
            found[key] = number(said[key], key)
    return found


def _fits(text: str, name: str) -> bool:
    """Whether a name without its 'N-' is still the same: not where the library's product lost a methyl from oxygen.

    >>> _fits("N-desmethylvenlafaxine", "desmethylvenlafaxine"), _fits("N-desmethylcitalopram", "desmethylcitalopram")
    (False, True)
    """
    if not re.match(r"n[-\s]", text, re.IGNORECASE):
        return True
    synonyms = load_compound(name).data.get("synonyms", [])
    return not any(str(other).lower().startswith("o-d") for other in synonyms)


def _plain(row: Mapping[str, str]) -> dict[str, str]:
    """A row in the library's words: salts and releases left out of names, an enantiomer given as half its mixture."""
    plain = dict(row)
    for column in ("compound", "analyte"):
        text = row.get(column, "")
        if text and "+" not in text and not is_compound(text):
            plain[column] = next(
                (name for name in spellings(text) if is_compound(name) and _fits(text, name)), text
            )
            plain["release"] = text if plain[column] != text else ""
    plain["route"] = route_of(row.get("route", ""))
    if words := re.fullmatch(r"\s*(\S+)\s+(?:base|(.+))\s*", row.get("unit", "")):
        if words.group(2) is None:
            plain["unit"] = words.group(1)
        elif not row.get("interval_h") and "/" not in words.group(1):
            plain["unit"], plain["interval_h"] = words.group(1), words.group(2)
    if plain.get("analyte") and is_compound(plain["analyte"]) and is_compound(plain["compound"]):
        part = load_compound(plain["analyte"])
        mixture = part.data.get("racemate")
        if mixture and load_compound(plain["compound"]).name == mixture:
            said = row.get("dose", "")
            plain["mixture"], plain["mixture_dose"], plain["compound"] = plain["compound"], said, part.name
            plain["dose"] = str(number(said, "dose") / 2) if said else ""
    return plain


def _dose(
    row: Mapping[str, str], metric: str, weight: float, infusion: float, compound: Compound, interval: float
) -> float:
    """mg; the usual lower dose where a half-life or a ratio leaves it open."""
    if row["dose"]:
        size = compound.value("molar_mass") if "molar_mass" in compound.parameters else math.nan
        return mass(row["dose"], row.get("unit", "mg"), weight, infusion, size, interval)
    if (metric == "t_half" or metric.endswith("_ratio")) and "doses.low" in compound.parameters:
        return compound.value("doses.low")
    raise ValueError(f"the dose is missing, and {metric} of {compound.name} cannot be computed without it")
