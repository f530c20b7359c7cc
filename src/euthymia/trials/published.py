"""Published trials: files, tables, and the contrasts they report.

In: `library/trials/*.yaml`, files or folders of a user, or a table with one row per arm and time.  Out:
`PublishedTrial` and its `Contrast` rows in MADRS-equivalents.  Assumed: a contrast is an active arm against
the first control arm at the primary time; a missing standard error comes from the numbers of patients and a standard
deviation of 9.8 MADRS points.

A file marked `use: validation` is refused by `calibration_trials`, the only door through which fitting code
reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.read import LIBRARY, Document, load
from euthymia.outcomes.scales import scale

SPREAD = 9.8  # MADRS points: SD of the endpoint score over the arms of the large data set
UNSCALED = ("relapse",)
FEWEST = 2
USUAL_N = 51  # patients an arm where not stated: median of the arms of the calibration trials
# mean z value of the calibration trials with magnitudes, by verdict (59 and 21 contrasts)
USUAL_Z = {"yes": -2.8, "no": -1.1}


@dataclass(frozen=True, slots=True)
class PublishedArm:
    """One arm as randomised; `mechanism` and `group` name what it engages and the wider class."""

    name: str
    role: str
    treatment: str
    dose: str = ""
    route: str = ""
    schedule: str = ""
    n: int | None = None
    mechanism: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What an arm showed at one time, in points of `scale` and percent.

    `difference` is against control, negative in favour of the arm; None where not reported.
    """

    arm: str
    scale: str
    day: float | None = None
    primary: bool = False
    n: int | None = None
    baseline: float | None = None
    score: float | None = None
    change: float | None = None
    sd: float | None = None
    se: float | None = None
    response: float | None = None
    remission: float | None = None
    dropout: float | None = None
    difference: float | None = None
    difference_se: float | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    """Active arm against control at the primary time, MADRS-equivalents.

    Parameters
    ----------
    observed : float or None
        Placebo-adjusted change; None where no magnitude was reported.
    se : float
        Its standard error, reported or from numbers of patients.
    design_se : float
        Standard error expected from the numbers of patients alone; known before the result is.
    success : bool or None
        Whether the trial met its primary endpoint.
    proxy : (value, standard error) or None
        What stands in for a magnitude that was not reported, to learn from and never to be scored: from response
        rates where both arms state them, else from the verdict.
    """

    trial: str
    arm: str
    treatment: str
    dose: str
    mechanism: str
    group: str
    year: int
    n: int
    n_control: int
    day: float
    scale: str
    blinding: str
    layout: str
    history: str
    observed: float | None
    se: float
    design_se: float
    success: bool | None
    proxy: tuple[float, float] | None = None

    @property
    def learned(self) -> tuple[float, float] | None:
        """Value and standard error to learn from: the observed difference, else the proxy."""
        return self.proxy if self.observed is None else (self.observed, self.se)

    @property
    def key(self) -> str:
        """`trial/arm`."""
        return f"{self.trial}/{self.arm}"


@dataclass(frozen=True, slots=True)
class PublishedTrial:
    """Design, arms and observed results of a published trial."""

    id: str
    title: str
    year: int
    use: str
    population: str
    history: str
    setting: str
    layout: str
    blinding: str
    run_in: bool
    background: str
    arms: tuple[PublishedArm, ...]
    results: tuple[Result, ...]
    primary_met: str
    grade: str
    file: str = ""
    cites: tuple[str, ...] = ()

    def arm(self, name: str) -> PublishedArm:
        """The arm of this name."""
        return next(a for a in self.arms if a.name == name)

    @property
    def control(self) -> PublishedArm | None:
        """The first control arm."""
        return next((a for a in self.arms if a.role == "control"), None)

    def contrasts(self) -> list[Contrast]:
        """Every active arm against control at the primary time."""
        control = self.control
        if control is None:
            return []
        against = next((r for r in self.results if r.primary and r.arm == control.name), None)
        n_control = (against.n if against else None) or control.n
        found = []
        for r in self.results:
            arm = self.arm(r.arm)
            if not r.primary or arm.role != "active":
                continue
            points = 1.0 if r.scale in UNSCALED else scale(r.scale).slope
            difference = r.difference
            if (
                difference is None
                and r.change is not None
                and against is not None
                and against.change is not None
            ):
                difference = r.change - against.change
            n1 = r.n or arm.n or n_control or USUAL_N
            n0 = n_control or n1
            planned = SPREAD * float(np.sqrt(1 / n1 + 1 / n0))
            found.append(
                Contrast(
                    self.id, arm.name, arm.treatment, arm.dose, arm.mechanism, arm.group, self.year, n1, n0,
                    r.day if r.day is not None else 42.0, r.scale, self.blinding, self.layout, self.history,
                    None if difference is None else difference * points,
                    planned if r.difference_se is None else r.difference_se * points, planned,
                    {"yes": True, "no": False}.get(self.primary_met),
                    _from_response(r, against, n1, n0) or _from_verdict(self.primary_met, planned),
                )
            )  # fmt: skip
        return found


def _from_response(arm: Result, control: Result | None, n1: int, n0: int) -> tuple[float, float] | None:
    """Difference in MADRS points from response rates: log odds ratio x sqrt(3)/pi x SD, half a patient a cell."""
    if control is None or arm.response is None or control.response is None:
        return None
    a, b = arm.response / 100 * n1, control.response / 100 * n0
    cells = np.array([a, n1 - a, b, n0 - b]) + 0.5
    unit = SPREAD * float(np.sqrt(3) / np.pi)
    odds = np.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    return float(-unit * odds), float(unit * np.sqrt((1 / cells).sum()))


