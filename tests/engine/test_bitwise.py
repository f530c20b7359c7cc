"""The same bits however a population is cut and wherever it runs.

One system with doses, infusions, powers, a clock, and state-triggered events at each patient's own times; batches of
1, 7 and 1000, any order, 1 and 2 threads, 1 and 2 Dask workers, a worker killed in mid-run, and a process killed in
mid-run whose successor goes on from disk.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from euthymia.engine import (
    ChunkStore,
    Dose,
    Events,
    Fragment,
    OdeSystem,
    Parameter,
    State,
    Summary,
    Trigger,
    alone,
    solve,
    stream,
)

N = 1000
TIMES = np.linspace(0, 96, 13)
OUTPUTS = ["C", "M", "O*M + n"]
SYSTEM = OdeSystem.join(
    "everything",
    Fragment(
        states={
            "A": State("-ka*A"),
            "C": State("ka*A/10 - vm*C/(km + C) + 0.01*(1 + 0.3*cos(0.26*t))"),
            "O": State("400*C*(1 - O) - 100*O"),
            "M": State("0.05*(hill(O, 0.4, g) - M) + exp(-C)*0.01*log(1 + C)"),
            "n": State("0"),
        },
        parameters={k: Parameter(v) for k, v in {"ka": 0.9, "vm": 0.8, "km": 0.5, "g": 2.3}.items()},
        triggers={
            "rescue": Trigger(
                "M < 0.2 and t > 10", {"A": "A + 2", "n": "n + 1"}, delay="1.5*ka", at_trigger=False
            ),
            "high": Trigger("C > 0.6", {"n": "n + 0.1"}, persistent=False),
        },
    ),
    units=False,
)
REGIMENS = [
    [Dose(12.0 * k, "A", 5.0) for k in range(4)],
    [Dose(3.0 + 24 * k, "C", 6.0, "infusion", 2.0) for k in range(3)] + [Dose(30.0, "A", 3.0)],
]


def draw(first: int, last: int) -> tuple[dict, Events]:
    """Patients first..last-1 of the population; every number belongs to the patient's index."""
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((N, 3))[first:last]
    regimen = rng.integers(0, 2, N)[first:last]
    taken = (rng.uniform(size=(N, 4)) < 0.8)[first:last].astype(float)
    values = {
        k: v * np.exp(0.4 * noise[:, j]) for j, (k, v) in enumerate({"ka": 0.9, "vm": 0.8, "g": 2.3}.items())
    }
    return values, Events(REGIMENS, regimen, taken)


def pick(index: np.ndarray) -> tuple[dict, Events]:
    values, events = draw(0, N)
    return {k: v[index] for k, v in values.items()}, Events(
        REGIMENS, events.regimen_of[index], events.taken[index]
    )


def run(index: np.ndarray, threads: int = 1) -> np.ndarray:
    out = solve(SYSTEM, len(index), *pick(index), TIMES, OUTPUTS, threads=threads)
    assert out.ok.all(), out.summary()
    return out.values


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return run(np.arange(N))


def test_events_differ_between_patients(whole: np.ndarray) -> None:
    """Otherwise equality would say little."""
    assert len(np.unique(whole[:, -1, 2].round(6))) > 500 and whole[:, -1, 2].std() > 0.1


@pytest.mark.parametrize("size", [1, 7])
def test_batches(whole: np.ndarray, size: int) -> None:
    for first in range(0, 70 if size > 1 else 12, size):
        index = np.arange(first, first + size)
        assert (run(index) == whole[index]).all()


def test_order(whole: np.ndarray) -> None:
    shuffled = np.random.default_rng(1).permutation(N)
    assert (run(shuffled) == whole[shuffled]).all()


def test_threads(whole: np.ndarray) -> None:
    assert (run(np.arange(N), threads=2) == whole).all()


def test_alone(whole: np.ndarray) -> None:
    """What a message about a patient says: the call that replays it gives its numbers."""
    for i in (0, 17, N - 1):
        again = solve(SYSTEM, 1, *alone(*draw(0, N), i), TIMES, OUTPUTS)
        assert (again.values[0] == whole[i]).all()


def same(a: Summary, b: Summary) -> bool:
    return all((getattr(a, k) == getattr(b, k)).all() for k in ("mean", "deviation", "sample"))


@pytest.fixture(scope="module")
def streamed() -> Summary:
    return stream(SYSTEM, N, draw, TIMES, OUTPUTS, chunk=100, sample=300)


def test_dask_workers_and_their_death(streamed: Summary, tmp_path: Path) -> None:
    """One worker, two, and two of which one is killed in mid-run: its chunks are made again by the other."""
    distributed = pytest.importorskip("distributed")
    marks = str(tmp_path)

    def deadly(first: int, last: int) -> tuple[dict, Events]:
        mark = Path(marks) / f"{first}"
        if first == 500 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return draw(first, last)

    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        one = stream(SYSTEM, N, draw, TIMES, OUTPUTS, chunk=100, sample=300, cluster=client)
        cluster.scale(2)
        client.wait_for_workers(2, timeout=120)
        two = stream(SYSTEM, N, draw, TIMES, OUTPUTS, chunk=100, sample=300, cluster=client)
        found = stream(SYSTEM, N, deadly, TIMES, OUTPUTS, chunk=100, sample=300, cluster=client)
    assert same(one, streamed) and same(two, streamed) and same(found, streamed)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["500"]


SCRIPT = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("module", sys.argv[1])
m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)
def slow(first, last):
    time.sleep(0.2)
    return m.draw(first, last)
m.stream(m.SYSTEM, m.N, slow, m.TIMES, m.OUTPUTS, chunk=100, sample=300, store=m.ChunkStore(sys.argv[2]), key="v1")
"""


def test_resume_after_a_kill(streamed: Summary, tmp_path: Path) -> None:
    """A process is killed once three chunks lie on disk; its successor makes the others only."""
    folder = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, __file__, str(folder)])
    until = time.monotonic() + 120
    while time.monotonic() < until and len(list(folder.glob("*.chunk"))) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    there = len(list(folder.glob("*.chunk")))
    assert 3 <= there < 10
    calls = []

    def counted(first: int, last: int) -> tuple[dict, Events]:
        calls.append(first)
        return draw(first, last)

    store = ChunkStore(folder)
    found = stream(SYSTEM, N, counted, TIMES, OUTPUTS, chunk=100, sample=300, store=store, key="v1")
    assert same(found, streamed) and len(calls) == 10 - there
    calls.clear()
    again = stream(SYSTEM, N, counted, TIMES, OUTPUTS, chunk=100, sample=300, store=store, key="v1")
    assert same(again, streamed) and calls == []


def test_two_processes_write_one_run(streamed: Summary, tmp_path: Path) -> None:
    """Both come to the same result; no chunk is damaged, none is left half written."""
    folder = tmp_path / "run"
    both = [subprocess.Popen([sys.executable, "-c", SCRIPT, __file__, str(folder)]) for _ in range(2)]
    assert [p.wait(timeout=300) for p in both] == [0, 0]
    store = ChunkStore(folder)
    found = stream(SYSTEM, N, draw, TIMES, OUTPUTS, chunk=100, sample=300, store=store, key="v1")
    assert same(found, streamed)
    assert len(list(folder.glob("*.chunk"))) == 10 and not list(folder.glob("*.part"))
