"""Engine expressions as MathML, every number with its unit.

Comes in: a syntax tree of `engine.syntax` and the dimension of every name.  Goes out: MathML of SBML Level 3
Version 2.  Functions that SBML lacks are spelled out: `hill`, `logistic`; `pos` is a maximum with zero.  Maxima are not
written as pieces, because COPASI makes a root of every condition and then cannot restart from some events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from euthymia.engine.dimensions import DimensionCheck, constant
from euthymia.engine.syntax import Node, parse
from euthymia.units import NONE, Dimension, parse_unit

HEAD = (
    '<math xmlns="http://www.w3.org/1998/Math/MathML" '
    'xmlns:sbml="http://www.sbml.org/sbml/level3/version2/core">'
)
_TAG = {
    "+": "plus",
    "-": "minus",
    "*": "times",
    "/": "divide",
    "<": "lt",
    "<=": "leq",
    ">": "gt",
    ">=": "geq",
}
_TAG |= {"==": "eq", "!=": "neq", "and": "and", "or": "or"}
_COMPARE = ("<", "<=", ">", ">=", "==", "!=")
_FUNCTION = {"exp": "exp", "log": "ln", "ln": "ln", "abs": "abs", "floor": "floor", "ceil": "ceiling"}
_FUNCTION |= {"sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh"}
_FUNCTION |= {"factorial": "factorial", "asin": "arcsin", "acos": "arccos", "atan": "arctan"}
_BOOLEAN = (*_COMPARE, "and", "or", "not")


class MathMl:
    """Writes expressions.

    Parameters
    ----------
    of : mapping of str to Dimension
        Every name, and `t`.
    unit_id : callable
        A `Dimension` to the id of its unit definition.
    ident : callable
        A name to its SBML id.
    """

    def __init__(
        self, of: Mapping[str, Dimension], unit_id: Callable[[Dimension], str], ident: Callable[[str], str]
    ):
        self.of, self.unit_id, self.ident = of, unit_id, ident

    def write(self, text: str, want: Dimension = NONE, truth: bool = False) -> str:
        """The `<math>` element of an expression of dimension `want`, or of a condition."""
        node = parse(text)
        body = self._truth(node) if truth else self._value(node, want)
        return f"{HEAD}{body}</math>"

    def number(self, value: float, dimension: Dimension) -> str:
        """A `<cn>` with its unit."""
        text = format(Decimal(repr(float(value))), "f") if value == 0 or 1e-20 < abs(value) < 1e20 else ""
        unit = f'sbml:units="{self.unit_id(dimension)}"'
        if text:
            return f"<cn {unit}> {text} </cn>"
        mantissa, _, exponent = f"{value:.17e}".partition("e")
        return f'<cn type="e-notation" {unit}> {mantissa} <sep/> {int(exponent)} </cn>'

    # ------------------------------------------------------------------ parts
    def _dim(self, *nodes: Node) -> Dimension | None:
        """The dimension of the first node that has one."""
        for node in nodes:
            found = DimensionCheck(self.of).check(node)
            if found is not None:
                return found
        return None

    def _common(self, nodes: tuple[Node, ...], want: Dimension | None) -> list[str]:
        dimension = self._dim(*nodes)
        return [self._value(n, want if dimension is None else dimension) for n in nodes]

    def _value(self, n: Node, want: Dimension | None) -> str:
        if n.kind == "number":
            unit = parse_unit(n.unit) if n.unit else None
            value = float(n.value) * (unit.factor if unit else 1.0)
            dimension = unit.dimension if unit else (want if value == 0.0 and want is not None else NONE)
            return self.number(value, dimension)
        if n.kind == "name":
            if n.value == "t":
                return '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time"> time </csymbol>'
            return f"<ci> {self.ident(str(n.value))} </ci>"
        if n.kind == "call":
            return self._call(str(n.value), n.args, want)
        op = str(n.value)
        if op in _BOOLEAN:
            return _piecewise(self.number(1, NONE), self._truth(n), self.number(0, NONE))
        if op == "neg":
            return _apply("minus", self._value(n.args[0], want))
        if op == "^":
            return self._power(n.args, want)
        if op in ("+", "-"):
            return _apply(_TAG[op], *self._common(n.args, want))
        return _apply(_TAG[op], *(self._value(a, NONE) for a in n.args))

    def _power(self, args: tuple[Node, ...], want: Dimension | None) -> str:
        fixed = constant(args[1])
        exponent = self.number(fixed, NONE) if fixed is not None else self._value(args[1], NONE)
        return _apply("power", self._value(args[0], want), exponent)

    def _call(self, name: str, args: tuple[Node, ...], want: Dimension | None) -> str:
        if name in _FUNCTION:
            inner = want if name in ("abs", "floor", "ceil") else NONE
            return _apply(_FUNCTION[name], self._value(args[0], inner))
        if name == "log10":
            return (
                f"<apply><log/><logbase>{self.number(10, NONE)}</logbase>{self._value(args[0], NONE)}</apply>"
            )
        if name == "sqrt":
            return _apply("root", self._value(args[0], want))
        if name == "pow":
            return self._power(args, want)
        if name == "if":
            yes, no = self._common(args[1:], want)
            return _piecewise(yes, self._truth(args[0]), no)
        if name == "pos":
            dimension = self._dim(args[0]) or want or NONE
            value, zero = self._value(args[0], dimension), self.number(0, dimension)
            return _apply("max", value, zero)
        if name in ("min", "max"):
            return _apply(name, *self._common(args, want))
        if name == "hill":
            dimension = self._dim(*args[:2]) or NONE
            x, half = (self._value(a, dimension) for a in args[:2])
            ratio = _apply("power", _apply("divide", x, half), self._value(args[2], NONE))
            one = self.number(1, NONE)
            share = _apply("divide", ratio, _apply("plus", one, ratio))
            return _piecewise(share, _apply("gt", x, self.number(0, dimension)), self.number(0, NONE))
        if name == "logistic":
            one, x = self.number(1, NONE), self._value(args[0], NONE)
            return _apply("divide", one, _apply("plus", one, _apply("exp", _apply("minus", x))))
        condition = _apply("xor", *(self._truth(a) for a in args))
        return _piecewise(self.number(1, NONE), condition, self.number(0, NONE))

    def _truth(self, n: Node) -> str:
        op = str(n.value)
        if n.kind == "op" and op in _COMPARE:
            return _apply(_TAG[op], *self._common(n.args, NONE))
        if n.kind == "op" and op in ("and", "or", "not"):
            return _apply(op, *(self._truth(a) for a in n.args))
        if n.kind == "call" and op == "xor":
            return _apply("xor", *(self._truth(a) for a in n.args))
        return _apply("neq", self._value(n, NONE), self.number(0, self._dim(n) or NONE))


def _apply(tag: str, *args: str) -> str:
    return f"<apply><{tag}/>{''.join(args)}</apply>"


def _piecewise(yes: str, condition: str, no: str) -> str:
    return f"<piecewise><piece>{yes}{condition}</piece><otherwise>{no}</otherwise></piecewise>"
