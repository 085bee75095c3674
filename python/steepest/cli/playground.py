"""``steepest playground``: the demos of networks and linear classifiers, in a browser."""

from __future__ import annotations

import threading
import webbrowser
from argparse import Namespace
from contextlib import suppress
from dataclasses import asdict

from ..playground.network.table import Own, opened
from ..playground.server import Playground
from . import sources
from .errors import UserError
from .output import note

_USUAL = 8421  # the port


def playground(options: Namespace) -> None:
    """Serve the page on this machine alone until Ctrl-C, and open it in the browser."""
    server = _server(_table(options), options.port)
    print(server.address, flush=True)
    note("the address is for this user alone; Ctrl-C ends the playground")
    if options.browser:
        threading.Thread(target=_open, args=(server.address,), daemon=True).start()
    with suppress(KeyboardInterrupt):  # its usual end
        server.run()


def _table(options: Namespace) -> Own | None:
    """The table to begin with."""
    if options.data is None:
        return None
    return opened(sources.source(options.data), **asdict(sources.reading(options)))


def _server(table: Own | None, port: int | None) -> Playground:
    """On that port; by default on the usual one, so that links stay good, or any other if that is taken."""
    try:
        return Playground(table, _USUAL if port is None else port)
    except OSError as error:
        if port is None:
            return Playground(table)
        raise UserError(f"port {port} cannot be used: {error.strerror}; give another --port") from None


def _open(address: str) -> None:
    """Open it, or say that nothing can: some browsers keep this waiting."""
    if not webbrowser.open(address):
        note("no browser was found: open the address yourself")
