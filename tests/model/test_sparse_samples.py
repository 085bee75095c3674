"""Sparse samples of a model: what is taken, what is refused; scores and gradients as of the dense ones."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies
from support.implementations import FUSED, ISAS, THREADS, Implementation, needs_native, on_each_isa
from support.strategies import bounded, columns, dtypes, rows, seeds
from support.tolerances import FUNCTION, assert_close, assert_same_bits

import steepest as st
from steepest.backends.sparse import sparse_rows

sparse = pytest.importorskip("scipy.sparse")

L, FEATURES = st.Linear, 12
FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]


def numbers(samples=30, features=FEATURES, share=0.3, seed=0):
    """With an empty row and an empty column."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, features)) * (rng.random((samples, features)) < share)
    x[samples // 2], x[:, features // 2] = 0, 0
    return x


def model(*first, dtype=np.float64, classes=3):
    return st.Sequential(*(first or (L(FEATURES, 7), st.Tanh())), L(7, classes), dtype=dtype, seed=2)


@bounded
@given(
    samples=rows, features=columns, hidden=columns, dtype=dtypes, seed=seeds, share=strategies.floats(0, 1)
)
def test_scores_and_gradients_are_those_of_dense_samples(samples, features, hidden, dtype, seed, share):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((samples, features)) * (rng.random((samples, features)) < share)).astype(dtype)
    y = rng.standard_normal((samples, 2)).astype(dtype)
    net = st.Sequential(L(features, hidden), st.Tanh(), L(hidden, 2), dtype=dtype, seed=1)
    weight = np.abs(net.state_dict()["2.weight"]).astype(np.float64)
    sums = np.abs(x) @ np.abs(net.state_dict()["0.weight"])
    size = sums @ weight  # of the terms of the scores
    error = 2 * (size + np.abs(y))  # of the gradients by the scores
    below = (error @ weight.T) * (1 + sums)
    sizes = (size, [(error**2).sum()], np.abs(x).T @ below, below.sum(0), (1 + sums).T @ error, error.sum(0))

    def compute(X):
        loss, gradients = net.loss_and_gradients(X, y, loss="squared_error")
        return np.concatenate([np.ravel(part) for part in (net(X), loss, *gradients.values())], dtype=dtype)

    dense, other = on_each_isa(compute, x), on_each_isa(compute, sparse.csr_array(x))
    magnitude = np.concatenate([np.ravel(size) for size in sizes])
    for isa, values in other.items():
        assert_close(values, dense[isa], 2 * (features + hidden + samples + FUNCTION), magnitude)


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_taken(backend, name, kind):
    x, y, net = numbers(), np.arange(30) % 3, model()
    X = getattr(sparse, f"{name}_{kind}")(x)
    with backend.computing():
        assert_close(net(X), net(x), FEATURES + 7, 10)
        assert (net.predict(X) == net.predict(x)).all()
        (a, grads), (b, others) = (net.loss_and_gradients(one, y, loss="softmax") for one in (x, X))
    assert a == pytest.approx(b)
    for key, value in grads.items():
        assert_close(others[key], value, 100, 10)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("own", [np.float32, np.float64])
def test_numbers_are_converted_as_dense_ones_are(backend, dtype, own):
    x = (10 * numbers()).astype(dtype)
    net = model(dtype=own)
    with backend.computing():
        scores = net(sparse.csr_matrix(x))
        assert scores.dtype == own
        assert_close(scores, net(x), FEATURES + 7, 100)


def test_places_of_64_bits_duplicates_zeros_and_any_order(backend):
    data, indices = np.array([1.0, 2, 3, 0, -4, 5]), np.array([7, 2, 7, 1, 0, 11])
    for integers in (np.int32, np.int64):
        X = sparse.csr_array(
            (data.copy(), indices.astype(integers), np.array([0, 4, 4, 6], integers)), (3, 12)
        )
        before = [array.copy() for array in (X.data, X.indices, X.indptr)]
        with backend.computing():
            assert_same_bits(model()(X), model()(X.sorted_indices()))
            assert_close(model()(X), model()(X.toarray()), FEATURES + 7, 30)
        for array, was in zip((X.data, X.indices, X.indptr), before, strict=True):
            assert_same_bits(array, was)  # the caller's stay as they are


