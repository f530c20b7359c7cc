"""A prediction under every structure that bears on it: the average, its spread, and how many structures agree.

In: a protocol.  Out: for each active arm the difference from control under every compatible combination of options
(and, where asked, of rival forms of modules), weighted by prior weights.  The same virtual patients receive every
arm, so little noise is left between combinations.  Structures that do not move the prediction are left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from euthymia.biology.structures import choose, structures
from euthymia.biology.variants import variants as forms_of
from euthymia.errors import InputError, Problem, nearest
from euthymia.patients.population import load_population
from euthymia.protocol.protocol import Protocol
from euthymia.trials.cohort import recruit
from euthymia.trials.model import build_model
from euthymia.trials.simulate import treat

PATIENTS = 48
MOVED = 0.02  # points of MADRS: below, a structure does not bear on the prediction
ORDINARY = "ordinary"
Progress = Callable[[str, int, int], None]


def _silent(stage: str, done: int, total: int) -> None:
    """No progress."""


@dataclass(frozen=True, slots=True)
class Combination:
    """One way the science may be: options of structures, forms of modules, prior weight, differences by arm."""

    structures: dict[str, str]
    forms: dict[str, str]
    weight: float
    differences: dict[str, float]

    @property
    def label(self) -> str:
        """The choices in words."""
        return ", ".join(f"{k}={v}" for k, v in {**self.structures, **self.forms}.items()) or "default"


@dataclass(frozen=True, slots=True)
class Average:
    """One arm's difference from control averaged over structures, MADRS points.

    Parameters
    ----------
    mean, sd : float
        Weighted mean, and weighted standard deviation between combinations.
    low, high : float
        Smallest and largest.
    agree, total : int
        Combinations whose difference has the sign of the mean and at least half its size, and all combinations.
    agree_weight : float
        Prior weight of those that agree.
    """

    arm: str
    mean: float
    sd: float
    low: float
    high: float
    agree: int
    total: int
    agree_weight: float


@dataclass(frozen=True, slots=True)
class StructuralPrediction:
    """Everything `predict_over_structures` found."""

    combinations: tuple[Combination, ...]
    averages: tuple[Average, ...]
    varied: tuple[str, ...]
    without_effect: tuple[str, ...]
    refused: tuple[str, ...]
    patients: int

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def average(arm: str, differences: Sequence[float], weights: Sequence[float]) -> Average:
    """The weighted average of one arm, and how many agree.

    >>> average("a", [-2.0, -3.0, 0.5], [0.5, 0.25, 0.25]).agree
    2
    """
    x, w = np.asarray(differences, float), np.asarray(weights, float) / np.sum(weights)
    mean = float(w @ x)
    same = (np.sign(x) == np.sign(mean)) & (np.abs(x) >= abs(mean) / 2)
    return Average(
        arm,
        mean,
        float(np.sqrt(w @ (x - mean) ** 2)),
        float(x.min()),
        float(x.max()),
        int(same.sum()),
        len(x),
        float(w[same].sum()),
    )


def predict_over_structures(
    protocol: Protocol,
    vary: Sequence[str] | None = None,
    forms: Sequence[str] = (),
    patients: int = PATIENTS,
    *,
    threads: int | None = None,
    progress: Progress = _silent,
) -> StructuralPrediction:
    """Differences from control at the last visit under every structure that bears on them.

    Parameters
    ----------
    protocol : Protocol
    vary : sequence of str, optional
        Structures to vary; by default every one that moves the prediction when changed alone.
    forms : sequence of str
        Modules whose rival forms are tried as well, each with the weight of the ordinary form.
    patients : int
        Virtual patients; all of them receive every arm.

    Raises
    ------
    InputError
        Unknown structures, a module without rival forms, or no active arm.
    """
    known = structures()
    wrong = [
        Problem(f"no structure '{v}'{nearest(v, known)}", key="vary") for v in vary or () if v not in known
    ]
    wrong += [Problem(f"'{f}' has no rival forms", key="forms") for f in forms if not forms_of(f)]
    if all(arm.control or all(t.placebo for t in arm.treatment) for arm in protocol.arms):
        wrong.append(Problem("no arm to compare with control", key="arms"))
    if wrong:
        raise InputError(wrong)
    default = _differences(protocol, {}, {}, patients, threads)
    screened = list(vary) if vary else [s for s in known if s not in dict(protocol.structures)]
    options = {s: [o for o in known[s].options if o != known[s].default] for s in screened}
    alone: dict[str, bool] = {}
    done: dict[tuple[tuple[str, str], ...], dict[str, float]] = {(): default}
    for i, (name, rivals) in enumerate(options.items()):
        moved = vary is not None
        for option in rivals:
            found = _differences(protocol, {name: option}, {}, patients, threads)
            done[((name, option),)] = found
            moved |= any(abs(found[a] - default[a]) > MOVED for a in default)
        alone[name] = moved
        progress("screen", i + 1, len(options))
    varied = [s for s in options if alone[s]]
    combos = list(_combinations(protocol, varied, forms))
    kept, refused = [], []
    for i, (chosen, rivals_of, weight) in enumerate(combos):
        key = tuple((k, v) for k, v in chosen.items() if v != known[k].default)
        try:
            found = (
                done[key]
                if key in done and not rivals_of
                else _differences(protocol, chosen, rivals_of, patients, threads)
            )
        except InputError as error:
            refused.append(f"{Combination(chosen, rivals_of, weight, {}).label}: {error.problems[0].message}")
            continue
        finally:
            progress("combine", i + 1, len(combos))
        kept.append(Combination(chosen, rivals_of, weight, found))
    total = sum(c.weight for c in kept)
    kept = [replace(c, weight=c.weight / total) for c in kept]
    averages = tuple(
        average(arm, [c.differences[arm] for c in kept], [c.weight for c in kept]) for arm in default
    )
    still = tuple(s for s in options if not alone[s])
    return StructuralPrediction(tuple(kept), averages, (*varied, *forms), still, tuple(refused), patients)


def _combinations(
    protocol: Protocol, varied: Sequence[str], forms: Sequence[str]
) -> Iterator[tuple[dict[str, str], dict[str, str], float]]:
    known, fixed = structures(), dict(protocol.structures)
    axes = [[(s, o, known[s].options[o].weight) for o in known[s].options] for s in varied]
    axes += [[(f, o, 1.0) for o in (ORDINARY, *forms_of(f))] for f in forms]
    for picks in itertools.product(*axes):
        chosen = {name: option for name, option, _ in picks if name in known}
        rivals = {name: option for name, option, _ in picks if name not in known and option != ORDINARY}
        try:
            choose({**fixed, **chosen})
        except InputError:
            continue
        yield chosen, rivals, float(np.prod([weight for _, _, weight in picks]))


def _differences(
    protocol: Protocol,
    chosen: Mapping[str, str],
    rivals: Mapping[str, str],
    patients: int,
    threads: int | None,
) -> dict[str, float]:
    """Mean drug effect of each active arm less that of control, model MADRS points at the last visit."""
    own = protocol.replace(
        structures=tuple(sorted({**dict(protocol.structures), **chosen}.items())),
        variants=tuple(sorted({**dict(protocol.variants), **rivals}.items())),
    )
    model = build_model(own)
    one = own.replace(arms=(replace(own.arms[0], n=patients),))
    cohort = recruit(model, load_population(own.base), one, "structures", threads)
    effect: dict[str, float] = {}
    for i, arm in enumerate(own.arms):
        if all(t.placebo for t in arm.treatment):
            effect[arm.name] = 0.0
            continue
        got = treat(own, model, "structures", cohort, np.full(patients, i), threads)
        well = got["status"] == 0
        effect[arm.name] = float((got["severity"] - got["untreated"])[well, -1].mean())
    controls = [a.name for a in own.arms if a.control or all(t.placebo for t in a.treatment)]
    base = effect[controls[0]] if controls else 0.0
    active = [a.name for a in own.arms if a.name not in controls[:1]]
    return {name: effect[name] - base for name in active}
