"""A small typed subset of Python, compiled to LLVM IR: the language in which the integrators' driver is written.

Why: the driver must run without a compiler on the user's machine, without Python's lock, on lanes of patients,
and must still be readable.  A function of this subset knows five types: `i` integer, `d` double, `V` doubles of
all lanes, `M` truth of all lanes, `p` pointer; `b` is the truth of one comparison.  Variables take the type of
their first value.  Names that are not local are compile-time Python values (numbers, tuples), and loops over
`static(...)` are unrolled, so coefficients of a method become constants.

Known calls: ld/st (double), ldi/sti (integer), ldp (pointer), vl/vs (all lanes), each (pointer, index[, value]);
off(pointer, doubles); bc(double) to all lanes; d(integer); select(mask, a, b); any(mask); vmin, vmax, vabs, vsqrt,
vexp, vlog; invoke(pointer, pointers or integers...).
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from euthymia.engine.lanemath import Text, bits

_ARITH = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_COMPARE = {ast.Lt: ("slt", "olt"), ast.LtE: ("sle", "ole"), ast.Gt: ("sgt", "ogt"), ast.GtE: ("sge", "oge")}
_COMPARE |= {ast.Eq: ("eq", "oeq"), ast.NotEq: ("ne", "une")}


class Value:
    """A run-time value: its IR name and type."""

    __slots__ = ("name", "type")

    def __init__(self, name: str, type_: str):
        self.name, self.type = name, type_


class LaneCompiler:
    """Compiles functions of the subset for a number of lanes.

    Parameters
    ----------
    width : int
        Lanes.
    constants : mapping
        Compile-time names.
    """

    def __init__(self, width: int, constants: Mapping[str, Any]):
        self.width = width
        self.constants = dict(constants)
        self.texts: list[str] = []
        self.known: dict[str, tuple[list[str], str]] = {}

    def type(self, t: str) -> str:
        w = self.width
        return {
            "i": "i64",
            "d": "double",
            "V": f"<{w} x double>",
            "M": f"<{w} x i1>",
            "p": "ptr",
            "b": "i1",
            "": "void",
        }[t]

    def add(self, function: Callable, public: bool = False) -> None:
        """Compile one function; it can be called by those added later."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        kinds = [str(ast.literal_eval(a.annotation)) for a in tree.args.args if a.annotation is not None]
        result = str(ast.literal_eval(tree.returns)) if tree.returns is not None else ""
        self.known[tree.name] = (kinds, result)
        body = _Body(self, tree, kinds)
        heads = ", ".join(f"{self.type(k)} %{a.arg}.in" for a, k in zip(tree.args.args, kinds, strict=True))
        kind = "" if public else "internal "
        texts = [f"define {kind}{self.type(result)} @{tree.name}({heads}) nounwind {{", "entry:"]
        texts += body.allocas + ["  br label %start", "start:"] + body.out.lines
        texts.append("  ret void" if not result else "  unreachable")
        self.texts.append("\n".join([*texts, "}"]))


