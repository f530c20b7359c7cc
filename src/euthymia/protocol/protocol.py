"""A protocol as plain objects, and the file it is read from and written to.

Times and amounts stay as the user wrote them ('10 mg', '8 weeks'), so that file -> object -> file loses
nothing.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from euthymia.biology.interventions import Intervention, load_intervention
from euthymia.errors import InputError, UnitError
from euthymia.evidence.read import Document, dump, load, parse, validate
from euthymia.protocol.analyses import Analysis, Interim, Resize
from euthymia.protocol.steps import Step, build_step, step_data
from euthymia.protocol.times import hours, visit_hours

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Treatment:
    """One drug, intervention or control on a schedule; `from_` is written `from` in the file.

    Parameters
    ----------
    drug, dose, route, every, infusion
        Of a compound of the library; 'placebo' is none.
    from_, for_, on
        When it begins, how long it goes on, or the visits at which it is given.
    intervention : str
        A device, psychotherapy, exercise, light ... of `library/interventions`.
    sessions, per_week : int
        Of an intervention in sessions; 0 keeps the library's.
    level : float
        Multiple of the intervention's own level.
    control : str
        Placebo, sham, waiting_list, usual_care, attention or none: the network sees nothing of it.
    """

    drug: str = ""
    dose: str = ""
    route: str = "oral"
    every: str = ""
    from_: str = "baseline"
    for_: str = ""
    infusion: str = ""
    on: tuple[str, ...] = ()
    intervention: str = ""
    sessions: int = 0
    per_week: int = 0
    level: float = 1.0
    control: str = ""

    @property
    def placebo(self) -> bool:
        """Whether this is placebo or another control, of which the network sees nothing."""
        return bool(self.control) or self.drug.strip().lower() == "placebo"

    @property
    def attended(self) -> bool:
        """Whether patients come for sessions of it: infusions, stimulation, and its sham."""
        return bool(self.infusion) or self.control == "sham" or bool(self.intervention and self.plan.invited)

    @property
    def plan(self) -> Intervention:
        """The intervention with this treatment's own number of sessions."""
        return load_intervention(self.intervention).planned(self.sessions, self.per_week)

    def begins(self) -> tuple[float, ...]:
        """Hours named in `on`."""
        return tuple(sorted(visit_hours(v) for v in self.on))

    def times(self, duration: float) -> list[float]:
        """Hours of all doses within a trial of `duration` hours."""
        if self.on:
            return sorted(visit_hours(v) for v in self.on)
        start = visit_hours(self.from_)
        if not self.every:
            return [start]
        end = min(duration, start + hours(self.for_)) if self.for_ else duration
        step = hours(self.every)
        count = int((end - start) / step - 1e-9) + 1 if end > start else 0
        return [start + i * step for i in range(count)]


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: its name, size and treatments."""

    name: str
    n: int
    treatment: tuple[Treatment, ...]
    control: bool = False
    steps: tuple[Step, ...] = ()

    @property
    def treatments(self) -> tuple[Treatment, ...]:
        """Every treatment a patient of the arm may receive, at the start or at a step."""
        return (*self.treatment, *(t for s in self.steps for o in s.options for t in o.treatment))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is read from the scores.

    `change`, `percent_reduction` (response) and `below` (remission) at a visit; `onset`, the first response of `at_least`
    that holds until `at`; `relapse`, the first total of `limit` or more after `from`; `discontinuation`, leaving early
    for any reason between `from` and `at`, which needs no scale.
    """

    name: str
    of: str = ""
    kind: str = ""
    at: str = ""
    at_least: str = ""
    limit: float = 0.0
    from_: str = "baseline"


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds the drug: the trial's year, blinding, care, expectancy and primary scale.

    `history` is earlier treatment (`none`, `inadequate`, `refractory`); `run_in` a placebo lead-in; `procedure` attended
    sessions rather than tablets (infusions are); `new_treatment` a new standard antidepressant begun in all arms;
    `unblinding` how far acute effects give the allocation away; `region` where the patients live.
    """

    year: int = 2005
    blinding: str = "double"
    care: str = "outpatient"
    expectancy: str = "usual"
    scale: str = "madrs"
    history: str = "none"
    run_in: bool = False
    procedure: bool = False
    new_treatment: bool = False
    unblinding: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One virtual trial."""

    title: str
    duration: str
    base: str
    arms: tuple[Arm, ...]
    seed: int = 1
    include: tuple[str, ...] = ()
    genotype: str = "european"
    profile: str = "core"
    structures: tuple[tuple[str, str], ...] = ()
    variants: tuple[tuple[str, str], ...] = ()
    loop_gain: float | None = None
    setting: Setting = Setting()
    adherence: str = ""
    dropout: str = "observed_score"
    visits: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    analyses: tuple[Analysis, ...] = ()
    interim: Interim | None = None
    replicates: int = 1
    pool: int = 0
    tolerance: float = 1e-5
    compare_with: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    notes: str = ""
    document: Document | None = field(default=None, compare=False, repr=False)

    def replace(self, **changes: Any) -> Protocol:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def staged(self) -> bool:
        """Whether any arm has steps."""
        return any(a.steps for a in self.arms)

    @property
    def duration_h(self) -> float:
        """Length of the trial in hours."""
        return hours(self.duration)

    @property
    def visit_list(self) -> tuple[str, ...]:
        """The visits, weekly where the protocol names none."""
        if self.visits:
            return self.visits
        return ("baseline", *(f"week {i}" for i in range(1, int(self.duration_h // 168.0) + 1)))

    @property
    def endpoint_list(self) -> tuple[Endpoint, ...]:
        """The endpoints; by default change, response and remission at the last visit."""
        if self.endpoints:
            return self.endpoints
        last, scale = self.visit_list[-1], self.setting.scale
        limit = {"madrs": 10.0, "hamd17": 7.0}[scale]
        return (
            Endpoint("change", scale, "change", last),
            Endpoint("response", scale, "percent_reduction", last, at_least="50 %"),
            Endpoint("remission", scale, "below", last, limit=limit),
        )

    def to_data(self) -> dict[str, Any]:
        """The plain data of the file; what equals its default is left out."""
        model = {
            "profile": self.profile,
            "structures": dict(self.structures),
            "variants": dict(self.variants),
            "loop_gain": self.loop_gain,
        }
        data: dict[str, Any] = {
            "euthymia": FORMAT,
            "title": self.title,
            "seed": self.seed,
            "duration": self.duration,
            "model": {k: v for k, v in model.items() if v},
            "population": {"base": self.base, "include": list(self.include), "genotype": self.genotype},
            "setting": _plain(self.setting),
            "arms": [_arm_data(a) for a in self.arms],
            "adherence": {"mean": self.adherence} if self.adherence else {},
            "dropout": {"model": self.dropout},
            "visits": list(self.visits),
            "endpoints": [_plain(e) for e in self.endpoints],
            "analyses": [_plain(a) for a in self.analyses],
            "interim": _interim_data(self.interim),
            "simulate": {
                "replicates": self.replicates,
                **({"pool": self.pool} if self.pool else {}),
                "tolerance": self.tolerance,
            },
            "compare_with": list(self.compare_with),
            "allow": list(self.allow),
            "notes": self.notes,
        }
        return {k: v for k, v in data.items() if v not in ({}, [], "")}

    def to_yaml(self) -> str:
        """The protocol as a YAML file."""
        return dump(self.to_data())


def _interim_data(interim: Interim | None) -> dict[str, Any]:
    if interim is None:
        return {}
    found = _plain(interim)
    return {**found, "resize": _plain(interim.resize)} if interim.resize else found


def _read_interim(data: dict[str, Any] | None) -> Interim | None:
    if not data:
        return None
    resize = _build(Resize, data["resize"]) if "resize" in data else None
    return _build(Interim, {**data, "resize": resize})


def _arm_data(arm: Arm) -> dict[str, Any]:
    found = {**_plain(arm), "treatment": [_plain(t) for t in arm.treatment]}
    if arm.steps:
        found["steps"] = [step_data(s, _plain) for s in arm.steps]
    return found


def _plain(item: Any) -> dict[str, Any]:
    """A dataclass as plain data without its default values."""
    found = {}
    for f in dataclasses.fields(item):
        value = getattr(item, f.name)
        if value != f.default:
            found[f.name.rstrip("_")] = list(value) if isinstance(value, tuple) else value
    return found


def _build(kind: type, record: dict[str, Any]) -> Any:
    fields = {f.name.rstrip("_"): f.name for f in dataclasses.fields(kind)}
    return kind(
        **{fields[k]: tuple(v) if isinstance(v, list) else v for k, v in record.items() if k in fields}
    )


def _treatments(records: Any) -> tuple[Treatment, ...]:
    return tuple(_build(Treatment, t) for t in records)


def from_document(document: Document) -> Protocol:
    """The protocol of a document that fits the schema."""
    d = document.data
    model, population = d.get("model", {}), d["population"]
    arms = tuple(
        Arm(
            a["name"],
            a["n"],
            _treatments(a["treatment"]),
            a.get("control", False),
            tuple(build_step(s, i, _treatments) for i, s in enumerate(a.get("steps", ()))),
        )
        for a in d["arms"]
    )
    values: dict[str, Any] = {
        "title": d["title"],
        "duration": d["duration"],
        "base": population["base"],
        "arms": arms,
        "seed": d.get("seed"),
        "include": tuple(population.get("include", ())),
        "genotype": population.get("genotype"),
        "profile": model.get("profile"),
        "structures": tuple(sorted(model.get("structures", {}).items())),
        "variants": tuple(sorted(model.get("variants", {}).items())),
        "loop_gain": model.get("loop_gain"),
        "setting": _build(Setting, d.get("setting", {})),
        "adherence": d.get("adherence", {}).get("mean"),
        "dropout": d.get("dropout", {}).get("model"),
        "visits": tuple(d.get("visits", ())),
        "endpoints": tuple(_build(Endpoint, e) for e in d.get("endpoints", ())),
        "analyses": tuple(_build(Analysis, a) for a in d.get("analyses", ())),
        "interim": _read_interim(d.get("interim")),
        "replicates": d.get("simulate", {}).get("replicates"),
        "pool": d.get("simulate", {}).get("pool"),
        "tolerance": d.get("simulate", {}).get("tolerance"),
        "compare_with": tuple(d.get("compare_with", ())),
        "allow": tuple(d.get("allow", ())),
        "notes": d.get("notes"),
    }
    return Protocol(**{k: v for k, v in values.items() if v is not None}, document=document)


def read_protocol(path: str | Path) -> Protocol:
    """Read and check a protocol file.

    Raises
    ------
    InputError
        Every problem found, with file, line and column.
    """
    return checked(load(path))


def parse_protocol(text: str, name: str = "protocol") -> Protocol:
    """The same for text that is no file."""
    return checked(parse(text, name))


def checked(document: Document) -> Protocol:
    """The protocol of a document, after all checks.

    Raises
    ------
    InputError
        What its schema and what its meaning forbid, together.
    """
    from euthymia.protocol.check import check_protocol
    from euthymia.protocol.names import with_action

    problems = [with_action(p) for p in validate(document, "protocol")]
    try:
        protocol = from_document(document)
        check_protocol(protocol)
    except InputError as error:
        places = {(p.line, p.column) for p in problems}
        problems += [p for p in error.problems if (p.line, p.column) not in places]
    except (KeyError, TypeError, ValueError, AttributeError, UnitError):
        if not problems:
            raise
    if problems:
        problems.sort(key=lambda p: (p.line, p.column))
        raise InputError(problems)
    return protocol
