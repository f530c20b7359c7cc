"""Enzymes: how much of each is at work, given genes, other drugs and the drug itself.

The relative intrinsic clearance of an analyte is r = f_0 + sum_k f_k a_k, with f_k the share of enzyme k and
a_k = function_k pool_k / (1 + C/Km_k + sum_j C_j/Ki_jk).  `function` is the patient's genotype and habits,
`pool` the enzyme left by mechanism-based inactivation and induction (turnover), C_j the total plasma level of an
inhibitor and Ki its in-vivo value on that scale.
"""

from __future__ import annotations

from collections.abc import Mapping

from euthymia.compounds.compound import Compound
from euthymia.engine import Assignment, Parameter, State

ENZYMES = ("CYP1A2", "CYP2A6", "CYP2B6", "CYP2C8", "CYP2C9", "CYP2C19", "CYP2D6", "CYP3A4")


class Equations:
    """States, parameters and assignments of a fragment while it is being written."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.parameters: dict[str, Parameter] = {}
        self.assignments: dict[str, Assignment] = {}

    def take(self, prefix: str, compound: Compound, path: str, name: str = "", default: float = 1.0) -> str:
        """Add one number of a compound as a parameter; returns its id."""
        full = f"{prefix}.{name or path.rsplit('.', 1)[-1]}"
        found = compound.parameters.get(path)
        value, unit = (found.value, found.unit.dimension.canonical) if found else (default, "1")
        self.parameters[full] = Parameter(value, unit)
        return full

    def give(self, name: str, expression: str, unit: str = "1") -> str:
        """Add an assignment; returns its id."""
        self.assignments[name] = Assignment(expression, unit)
        return name


def activity(
    equations: Equations, prefix: str, compound: Compound, enzyme: str, present: Mapping[str, Compound]
) -> str:
    """The assignment of an enzyme's activity for one analyte; returns its id.

    Parameters
    ----------
    present : mapping of prefix to Compound
        All analytes in the body, this one included: their inhibition and induction counts.
    """
    name = f"{prefix}.{enzyme}"
    equations.parameters[f"{name}.function"] = Parameter(1.0, "1")
    divisor = ["1"]
    if f"saturation.{enzyme}" in compound.parameters:
        divisor.append(
            f"{prefix}.C/{equations.take(prefix, compound, f'saturation.{enzyme}', f'{enzyme}.Km')}"
        )
    loss, gain = [], []
    for other, source in present.items():
        path = f"inhibits.{enzyme}"
        if f"{path}.Ki" in source.parameters and other != prefix:
            divisor.append(f"{other}.C/{equations.take(name, source, f'{path}.Ki', f'Ki_{source.id}')}")
        if f"{path}.kinact" in source.parameters:
            rate = equations.take(name, source, f"{path}.kinact", f"kinact_{source.id}")
            half = equations.take(name, source, f"{path}.KI", f"KI_{source.id}")
            loss.append(f"{rate}*{other}.C/({half} + {other}.C)")
        path = f"induces.{enzyme}"
        if f"{path}.maximum" in source.parameters:
            most = equations.take(name, source, f"{path}.maximum", f"induction_{source.id}")
            half = equations.take(name, source, f"{path}.EC50", f"induction_EC50_{source.id}")
            gain.append(f"{most}*{other}.C/({half} + {other}.C)")
    pool = "1"
    if loss or gain:
        pool = f"{name}.pool"
        rate = f"{name}.turnover"
        equations.parameters[rate] = Parameter(TURNOVER[enzyme], "1/h")
        made = " + ".join(["1", *gain])
        lost = f" - {pool}*({' + '.join(loss)})" if loss else ""
        equations.states[pool] = State(f"{rate}*({made} - {pool}){lost}", 1.0, "1")
    return equations.give(f"{name}.activity", f"{name}.function*{pool}/({' + '.join(divisor)})")


def clearance_ratio(
    equations: Equations, prefix: str, compound: Compound, present: Mapping[str, Compound]
) -> str:
    """The assignment of an analyte's intrinsic clearance relative to a typical adult; returns its id."""
    shares, terms = [], []
    for pathway in compound.pathways:
        share = equations.take(prefix, compound, f"pathways.{pathway}", f"{pathway}.share")
        if pathway == "renal":
            equations.parameters[f"{prefix}.renal.function"] = Parameter(1.0, "1")
            equations.give(f"{prefix}.renal.activity", f"{prefix}.renal.function*1")
            work = f"{prefix}.renal.activity"
        else:
            work = activity(equations, prefix, compound, pathway, present)
        shares.append(share)
        terms.append(f"{share}*{work}")
    rest = "1" + "".join(f" - {share}" for share in shares)
    equations.parameters[f"{prefix}.other.function"] = Parameter(1.0, "1")
    expression = " + ".join([f"({rest})*{prefix}.other.function", *terms])
    return equations.give(f"{prefix}.clearance_ratio", expression)


def _turnover() -> dict[str, float]:
    from euthymia.evidence.parameter import read_parameters
    from euthymia.evidence.read import LIBRARY, load

    found = read_parameters(load(LIBRARY / "genotype" / "enzymes.yaml", "enzymes"), ("turnover",))
    return {name: p.value for name, p in found.items()}


class _Turnover(dict[str, float]):
    def __missing__(self, enzyme: str) -> float:
        self.update(_turnover())
        return dict.__getitem__(self, enzyme) if enzyme in self else dict.__getitem__(self, "CYP3A4")


TURNOVER: Mapping[str, float] = _Turnover()
