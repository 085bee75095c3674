"""Unusual arrays: their layout, type and owner, one row and no layer, and writers in other threads."""

from __future__ import annotations

import contextlib
import copy
import threading
import time

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits
from support.networks import assert_same_models
from support.tolerances import assert_same_bits

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, Y = load_digits(return_X_y=True)
X, Y = X[:300] / 16, Y[:300]
XR, YR = load_diabetes(return_X_y=True)
YR = YR / 100
SGD = {"solver": "sgd", "learning_rate_init": 0.01}


def classifier(**parameters):
    return MLPClassifier(**{"hidden_layer_sizes": (12,), "random_state": 3, "max_iter": 5, **parameters})


def test_layout_of_the_samples_changes_no_bit():
    expected = classifier().fit(X, Y)
    wide = np.zeros((len(X), 2 * X.shape[1]))
    wide[:, ::2] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    for x in (np.asfortranarray(X), wide[:, ::2], X[::-1].copy()[::-1], X.astype(">f8"), frozen, X.tolist()):
        model = classifier().fit(x, Y.tolist())
        assert_same_models(model, expected)
        assert_same_bits(model.predict_proba(x), expected.predict_proba(X))
    assert_same_bits(frozen, X)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float16, bool])
def test_other_numbers_are_float64(kind):
    x = (16 * X > 7).astype(kind)
    model = classifier().fit(x, Y)
    assert model.coefs_[0].dtype == np.float64
    assert_same_models(model, classifier().fit(x.astype(np.float64), Y))


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(np.asfortranarray, id="Fortran"),
        pytest.param(lambda a: np.repeat(a, 2, axis=0)[::2], id="strided"),
        pytest.param(lambda a: a.astype(">f8"), id="big-endian"),
        pytest.param(lambda a: np.frombuffer(a.tobytes()).reshape(a.shape), id="read-only"),
        pytest.param(
            lambda a: np.frombuffer(b"_" + a.tobytes(), np.uint8)[1:].view(np.float64).reshape(a.shape),
            id="unaligned",
        ),
        pytest.param(np.ndarray.tolist, id="lists"),
    ],
)
def test_odd_arrays_set_by_the_user_are_honored(odd):
    model = classifier().partial_fit(X, Y, classes=range(10))
    expected = copy.deepcopy(model)
    model.coefs_ = [odd(array) for array in model.coefs_]
    model.intercepts_ = [odd(array) for array in model.intercepts_]
    assert_same_bits(model.predict_proba(X), expected.predict_proba(X))
    assert_same_models(model.partial_fit(X, Y), expected.partial_fit(X, Y))


@pytest.mark.usefixtures("rows_of_their_own")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("layers", [(), (7,), (33, 5)], ids=str)
def test_a_row_does_not_depend_on_its_batch(dtype, layers):
    x, y = XR.astype(dtype), np.stack([YR, YR**2, -YR], axis=1)
    model = MLPRegressor(hidden_layer_sizes=layers, activation="tanh", random_state=0, max_iter=3).fit(x, y)
    together = model.predict(x)
    assert together.dtype == dtype
    for rows in (slice(0, 1), slice(5, 8), slice(3, 67), slice(440, None), slice(None, None, -1)):
        assert_same_bits(model.predict(x[rows]), together[rows])
    of_sparse = model.predict(sparse.csr_array(x))
    for rows in (slice(0, 1), slice(7, 9), slice(440, None)):
        assert_same_bits(model.predict(sparse.csr_array(x)[rows]), of_sparse[rows])
    if layers[:1] == (33,):  # of few outputs, the products of dense rows sum in another order
        assert_same_bits(of_sparse, together)
    np.testing.assert_allclose(of_sparse, together, rtol=0, atol=1e3 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    "options",
    [
        {},
        SGD,
        {"early_stopping": True},
        {"solver": "lbfgs"},
        {"batch_norm": True, "dropout": 0.3, "clip_norm": 1.0},
        {"loss": "hinge", "penalty": "elasticnet"},
    ],
    ids=str,
)
@pytest.mark.parametrize("samples", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_threads_change_no_bit(options, samples):
    weight = np.linspace(0.5, 2, len(Y))
    models = [
        classifier(hidden_layer_sizes=(60,), n_threads=n, **options).fit(samples(X), Y, weight)
        for n in (1, 2, 3)
    ]
    for model in models[1:]:
        assert_same_models(models[0], model)
        assert_same_bits(models[0].decision_function(X), model.decision_function(X))


@pytest.mark.parametrize("options", [{}, {"hidden_layer_sizes": []}, {"hidden_layer_sizes": 4}], ids=str)
def test_one_sample_is_enough(options):
    model = MLPRegressor(random_state=0, max_iter=2, **options).fit(XR[:1], YR[:1])
    assert model.predict(XR[:1]).shape == (1,)


def test_no_hidden_layer_is_a_linear_model():
    model = classifier(hidden_layer_sizes=()).fit(X, Y)
    assert [coef.shape for coef in model.coefs_] == [(64, 10)] and model.n_layers_ == 2
    np.testing.assert_allclose(model.decision_function(X), X @ model.coefs_[0] + model.intercepts_[0])


def test_integers_set_by_the_user_are_computed_in_floating_point():
    model = MLPRegressor(hidden_layer_sizes=(), random_state=0, max_iter=1).fit(XR, YR)
    model.coefs_, model.intercepts_ = [np.arange(10)[:, None]], [np.array([3])]
    np.testing.assert_allclose(model.predict(XR), XR @ np.arange(10) + 3)


@pytest.mark.parametrize("call", ["fit", "predict"])
@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor])
def test_sparse_arrays_written_by_another_thread_never_crash(kind, call):
    """Neither in the core nor in SciPy: both see a checked copy of where entries are."""
    X = sparse.random(300, 200, 0.1, format="csr", random_state=0)
    y = np.arange(300) % 2
    model = kind(max_iter=1, random_state=0).fit(X, y)
    indices, indptr, over = X.indices.copy(), X.indptr.copy(), threading.Event()

    def write():
        while not over.is_set():
            X.indices[::7], X.indptr[5:50] = 2**31 - 1, 2**31 - 1
            X.indices[:], X.indptr[:] = indices, indptr
            time.sleep(1e-4)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(60):
            with contextlib.suppress(ValueError, OverflowError, MemoryError, IndexError):
                model.fit(X, y) if call == "fit" else model.predict(X)
    finally:
        over.set()
        writer.join()
