"""The two fuzzers, for as long as a test may take; see `fuzz` for the commands of longer runs."""

from __future__ import annotations

import sys

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
