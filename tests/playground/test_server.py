"""The server: who is answered, what is answered to hostile messages, and how it ends."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_socket

import steepest
from steepest.cli.parser import main
from steepest.playground import protocol
from steepest.playground.fields import ListOf, Number, Record
from steepest.playground.server import Playground
from steepest.playground.session import TABS, Session


def get(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def test_every_file_of_the_page_is_served_with_its_type_and_nothing_else_is(served):
    folder = Path(steepest.__file__).parent / "playground"
    pages = [*(folder / "page").iterdir(), *(file for tab in TABS for file in (folder / tab).glob("page.*"))]
    for file in pages:
        address = f"/{file.name}" if file.parent.name == "page" else f"/{file.parent.name}/{file.name}"
        status, headers, body = get(served, address)
        assert (status, body) == (200, file.read_bytes())
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Content-Type"].split("/")[0] in ("text", "image")
    assert get(served, "/")[2] == get(served, "/index.html")[2]
    for path in (
        "/network/tab.py",
        "/../fields.py",
        "/%2e%2e/fields.py",
        "//etc/passwd",
        "/page/main.js",
        "/x",
    ):
        assert get(served, path)[0] == 404


def test_odd_addresses_are_not_found(served):
    for path in ("//[", "http://[::1", "/?" + "x" * 5000):
        with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
            status = connection.makefile("rb").readline()
        assert status.split()[1] == (b"200" if path.startswith("/?") else b"404")


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_a_request_with_two_of_a_header_is_refused(served, name):
    own = f"127.0.0.1:{served.port}"
    lines = ["GET /socket HTTP/1.1", f"Host: {own}", f"Origin: http://{own}"]
    lines.append(lines[1] if name == "Host" else lines[2])
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.makefile("rb").readline().split()[1] == b"403"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1"])
def test_another_host_name_is_refused(served, host):
    assert get(served, "/", Host=host)[0] == 403


@pytest.mark.parametrize(
    ("origin", "token"),
    [
        ("http://evil.example", None),
        (None, None),
        ("http://127.0.0.1:1", None),
        ("own", "wrong"),
        ("own", ""),
    ],
)
def test_pages_of_others_and_guessed_tokens_are_refused(served, origin, token):
    origin = f"http://127.0.0.1:{served.port}" if origin == "own" else origin
    token = served.address.partition("token=")[2] if token is None else token
    address = f"ws://127.0.0.1:{served.port}/socket?token={token}"
    with pytest.raises(InvalidStatus) as error, open_socket(address, origin=origin):
        pass
    assert error.value.response.status_code == 403


def test_only_this_machine_is_listened_to(served):
    assert served._server.socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(OSError):
        Playground(port=served.port)


GOOD = {"version": 1, "id": 5, "tab": "page", "do": "hello", "with": {}}
HOSTILE = {
    "no JSON": ("{", "not JSON"),
    "bytes": (b"\x00\x01", "JSON text, not bytes"),
    "a list": ("[]", "must be an object"),
    "nothing": ("", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "huge number": ('{"id": ' + "9" * 10_000 + "}", "not JSON"),
    "NaN": ('{"id": NaN}', "no number of JSON"),
    "no id": (json.dumps({**GOOD, "id": None}), "id must be a whole number"),
    "negative id": (json.dumps({**GOOD, "id": -1}), "id must be from 0"),
    "other version": (json.dumps({**GOOD, "version": 2}), "version 2, but the server 1"),
    "unknown tab": (json.dumps({**GOOD, "tab": "x"}), "tab must be one of page, network"),
    "unknown action": (json.dumps({**GOOD, "do": "__init__"}), "page cannot '__init__'; it can hello"),
    "private action": (json.dumps({**GOOD, "tab": "network", "do": "_built"}), "network cannot '_built'"),
    "action of another kind": (json.dumps({**GOOD, "do": ["hello"]}), "do must be a text"),
    "unknown key": (json.dumps({**GOOD, "more": 1}), "unknown key 'more'"),
    "unknown argument": (json.dumps({**GOOD, "with": {"a": 1}}), "unknown key 'a', but takes nothing"),
    "arguments of another kind": (json.dumps({**GOOD, "with": 3}), "must be an object, not 3"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_answered_with_their_fault_and_change_nothing(connect, name):
    client = connect()
    before = client.ask("network", "show")
    message, fault = HOSTILE[name]
    answer = client.send(message)
    assert fault in answer["error"] and "values" not in answer
    after = client.ask("network", "show")
    assert before["values"] == after["values"]
    assert all(np.array_equal(before["arrays"][key], after["arrays"][key]) for key in before["arrays"])


def test_a_message_that_is_too_long_ends_its_page_alone(connect):
    first, second = connect(), connect()
    first.socket.send("x" * (protocol.LONGEST + 1))
    with pytest.raises(Exception, match=r"1009|too big"):
        first.socket.recv(timeout=5)
    assert "values" in second.ask("page", "hello")


def test_two_pages_learn_beside_each_other_without_touching(connect):
    first, second = connect(), connect()
    first.ask("network", "replay", epochs=3)
    assert second.ask("network", "show")["values"]["epochs"] == 0
    assert first.ask("network", "show")["values"]["epochs"] == 3


def test_a_page_that_disappears_leaves_room_for_others(connect):
    for _ in range(40):  # more than may be open at once
        client = connect()
        client.socket.send(
            '{"version": 1, "id": 1, "tab": "network", "do": "learn", "with": {"seconds": 0.05, "most": 99}}'
        )
        client.socket.socket.shutdown(socket.SHUT_RDWR)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert "values" in connect().ask("page", "hello")
            return
        except Exception:
            time.sleep(0.1)
    raise AssertionError("no room")


def test_a_fault_of_a_tab_is_told_and_survived(monkeypatch, capsys):
    session = Session(None)
    monkeypatch.setattr(session.tab("network"), "_frame", lambda: 1 / 0)
    message = json.dumps({"version": 1, "id": 9, "tab": "network", "do": "begin"})
    assert b"a fault of the playground: ZeroDivisionError" in session.answer(message)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_without_websockets_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "websockets.sync.server", None)
    assert main(["playground", "--no-browser"]) == 2
    assert "pip install 'steepest[playground]'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(served, capsys):
    assert main(["playground", "--no-browser", "--port", str(served.port)]) == 2
    assert f"port {served.port} cannot be used" in capsys.readouterr().err


def test_answers_are_read_as_they_were_written():
    arrays = {
        "a": np.arange(3, dtype=np.int8),
        "b": np.array([[1.5, -2.0]]),
        "c": np.zeros((0, 2), np.float32),
    }
    from support.playground import decoded

    answer = decoded(protocol.encoded(7, protocol.Answer({"x": 1}, arrays)))
    assert answer["id"] == 7 and answer["values"] == {"x": 1}
    assert all(np.array_equal(answer["arrays"][name], array) for name, array in arrays.items())


@pytest.mark.parametrize("value", [True, "1", None, [1], float("nan"), float("inf"), 2.5, -1e-300])
def test_numbers_out_of_range_are_named_with_the_rule(value):
    with pytest.raises(ValueError, match=r"^x\[0\] must be a number from 0 to 2, not "):
        Record({"x": ListOf(Number(0, 2), 1, 2)}).checked({"x": [value]}, "")


@pytest.mark.parametrize("tab", TABS)
def test_every_action_is_in_the_documentation(tab):
    text = (Path(__file__).parents[2] / "docs" / "playground.md").read_text(encoding="utf-8")
    for action, (rules, _) in TABS[tab](None).actions.items():
        line = next(line for line in text.splitlines() if line.startswith(f"| {tab} | `{action}` |"))
        assert all(f"`{name}`" in line or len(rules.fields) > 10 for name in rules.fields)
