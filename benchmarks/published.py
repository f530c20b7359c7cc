"""Published SBML models with a population and a repeated perturbation; the files are read where they lie.

The models are edited in memory only: local parameters become global ones, and where the perturbation is a switch of
a value, the value becomes a plain parameter that every tool sets at the same moments.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.problems import Problem, Sbml, make_problem
from euthymia.engine import Dose, Events, Input, OdeSystem
from euthymia.engine.syntax import parse
from euthymia.interop.sbml_dynamics import dynamics
from euthymia.interop.sbml_engine import engine_name, to_engine
from euthymia.interop.sbml_math import names_in, walk
from euthymia.interop.sbml_read import read_sbml

PERIODS = 28
SPREAD = 0.2


@dataclass(frozen=True)
class Published:
    """One model and what is done to it.

    Parameters
    ----------
    period : float
        Length of a period in the model's time unit; an output at the end of each.
    doses : function (period number) -> list of Dose
        Targets are SBML ids: a species for a bolus, a parameter for a switch.
    plain : tuple of str
        Symbols whose rules are removed, so that they are parameters which doses switch.
    fixed : tuple of str
        Parameters that do not vary between patients, besides exponents and switched ones.
    fine : int
        Points in a period at which the error counts.
    """

    name: str
    file: str
    period: float
    doses: Callable[[int], list[Dose]]
    plain: tuple[str, ...] = ()
    start: tuple[tuple[str, float], ...] = ()
    fixed: tuple[str, ...] = ()
    fine: int = 48


def _meals(k: int) -> list[Dose]:
    hours = ((7, 1.75), (10, 0.25), (12, 1.75), (15, 0.25), (18, 3.25), (21, 0.25))
    switches = [Dose(24.0 * k + h, "aa_input", level, "set") for h, level in hours]
    return [Dose(24.0 * k + 8.0, "b_cys", 200.0), *switches]


def _pulse(k: int) -> list[Dose]:
    return [
        Dose(60.0 * k + 10, "ModelValue_138", 1500.0, "set"),
        Dose(60.0 * k + 11, "ModelValue_138", 10.0, "set"),
    ]


def _egf(k: int) -> list[Dose]:
    return [Dose(3600.0 * k, "EGF", 0.001613, "set"), Dose(3600.0 * k + 600, "EGF", 0.0, "set")]


MODELS = (
    Published(
        "379 glucose-insulin meal, 12 states", "BIOMD0000000379", 1440.0,
        lambda k: [Dose(1440.0 * k, "Q_sto1", 78000.0)],
        fixed=("part", "f", "b", "d", "G_b", "I_b", "S_b", "BW", "D", "m_5", "m_6"),
    ),
    Published(
        "268 glutathione, 34 states", "BIOMD0000000268", 24.0,
        lambda k: [Dose(24.0 * k + 8.0, "b_cys", 200.0)],
        plain=("daytime", "aa_input"), start=(("aa_input", 1.0),),
    ),
    Published(
        "268m glutathione with meals, 34 states", "BIOMD0000000268", 24.0, _meals,
        plain=("daytime", "aa_input"), start=(("aa_input", 0.25),),
    ),
    Published(
        "636 dopamine and adenosine signalling, 72 states", "BIOMD0000000636", 60.0, _pulse,
        plain=("ModelValue_138",), start=(("ModelValue_138", 10.0),),
        fixed=tuple(f"{a}{b}" for a in ("DApeak_", "DAdip_", "Adnpeak_")
                    for b in ("present", "maximum", "minimum", "startTime", "duration", "steepness", "k1", "k2")),
        fine=120,
    ),
    Published("049 EGF and NGF signalling, 92 states", "BIOMD0000000049", 3600.0, _egf, fine=60),
)  # fmt: skip


def folder() -> Path | None:
    """Where the SBML files lie: EUTHYMIA_BIOMODELS, or a folder `shared` beside the checkout."""
    places = [os.environ.get("EUTHYMIA_BIOMODELS", "")]
    places.append(str(Path(__file__).parents[2] / "shared" / "corpora" / "biomodels"))
    for place in places:
        if place and Path(place).is_dir():
            return Path(place)
    return None


def _document(model: Published, path: Path) -> Any:
    import libsbml

    document = libsbml.readSBMLFromFile(str(path))
    options = libsbml.ConversionProperties()
    options.addOption("promoteLocalParameters", True)
    document.convert(options)
    source = document.getModel()
    for ident in model.plain:
        source.removeRule(ident)
        source.removeInitialAssignment(ident)
        source.getParameter(ident).setConstant(False)
        source.getParameter(ident).setValue(0.0)
    for ident, value in model.start:
        source.getParameter(ident).setValue(value)
    for ident in _switched(model):
        element = source.getElementBySId(ident)
        if element.isSetConstant() if hasattr(element, "isSetConstant") else True:
            element.setConstant(False)
    return document


def _switched(model: Published) -> set[str]:
    return {d.target for d in model.doses(0) if d.kind == "set"}


def published(model: Published, n: int) -> Problem:
    """The model as a problem for every tool.

    Raises
    ------
    FileNotFoundError
        The SBML file is not on this machine.
    """
    import libsbml

    where = folder()
    path = where / model.file / f"{model.file}.xml" if where else Path(model.file)
    if not path.is_file():
        raise FileNotFoundError(f"{model.file}.xml is not here; set EUTHYMIA_BIOMODELS to its folder")
    document = _document(model, path)
    with tempfile.TemporaryDirectory() as scratch:
        text = libsbml.writeSBMLToString(document)
        file = Path(scratch) / f"{model.file}.xml"
        file.write_text(text, encoding="utf-8")
        read = read_sbml(file)
    equations = dynamics(read)
    drawn = _varied(model, read)
    z = np.random.default_rng(7).standard_normal((len(drawn), n))
    values = {k: v * np.exp(np.sqrt(np.log1p(SPREAD**2)) * z[i]) for i, (k, v) in enumerate(drawn.items())}
    switched = _switched(model)
    translated = to_engine(equations, [], keep=[*drawn, *switched])
    system, inputs = _inputs(translated.system, translated.start, switched)
    parameters = {translated.start[k]: v for k, v in values.items() if k in translated.start}
    idents = {translated.start[k]: k for k in values if k in translated.start}
    idents |= {own: k for k, own in inputs.items()}
    state_of = {s: s for s in system.states} | {engine_name(equations.base(s)): s for s in read.species}
    idents |= {s: state_of[s] for s in system.states}
    target = {d.target: inputs.get(d.target) or engine_name(equations.base(d.target)) for d in model.doses(0)}
    doses = [replace(d, target=target[d.target]) for k in range(PERIODS) for d in model.doses(k)]
    times = np.arange(PERIODS + 1) * model.period
    points = (np.arange(model.fine) + 0.5) / model.fine * model.period
    fine = np.sort(np.concatenate([times, *(points + t for t in times[:-1])]))
    events = Events([doses], np.zeros(n, dtype=int))
    return make_problem(model.name, system, parameters, events, times, fine, Sbml(text, idents))


def _varied(model: Published, read: Any) -> dict[str, float]:
    """Positive constant parameters that are no exponents and that no initial assignment reads."""
    still = {*model.fixed, *model.plain, *_switched(model)}
    powers = _exponents(read) | {name for e in read.initial.values() for name in names_in(e)}
    return {
        k: p.value
        for k, p in read.parameters.items()
        if p.constant and p.value is not None and p.value > 0 and k not in still | powers | {*read.initial}
    }


def _exponents(read: Any) -> set[str]:
    every = [*read.assignment.values(), *read.rate.values()]
    every += [r.rate for r in read.reactions.values() if r.rate is not None]
    return {n for e in every for part in walk(e) if part.op == "power" for n in names_in(part.args[1])}


def _inputs(system: OdeSystem, start: Any, switched: set[str]) -> tuple[OdeSystem, dict[str, str]]:
    """Switched parameters become inputs; a boundary species of fixed concentration becomes one too."""
    names = {s: start.get(s, start.get(f"n:{s}", engine_name(s))) for s in switched}
    parameters, assignments = dict(system.parameters), dict(system.assignments)
    inputs = dict(system.inputs)
    for symbol, own in names.items():
        name = own if own in parameters else engine_name(symbol)
        if name in parameters:
            inputs[name] = Input(parameters.pop(name).value)
        elif name in assignments:
            del assignments[name]
            inputs[name] = Input(0.0)
        else:
            raise KeyError(f"{symbol} is neither parameter nor assignment of the model")
        names[symbol] = name
    read = {n for s in system.states.values() for n in parse(s.rate).names()}
    read |= {n for a in assignments.values() for n in parse(a.expression).names()}
    assert set(names.values()) <= read, "a switched value that nothing reads"
    return replace(system, parameters=parameters, assignments=assignments, inputs=inputs), names
