"""Graph to LLVM IR: the kernels of one system, on lanes.

Each array is laid out [slot][lane].  A kernel is first a straight list of operations (`Tape`); long tapes are cut
into functions of bounded size, so that compile time grows in proportion to the model, and values that cross a cut
travel through scratch memory.

Kernels (pointers): prep(p) fills the parameter-only expressions; rates(t, y, u, p, dy); factor(t, y, u, p, g, gh,
lu, k, bad, w) factorises g*I - J and solves the first stage; stage(t, y, u, p, lu, k, w) solves one more stage;
outputs(t, y, u, p, out, lane) on one lane.  Systems with triggers: watch(t, y, u, p, out, w) tells which conditions
hold, and react(t, y, u, p, out, w, lane) gives delays, priorities and new values on one lane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from euthymia.engine.expression import LEAVES, TINY, Graph
from euthymia.engine.lanemath import Text, declarations, functions
from euthymia.engine.linear import Factorisation

CHUNK = 4000
import os
WINDOW = int(os.environ.get('WINDOW','100'))
_WEIGHT = {"exp": 25, "log": 35, "pow": 65, "sin": 25, "cos": 25}
_CANCELLED = 1e10


@dataclass
class Tape:
    """Straight-line operations; a value is its position.

    Operations: ("load", array, slot), ("const", x), ("store", array, slot, value), and arithmetic on values.
    """

    ops: list[tuple] = field(default_factory=list)
    hoists: bool = True
    _seen: dict[tuple, int] = field(default_factory=dict)

    def add(self, *op: object) -> int:
        self.ops.append(op)
        return len(self.ops) - 1

    def once(self, *op: object) -> int:
        """Add a load or constant once only."""
        if op not in self._seen:
            self._seen[op] = self.add(*op)
        return self._seen[op]


class Kernels:
    """IR text of every kernel of a system.

    Parameters
    ----------
    graph : Graph
    rates : list of int
        Node of each state's rate.
    infused : list of int
        States with an infusion rate; it follows the inputs in `u`.
    """

    def __init__(
        self, graph: Graph, rates: Sequence[int], n_parameters: int, n_inputs: int, infused: Sequence[int]
    ):
        self.graph = graph
        self.rates = list(rates)
        for k, state in enumerate(infused):
            self.rates[state] = graph.add(self.rates[state], graph.make("u", n_inputs + k))
        self.n = len(rates)
        self.n_parameters = n_parameters
        self.hoisted: dict[int, int] = {}
        self.scratch = 1

    def jacobian(self) -> tuple[dict[tuple[int, int], int], dict[int, int]]:
        """Non-zero entries {(row, column): node}, and derivatives to time {row: node}."""
        g = self.graph
        memo: dict[int, dict[int, int]] = {}
        entries, timed = {}, {}
        for i, rate in enumerate(self.rates):
            for leaf, slope in g.gradient(rate, memo).items():
                if g.op[leaf] == "t":
                    timed[i] = slope
                else:
                    entries[i, g.args[leaf][0]] = slope
        return entries, timed

    # ---- graph nodes on a tape ----
    def walk(
        self, tape: Tape, roots: Sequence[int], inside: bool = True, value: dict[int, int] | None = None
    ) -> dict[int, int]:
        """Put the nodes below `roots` on the tape: {node: value}.  `inside` reads hoisted nodes from memory; `value`
        holds what is on the tape already."""
        g = self.graph
        value = {} if value is None else value

        def stop(i: int) -> bool:
            return inside and g.level[i] == 1 and g.op[i] not in ("lt", "le", "eq", "and", "or", "not")

        for i in g.order(roots, lambda i: i in value or stop(i)):
            if i in value:
                continue
            op, args = g.op[i], g.args[i]
            if op == "c":
                value[i] = tape.once("const", float(args[0]))
            elif op in LEAVES:
                value[i] = tape.once("load", op, 0 if op == "t" else args[0])
            elif stop(i):
                slot = self.hoisted.setdefault(i, self.n_parameters + len(self.hoisted))
                value[i] = tape.once("load", "p", slot)
            elif op == "pow":
                rules = [self._rule(tape, name, args[1], value[args[1]]) for name in ("powsign", "powzero")]
                value[i] = tape.add("pow", value[args[0]], value[args[1]], *rules)
            else:
                value[i] = tape.add(op, *(value[a] for a in args))
        return value

    def _rule(self, tape: Tape, name: str, exponent: int, value: int) -> int:
        """What a power does at and below zero depends on the exponent only: known before the run, or hoisted."""
        g = self.graph
        if g.op[exponent] == "c":
            n = float(g.value(exponent))
            if name == "powzero":
                return tape.once("const", 1.0 if n == 0 else math.inf if n < 0 else 0.0)
            return tape.once("const", 0.0 if n != math.floor(n) else -1.0 if n % 2 else 1.0)
        if g.level[exponent] == 1 and tape.hoists:
            slot = self.hoisted.setdefault(g.make(name, exponent), self.n_parameters + len(self.hoisted))
            return tape.once("load", "p", slot)
        return tape.add(name, value)

    # ---- the kernels ----
    def prep(self, width: int) -> str:
        """Must come last: it fills what the other kernels hoisted."""
        tape = Tape(hoists=False)
        value = self.walk(tape, list(self.hoisted), inside=False)
        for node, slot in self.hoisted.items():
            tape.add("store", "p", slot, value[node])
        return self.write("prep", ("p",), tape, width)

    def rate_kernel(self, width: int) -> str:
        tape = Tape()
        value = self.walk(tape, self.rates)
        for i, rate in enumerate(self.rates):
            tape.add("store", "dy", i, value[rate])
        return self.write("rates", ("t", "y", "u", "p", "dy", "w"), tape, width)

    def factor_kernel(self, width: int, plan: Factorisation, entries: dict, timed: dict) -> str:
        """Each entry is computed, reduced and stored where it is first needed, so that few values wait for their use."""
        tape = Tape()
        value: dict[int, int] = {}
        g, gh = tape.once("load", "g", 0), tape.once("load", "gh", 0)
        zero, one = tape.once("const", 0.0), tape.once("const", 1.0)
        steps: dict[int, list[tuple]] = {}
        for kind, slot, *rest in plan.factor:
            steps.setdefault(slot, []).append((kind, *rest))
        forward, backward = _halves(plan)
        lu: dict[int, int] = {}
        b: dict[int, int] = {}
        bad = zero

        for (i, j), slot in plan.slots.items():
            node = entries.get((i, j))
            made = None if node is None else self.walk(tape, [node], value=value)[node]
            if i == j:
                made = first = g if made is None else tape.add("-", g, made)
            for kind, *rest in steps.get(slot, ()):
                if kind == "invert":
                    if made != first:
                        bad = tape.add("select", tape.add("weak", made, first), one, bad)
                    made = tape.add("inv", made)
                elif kind == "scale":
                    made = tape.add("*", made, lu[rest[0]])
                elif made is None:
                    made = tape.add("*", lu[rest[0]], lu[rest[1]])
                else:
                    made = tape.add("minus" if i == j else "plus", made, lu[rest[0]], lu[rest[1]])
            assert made is not None
            lu[slot] = made
            tape.add("store", "lu", slot, made)
            if i == j:
                rate = self.rates[i]
                b[i] = self.walk(tape, [rate], value=value)[rate]
                if i in timed:
                    slope = self.walk(tape, [timed[i]], value=value)[timed[i]]
                    b[i] = tape.add("plus", b[i], gh, slope)
                    tape.add("store", "dt", i, slope)
                for lower, column in forward.get(i, ()):
                    b[i] = tape.add("plus", b[i], lu[lower], b[column])
        self.back_substitute(tape, backward, b, lu)
        tape.add("store", "bad", 0, bad)
        return self.write("factor", ("t", "y", "u", "p", "g", "gh", "lu", "k", "dt", "bad", "w"), tape, width)

    def stage_kernel(self, width: int, plan: Factorisation) -> str:
        tape = Tape()
        value: dict[int, int] = {}
        forward, backward = _halves(plan)
        lu = {slot: tape.once("load", "lu", slot) for slot in plan.slots.values()}
        b: dict[int, int] = {}
        for i in plan.order:
            rate = self.rates[i]
            b[i] = tape.add("+", tape.once("load", "k", i), self.walk(tape, [rate], value=value)[rate])
            for lower, column in forward.get(i, ()):
                b[i] = tape.add("plus", b[i], lu[lower], b[column])
        self.back_substitute(tape, backward, b, lu)
        return self.write("stage", ("t", "y", "u", "p", "lu", "k", "w"), tape, width)

    def back_substitute(self, tape: Tape, backward: Sequence[tuple], b: dict[int, int], lu: dict[int, int]) -> None:
        """Solve with the upper factor.  The factors are those of J - g*I, with the diagonal and the lower part negated,
        so that no entry of J changes its sign and every operation is a sum."""
        for kind, row, slot, *rest in backward:
            if kind == "subtract":
                b[row] = tape.add("plus", b[row], lu[slot], b[rest[0]])
            else:
                b[row] = tape.add("*", b[row], lu[slot])
                tape.add("store", "k", row, b[row])

    def output_kernel(self, width: int, nodes: Sequence[int], name: str = "outputs") -> str:
        """Values of `nodes` on one lane."""
        return self.write(name, ("t", "y", "u", "p", "out", "w"), self._stored(nodes), 1, stride=width)

    def watch_kernel(self, width: int, nodes: Sequence[int]) -> str:
        """Values of `nodes` on all lanes."""
        return self.write("watch", ("t", "y", "u", "p", "out", "w"), self._stored(nodes), width)

    def _stored(self, nodes: Sequence[int]) -> Tape:
        tape = Tape()
        value = self.walk(tape, nodes)
        for i, node in enumerate(nodes):
            tape.add("store", "out", i, value[node])
        return tape

    # ---- text ----
    def write(self, name: str, arrays: Sequence[str], tape: Tape, width: int, stride: int = 0) -> str:
        """A tape as one function, or as several called one after the other."""
        live = _live(tape)
        pieces = _cut(tape, live)
        home = [0] * len(tape.ops)
        for number, piece in enumerate(pieces):
            for v in piece:
                home[v] = number
        shared: dict[int, int] = {}
        for number, piece in enumerate(pieces):
            for v in piece:
                for a in _values(tape.ops[v]):
                    if home[a] != number and tape.ops[a][0] not in ("load", "const"):
                        shared.setdefault(a, len(shared))
        self.scratch = max(self.scratch, len(shared) + 1)
        arguments = list(arrays) if "w" in arrays else [*arrays, "w"]
        heads = ", ".join(f"ptr noalias nocapture %{a}" for a in arguments) + (
            ", i64 %lane" if stride else ""
        )
        texts = []
        for number, piece in enumerate(pieces):
            body = _piece(tape, piece, home, number, shared, width, stride)
            own = name if len(pieces) == 1 else f"{name}_{number}"
            kind = "" if len(pieces) == 1 else "internal "
            attribute = "nounwind" if len(pieces) == 1 else "noinline nounwind"
            texts.append(
                f"define {kind}void @{own}({heads}) {attribute} {{\n" + "\n".join(body) + "\n  ret void\n}"
            )
        if len(pieces) > 1:
            passed = ", ".join(f"ptr %{a}" for a in arguments) + (", i64 %lane" if stride else "")
            calls = "\n".join(f"  call void @{name}_{k}({passed})" for k in range(len(pieces)))
            plain = heads.replace("noalias nocapture ", "")
            texts.append(f"define void @{name}({plain}) nounwind {{\n{calls}\n  ret void\n}}")
        return "\n".join(texts)


def _values(op: tuple) -> tuple[int, ...]:
    """The values that an operation reads."""
    if op[0] in ("load", "const"):
        return ()
    if op[0] == "store":
        return (op[3],)
    return op[1:]


def _halves(plan: Factorisation) -> tuple[dict[int, list[tuple[int, int]]], list[tuple]]:
    """The solution's two parts: {row: [(slot, column), ...]} of the lower factor, and the operations of the upper."""
    turn = next(place for place, op in enumerate(plan.solve) if op[0] == "times")
    forward: dict[int, list[tuple[int, int]]] = {}
    for _, row, slot, column in plan.solve[:turn]:
        forward.setdefault(row, []).append((slot, column))
    return forward, list(plan.solve[turn:])


