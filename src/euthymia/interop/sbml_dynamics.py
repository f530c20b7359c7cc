"""What an SBML model means: which symbols are states, which are computed, and how fast the states change.

Species are kept as amounts (`n:S`), so that a changing compartment dilutes them; their symbol is a
concentration unless the file says otherwise.  The one exception is a species with a rate rule on its
concentration in a compartment whose size is itself computed: there the concentration is the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from euthymia.errors import InputError, Problem, nearest
from euthymia.interop.sbml_math import Expr, Unsupported, divide, name, names_in, number, plus, times, walk
from euthymia.interop.sbml_model import SbmlModel
from euthymia.interop.sbml_past import Past, named_pasts

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Dynamics:
    """The model as a system of equations.

    Parameters
    ----------
    states : mapping
        Symbol to its rate of change.
    held : tuple of str
        Symbols that only events change.
    unknowns : tuple of str
        Symbols that the algebraic rules determine; as many as `algebraic`.
    computed : mapping
        Symbol to its expression at any time: rules, reaction rates, concentrations, `rate:` symbols.
    initial : mapping
        State, held or unknown symbol to the expression of its first value.
    pasts : tuple of Past
        Delayed values, under names that the expressions read.
    """

    model: SbmlModel
    states: Mapping[str, Expr]
    held: tuple[str, ...]
    unknowns: tuple[str, ...]
    computed: Mapping[str, Expr]
    initial: Mapping[str, Expr]
    pasts: tuple[Past, ...] = ()

    def base(self, ident: str) -> str:
        """The stored symbol behind a species or any other id."""
        if ident in self.model.species and f"n:{ident}" in self.initial:
            return f"n:{ident}"
        return ident


def dynamics(model: SbmlModel) -> Dynamics:
    """Work out the equations of a model.

    Raises
    ------
    InputError
        Undefined or doubly determined symbols, cycles, more algebraic rules than unknowns.
    """
    return _Builder(model).build()


class _Builder:
    def __init__(self, model: SbmlModel):
        self.m, self.pasts = named_pasts(model)
        self.states: dict[str, Expr] = {}
        self.computed: dict[str, Expr] = {}
        self.initial: dict[str, Expr] = {}
        self.symbols = {
            *model.compartments,
            *model.species,
            *model.parameters,
            *model.references,
            *model.reactions,
            *(p.symbol for p in self.pasts),
        }

    def build(self) -> Dynamics:
        self._check()
        self.unknowns = self._match()
        for rule, expr in self.m.assignment.items():
            self.computed[rule] = expr
        for c in self.m.compartments.values():
            missing = 1.0 if c.dimensions == 0 else NAN
            self._plain(c.id, c.size if c.size is not None else missing)
        for p in self.m.parameters.values():
            self._plain(p.id, p.value)
        for x in self.m.references.values():
            self._plain(x.id, x.stoichiometry)
        for r in self.m.reactions.values():
            self.computed[r.id] = r.rate if r.rate is not None else number(0)
        for s in self.m.species:
            self._species(s)
        self._rates_of()
        held = tuple(n for n in self.initial if n not in self.states and n not in self.unknowns)
        return Dynamics(self.m, self.states, held, self.unknowns, self.computed, self.initial, self.pasts)

    # ------------------------------------------------------------------ checks
    def _check(self) -> None:
        m, problems = self.m, []
        uses = [("rule", k, e) for k, e in (*m.assignment.items(), *m.rate.items())]
        uses += [("initialAssignment", k, e) for k, e in m.initial.items()]
        uses += [("kineticLaw of reaction", r.id, r.rate) for r in m.reactions.values() if r.rate is not None]
        uses += [("algebraicRule", str(i + 1), e) for i, e in enumerate(m.algebraic)]
        uses += [("delay", p.symbol, e) for p in self.pasts for e in (p.value, p.wait)]
        for event in m.events:
            parts = [event.trigger, event.delay, event.priority, *(e for _, e in event.assignments)]
            uses += [("event", event.id, e) for e in parts if e is not None]
        for element, ident, expr in uses:
            for used in sorted(n.removeprefix("rate:") for n in names_in(expr)):
                if used not in self.symbols:
                    text = f"'{used}' is not defined" + nearest(used, self.symbols)
                    problems.append(Problem(text, file=m.file, key=f"{element} '{ident}'"))
        targets = [("rule", k) for k in (*m.assignment, *m.rate)] + [
            ("initialAssignment", k) for k in m.initial
        ]
        targets += [(f"event '{e.id}'", k) for e in m.events for k, _ in e.assignments]
        targets += [
            (f"reaction '{r.id}'", x.species) for r in m.reactions.values() for x in r.reactants + r.products
        ]
        for element, ident in targets:
            if ident not in self.symbols or (ident in m.reactions and not element.startswith("reaction")):
                text = f"'{ident}' is not a symbol that can be set" + nearest(ident, self.symbols)
                problems.append(Problem(text, file=m.file, key=element))
        for s in m.species.values():
            if s.compartment not in m.compartments:
                text = f"compartment '{s.compartment}' is not defined" + nearest(
                    s.compartment, m.compartments
                )
                problems.append(Problem(text, file=m.file, key=f"species '{s.id}'"))
        for both in sorted(set(m.assignment) & set(m.rate)):
            problems.append(Problem("has an assignment rule and a rate rule", file=m.file, key=both))
        if problems:
            raise InputError(problems)

    # ------------------------------------------------------------------ algebraic rules
    def _match(self) -> tuple[str, ...]:
        """One unknown for each algebraic rule (a maximum matching)."""
        m = self.m
        if not m.algebraic:
            return ()
        moved = {x.species for r in m.reactions.values() for x in r.reactants + r.products}
        things: dict[str, Any] = {**m.compartments, **m.species, **m.parameters, **m.references}
        free = {
            k
            for k, thing in things.items()
            if not thing.constant and k not in m.assignment and k not in m.rate
            if not (k in m.species and k in moved and not m.species[k].boundary)
        }
        reach = [self._reads(e) & free for e in m.algebraic]
        direct = [names_in(e) for e in m.algebraic]
        owner: dict[str, int] = {}

        def given(ident: str) -> tuple[bool, bool]:
            """What an open rule determines is rather what has no value than what has one, and no compartment."""
            thing = things[ident]
            values = [getattr(thing, k, None) for k in ("value", "amount", "concentration", "size")]
            return ident in m.compartments, any(v is not None for v in values) or ident in m.initial

        def place(rule: int, seen: set[str]) -> bool:
            for ident in sorted(reach[rule] - seen, key=lambda k: (k not in direct[rule], given(k), k)):
                seen.add(ident)
                if ident not in owner or place(owner[ident], seen):
                    owner[ident] = rule
                    return True
            return False

        for i in range(len(m.algebraic)):
            if not place(i, set()):
                raise Unsupported(
                    "an algebraic rule that determines no variable", "algebraicRule", str(i + 1), m.file
                )
        return tuple(sorted(owner, key=owner.__getitem__))

    def _reads(self, expr: Expr) -> set[str]:
        seen: set[str] = set()
        todo = [*names_in(expr)]
        while todo:
            ident = todo.pop().removeprefix("rate:")
            if ident in seen:
                continue
            seen.add(ident)
            if ident in self.m.assignment:
                todo += names_in(self.m.assignment[ident])
            elif ident in self.m.reactions and self.m.reactions[ident].rate is not None:
                todo += names_in(self.m.reactions[ident].rate or number(0))
            elif ident in self.m.species:
                todo.append(self.m.species[ident].compartment)
        return seen

    # ------------------------------------------------------------------ symbols
    def _plain(self, ident: str, value: float | None) -> None:
        if ident in self.m.assignment:
            return
        self.initial[ident] = self.m.initial.get(ident, number(NAN if value is None else value))
        if ident in self.m.rate:
            self.states[ident] = self.m.rate[ident]

    def _varies(self, compartment: str) -> bool:
        return compartment in self.m.rate

    def _species(self, ident: str) -> None:
        m, s = self.m, self.m.species[ident]
        size, symbol, amount = name(s.compartment), name(ident), f"n:{ident}"
        only = s.substance_only
        determined = ident in m.assignment or ident in self.unknowns
        sized = s.compartment in m.assignment or s.compartment in self.unknowns
        if determined or (ident in m.rate and not only and sized):
            self.computed[amount] = symbol if only else times(symbol, size)
            if ident in m.assignment:
                return
            self.initial[ident] = m.initial.get(ident, self._first(ident, not only))
            if ident in m.rate:
                self.states[ident] = m.rate[ident]
            return
        self.computed[ident] = name(amount) if only else divide(name(amount), size)
        given = m.initial.get(ident)
        if given is not None:
            self.initial[amount] = given if only else times(given, size)
        else:
            self.initial[amount] = self._first(ident, False)
        if ident in m.rate:
            rate = m.rate[ident]
            if not only:
                rate = times(rate, size)
                if self._varies(s.compartment):
                    rate = plus(rate, times(symbol, Expr("rate", (s.compartment,))))
            self.states[amount] = rate
        elif not s.boundary and not s.constant:
            change = self._change(ident)
            if change is not None:
                self.states[amount] = change

    def _first(self, ident: str, concentration: bool) -> Expr:
        s = self.m.species[ident]
        size = name(s.compartment)
        if s.amount is not None:
            return divide(number(s.amount), size) if concentration else number(s.amount)
        if s.concentration is not None:
            return number(s.concentration) if concentration else times(number(s.concentration), size)
        return number(NAN)

    def _change(self, ident: str) -> Expr | None:
        terms = []
        for r in self.m.reactions.values():
            if r.rate is None:
                continue
            for sign, side in ((-1.0, r.reactants), (1.0, r.products)):
                for x in side:
                    if x.species == ident:
                        terms.append(
                            times(name(x.id), name(r.id))
                            if sign > 0
                            else Expr("minus", (times(name(x.id), name(r.id)),))
                        )
        factor = self.m.species[ident].conversion or self.m.conversion
        if not terms:
            return None
        return times(name(factor), plus(*terms)) if factor else plus(*terms)

    # ------------------------------------------------------------------ rateOf
    def _rates_of(self) -> None:
        """Definitions of every `rate:` symbol that some expression reads."""
        m = self.m
        exprs = [*self.states.values(), *self.computed.values(), *self.initial.values(), *m.algebraic]
        exprs += [e for p in self.pasts for e in (p.value, p.wait)]
        for event in m.events:
            exprs += [event.trigger, *(e for _, e in event.assignments)]
            exprs += [e for e in (event.delay, event.priority) if e is not None]
        todo = [n.args[0] for e in exprs for n in walk(e) if n.op == "rate"]
        while todo:
            ident = todo.pop()
            if f"rate:{ident}" in self.computed:
                continue
            expr = self._rate_of(ident)
            self.computed[f"rate:{ident}"] = expr
            todo += [n.args[0] for n in walk(expr) if n.op == "rate"]

    def _rate_of(self, ident: str) -> Expr:
        if ident in self.computed and ident not in self.m.species or ident in self.m.assignment:
            raise Unsupported(
                "rateOf of a symbol that a rule or reaction computes", "symbol", ident, self.m.file
            )
        if ident in self.unknowns:
            raise Unsupported(
                "rateOf of a symbol that an algebraic rule determines", "symbol", ident, self.m.file
            )
        if ident in self.initial:
            return self.states.get(ident, number(0))
        s = self.m.species[ident]
        change = self.states.get(f"n:{ident}", number(0))
        if s.substance_only:
            return change
        if s.compartment in self.m.assignment or s.compartment in self.unknowns:
            raise Unsupported("rateOf in a compartment whose size is computed", "species", ident, self.m.file)
        size = name(s.compartment)
        if self._varies(s.compartment):
            change = plus(change, Expr("minus", (times(name(ident), Expr("rate", (s.compartment,))),)))
        return divide(change, size)
