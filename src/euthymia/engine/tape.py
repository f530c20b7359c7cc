"""Straight-line operations to LLVM IR, on lanes.

In: a tape of operations.  Out: the text of one function, in pieces of bounded size; what crosses a cut travels
through scratch memory.  Values that lie in memory anyway are read again where their last use is far, so that the
registers hold what is in work and little is spilled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from euthymia.engine.expression import TINY
from euthymia.engine.lanemath import Text

CHUNK = 4000
WINDOW = 40  # operations after which a value in memory is read again instead of kept
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


def values(op: tuple) -> tuple[int, ...]:
    """The values that an operation reads."""
    if op[0] in ("load", "const"):
        return ()
    if op[0] == "store":
        return (op[3],)
    return op[1:]


def live_operations(tape: Tape) -> list[bool]:
    live = [op[0] == "store" for op in tape.ops]
    for v in range(len(tape.ops) - 1, -1, -1):
        if live[v]:
            for a in values(tape.ops[v]):
                live[a] = True
    return live


def cut(tape: Tape, live: list[bool]) -> list[list[int]]:
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
    last_use = {a: position for position, v in enumerate(order) for a in values(tape.ops[v])}
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


def piece_text(
    tape: Tape,
    piece: list[int],
    home: list[int],
    number: int,
    shared: dict[int, int],
    width: int,
    stride: int,
) -> list[str]:
    """One piece as the lines of a function's body."""
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
            where = op[1:] if op[0] == "load" else stored.get(v) or ("w", shared[v])
            place = address(*where)
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
