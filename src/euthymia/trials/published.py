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

from euthymia.errors import InputError, Problem
from euthymia.evidence.read import LIBRARY, Document, parse, read_text, validate
from euthymia.outcomes.scales import canonical, scale, scale_names
from euthymia.trials.faults import UNSCALED, faults, remarks

SPREAD = 9.8  # MADRS points: SD of the endpoint score over the arms of the large data set
READ = (".yaml", ".yml", ".json", ".csv", ".tsv")
VERDICTS = {"yes": True, "no": False}
USUAL_DAY = 42.0
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

    `difference` is against control (or the arm named in `against`), negative in favour of the arm; None where not
    reported.  `smd` is the same in standard deviations.
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
    smd: float | None = None
    p: float | None = None
    ci: tuple[float, float] | None = None
    significant: str = ""
    against: str = ""

    @property
    def points(self) -> float | None:
        """MADRS points per point of this scale: its link, else by the standard deviation; None where neither is known."""
        if self.scale in UNSCALED:
            return 1.0
        if canonical(self.scale) in scale_names():
            return scale(self.scale).slope
        return SPREAD / self.sd if self.sd else None


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
    against: str = ""

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
    threshold: float | None = None
    duration: float | None = None
    age: float | None = None
    female: float | None = None
    failed: float | None = None
    region: str = ""
    notes: tuple[Problem, ...] = ()

    def arm(self, name: str) -> PublishedArm:
        """The arm of this name."""
        return next(a for a in self.arms if a.name == name)

    @property
    def control(self) -> PublishedArm | None:
        """The first control arm."""
        return next((a for a in self.arms if a.role == "control"), None)

    def contrasts(self) -> list[Contrast]:
        """Every active arm against control (or the arm its result names) at the primary time."""
        found = []
        for arm in self.arms:
            rows = [r for r in self.results if r.primary and r.arm == arm.name]
            silent = all(r.arm != arm.name for r in self.results)
            if arm.role == "active" and silent and self.primary_met in VERDICTS:
                rows = [Result(arm.name, "MADRS", primary=True)]
            for r in rows:
                other = self.arm(r.against) if r.against else self.control
                if other is not None and other is not arm and (arm.role == "active" or r.against):
                    found.append(self._contrast(r, arm, other))
        return found

    def _contrast(self, r: Result, arm: PublishedArm, control: PublishedArm) -> Contrast:
        theirs = [x for x in self.results if x.arm == control.name]
        same = [x for x in theirs if canonical(x.scale) == canonical(r.scale) and x.day == r.day]
        against = next(iter([*same, *(x for x in theirs if x.primary)]), None)
        n_control = (against.n if against else None) or control.n
        points, difference = r.points, r.difference
        if difference is None and r.change is not None and against in same and against is not None:
            difference = None if against.change is None else r.change - against.change
        n1 = r.n or arm.n or n_control or USUAL_N
        n0 = n_control or n1
        planned = SPREAD * float(np.sqrt(1 / n1 + 1 / n0))
        observed = None if difference is None or points is None else difference * points
        se = planned if r.difference_se is None or points is None else r.difference_se * points
        if observed is None and r.smd is not None:
            observed = r.smd * SPREAD
        return Contrast(
            self.id, arm.name, arm.treatment, arm.dose, arm.mechanism, arm.group, self.year, n1, n0,
            r.day if r.day is not None else self.duration or USUAL_DAY, r.scale, self.blinding, self.layout,
            self.history, observed, se, planned, VERDICTS.get(self.primary_met),
            _from_response(r, against, n1, n0) or _from_verdict(self.primary_met, planned), control.name,
        )  # fmt: skip


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
    """One trial file, in any of the forms `trials.forms` understands.

    Raises
    ------
    InputError
        Every problem of the file: schema, unknown arms or scales, impossible numbers, contradictions.
    """
    path = Path(path)
    inside = path.is_absolute() and path.is_relative_to(LIBRARY)
    name = str(path.relative_to(LIBRARY)) if inside else str(path)
    return from_document(parse(read_text(path), name), str(path), path.stem)


def from_document(document: Document, file: str = "", stem: str = "") -> PublishedTrial:
    """The trial of a parsed document.

    Raises
    ------
    InputError
        Every problem of the document.
    """
    from euthymia.trials.forms import stored_form

    stored, problems, notes = stored_form(document, stem)
    unfit = list(validate(stored, "trial"))
    faulty: list[Problem] = [*problems, *unfit, *([] if unfit else faults(stored))]
    if faulty:
        raise InputError(_in_order(faulty))
    return _build(stored.data, file, (*notes, *remarks(stored)))


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(set(problems), key=lambda p: (p.line, p.column, p.message))


def _build(data: dict[str, Any], file: str = "", notes: tuple[Problem, ...] = ()) -> PublishedTrial:
    arms = tuple(
        PublishedArm(**{("group" if k == "class" else k): v for k, v in a.items()}) for a in data["arms"]
    )
    people, design = data["population"], data["design"]
    sources = data.get("evidence", [])
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
        results=tuple(
            Result(**{**r, "scale": canonical(r["scale"]), **({"ci": tuple(r["ci"])} if "ci" in r else {})})
            for r in data["results"]
        ),
        primary_met=data["primary_met"],
        grade="A" if sources and sources[0].get("kind") == "READ" else "C",
        file=file,
        cites=tuple(e["cite"] for e in sources if "cite" in e),
        threshold=people.get("threshold"),
        duration=design.get("duration"),
        age=people.get("age"),
        female=people.get("female"),
        failed=people.get("failed"),
        region=people.get("region", ""),
        notes=notes,
    )


def trial_files(paths: Iterable[str | Path]) -> list[Path]:
    """Trial files in the given files and folders, sorted."""
    found: list[Path] = []
    for path in map(Path, paths):
        inside = (p for p in path.rglob("*") if p.suffix.lower() in READ and p.is_file())
        found += sorted(inside) if path.is_dir() else [path]
    return list(dict.fromkeys(found))


def read_trials(paths: Iterable[str | Path]) -> tuple[list[PublishedTrial], list[Problem]]:
    """Every trial in files, folders and tables (`.csv`); a bad one is reported and stops no other."""
    from euthymia.trials.table import read_table

    trials: list[PublishedTrial] = []
    problems: list[Problem] = []
    places: dict[str, str] = {}
    for path in trial_files(paths):
        try:
            if path.suffix.lower() in (".csv", ".tsv"):
                more, wrong = read_table(path)
                problems += wrong
            else:
                more = read_trials_of(path)
        except InputError as error:
            problems += error.problems
            continue
        for trial in more:
            if trial.id in places:
                message = f"trial '{trial.id}' was read already from {places[trial.id]}; rename one"
                problems.append(Problem(message, str(path), key="trial"))
                continue
            places[trial.id] = str(path)
            trials.append(trial)
    return trials, problems


def read_trials_of(path: Path) -> list[PublishedTrial]:
    """The trials of one file: usually one, several where the file is a list.

    Raises
    ------
    InputError
        Every problem of the file.
    """
    document = parse(read_text(path), str(path))
    if not isinstance(document.data, list):
        return [read_trial(path)]
    trials: list[PublishedTrial] = []
    problems: list[Problem] = []
    for i, entry in enumerate(document.data):
        places = {k[1:]: v for k, v in document.places.items() if k[:1] == (i,)}
        try:
            trials.append(
                from_document(Document(entry, document.name, places), str(path), f"{path.stem}_{i + 1}")
            )
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return trials


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
