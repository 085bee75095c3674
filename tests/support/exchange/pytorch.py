"""PyTorch, without which the tests that import it from here are skipped, and what compares with it."""

from __future__ import annotations

import numpy as np
import pytest

from ..tolerances import assert_close

torch = pytest.importorskip("torch")
nn = torch.nn


def scores_of(module, x):
    """What a module makes of rows."""
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy()


def assert_agrees(found, expected, depth=60):
    """Within the roundings of a few products and functions, of numbers around 1."""
    assert_close(found, expected, depth, np.abs(expected).max(initial=1))
