"""The models that are timed, each with a population, doses and a tight reference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import study_model
from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter, State, solve

PROTOCOL = Path(__file__).parents[1] / "src" / "euthymia" / "library" / "protocols" / "escitalopram_demo.yaml"


@dataclass(frozen=True)
class Sbml:
    """The model as other tools read it.

    Parameters
    ----------
    text : str
    ident : dict from name in the engine's system to SBML id
        Varied parameters, inputs, states (a species counts by its amount).
    """

    text: str
    ident: dict[str, str]


@dataclass(frozen=True)
class Problem:
    """A model with patients, doses and the truth.

    Parameters
    ----------
    times : ndarray, shape (times,)
        Outputs while the tools are timed.
    fine : ndarray, shape (points,)
        Where the error counts; holds `times`.
    reference : ndarray, shape (patients, points, states)
        Rodas5P at rtol 1e-11.
    scale : ndarray, shape (patients, states)
        Largest absolute value of each state on `fine`.
    sbml : Sbml or None
        None: written from the system.
    """

    name: str
    system: OdeSystem
    parameters: dict[str, np.ndarray]
    events: Events
    times: np.ndarray
    fine: np.ndarray
    reference: np.ndarray
    scale: np.ndarray
    sbml: Sbml | None = None

    @property
    def patients(self) -> int:
        return len(self.reference)

    def error(self, values: np.ndarray) -> float:
        """Largest deviation over patients, points and states, relative to the patient's largest value of the state."""
        n = len(values)
        gap = np.abs(values - self.reference[:n]).max(axis=1)
        peak = self.scale.max(axis=0)
        floor = np.where(
            peak > 0, 1e-9 * peak, 1e-9 * np.median(peak[peak > 0])
        )  # states that stay at rest or zero
        share = gap / np.maximum(self.scale[:n], floor)
        return float(np.nan_to_num(share, nan=np.inf).max())


def make_problem(
    name: str,
    system: OdeSystem,
    parameters: dict,
    events: Events,
    times: np.ndarray,
    fine: np.ndarray,
    sbml: Sbml | None = None,
) -> Problem:
    """Compute the reference and the scale."""
    n = len(events.regimen_of)
    tight = solve(system, n, parameters, events, fine, list(system.states), rtol=1e-11)
    assert tight.ok.all(), tight.summary()
    scale = np.abs(tight.values).max(axis=1)
    return Problem(name, system, parameters, events, times, fine, tight.values, scale, sbml)


def within(times: np.ndarray, parts: int) -> np.ndarray:
    """Times and points between them, none at a quarter of the hours where doses fall."""
    shares = (np.arange(parts) + 0.5) / parts
    between = (times[:-1, None] + np.diff(times)[:, None] * shares).ravel()
    return np.sort(np.concatenate([times, between]))


def study(n: int) -> Problem:
    """66 states, stiff, 106 events in 8 weeks."""
    return make_problem(
        "study model, 66 states",
        study_model.system(),
        study_model.population(n, 7),
        study_model.events(n),
        study_model.TIMES,
        within(study_model.TIMES, 24),
    )


def oral_pk(n: int) -> Problem:
    """Two compartments with saturable elimination; a dose each day for 8 weeks: hardly stiff."""
    system = OdeSystem.join(
        "pk",
        Fragment(
            states={
                "depot": State("-ka*depot"),
                "central": State("ka*depot - vm*central/(km + central) - k12*central + k21*tissue"),
                "tissue": State("k12*central - k21*tissue"),
            },
            parameters={
                k: Parameter(v) for k, v in {"ka": 0.9, "vm": 1.5, "km": 4.0, "k12": 0.3, "k21": 0.2}.items()
            },
        ),
        units=False,
    )
    z = np.random.default_rng(11).standard_normal((5, n))
    parameters = {k: p.value * np.exp(0.3 * z[i]) for i, (k, p) in enumerate(system.parameters.items())}
    events = Events([[Dose(0.0, "depot", 20.0, additional=55, interval=24.0)]], np.zeros(n, dtype=int))
    times = np.arange(57) * 24.0
    return make_problem(
        "oral pharmacokinetics, 3 states", system, parameters, events, times, within(times, 24)
    )


def own_network(n: int) -> Problem:
    """The product's network with the drugs of the demonstration trial, its patients and their doses, 8 weeks at most."""
    from euthymia.patients.population import load_population
    from euthymia.protocol.protocol import read_protocol
    from euthymia.trials.cohort import recruit
    from euthymia.trials.model import build_model
    from euthymia.trials.simulate import patient_parameters, regimen

    protocol = read_protocol(PROTOCOL)
    model = build_model(protocol)
    trial = "replicate 0"
    everyone = recruit(model, load_population(protocol.base), protocol, trial, 1)
    cohort = everyone.take(np.arange(n))
    arm = next(a for a in protocol.arms if not all(t.placebo for t in a.treatment))
    parameters = {
        k: np.broadcast_to(np.asarray(v, float), (n,)).copy()
        for k, v in patient_parameters(protocol, model, trial, cohort).items()
    }
    events = Events([regimen(protocol, model, arm)], np.zeros(n, dtype=int))
    end = min(protocol.duration_h, 8 * 168.0)
    times = np.arange(0.0, end + 1, 168.0)
    name = f"own network with drugs, {len(model.treated.states)} states"
    days = np.arange(0.0, end + 1, 24.0)
    return make_problem(name, model.treated, parameters, events, times, within(days, 24))


def first_values(problem: Problem) -> np.ndarray:
    """Initial values, shape (patients, states)."""
    from euthymia.engine.problem import prepare

    p = problem
    return prepare(
        p.system, p.patients, p.parameters, p.events, p.times, [p.system.state_names[0]], False, None, None
    ).initial


def sbml_of(problem: Problem) -> tuple[str, dict[str, str], list[str]]:
    """SBML text, ids of the system's names, and the parameters that hold infusion rates."""
    if problem.sbml is not None:
        assert not problem.events.infused()
        return problem.sbml.text, problem.sbml.ident, []
    from euthymia.interop.sbml_export import export_sbml, sbml_id

    text = export_sbml(problem.system)
    rates = []
    for name in problem.events.infused():
        text = with_rate(text, sbml_id(name))
        rates.append(f"{sbml_id(name)}_in")
    names = [*problem.system.states, *problem.system.inputs, *problem.parameters]
    return text, {k: sbml_id(k) for k in names}, rates


def with_rate(text: str, ident: str) -> str:
    """SBML text in which the rate of `ident` has a further term, the parameter `<ident>_in`."""
    import libsbml

    document = libsbml.readSBMLFromString(text)
    model = document.getModel()
    parameter = model.createParameter()
    parameter.setId(f"{ident}_in")
    parameter.setConstant(False)
    parameter.setValue(0.0)
    rule = model.getRateRuleByVariable(ident)
    rule.setMath(libsbml.parseL3Formula(f"({libsbml.formulaToL3String(rule.getMath())}) + {ident}_in"))
    return libsbml.writeSBMLToString(document)
