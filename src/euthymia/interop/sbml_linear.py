"""Algebraic rules that are linear in their unknowns, solved once by elimination on the expressions.

Comes in: residuals that are zero, their unknowns, and the definitions of computed symbols.  Goes out: for each
unknown an expression of everything else, or None where some residual is not linear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from euthymia.interop.sbml_math import Expr, divide, names_in, number, plus, substitute, times

Linear = dict[str, Expr]
REST = ""  # the key of the part without unknowns
_LARGEST = 2000  # nodes of an expression with computed symbols inlined


def solve_linear(
    residuals: Sequence[Expr], unknowns: Sequence[str], definitions: Mapping[str, Expr]
) -> dict[str, Expr] | None:
    """Expressions of the unknowns; None where it cannot be done exactly.

    >>> from euthymia.interop.sbml_math import name
    >>> rule = plus(name("a"), times(number(2), name("x")))
    >>> str(solve_linear([rule], ["x"], {})["x"])
    '((minus(1) * a) / 2)'
    """
    behind = _depending(set(unknowns), definitions)
    rows = []
    for residual in residuals:
        inlined = _inline(residual, behind, definitions)
        row = _parts(inlined, set(unknowns)) if inlined is not None else None
        if row is None:
            return None
        rows.append(row)
    order: list[tuple[str, Linear]] = []
    left = list(unknowns)
    for row in rows:
        for done, solved in order:
            row = _replace(row, done, solved)
        candidates = [u for u in left if u in row]
        if not candidates:
            return None
        chosen = next((u for u in candidates if row[u].op == "number"), candidates[0])
        pivot = row[chosen]
        scaled = {k: divide(_negative(e), pivot) for k, e in row.items() if k != chosen}
        order = [(u, _replace(e, chosen, scaled)) for u, e in order]
        order.append((chosen, scaled))
        left.remove(chosen)
    found = {}
    for unknown, row in order:
        if set(row) - {REST}:
            return None
        found[unknown] = row.get(REST, number(0))
    return found


def _negative(e: Expr) -> Expr:
    if e.op == "number":
        return number(-e.args[0])
    return times(Expr("minus", (number(1),)), e)


def _depending(unknowns: set[str], definitions: Mapping[str, Expr]) -> set[str]:
    """Computed symbols that read an unknown, directly or not."""
    reads = {k: names_in(e) for k, e in definitions.items()}
    found = set(unknowns)
    grown = True
    while grown:
        more = {k for k, names in reads.items() if k not in found and names & found}
        found |= more
        grown = bool(more)
    return found - unknowns


def _inline(expr: Expr, behind: set[str], definitions: Mapping[str, Expr]) -> Expr | None:
    for _ in range(50):
        if _size(expr) > _LARGEST:
            return None
        used = names_in(expr) & behind
        if not used:
            return expr
        if any(n.startswith("rate:") for n in used):
            return None
        expr = substitute(expr, {n: definitions[n] for n in used})
    return None


def _size(expr: Expr) -> int:
    total, stack = 0, [expr]
    while stack and total <= _LARGEST:
        e = stack.pop()
        total += 1
        if e.op not in ("number", "name", "rate", "time"):
            stack.extend(e.args)
    return total


def _add(a: Linear, b: Linear, sign: int = 1) -> Linear:
    total = dict(a)
    for key, e in b.items():
        e = e if sign > 0 else _negative(e)
        if key in total and total[key].op == e.op == "number":
            total[key] = number(total[key].args[0] + e.args[0])
        else:
            total[key] = plus(total[key], e) if key in total else e
    return {k: e for k, e in total.items() if e != number(0)}


def _scale(a: Linear, factor: Expr) -> Linear:
    scaled = {}
    for key, e in a.items():
        both = e.op == factor.op == "number"
        scaled[key] = number(e.args[0] * factor.args[0]) if both else times(e, factor)
    return scaled


def _replace(row: Linear, unknown: str, solved: Linear) -> Linear:
    if unknown not in row:
        return row
    rest = {k: e for k, e in row.items() if k != unknown}
    return _add(rest, _scale(solved, row[unknown]))


def _parts(e: Expr, unknowns: set[str]) -> Linear | None:
    """Coefficients of the unknowns and the rest; None where `e` is not linear in them."""
    if not names_in(e) & unknowns:
        return {REST: e} if e != number(0) else {}
    if e.op == "name":
        return {e.args[0]: number(1)}
    if e.op in ("plus", "minus"):
        parts = [_parts(a, unknowns) for a in e.args]
        total: Linear = {}
        for i, part in enumerate(parts):
            if part is None:
                return None
            minus = e.op == "minus" and (i > 0 or len(parts) == 1)
            total = _add(total, part, -1 if minus else 1)
        return total
    if e.op == "times":
        holding = [a for a in e.args if names_in(a) & unknowns]
        if len(holding) > 1:
            return None
        inner = _parts(holding[0], unknowns)
        others = [a for a in e.args if a is not holding[0]]
        return None if inner is None else _scale(inner, times(*others))
    if e.op == "divide" and not names_in(e.args[1]) & unknowns:
        inner = _parts(e.args[0], unknowns)
        return None if inner is None else {k: divide(x, e.args[1]) for k, x in inner.items()}
    return None
