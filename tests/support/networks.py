"""The arrays of fitted networks and other estimators, and whether they are the same."""

from __future__ import annotations

import numpy as np

from .tolerances import assert_same_bits


def arrays(model):
    """All that learning changes."""
    return [*model.coefs_, *model.intercepts_, *getattr(model, "batch_norms_", [])]


def assert_same_models(a, b):
    """To the bit."""
    for p, q in zip(arrays(a), arrays(b), strict=True):
        assert_same_bits(p, q)


def assert_same(one, other):
    """Numbers, arrays and lists of them; what else an estimator keeps shows in its predictions."""
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, int | float | np.ndarray | np.generic):
        assert_same_bits(one, other)


def assert_single_fits(many, estimator, settings, X, y, **options):
    from sklearn.base import clone

    for one, setting in zip(many, settings, strict=True):
        alone = clone(estimator).set_params(**setting).fit(X, y, **options)
        assert one.get_params() | {"callbacks": None} == alone.get_params() | {"callbacks": None}
        assert vars(one).keys() == vars(alone).keys()
        learned = [name for name in vars(alone) if name.endswith("_")]
        assert len(learned) > 5
        for name in learned:
            assert_same(getattr(one, name), getattr(alone, name))
        assert_same_bits(one.predict_proba(X), alone.predict_proba(X))
