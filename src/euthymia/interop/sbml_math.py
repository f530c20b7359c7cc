"""SBML mathematics: libSBML syntax trees to small immutable expressions.

Comes in: a libSBML `ASTNode` (MathML of any level).  Goes out: an `Expr`, with function definitions inlined,
local parameters renamed and `csymbol`s resolved.  Refused: random draws, unknown functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from euthymia.errors import InputError, Problem

AVOGADRO = 6.02214179e23  # the value that SBML Level 3 gives its csymbol


class Unsupported(InputError):
    """The SBML file uses something that is not supported; the message names the element and its id."""

    def __init__(self, what: str, element: str, ident: str, file: str = ""):
        super().__init__([Problem(f"{what} is not supported", file=file, key=f"{element} '{ident}'")])


@dataclass(frozen=True, slots=True)
class Expr:
    """One node: `op` with its arguments.

    Leaves are `number` (a float), `name` (an id), `time` and `rate` (an id, SBML's rateOf).

    >>> str(plus(Expr("name", ("S",)), number(2)))
    '(S + 2)'
    """

    op: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        if self.op == "number":
            return f"{self.args[0]:g}"
        if self.op == "name":
            return str(self.args[0])
        if self.op in _SIGN and len(self.args) > 1:
            return "(" + f" {_SIGN[self.op]} ".join(map(str, self.args)) + ")"
        return f"{self.op}({', '.join(map(str, self.args))})" if self.args else self.op


_SIGN = {"plus": "+", "times": "*", "minus": "-", "divide": "/", "power": "^", "lt": "<", "leq": "<="}
_SIGN |= {"gt": ">", "geq": ">=", "eq": "==", "neq": "!="}
RELATIONS = ("lt", "leq", "gt", "geq", "eq", "neq")


def number(value: float) -> Expr:
    """A constant."""
    return Expr("number", (float(value),))


def name(ident: str) -> Expr:
    """A reference to a symbol."""
    return Expr("name", (ident,))


def plus(*terms: Expr) -> Expr:
    """A sum."""
    return terms[0] if len(terms) == 1 else Expr("plus", terms)


def times(*factors: Expr) -> Expr:
    """A product; factors that are exactly 1 are left out."""
    kept = tuple(f for f in factors if f != number(1)) or (number(1),)
    return kept[0] if len(kept) == 1 else Expr("times", kept)


def divide(over: Expr, under: Expr) -> Expr:
    """A quotient."""
    return over if under == number(1) else Expr("divide", (over, under))


def walk(expr: Expr) -> Iterator[Expr]:
    """Every node, the root first."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        if node.op not in ("number", "name", "rate"):
            stack.extend(node.args)


def names_in(expr: Expr) -> set[str]:
    """Ids the expression reads; a rate reads `rate:<id>`."""
    found = {n.args[0] for n in walk(expr) if n.op == "name"}
    return found | {f"rate:{n.args[0]}" for n in walk(expr) if n.op == "rate"}


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """The expression with names replaced."""
    if expr.op == "name":
        return values.get(expr.args[0], expr)
    if expr.op == "rate":
        new = values.get(expr.args[0])
        return Expr("rate", new.args) if new is not None and new.op == "name" else expr
    if expr.op in ("number", "time"):
        return expr
    return Expr(expr.op, tuple(substitute(a, values) for a in expr.args))


_BY_TYPE = (
    *(
        "plus",
        "minus",
        "times",
        "divide",
        "power",
        "abs",
        "ceiling",
        "exp",
        "factorial",
        "floor",
        "ln",
        "log",
    ),
    *("max", "min", "piecewise", "quotient", "rem", "root", "and", "or", "not", "xor", "implies"),
    *("eq", "neq", "lt", "leq", "gt", "geq", "sin", "cos", "tan", "sec", "csc", "cot"),
    *(
        "sinh",
        "cosh",
        "tanh",
        "sech",
        "csch",
        "coth",
        "arcsin",
        "arccos",
        "arctan",
        "arcsec",
        "arccsc",
        "arccot",
    ),
    *("arcsinh", "arccosh", "arctanh", "arcsech", "arccsch", "arccoth"),
)


def _types() -> dict[int, str]:
    import libsbml

    found: dict[int, str] = {}
    for word in _BY_TYPE:
        for prefix in ("", "FUNCTION_", "LOGICAL_", "RELATIONAL_"):
            code = getattr(libsbml, f"AST_{prefix}{word.upper()}", None)
            if code is not None:
                found[code] = word
    return found


class Reader:
    """Turns libSBML trees into expressions; holds the model's function definitions."""

    def __init__(self, functions: Mapping[str, Any] | None = None, file: str = ""):
        import libsbml

        self.lib = libsbml
        self.types = _types()
        self.functions = dict(functions or {})
        self.file = file
        self._open: list[str] = []

    def read(self, node: Any, element: str, ident: str, scope: Mapping[str, Expr] | None = None) -> Expr:
        """The expression of `node`; `scope` renames local symbols.

        Raises
        ------
        Unsupported
            A function outside the supported set; `element` and `ident` say where.
        """
        lib, kind = self.lib, node.getType()
        scope = scope or {}
        if kind in (lib.AST_INTEGER, lib.AST_REAL, lib.AST_REAL_E, lib.AST_RATIONAL):
            return number(node.getInteger() if kind == lib.AST_INTEGER else node.getValue())
        constants = {
            lib.AST_CONSTANT_E: math.e,
            lib.AST_CONSTANT_PI: math.pi,
            lib.AST_CONSTANT_TRUE: 1.0,
            lib.AST_CONSTANT_FALSE: 0.0,
            lib.AST_NAME_AVOGADRO: AVOGADRO,
        }
        if kind in constants:
            return number(constants[kind])
        if kind == lib.AST_NAME_TIME:
            return Expr("time")
        if kind == lib.AST_NAME:
            return scope.get(node.getName(), name(node.getName()))
        children = [node.getChild(i) for i in range(node.getNumChildren())]
        if kind == lib.AST_FUNCTION_RATE_OF:
            target = self.read(children[0], element, ident, scope)
            if target.op != "name":
                raise Unsupported("rateOf of something that is no symbol", element, ident, self.file)
            return Expr("rate", target.args)
        if kind == lib.AST_FUNCTION_DELAY:
            if len(children) != 2:
                raise Unsupported(f"delay of {len(children)} arguments", element, ident, self.file)
            return Expr("delay", tuple(self.read(c, element, ident, scope) for c in children))
        if kind == lib.AST_FUNCTION:
            return self._call(node, [self.read(c, element, ident, scope) for c in children], element, ident)
        op = self.types.get(kind)
        if op is None:
            raise Unsupported(f"the function '{node.getName() or kind}'", element, ident, self.file)
        args = tuple(self.read(c, element, ident, scope) for c in children)
        return _normal(op, args)

    def _call(self, node: Any, args: list[Expr], element: str, ident: str) -> Expr:
        called = node.getName()
        definition = self.functions.get(called)
        if definition is None:
            raise Unsupported(f"the undefined function '{called}'", element, ident, self.file)
        note = definition.getAnnotationString() or ""
        if "http://sbml.org/annotations/symbols" in note:  # what Level 2 files cannot say in MathML
            if "wiki/Derivative" in note and len(args) == 1 and args[0].op == "name":
                return Expr("rate", args[0].args)
            raise Unsupported(f"the annotated function '{called}'", element, ident, self.file)
        if called in self._open:
            raise Unsupported(f"the recursive function '{called}'", element, ident, self.file)
        lambda_ = definition.getMath()
        if lambda_ is None or lambda_.getNumChildren() == 0 or definition.getBody() is None:
            raise Unsupported(f"the function '{called}' without a body", element, ident, self.file)
        bound = [lambda_.getChild(i).getName() for i in range(definition.getNumArguments())]
        if len(bound) != len(args):
            what = f"a call of '{called}' with {len(args)} arguments for {len(bound)}"
            raise Unsupported(what, element, ident, self.file)
        self._open.append(called)
        body = self.read(
            definition.getBody(), "functionDefinition", called, dict(zip(bound, args, strict=True))
        )
        self._open.pop()
        return body


def _normal(op: str, args: tuple[Expr, ...]) -> Expr:
    """Empty and unary forms spelled out; degrees and bases explicit."""
    if op in ("plus", "times") and len(args) < 2:
        return args[0] if args else number(0 if op == "plus" else 1)
    if op == "root":
        degree, body = args if len(args) == 2 else (number(2), args[0])
        return Expr("root", (degree, body))
    if op == "log":
        base, body = args if len(args) == 2 else (number(10), args[0])
        return Expr("log", (base, body))
    return Expr(op, args)
