"""A running server, a client of it, and a browser with its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import quote

import pytest

pytest.importorskip("websockets", reason="pip install 'steepest[playground]'")

from support.browser import CHROMIUM, DRIVER, Page, chromium
from support.playground import Client, connected, running

from steepest.playground.server import Playground


@pytest.fixture
def served() -> Iterator[Playground]:
    """A server for one test."""
    with running() as server:
        yield server


@pytest.fixture
def connect(served: Playground) -> Iterator[Callable[[], Client]]:
    """Makes clients, which are closed afterwards."""
    with ExitStack() as clients:
        yield lambda: clients.enter_context(connected(served))


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """The folder into which the browser saves files."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def driver(downloads):
    """Chromium; without it the test is skipped."""
    pytest.importorskip("selenium", reason="pip install selenium")
    if not (CHROMIUM and DRIVER):
        pytest.skip("needs Chromium and its driver: apt install chromium chromium-driver")
    with chromium(downloads) as driver:
        yield driver


@pytest.fixture(scope="module")
def server():
    """A server for many tests."""
    with running() as server:
        yield server


@pytest.fixture
def opened(driver, server):
    """Open a tab; at the end of the test its console must be empty."""
    pages = []

    def open_(tab, state=None):
        text = "" if state is None else "=" + quote(json.dumps(state))
        pages.append(Page(driver, server.address, tab, text))
        return pages[-1]

    yield open_
    assert not pages[-1].errors()
