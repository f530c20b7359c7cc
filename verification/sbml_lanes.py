"""The SBML semantic cases through the batched lanes: `python verification/sbml_lanes.py FOLDER [--only 00001,...]`.

Five patients a case.  The first keeps the file's numbers and is scored against the suite's results with the suite's
rule; the others have every parameter, compartment and species that may vary multiplied by factors of their own, so
that events come at different times in each lane, and are compared with the readable simulator under the same rule.
A verdict for each case: pass, wrong (with the patient), or not in a batch (with the reason).
"""

from __future__ import annotations

import argparse
import collections
import csv
import json
import math
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.engine import solve
from euthymia.errors import EuthymiaError, InputError
from euthymia.interop.sbml_change import own_model
from euthymia.interop.sbml_dynamics import dynamics
from euthymia.interop.sbml_machine import Machine
from euthymia.interop.sbml_math import Unsupported
from euthymia.interop.sbml_population import first_value, prepare_batch
from euthymia.interop.sbml_read import read_sbml
from euthymia.interop.sbml_simulate import Run, divided, output_symbols

PATIENTS = 5


def read_settings(path: Path) -> dict[str, Any]:
    """The settings file of a case."""
    raw = dict(
        line.split(":", 1) for line in path.read_text(encoding="utf-8-sig").splitlines() if ":" in line
    )
    raw = {k.strip(): v.strip() for k, v in raw.items()}
    names = {
        k: [x.strip() for x in raw.get(k, "").split(",") if x.strip()]
        for k in ("variables", "amount", "concentration")
    }
    numbers = {k: float(raw.get(k) or 0) for k in ("start", "duration", "absolute", "relative")}
    return {**names, **numbers, "steps": int(raw["steps"])}


def read_results(path: Path) -> np.ndarray:
    """The results, shape (times, columns); the first column is time."""
    rows = [r for r in csv.reader(path.open(encoding="utf-8-sig")) if any(c.strip() for c in r)]
    if not re.match(r"^\s*[-+0-9.]", rows[0][0]):
        rows = rows[1:]
    return np.array([[float(c) for c in r] for r in rows])


def worst(want: np.ndarray, got: np.ndarray, settings: dict[str, Any]) -> float:
    """The largest error in units of the allowed one; infinite where NaN or infinity do not meet."""
    with np.errstate(all="ignore"):
        error = np.abs(want - got) / (settings["absolute"] + settings["relative"] * np.abs(want))
    same = (np.isnan(want) & np.isnan(got)) | (want == got)
    error = np.where(same, 0.0, np.where(np.isnan(error), math.inf, error))
    return float(error.max(initial=0.0))


def draws_of(model: Any, system: Any, seed: int) -> dict[str, np.ndarray]:
    """Factors for everything whose first value is a positive number of the file."""
    found = {}
    rng = np.random.default_rng(seed)
    for symbol in (*model.parameters, *model.species, *model.compartments):
        try:
            value = first_value(model, symbol)
        except InputError:
            continue
        if symbol in model.initial or not value > 0 or value == 1.0 and symbol in model.compartments:
            continue
        factor = np.exp(0.15 * rng.standard_normal(PATIENTS))
        factor[0] = 1.0
        found[symbol] = value * factor
    return found


def case(folder: Path) -> tuple[str, str]:
    """The verdict on one case and what to say about it."""
    name = folder.name
    path = sorted(folder.glob(f"{name}-sbml-l?v?.xml"))[-1]
    settings = read_settings(folder / f"{name}-settings.txt")
    want = read_results(folder / f"{name}-results.csv")[:, 1:]
    times = settings["start"] + np.linspace(0.0, settings["duration"], settings["steps"] + 1)
    kinds = {v: f"n:{v}" for v in settings["amount"]} | {v: f"c:{v}" for v in settings["concentration"]}
    outputs = [kinds.get(v, v) for v in settings["variables"]]
    try:
        model = read_sbml(path)
        system = dynamics(model)
    except Unsupported as error:
        return "refused", str(error.problems[0])
    draws = draws_of(model, system, int(name) if name.isdigit() else 0)
    while True:
        try:
            batch = prepare_batch(system, times, outputs, draws, PATIENTS)
            break
        except Unsupported as error:
            symbol = error.problems[0].key.split("'")[1]
            if symbol not in draws:
                return "not in a batch", str(error.problems[0])
            del draws[symbol]  # nothing reads it, or it is computed: it cannot vary
    values, messages = batch(solve, 1e-8, PATIENTS)
    if messages[0] != "ok":
        return "failed", messages[0]
    if (error := worst(want, values[0], settings)) > 1:
        return "wrong", f"patient 0 is {error:.3g} times off the suite's results"
    for i in range(1, PATIENTS):
        own = dynamics(own_model(model, {k: float(v[i]) for k, v in draws.items()}))
        pairs = [output_symbols(own, w) for w in outputs]
        machine = Machine(own, [o for o, _ in pairs] + [size for _, size in pairs if size])
        try:
            alone = divided(Run(machine, times, 1e-8, 1e-12).go(), pairs)
        except EuthymiaError as error:
            if messages[i] != "ok":
                continue
            return "wrong", f"patient {i} runs in the lanes but not alone: {error}"
        if messages[i] != "ok":
            return "wrong", f"patient {i} runs alone but not in the lanes: {messages[i]}"
        if (off := worst(alone, values[i], settings)) > 1:
            return "wrong", f"patient {i} is {off:.3g} times off the readable simulator"
    return "pass", f"{len(draws)} varied"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    only = set(arguments.only.split(",")) - {""}
    verdicts: dict[str, tuple[str, str]] = {}
    began = time.perf_counter()
    for folder in sorted(p for p in arguments.folder.iterdir() if p.is_dir()):
        if only and folder.name not in only:
            continue
        try:
            verdicts[folder.name] = case(folder)
        except EuthymiaError as error:
            verdicts[folder.name] = ("failed", f"{type(error).__name__}: {error}")
    for name, (verdict, text) in verdicts.items():
        if verdict != "pass":
            print(f"{name} {verdict}: {text[:200]}")
    count = collections.Counter(v for v, _ in verdicts.values())
    print(dict(count), f"{time.perf_counter() - began:.0f} s")
    if arguments.out:
        arguments.out.write_text(json.dumps(verdicts, indent=1))
    return 1 if count["wrong"] or count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
