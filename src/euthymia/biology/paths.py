"""Walk the signed, graded edges of a network: neighbours, paths, and the weakest evidence on a path.

>>> from euthymia.biology import build_network
>>> route = shortest_path(build_network("core"), "SLC6A4.occupancy", "symptoms.madrs")
>>> [step.target for step in route][-1]
'symptoms.madrs'
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from euthymia.biology.expressions import names
from euthymia.biology.module import Edge
from euthymia.biology.network import Network
from euthymia.errors import InputError, Problem, nearest


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: an edge, or a definition (an expression that reads the source)."""

    source: str
    target: str
    edge: Edge | None = None

    @property
    def grade(self) -> str:
        return self.edge.grade if self.edge else "-"

    @property
    def sign(self) -> str:
        return self.edge.sign if self.edge else "="


def steps(network: Network) -> list[Step]:
    """Every edge that is on, then every definition that no edge describes."""
    found = [Step(e.source, e.target, e) for e in network.edges if e.strength not in network.switched_off]
    drawn = {(s.source, s.target) for s in found}
    off = {(e.source, e.target) for e in network.edges if e.strength in network.switched_off}
    for module in network.modules:
        texts = {k: s.rate for k, s in module.states.items()} | {
            k: a.expression for k, a in module.assignments.items()
        }
        for target, text in texts.items():
            for source in sorted(names(text) - set(module.parameters) - {"t", target}):
                if (source, target) not in drawn | off and not source.startswith("network."):
                    found.append(Step(source, target))
    return found


def resolve(network: Network, text: str) -> str:
    """A node from its id, its last part, a gene or a word such as 'sert' or 'madrs'.

    Raises
    ------
    InputError
        Nothing fits; the nearest name is offered.
    """
    nodes = {n for s in steps(network) for n in (s.source, s.target)}
    if text in nodes:
        return text
    alias = {
        "sert": "SLC6A4.occupancy",
        "net": "SLC6A2.occupancy",
        "dat": "SLC6A3.occupancy",
        "nmda": "GRIN1.block",
    }
    low = alias.get(text.lower(), text.lower())
    dynamic = {n for m in network.modules for n in (*m.states, *m.assignments)}
    fits = sorted(
        (n not in dynamic, len(n), n) for n in nodes if low.lower() in (n.lower(), n.lower().split(".")[-1])
    )
    fits = fits or sorted((n not in dynamic, len(n), n) for n in nodes if low.lower() in n.lower())
    if not fits:
        hint = nearest(text, [*nodes, *(n.split(".")[-1] for n in nodes)])
        raise InputError([Problem(f"'{text}' is no node of the network{hint}")])
    return fits[0][2]


def around(network: Network, node: str) -> list[Step]:
    """Steps that enter or leave a node."""
    return [s for s in steps(network) if node in (s.source, s.target)]


def shortest_path(network: Network, source: str, target: str) -> list[Step]:
    """The path with the fewest steps; empty where none exists."""
    leaving: dict[str, list[Step]] = {}
    for step in steps(network):
        leaving.setdefault(step.source, []).append(step)
    came: dict[str, Step | None] = {source: None}
    queue = deque([source])
    while queue and target not in came:
        node = queue.popleft()
        for step in leaving.get(node, ()):
            if step.target not in came:
                came[step.target] = step
                queue.append(step.target)
    route: list[Step] = []
    node = target
    while (last := came.get(node)) is not None:
        route.append(last)
        node = last.source
    return route[::-1]


def weakest(route: list[Step]) -> Step | None:
    """The edge of a path with the weakest evidence."""
    graded = [s for s in route if s.edge]
    return max(graded, key=lambda s: s.grade) if graded else None
