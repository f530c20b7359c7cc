"""Streams: the same numbers as the whole population at once; goes on after a cut; refuses damaged chunks."""

import numpy as np
import pytest

from euthymia.engine import ChunkStore, Fragment, OdeSystem, Parameter, State, solve, stream
from euthymia.errors import StoreError

TIMES = [0.0, 2.0, 5.0]
SYSTEM = OdeSystem.join("decay", Fragment({"A": State("-k*A", 1.0)}, {"k": Parameter(0.1)}), units=False)
RATES = np.exp(np.random.default_rng(5).standard_normal(700))


def draw(first: int, last: int):
    return {"k": RATES[first:last]}, None


def test_stream_equals_the_whole():
    whole = solve(SYSTEM, 700, {"k": RATES}, None, TIMES, ["A"]).values
    out = stream(SYSTEM, 700, draw, TIMES, ["A"], chunk=128, sample=700)
    np.testing.assert_allclose(out.mean, whole.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(out.deviation, whole.std(axis=0, ddof=1), rtol=1e-12, atol=1e-15)
    assert (out.quantile([0.1, 0.5]) == np.quantile(whole, [0.1, 0.5], axis=0)).all()
    again = stream(SYSTEM, 700, draw, TIMES, ["A"], chunk=128, sample=700, threads=2)
    assert (again.mean == out.mean).all() and (again.sample == out.sample).all()


def test_resume_and_damage(tmp_path):
    store = ChunkStore(tmp_path / "run")
    calls = []

    def counted(first, last):
        calls.append(first)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return draw(first, last)

    with pytest.raises(KeyboardInterrupt):
        stream(SYSTEM, 700, counted, TIMES, ["A"], chunk=128, store=store, key=5)
    resumed = stream(SYSTEM, 700, counted, TIMES, ["A"], chunk=128, store=store, key=5)
    assert calls == [0, 128, 256, 384, 384, 512, 640]
    plain = stream(SYSTEM, 700, draw, TIMES, ["A"], chunk=128)
    assert (plain.mean == resumed.mean).all() and (plain.deviation == resumed.deviation).all()
    chunk = sorted((tmp_path / "run").glob("*.chunk"))[0]
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.raises(StoreError, match="cut off or damaged"):
        stream(SYSTEM, 700, draw, TIMES, ["A"], chunk=128, store=store, key=5)


def test_failures_are_counted():
    system = OdeSystem.join(
        "burst", Fragment({"x": State("k*x*x", 1.0)}, {"k": Parameter(-1.0)}), units=False
    )
    k = np.where(np.arange(50) == 17, 1.0, -1.0)
    out = stream(system, 50, lambda a, b: ({"k": k[a:b]}, None), TIMES, ["x"], chunk=16, max_steps=5000)
    assert out.failed == 1 and out.failures[0][0] == 17 and "stopped at" in out.failures[0][1]
    assert out.mean[2, 0] == pytest.approx(1 / 6, rel=1e-4)
