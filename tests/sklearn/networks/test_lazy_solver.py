"""solver="lazy_adam": `Adam(lazy=True)` for networks of sparse rows, in all that an estimator does."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn.base import clone
from support.networks import arrays, assert_same_models
from support.tolerances import assert_same_bits

import steepest as st
from steepest.sklearn import MLPClassifier, MLPRegressor, to_sklearn

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
SAMPLES, FEATURES, UNSEEN = 120, 200, 150  # features from there on have no entry


def samples(kind):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((SAMPLES, FEATURES)) * (rng.random((SAMPLES, FEATURES)) < 0.05)
    x[:, UNSEEN:] = 0
    y = x[:, :40].sum(axis=1)
    return sparse.csr_matrix(x), y if kind is MLPRegressor else np.digitize(y, (-0.3, 0.3))


def made(kind, **options):
    defaults = {"hidden_layer_sizes": (17,), "alpha": 0, "random_state": 1, "max_iter": 6, "batch_size": 10}
    return kind(**{"solver": "lazy_adam", "learning_rate_init": 0.01, **defaults} | options)


@pytest.fixture(params=[MLPClassifier, MLPRegressor])
def kind(request):
    return request.param


def test_a_step_is_that_of_the_lazy_optimizer():
    X, y = samples(MLPClassifier)
    own = made(MLPClassifier, max_iter=3, shuffle=False)
    start = clone(own).set_params(solver="sgd", learning_rate_init=1e-300, max_iter=1).fit(X, y)
    own.fit(X, y)
    model = st.Sequential(st.Linear(FEATURES, 17), st.ReLU(), st.Linear(17, 3), dtype=np.float64)
    state = {"0.weight": start.coefs_[0], "0.bias": start.intercepts_[0]}
    model.load_state_dict({**state, "2.weight": start.coefs_[1], "2.bias": start.intercepts_[1]})
    trainer = st.Trainer(model, optimizer=st.Adam(0.01, epsilon_hat=True, lazy=True))
    trainer.fit(X, y, epochs=3, batch_size=10, shuffle=False, progress=False)
    assert_same_bits(own.coefs_[0], model.state_dict()["0.weight"])


def test_it_learns_and_only_what_batches_have(kind):
    X, y = samples(kind)
    lazy, plain = (made(kind, solver=solver, max_iter=60).fit(X, y) for solver in ("lazy_adam", "adam"))
    assert lazy.score(X, y) > 0.9
    assert np.abs(lazy.coefs_[0] - plain.coefs_[0]).max() > 1e-3
    for moment in lazy._optimizer.state.slots.values():
        assert not moment[0].weight[UNSEEN:].any() and moment[0].weight[:UNSEEN].any()


def test_for_dense_rows_it_is_adam_with_a_penalty_too(kind):
    X, y = samples(kind)
    lazy, plain = (made(kind, solver=solver, alpha=0.1) for solver in ("lazy_adam", "adam"))
    assert_same_models(lazy.fit(X.toarray(), y), plain.fit(X.toarray(), y))


def test_a_penalty_is_refused_for_sparse_rows(kind):
    X, y = samples(kind)
    for options in ({"alpha": 1e-4}, {"alpha": 1e-4, "penalty": "l1"}):
        with pytest.raises(
            ValueError, match=r"solver='lazy_adam' updates only .*alpha=0.0001, .*set alpha=0"
        ):
            made(kind, **options).fit(X, y)
    made(kind, alpha=1, penalty=None).fit(X, y)


def test_it_goes_on_where_it_was(kind):
    X, y = samples(kind)
    whole = made(kind, shuffle=False).fit(X, y)
    parts = made(kind, shuffle=False)
    for _ in range(3):
        parts.partial_fit(X, y, **({"classes": np.unique(y)} if kind is MLPClassifier else {}))
    parts = pickle.loads(pickle.dumps(parts))
    for _ in range(3):
        parts.partial_fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(arrays(parts), arrays(whole), strict=True))
    warm = made(kind, warm_start=True, max_iter=3).fit(X, y)
    assert warm.fit(X, y).loss_curve_[-1] < warm.loss_curve_[0] and len(warm.loss_curve_) == 6


def test_scikit_learn_has_no_counterpart(kind):
    with pytest.raises(ValueError, match="solver='lazy_adam' has no counterpart in scikit-learn"):
        to_sklearn(made(kind).fit(*samples(kind)))
