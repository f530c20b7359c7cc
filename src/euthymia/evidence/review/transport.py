"""Asking a source over the network: pauses, repeats, and errors that name what came back.

In: an address.  Out: bytes.  Throttling (429) and server faults (5xx) are repeated after a pause that grows and that
heeds `Retry-After`; anything else is an error at once.  The opener and the clock can be replaced, for tests.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from euthymia import __version__
from euthymia.errors import EuthymiaError

AGENT = f"euthymia/{__version__} (literature review)"


class SourceError(EuthymiaError):
    """A source did not answer, or answered with something else than records; the search can be resumed."""


@dataclass(slots=True)
class Transport:
    """One polite connection to a source.

    Parameters
    ----------
    pause : float
        Least time between two requests, s.
    tries : int
        How often a request is made before it fails.
    open : callable
        `urllib.request.urlopen` or a stand-in with `.read()` and `.headers`.
    sleep, clock : callable
        `time.sleep` and `time.monotonic`, or stand-ins.
    """

    pause: float = 0.34
    tries: int = 5
    open: Callable[..., Any] = urllib.request.urlopen
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    last: float = field(default=-1e9)

    def get(self, address: str, hide: str = "") -> bytes:
        """Body of the answer.

        Parameters
        ----------
        address : str
        hide : str
            A key to keep out of error messages.

        Raises
        ------
        SourceError
            After `tries` faults, or at once for an error that repeating cannot mend.
        """
        shown = address.replace(hide, "...") if hide else address
        why = ""
        for attempt in range(self.tries):
            wait = self.last + self.pause - self.clock()
            if wait > 0:
                self.sleep(wait)
            self.last = self.clock()
            try:
                request = urllib.request.Request(address, headers={"User-Agent": AGENT})
                with self.open(request, timeout=60) as answer:
                    return bytes(answer.read())
            except urllib.error.HTTPError as error:
                why = f"HTTP {error.code} {error.reason}"
                if error.code != 429 and error.code < 500:
                    raise SourceError(
                        f"{shown}: {why}; repeating will not help: check the query and the key"
                    ) from None
                after = error.headers.get("Retry-After", "") if error.headers else ""
                delay = float(after) if str(after).isdigit() else 2.0**attempt
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                why = str(getattr(error, "reason", error))
                delay = 2.0**attempt
            if attempt + 1 < self.tries:
                self.sleep(min(delay, 60.0))
        raise SourceError(
            f"{shown}: no answer after {self.tries} tries ({why}); "
            "what was fetched is kept, run the search again to resume"
        )