def _live(tape: Tape) -> list[bool]:
    live = [op[0] == "store" for op in tape.ops]
    for v in range(len(tape.ops) - 1, -1, -1):
        if live[v]:
            for a in _values(tape.ops[v]):
                live[a] = True
    return live


def _cut(tape: Tape, live: list[bool]) -> list[list[int]]:
    """Live operations in pieces; each store follows its value at once; truth values never cross a cut."""
    stores: dict[int, list[int]] = {}
    for v, op in enumerate(tape.ops):
        if op[0] == "store":
            stores.setdefault(op[3], []).append(v)
    order: list[int] = []
    for v, op in enumerate(tape.ops):
        if not live[v] or op[0] == "store":
            continue
        order.append(v)
        order += stores.get(v, [])
    weight = [_WEIGHT.get(tape.ops[v][0], 1) for v in order]
    if sum(weight) <= 1.5 * CHUNK:
        return [order]
    last_use = {a: position for position, v in enumerate(order) for a in _values(tape.ops[v])}
    pieces: list[list[int]] = [[]]
    truth_until = filled = 0
    for position, v in enumerate(order):
        pieces[-1].append(v)
        filled += weight[position]
        if tape.ops[v][0] in ("lt", "le", "eq", "and", "or", "not", "weak", "true", "false"):
            truth_until = max(truth_until, last_use.get(v, 0))
        if filled >= CHUNK and position >= truth_until:
            pieces.append([])
            filled = 0
    return [p for p in pieces if p]


