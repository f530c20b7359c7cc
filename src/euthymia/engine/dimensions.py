"""Dimensions of an expression: a sum of a clearance and a volume is an error before anything runs.

In: a syntax tree and the dimension of every name.  Out: the dimension of the result, or problems that name
the place and both dimensions.  A literal 0 fits every dimension.
"""

from __future__ import annotations

from collections.abc import Mapping

from euthymia.engine.syntax import Node
from euthymia.errors import UnitError
from euthymia.units import NONE, Dimension, parse_unit

_PLAIN = (
    "exp",
    "log",
    "ln",
    "log10",
    "tanh",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "logistic",
    "factorial",
)


class DimensionCheck:
    """Walks one expression and collects what does not fit.

    Parameters
    ----------
    of : mapping from name to Dimension
    """

    def __init__(self, of: Mapping[str, Dimension]):
        self.of = of
        self.problems: list[str] = []

    def check(self, node: Node) -> Dimension | None:
        """The dimension of `node`; None where it fits anything or is unknown."""
        if node.kind == "number":
            return self._number(node)
        if node.kind == "name":
            return self.of.get(str(node.value))
        args = [self.check(a) for a in node.args]
        if node.kind == "call":
            return self._call(node, args)
        return self._operator(node, args)

    def same(self, node: Node, dims: list[Dimension | None], what: str) -> Dimension | None:
        known = [d for d in dims if d is not None]
        for other in known[1:]:
            if other != known[0]:
                self.problems.append(f"column {node.column}: {what} of a {known[0]} and a {other}")
                return None
        return known[0] if known else None

    def plain(self, node: Node, dim: Dimension | None, what: str) -> None:
        if dim is not None and not dim.dimensionless:
            self.problems.append(f"column {node.column}: {what} of a {dim}; it must be dimensionless")

    def _number(self, node: Node) -> Dimension | None:
        if node.unit:
            try:
                return parse_unit(node.unit).dimension
            except UnitError as error:
                self.problems.append(f"column {node.column}: {error}")
                return None
        return None if node.value == 0.0 else NONE

    def _call(self, node: Node, args: list[Dimension | None]) -> Dimension | None:
        name = str(node.value)
        if name in _PLAIN:
            self.plain(node, args[0], f"{name}()")
            return NONE
        if name == "sqrt":
            return args[0] ** 0.5 if args[0] is not None else None
        if name in ("abs", "pos", "floor", "ceil"):
            return args[0]
        if name in ("min", "max"):
            return self.same(node, args, f"{name}()")
        if name == "hill":
            self.same(node, args[:2], "hill()")
            self.plain(node, args[2], "the exponent of hill()")
            return NONE
        if name == "if":
            return self.same(node, args[1:], "the two branches of if()")
        if name == "pow":
            return self._power(node, args)
        return NONE

    def _operator(self, node: Node, args: list[Dimension | None]) -> Dimension | None:
        op = str(node.value)
        if op in ("+", "-"):
            return self.same(node, args, "the sum" if op == "+" else "the difference")
        if op in ("<", "<=", ">", ">=", "==", "!="):
            self.same(node, args, "the comparison")
            return NONE
        if op in ("*", "/"):
            left, right = args
            if left is None or right is None:
                return None
            return left * right if op == "*" else left / right
        if op == "^":
            return self._power(node, args)
        return args[0] if op == "neg" else NONE

    def _power(self, node: Node, args: list[Dimension | None]) -> Dimension | None:
        base, exponent = args
        self.plain(node, exponent, "an exponent")
        if base is None or base.dimensionless:
            return base
        value = constant(node.args[1])
        if value is None:
            self.problems.append(
                f"column {node.column}: a {base} raised to a power that is no literal number; "
                "divide the base by its reference first, or use hill(x, K, n)"
            )
            return None
        return base**value


def constant(node: Node) -> float | None:
    """The value of a literal number or a signed or divided one; None for anything else."""
    if node.kind == "number" and not node.unit:
        return float(node.value)
    if node.kind == "op" and node.value == "neg":
        inner = constant(node.args[0])
        return None if inner is None else -inner
    if node.kind == "op" and node.value == "/":
        a, b = constant(node.args[0]), constant(node.args[1])
        return a / b if a is not None and b else None
    return None
