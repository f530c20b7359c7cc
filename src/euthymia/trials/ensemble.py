"""An ensemble of plausible models: fitted parameters, rival structures and everything that is only prior.

In: `library/ensembles/priors.yaml` (what is fitted, with its prior) and a table of members.  Out: an `Ensemble` whose
members each hold a value of every fitted parameter and one option of every rival structure.  Kinetics and potencies
that are uncertain are drawn for each member from their own stated uncertainty and are never fitted.

Fitted parameters are moved on a normal score z: value = centre * exp(spread * z) for a positive parameter
(`lognormal`), centre + spread * z held within its bounds otherwise (`normal`).
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.biology.network import build_network
from euthymia.biology.structures import combinations, structures
from euthymia.engine import OdeSystem
from euthymia.errors import InputError, Problem
from euthymia.evidence.read import LIBRARY, load
from euthymia.patients.streams import normals, uniforms

Array = NDArray[np.float64]
FOLDER = LIBRARY / "ensembles"
FITTED = FOLDER / "trials.csv"
SEED = 20240601
PROFILE = "full"
ROOMS = (
    "affinities", "compounds", "genotype", "interactions", "interventions", "modules", "populations", "structures",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prior:
    """Prior of one fitted parameter.

    Parameters
    ----------
    id : str
        Network parameter.
    kind : {"lognormal", "normal"}
    centre, spread, low, high : float
        In the parameter's unit; `spread` of a lognormal prior is the standard deviation of the logarithm.
    why : str
    """

    id: str
    kind: str
    centre: float
    spread: float
    low: float
    high: float
    why: str

    def value(self, z: Array) -> Array:
        """Values at normal scores."""
        if self.kind == "lognormal":
            return np.clip(self.centre * np.exp(self.spread * z), self.low, self.high)
        return np.clip(self.centre + self.spread * z, self.low, self.high)


@cache
def priors() -> tuple[Prior, ...]:
    """Fitted parameters with their priors; a centre that is left out is the library's own value.

    Raises
    ------
    InputError
        A parameter that the network does not have.
    """
    document = load(FOLDER / "priors.yaml")
    known = network().parameters
    found, problems = [], []
    for i, item in enumerate(document.data["parameters"]):
        if item["id"] not in known:
            problems.append(document.problem(("parameters", i, "id"), f"the network has no '{item['id']}'"))
            continue
        centre = float(item.get("centre", known[item["id"]].value))
        found.append(
            Prior(
                item["id"], item["kind"], centre, float(item["spread"]), float(item.get("low", 0.0)),
                float(item.get("high", np.inf)), item["why"],
            )
        )  # fmt: skip
    if problems:
        raise InputError(problems)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Members of an ensemble.

    Parameters
    ----------
    scores : ndarray, shape (members, fitted parameters)
        Normal scores of the fitted parameters under their priors.
    structure : ndarray of int, shape (members,)
        Place in `structure_list()`.
    number : ndarray of int, shape (members,)
        Decides the draws that are prior only.
    """

    scores: Array
    structure: NDArray[np.int64]
    number: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.number)

    def values(self) -> dict[str, Array]:
        """Network parameters by member, each of shape (members,); structures included."""
        found = {p.id: p.value(self.scores[:, i]) for i, p in enumerate(priors())}
        for id_ in sorted({k for s in structure_settings() for k in s}):
            base = found.get(id_, np.full(len(self), _default(id_)))
            per = np.array([_ratio(s, id_) for s in structure_settings()])
            chosen = per[self.structure]
            fixed = np.array([s.get(id_, np.nan) for s in structure_settings()])[self.structure]
            moved = base * chosen if id_ in found else fixed
            found[id_] = np.where(np.isnan(fixed), base, moved)
        return found

    def take(self, index: NDArray[np.int64] | Sequence[int]) -> Ensemble:
        """Some of the members."""
        index = np.asarray(index)
        return Ensemble(self.scores[index], self.structure[index], self.number[index])

    def with_scores(self, scores: Array) -> Ensemble:
        """The same members at other values of the fitted parameters."""
        return Ensemble(scores, self.structure, self.number)


def _default(id_: str) -> float:
    return float(network().parameters[id_].value)


def _ratio(setting: Mapping[str, float], id_: str) -> float:
    """A structure scales a fitted parameter by what it does to the library's value."""
    default = _default(id_)
    return setting[id_] / default if id_ in setting and default else 1.0


@cache
def structure_list() -> tuple[tuple[dict[str, str], float], ...]:
    """Compatible combinations of rival mechanisms with prior weights."""
    return tuple(combinations())


