"""The fuzzers and a long run, for as long as a test may take; see `fuzz` for longer ones."""

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
    done = run_alone("fuzz.soak", "--minutes", "2", "--lap", "60")
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["nothing has grown"]), done


@pytest.mark.slow
def test_no_model_file_breaks_a_promise():
    """Where its engine is installed, which few systems have wheels of."""
    pytest.importorskip("atheris")
    done = run_alone("fuzz.coverage", "--seconds", "15")
    assert done.returncode == 0 and " runs in " in done.stderr, done.stderr[-3000:]


def run_alone(module, *arguments):
    """A program of these, in a process of its own."""
    command = [sys.executable, "-m", module, *arguments, "--seed", str(SEED)]
    folder = Path(__file__).parents[1]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
