"""partial_fit by dask-ml's Incremental: block after block of a Dask array, as in a loop."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from support.networks import assert_same

from steepest.sklearn import LinearClassifier, MLPClassifier, MLPRegressor

da = pytest.importorskip("dask.array")
Incremental = pytest.importorskip("dask_ml.wrappers").Incremental

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((600, 5))
LABELS = np.array(["ant", "bee", "cat"])[np.argmax(X[:, :3], axis=1)]
ESTIMATORS = [
    (MLPClassifier((8,), learning_rate_init=0.05, random_state=0), LABELS),
    (LinearClassifier(solver="sgd", random_state=0), LABELS),
    (MLPRegressor(hidden_layer_sizes=(8,), random_state=0), X @ [1.0, -2.0, 0, 0, 1]),
]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(("estimator", "y"), ESTIMATORS, ids=lambda value: type(value).__name__)
def test_blocks_are_learned_one_after_the_other(estimator, y):
    named = {"classes": np.unique(y)} if y.dtype.kind == "U" else {}
    blocks = da.from_array(X, chunks=(150, 5)), da.from_array(y, chunks=150)
    wrapped = Incremental(clone(estimator), shuffle_blocks=False)
    alone = clone(estimator)
    for _ in range(2):
        wrapped.partial_fit(*blocks, **named)
        for start in range(0, 600, 150):
            alone.partial_fit(X[start : start + 150], y[start : start + 150], **named)
    assert wrapped.estimator_.t_ == 1200
    for name in ("loss_curve_", "coefs_", "intercepts_", "coef_", "intercept_"):
        assert_same(getattr(wrapped.estimator_, name, 0), getattr(alone, name, 0))
    answers = wrapped.predict(blocks[0]).compute()
    np.testing.assert_array_equal(answers, alone.predict(X))
