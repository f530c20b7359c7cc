"""Patients per second of each profile, and the slowest module: `python -m benchmarks.biology`.

Eight weeks at the engine's default tolerance, one core, weekly outputs, patients that differ in five traits; alone (an
occupancy that is constant) and with the kinetics of a drug taken daily.  Time is CPU time of the process after
compilation, the best of three.  The cost of a module is what leaving it out of the full network saves.
"""

from __future__ import annotations

import time

import numpy as np

from euthymia.biology import Network, build_network, module_names
from euthymia.compounds.binding import occupancy_fragment, ports_of
from euthymia.compounds.compound import load_compound
from euthymia.compounds.pharmacokinetics import dose_target, fragment
from euthymia.engine import Dose, Events
from euthymia.engine.solve import solve

N, WEEKS, DRUG = 512, 8, "escitalopram"
WANTED = {"core": 300.0, "full": 150.0}


def people(n: int) -> dict[str, np.ndarray]:
    """Traits of patients."""
    rng = np.random.default_rng(20)
    return {
        "neuroplasticity.chi": np.clip(rng.normal(0.93, 0.06, n), 0.7, 1.1),
        "inflammation.trait": rng.lognormal(0, 0.43, n),
        "psychological_lifestyle.reactivity": rng.lognormal(0, 0.25, n),
        "symptoms.trait": rng.normal(0, 0.3, n),
        "hpa.receptor": rng.normal(0.95, 0.1, n),
    }


def rate(network: Network, doses: list[Dose], n: int = N) -> tuple[float, float]:
    """Patients per second of CPU time, and mean steps of a patient."""
    system = network.system
    traits = {k: v for k, v in people(n).items() if k in system.parameters}
    start = [
        Dose(0.0, p, v, "set")
        for p, v in (("stress.load", 0.35), ("psych.expectancy", 1.0))
        if p in network.inputs
    ]
    events = Events([[*start, *doses]], np.zeros(n, int))
    times = np.arange(WEEKS + 1) * 168.0
    output = "symptoms.madrs" if "symptoms.madrs" in system.assignments else system.state_names[0]
    best, steps = np.inf, 0.0
    for repeat in range(4):
        begun = time.process_time()
        done = solve(system, n, traits, events, times, [output], start=0.0, threads=1)
        assert done.ok.all()
        if repeat:
            best, steps = min(best, time.process_time() - begun), float(done.steps.mean())
    return n / best, steps


def with_drug(profile: str) -> tuple[Network, list[Dose]]:
    """A profile joined to a drug's kinetics, and eight weeks of daily doses."""
    compound = load_compound(DRUG)
    drugs = {DRUG: compound}
    ports = [p for p in build_network(profile).inputs if p in ports_of(drugs)]
    parts = [fragment(compound, "oral", DRUG, drugs), occupancy_fragment(drugs, ports)]
    target = dose_target(compound, "oral", prefix=DRUG)
    doses = [Dose(24.0 * d, target.state, 10.0 * target.factor) for d in range(7 * WEEKS)]
    return build_network(profile, fragments=parts, check_rest=False), doses


def main() -> None:
    print(
        f"{'profile':<10}{'states':>7}{'Jacobian':>10}{'alone':>9}{'daily drug':>12}{'steps':>7}{'asked':>7}   patients/s of one core"
    )
    full_alone = 0.0
    for profile, wanted in WANTED.items():
        network = build_network(profile)
        from euthymia.engine.emit import Kernels

        program, system = network.system.program, network.system
        kernels = Kernels(program.graph, program.rates, len(system.parameters), len(system.inputs), ())
        entries = len(kernels.jacobian()[0])
        alone, _ = rate(network, [Dose(0.0, "SLC6A4.occupancy", 0.8, "set")])
        joined, doses = with_drug(profile)
        daily, steps = rate(joined, doses)
        full_alone = alone
        print(
            f"{profile:<10}{len(system.states):>7}{entries:>10}{alone:>9.0f}{daily:>12.0f}{steps:>7.0f}{wanted:>7.0f}"
        )
    print("\nshare of the full network's time that leaving a module out saves")
    saved = {}
    for name in module_names():
        rest = build_network([m for m in module_names() if m != name])
        doses = [Dose(0.0, "SLC6A4.occupancy", 0.8, "set")] if "SLC6A4.occupancy" in rest.inputs else []
        saved[name] = 1 - full_alone / rate(rest, doses)[0]
    for name, share in sorted(saved.items(), key=lambda item: -item[1]):
        print(f"  {name:<26}{100 * share:>5.0f} %")
    print(f"slowest module: {max(saved, key=lambda k: saved[k])}")


if __name__ == "__main__":
    main()
