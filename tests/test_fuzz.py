"""The two fuzzers, for as long as a test may take; see their files for the commands of longer runs."""

from __future__ import annotations

import sys

import fuzz_training
import pytest
from implementations import needs_native

SEED = 11


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory and reads the signals of Linux")
def test_no_call_of_the_public_api_breaks_a_promise():
    import fuzz_api

    found = [f"--call {f.call}: {f.kind}: {f.text}" for f in fuzz_api.kinds(SEED, 4000)]
    assert not found, f"python tests/fuzz_api.py --seed {SEED}\n" + "\n".join(found)


@needs_native
def test_drawn_networks_learn_the_same_in_every_way():
    failed = [f"--case {n}: {wrong}" for n in range(150) if (wrong := fuzz_training.failure(SEED, n))]
    assert not failed, f"python tests/fuzz_training.py --seed {SEED}\n" + "\n".join(failed)