@pytest.mark.parametrize("x", [np.zeros((5, FEATURES)), np.zeros((1, FEATURES)), numbers(2)], ids=len)
def test_matrices_without_entries(backend, x):
    with backend.computing():
        assert_close(model()(sparse.csr_matrix(x)), model()(x), FEATURES, 10)


def test_no_rows():
    empty = sparse.csr_matrix((0, FEATURES))
    assert model()(empty).shape == (0, 3)
    with pytest.raises(ValueError, match="X has 0 samples, but at least 1 is needed"):
        model().fit(empty, [], progress=False)


@needs_native
def test_threads_and_instruction_sets_change_no_bit():
    x, net = sparse.csr_matrix(numbers(3000, 80)), st.Sequential(L(80, 90), st.ReLU(), L(90, 5))
    scores = {}
    for isa in ISAS:
        for threads in THREADS:
            with Implementation("native", isa, threads).computing():
                scores[isa, threads] = net(x)
    for (isa, _), value in scores.items():
        assert_same_bits(value, next(v for (i, _), v in scores.items() if i == isa or {i, isa} <= set(FUSED)))


@pytest.mark.parametrize("hidden", [3, 7, 40])
def test_a_row_does_not_depend_on_its_batch(native, hidden):
    net = st.Sequential(L(80, hidden), st.ReLU(), st.BatchNorm(hidden), st.Residual(L(hidden, hidden)))
    X = sparse.csr_matrix(numbers(300, 80))
    with native.computing():
        together = net(X)
        for rows in (slice(0, 1), slice(150, 151), slice(7, 160), slice(299, None)):
            assert_same_bits(net(X[rows]), together[rows])


@needs_native
def test_sparse_samples_are_never_made_dense():
    """They would take 8 GB, and 256 of them more than what is allowed here; the weights take 4 MB."""
    features = 2**18
    rng = np.random.default_rng(0)
    X = sparse.csr_array((np.ones(8000), rng.integers(0, features, 8000), np.arange(8001)), (8000, features))
    net, y = st.Sequential(L(features, 4)), np.arange(8000) % 4
    tracemalloc.start()
    try:
        with st.config("native"):
            history = net.fit(X, y, epochs=1, batch_size=1000, validation_data=(X, y), progress=False)
            scores = net(X)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert np.isfinite(history.validation_loss[0]) and scores.shape == (8000, 4)


@pytest.mark.parametrize("wide", [L(FEATURES, 16), L(FEATURES, 40, bias=False)], ids=str)
def test_wide_layers_have_the_bits_of_dense_samples(native, wide):
    x, y = numbers().astype(np.float32), np.arange(30) % 3
    net = st.Sequential(wide, st.Sigmoid(), L(wide.out_features, 3))
    with native.computing():
        (a, grads), (b, others) = (
            net.loss_and_gradients(one, y, loss="softmax") for one in (x, sparse.csr_matrix(x))
        )
        assert_same_bits(net(sparse.csr_matrix(x)), net(x))
    assert a == b
    for key, value in grads.items():
        assert_same_bits(others[key], value, key)


@pytest.mark.parametrize("loss", ["softmax", "squared_error"])
def test_gradients_are_those_of_differences(backend, loss):
    x, y = numbers(8), np.arange(8) % 3
    y = y if loss == "softmax" else np.eye(3)[y]
    for net in (
        model(),
        model(st.Maxout(FEATURES, 7)),
        model(st.Identity(), L(FEATURES, 7), st.Dropout(0.3)),
    ):
        with backend.computing():
            check = st.gradients.check_gradients(net, sparse.csc_array(x), y, loss, st.L2(0.01))
        assert check.ok and check.checked > 100


