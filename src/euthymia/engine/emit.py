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

from euthymia.engine.expression import LEAVES, Graph
from euthymia.engine.lanemath import declarations, functions
from euthymia.engine.linear import Factorisation
from euthymia.engine.tape import Tape, cut, live_operations, piece_text, values


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

    def back_substitute(
        self, tape: Tape, backward: Sequence[tuple], b: dict[int, int], lu: dict[int, int]
    ) -> None:
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
        live = live_operations(tape)
        pieces = cut(tape, live)
        home = [0] * len(tape.ops)
        for number, piece in enumerate(pieces):
            for v in piece:
                home[v] = number
        shared: dict[int, int] = {}
        for number, piece in enumerate(pieces):
            for v in piece:
                for a in values(tape.ops[v]):
                    if home[a] != number and tape.ops[a][0] not in ("load", "const"):
                        shared.setdefault(a, len(shared))
        self.scratch = max(self.scratch, len(shared) + 1)
        arguments = list(arrays) if "w" in arrays else [*arrays, "w"]
        heads = ", ".join(f"ptr noalias nocapture %{a}" for a in arguments) + (
            ", i64 %lane" if stride else ""
        )
        texts = []
        for number, piece in enumerate(pieces):
            body = piece_text(tape, piece, home, number, shared, width, stride)
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


def _halves(plan: Factorisation) -> tuple[dict[int, list[tuple[int, int]]], list[tuple]]:
    """The solution's two parts: {row: [(slot, column), ...]} of the lower factor, and the operations of the upper."""
    turn = next(place for place, op in enumerate(plan.solve) if op[0] == "times")
    forward: dict[int, list[tuple[int, int]]] = {}
    for _, row, slot, column in plan.solve[:turn]:
        forward.setdefault(row, []).append((slot, column))
    return forward, list(plan.solve[turn:])


def module(parts: Sequence[str], width: int) -> str:
    """One IR module with the elementary functions it needs."""
    body = "\n".join(parts)
    heads = [declarations(width), *([declarations(1)] if width > 1 else [])]
    math_parts = [functions(width, inline=True), *([functions(1, inline=True)] if width > 1 else [])]
    libc = [f"declare double @{f}(double)" for f in ("asin", "acos", "atan", "tgamma") if f"@{f}(" in body]
    return "\n".join([*heads, *libc, *math_parts, body])
