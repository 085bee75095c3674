"""Ctrl-C ends the playground at once, whatever it is doing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

ROWS = "\n".join(f"{i % 977}.5,{i * 7 % 1013}.25,{'ab'[i % 2]}" for i in range(200_000))
LADDER = ["random", "local", "numerical", "analytic", "momentum", "nesterov", "adagrad", "rmsprop", "adam"]
DOING = {
    "learning": ("network", "learn", {"seconds": 0.1, "most": 10_000}),
    "reading a table": ("network", "upload", {"name": "t.csv", "text": f"x,y,k\n{ROWS}"}),
    "following paths": (
        "optimization",
        "paths",
        {
            **{"surface": "softmax", "start": None, "methods": LADDER, "rate": 0.1, "momentum": 0.9},
            **{"steps": 500, "noise": 0.0, "seed": 0},
        },
    ),
}


@pytest.mark.parametrize("what", DOING)
def test_ctrl_c_ends_the_command_within_a_second(tmp_path, what):
    tab, action, arguments = DOING[what]
    command = [sys.executable, "-m", "steepest", "playground", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            port, token = address.partition("127.0.0.1:")[2].split("/?token=")
            origin = f"http://127.0.0.1:{port}"
            silent = socket.create_connection(("127.0.0.1", int(port)))  # as browsers open them ahead of need
            with silent, connect(f"ws://127.0.0.1:{port}/socket?token={token}", origin=origin) as page:
                request = {"version": 1, "id": 1, "tab": tab, "do": action, "with": arguments}
                page.send(json.dumps(request))
                time.sleep(0.3)  # it is in the middle
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=20)
            assert process.returncode == 0 and "Traceback" not in errors
        finally:
            process.kill()
    assert not list(tmp_path.iterdir())
