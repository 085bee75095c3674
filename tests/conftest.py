"""What every test file may ask for by name."""

from __future__ import annotations

import os
import signal
import warnings
from collections import Counter

import pytest

# NumPy's threads wait for each other by spinning: on a busy machine the reference would take 30 times longer.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported, which is below
# A choice left in the environment would be tested instead of the default.
for _variable in ("STEEPEST_BACKEND", "STEEPEST_NUM_THREADS", "STEEPEST_ISA"):
    os.environ.pop(_variable, None)

with warnings.catch_warnings():  # without the extension, import warns: its tests are skipped, and say why
    warnings.simplefilter("ignore", RuntimeWarning)
    import numpy as np
    from support.implementations import BACKENDS, IMPLEMENTATIONS, ISAS, NATIVE, needs_native


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each `implementation`, each `native` one, each `isa`, or each `backend`."""
    choices = {"implementation": IMPLEMENTATIONS, "native": NATIVE, "isa": ISAS, "backend": BACKENDS}
    for name, values in choices.items():
        if name in metafunc.fixturenames:
            missing = [pytest.param(None, marks=needs_native)]
            metafunc.parametrize(name, values or missing, ids=str)


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is slow
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow all but every n-th of the parameters of a test that is marked one_of(n)."""
    seen = Counter()
    for item in items:
        if mark := item.get_closest_marker("one_of"):
            test = item.nodeid.partition("[")[0]
            if seen[test] % mark.args[0]:
                item.add_marker("slow")
            seen[test] += 1


@pytest.fixture(autouse=True)
def _ctrl_c_raises():
    """Also where the tests run in the background, in which a shell has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def data():
    """300 samples of 6 features in 3 classes that can be told apart."""
    X = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)