@pytest.mark.parametrize(
    "first",
    [
        (st.BatchNorm(FEATURES), L(FEATURES, 7)),
        (st.LayerNorm(FEATURES), L(FEATURES, 7)),
        (st.Scale(FEATURES), L(FEATURES, 7)),
        (st.PeriodicEmbedding(FEATURES, 2, 2), L(2 * FEATURES, 7)),
        (st.Dropout(0.5), L(FEATURES, 7)),
        (st.ReLU(), L(FEATURES, 7)),
        (st.Residual(L(FEATURES, FEATURES)), L(FEATURES, 7)),
        (st.Identity(), st.Softplus(), L(FEATURES, 7)),
    ],
    ids=lambda first: str(first[0]),
)
def test_other_first_layers_are_refused(first):
    net, X, y = model(*first), sparse.csr_matrix(numbers()), np.arange(30) % 3
    number = int(isinstance(first[0], st.Identity))
    what = type(first[number]).__name__
    message = rf"is a csr_matrix, but layer {number} is {what}\(.*begins with Linear or Maxout .*toarray\(\)"
    for call in (
        lambda: net(X),
        lambda: net.fit(X, y, progress=False),
        lambda: net.loss_and_gradients(X, y, loss="softmax"),
        lambda: st.Trainer(net).step(X, y),
    ):
        with pytest.raises(TypeError, match=f"^X {message}"):
            call()
    with pytest.raises(TypeError, match=f"^X of validation_data {message}"):
        net.fit(X.toarray(), y, validation_data=(X, y), progress=False)


@pytest.mark.parametrize("own", [np.float32, np.float64])
def test_numbers_that_are_not_finite_are_refused(backend, own):
    with st.config(backend.backend):
        net = model(dtype=own)
        for bad in (np.nan, np.inf, -np.inf, *([1e39] if own == np.float32 else [])):
            x = numbers()
            x[20, 3], x[25, 0] = bad, np.nan
            X, y = sparse.csr_matrix(x), np.arange(30) % 3
            message = f"row 20 of X holds NaN or an infinity .or a number too large for {np.dtype(own)}.$"
            for call in (
                lambda X=X: net(X),
                lambda X=X, y=y: net.fit(X, y, progress=False),
                lambda X=X, y=y: st.Trainer(net).step(X, y),
            ):
                with pytest.raises(ValueError, match=message):
                    call()
            with pytest.raises(ValueError, match="row 20 of X of validation_data holds NaN"):
                net.fit(numbers(), y, validation_data=(X, y), progress=False)


def test_shapes_that_do_not_fit_are_refused():
    net, y = model(), np.arange(30) % 3
    for call in (net, lambda X: net.fit(X, y, progress=False), lambda X: st.Trainer(net).step(X, y)):
        with pytest.raises(ValueError, match="X has 11 features, but the first layer takes 12"):
            call(sparse.csr_matrix((30, 11)))
        with pytest.raises(ValueError, match=r"X has shape \(12,\), but must be .*a single sample is X"):
            call(sparse.coo_array(np.zeros(12)))
    with pytest.raises(ValueError, match="X has 29 samples, but y has 30"):
        net.fit(sparse.csr_matrix((29, 12)), y, progress=False)
    wide = sparse.csr_array((1, 2**31))
    with pytest.raises(ValueError, match="X has 2147483648 features, but sparse samples have 2147483647 at"):
        sparse_rows(wide, np.dtype(np.float32))


def test_what_is_not_a_real_number_is_refused():
    X = sparse.csr_matrix(numbers())
    with pytest.raises(TypeError, match="X has dtype complex128, but must hold real numbers"):
        model()(X.astype(complex))
    for name in ("y", "sample_weight"):
        given = {"y": np.eye(3)[np.arange(30) % 3], name: X}
        with pytest.raises(TypeError, match=f"{name} is a csr_matrix, but must be dense: use its toarray"):
            model().fit(X, loss="squared_error", progress=False, **given)


@pytest.mark.parametrize("name", ["csr", "csc"])
@pytest.mark.parametrize(
    ("array", "place", "value", "message"),
    [
        ("indices", 0, 1000, "is not a valid {}_matrix: ind"),
        ("indices", 0, -1, "is not a valid {}_matrix: "),
        ("indptr", 3, 1000, "is not a valid {}_matrix: ind"),
        ("indptr", 0, 1, "is not a valid {}_matrix: ind"),
    ],
)
def test_entries_outside_of_the_matrix_are_refused(backend, name, array, place, value, message):
    with st.config(backend.backend):
        X, y = getattr(sparse, f"{name}_matrix")(numbers()), np.arange(30) % 3
        getattr(X, array)[place] = value
        for call in (lambda: model()(X), lambda: model().fit(X, y, progress=False)):
            with pytest.raises(ValueError, match=message.format(name)):
                call()
