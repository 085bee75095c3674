"""Samples of each kind of target, and whether two models say the same."""

from __future__ import annotations

import numpy as np


def samples(kind="multiclass"):
    """80 samples of 6 features, and such targets."""
    random = np.random.default_rng(0)
    X = random.standard_normal((80, 6))
    scores = X[:, :3] + 0.3 * random.standard_normal((80, 3))
    targets = {
        "binary": np.array(["no", "yes"])[(scores[:, 0] > 0).astype(int)],
        "multiclass": np.array(["ant", "bee", "cat"])[scores.argmax(axis=1)],
        "multilabel": (scores > 0).astype(int),
        "number": scores[:, 0],
        "numbers": scores,
        "counts": np.floor(np.exp(scores[:, 0])),
    }
    return X, targets[kind]


def assert_alike(one, other, X):
    """Predictions, probabilities where there are any, and shapes."""
    np.testing.assert_array_equal(one.predict(X).shape, other.predict(X).shape)
    if one.predict(X).dtype.kind == "f":
        np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-10, atol=1e-12)
    else:
        np.testing.assert_array_equal(one.predict(X), other.predict(X))
    if hasattr(one, "predict_proba"):
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-10, atol=1e-14)
    if hasattr(one, "decision_function") and hasattr(other, "decision_function"):
        np.testing.assert_allclose(
            one.decision_function(X), other.decision_function(X), rtol=1e-10, atol=1e-12
        )
