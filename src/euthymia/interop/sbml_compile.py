"""Expressions to Python functions: ordering of the computed symbols and code generation.

Comes in: expressions, the definitions of computed symbols, and the positions of the free ones.  Goes out: one
Python function.  Ids never appear in the generated code (they may be `lambda`, `pi` or `time`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from euthymia.errors import InputError, Problem, nearest
from euthymia.interop.sbml_math import RELATIONS, Expr, names_in
from euthymia.interop.sbml_numbers import FUNCTIONS

_COMPARE = {"lt": "<", "leq": "<=", "gt": ">", "geq": ">=", "eq": "==", "neq": "!="}
_DEEP = 30


def order(wanted: Sequence[str], definitions: Mapping[str, Expr], free: Mapping[str, str]) -> list[str]:
    """Definitions needed for `wanted`, each after what it reads.

    Raises
    ------
    InputError
        A cycle, with its members, or a name that is defined nowhere.
    """
    done: dict[str, bool] = {}
    result: list[str] = []
    for start in wanted:
        stack = [(start, False)]
        path: list[str] = []
        while stack:
            ident, leaving = stack.pop()
            if leaving:
                path.pop()
                done[ident] = True
                result.append(ident)
                continue
            if ident in free or done.get(ident):
                continue
            if done.get(ident) is False:
                loop = [*path[path.index(ident) :], ident] if ident in path else [ident]
                text = " -> ".join(n.replace("n:", "amount of ").replace("rate:", "rateOf ") for n in loop)
                raise InputError([Problem(f"cyclic definition: {text}", key=ident)])
            if ident not in definitions:
                raise InputError(
                    [Problem(f"'{ident}' is not defined" + nearest(ident, [*definitions, *free]), key=ident)]
                )
            done[ident] = False
            path.append(ident)
            stack.append((ident, True))
            stack.extend((n, False) for n in sorted(names_in(definitions[ident])) if not done.get(n))
    return result


class _Writer:
    def __init__(self, free: Mapping[str, str]):
        self.places = dict(free)
        self.lines: list[str] = []
        self.constants: dict[str, float] = {}

    def keep(self, text: str) -> str:
        place = f"v{len(self.lines)}"
        self.lines.append(f"    {place} = {text}")
        return place

    def write(self, e: Expr) -> tuple[str, int]:
        """The code of an expression and its depth; deep parts go into variables of their own."""
        op = e.op
        if op == "number":
            value = e.args[0]
            if value != value or value in (float("inf"), float("-inf")):
                return f"float('{value}')", 1
            return repr(value), 1
        if op == "time":
            return "t", 1
        if op in ("name", "rate"):
            return self.places[e.args[0] if op == "name" else f"rate:{e.args[0]}"], 1
        parts = [self.write(a) for a in e.args]
        depth = 1 + max((d for _, d in parts), default=0)
        text = self._join(op, [p for p, _ in parts])
        return (self.keep(text), 1) if depth > _DEEP or len(text) > 5000 else (text, depth)

    @staticmethod
    def _join(op: str, a: list[str]) -> str:
        if op in ("plus", "times"):
            return "(" + (" + " if op == "plus" else " * ").join(a) + ")"
        if op == "minus":
            return f"(-{a[0]})" if len(a) == 1 else f"({a[0]} - {a[1]})"
        if op == "divide":
            return f"div({a[0]}, {a[1]})"
        if op in RELATIONS:
            return "(" + f" {_COMPARE[op]} ".join(a) + ")" if len(a) > 1 else "True"
        if op in ("and", "or"):
            return "(" + f" {op} ".join(f"bool({x})" for x in a) + ")" if a else str(op == "and")
        if op == "not":
            return f"(not {a[0]})"
        if op == "xor":
            return "(" + " ^ ".join(f"bool({x})" for x in a) + ")" if a else "False"
        if op == "implies":
            return f"((not {a[0]}) or bool({a[1]}))"
        if op == "piecewise":
            text = a[-1] if len(a) % 2 else "NAN"
            for i in range(len(a) // 2 * 2 - 2, -1, -2):
                text = f"({a[i]} if {a[i + 1]} else {text})"
            return text
        return f"{op}({', '.join(a)})"


def function(
    outputs: Sequence[Expr], definitions: Mapping[str, Expr], free: Mapping[str, str], arguments: str
) -> Callable[..., list[Any]]:
    """A Python function of `arguments` that returns the list of `outputs`.

    Parameters
    ----------
    free : mapping
        Symbol to the code that reads it, for example `y[3]`.

    >>> from euthymia.interop.sbml_math import name, number, plus
    >>> f = function([plus(name("b"), number(1))], {"b": plus(name("a"), name("a"))}, {"a": "y[0]"}, "t, y")
    >>> f(0.0, [2.0])
    [5.0]
    """
    wanted = sorted({n for e in outputs for n in names_in(e)})
    writer = _Writer(free)
    for ident in order(wanted, definitions, free):
        writer.places[ident] = writer.keep(writer.write(definitions[ident])[0])
    results = [writer.write(e)[0] for e in outputs]
    code = f"def compiled({arguments}):\n" + "\n".join(writer.lines)
    code += "\n    return [" + ", ".join(results) + "]\n"
    space: dict[str, Any] = {**FUNCTIONS, "NAN": float("nan"), "__builtins__": {"bool": bool, "float": float}}
    exec(compile(code, "<sbml>", "exec"), space)  # generated from parsed expressions: numbers and places only
    return space["compiled"]
