"""Chunks on many machines: pure tasks, handed to Dask and taken back in order.

In: tasks (callables without arguments, each with a name made of its content) and a Dask cluster.  Out: their results
in the order of the tasks, a bounded number of them in flight.  A task whose worker dies is run again elsewhere; since
it is pure, the result is the same bits.  Needs the extra `cluster` (the package `distributed`).
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from euthymia.errors import InputError, Problem, SolverError

RETRIES = 5
PATIENCE = 180
TIMEOUT = "10s"
_AHEAD = 4  # tasks in flight for each worker


def in_order(tasks: Iterable[tuple[str, Callable[[], Any]]], cluster: Any = None) -> Iterator[Any]:
    """Results of named tasks, in order; here where `cluster` is None, else on its workers.

    Parameters
    ----------
    tasks : iterable of (name, function)
        The name identifies the content: tasks of one name have one result.
    cluster : distributed.Client, cluster object or str, optional
        A string is the address of a scheduler.

    Raises
    ------
    InputError
        `distributed` is not installed, or the scheduler cannot be reached.
    SolverError
        One task took down its worker again and again.

    Examples
    --------
    >>> list(in_order([("a", lambda: 1), ("b", lambda: 2)]))
    [1, 2]
    """
    if cluster is None:
        for _, task in tasks:
            yield task()
        return
    client, own = _client(cluster)
    try:
        yield from _gather(client, iter(tasks))
    finally:
        if own:
            client.close()


def _client(cluster: Any) -> tuple[Any, bool]:
    try:
        from distributed import Client
    except ImportError:
        text = "runs on a cluster need the extra 'cluster': pip install 'euthymia[cluster]'"
        raise InputError([Problem(text, key="cluster")]) from None
    if isinstance(cluster, Client):
        return cluster, False
    try:
        return Client(cluster, timeout=TIMEOUT), True
    except (OSError, ValueError) as error:
        text = f"no Dask scheduler answers at '{cluster}': {error}"
        raise InputError([Problem(text, key="cluster")]) from None


def _patiently(client: Any, future: Any) -> Any:
    """The result of a future; an error where no worker has been there for `PATIENCE` seconds."""
    seen = time.monotonic()
    while True:
        try:
            return future.result(timeout=5)
        except TimeoutError:
            if future.done():  # the task itself raised it
                raise
            if _workers(client):
                seen = time.monotonic()
            elif time.monotonic() - seen > PATIENCE:
                text = f"no Dask worker has been there for {PATIENCE} s; start workers and run again, finished chunks"
                raise SolverError(f"{text} in a store are kept") from None


def _workers(client: Any) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


def _gather(client: Any, tasks: Iterator[tuple[str, Callable[[], Any]]]) -> Iterator[Any]:
    from distributed import KilledWorker

    window = max(2, _AHEAD * _workers(client))
    waiting: deque = deque()
    try:
        while True:
            for name, task in itertools.islice(tasks, window - len(waiting)):
                future = client.submit(task, key=f"euthymia-{name}", pure=True, retries=RETRIES)
                waiting.append((name, future))
            if not waiting:
                return
            name, future = waiting.popleft()
            try:
                result = _patiently(client, future)
            except KilledWorker as error:
                text = f"the chunk {name} took down its worker again and again (memory?): {error}"
                raise SolverError(text) from None
            future.release()
            yield result
    finally:
        for _, future in waiting:
            future.cancel()
