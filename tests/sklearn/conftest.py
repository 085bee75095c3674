"""Tests of `steepest.sklearn` need scikit-learn."""

import signal

import pytest

pytest.importorskip("sklearn.base")


@pytest.fixture(autouse=True)
def _ctrl_c_raises():
    """Also where the tests run in the background, in which a shell has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
