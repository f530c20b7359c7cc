"""A system compiled for lanes: LLVM machine code in memory, kept by content within the process.

In: a system, which states are infused, the outputs, a method.  Out: function addresses and sizes.  LLVM comes with
the `llvmlite` wheel; no compiler is needed on the machine.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm

from euthymia.engine import driver, driver_events, driver_jumps
from euthymia.engine.emit import Kernels, module
from euthymia.engine.lanemath import declarations, functions
from euthymia.engine.lanes import LaneCompiler
from euthymia.engine.linear import eliminate
from euthymia.engine.methods import METHODS, Tableau
from euthymia.engine.system import OdeSystem
from euthymia.engine.triggers import TriggerTable, trigger_table

_LOCK = threading.Lock()
_CACHE: dict[tuple, Compiled] = {}
_CACHE_SIZE = 64
MANY = 400  # LU entries; measured: 236 to 341 favour 8 lanes, 496 and 646 favour 4


@dataclass(frozen=True)
class Compiled:
    """Machine code of one system and output list.

    Parameters
    ----------
    address : dict from kernel name to int
    n_slots : int
        Parameters with hoisted expressions.
    n_factors : int
        Entries of the LU factors.
    scratch : int
        Lane values of scratch memory.
    timed, needed : tuple of int
        States whose rate depends on time; states that the outputs read.
    triggers : TriggerTable or None
        Of a system with state-triggered events.
    jumps : tuple
        For each parameter of a system with sensitivities the pairs (sensitivity state, state).
    """

    address: dict[str, int]
    width: int
    n_slots: int
    n_factors: int
    scratch: int
    timed: tuple[int, ...]
    needed: tuple[int, ...]
    triggers: TriggerTable | None = None
    jumps: tuple[tuple[tuple[int, int], ...], ...] = ()
    alive: Any = field(repr=False, default=None)


@lru_cache(maxsize=1)
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


@lru_cache(maxsize=1)
def lanes() -> int:
    """Lanes for this machine: 8 with AVX-512, otherwise 4."""
    return 8 if llvm.get_host_cpu_features().get("avx512f") else 4


def lanes_for(factors: int) -> int:
    """Lanes for a system with so many LU entries: where 8 lanes of them fill the first cache, 4 are faster."""
    return min(lanes(), 4) if factors > MANY else lanes()


def build(text: str, names: Sequence[str], optimise: bool) -> tuple[dict[str, int], Any]:
    """IR text to machine code: {name: address}, and the engine that owns it.

    Kernels come optimised already (each expression exists once), so that only the elementary functions are
    inlined: measured as fast as the full optimiser at half its time.  The driver needs the optimiser.
    """
    machine = _target().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=1 + optimise, jit=True
    )
    parsed = llvm.parse_assembly(text)
    parsed.triple = machine.triple
    parsed.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2 if optimise else 0)
    options.slp_vectorization = options.loop_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    engine = llvm.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    return {name: engine.get_function_address(name) for name in names}, engine


def _features() -> str:
    extra = ",-prefer-256-bit" if lanes() == 8 else ""
    return llvm.get_host_cpu_features().flatten() + extra


@lru_cache(maxsize=16)
def driver_code(name: str, width: int, triggers: bool = False, jumps: bool = False) -> tuple[int, Any]:
    """The driver of one method: its address, and the engine that owns it.

    `triggers` and `jumps` take in the code for state-triggered events and for jumps of sensitivities.
    """
    with _LOCK:
        method = METHODS[name]
        constants = driver.CONSTANTS | _coefficients(method) | {"WIDTH": width, "TRIGGERS": triggers}
        constants["JUMPS"] = jumps
        compiler = LaneCompiler(width, constants)
        of_triggers = {f.__name__: triggers for f in driver_events.FUNCTIONS}
        of_triggers |= {f.__name__: jumps for f in driver_jumps.FUNCTIONS}
        for function in driver.FUNCTIONS:
            wanted = {
                "implicit_stages": method.implicit,
                "refine": method.implicit,
                "explicit_stages": not method.implicit,
            } | of_triggers
            if wanted.get(function.__name__, True):
                compiler.add(function, public=function.__name__ == "run")
        text = "\n".join(
            [declarations(width), declarations(1), functions(width, inline=False), *compiler.texts]
        )
        address, engine = build(text, ["run"], True)
        return address["run"], engine


def _coefficients(method: Tableau) -> dict[str, Any]:
    pairs = zip(method.a[1:], method.a[:-1], strict=True)
    following = [False, *(b == (*a, 1.0) for b, a in pairs)]  # the argument before, plus its increment
    return {
        "STAGES": method.stages, "GAMMA": method.gamma, "A": method.a, "AT": method.at, "C": method.c, "D": method.d,
        "DENSE": method.dense, "ERROR": method.error, "ORDER": float(method.order), "SAFETY": method.safety,
        "IMPLICIT": method.implicit, "NEXT_ONLY": following,
    }  # fmt: skip


@lru_cache(maxsize=16)
def _kernels(text: str, names: tuple[str, ...]) -> tuple[dict[str, int], Any]:
    """Machine code by its text: systems that differ in values only share it."""
    return build(text, names, False)


def compiled(
    system: OdeSystem,
    infused: Sequence[str],
    outputs: Sequence[str],
    implicit: bool,
    width: int = 0,
) -> Compiled:
    """The machine code for a request, compiled at the first one."""
    key = (system.key, tuple(infused), tuple(outputs), implicit, width, lanes())
    with _LOCK:
        if key not in _CACHE:
            if len(_CACHE) >= _CACHE_SIZE:
                _CACHE.pop(next(iter(_CACHE)))
            _CACHE[key] = _compile(system, infused, outputs, implicit, width)
        return _CACHE[key]


def _compile(
    system: OdeSystem, infused: Sequence[str], outputs: Sequence[str], implicit: bool, width: int
) -> Compiled:
    program = system.program
    graph = program.graph
    nodes = [program.node(o) for o in outputs]
    targets = [system.state_names.index(s) for s in infused]
    kernels = Kernels(graph, program.rates, len(system.parameters), len(system.inputs), targets)
    timed: tuple[int, ...] = ()
    n_factors = 1
    if implicit:
        entries, slopes = kernels.jacobian()
        plan = eliminate(kernels.n, entries)
        width = width or lanes_for(len(plan.slots))
    width = width or lanes()
    names = ["prep", "outputs"]
    parts = [kernels.output_kernel(width, nodes)]
    if implicit:
        parts += [kernels.factor_kernel(width, plan, entries, slopes), kernels.stage_kernel(width, plan)]
        names += ["factor", "stage"]
        timed = tuple(sorted(slopes))
        n_factors = len(plan.slots)
    else:
        parts.append(kernels.rate_kernel(width))
        names.append("rates")
    table = None
    if system.triggers:
        table, nodes_of = trigger_table(system)
        parts += [kernels.watch_kernel(width, nodes_of["watch"])]
        parts += [kernels.output_kernel(width, nodes_of["react"], "react")]
        names += ["watch", "react"]
    if program.jumps:
        parts.append(kernels.output_kernel(width, kernels.rates[: program.plain], "slope"))
        names.append("slope")
    parts.append(kernels.prep(width))
    address, engine = _kernels(module(parts, width), tuple(names))
    needed = tuple(sorted({graph.args[i][0] for i in graph.order(nodes) if graph.op[i] == "y"}))
    n_slots = len(system.parameters) + len(kernels.hoisted)
    return Compiled(
        address, width, n_slots, n_factors, kernels.scratch, timed, needed, table, program.jumps, engine
    )
