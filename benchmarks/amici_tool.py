"""AMICI (CVODES, sparse, compiled model): restarted at each dose, as its users must without a data table.

It compiles the model with the machine's C++ compiler; where that or AMICI is missing, it is left out.  Its absolute
tolerance is one number: that of the state which needs the smallest.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.problems import Problem, with_rate
from benchmarks.segments import Cut, cut
from benchmarks.tools import absolute


class Amici:
    """One compiled model."""

    name = "amici"

    def __init__(self, problem: Problem):
        from amici.importers.sbml import SbmlImporter
        from amici.sim import sundials

        from euthymia.interop.sbml_export import export_sbml, sbml_id

        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # its swig
        self.p, self.api = problem, sundials
        text = export_sbml(problem.system)
        for name in problem.events.infused():
            text = with_rate(text, sbml_id(name))
        self.folder = tempfile.TemporaryDirectory(prefix="amici-")
        name = f"model_{abs(hash(text)) % 10**12}"
        path = Path(self.folder.name)
        (path / "model.xml").write_text(text)
        importer = SbmlImporter(path / "model.xml")
        importer.sbml2amici(
            name, path / name, compute_conservation_laws=False, generate_sensitivity_code=False
        )
        sys.path.insert(0, str(path / name))
        self.model = importlib.import_module(name).get_model()
        self.solver = self.model.create_solver()
        self.solver.set_max_steps(1_000_000)
        names = [*problem.system.inputs]
        self.inputs = [sbml_id(n) for n in names] + [f"{sbml_id(n)}_in" for n in problem.events.infused()]
        self.parameters = [sbml_id(n) for n in problem.system.parameters]
        ids = list(self.model.get_state_ids())
        self.order = [ids.index(sbml_id(s)) for s in problem.system.states]
        assert len(ids) == len(self.order), "states differ"

    def run(self, rtol: float, patients: int, fine: bool, share: float) -> tuple[np.ndarray, float]:
        """Values (patients, times or points, states) and CPU seconds a patient."""
        times = self.p.fine if fine else self.p.times
        values = np.empty((patients, len(times), len(self.order)))
        self.solver.set_relative_tolerance(rtol)
        self.solver.set_absolute_tolerance(float(absolute(self.p, rtol, share).min()))
        cuts = [cut(self.p, i) for i in range(patients)]
        begin = time.process_time()
        for i, one in enumerate(cuts):
            self._patient(one, times, values[i])
        return values, (time.process_time() - begin) / patients

    def _patient(self, one: Cut, times: np.ndarray, values: np.ndarray) -> None:
        for name, value in zip(self.parameters, one.parameters, strict=True):
            self._set(name, value)
        for name, value in zip(self.inputs, one.inputs, strict=True):
            self._set(name, value)
        state = one.state.copy()
        ends = np.append(one.starts[1:], self.p.times[-1])
        values[times == one.starts[0]] = state
        for begin, end, changes in zip(one.starts, ends, one.changes, strict=True):
            for kind, j, value in changes:
                if kind == "input":
                    self._set(self.inputs[j], value)
                else:
                    state[j] = value + (state[j] if kind == "add" else 0.0)
            inside = np.flatnonzero((times > begin) & (times <= end))
            moments = np.unique(np.append(times[inside], end))
            full = np.zeros(len(self.order))
            full[self.order] = state
            self.model.set_t0(float(begin))
            self.model.set_timepoints(moments)
            self.model.set_initial_state(full)
            found = np.asarray(self.api.run_simulation(self.model, self.solver).x)[:, self.order]
            assert np.isfinite(found[-1]).all(), "failed"
            values[inside] = found[np.searchsorted(moments, times[inside])]
            state = found[-1].copy()

    def _set(self, ident: str, value: Any) -> None:
        self.model.set_free_parameter_by_id(ident, float(value))
