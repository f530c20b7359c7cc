"""Every edge of every module does what it says: it moves its target in its sign, and strength 0 switches it off.

The module is evaluated alone: the source is pushed up and down at several points of its own state space, and the
rate (of a state) or the value (of an assignment) of the target is compared.  No solver is involved.
"""

import numpy as np
import pytest

from euthymia.biology import load_module as load_form
from euthymia.biology import module_names as ordinary
from euthymia.biology.variants import variants
from euthymia.engine import OdeSystem
from euthymia.engine.evaluate import function


def load_module(name):
    return load_form(*name.split(".", 1))


def module_names():
    """Every module, and every rival form as `module.form`."""
    return [*ordinary(), *(f"{m}.{v}" for m in ordinary() for v in variants(m))]


EDGES = [(m, i) for m in module_names() for i in range(len(load_module(m).edges))]


YOUNG = {"safety.age": 20 * 8766.0}  # h: one edge exists in the young only


class Bench:
    """Rates and assignments of one module as functions of its states and parameters."""

    def __init__(self, name):
        self.module = load_module(name)
        self.system = OdeSystem.join(name, self.module.alone)
        program = self.system.program
        self.rates = function(program.graph, program.rates)
        self.values = function(program.graph, [program.env[a] for a in self.system.assignments])
        first = function(program.graph, program.initials, arrays=True)
        self.p = np.array([x.value for x in self.system.parameters.values()])
        self.y = np.array([float(np.ravel(v)[0]) for v in first(0.0, [], self.p[:, None], [])])

    def target(self, edge, push, stir, strength):
        p, y = self.p.copy(), self.y.copy()
        names = list(self.system.parameters)
        for id_, value in YOUNG.items():
            if id_ in names:
                p[names.index(id_)] = value
        if stir:  # another point: all ports and states away from rest
            rng = np.random.default_rng(stir)
            ports = [names.index(k) for k in self.module.ports]
            p[ports] += rng.uniform(0.05, 0.45, len(ports))
            own = [i for i, k in enumerate(names) if k not in self.module.ports and p[i] == 0]
            p[own] = 0.5  # constants that are off by default
            y = y + rng.uniform(0.02, 0.3, len(y))
        if strength is not None:
            p[names.index(edge.strength)] = strength
        elif p[names.index(edge.strength)] == 0:
            p[names.index(edge.strength)] = 0.5  # off by default: judged when switched on
        if edge.source in names:
            p[names.index(edge.source)] += push
        elif edge.source in self.system.states:
            y[list(self.system.states).index(edge.source)] += push
        else:
            return None
        if edge.target in self.system.states:
            return self.rates(0.0, y.tolist(), p.tolist(), [])[list(self.system.states).index(edge.target)]
        return self.values(0.0, y.tolist(), p.tolist(), [])[list(self.system.assignments).index(edge.target)]

    def slopes(self, edge, strength=None):
        found = []
        for stir in range(4):
            base = self.target(edge, 0.0, stir, strength)
            for push in (0.4, -0.3):
                moved = self.target(edge, push, stir, strength)
                if moved is None or base is None:
                    return []
                found.append((moved - base) / push)
        return np.array(found)


@pytest.fixture(scope="module")
def benches():
    return {}


@pytest.mark.parametrize(
    ("name", "index"),
    EDGES,
    ids=[f"{m}:{load_module(m).edges[i].source}->{load_module(m).edges[i].target}" for m, i in EDGES],
)
def test_edge_moves_its_target_in_its_sign(name, index, benches):
    bench = benches.setdefault(name, Bench(name))
    edge = bench.module.edges[index]
    slopes = bench.slopes(edge)
    if len(slopes) == 0:  # the source is an assignment: its own edges carry the test
        assert edge.source in bench.module.assignments
        return
    signs = slopes if edge.sign == "+" else -slopes
    assert signs.max() > 1e-9, f"no effect in the declared sign: {slopes}"
    assert signs.max() > -signs.min(), f"mostly the other sign: {slopes}"


@pytest.mark.parametrize("name", module_names())
def test_a_module_rests_alone(name):
    bench = Bench(name)
    rates = np.array(bench.rates(0.0, bench.y.tolist(), bench.p.tolist(), []))
    assert np.abs(rates).max() < 0.02


def test_every_constant_and_edge_has_evidence():
    for name in module_names():
        module = load_module(name)
        for parameter in module.parameters.values():
            assert parameter.evidence and all(e.cite or e.says for e in parameter.evidence), parameter.id
        for edge in module.edges:
            assert edge.evidence and edge.grade in "ABCD"
