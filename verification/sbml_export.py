"""Every module, every rival form and the whole network as SBML, against libSBML, libRoadRunner and COPASI.

    python verification/sbml_export.py [--tolerance 1e-4] [--only NAME]

Each model is pushed: a module has all its ports away from rest, the network a stress history, an SSRI, an infusion of a
channel blocker and a challenge.  Deviation of an output is the largest difference over the time course relative to
its largest value (or to 0.001 where that is smaller).  The reference is our own solver at 1e-10; the others run at 1e-9,
or, where their multistep method gets stuck at one of the network's kinks (the crossing of a resting level by dopamine, say), at
up to 1e-6, which is then printed.  Exit code 1
where libSBML finds a fault, or another program fails or differs by more than the tolerance.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from euthymia.biology import build_network, load_module, module_names
from euthymia.biology.module import Module
from euthymia.biology.network import Network
from euthymia.biology.variants import variants
from euthymia.engine import Dose, Events
from euthymia.engine.reference import solve_reference
from euthymia.engine.solve import solve
from euthymia.interop.sbml_export import consistency, sbml_id
from euthymia.interop.sbml_network import export_network, system_of

TIMES = np.linspace(0.0, 240.0, 41)
SETTINGS = (
    (1e-9, 1e-12),
    (1e-8, 1e-11),
    (1e-8, 1e-10),
    (1e-7, 1e-9),
    (1e-6, 1e-9),
)  # the first that gets through
HISTORY = (
    ("stress.load", 3.0, 1.0), ("psych.expectancy", 30.0, 1.0), ("SLC6A4.occupancy", 30.0, 0.8), ("GRIN1.block", 90.0, 0.45),
    ("GRIN1.block", 90.7, 0.0), ("challenge.endotoxin", 120.0, 8.0), ("challenge.endotoxin", 123.0, 0.0),
    ("stress.load", 150.0, 0.3), ("HTR2A.agonism", 180.0, 0.5), ("HTR2A.agonism", 186.0, 0.0),
)  # fmt: skip
Program = Callable[[Path, list[str], float, float], np.ndarray]
PATIENT = {  # away from rest, where many terms have a kink that multistep solvers cannot leave at tight tolerances
    "neuroplasticity.chi": 0.85, "inflammation.trait": 1.3, "hpa.receptor": 0.9, "serotonin.supply": 1.1,
    "metabolism.sensitivity_rest": 0.8, "symptoms.trait": 0.2,
}  # fmt: skip


def pushed(part: Module | Network) -> tuple[list[Dose], dict[str, float]]:
    """Doses and parameter values that move a model away from rest."""
    if isinstance(part, Network):
        known = part.system.parameters
        return [Dose(t, port, v, "set") for port, t, v in HISTORY if port in part.inputs], {
            k: v for k, v in PATIENT.items() if k in known
        }
    rng = np.random.default_rng(1)
    return [], {k: p.default + float(rng.uniform(0.05, 0.35)) for k, p in part.ports.items()}


def ours(part: Module | Network) -> tuple[list[str], np.ndarray]:
    """Names and reference values, shape (times, outputs)."""
    system, (doses, values) = system_of(part), pushed(part)
    names = [*system.state_names, *system.assignments]
    events = Events([doses], np.zeros(1, int))
    if isinstance(
        part, Network
    ):  # hundreds of equations: the fast engine at a tight tolerance is the reference
        done = solve(system, 1, values, events, TIMES, names, rtol=1e-10, after=True, start=0.0)
    else:
        done = solve_reference(system, 1, values, events, TIMES, names, rtol=1e-10, after=True)
    return names, done.values[0]


def by_roadrunner(path: Path, ids: list[str], rtol: float, atol: float) -> np.ndarray:
    """The first instance of a process gets stuck in the whole network where a second one, loaded beside it, does not
    (libRoadRunner 2.10); which rounding decides was not found, so that a failure is tried once more."""
    import roadrunner

    roadrunner.Logger.disableLogging()
    instances = []
    for last in (False, True):
        machine = roadrunner.RoadRunner(str(path))
        instances.append(machine)
        integrator = machine.getIntegrator()
        integrator.setValue("relative_tolerance", rtol)
        integrator.setValue("absolute_tolerance", atol)
        integrator.setValue("maximum_num_steps", 20_000)
        machine.timeCourseSelections = ids
        try:
            return np.array(machine.simulate(int(TIMES[0]), int(TIMES[-1]), len(TIMES)))
        except RuntimeError:
            if last:
                raise
    raise AssertionError("unreachable")


def by_copasi(path: Path, ids: list[str], rtol: float, atol: float) -> np.ndarray:
    import COPASI as copasi

    model = copasi.CRootContainer.addDatamodel()
    if not model.importSBML(str(path)):
        raise RuntimeError(copasi.CCopasiMessage.getAllMessageText())
    task = model.getTask("Time-Course")
    problem, method = task.getProblem(), task.getMethod()
    problem.setStepNumber(len(TIMES) - 1)
    problem.setDuration(float(TIMES[-1]))
    method.getParameter("Relative Tolerance").setDblValue(rtol)
    method.getParameter("Absolute Tolerance").setDblValue(atol)
    method.getParameter("Max Internal Steps").setUIntValue(1_000_000)
    if not task.process(True):
        raise RuntimeError(copasi.CCopasiMessage.getAllMessageText() or "gave up without a message")
    series = task.getTimeSeries()
    column = {series.getSBMLId(j, model): j for j in range(series.getNumVariables())}
    steps = range(series.getRecordedSteps())
    at = [series.getConcentrationData(i, 0) for i in steps]
    rows = [max(i for i, t in enumerate(at) if abs(t - want) < 1e-9) for want in TIMES]
    found = np.full((len(TIMES), len(ids)), np.nan)
    for k, ident in enumerate(ids):
        if ident in column:
            found[:, k] = [series.getConcentrationData(i, column[ident]) for i in rows]
    return found


def deviation(got: np.ndarray, want: np.ndarray) -> tuple[float, int]:
    """The largest relative deviation, and the column it stands in."""
    size = np.maximum(np.abs(want).max(axis=0), 1e-3)
    each = np.nan_to_num(np.abs(got - want).max(axis=0), nan=0.0) / size
    return float(each.max()), int(each.argmax())


def first_success(program: Program, path: Path, ids: list[str], want: np.ndarray) -> tuple[float, int, float]:
    """Deviation, its column and the tolerance, at the tightest tolerance that a program gets through."""
    for rtol, atol in SETTINGS[:-1]:
        try:
            return (*deviation(program(path, ids, rtol, atol), want), rtol)
        except RuntimeError:
            continue
    return (*deviation(program(path, ids, *SETTINGS[-1]), want), SETTINGS[-1][0])


def parts() -> dict[str, Module | Network]:
    """Everything that is exported."""
    found: dict[str, Module | Network] = {}
    for name in module_names():
        found[name] = load_module(name)
        found |= {f"{name}.{form}": load_module(name, form) for form in variants(name)}
    return found | {"core network": build_network("core"), "whole network": build_network("full")}


def check(part: Module | Network, folder: Path, tolerance: float) -> tuple[str, bool]:
    """One line of the table, and whether all is well."""
    path = folder / "model.xml"
    doses, values = pushed(part)
    text = export_network(part, path, regimen=doses, parameters=values)
    faults = consistency(text)
    names, want = ours(part)
    ids = [sbml_id(n) for n in names]
    told, worst = [], 0.0
    for program in (by_roadrunner, by_copasi):
        try:
            size, at, rtol = first_success(program, path, ids, want)
        except ImportError as error:
            told.append(f"{error.name} not installed")
            continue
        except RuntimeError as error:
            told.append("failed: " + str(error).strip().splitlines()[-1][:60])
            worst = np.inf
            continue
        worst = max(worst, size)
        told.append(
            f"{size:.1e}"
            + (f" ({names[at]})" if size > tolerance else "")
            + (f" at {rtol:g}" if rtol != SETTINGS[0][0] else "")
        )
    papers, genes = text.count("isDescribedBy>") // 2, text.count("isPropertyOf>") // 2
    line = f"{len(names):>5} {len(faults):>7}  {told[0]:<12} {told[1]:<12} {papers:>6} {genes:>6} {len(text) // 1000:>6} kB"
    return line + "".join(f"\n      {f}" for f in faults[:3]), not faults and worst <= tolerance


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    print(f"{'model':<26}{'names':>5} {'faults':>7}  {'libRoadRunner':<12} {'COPASI':<12} papers  genes")
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, part in parts().items():
            if arguments.only and arguments.only != name:
                continue
            line, fine = check(part, Path(folder), arguments.tolerance)
            good &= fine
            print(f"{name:<26}{line}{'' if fine else '   NOT WITHIN TOLERANCE'}", flush=True)
    print("all within tolerance, no fault" if good else "not all is well")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