@cache
def structure_settings() -> tuple[dict[str, float], ...]:
    """Network parameters that each combination sets to something else than the default network has.

    Raises
    ------
    InputError
        A combination that uses another module variant, which cannot be expressed by parameters.
    """
    single = {
        (name, option): _setting(name, option)
        for name, structure in structures().items()
        for option in structure.options
    }
    return tuple(
        {k: v for pair in wanted.items() for k, v in single[pair].items()} for wanted, _ in structure_list()
    )


def _setting(name: str, option: str) -> dict[str, float]:
    base = network()
    other = build_network(PROFILE, {name: option}, check_rest=False).system
    if list(other.states) != list(base.states):
        raise InputError([Problem(f"structure {name}={option} changes the network's states")])
    return {
        k: float(v.value)
        for k, v in other.parameters.items()
        if k in base.parameters and v.value != base.parameters[k].value
    }


@cache
def network() -> OdeSystem:
    """The network without drugs, at the library's own values."""
    return build_network(PROFILE, check_rest=False).system


def prior_ensemble(members: int, seed: int = SEED) -> Ensemble:
    """Members drawn from the priors; structures by their prior weights."""
    number = np.arange(members, dtype=np.int64)
    scores = normals(seed, "ensemble", number, "fitted", len(priors()))
    edges = np.cumsum([w for _, w in structure_list()])
    u = uniforms(seed, "ensemble", number, "structure")[:, 0]
    return Ensemble(scores, np.minimum(np.searchsorted(edges, u), len(edges) - 1).astype(np.int64), number)


def default_ensemble() -> Ensemble:
    """One member: the library's own values and default structures, at the typical value of everything uncertain."""
    defaults = next(i for i, s in enumerate(structure_settings()) if not s)
    return Ensemble(np.zeros((1, len(priors()))), np.array([defaults]), np.array([-1]))


def write_ensemble(ensemble: Ensemble, path: Path) -> None:
    """Members as CSV: number, structure, and the normal score and value of every fitted parameter."""
    names = [p.id for p in priors()]
    values = np.column_stack([p.value(ensemble.scores[:, i]) for i, p in enumerate(priors())])
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["member", "structure", *[f"z:{n}" for n in names], *names])
        for i in range(len(ensemble)):
            words = ";".join(f"{k}={v}" for k, v in structure_list()[ensemble.structure[i]][0].items())
            row = [*np.round(ensemble.scores[i], 4), *(f"{v:.5g}" for v in values[i])]
            out.writerow([ensemble.number[i], words, *row])


def read_ensemble(path: Path | None = None) -> Ensemble:
    """Members from a file; the library's fitted ensemble where none is named.

    Raises
    ------
    InputError
        The file is missing, or its columns are not those of the priors.
    """
    path = FITTED if path is None else path
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        raise InputError([Problem("no fitted ensemble; run 'euthymia calibrate'", str(path))]) from None
    names = [f"z:{p.id}" for p in priors()]
    missing = [n for n in names if not rows or n not in rows[0]]
    if missing:
        raise InputError([Problem(f"lacks {', '.join(missing)}; run 'euthymia calibrate'", str(path))])
    words = [";".join(f"{k}={v}" for k, v in s.items()) for s, _ in structure_list()]
    unknown = sorted({r["structure"] for r in rows} - set(words))
    if unknown:
        raise InputError([Problem(f"unknown structures: {unknown[0]}; run 'euthymia calibrate'", str(path))])
    return Ensemble(
        np.array([[float(r[n]) for n in names] for r in rows]),
        np.array([words.index(r["structure"]) for r in rows], dtype=np.int64),
        np.array([int(r["member"]) for r in rows], dtype=np.int64),
    )


def as_rows(ensemble: Ensemble) -> list[dict[str, Any]]:
    """Plain data: one row a member."""
    values = ensemble.values()
    return [{k: float(v[i]) for k, v in values.items()} for i in range(len(ensemble))]


def model_hash() -> str:
    """SHA-256 over everything of the library that a simulated trial rests on, and the priors."""
    digest = hashlib.sha256()
    files = [p for room in ROOMS for p in sorted((LIBRARY / room).glob("*.*"))]
    for path in (*files, LIBRARY / "treatments.yaml", LIBRARY / "ensembles" / "priors.yaml"):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def is_stale() -> bool:
    """Whether the shipped ensemble was made with another version of what trials rest on."""
    try:
        made = json.loads((FOLDER / "calibration.json").read_text("utf-8"))["inputs"]["model_sha256"]
    except (OSError, ValueError, KeyError):
        return True
    return made != model_hash()