def _from_verdict(met: str, se: float) -> tuple[float, float] | None:
    """Difference of a trial that says only whether it succeeded: the usual z value of its like."""
    return (USUAL_Z[met] * se, se) if met in USUAL_Z else None


def read_trial(path: str | Path) -> PublishedTrial:
    """One trial file.

    Raises
    ------
    InputError
        Every problem of the file: schema, unknown arms or scales, impossible numbers.
    """
    document = load(path, "trial")
    problems = list(_problems(document))
    if problems:
        raise InputError(problems)
    return _build(document.data, str(path))


def _build(data: dict[str, Any], file: str = "") -> PublishedTrial:
    arms = tuple(
        PublishedArm(**{("group" if k == "class" else k): v for k, v in a.items()}) for a in data["arms"]
    )
    people, design = data["population"], data["design"]
    source = data["evidence"][0]
    return PublishedTrial(
        id=data["trial"],
        title=data["title"],
        year=data["year"],
        use=data["use"],
        population=people["described"],
        history=people.get("history", "none"),
        setting=people.get("setting", "outpatient"),
        layout=design["layout"],
        blinding=design["blinding"],
        run_in=design.get("run_in", False),
        background=data.get("background", "none"),
        arms=arms,
        results=tuple(Result(**r) for r in data["results"]),
        primary_met=data["primary_met"],
        grade="A" if source.get("kind") == "READ" else "C",
        file=file,
        cites=tuple(e["cite"] for e in data["evidence"] if "cite" in e),
    )


def _problems(document: Document) -> Iterable[Problem]:
    """What the schema cannot see: names that do not resolve and numbers that cannot be."""
    data = document.data
    names = [a["name"] for a in data["arms"]]
    roles = {a["role"] for a in data["arms"]}
    for i, arm in enumerate(data["arms"]):
        if names.index(arm["name"]) != i:
            yield document.problem(("arms", i, "name"), f"arm '{arm['name']}' is defined twice; rename one")
        if arm.get("n", FEWEST) < FEWEST:
            yield document.problem(
                ("arms", i, "n"), f"{arm['n']} patients are no arm; give at least {FEWEST}"
            )
    if "active" not in roles or roles == {"active"}:
        yield document.problem(("arms",), "needs an active arm and a control or comparator arm")
    for i, r in enumerate(data["results"]):
        at: tuple[str | int, ...] = ("results", i)
        if r["arm"] not in names:
            hint = nearest(r["arm"], names) or f"; arms: {', '.join(names)}"
            yield document.problem((*at, "arm"), f"no arm '{r['arm']}'{hint}")
        for key in ("response", "remission", "dropout"):
            if not 0 <= r.get(key, 0) <= 100:
                yield document.problem((*at, key), f"{r[key]} is not a percentage between 0 and 100")
        if r.get("remission", 0) > r.get("response", 100) + 15:
            yield document.problem(
                (*at, "remission"),
                f"remission {r['remission']} % far above response {r['response']} %: check both",
            )
        for key in ("sd", "se", "difference_se"):
            if r.get(key, 1) <= 0:
                yield document.problem((*at, key), f"{r[key]} cannot be; leave it out if not reported")
        if r.get("day", 0) < 0:
            yield document.problem((*at, "day"), f"day {r['day']} is before randomisation")
        if r["scale"] in UNSCALED:
            continue
        try:
            top = scale(r["scale"]).maximum
        except InputError as error:
            yield document.problem((*at, "scale"), str(error))
            continue
        for key in ("baseline", "change", "difference"):
            if abs(r.get(key, 0)) > top:
                yield document.problem(
                    (*at, key), f"{r[key]} is beyond the range of {r['scale']} (0 to {top:g})"
                )
        if "baseline" in r and r.get("change", 0) < -r["baseline"]:
            yield document.problem(
                (*at, "change"), f"a fall of {-r['change']} from a mean of {r['baseline']}"
            )


def trial_files(paths: Iterable[str | Path]) -> list[Path]:
    """Trial files in the given files and folders, sorted."""
    found: list[Path] = []
    for path in map(Path, paths):
        found += (
            sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml")) if path.is_dir() else [path]
        )
    return found


def read_trials(paths: Iterable[str | Path]) -> tuple[list[PublishedTrial], list[Problem]]:
    """Every trial in files, folders and tables (`.csv`); a bad one is reported and stops no other."""
    from euthymia.trials.table import read_table

    trials: list[PublishedTrial] = []
    problems: list[Problem] = []
    for path in trial_files(paths):
        try:
            if path.suffix == ".csv":
                more, faults = read_table(path)
                trials += more
                problems += faults
            else:
                trials.append(read_trial(path))
        except InputError as error:
            problems += error.problems
    return trials, problems


def calibration_trials(folder: str | Path | None = None) -> list[PublishedTrial]:
    """The trials a fit may see; the only reader fitting code uses.

    Raises
    ------
    InputError
        A file in the folder is marked `use: validation`, or is faulty.
    """
    folder = LIBRARY / "trials" if folder is None else Path(folder)
    trials, problems = read_trials([folder])
    problems += [
        Problem("is marked 'use: validation' and cannot be fitted to; move it elsewhere", t.file, key="use")
        for t in trials
        if t.use != "calibration"
    ]
    if problems:
        raise InputError(problems)
    return trials
