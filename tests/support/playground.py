"""A client of the playground, as its page is one, and short ways to ask a tab."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.playground.network.tab import NetworkTab
from steepest.playground.protocol import Answer, Request, Tab, perform


@dataclass
class Client:
    """A socket, and what its server answers."""

    socket: Any
    number: int = 0

    def send(self, text: str | bytes) -> dict[str, Any]:
        """A message as it is, and the header of its answer, with arrays by name under "arrays"."""
        self.socket.send(text)
        return decoded(self.socket.recv(timeout=20))

    def ask(self, tab: str, action: str, **given: object) -> dict[str, Any]:
        """What a well formed request is answered."""
        self.number += 1
        message = {"version": 1, "id": self.number, "tab": tab, "do": action, "with": given}
        answer = self.send(json.dumps(message))
        assert answer["id"] == self.number
        return answer


def decoded(message: bytes) -> dict[str, Any]:
    """An answer, read as docs/playground.md has it."""
    (length,) = struct.unpack_from("<I", message)
    header: dict[str, Any] = json.loads(message[4 : 4 + length])
    arrays = {}
    for name, (kind, shape, offset) in header.get("arrays", {}).items():
        assert (4 + length + offset) % 8 == 0
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(message, "<" + kind, count, 4 + length + offset).reshape(shape)
    return header | {"arrays": arrays}


@contextmanager
def running() -> Iterator[Any]:
    """A server on a free port, in a thread, which has ended afterwards."""
    from steepest.playground.server import Playground

    server = Playground()
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join(5)
    assert not thread.is_alive()


@contextmanager
def connected(server: Any) -> Iterator[Client]:
    """A client that may speak to the server."""
    from websockets.sync.client import connect

    token = server.address.partition("token=")[2]
    address = f"ws://127.0.0.1:{server.port}/socket?token={token}"
    with connect(address, origin=f"http://127.0.0.1:{server.port}", compression=None) as socket:
        yield Client(socket)


def asker(tab: Tab) -> Callable[..., Answer]:
    """Ask a tab without a server, as in ``ask("fit", degree=3)``; a `MessageError` for a page's error."""

    def ask(action: str, **given: object) -> Answer:
        return perform(tab, Request("tab", action, given))

    return ask


USUAL = NetworkTab().choices()["settings"]


def configured(**changes: object) -> Callable[..., Answer]:
    """Ask a network tab with these settings."""
    ask = asker(NetworkTab())
    ask("configure", **{**USUAL, **changes})
    return ask


def printed(program: str) -> list[float]:
    """The losses that an exported program prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(program, {})
    return [float(line.split()[-1]) for line in out.getvalue().splitlines()]