class _Body:
    def __init__(self, compiler: LaneCompiler, tree: ast.FunctionDef, kinds: list[str]):
        self.c = compiler
        self.out = Text(compiler.width)
        self.allocas: list[str] = []
        self.local: dict[str, tuple[str, str]] = {}
        self.static = dict(compiler.constants)
        self.loops: list[tuple[str, str]] = []
        self.labels = 0
        for argument, kind in zip(tree.args.args, kinds, strict=True):
            place = self.slot(argument.arg, kind)
            self.line(f"store {compiler.type(kind)} %{argument.arg}.in, ptr {place}")
        self.block(tree.body)

    # ---- small helpers ----
    def line(self, text: str) -> None:
        self.out.lines.append("  " + text)

    def new(self, text: str, kind: str) -> Value:
        return Value(self.out.put(text), kind)

    def label(self) -> str:
        self.labels += 1
        return f"L{self.labels}"

    def place(self, label: str) -> None:
        self.line(f"br label %{label}")
        self.out.lines.append(f"{label}:")

    def slot(self, name: str, kind: str) -> str:
        if name not in self.local:
            place = f"%{name}.{len(self.local)}"
            self.allocas.append(f"  {place} = alloca {self.c.type(kind)}")
            self.local[name] = (place, kind)
        place, have = self.local[name]
        if have != kind:
            raise TypeError(f"{name} is {have}, not {kind}")
        return place

    def as_value(self, x: Any, kind: str = "") -> Value:
        if isinstance(x, Value):
            if kind == "V" and x.type == "d":
                return self.broadcast(x)
            return x
        if kind == "V":
            return Value(self.out.const(float(x)), "V")
        if kind == "d" or (isinstance(x, float) and kind != "i"):
            return Value(bits(float(x)), "d")
        if isinstance(x, bool):
            return Value("true" if x else "false", "b")
        return Value(str(int(x)), "i")

    def broadcast(self, x: Value) -> Value:
        v = self.c.type("V")
        one = self.new(f"insertelement {v} undef, double {x.name}, i64 0", "V")
        return self.new(
            f"shufflevector {v} {one.name}, {v} undef, <{self.c.width} x i32> zeroinitializer", "V"
        )

    # ---- statements ----
    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            getattr(self, "do_" + type(statement).__name__)(statement)

    def do_Pass(self, s: ast.Pass) -> None:
        pass

    def do_Expr(self, s: ast.Expr) -> None:
        if not isinstance(s.value, ast.Constant):
            self.value(s.value)

    def do_Assign(self, s: ast.Assign) -> None:
        target = s.targets[0]
        assert isinstance(target, ast.Name)
        x = self.value(s.value)
        kind = self.local[target.id][1] if target.id in self.local else ""
        made = self.as_value(x, kind)
        self.line(f"store {self.c.type(made.type)} {made.name}, ptr {self.slot(target.id, made.type)}")

    def do_AugAssign(self, s: ast.AugAssign) -> None:
        assert isinstance(s.target, ast.Name)
        read = ast.Name(s.target.id, ast.Load())
        self.do_Assign(ast.Assign([ast.Name(s.target.id, ast.Store())], ast.BinOp(read, s.op, s.value)))

    def do_Return(self, s: ast.Return) -> None:
        if s.value is None:
            self.line("ret void")
        else:
            x = self.as_value(self.value(s.value))
            self.line(f"ret {self.c.type(x.type)} {x.name}")
        self.out.lines.append(f"{self.label()}:")

    def do_If(self, s: ast.If) -> None:
        test = self.value(s.test)
        if not isinstance(test, Value):
            self.block(s.body if test else s.orelse)
            return
        yes, no, end = self.label(), self.label(), self.label()
        self.line(f"br i1 {test.name}, label %{yes}, label %{no}")
        self.out.lines.append(f"{yes}:")
        self.block(s.body)
        self.line(f"br label %{end}")
        self.out.lines.append(f"{no}:")
        self.block(s.orelse)
        self.place(end)

    def do_While(self, s: ast.While) -> None:
        head, body, end = self.label(), self.label(), self.label()
        self.place(head)
        test = self.value(s.test)
        name = test.name if isinstance(test, Value) else str(bool(test)).lower()
        self.line(f"br i1 {name}, label %{body}, label %{end}")
        self.out.lines.append(f"{body}:")
        self.loops.append((head, end))
        self.block(s.body)
        self.loops.pop()
        self.line(f"br label %{head}")
        self.out.lines.append(f"{end}:")

    def do_For(self, s: ast.For) -> None:
        assert (
            isinstance(s.target, ast.Name)
            and isinstance(s.iter, ast.Call)
            and isinstance(s.iter.func, ast.Name)
        )
        args = [self.value(a) for a in s.iter.args]
        if s.iter.func.id == "static":
            for k in range(*args):
                self.static[s.target.id] = k
                self.block(s.body)
            self.static.pop(s.target.id, None)
            return
        first, last = (0, args[0]) if len(args) == 1 else args
        stop = self.as_value(last)
        place = self.slot(s.target.id, "i")
        self.line(f"store i64 {self.as_value(first).name}, ptr {place}")
        head, body, step, end = (self.label() for _ in range(4))
        self.place(head)
        i = self.new(f"load i64, ptr {place}", "i")
        test = self.new(f"icmp slt i64 {i.name}, {stop.name}", "b")
        self.line(f"br i1 {test.name}, label %{body}, label %{end}")
        self.out.lines.append(f"{body}:")
        self.loops.append((step, end))
        self.block(s.body)
        self.loops.pop()
        self.place(step)
        i = self.new(f"load i64, ptr {place}", "i")
        i = self.new(f"add i64 {i.name}, 1", "i")
        self.line(f"store i64 {i.name}, ptr {place}")
        self.line(f"br label %{head}")
        self.out.lines.append(f"{end}:")

    def do_Break(self, s: ast.Break) -> None:
        self.line(f"br label %{self.loops[-1][1]}")
        self.out.lines.append(f"{self.label()}:")

    def do_Continue(self, s: ast.Continue) -> None:
        self.line(f"br label %{self.loops[-1][0]}")
        self.out.lines.append(f"{self.label()}:")

    # ---- expressions ----
    def value(self, e: ast.expr) -> Any:
        return getattr(self, "of_" + type(e).__name__)(e)

    def of_Constant(self, e: ast.Constant) -> Any:
        return e.value

    def of_Name(self, e: ast.Name) -> Any:
        if e.id in self.local:
            place, kind = self.local[e.id]
            return self.new(f"load {self.c.type(kind)}, ptr {place}", kind)
        return self.static[e.id]

    def of_Subscript(self, e: ast.Subscript) -> Any:
        return self.value(e.value)[self.value(e.slice)]

    def of_UnaryOp(self, e: ast.UnaryOp) -> Any:
        x = self.value(e.operand)
        if isinstance(e.op, ast.USub):
            if not isinstance(x, Value):
                return -x
            return self.arith("sub", 0 if x.type == "i" else -0.0, x)
        if not isinstance(x, Value):
            return not x
        if x.type == "b":
            return self.new(f"xor i1 {x.name}, true", "b")
        ones = "<" + ", ".join(["i1 true"] * self.c.width) + ">"
        return self.new(f"xor {self.c.type('M')} {x.name}, {ones}", "M")

    def of_BinOp(self, e: ast.BinOp) -> Any:
        a, b = self.value(e.left), self.value(e.right)
        if isinstance(e.op, (ast.BitAnd, ast.BitOr)):
            return self.logic("and" if isinstance(e.op, ast.BitAnd) else "or", a, b)
        if isinstance(e.op, ast.Pow):
            return a**b
        return self.arith(_ARITH[type(e.op)], a, b)

    def of_BoolOp(self, e: ast.BoolOp) -> Any:
        x = self.value(e.values[0])
        for other in e.values[1:]:
            x = self.logic("and" if isinstance(e.op, ast.And) else "or", x, self.value(other))
        return x

    def logic(self, op: str, a: Any, b: Any) -> Any:
        if not isinstance(a, Value) and not isinstance(b, Value):
            return (a and b) if op == "and" else (a or b)
        a, b = self.as_value(a), self.as_value(b)
        return self.new(f"{op} {self.c.type(a.type)} {a.name}, {b.name}", a.type)

    def pair(self, a: Any, b: Any) -> tuple[Value, Value]:
        kinds = {x.type for x in (a, b) if isinstance(x, Value)}
        kind = "V" if "V" in kinds else "d" if "d" in kinds else "i"
        return self.as_value(a, kind), self.as_value(b, kind)

    def arith(self, op: str, a: Any, b: Any) -> Any:
        if not isinstance(a, Value) and not isinstance(b, Value):
            return {"add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b, "div": lambda: a / b}[
                op
            ]()
        x, y = self.pair(a, b)
        if x.type == "i":
            return self.new(f"{'sdiv' if op == 'div' else op} i64 {x.name}, {y.name}", "i")
        return self.new(f"f{op} contract {self.c.type(x.type)} {x.name}, {y.name}", x.type)

    def of_Compare(self, e: ast.Compare) -> Any:
        a, b = self.value(e.left), self.value(e.comparators[0])
        if not isinstance(a, Value) and not isinstance(b, Value):
            return _compare(e.ops[0], a, b)
        x, y = self.pair(a, b)
        whole, real = _COMPARE[type(e.ops[0])]
        if x.type == "i":
            return self.new(f"icmp {whole} i64 {x.name}, {y.name}", "b")
        return self.new(
            f"fcmp {real} {self.c.type(x.type)} {x.name}, {y.name}", "M" if x.type == "V" else "b"
        )

    def of_Call(self, e: ast.Call) -> Any:
        assert isinstance(e.func, ast.Name)
        name = e.func.id
        args = [self.value(a) for a in e.args]
        if hasattr(self, "call_" + name):
            return getattr(self, "call_" + name)(*args)
        if name in ("vexp", "vlog"):
            v = self.c.type("V")
            return self.new(
                f"call {v} @{name[1:]}_{self.c.width}({v} {self.as_value(args[0], 'V').name})", "V"
            )
        kinds, result = self.c.known[name]
        passed = ", ".join(
            f"{self.c.type(k)} {self.as_value(a, k).name}" for a, k in zip(args, kinds, strict=True)
        )
        if not result:
            self.line(f"call void @{name}({passed})")
            return None
        return self.new(f"call {self.c.type(result)} @{name}({passed})", result)

    # ---- memory ----
    def address(self, p: Value, i: Any, kind: str) -> str:
        return self.new(
            f"getelementptr inbounds {self.c.type(kind)}, ptr {p.name}, i64 {self.as_value(i).name}", "p"
        ).name

    def load(self, p: Value, i: Any, kind: str) -> Value:
        align = 8 * self.c.width if kind == "V" else 8
        place = self.address(p, i, kind)
        return self.new(f"load {self.c.type(kind)}, ptr {place}, align {align}", kind)

    def store(self, p: Value, i: Any, x: Any, kind: str) -> None:
        align = 8 * self.c.width if kind == "V" else 8
        made, place = self.as_value(x, kind), self.address(p, i, kind)
        self.line(f"store {self.c.type(kind)} {made.name}, ptr {place}, align {align}")

    def call_ld(self, p: Value, i: Any) -> Value:
        return self.load(p, i, "d")

    def call_ldi(self, p: Value, i: Any) -> Value:
        return self.load(p, i, "i")

    def call_ldp(self, p: Value, i: Any) -> Value:
        return self.load(p, i, "p")

    def call_vl(self, p: Value, i: Any) -> Value:
        return self.load(p, i, "V")

    def call_st(self, p: Value, i: Any, x: Any) -> None:
        self.store(p, i, x, "d")

    def call_sti(self, p: Value, i: Any, x: Any) -> None:
        self.store(p, i, x, "i")

    def call_vs(self, p: Value, i: Any, x: Any) -> None:
        self.store(p, i, x, "V")

    def call_off(self, p: Value, i: Any) -> Value:
        return self.new(f"getelementptr inbounds double, ptr {p.name}, i64 {self.as_value(i).name}", "p")

    # ---- lanes ----
    def call_bc(self, x: Any) -> Value:
        return self.as_value(self.as_value(x, "d"), "V")

    def call_d(self, x: Value) -> Value:
        return self.new(f"sitofp i64 {x.name} to double", "d")

    def call_select(self, m: Value, a: Any, b: Any) -> Value:
        x, y = self.pair(a, b)
        if m.type == "M":
            x, y = self.as_value(x, "V"), self.as_value(y, "V")
        t = self.c.type(x.type)
        return self.new(f"select {self.c.type(m.type)} {m.name}, {t} {x.name}, {t} {y.name}", x.type)

    def call_any(self, m: Value) -> Value:
        whole = self.new(f"bitcast {self.c.type('M')} {m.name} to i{self.c.width}", "")
        return self.new(f"icmp ne i{self.c.width} {whole.name}, 0", "b")

    def call_vmin(self, a: Any, b: Any) -> Value:
        x, y = self.as_value(a, "V"), self.as_value(b, "V")
        return self.call_select(self.new(f"fcmp olt {self.c.type('V')} {x.name}, {y.name}", "M"), x, y)

    def call_vmax(self, a: Any, b: Any) -> Value:
        x, y = self.as_value(a, "V"), self.as_value(b, "V")
        return self.call_select(self.new(f"fcmp ogt {self.c.type('V')} {x.name}, {y.name}", "M"), x, y)

    def call_vabs(self, a: Value) -> Value:
        return Value(self.out.unary("fabs", a.name), "V")

    def call_vsqrt(self, a: Value) -> Value:
        return Value(self.out.unary("sqrt", a.name), "V")

    def call_absd(self, a: Value) -> Value:
        return self.new(f"call double @llvm.fabs.f64(double {a.name})", "d")

    def call_invoke(self, target: Value, *args: Any) -> None:
        passed = ", ".join(f"{self.c.type(a.type)} {a.name}" for a in map(self.as_value, args))
        self.line(f"call void {target.name}({passed})")


def _compare(op: ast.cmpop, a: Any, b: Any) -> bool:
    table: dict[type, Callable[[Any, Any], bool]] = {
        ast.Lt: lambda x, y: x < y, ast.LtE: lambda x, y: x <= y, ast.Gt: lambda x, y: x > y,
        ast.GtE: lambda x, y: x >= y, ast.Eq: lambda x, y: x == y, ast.NotEq: lambda x, y: x != y,
    }  # fmt: skip
    return table[type(op)](a, b)
