"""Mutated SBML models against libRoadRunner: `python verification/sbml_differential.py FOLDER [--count 200] [--seed 1]`.

Models of the SBML Test Suite get one to three random changes (kind of quantity, boundary, sizes, first values, rules,
stoichiometries, conversion factors, events and their flags), are checked by libSBML, and run by the readable
simulator, in lanes, and by libRoadRunner.  Printed are the cases in which two of them disagree.  A row at the very
moment of an event is no disagreement: there each may report either side; hence one row is forgiven.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libsbml
import numpy as np
import roadrunner

from euthymia.engine import solve
from euthymia.errors import EuthymiaError
from euthymia.interop.sbml import read_sbml, simulate
from euthymia.interop.sbml_dynamics import dynamics
from euthymia.interop.sbml_population import prepare_batch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sbml_lanes import read_settings


class Mutator:
    """Random changes of one libSBML model; each method names what it did, or returns an empty text."""

    def __init__(self, model: Any, rng: random.Random):
        self.m, self.rng = model, rng
        self.species, self.sizes = list(model.getListOfSpecies()), list(model.getListOfCompartments())
        self.parameters, self.events = list(model.getListOfParameters()), list(model.getListOfEvents())
        self.reactions = list(model.getListOfReactions())
        self.ruled = {r.getVariable() for r in model.getListOfRules()}

    def pick(self, things: list) -> Any:
        return self.rng.choice(things)

    def math(self, *texts: str) -> Any:
        return libsbml.parseL3Formula(self.pick(list(texts)))

    def apply(self) -> list[str]:
        ways = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("do_")]
        done: list[str] = []
        for _ in range(self.rng.randint(1, 3)):
            for _ in range(10):
                try:
                    text = self.pick(ways)()
                except (IndexError, ValueError, AttributeError):
                    continue  # the model has no such element, or its level no such part
                if text:
                    done.append(text)
                    break
        return done

    def do_kind(self) -> str:
        s = self.pick(self.species)
        s.setHasOnlySubstanceUnits(not s.getHasOnlySubstanceUnits())
        return f"kind of {s.getId()}"

    def do_boundary(self) -> str:
        s = self.pick(self.species)
        s.setBoundaryCondition(not s.getBoundaryCondition())
        return f"boundary {s.getId()}"

    def do_size(self) -> str:
        c = self.pick(self.sizes)
        c.setSize(self.pick([0.5, 2.0, 3.7]))
        return f"size {c.getId()}"

    def do_first(self) -> str:
        s = self.pick(self.species)
        if s.isSetInitialAmount():
            value = s.getInitialAmount()
            s.unsetInitialAmount()
            s.setInitialConcentration(value)
        else:
            value = s.getInitialConcentration()
            s.unsetInitialConcentration()
            s.setInitialAmount(value)
        return f"amount or concentration {s.getId()}"

    def do_move(self) -> str:
        c = self.m.createCompartment()
        c.setId("other_place")
        c.setConstant(True)
        c.setSize(2.5)
        c.setSpatialDimensions(3)
        s = self.pick(self.species)
        s.setCompartment("other_place")
        return f"move {s.getId()}"

    def do_rule(self) -> str:
        free = [x for x in (*self.sizes, *self.parameters) if x.getId() not in self.ruled]
        x = self.pick(free)
        kind = self.pick(["createRateRule", "createAssignmentRule"])
        rule = getattr(self.m, kind)()
        x.setConstant(False)
        rule.setVariable(x.getId())
        texts = (
            ("0.1", f"0.1*{x.getId()}", "-0.05")
            if "Rate" in kind
            else ("1 + 0.1*time", "2", "1.5 + 0.2*sin(time)")
        )
        rule.setMath(self.math(*texts))
        self.ruled.add(x.getId())
        return f"{kind} {x.getId()}"

    def do_species_rule(self) -> str:
        s = self.pick([s for s in self.species if s.getId() not in self.ruled])
        s.setConstant(False)
        s.setBoundaryCondition(True)
        rule = self.pick([self.m.createRateRule, self.m.createAssignmentRule])()
        rule.setVariable(s.getId())
        rule.setMath(self.math("0.3", "1 + 0.1*time"))
        self.ruled.add(s.getId())
        return f"{rule.getElementName()} {s.getId()}"

    def do_conversion(self) -> str:
        p = self.m.createParameter()
        p.setId("conversion_x")
        p.setValue(1.7)
        p.setConstant(True)
        if self.rng.random() < 0.5:
            self.m.setConversionFactor("conversion_x")
            return "conversion of the model"
        s = self.pick(self.species)
        s.setConversionFactor("conversion_x")
        return f"conversion of {s.getId()}"

    def do_stoichiometry(self) -> str:
        r = self.pick(self.reactions)
        x = self.pick([*r.getListOfReactants(), *r.getListOfProducts()])
        if self.rng.random() < 0.5 or x.isSetId():
            x.setStoichiometry(self.pick([2, 0.5, 1.5]))
            return f"stoichiometry in {r.getId()}"
        x.setId(f"sref{self.rng.randint(0, 999)}")
        x.setConstant(False)
        rule = self.pick([self.m.createRateRule, self.m.createAssignmentRule])()
        rule.setVariable(x.getId())
        rule.setMath(self.math("1 + 0.2*time", "0.5"))
        return f"{rule.getElementName()} of a stoichiometry in {r.getId()}"

    def do_law(self) -> str:
        r = self.pick(self.reactions)
        text = libsbml.formulaToL3String(r.getKineticLaw().getMath())
        factors = ("piecewise(0.5, time > 1.1, 1)", "(1 + 0.3*sin(time))", "2")
        r.getKineticLaw().setMath(libsbml.parseL3Formula(f"({text})*{self.pick(list(factors))}"))
        return f"law of {r.getId()}"

    def do_flags(self) -> str:
        e = self.pick(self.events)
        t = e.getTrigger()
        flag = self.pick(["Persistent", "InitialValue", "UseValuesFromTriggerTime"])
        owner = e if flag.startswith("Use") else t
        getattr(owner, f"set{flag}")(not getattr(owner, f"get{flag}")())
        return f"{flag} of {e.getId()}"

    def do_delay(self) -> str:
        e = self.pick(self.events)
        if e.isSetDelay():
            e.unsetDelay()
        else:
            e.createDelay().setMath(self.math("0.37", "1.1"))
        return f"delay of {e.getId()}"

    def do_event(self) -> str:
        e = self.m.createEvent()
        e.setUseValuesFromTriggerTime(self.rng.random() < 0.5)
        t = e.createTrigger()
        t.setPersistent(self.rng.random() < 0.5)
        t.setInitialValue(self.rng.random() < 0.5)
        s = self.pick(self.species).getId() if self.species else "time"
        t.setMath(self.math("time > 1.2345", f"{s} < 0.0713", f"{s} > 1.01", f"{s} < 0.9 && time > 0.3137"))
        if self.rng.random() < 0.4:
            e.createDelay().setMath(libsbml.parseL3Formula("0.53"))
        rated = {r.getVariable() for r in self.m.getListOfRules() if r.isRate()}
        free = [
            x for x in (*self.species, *self.sizes, *self.parameters) if x.getId() not in self.ruled - rated
        ]
        x = self.pick(free)
        x.setConstant(False)
        a = e.createEventAssignment()
        a.setVariable(x.getId())
        a.setMath(self.math(f"{x.getId()}*1.5", "2.3", f"{x.getId()} + 0.4"))
        return f"new event on {x.getId()}"


def mutant(path: Path, rng: random.Random) -> tuple[str, list[str]] | None:
    """The text of a changed model and what was changed; None where it is no valid model."""
    document = libsbml.readSBMLFromFile(str(path))
    if document.getPlugin("comp") is not None:
        return None
    changes = Mutator(document.getModel(), rng).apply()
    text = libsbml.writeSBMLToString(document)
    again = libsbml.readSBMLFromString(text)
    again.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, False)
    again.setConsistencyChecks(libsbml.LIBSBML_CAT_MODELING_PRACTICE, False)
    again.checkConsistency()
    return None if again.getErrorLog().getNumFailsWithSeverity(libsbml.LIBSBML_SEV_ERROR) else (text, changes)


def by_roadrunner(path: Path, times: np.ndarray, names: list[str]) -> np.ndarray:
    runner = roadrunner.RoadRunner(str(path))
    for key, value in (
        ("relative_tolerance", 1e-9),
        ("absolute_tolerance", 1e-13),
        ("maximum_num_steps", 100_000),
    ):
        runner.getIntegrator().setValue(key, value)
    runner.timeCourseSelections = names
    return np.array(runner.simulate(float(times[0]), float(times[-1]), len(times)))


def in_lanes(path: Path, times: np.ndarray, outputs: list[str]) -> np.ndarray:
    values, messages = prepare_batch(dynamics(read_sbml(path)), times, outputs, {}, 1)(solve, 1e-9, 1)
    if messages[0] != "ok":
        raise EuthymiaError(messages[0])
    return values[0]


def attempt(call: Callable[[], np.ndarray]) -> np.ndarray | str:
    try:
        return call()
    except (EuthymiaError, RuntimeError) as error:
        return f"{type(error).__name__}: {str(error)[:150]}"


def rows_off(a: np.ndarray, b: np.ndarray) -> int:
    """Rows in which two tables differ by more than 1e-4 + 1e-3 of the value."""
    with np.errstate(all="ignore"):
        off = ~(np.abs(a - b) <= 1e-4 + 1e-3 * np.abs(b))
    return int((off & ~(np.isnan(a) & np.isnan(b)) & (a != b)).any(axis=1).sum())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    roadrunner.Logger.disableLogging()
    rng = random.Random(arguments.seed)
    cases = sorted(p for p in arguments.folder.iterdir() if p.is_dir())
    count: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as scratch:
        for k in range(arguments.count):
            case = rng.choice(cases)
            made = mutant(rng.choice(sorted(case.glob("*-sbml-l?v?.xml"))), rng)
            if made is None:
                count["no valid model"] += 1
                continue
            path = Path(scratch) / f"{k}.xml"
            path.write_text(made[0])
            settings = read_settings(case / f"{case.name}-settings.txt")
            times = np.linspace(0, settings["duration"], settings["steps"] + 1)
            model = libsbml.readSBMLFromString(made[0]).getModel()
            ids = [s.getId() for s in model.getListOfSpecies()]
            others = [x.getId() for x in (*model.getListOfCompartments(), *model.getListOfParameters())]
            outputs = [f"{kind}:{s}" for s in ids for kind in "nc"] + others
            names = [text for s in ids for text in (s, f"[{s}]")] + others
            ours = attempt(
                lambda p=path, t=times, o=outputs: simulate(read_sbml(p), t, o, rtol=1e-9, atol=1e-13)
            )
            lanes = attempt(lambda p=path, t=times, o=outputs: in_lanes(p, t, o))
            theirs = attempt(lambda p=path, t=times, o=names: by_roadrunner(p, t, o))
            found = {"simulator": ours, "lanes": lanes, "libRoadRunner": theirs}
            for one, other in (("lanes", "simulator"), ("simulator", "libRoadRunner")):
                a, b = found[one], found[other]
                if isinstance(a, str) or isinstance(b, str):
                    count[f"{one} or {other} does not run it"] += 1
                    continue
                off = rows_off(a, b)
                count[f"{one} and {other} " + ("agree" if off <= 1 else "differ")] += 1
                if off > 1:
                    print(
                        f"{case.name} {made[1]}: {one} and {other} differ in {off} of {len(times)} rows",
                        flush=True,
                    )
    for what, n in sorted(count.items()):
        print(f"{n:5d}  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
