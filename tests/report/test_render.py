"""The report in a real browser: every figure is drawn, and nothing leaves the machine.

A proxy that only counts stands between the browser and any network; a page that does load something shows that
the count works.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine: the page is not rendered"
)
QUIET = ("--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run", "--no-default-browser-check", "--disable-default-apps",
         "--disable-features=OptimizationHints,MediaRouter", "--proxy-bypass-list=<-loopback>",
         "--virtual-time-budget=10000")  # fmt: skip
HOST = re.compile(rb"example\.invalid")
# What the browser asks for itself, with an empty page too: clock, updates, sign-in.
OWN = re.compile(rb"^[A-Z]+ (http://)?(clients2\.google|update\.googleapis|accounts\.google)\.com[:/]")


@contextmanager
def counting_proxy() -> Iterator[tuple[int, list[bytes]]]:
    """A proxy that answers nothing and keeps the first bytes of every request."""
    asked: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                link, _ = server.accept()
            except TimeoutError:
                continue
            with link:
                link.settimeout(1)
                try:
                    asked.append(link.recv(2048))
                except OSError:
                    asked.append(b"(nothing sent)")

    worker = threading.Thread(target=serve)
    worker.start()
    try:
        yield server.getsockname()[1], asked
    finally:
        stop.set()
        worker.join()
        server.close()


def browse(page: Path, home: Path, *options: str) -> tuple[str, list[bytes]]:
    """Open a page; returns the document after its scripts ran, and every request the page sent out."""
    assert CHROMIUM
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with counting_proxy() as (port, asked):
        command = [CHROMIUM, *QUIET, *root, f"--proxy-server=http://127.0.0.1:{port}", f"--user-data-dir={home}",
                   *options, "--dump-dom", page.as_uri()]  # fmt: skip
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    return done.stdout.decode("utf-8", "replace"), [request for request in asked if not OWN.match(request)]


@pytest.fixture(scope="module")
def opened(report: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[bytes]]:
    return browse(report, tmp_path_factory.mktemp("browser"))


def test_every_figure_is_drawn(opened: tuple[str, list[bytes]]) -> None:
    document, _ = opened
    wanted = document.count("data-figure=")
    assert wanted == 11
    assert f'data-drawn="{wanted}"' in document  # set after the last figure: no script failed before
    assert document.count('class="main-svg"') >= wanted
    assert document.count('class="fills"') > 0 and document.count('class="errorbar"') > 0


def test_tables_become_sortable(opened: tuple[str, list[bytes]]) -> None:
    assert opened[0].count('<button type="button">') == 7  # one a column of the parameter table


def test_nothing_leaves_the_browser(opened: tuple[str, list[bytes]]) -> None:
    assert opened[1] == []


def test_the_proxy_does_see_a_page_that_loads_something(tmp_path: Path) -> None:
    page = tmp_path / "leaky.html"
    page.write_text('<!doctype html><img src="http://example.invalid/a.png">', encoding="utf-8")
    _, asked = browse(page, tmp_path / "home")
    assert any(HOST.search(request) for request in asked)


def test_the_policy_in_the_page_stops_an_image_from_outside(report: Path, tmp_path: Path) -> None:
    text = report.read_text(encoding="utf-8")
    leaky = tmp_path / "leaky.html"
    leaky.write_text(
        text.replace("<main>", '<main><img src="http://example.invalid/a.png">', 1), encoding="utf-8"
    )
    _, asked = browse(leaky, tmp_path / "home")
    assert not any(HOST.search(request) for request in asked)
