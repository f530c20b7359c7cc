"""The equations of one protocol: its drugs' kinetics and occupancies joined to the network.

In: a protocol.  Out: the network alone (for the run-up) and the same network with all drugs of all arms (for the
trial), whose states begin where the run-up ended.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from euthymia.biology.interventions import Intervention, load_intervention
from euthymia.biology.network import Network, build_network
from euthymia.compounds.binding import occupancy_fragment, ports_of
from euthymia.compounds.compound import Compound, analytes, load_compound
from euthymia.compounds.pharmacokinetics import DoseTarget, dose_target, fragment
from euthymia.engine import OdeSystem
from euthymia.engine import Parameter as Constant
from euthymia.outcomes.scales import scale
from euthymia.patients.history import LOAD
from euthymia.protocol.protocol import Protocol, Treatment

SEVERITY = "symptoms.madrs"
START = "start."
EXPECTANCY = "psych.expectancy"
SHOWN = (
    ("serotonin.terminal", "Serotonin at the terminal", "1"),
    ("neuroplasticity.trkb", "BDNF-TrkB signalling", "1"),
    ("neuroplasticity.bdnf", "BDNF in the brain", "1"),
    ("neuroplasticity.spines", "Dendritic spines", "1"),
    ("inflammation.il6", "Interleukin-6", "1"),
    ("hpa.cortisol", "Cortisol", "1"),
    ("symptoms.madrs", "Model MADRS", "1"),
)


@dataclass(frozen=True, slots=True)
class Model:
    """Equations of one protocol.

    Parameters
    ----------
    network : OdeSystem
        Without drugs; `stress.load` is an input.
    treated : OdeSystem
        With drugs; network states begin at the parameters `start.<state>`, `stress.load` is a parameter.
    drugs : dict of prefix to Compound
    targets : dict of (drug, route) to DoseTarget
    report : Network
        What the network builder says of modules, ports and edges.
    courses : tuple of (output id, title, unit)
        What is kept day by day.
    severity : str
        Output id of the model MADRS.
    """

    network: OdeSystem
    treated: OdeSystem
    drugs: dict[str, Compound]
    targets: dict[tuple[str, str], DoseTarget]
    report: Network
    courses: tuple[tuple[str, str, str], ...]
    severity: str = SEVERITY

    @property
    def madrs_per_hamd17(self) -> float:
        """Points of MADRS per point of HAMD17."""
        return scale("HAMD17").slope

    @property
    def analytes(self) -> dict[str, Compound]:
        """Everything measured in plasma, by prefix."""
        return {k: c for prefix, drug in self.drugs.items() for k, c in analytes(drug, prefix).items()}


def drugs_of(protocol: Protocol) -> list[Treatment]:
    """All drugs of all arms, without placebo and interventions."""
    return [t for arm in protocol.arms for t in arm.treatments if t.drug and not t.placebo]


def interventions_of(protocol: Protocol) -> list[Intervention]:
    """All interventions of all arms, each once."""
    found = [t for arm in protocol.arms for t in arm.treatments if t.intervention]
    return [load_intervention(name) for name in dict.fromkeys(t.intervention for t in found)]


def build_model(protocol: Protocol) -> Model:
    """Assemble the equations.

    Raises
    ------
    InputError
        A compound without kinetics, or parts that do not fit.
    """
    used = drugs_of(protocol)
    drugs = {c.id: c for c in (load_compound(t.drug) for t in used)}
    routes = {c.id: t.route for t in used for c in [load_compound(t.drug)]}
    targets = {
        (t.drug, t.route): dose_target(c, t.route, prefix=c.id) for t in used for c in [load_compound(t.drug)]
    }
    structures, gain = dict(protocol.structures), protocol.loop_gain
    rivals = dict(protocol.variants)
    bare = build_network(protocol.profile, structures, loop_gain=gain, variants=rivals)
    driven = ports_of(drugs)
    wanted = [port for port in bare.system.inputs if port in driven]
    parts = [fragment(c, routes[prefix], prefix, drugs) for prefix, c in drugs.items()]
    if drugs:
        parts.append(occupancy_fragment(drugs, [*wanted, *(f"{g}.occupancy" for g in shown_genes(wanted))]))
    joined = build_network(
        protocol.profile, structures, parts, loop_gain=gain, variants=rivals, check_rest=False
    )
    courses = [row for row in SHOWN if row[0] in _names(joined.system)]
    for prefix, compound in drugs.items():
        for name, analyte in analytes(compound, prefix).items():
            courses.append((f"{name}.C_mass", f"{analyte.title} in plasma", "ng/mL"))
    courses += [(f"{gene}.occupancy", f"Occupancy of {gene}", "%") for gene in shown_genes(wanted)]
    return Model(
        network=bare.system,
        treated=continued(joined.system, bare.system),
        drugs=drugs,
        targets=targets,
        report=joined,
        courses=tuple(courses),
    )


def shown_genes(ports: list[str]) -> list[str]:
    """Transporters whose occupancy is drawn."""
    genes = dict.fromkeys(p.rpartition(".")[0] for p in ports)
    return [g for g in ("SLC6A4", "SLC6A2", "SLC6A3") if g in genes]


def _names(system: OdeSystem) -> set[str]:
    return {*system.states, *system.assignments}


def continued(
    system: OdeSystem, before: OdeSystem, constants_of: tuple[str, ...] = (LOAD, EXPECTANCY)
) -> OdeSystem:
    """The system as it is inside a trial.

    States shared with `before` begin at `start.<state>`; the inputs `constants_of` (stress load and expectancy) become
    constants of the patient.
    """
    states = {
        k: dataclasses.replace(s, initial=START + k) if k in before.states else s
        for k, s in system.states.items()
    }
    constants = {START + k: Constant(0.0, s.unit) for k, s in before.states.items() if k in system.states}
    fixed = {k: Constant(float(v.value), v.unit) for k, v in system.inputs.items() if k in constants_of}
    inputs = {k: v for k, v in system.inputs.items() if k not in fixed}
    parameters = {**system.parameters, **constants, **fixed}
    return dataclasses.replace(system, states=states, parameters=parameters, inputs=inputs)
