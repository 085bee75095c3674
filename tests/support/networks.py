"""The arrays of fitted networks, and whether they are the same."""

from __future__ import annotations

from .tolerances import assert_same_bits


def arrays(model):
    """All that learning changes."""
    return [*model.coefs_, *model.intercepts_, *getattr(model, "batch_norms_", [])]


def assert_same_models(a, b):
    """To the bit."""
    for p, q in zip(arrays(a), arrays(b), strict=True):
        assert_same_bits(p, q)
