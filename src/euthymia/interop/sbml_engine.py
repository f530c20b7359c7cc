"""SBML models as engine systems: the same equations as text expressions, for populations.

Comes in: `Dynamics`.  Goes out: an `OdeSystem` (dimensionless; its hour is the model's time unit), with the names
under which SBML symbols are found again.  Events, algebraic rules and a few functions have no counterpart; such
models raise `Unsupported` here and run on the simulator of `sbml_simulate` instead.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from euthymia.engine import Assignment, Fragment, OdeSystem, Parameter, State
from euthymia.engine.syntax import FUNCTIONS, parse
from euthymia.interop.sbml_compile import order
from euthymia.interop.sbml_dynamics import Dynamics
from euthymia.interop.sbml_math import RELATIONS, Expr, Unsupported, names_in, number, walk

_INFIX = {"plus": "+", "times": "*", "minus": "-", "divide": "/", "power": "^"}
_SIGN = {"lt": "<", "leq": "<=", "gt": ">", "geq": ">=", "eq": "==", "neq": "!="}
_SAME = {w: w for w in ["exp", "abs", "floor", "sin", "cos", "tan", "sinh", "cosh", "tanh", "min", "max"]}
_SAME |= {"ln": "log", "ceiling": "ceil", "arcsin": "asin", "arccos": "acos", "arctan": "atan"}
_OVER = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}
_BOOLEAN = {*RELATIONS, "and", "or", "not", "xor", "implies"}
_RESERVED = {"t", "and", "or", "not", *FUNCTIONS}


@dataclass(frozen=True, slots=True)
class EngineModel:
    """An SBML model on the engine.

    Parameters
    ----------
    system : OdeSystem
    names : mapping
        SBML symbol (`n:S` is the amount of S) to its name in the system.
    start : mapping
        Symbol of a varied first value to its parameter in the system.
    """

    system: OdeSystem
    names: Mapping[str, str]
    start: Mapping[str, str]


def engine_name(symbol: str) -> str:
    """The engine's id of an SBML symbol.

    >>> engine_name("S1"), engine_name("n:S1"), engine_name("exp")
    ('S1', 'S1.amount', 'exp_')
    """
    kind, _, ident = symbol.rpartition(":")
    plain = f"{ident}_" if ident in _RESERVED or ident.rstrip("_") in _RESERVED else ident
    return {"": plain, "n": f"{plain}.amount", "rate": f"{plain}.rateof"}[kind]


def to_engine(
    dynamics: Dynamics,
    outputs: Collection[str],
    vary: Collection[str] = (),
    keep: Collection[str] | None = None,
) -> EngineModel:
    """The engine system of a model.

    Parameters
    ----------
    outputs : collection of str
        Symbols that will be asked for; what neither they nor the states need is left out.
    vary : collection of str
        Parameters, compartments or species whose first value differs between patients.
    keep : collection of str, optional
        Constants that stay parameters of the system; the others are folded into the equations (stoichiometries and
        compartments of size 1 vanish).  By default all stay.

    Raises
    ------
    Unsupported
        The model needs events, algebraic rules or functions that the engine does not have.
    """
    return _Translator(dynamics, outputs, set(vary), None if keep is None else set(keep)).build()


class _Translator:
    def __init__(self, dynamics: Dynamics, outputs: Collection[str], vary: set[str], keep: set[str] | None):
        self.d, self.vary, self.keep = dynamics, vary, keep
        self.file = dynamics.model.file
        self.wanted = [*dynamics.states, *outputs]
        self.place = ""

    def build(self) -> EngineModel:
        d = self.d
        if d.model.events:
            raise Unsupported("an event in a batch of patients", "event", d.model.events[0].id, self.file)
        if d.unknowns:
            raise Unsupported("an algebraic rule in a batch of patients", "symbol", d.unknowns[0], self.file)
        held = {h: d.initial[h] for h in d.held}
        definitions = {**d.computed, **held}
        roots = {n for e in d.states.values() for n in names_in(e)} | set(self.wanted)
        roots |= {n for s in d.states for n in names_in(d.initial[s])}
        free = dict.fromkeys(d.states, "")
        needed = order(sorted(roots), {**definitions, **{s: Expr("number", (0.0,)) for s in d.states}}, free)
        states: dict[str, State] = {}
        parameters: dict[str, Parameter] = {}
        assignments: dict[str, Assignment] = {}
        start: dict[str, str] = {}
        moving = self._moving(definitions)
        for s, rate in d.states.items():
            first = self._first(s, parameters, start)
            states[engine_name(s)] = State(self.text(rate, f"rate of '{s}'"), first)
        for ident in needed:
            if ident in d.states:
                continue
            own = engine_name(ident)
            if ident in held and held[ident].op == "number" and self._stays(ident, held[ident].args[0]):
                parameters[own] = Parameter(held[ident].args[0])
                start[ident] = own
            elif ident in held and names_in(held[ident]) & moving:
                states[own] = State("0", self._first(ident, parameters, start))
            else:
                source = self._first_expr(ident, parameters, start) if ident in held else d.computed[ident]
                assignments[own] = Assignment(self.text(source, f"'{ident}'"))
        if not states:
            states["nothing"] = State("0", 0.0)
        fragment = Fragment(states=states, parameters=parameters, assignments=assignments)
        system = OdeSystem.join(d.model.id or "sbml", fragment, units=False)
        return EngineModel(system, {w: engine_name(w) for w in (*needed, *d.states)}, start)

    def _stays(self, ident: str, value: float) -> bool:
        """Whether a constant remains a parameter."""
        plain = ident.removeprefix("n:")
        return self.keep is None or plain in self.keep or plain in self.vary or not math.isfinite(value)

    def _moving(self, definitions: Mapping[str, Expr]) -> set[str]:
        """Symbols that may change in time: states, and what reads one or the time."""
        moving = set(self.d.states)
        todo = True
        while todo:
            todo = False
            for ident, expr in definitions.items():
                if ident not in moving and ident not in self.d.held:
                    reads_time = any(n.op in ("time", "rate") for n in walk(expr))
                    if reads_time or names_in(expr) & moving:
                        moving.add(ident)
                        todo = True
        return moving

    def _first(self, ident: str, parameters: dict[str, Parameter], start: dict[str, str]) -> str | float:
        expr = self._first_expr(ident, parameters, start)
        return expr.args[0] if expr.op == "number" else self.text(expr, f"first value of '{ident}'")

    def _first_expr(self, ident: str, parameters: dict[str, Parameter], start: dict[str, str]) -> Expr:
        """The first value, with its number turned into a parameter where patients differ in it."""
        expr = self.d.initial[ident]
        if any(n.op == "time" for n in walk(expr)):
            expr = _replace(expr, Expr("time"), number(0))  # first values are those of time 0
        plain = ident.removeprefix("n:")
        if plain not in self.vary:
            return expr
        numbers = [n for n in walk(expr) if n.op == "number"]
        if len(numbers) != 1 or plain in self.d.model.initial:
            raise Unsupported("varying a first value that is computed", "symbol", plain, self.file)
        own = f"{engine_name(plain)}.start"
        parameters[own] = Parameter(numbers[0].args[0])
        start[plain] = own
        return _replace(expr, numbers[0], Expr("name", (f"\0{own}",)))

    # ------------------------------------------------------------------ text
    def text(self, expr: Expr, place: str) -> str:
        """Engine text of an expression; parsed once to be sure that it is one."""
        self.place = place
        text = self.value(expr)
        parse(text)
        return text

    def value(self, e: Expr) -> str:
        """The expression where a number is wanted."""
        if e.op in _BOOLEAN:
            return f"if({self.truth(e)}, 1, 0)"
        if e.op == "number":
            if not math.isfinite(e.args[0]):
                raise Unsupported(
                    f"the number {e.args[0]} in a batch of patients", "formula", self.place, self.file
                )
            return repr(e.args[0]) if e.args[0] >= 0 else f"(-{abs(e.args[0])!r})"
        if e.op == "time":
            return "t"
        if e.op == "name":
            return e.args[0][1:] if e.args[0].startswith("\0") else engine_name(e.args[0])
        if e.op == "rate":
            return engine_name(f"rate:{e.args[0]}")
        if e.op == "piecewise":
            if len(e.args) % 2 == 0:
                raise Unsupported(
                    "a piecewise without otherwise in a batch", "formula", self.place, self.file
                )
            text = self.value(e.args[-1])
            for i in range(len(e.args) - 3, -1, -2):
                text = f"if({self.truth(e.args[i + 1])}, {self.value(e.args[i])}, {text})"
            return text
        a = [self.value(x) for x in e.args]
        if e.op in _INFIX:
            return f"(-{a[0]})" if len(a) == 1 else "(" + f" {_INFIX[e.op]} ".join(a) + ")"
        if e.op in _SAME:
            return f"{_SAME[e.op]}({', '.join(a)})"
        if e.op in _OVER:
            return f"(1/{_OVER[e.op]}({a[0]}))"
        special = {
            "root": lambda: f"sqrt({a[1]})" if a[0] == "2.0" else f"(({a[1]})^(1/({a[0]})))",
            "log": lambda: f"log10({a[1]})" if a[0] == "10.0" else f"(log({a[1]})/log({a[0]}))",
            "arcsinh": lambda: f"log({a[0]} + sqrt(({a[0]})^2 + 1))",
            "arccosh": lambda: f"log({a[0]} + sqrt(({a[0]})^2 - 1))",
            "arctanh": lambda: f"(0.5*log((1 + {a[0]})/(1 - {a[0]})))",
            "quotient": lambda: _truncated(f"({a[0]}/{a[1]})"),
            "rem": lambda: f"({a[0]} - {a[1]}*{_truncated(f'({a[0]}/{a[1]})')})",
        }
        if e.op not in special:
            raise Unsupported(
                f"the function '{e.op}' in a batch of patients", "formula", self.place, self.file
            )
        return special[e.op]()

    def truth(self, e: Expr) -> str:
        """The expression where a condition is wanted."""
        if e.op in RELATIONS:
            a = [self.value(x) for x in e.args]
            pairs = [f"({x} {_SIGN[e.op]} {y})" for x, y in zip(a[:-1], a[1:], strict=True)]
            return "(" + " and ".join(pairs) + ")" if pairs else "(1 == 1)"
        if e.op in ("and", "or"):
            joined = f" {e.op} ".join(self.truth(x) for x in e.args)
            return f"({joined})" if joined else f"(1 == {1 if e.op == 'and' else 0})"
        if e.op == "not":
            return f"(not {self.truth(e.args[0])})"
        if e.op == "implies":
            return f"((not {self.truth(e.args[0])}) or {self.truth(e.args[1])})"
        if e.op == "xor":
            count = " + ".join(f"if({self.truth(x)}, 1, 0)" for x in e.args) or "0"
            return f"(({count}) - 2*floor(({count})/2) == 1)"
        return f"({self.value(e)} != 0)"


def _truncated(ratio: str) -> str:
    return f"if({ratio} < 0, ceil({ratio}), floor({ratio}))"


def _replace(expr: Expr, old: Expr, new: Expr) -> Expr:
    if expr == old:
        return new
    if expr.op in ("number", "name", "time", "rate"):
        return expr
    return Expr(expr.op, tuple(_replace(a, old, new) for a in expr.args))