def _piece(
    tape: Tape,
    piece: list[int],
    home: list[int],
    number: int,
    shared: dict[int, int],
    width: int,
    stride: int,
) -> list[str]:
    t = Text(width)
    align = 8 if stride else 8 * width
    name: dict[int, str] = {}
    stored: dict[int, tuple[str, int]] = {}
    since = 0

    def address(array: str, slot: int) -> str:
        if stride and array in ("p", "u"):
            base = t.put(f"add i64 %lane, {slot * stride}")
            return t.put(f"getelementptr inbounds double, ptr %{array}, i64 {base}")
        return t.put(f"getelementptr inbounds {t.vector}, ptr %{array}, i64 {slot}")

    def read(v: int) -> str:
        if v not in name:
            op = tape.ops[v]
            if op[0] == "const":
                return t.const(op[1])
            if v in stored:
                place = address(*stored[v])
            else:
                place = address("w", shared[v]) if op[0] != "load" else address(op[1], op[2])
            name[v] = t.put(f"load {t.vector}, ptr {place}, align {align}")
        return name[v]

    for v in piece:
        op = tape.ops[v]
        if op[0] in ("load", "const"):
            continue
        if op[0] == "store":
            made = read(op[3])
            t.lines.append(f"  store {t.vector} {made}, ptr {address(op[1], op[2])}, align {align}")
            if op[1] == "lu":
                stored[op[3]] = ("lu", op[2])
            continue
        since += 1
        if since >= WINDOW:
            since = 0
            t.lines.append('  fence syncscope("singlethread") seq_cst')
            for a in [a for a in name if a in stored or a in shared or tape.ops[a][0] == "load"]:
                del name[a]
        name[v] = _operation(t, op[0], [read(a) for a in op[1:]])
        if v in shared:
            t.lines.append(f"  store {t.vector} {name[v]}, ptr {address('w', shared[v])}, align {align}")
    return t.lines


