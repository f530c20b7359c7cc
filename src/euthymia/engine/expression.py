"""A hash-consed expression graph: every distinct sub-expression exists once; derivatives are exact.

In: syntax trees and an environment of nodes.  Out: node numbers of one `Graph`.  Leaves are constants `c`,
states `y`, parameters `p`, inputs `u` and time `t`.  Every node knows its level: 0 constant, 1 depends on
parameters only (computed once per patient), 2 changes during the run.  Comparisons are truth values, not numbers.

A power with a negative base follows the sign rule where the exponent is a whole number; a negative base with any
other exponent counts as zero, because it arises from a state that undershoots zero by the solver's error.

>>> g = Graph()
>>> x = g.make("y", 0)
>>> g.mul(x, g.const(1.0)) == x
True
>>> g.text(g.gradient(g.mul(x, x))[x])
'(y0 + y0)'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping

from euthymia.engine.syntax import Node
from euthymia.units import parse_unit

LEAVES = ("c", "y", "p", "u", "t")
TRUTH = ("lt", "le", "eq", "and", "or", "not", "true", "false")
TINY = 1e-300
SLOPE_FLOOR = 1e-30
_FOLD: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "log": math.log, "sin": math.sin, "cos": math.cos, "sqrt": math.sqrt, "abs": abs,
    "floor": math.floor, "factorial": lambda x: math.gamma(x + 1.0), "asin": math.asin, "acos": math.acos, "atan": math.atan,
}  # fmt: skip


class Graph:
    """Nodes in three parallel lists: operation, arguments, level."""

    def __init__(self) -> None:
        self.op: list[str] = []
        self.args: list[tuple] = []
        self.level: list[int] = []
        self._known: dict[tuple, int] = {}

    def make(self, op: str, *args: float) -> int:
        """The node of this operation and arguments, made at the first request only."""
        key = (op, *args) if op != "c" else (op, args[0].hex() if isinstance(args[0], float) else args[0])
        node = self._known.get(key)
        if node is None:
            node = len(self.op)
            self._known[key] = node
            self.op.append(op)
            self.args.append(args)
            if op in ("c", "true", "false"):
                level = 0
            elif op in LEAVES:
                level = 1 if op == "p" else 2
            else:
                level = max(self.level[int(a)] for a in args)
            self.level.append(level)
        return node

    def const(self, value: float) -> int:
        return self.make("c", float(value))

    def is_const(self, node: int, value: float | None = None) -> bool:
        return self.op[node] == "c" and (value is None or self.args[node][0] == value)

    def value(self, node: int) -> float:
        return self.args[node][0]

    # ---- arithmetic, with the simplifications that never change a finite value ----
    def add(self, a: int, b: int) -> int:
        if self.is_const(a, 0.0):
            return b
        if self.is_const(b, 0.0):
            return a
        if self.is_const(a) and self.is_const(b):
            return self.const(self.value(a) + self.value(b))
        if self.op[b] == "neg":
            return self.sub(a, self.args[b][0])
        if self.op[a] == "neg":
            return self.sub(b, self.args[a][0])
        return self.make("+", min(a, b), max(a, b))

    def sub(self, a: int, b: int) -> int:
        if self.is_const(b, 0.0):
            return a
        if self.is_const(a, 0.0):
            return self.neg(b)
        if a == b:
            return self.const(0.0)
        if self.is_const(a) and self.is_const(b):
            return self.const(self.value(a) - self.value(b))
        if self.op[b] == "neg":
            return self.add(a, self.args[b][0])
        return self.make("-", a, b)

    def neg(self, a: int) -> int:
        if self.is_const(a):
            return self.const(-self.value(a))
        if self.op[a] == "neg":
            return self.args[a][0]
        if self.op[a] == "-":
            return self.make("-", self.args[a][1], self.args[a][0])
        return self.make("neg", a)

    def mul(self, a: int, b: int) -> int:
        for x, y in ((a, b), (b, a)):
            if self.is_const(x, 0.0):
                return x
            if self.is_const(x, 1.0):
                return y
            if self.is_const(x, -1.0):
                return self.neg(y)
        if self.is_const(a) and self.is_const(b):
            return self.const(self.value(a) * self.value(b))
        if self.op[a] == "neg":
            return self.neg(self.mul(self.args[a][0], b))
        if self.op[b] == "neg":
            return self.neg(self.mul(a, self.args[b][0]))
        if self.level[b] < 2 <= self.level[a]:
            a, b = b, a
        if self.level[a] < 2 <= self.level[b] and self.op[b] == "*":
            x, y = self.args[b]
            if self.level[x] < 2:
                return self.mul(self.mul(a, x), y)
            if self.level[y] < 2:
                return self.mul(self.mul(a, y), x)
        return self.make("*", min(a, b), max(a, b))

    def inv(self, a: int) -> int:
        if self.is_const(a) and self.value(a) != 0.0:
            return self.const(1.0 / self.value(a))
        return self.make("inv", a)

    def div(self, a: int, b: int) -> int:
        if a == b and self.is_const(a):
            return self.const(1.0) if self.value(a) else self.mul(a, self.inv(b))
        return self.mul(a, self.inv(b))

    def apply(self, name: str, a: int) -> int:
        if self.is_const(a):
            try:
                return self.const(_FOLD[name](self.value(a)))
            except (ValueError, OverflowError):
                pass
        return self.make(name, a)

    def least(self, a: int, b: int) -> int:
        if self.is_const(a) and self.is_const(b):
            return self.const(min(self.value(a), self.value(b)))
        return a if a == b else self.make("min", a, b)

    def most(self, a: int, b: int) -> int:
        if self.is_const(a) and self.is_const(b):
            return self.const(max(self.value(a), self.value(b)))
        return a if a == b else self.make("max", a, b)

    def whole_power(self, a: int, n: int) -> int:
        if n == 0:
            return self.const(1.0)
        if n < 0:
            return self.inv(self.whole_power(a, -n))
        if n == 1:
            return a
        half = self.whole_power(a, n // 2)
        half = self.mul(half, half)
        return self.mul(half, a) if n % 2 else half

    def power(self, a: int, b: int) -> int:
        """`a**b`; see the module's note on negative bases."""
        if self.is_const(b):
            n = self.value(b)
            if n == round(n) and abs(n) <= 32:
                return self.whole_power(a, int(n))
            if n == 0.5 and not self.is_const(a):
                return self.apply("sqrt", self.most(a, self.const(0.0)))
        if self.is_const(a) and self.is_const(b):
            try:
                return self.const(
                    self.value(a) ** self.value(b) if self.value(a) > 0 or self.value(b) > 0 else math.inf
                )
            except (OverflowError, TypeError):
                pass
        return self.make("pow", a, b)

    # ---- truth values ----
    def truth(self, node: int) -> int:
        """A node as a truth value: a number is true where it is not zero."""
        if self.op[node] in TRUTH:
            return node
        if self.is_const(node):
            return self.make("true" if self.value(node) else "false")
        return self.inverse(self.make("eq", node, self.const(0.0)))

    def number(self, node: int) -> int:
        """A node as a number: true is 1, false 0."""
        if self.op[node] in TRUTH:
            return self.choose(node, self.const(1.0), self.const(0.0))
        return node

    def compare(self, op: str, a: int, b: int) -> int:
        a, b = self.number(a), self.number(b)
        if op in (">", ">="):
            a, b, op = b, a, "<" if op == ">" else "<="
        if op == "!=":
            return self.inverse(self.compare("==", a, b))
        if self.is_const(a) and self.is_const(b):
            x, y = self.value(a), self.value(b)
            return self.make(
                "true" if (x < y if op == "<" else x <= y if op == "<=" else x == y) else "false"
            )
        return self.make({"<": "lt", "<=": "le", "==": "eq"}[op], a, b)

    def inverse(self, a: int) -> int:
        a = self.truth(a)
        swap = {"true": "false", "false": "true"}
        if self.op[a] in swap:
            return self.make(swap[self.op[a]])
        return self.args[a][0] if self.op[a] == "not" else self.make("not", a)

    def join(self, op: str, a: int, b: int) -> int:
        a, b = self.truth(a), self.truth(b)
        for x, y in ((a, b), (b, a)):
            if self.op[x] == "true":
                return y if op == "and" else x
            if self.op[x] == "false":
                return x if op == "and" else y
        return self.make(op, a, b)

    def choose(self, condition: int, a: int, b: int) -> int:
        condition = self.truth(condition)
        if self.op[condition] in ("true", "false"):
            return a if self.op[condition] == "true" else b
        return a if a == b else self.make("select", condition, a, b)

    # ---- from text ----
    def build(self, node: Node, names: Mapping[str, int]) -> int:
        """The graph node of a syntax tree; every name must be in `names`."""
        if node.kind == "number":
            value = float(node.value)
            return self.const(value * parse_unit(node.unit).factor if node.unit else value)
        if node.kind == "name":
            return names[str(node.value)]
        args = [self.build(a, names) for a in node.args]
        op = str(node.value)
        if op in ("and", "or"):
            return self.join(op, args[0], args[1])
        if op == "not":
            return self.inverse(args[0])
        if op in ("<", "<=", ">", ">=", "==", "!="):
            return self.compare(op, args[0], args[1])
        if op == "xor":
            a, b = self.truth(args[0]), self.truth(args[1])
            return self.join("and", self.join("or", a, b), self.inverse(self.join("and", a, b)))
        if op == "if":
            return self.choose(args[0], self.number(args[1]), self.number(args[2]))
        return self._numeric(op, [self.number(a) for a in args])

    def _numeric(self, op: str, args: list[int]) -> int:
        a = args[0]
        one = self.const(1.0)
        if op == "neg":
            return self.neg(a)
        if op in ("+", "-", "*", "/", "^", "pow"):
            b = args[1]
            table = {
                "+": self.add,
                "-": self.sub,
                "*": self.mul,
                "/": self.div,
                "^": self.power,
                "pow": self.power,
            }
            return table[op](a, b)
        if op in ("min", "max"):
            for b in args[1:]:
                a = self.least(a, b) if op == "min" else self.most(a, b)
            return a
        if op == "hill":
            if self.is_const(args[2]) and self.value(args[2]) == round(self.value(args[2])):
                top = self.power(a, args[2])
                return self.mul(top, self.inv(self.add(self.power(args[1], args[2]), top)))
            ratio = self.power(self.mul(a, self.inv(args[1])), args[2])
            return self.mul(ratio, self.inv(self.add(one, ratio)))
        if op == "pos":
            return self.most(a, self.const(0.0))
        if op == "logistic":
            return self.inv(self.add(one, self.apply("exp", self.neg(a))))
        if op == "ln":
            return self.apply("log", a)
        if op == "log10":
            return self.mul(self.const(1.0 / math.log(10.0)), self.apply("log", a))
        if op == "tan":
            return self.div(self.apply("sin", a), self.apply("cos", a))
        if op == "ceil":
            return self.neg(self.apply("floor", self.neg(a)))
        if op == "tanh":
            e = self.apply("exp", self.mul(self.const(-2.0), self.apply("abs", a)))
            size = self.mul(self.sub(one, e), self.inv(self.add(one, e)))
            return self.choose(self.compare("<", a, self.const(0.0)), self.neg(size), size)
        if op in ("sinh", "cosh"):
            up, down = self.apply("exp", a), self.apply("exp", self.neg(a))
            both = self.sub(up, down) if op == "sinh" else self.add(up, down)
            return self.mul(self.const(0.5), both)
        return self.apply(op, a)

    # ---- derivatives ----
    def gradient(
        self, node: int, memo: dict[int, dict[int, int]] | None = None, also: Collection[int] = ()
    ) -> dict[int, int]:
        """Derivative of `node` to every state and to time: {leaf: node}; zero entries are left out.

        `also` are parameter leaves to which derivatives are wanted too; a `memo` serves one choice of them.
        """
        memo = {} if memo is None else memo
        for i in self.order([node]):
            if i not in memo:
                memo[i] = self._slopes(i, memo, also)
        return memo[node]

    def _slopes(self, i: int, memo: dict[int, dict[int, int]], also: Collection[int]) -> dict[int, int]:
        op, a = self.op[i], self.args[i]
        if op in ("y", "t") or i in also:
            return {i: self.const(1.0)}
        if (self.level[i] < 2 and not also) or op in ("c", "u", "p", "floor") or op in TRUTH:
            return {}
        if op == "+":
            return self._sum([(memo[a[0]], None, False), (memo[a[1]], None, False)])
        if op == "-":
            return self._sum([(memo[a[0]], None, False), (memo[a[1]], None, True)])
        if op == "neg":
            return self._sum([(memo[a[0]], None, True)])
        if op == "*":
            return self._sum([(memo[a[0]], a[1], False), (memo[a[1]], a[0], False)])
        if op == "select":
            return self._either(a[0], memo[a[1]], memo[a[2]])
        if op in ("min", "max"):
            return self._either(self.make("le", *(a if op == "min" else a[::-1])), memo[a[0]], memo[a[1]])
        if op == "pow":
            parts = [(memo[a[0]], self.mul(a[1], self.mul(i, self.inv(self._away_from_zero(a[0])))), False)]
            if memo[a[1]]:
                log = self.apply("log", self.most(self.apply("abs", a[0]), self.const(TINY)))
                parts.append((memo[a[1]], self.mul(i, log), False))
            return self._sum(parts)
        if op == "abs":
            return self._either(
                self.make("lt", a[0], self.const(0.0)), self._sum([(memo[a[0]], None, True)]), memo[a[0]]
            )
        return self._sum([(memo[a[0]], self._outer(op, i, a[0]), False)])

    def _outer(self, op: str, i: int, a: int) -> int:
        one = self.const(1.0)
        if op == "inv":
            return self.neg(self.mul(i, i))
        if op == "exp":
            return i
        if op == "log":
            return self.inv(a)
        if op == "sin":
            return self.apply("cos", a)
        if op == "cos":
            return self.neg(self.apply("sin", a))
        if op == "factorial":  # the gamma function's slope has no closed form here: a central difference
            h = self.const(1e-5)
            rise = self.sub(self.make(op, self.add(a, h)), self.make(op, self.sub(a, h)))
            return self.mul(self.const(0.5e5), rise)
        if op == "sqrt":
            return self.mul(self.const(0.5), self.inv(self.most(i, self.const(1e-15))))
        if op == "atan":
            return self.inv(self.add(one, self.mul(a, a)))
        if op in ("asin", "acos"):
            slope = self.inv(self.apply("sqrt", self.sub(one, self.mul(a, a))))
            return slope if op == "asin" else self.neg(slope)
        raise ValueError(f"no derivative rule for '{op}'")

    def _away_from_zero(self, x: int) -> int:
        low, high = self.least(x, self.const(-SLOPE_FLOOR)), self.most(x, self.const(SLOPE_FLOOR))
        return self.choose(self.make("lt", x, self.const(0.0)), low, high)

    def _sum(self, parts: Iterable[tuple[dict[int, int], int | None, bool]]) -> dict[int, int]:
        total: dict[int, int] = {}
        for slopes, factor, minus in parts:
            for leaf, slope in slopes.items():
                term = slope if factor is None else self.mul(factor, slope)
                if leaf in total:
                    total[leaf] = self.sub(total[leaf], term) if minus else self.add(total[leaf], term)
                else:
                    total[leaf] = self.neg(term) if minus else term
        return {leaf: slope for leaf, slope in total.items() if not self.is_const(slope, 0.0)}

    def _either(self, condition: int, a: dict[int, int], b: dict[int, int]) -> dict[int, int]:
        zero = self.const(0.0)
        both = {leaf: self.choose(condition, a.get(leaf, zero), b.get(leaf, zero)) for leaf in {**a, **b}}
        return {leaf: slope for leaf, slope in both.items() if not self.is_const(slope, 0.0)}

    # ---- walking ----
    def order(self, roots: Iterable[int], stop: Callable[[int], bool] | None = None) -> list[int]:
        """Nodes below `roots`, each after its arguments; nodes where `stop` holds are not opened."""
        found: list[int] = []
        seen: set[int] = set()
        for root in roots:
            stack = [(root, False)]
            while stack:
                i, done = stack.pop()
                if done:
                    found.append(i)
                    continue
                if i in seen:
                    continue
                seen.add(i)
                if self.op[i] in LEAVES or (stop is not None and stop(i)):
                    found.append(i)
                    continue
                stack.append((i, True))
                stack.extend((a, False) for a in reversed(self.args[i]))
        return found

    def text(self, node: int) -> str:
        """A readable form, for messages and tests."""
        op, a = self.op[node], self.args[node]
        if op == "c":
            return f"{a[0]:g}"
        if op in ("true", "false", "t"):
            return op
        if op in LEAVES:
            return f"{op}{a[0]}"
        if op in ("+", "-", "*"):
            return f"({self.text(a[0])} {op} {self.text(a[1])})"
        return f"{op}({', '.join(self.text(x) for x in a)})"
