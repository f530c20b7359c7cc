"""Elementary functions on lanes as LLVM IR: one patient per lane, the same bits for any lane count.

exp, log, sin and cos are polynomial approximations after range reduction, within about 1 ulp (log: the scheme of
fdlibm; the others Taylor polynomials on the reduced interval).  NaN stays NaN; exp overflows to inf.
Nothing here uses fast-math reordering, which breaks rounding by magic constants without any sign of it.
"""

from __future__ import annotations

import math
import struct

_MAGIC = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to the nearest integer
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG: tuple[float, ...] = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
)
_LOG += (2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01)
_PI = (3.141592653589793116, 1.2246467991473532e-16, -2.9947698097183397e-33)


def bits(x: float) -> str:
    """A double as LLVM writes it exactly."""
    return "0x" + struct.pack(">d", x).hex().upper()


class Text:
    """Lines of one LLVM function on `width` lanes."""

    def __init__(self, width: int):
        self.width = width
        self.vector = f"<{width} x double>" if width > 1 else "double"
        self.integer = f"<{width} x i64>" if width > 1 else "i64"
        self.mask = f"<{width} x i1>" if width > 1 else "i1"
        self.suffix = f"v{width}f64" if width > 1 else "f64"
        self.lines: list[str] = []
        self.count = 0

    def const(self, x: float) -> str:
        if self.width == 1:
            return bits(x)
        return "<" + ", ".join([f"double {bits(x)}"] * self.width) + ">"

    def whole(self, x: int) -> str:
        return "<" + ", ".join([f"i64 {x}"] * self.width) + ">" if self.width > 1 else str(x)

    def put(self, text: str) -> str:
        self.count += 1
        name = f"%v{self.count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def two(self, op: str, a: str, b: str, flags: str = "contract") -> str:
        return self.put(f"{op} {flags} {self.vector} {a}, {b}")

    def bit(self, op: str, a: str, b: str) -> str:
        return self.put(f"{op} {self.integer} {a}, {b}")

    def fma(self, a: str, b: str, c: str) -> str:
        v = self.vector
        return self.put(f"call {v} @llvm.fma.{self.suffix}({v} {a}, {v} {b}, {v} {c})")

    def unary(self, name: str, a: str) -> str:
        return self.put(f"call {self.vector} @llvm.{name}.{self.suffix}({self.vector} {a})")

    def compare(self, how: str, a: str, b: str) -> str:
        return self.put(f"fcmp {how} {self.vector} {a}, {b}")

    def select(self, m: str, a: str, b: str) -> str:
        return self.put(f"select {self.mask} {m}, {self.vector} {a}, {self.vector} {b}")

    def as_bits(self, a: str) -> str:
        return self.put(f"bitcast {self.vector} {a} to {self.integer}")

    def as_real(self, a: str) -> str:
        return self.put(f"bitcast {self.integer} {a} to {self.vector}")

    def at_most(self, x: str, top: float) -> str:
        """min(x, top); NaN stays."""
        return self.select(self.compare("ogt", x, self.const(top)), self.const(top), x)

    def at_least(self, x: str, low: float) -> str:
        return self.select(self.compare("olt", x, self.const(low)), self.const(low), x)


def declarations(width: int) -> str:
    """The intrinsics used on `width` lanes."""
    t = Text(width)
    v, s = t.vector, t.suffix
    one = "\n".join(f"declare {v} @llvm.{name}.{s}({v})" for name in ("sqrt", "fabs", "floor"))
    return one + f"\ndeclare {v} @llvm.fma.{s}({v}, {v}, {v})"


def functions(width: int, inline: bool = False) -> str:
    """Definitions of @exp_W, @log_W, @sin_W and @cos_W."""
    how = "alwaysinline" if inline else "noinline"
    return "\n".join([_exp(width, how), _log(width, how), _wave(width, how, "cos"), _wave(width, how, "sin")])


def _wrap(t: Text, name: str, how: str, result: str) -> str:
    head = f"define internal {t.vector} @{name}_{t.width}({t.vector} %x) {how} nounwind {{"
    return "\n".join([head, *t.lines, f"  ret {t.vector} {result}", "}"])