def _operation(t: Text, op: str, a: list[str]) -> str:
    if op in ("+", "-", "*"):
        return t.two({"+": "fadd", "-": "fsub", "*": "fmul"}[op], a[0], a[1])
    if op == "minus":
        return t.fma(t.put(f"fneg {t.vector} {a[1]}"), a[2], a[0])
    if op == "plus":
        return t.fma(a[1], a[2], a[0])
    if op == "neg":
        return t.put(f"fneg {t.vector} {a[0]}")
    if op == "inv":
        return t.two("fdiv", t.const(1.0), a[0])
    if op in ("exp", "log", "sin", "cos"):
        return t.put(f"call {t.vector} @{op}_{t.width}({t.vector} {a[0]})")
    if op in ("sqrt", "floor", "abs"):
        return t.unary("fabs" if op == "abs" else op, a[0])
    if op in ("min", "max"):
        kept = t.select(t.compare("olt" if op == "min" else "ogt", a[0], a[1]), a[0], a[1])
        return t.select(t.compare("uno", a[0], a[0]), a[0], kept)
    if op in ("lt", "le", "eq"):
        return t.compare({"lt": "olt", "le": "ole", "eq": "oeq"}[op], a[0], a[1])
    if op in ("and", "or"):
        return t.put(f"{op} {t.mask} {a[0]}, {a[1]}")
    if op in ("not", "true", "false"):
        ones = "<" + ", ".join(["i1 true"] * t.width) + ">" if t.width > 1 else "true"
        if op == "not":
            return t.put(f"xor {t.mask} {a[0]}, {ones}")
        return ones if op == "true" else ones.replace("i1 true", "i1 false").replace("true", "false")
    if op == "select":
        return t.select(a[0], a[1], a[2])
    if op == "weak":
        small = t.two("fmul", t.unary("fabs", a[0]), t.const(_CANCELLED), "")
        return t.compare("olt", small, t.unary("fabs", a[1]))
    if op == "pow":
        return _power(t, *a)
    if op == "powsign":
        floor, half = t.unary("floor", a[0]), t.two("fmul", a[0], t.const(0.5), "")
        odd = t.compare("one", t.unary("floor", half), half)
        sign = t.select(odd, t.const(-1.0), t.const(1.0))
        return t.select(t.compare("oeq", floor, a[0]), sign, t.const(0.0))
    if op == "powzero":
        zero = t.const(0.0)
        limit = t.select(t.compare("olt", a[0], zero), t.const(math.inf), zero)
        return t.select(t.compare("oeq", a[0], zero), t.const(1.0), limit)
    if op == "factorial":
        return _each_lane(t, "tgamma", t.two("fadd", a[0], t.const(1.0)))
    return _each_lane(t, op, a[0])


