"""Graph nodes as plain Python functions: for the reference solver, initial values and tests.

In: a graph and root nodes.  Out: a function of (t, y, p, u) that returns one value for each root; with
`arrays=True` every value may be a NumPy array of patients; `operations` brings another library's functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from euthymia.engine.expression import Graph

_PATTERN = {
    "+": "{0} + {1}", "-": "{0} - {1}", "*": "{0} * {1}", "neg": "-{0}", "lt": "{0} < {1}", "le": "{0} <= {1}",
    "eq": "{0} == {1}", "true": "True", "false": "False",
}  # fmt: skip
Function = Callable[..., list]


def _scalar_power(a: float, b: float) -> float:
    if a > 0:
        try:
            return a**b
        except OverflowError:
            return math.inf
    if a == 0:
        return 0.0 if b > 0 else 1.0 if b == 0 else math.inf
    if a != a or b != b:
        return math.nan
    if b != math.floor(b):
        return 0.0
    return -_scalar_power(-a, b) if b % 2 else _scalar_power(-a, b)


def _array_power(a: Any, b: Any) -> Any:
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    size = np.abs(a) ** b
    odd = np.where(b % 2 == 1, -size, size)
    return np.where(a < 0, np.where(b == np.floor(b), odd, 0.0), size)


def _guard(f: Callable[[float], float], low: float = math.nan) -> Callable[[float], float]:
    def guarded(x: float) -> float:
        try:
            return f(x)
        except OverflowError:
            return math.inf
        except ValueError:
            return low if x == 0 else math.nan

    return guarded


_SCALAR: dict[str, Any] = {
    "exp": _guard(math.exp), "log": _guard(math.log, -math.inf), "sin": _guard(math.sin), "cos": _guard(math.cos),
    "sqrt": _guard(math.sqrt), "abs": abs, "floor": _guard(math.floor), "asin": _guard(math.asin),
    "acos": _guard(math.acos), "atan": math.atan, "pow": _scalar_power,
    "factorial": _guard(lambda x: math.gamma(x + 1.0)),
    "inv": lambda x: 1.0 / x if x else math.copysign(math.inf, x),
    "min": lambda a, b: a if a < b or a != a else b, "max": lambda a, b: a if a > b or a != a else b,
    "select": lambda c, a, b: a if c else b,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b, "not": lambda a: not a,
}  # fmt: skip
_ARRAY: dict[str, Any] = {
    "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "sqrt": np.sqrt, "abs": np.abs, "floor": np.floor,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "pow": _array_power,
    "factorial": np.vectorize(_guard(lambda x: math.gamma(x + 1.0)), otypes=[float]), "inv": lambda x: np.divide(1.0, x),
    "min": np.minimum, "max": np.maximum, "select": np.where,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not,
}  # fmt: skip


def function(
    graph: Graph, roots: Sequence[int], arrays: bool = False, operations: Mapping[str, Any] | None = None
) -> Function:
    """A function (t, y, p, u) -> list with one value for each root.

    >>> g = Graph()
    >>> function(g, [g.add(g.make("y", 0), g.const(2.0))])(0.0, [1.0], [], [])
    [3.0]
    """
    lines = ["def made(t, y, p, u):"]
    for i in graph.order(roots):
        op, args = graph.op[i], graph.args[i]
        if op == "c":
            text = f"_k({args[0]!r})" if not math.isfinite(args[0]) else repr(args[0])
        elif op == "t":
            text = "t"
        elif op in ("y", "p", "u"):
            text = f"{op}[{args[0]}]"
        elif op in _PATTERN:
            text = _PATTERN[op].format(*(f"v{a}" for a in args))
        else:
            text = f"_{op}({', '.join(f'v{a}' for a in args)})"
        lines.append(f"    v{i} = {text}")
    lines.append("    return [" + ", ".join(f"v{r}" for r in roots) + "]")
    table = operations or (_ARRAY if arrays else _SCALAR)
    space: dict[str, Any] = {f"_{name}": f for name, f in table.items()}
    space["_k"] = float
    text = (
        "\n".join(lines)
        .replace("_k(inf)", "_k('inf')")
        .replace("_k(-inf)", "_k('-inf')")
        .replace("_k(nan)", "_k('nan')")
    )
    exec(compile(text, "<expression graph>", "exec"), space)  # made of node numbers and literals only
    return space["made"]
