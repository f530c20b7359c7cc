"""Compile time by size, time to the first result, two threads against one, memory of a streamed million.

Each measurement runs in a process of its own: `python -m benchmarks.scaling NAME` prints its result as JSON.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def compile_times() -> dict[str, float]:
    """Seconds of CPU from the checked system to machine code; copies of the study model joined."""
    from benchmarks import study_model
    from euthymia.engine import Assignment, Fragment, OdeSystem, Parameter, State
    from euthymia.engine.compiled import _kernels, compiled, driver_code
    from euthymia.engine.syntax import parse

    base = study_model.system()
    found = {}
    driver_code("rodas5p", 8)
    for copies, keep in ((1, 66), (3, 150), (8, 500)):
        parts = []
        for c in range(copies):
            names = {n: f"{n}_{c}" for n in (*base.states, *base.parameters, *base.assignments)}

            def own(text: str, names: dict[str, str] = names) -> str:
                return _renamed(text, names)

            parts.append(
                Fragment(
                    {names[k]: State(own(s.rate), s.initial) for k, s in base.states.items()},
                    {names[k]: Parameter(p.value) for k, p in base.parameters.items()},
                    {names[k]: Assignment(own(a.expression)) for k, a in base.assignments.items()},
                )
            )
        whole = OdeSystem.join("copies", *parts, units=False)
        # the last copy is cut to size: the states left over are held at their first value
        extra = list(whole.states)[keep:]
        left = {k: s for k, s in whole.states.items() if k not in extra}
        held = {k: Parameter(float(parse(str(whole.states[k].initial)).value)) for k in extra}
        cut = OdeSystem.join(
            "cut", Fragment(left, {**whole.parameters, **held}, whole.assignments), units=False
        )
        spent = []
        for again in range(3):
            label = Fragment(parameters={f"again{again}": Parameter(1.0)})
            system = OdeSystem.join(
                f"cut {again}", Fragment(cut.states, cut.parameters, cut.assignments), label, units=False
            )
            _kernels.cache_clear()
            begin = time.process_time()
            compiled(system, (), list(system.states)[:10], True)
            spent.append(time.process_time() - begin)
        found[f"{keep} states"] = round(statistics.median(spent), 3)
    return found


def _renamed(text: str, names: dict[str, str]) -> str:
    import re

    return re.sub(r"[A-Za-z_][A-Za-z_0-9]*", lambda m: names.get(m.group(), m.group()), text)


def first_result() -> dict[str, float]:
    """Seconds from model text to the first patient's values, 66 states, in a fresh process."""
    begin, used = time.perf_counter(), time.process_time()
    from benchmarks import study_model
    from euthymia.engine import solve

    loaded = time.perf_counter()
    system = study_model.system()
    one = {k: v[:1] for k, v in study_model.population(1, 7).items()}
    solve(system, 1, one, study_model.events(1), study_model.TIMES[:8], ["MOOD"], threads=1)
    return {
        "with imports": round(time.perf_counter() - begin, 3),
        "imports": round(loaded - begin, 3),
        "CPU with imports": round(time.process_time() - used, 3),
    }


def threads() -> dict[str, Any]:
    """Wall time of one thread over that of two, 512 patients of the study model, five pairs."""
    from benchmarks import study_model
    from euthymia.engine import solve

    n = 512
    system, people, doses = study_model.system(), study_model.population(n, 7), study_model.events(n)
    spent: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(6):
        for count in spent:
            begin = time.perf_counter()
            solve(system, n, people, doses, study_model.TIMES, ["MOOD"], rtol=1e-4, threads=count)
            spent[count].append(time.perf_counter() - begin)
    pairs = [a / b for a, b in zip(spent[1][1:], spent[2][1:], strict=True)]
    return {
        "one over two": round(statistics.median(pairs), 2),
        "range": [round(min(pairs), 2), round(max(pairs), 2)],
    }


def memory(n: int = 1_000_000) -> dict[str, Any]:
    """Peak memory of a streamed population: 8 weeks of daily doses, 10 outputs, weekly."""
    from euthymia.engine import Dose, Events, Fragment, OdeSystem, Parameter, State
    from euthymia.engine.execute import stream

    part = Fragment(
        {
            "depot": State("-ka*depot"),
            "central": State("ka*depot - vm*central/(km + central) - k12*central + k21*tissue"),
            "tissue": State("k12*central - k21*tissue"),
        },
        {k: Parameter(v) for k, v in {"ka": 0.9, "vm": 1.5, "km": 4.0, "k12": 0.3, "k21": 0.2}.items()},
    )
    system = OdeSystem.join("pk", part, units=False)
    doses = [[Dose(0.0, "depot", 20.0, additional=55, interval=24.0)]]

    def draw(first: int, last: int) -> tuple[dict[str, np.ndarray], Events]:
        z = np.random.Generator(np.random.Philox(key=[7, first])).standard_normal((5, last - first))
        people = {k: p.value * np.exp(0.3 * z[i]) for i, (k, p) in enumerate(system.parameters.items())}
        return people, Events(doses, np.zeros(last - first, dtype=int))

    outputs = ["depot", "central", "tissue", "central/4", "tissue/2", "central + tissue", "depot + central",
               "central^2", "log(1 + central)", "central/(1 + central)"]  # fmt: skip
    begin = time.perf_counter()
    found = stream(system, n, draw, np.arange(9) * 168.0, outputs, rtol=1e-4, threads=2)
    return {
        "patients": found.patients, "failed": found.failed, "seconds": round(time.perf_counter() - begin, 1),
        "peak MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }  # fmt: skip


def _apart(name: str) -> Callable[[], Any]:
    def measure() -> Any:
        command = [sys.executable, "-m", "benchmarks.scaling", name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return json.loads(text.splitlines()[-1])

    return measure


_OWN: dict[str, Callable[[], Any]] = {
    "compile": compile_times,
    "first result": first_result,
    "threads": threads,
    "memory": memory,
}
MEASURES: dict[str, Callable[[], Any]] = {
    "compile, s": _apart("compile"),
    "first result, s": _apart("first result"),
    "two threads": _apart("threads"),
    "a million patients streamed": _apart("memory"),
}

if __name__ == "__main__":
    print(json.dumps(_OWN[sys.argv[1]]()))