def _power(t: Text, x: str, n: str, sign: str, at_zero: str) -> str:
    """|x|^n by exp and log, with the sign rules of `expression`."""
    size = t.at_least(t.unary("fabs", x), TINY)
    log = t.put(f"call {t.vector} @log_{t.width}({t.vector} {size})")
    y = t.put(f"call {t.vector} @exp_{t.width}({t.vector} {t.two('fmul', n, log)})")
    y = t.select(t.compare("olt", x, t.const(0.0)), t.two("fmul", sign, y, ""), y)
    return t.select(t.compare("oeq", x, t.const(0.0)), at_zero, y)


def _each_lane(t: Text, op: str, a: str) -> str:
    """A rare function, from the C library, lane by lane."""
    if t.width == 1:
        return t.put(f"call double @{op}(double {a})")
    whole = "undef"
    for lane in range(t.width):
        x = t.put(f"extractelement {t.vector} {a}, i64 {lane}")
        whole = t.put(
            f"insertelement {t.vector} {whole}, double {t.put(f'call double @{op}(double {x})')}, i64 {lane}"
        )
    return whole


def module(parts: Sequence[str], width: int) -> str:
    """One IR module with the elementary functions it needs."""
    body = "\n".join(parts)
    heads = [declarations(width), *([declarations(1)] if width > 1 else [])]
    math_parts = [functions(width, inline=True), *([functions(1, inline=True)] if width > 1 else [])]
    libc = [f"declare double @{f}(double)" for f in ("asin", "acos", "atan", "tgamma") if f"@{f}(" in body]
    return "\n".join([*heads, *libc, *math_parts, body])
