"""Arithmetic that never raises: the numerical meaning of SBML's functions on Python floats.

IEEE rules hold throughout (1/0 is infinite, 0/0 is not a number), so that a model with an undefined value runs
and says NaN instead of ending in a traceback.
"""

from __future__ import annotations

import math
from collections.abc import Callable

NAN, INF = math.nan, math.inf


def div(a: float, b: float) -> float:
    """a/b by IEEE rules."""
    try:
        return a / b
    except ZeroDivisionError:
        if a == 0 or a != a:
            return NAN
        return math.copysign(INF, a) * math.copysign(1.0, b)


def power(a: float, b: float) -> float:
    """a^b; NaN where it is not real."""
    try:
        value = float(a) ** float(b)
    except ZeroDivisionError:
        return INF
    except OverflowError:
        return INF if a > 0 or b % 2 == 0 else -INF
    return NAN if isinstance(value, complex) else value


def _guard(function: Callable[[float], float], over: float = INF) -> Callable[[float], float]:
    def guarded(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return over
        except (ValueError, ZeroDivisionError):
            return NAN

    return guarded


def ln(x: float) -> float:
    """Natural logarithm; -inf at zero, NaN below."""
    return math.log(x) if x > 0 else (-INF if x == 0 else NAN)


def log(base: float, x: float) -> float:
    """Logarithm to `base`."""
    if base == 10 and x > 0:
        return math.log10(x)
    return div(ln(x), ln(base))


def root(degree: float, x: float) -> float:
    """x^(1/degree); odd roots of negative numbers are real."""
    if degree == 2:
        return math.sqrt(x) if x >= 0 else NAN
    if x < 0 and degree % 2 == 1:
        return -power(-x, 1 / degree)
    return power(x, div(1.0, degree))


def factorial(x: float) -> float:
    """x!, by the gamma function between integers."""
    try:
        return float(math.factorial(int(x))) if x == int(x) and 0 <= x < 171 else math.gamma(x + 1)
    except (ValueError, OverflowError):
        return INF if x > 0 else NAN


def rem(a: float, b: float) -> float:
    """The remainder with the sign of `a`, so that a = b quotient(a, b) + rem(a, b)."""
    return math.fmod(a, b) if b != 0 and math.isfinite(a) else NAN


def quotient(a: float, b: float) -> float:
    """The integer part of a/b, truncated."""
    value = div(a, b)
    return float(math.trunc(value)) if math.isfinite(value) else value


def floor(x: float) -> float:
    """The largest integer not above x."""
    return float(math.floor(x)) if math.isfinite(x) else x


def ceiling(x: float) -> float:
    """The smallest integer not below x."""
    return float(math.ceil(x)) if math.isfinite(x) else x


def largest(*values: float) -> float:
    """The maximum; NaN where one is NaN."""
    return max(values) if all(v == v for v in values) else NAN


def smallest(*values: float) -> float:
    """The minimum; NaN where one is NaN."""
    return min(values) if all(v == v for v in values) else NAN


exp = _guard(math.exp)
_NAMES = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh")
_plain = {n: _guard(getattr(math, n)) for n in _NAMES}


def atanh(x: float) -> float:
    """Inverse hyperbolic tangent; infinite at +-1."""
    return math.copysign(INF, x) if abs(x) == 1 else (math.atanh(x) if abs(x) < 1 else NAN)


def _of_inverse(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: function(div(1.0, x))


def _inverse_of(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: div(1.0, function(x))


FUNCTIONS: dict[str, Callable[..., float]] = {
    "div": div,
    "power": power,
    "root": root,
    "log": log,
    "ln": ln,
    "exp": exp,
    "abs": abs,
    "floor": floor,
    "ceiling": ceiling,
    "factorial": factorial,
    "rem": rem,
    "quotient": quotient,
    "max": largest,
    "min": smallest,
    "sin": _plain["sin"],
    "cos": _plain["cos"],
    "tan": _plain["tan"],
    "sinh": lambda x: math.copysign(exp(abs(x)) / 2, x) if abs(x) > 700 else math.sinh(x),
    "cosh": _plain["cosh"],
    "tanh": _plain["tanh"],
    "arcsin": _plain["asin"],
    "arccos": _plain["acos"],
    "arctan": _plain["atan"],
    "arcsinh": _plain["asinh"],
    "arccosh": _plain["acosh"],
    "arctanh": atanh,
    "sec": _inverse_of(_plain["cos"]),
    "csc": _inverse_of(_plain["sin"]),
    "cot": _inverse_of(_plain["tan"]),
    "sech": _inverse_of(_plain["cosh"]),
    "csch": _inverse_of(_plain["sinh"]),
    "coth": _inverse_of(_plain["tanh"]),
    "arcsec": _of_inverse(_plain["acos"]),
    "arccsc": _of_inverse(_plain["asin"]),
    "arccot": lambda x: math.pi / 2 if x == 0 else math.atan(1 / x),
    "arcsech": _of_inverse(_plain["acosh"]),
    "arccsch": _of_inverse(_plain["asinh"]),
    "arccoth": _of_inverse(atanh),
}
