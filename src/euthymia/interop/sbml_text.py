"""SBML expressions as text of the engine's language.

Comes in: an `Expr`.  Goes out: text that the engine reads with the same meaning; what has no counterpart raises
`Unsupported`.  Values that are not finite are written as expressions that give them: 1/0 and log(-1).
"""

from __future__ import annotations

import math

from euthymia.engine.syntax import FUNCTIONS
from euthymia.interop.sbml_math import RELATIONS, Expr, Unsupported

_INFIX = {"plus": "+", "times": "*", "minus": "-", "divide": "/", "power": "^"}
_SIGN = {"lt": "<", "leq": "<=", "gt": ">", "geq": ">=", "eq": "==", "neq": "!="}
_SAME = {
    w: w
    for w in ["exp", "abs", "floor", "sin", "cos", "tan", "sinh", "cosh", "tanh", "min", "max", "factorial"]
}
_SAME |= {"ln": "log", "ceiling": "ceil", "arcsin": "asin", "arccos": "acos", "arctan": "atan"}
_OVER = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}
_OF_INVERSE = {
    "arcsec": "arccos",
    "arccsc": "arcsin",
    "arcsech": "arccosh",
    "arccsch": "arcsinh",
    "arccoth": "arctanh",
}
BOOLEAN = {*RELATIONS, "and", "or", "not", "xor", "implies"}
_RESERVED = {"t", "and", "or", "not", *FUNCTIONS}
NAN, INFINITE = "log(-1)", "(1/0)"


def engine_name(symbol: str) -> str:
    """The engine's id of an SBML symbol.

    >>> engine_name("S1"), engine_name("n:S1"), engine_name("exp")
    ('S1', 'S1.amount', 'exp_')
    """
    kind, _, ident = symbol.rpartition(":")
    plain = f"{ident}_" if ident in _RESERVED or ident.rstrip("_") in _RESERVED else ident
    return {"": plain, "n": f"{plain}.amount", "rate": f"{plain}.rateof"}[kind]


class TextWriter:
    """Writes expressions; `file` and `place` tell where an unsupported one stands."""

    def __init__(self, file: str):
        self.file, self.place = file, ""

    def refuse(self, what: str) -> Unsupported:
        return Unsupported(f"{what} in a batch of patients", "formula", self.place, self.file)

    def value(self, e: Expr) -> str:
        """The expression where a number is wanted."""
        if e.op in BOOLEAN:
            return f"if({self.truth(e)}, 1, 0)"
        if e.op == "number":
            return self._number(e.args[0])
        if e.op == "time":
            return "t"
        if e.op == "name":
            return e.args[0][1:] if e.args[0].startswith("\0") else engine_name(e.args[0])
        if e.op == "rate":
            return engine_name(f"rate:{e.args[0]}")
        if e.op == "piecewise":
            return self._piecewise(e)
        if e.op in _OF_INVERSE:
            return self.value(Expr(_OF_INVERSE[e.op], (Expr("divide", (Expr("number", (1.0,)), e.args[0])),)))
        a = [self.value(x) for x in e.args]
        if e.op in _INFIX:
            return f"(-{a[0]})" if len(a) == 1 else "(" + f" {_INFIX[e.op]} ".join(a) + ")"
        if e.op in _SAME:
            return f"{_SAME[e.op]}({', '.join(a)})"
        if e.op in _OVER:
            return f"(1/{_OVER[e.op]}({a[0]}))"
        return self._special(e.op, a)

    @staticmethod
    def _number(value: float) -> str:
        if math.isnan(value):
            return NAN
        if math.isinf(value):
            return INFINITE if value > 0 else f"(-{INFINITE})"
        return repr(value) if value >= 0 else f"(-{abs(value)!r})"

    def _piecewise(self, e: Expr) -> str:
        pairs = list(e.args)
        text = self.value(pairs.pop()) if len(pairs) % 2 else NAN
        for i in range(len(pairs) - 2, -1, -2):
            text = f"if({self.truth(pairs[i + 1])}, {self.value(pairs[i])}, {text})"
        return text

    def _special(self, op: str, a: list[str]) -> str:
        if op == "root":
            if a[0] == "2.0":
                return f"sqrt({a[1]})"
            plain = f"(abs({a[1]})^(1/({a[0]})))"
            odd = f"{a[0]} - 2*floor({a[0]}/2) == 1"  # odd roots of negative numbers are real
            return f"if({a[1]} < 0, if({odd}, -{plain}, {NAN}), {plain})"
        if op == "log":
            return f"log10({a[1]})" if a[0] == "10.0" else f"(log({a[1]})/log({a[0]}))"
        forms = {
            "arcsinh": "if({0} < 0, -1, 1)*log(abs({0}) + sqrt(({0})^2 + 1))",
            "arccosh": "log({0} + sqrt(({0}) - 1)*sqrt(({0}) + 1))",
            "arctanh": "(0.5*log((1 + {0})/(1 - {0})))",
            "arccot": "if({0} == 0, 1.5707963267948966, atan(1/({0})))",
        }
        if op in forms:
            return "(" + forms[op].format(*a) + ")"
        if op == "quotient":
            return _truncated(f"({a[0]}/{a[1]})")
        if op == "rem":
            return f"({a[0]} - {a[1]}*{_truncated(f'({a[0]}/{a[1]})')})"
        raise self.refuse(f"the function '{op}'")

    def truth(self, e: Expr) -> str:
        """The expression where a condition is wanted."""
        if e.op in RELATIONS:
            a = [self.value(x) for x in e.args]
            pairs = [f"({x} {_SIGN[e.op]} {y})" for x, y in zip(a[:-1], a[1:], strict=True)]
            return "(" + " and ".join(pairs) + ")" if pairs else "(1 == 1)"
        if e.op in ("and", "or"):
            joined = f" {e.op} ".join(self.truth(x) for x in e.args)
            return f"({joined})" if joined else f"(1 == {1 if e.op == 'and' else 0})"
        if e.op == "not":
            return f"(not {self.truth(e.args[0])})"
        if e.op == "implies":
            return f"((not {self.truth(e.args[0])}) or {self.truth(e.args[1])})"
        if e.op == "xor":
            count = " + ".join(f"if({self.truth(x)}, 1, 0)" for x in e.args) or "0"
            return f"(({count}) - 2*floor(({count})/2) == 1)"
        return f"({self.value(e)} != 0)"


def _truncated(ratio: str) -> str:
    return f"if({ratio} < 0, ceil({ratio}), floor({ratio}))"
