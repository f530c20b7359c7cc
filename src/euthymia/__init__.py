"""Euthymia: the science of antidepressant treatment as an executable, cited model.

The public names, each imported when it is first used:

>>> import euthymia as eu
>>> protocol = eu.read_protocol("trial.yaml")       # doctest: +SKIP
>>> result = eu.run_trial(protocol)                 # doctest: +SKIP
>>> eu.write_report(result.folder, "report.html")   # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Protocol": "euthymia.protocol.protocol",
    "Arm": "euthymia.protocol.protocol",
    "Treatment": "euthymia.protocol.protocol",
    "Endpoint": "euthymia.protocol.protocol",
    "Setting": "euthymia.protocol.protocol",
    "read_protocol": "euthymia.protocol.protocol",
    "parse_protocol": "euthymia.protocol.protocol",
    "run_trial": "euthymia.trials.simulate",
    "simulate": "euthymia.trials.simulate",
    "build_model": "euthymia.trials.model",
    "rerun_patient": "euthymia.trials.single",
    "group_course": "euthymia.trials.groups",
    "write_report": "euthymia.report.document",
    "load_compound": "euthymia.compounds.compound",
    "list_compounds": "euthymia.compounds.compound",
    "load_population": "euthymia.patients.population",
    "list_populations": "euthymia.patients.population",
    "load_module": "euthymia.biology.module",
    "build_network": "euthymia.biology.network",
    "OdeSystem": "euthymia.engine",
    "Fragment": "euthymia.engine",
    "Dose": "euthymia.engine",
    "Events": "euthymia.engine",
    "solve": "euthymia.engine",
    "solve_reference": "euthymia.engine",
    "audit": "euthymia.evidence.audit",
    "InputError": "euthymia.errors",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'euthymia' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
