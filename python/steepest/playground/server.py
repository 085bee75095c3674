"""The server of the page: files and a socket on one port of 127.0.0.1, for this user alone."""

from __future__ import annotations

import ctypes
import logging
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from weakref import WeakSet

from . import protocol
from .network.table import Own
from .session import TABS, Session

HOST = "127.0.0.1"
_MOST_PAGES = 16  # open at once
_SILENT = logging.Logger("steepest.playground", logging.CRITICAL)  # pages that break off are no news
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Playground:
    """A running server, or one that is to run.

    Parameters
    ----------
    table : Own, optional
        The network's data at first.
    port : int, default 0
        0 is any that is free.

    Raises
    ------
    ImportError
        If websockets is not installed.
    TableError
        If the table cannot be shown.
    OSError
        If the port is taken.

    Attributes
    ----------
    port : int
    address : str
        To be opened in a browser. Requests are answered only to pages that know its token.
    """

    def __init__(self, table: Own | None = None, port: int = 0) -> None:
        serve = _websockets()
        if table is not None:
            Session(table).tab("network")  # a table that cannot be shown is refused here, not on every page
        self._table = table
        self._files = _files()
        self._token = secrets.token_urlsafe(24)
        self._pages = threading.Semaphore(_MOST_PAGES)
        self._threads: set[int] = set()  # that compute an answer, all alive while the lock is held
        self._lock = threading.Lock()
        self._listening = _Listening(port)
        self._server = serve(
            self._converse,
            sock=self._listening,
            process_request=self._http,
            compression=None,  # a picture of a local page: packing costs more than it saves
            max_size=protocol.LONGEST,
            close_timeout=0.5,
            logger=_SILENT,
        )
        self.port = int(self._listening.getsockname()[1])
        self._origins = {f"http://{host}:{self.port}" for host in (HOST, "localhost")}
        self.address = f"http://{HOST}:{self.port}/?token={self._token}"

    def run(self) -> None:
        """Serve until `stop`, or Ctrl-C."""
        try:
            self._server.serve_forever()
        finally:
            self.stop()

    def stop(self) -> None:
        """End, from any thread; pages lose their connection."""
        self._listening.end()
        with self._lock:
            for thread in self._threads:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread), ctypes.py_object(SystemExit)
                )
        with suppress(OSError):
            self._server.shutdown()

    def _http(self, connection: Any, request: Any) -> Any:
        """A file; or None, to go on with a socket, for pages of this server that know the token."""
        hosts, origins = (request.headers.get_all(name) for name in ("Host", "Origin"))
        if len(hosts) != 1 or f"http://{hosts[0]}" not in self._origins:
            return connection.respond(HTTPStatus.FORBIDDEN, "another host\n")  # of a name that was rebound
        path, _, query = request.path.partition("?")
        if path == "/socket":
            if len(origins) != 1 or origins[0] not in self._origins:
                return connection.respond(HTTPStatus.FORBIDDEN, "a page of another server\n")
            token = parse_qs(query).get("token", [""])[0]
            if not secrets.compare_digest(token.encode(), self._token.encode()):
                return connection.respond(HTTPStatus.FORBIDDEN, "open the address that steepest printed\n")
            return None
        found = self._files.get(path)
        if found is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "no such page\n")
        body = found.read_bytes()
        return _response(HTTPStatus.OK, self._headers(found, len(body)), body)

    def _headers(self, file: Path, length: int) -> Mapping[str, str]:
        sockets = " ".join(origin.replace("http", "ws", 1) for origin in sorted(self._origins))
        return {
            "Content-Type": _TYPES[file.suffix],
            "Content-Length": str(length),
            "Connection": "close",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",  # the address has the token
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"img-src 'self' data: blob:; connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'",
        }

    def _converse(self, connection: Any) -> None:
        """One page: a request, its answer, and so on; a thread of its own."""
        if not self._pages.acquire(blocking=False):
            connection.close(1013, f"{_MOST_PAGES} pages are open: close one")
            return
        try:
            session = Session(self._table)
            for message in connection:
                with self._computing():
                    answer = session.answer(message)
                connection.send(answer)
        except (_closed(), SystemExit):
            pass
        finally:
            self._pages.release()

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """While this thread may be ended by a SystemExit: an upload or a path takes a second or two."""
        with self._lock:
            if self._listening.ended:  # a message that had arrived before
                raise SystemExit
            self._threads.add(threading.get_ident())
        try:
            yield
        finally:
            with self._lock:
                self._threads.discard(threading.get_ident())


class _Listening(socket.socket):
    """A listening socket that can end what it accepted, also what has not said anything yet.

    Browsers open connections ahead of need; the thread of each would be waited for, up to ten seconds.
    """

    def __init__(self, port: int) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self._accepted: WeakSet[socket.socket] = WeakSet()
        self.ended = False
        self._lock = threading.Lock()
        try:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind((HOST, port))
            self.listen()
        except BaseException:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection, which is remembered."""
        connection, address = super().accept()
        with self._lock:
            self._accepted.add(connection)
            ended = self.ended
        if ended:
            connection.close()
            raise OSError("the playground has ended")
        return connection, address

    def end(self) -> None:
        """End all that are open, and accept no more."""
        with self._lock:
            self.ended = True
            accepted = list(self._accepted)
        for connection in accepted:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _response(status: HTTPStatus, headers: Mapping[str, str], body: bytes) -> Any:
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    return Response(status, status.phrase, Headers(**headers), body)


def _files() -> Mapping[str, Path]:
    """Every file of the page by its address: nothing else can be asked for."""
    here = Path(__file__).parent
    found = {f"/{file.name}": file for file in (here / "page").iterdir() if file.suffix in _TYPES}
    for tab in TABS:
        found |= {f"/{tab}/{file.name}": file for file in (here / tab).iterdir() if file.suffix in _TYPES}
    return {"/": found["/index.html"], **found}


def _websockets() -> Callable[..., Any]:
    try:
        from websockets.sync.server import serve
    except ImportError:
        raise ImportError(
            "the playground is served by websockets, which is not installed (or older than 13): "
            "pip install 'steepest[playground]'"
        ) from None
    return serve


def _closed() -> type[Exception]:
    from websockets.exceptions import ConnectionClosed

    return ConnectionClosed
