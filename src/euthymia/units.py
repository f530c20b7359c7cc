"""Units at the border: text is read once, everything inside is in one canonical unit per dimension.

The canonical base units are hour, milligram, nanomole, decimetre (so that a volume is a litre), kelvin and
ampere: a clearance is L/h, a mass concentration mg/L, a molar one nmol/L.  They are coherent, so no
expression needs a conversion factor.  Unit names are read by `pint`; counts, scores and percentages are
dimensionless.

>>> clearance = parse_unit("mL/min")
>>> round(clearance.factor, 6), str(clearance.dimension)
(0.06, 'volume/time')
>>> to_canonical(20, "nM")
20.0
>>> quantity("20 mg").value
20.0
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from euthymia.errors import UnitError

BASES = ("time", "mass", "substance", "length", "temperature", "current")
CANONICAL = ("h", "mg", "nmol", "dm", "K", "A")
_PINT = {"[time]": 0, "[mass]": 1, "[substance]": 2, "[length]": 3, "[temperature]": 4, "[current]": 5}
_SI_TO_CANONICAL = (1 / 3600, 1e6, 1e9, 10.0, 1.0, 1.0)  # s, kg, mol, m, K, A
_OWN = (
    "percent = 0.01 = %",
    "score = 1 = point = points",
    "year = 8766 * hour = a = yr = years",
    "week = 168 * hour = weeks = wk",
    "month = 730.5 * hour = months",
    "enzyme_unit = 1 = IU",
    "mmHg_ = 133.322387415 * pascal",
)


# what the usual units are in canonical ones: factor, then exponents of the bases; a test compares them with pint
_PLAIN = {
    "h": (1.0, {0: 1}), "min": (1 / 60, {0: 1}), "s": (1 / 3600, {0: 1}), "d": (24.0, {0: 1}), "day": (24.0, {0: 1}),
    "week": (168.0, {0: 1}), "year": (8766.0, {0: 1}),
    "kg": (1e6, {1: 1}), "g": (1e3, {1: 1}), "mg": (1.0, {1: 1}), "ug": (1e-3, {1: 1}), "ng": (1e-6, {1: 1}),
    "mol": (1e9, {2: 1}), "mmol": (1e6, {2: 1}), "umol": (1e3, {2: 1}), "nmol": (1.0, {2: 1}), "pmol": (1e-3, {2: 1}),
    "L": (1.0, {3: 3}), "dL": (0.1, {3: 3}), "mL": (1e-3, {3: 3}),
    "mM": (1e6, {2: 1, 3: -3}), "uM": (1e3, {2: 1, 3: -3}), "nM": (1.0, {2: 1, 3: -3}), "pM": (1e-3, {2: 1, 3: -3}),
    "percent": (0.01, {}), "score": (1.0, {}), "1": (1.0, {}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dimension:
    """Exponents of time, mass, substance, length, temperature and current."""

    exponents: tuple[float, ...] = (0.0,) * 6

    def __mul__(self, other: Dimension) -> Dimension:
        return Dimension(tuple(round(a + b, 9) for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __truediv__(self, other: Dimension) -> Dimension:
        return self * other**-1

    def __pow__(self, power: float) -> Dimension:
        return Dimension(tuple(round(a * power, 9) + 0.0 for a in self.exponents))

    @property
    def dimensionless(self) -> bool:
        return not any(self.exponents)

    @property
    def canonical(self) -> str:
        """The canonical unit, for example 'L/h'."""
        return _spell(self.exponents, CANONICAL, "L") or "1"

    def __str__(self) -> str:
        return _spell(self.exponents, BASES, "volume") or "dimensionless"


NONE = Dimension()


def _spell(exponents: tuple[float, ...], names: tuple[str, ...], volume: str) -> str:
    parts = [(name, e) for name, e in zip(names, exponents, strict=True) if e]
    parts = [(volume, e / 3) if name == names[3] and e % 3 == 0 else (name, e) for name, e in parts]
    over = "*".join(n if e == 1 else f"{n}^{e:g}" for n, e in parts if e > 0)
    under = "/".join(n if e == -1 else f"{n}^{-e:g}" for n, e in parts if e < 0)
    return (over or "1") + ("/" + under if under else "") if parts else ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written, its factor to the canonical unit, and its dimension."""

    text: str
    factor: float
    dimension: Dimension


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in the canonical unit of its dimension, with the unit it was written in."""

    value: float
    unit: Unit

    def __str__(self) -> str:
        return f"{self.value / self.unit.factor:g} {self.unit.text}"


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    registry: Any = pint.UnitRegistry(cache_folder=None)
    for line in _OWN:
        registry.define(line)
    return registry


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit:
    """Read a unit such as 'mL/min', 'nM', '%', '1/h' or '1'.

    Raises
    ------
    UnitError
        The text is no unit; the message gives an example.
    """
    plain = str(text).strip()
    if plain in ("", "1", "dimensionless", "ratio", "count", "logit"):
        return Unit(plain or "1", 1.0, NONE)
    if not re.fullmatch(r"[\w%/*^().µμ +\-]+", plain):
        raise UnitError(f"'{plain}' is not a unit; a unit looks like 'L/h', 'nmol/L', '%' or '1'")
    spelled = plain.replace("µ", "u").replace("μ", "u").replace("^", "**").replace("%", "percent")
    factor, powers = _plain(spelled) or _by_pint(plain, spelled)
    short = float(f"{factor:.12g}")  # 1.0000000000000002 is 1; a third stays a third
    exact = short if abs(short - factor) < 1e-14 * abs(factor) else factor
    return Unit(plain, exact, Dimension(powers))


def _plain(spelled: str) -> tuple[float, tuple[float, ...]] | None:
    """A product of usual units without the help of pint, which takes long to load; None for any other text."""
    factor, exponents, sign = 1.0, [0.0] * 6, 1.0
    for i, part in enumerate(re.split(r"([*/])", spelled)):
        if i % 2:
            sign = -1.0 if part == "/" else 1.0
            continue
        if part.strip() not in _PLAIN:
            return None
        size, powers = _PLAIN[part.strip()]
        factor *= size**sign
        for base, power in powers.items():
            exponents[base] += sign * power
    return factor, tuple(e + 0.0 for e in exponents)


def _by_pint(plain: str, spelled: str) -> tuple[float, tuple[float, ...]]:
    try:
        if spelled.startswith("1/"):
            spelled = "dimensionless" + spelled[1:]
        base = (1 * _registry().parse_units(spelled)).to_base_units()
        exponents = [0.0] * 6
        for name, power in dict(base.dimensionality).items():
            exponents[_PINT[name]] += float(power)
    except Exception as error:
        raise UnitError(f"'{plain}' is not a unit; a unit looks like 'L/h', 'nmol/L', '%' or '1'") from error
    scale = float(base.magnitude)
    if exponents[1]:
        scale *= 1e-3 ** exponents[1] if "gram" in str(base.units).split("kilogram")[0] else 1.0
    for e, factor in zip(exponents, _SI_TO_CANONICAL, strict=True):
        scale *= factor**e
    return scale, tuple(exponents)


def to_canonical(value: float, unit: str) -> float:
    """A number written in `unit`, in the canonical unit of its dimension."""
    return float(value) * parse_unit(unit).factor


def from_canonical(value: float, unit: str) -> float:
    """A number in the canonical unit, in `unit`."""
    return float(value) / parse_unit(unit).factor


_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)")


def quantity(text: str | float, dimension: str = "") -> Quantity:
    """Read '20 mg' or '12.5 %'; with `dimension` (a unit of the wanted kind) a wrong one is an error.

    Raises
    ------
    UnitError
        No number, no unit where one is needed, or the wrong dimension.
    """
    match = _QUANTITY.fullmatch(str(text))
    example = f"; for example '20 {dimension}'" if dimension else "; for example '20 mg'"
    if not match:
        raise UnitError(f"'{text}' is not a number with a unit{example}")
    number, unit_text = match.groups()
    unit = parse_unit(unit_text)
    if dimension:
        want = parse_unit(dimension).dimension
        if unit.dimension != want:
            said = f"is a {unit.dimension}" if unit_text else "has no unit"
            raise UnitError(f"'{text}' {said}; expected a {want}{example}")
    return Quantity(float(number) * unit.factor, unit)
