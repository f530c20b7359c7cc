"""Progress of a run: a bar with patients per second on a terminal, a plain line every 10 s elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

EVERY = 10.0  # seconds between plain lines
STAGES = {"recruit": "recruiting", "simulate": "simulating", "analyse": "analysing"}


class Progress:
    """Call it with (stage, done, total); use it as a context manager."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.fancy = sys.stderr.isatty() and not quiet
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._begun: dict[str, float] = {}
        self._said = time.monotonic()

    def __enter__(self) -> Progress:
        if self.fancy:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description:<12}"),
                BarColumn(),
                TextColumn("{task.completed:.0f}/{task.total:.0f}"),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        begun = self._begun.setdefault(stage, now)
        rate = f"{done / (now - begun):.0f} patients/s" if now - begun > 0.5 else ""
        if self._bar:
            if stage not in self._tasks:
                self._tasks[stage] = self._bar.add_task(STAGES.get(stage, stage), total=total, rate="")
            self._bar.update(self._tasks[stage], completed=done, total=total, rate=rate)
        elif not self.quiet and now - self._said >= EVERY:
            self._said = now
            left = (now - begun) * (total - done) / done if done else 0.0
            told = [f"{done} of {total}", rate, f"about {left:.0f} s left" if rate else ""]
            print(f"{STAGES.get(stage, stage)}: {', '.join(filter(None, told))}", file=sys.stderr)
