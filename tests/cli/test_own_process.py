"""The command line as a process: its exit code, Ctrl-C, and a reader that stops early."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from support.commands import process

import steepest


def test_a_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    with process("train", "none.csv", folder=tmp_path) as child:
        out, err = child.communicate()
    assert (child.returncode, out, err) == (2, "", "steepest: error: none.csv: no such file\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a child alone")
def test_interrupt(tmp_path: Path) -> None:
    with process("train", "--epochs", "1000000", folder=tmp_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (130, "steepest: interrupted\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes close differently")
def test_a_reader_that_stops_early(tmp_path: Path) -> None:
    steepest.Sequential(steepest.Linear(2, 3)).save(tmp_path / "m.safetensors")
    np.save(tmp_path / "rows.npy", np.ones((200_000, 2)))
    with process("predict", "m.safetensors", "rows.npy", folder=tmp_path) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()
    assert (child.returncode, err) == (141, "")
