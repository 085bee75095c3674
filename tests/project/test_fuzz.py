"""The two fuzzers and a long run, for as long as a test may take; see `fuzz` for longer ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.implementations import needs_native

SEED = 11


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory and names signals as Linux does")
def test_no_call_of_the_public_api_breaks_a_promise():
    from fuzz import api

    found = [f"--call {f.call}: {f.kind}: {f.text}" for f in api.kinds(SEED, 2500)]
    assert not found, f"cd tests; python -m fuzz.api --seed {SEED}\n" + "\n".join(found)


@needs_native
def test_drawn_networks_learn_the_same_in_every_way():
    from fuzz import training

    failed = [f"--case {n}: {wrong}" for n in range(200) if (wrong := training.failure(SEED, n))]
    assert not failed, f"cd tests; python -m fuzz.training --seed {SEED}\n" + "\n".join(failed)


@pytest.mark.slow
@needs_native
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_long_run_keeps_nothing():
    """In a process of its own, whose memory is its own too."""
    command = [sys.executable, "-m", "fuzz.soak", "--minutes", "0.3", "--seed", str(SEED), "--lap", "20"]
    folder = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["nothing has grown"]), done