def _exp(width: int, how: str) -> str:
    t = Text(width)
    x = t.at_least(t.at_most("%x", 709.0), -708.0)
    turns = t.fma(x, t.const(1.0 / math.log(2.0)), t.const(_MAGIC))
    k = t.as_bits(turns)
    turns = t.two("fsub", turns, t.const(_MAGIC), "")
    r = t.fma(turns, t.const(-_LN2_HIGH), x)
    r = t.fma(turns, t.const(-_LN2_LOW), r)
    p = t.const(1 / math.factorial(13))
    for n in range(12, -1, -1):
        p = t.fma(p, r, t.const(1 / math.factorial(n)))
    # the low bits of the rounded number are k; 1023 is the exponent bias
    k = t.bit("add", k, t.whole(1023))
    scale = t.as_real(t.bit("shl", k, t.whole(52)))
    y = t.two("fmul", p, scale, "")
    return _wrap(t, "exp", how, t.select(t.compare("ogt", "%x", t.const(709.78)), t.const(math.inf), y))


def _log(width: int, how: str) -> str:
    t = Text(width)
    x = t.at_least("%x", 2.2250738585072014e-308)
    ix = t.as_bits(x)
    shifted = t.bit("sub", ix, t.whole(0x3FE6A09E667F3BCD))
    biased = t.bit("lshr", t.bit("add", shifted, t.whole(1024 << 52)), t.whole(52))
    shift = t.bit("sub", t.bit("shl", biased, t.whole(52)), t.whole(1024 << 52))
    f = t.two("fsub", t.as_real(t.bit("sub", ix, shift)), t.const(1.0), "")
    e = t.as_real(t.bit("or", biased, t.whole(0x4330000000000000)))
    e = t.two("fsub", e, t.const(4503599627370496.0 + 1024), "")
    s = t.two("fdiv", f, t.two("fadd", f, t.const(2.0), ""), "")
    z = t.two("fmul", s, s, "")
    r = t.const(_LOG[0])
    for c in _LOG[1:]:
        r = t.fma(r, z, t.const(c))
    r = t.two("fmul", r, z, "")
    h = t.two("fmul", t.two("fmul", f, f, ""), t.const(0.5), "")
    a = t.fma(s, t.two("fadd", h, r, ""), t.two("fmul", e, t.const(_LN2_LOW), ""))
    a = t.two("fsub", t.two("fsub", h, a, ""), f, "")
    y = t.fma(e, t.const(_LN2_HIGH), t.put(f"fneg {t.vector} {a}"))
    y = t.select(t.compare("olt", "%x", t.const(math.inf)), y, "%x")  # inf and NaN pass through
    y = t.select(
        t.compare("ogt", "%x", t.const(0.0)),
        y,
        t.select(t.compare("oeq", "%x", t.const(0.0)), t.const(-math.inf), t.const(math.nan)),
    )
    return _wrap(t, "log", how, y)


def _wave(width: int, how: str, name: str) -> str:
    """cos(x) = +-sin(x - (k + 1/2) pi); sin(x) = +-sin(x - k pi); accurate for |x| below about 1e8."""
    t = Text(width)
    half = 0.5 if name == "cos" else 0.0
    turns = t.fma("%x", t.const(1 / math.pi), t.const(-half))
    turns = t.two("fadd", turns, t.const(_MAGIC), "")
    k = t.as_bits(turns)
    turns = t.two("fadd", t.two("fsub", turns, t.const(_MAGIC), ""), t.const(half), "")
    r = "%x"
    for part in _PI:
        r = t.fma(turns, t.const(-part), r)
    z = t.two("fmul", r, r, "")
    p = t.const(-1 / math.factorial(19))
    for n in range(17, 0, -2):
        p = t.fma(p, z, t.const((-1) ** ((n - 1) // 2) / math.factorial(n)))
    p = t.two("fmul", p, r, "")
    sign = t.bit("shl", k, t.whole(63))
    if name == "cos":
        sign = t.bit("xor", sign, t.whole(-(1 << 63)))
    y = t.as_real(t.bit("xor", t.as_bits(p), sign))
    y = t.select(t.compare("olt", t.unary("fabs", "%x"), t.const(1e9)), y, t.const(math.nan))
    return _wrap(t, name, how, y)
