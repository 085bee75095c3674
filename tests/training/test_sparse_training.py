"""Training on sparse samples: fits and steps come to what they come to on the same dense ones."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import FUSED, ISAS, THREADS, Implementation, needs_native
from support.tolerances import assert_close, assert_equal_models, assert_same_bits

import steepest as st

sparse = pytest.importorskip("scipy.sparse")

L, SAMPLES, FEATURES = st.Linear, 120, 60
OPTIMIZERS = [
    st.SGD(0.1),
    st.SGD(0.1, 0.9),
    st.Adam(0.01),
    st.AdamW(0.01),
    st.NAdam(0.01),
    st.RMSProp(0.01),
    st.AdaGrad(0.01),
    st.Lion(0.001),
]
OPTIONS = {
    "plain": {},
    "L2": {"penalty": st.L2(0.01)},
    "proximal L1": {"penalty": {0: st.L1(0.01, proximal=True)}},
    "clipped values": {"clip_value": 0.01},
    "clipped norm": {"clip_norm": 0.1, "penalty": st.L2(0.01)},
    "constrained": {"constraint": st.MaxNorm(0.5)},
    "averaged": {"averaging": st.ExponentialAverage(0.9)},
}


def samples(count=SAMPLES, features=FEATURES, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, features)) * (rng.random((count, features)) < 0.1)
    return x, rng.integers(0, 4, count)


def network(hidden=20, dtype=np.float64, features=FEATURES):
    return st.Sequential(L(features, hidden), st.Tanh(), st.Dropout(0.2), L(hidden, 4), dtype=dtype, seed=3)


def fitted(X, y, hidden=20, dtype=np.float64, epochs=3, **options):
    model = network(hidden, dtype, X.shape[1])
    return model, model.fit(X, y, epochs=epochs, batch_size=16, progress=False, **options)


def assert_near(a, b, steps=24):
    """Models and histories, within the roundings of so many steps; parameters are of size 1."""
    np.testing.assert_allclose(a[1].loss, b[1].loss, rtol=1e-12 * steps)
    np.testing.assert_allclose(a[1].validation_loss, b[1].validation_loss, rtol=1e-12 * steps)
    other = b[0].state_dict()
    for key, value in a[0].state_dict().items():
        assert_close(value, other[key], 200 * steps, 1 + np.abs(value))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("options", OPTIONS)
def test_fits_are_those_of_dense_samples(backend, options, optimizer):
    x, y = samples()
    options = {"optimizer": optimizer, "sample_weight": np.linspace(0, 2, SAMPLES), **OPTIONS[options]}
    with backend.computing():
        dense = fitted(x, y, validation_data=(x[:50], y[:50]), **options)
        X = sparse.csr_array(x)
        assert_near(dense, fitted(X, y, validation_data=(X[:50], y[:50]), **options))


@pytest.mark.parametrize("optimizer", [st.SGD(0.1), st.Adam(0.01)], ids=lambda o: type(o).__name__)
def test_wide_layers_learn_the_bits_of_dense_samples(native, optimizer):
    x, y = samples()
    with native.computing():
        dense = fitted(x.astype(np.float32), y, 33, np.float32, optimizer=optimizer)
        other = fitted(sparse.csc_matrix(x), y, 33, np.float32, optimizer=optimizer)
    assert dense[1].loss == other[1].loss
    assert_equal_models(dense[0], other[0])


@pytest.mark.parametrize("options", OPTIONS)
def test_steps_are_those_of_dense_samples(backend, options):
    x, y = samples()
    X, dense, other = sparse.csr_matrix(x), network(), network()
    with backend.computing():
        one, two = (
            st.Trainer(model, optimizer=st.Adam(0.01), **OPTIONS[options]) for model in (dense, other)
        )
        for i in range(0, SAMPLES, 30):
            weight = None if i else np.ones(30)
            objective = one.step(x[i : i + 30], y[i : i + 30], weight)
            assert two.step(X[i : i + 30], y[i : i + 30], weight) == pytest.approx(objective)
    for key, value in dense.state_dict().items():
        assert_close(other.state_dict()[key], value, 1000, 1 + np.abs(value))


@needs_native
@pytest.mark.parametrize("options", ["plain", "L2", "clipped norm"])
@pytest.mark.parametrize("optimizer", [st.SGD(0.05), st.Adam(0.01), st.Adam(0.01, lazy=True)], ids=str)
def test_threads_and_instruction_sets_change_no_bit(optimizer, options):
    options = dict(OPTIONS[options])
    if getattr(optimizer, "lazy", False) and "penalty" in options:
        options["penalty"] = {3: options["penalty"]}
    x, y = samples(400, 500)
    X, results = sparse.csr_matrix(x), {}
    for isa in ISAS:
        for threads in THREADS:
            with Implementation("native", isa, threads).computing():
                model = network(40, features=500)
                model.fit(X, y, optimizer=optimizer, epochs=2, batch_size=200, progress=False, **options)
            results[isa, threads] = model
    for (isa, _), model in results.items():
        same = (m for (i, _), m in results.items() if i == isa or {i, isa} <= set(FUSED))
        assert_equal_models(model, next(same))


WIDE = 1000  # features: many more than the entries of a batch


def wide_fit(X, y, dtype=np.float64, **options):
    """A fit of enough steps to write a lazy weight within an epoch."""
    model = st.Sequential(L(WIDE, 19), st.ReLU(), L(19, 4), dtype=dtype, seed=3)
    return model, model.fit(X, y, epochs=3, batch_size=5, progress=False, **options)


@pytest.mark.parametrize("penalty", [None, st.L2(0.01), {2: st.L1(0.01)}], ids=str)
@pytest.mark.parametrize(
    "optimizer",
    [
        st.SGD(0.05, 0.9),
        st.SGD(0.05, 0.9, nesterov=True),
        st.SGD(0.05, 0.5),
        st.SGD(st.schedules.Exponential(0.1, 0.99), 0.97, nesterov=True),
    ],
    ids=str,
)
def test_momentum_of_features_that_a_batch_lacks_goes_on(native, optimizer, penalty):
    rng = np.random.default_rng(0)
    X, y = sparse.random_array((400, WIDE), density=0.01, format="csr", rng=rng), rng.integers(0, 4, 400)
    with native.computing():
        lazy = wide_fit(X, y, optimizer=optimizer, penalty=penalty)
        dense = wide_fit(X.toarray(), y, optimizer=optimizer, penalty=penalty)
    np.testing.assert_allclose(lazy[1].loss, dense[1].loss, rtol=1e-10)
    for key, value in dense[0].state_dict().items():
        np.testing.assert_allclose(lazy[0].state_dict()[key], value, atol=1e-11)


@needs_native
def test_lazy_momentum_has_the_bits_of_one_thread():
    rng = np.random.default_rng(0)
    X, y = sparse.random_array((400, WIDE), density=0.01, format="csr", rng=rng), rng.integers(0, 4, 400)
    fits = {}
    for isa in ISAS:
        for threads in THREADS:
            with Implementation("native", isa, threads).computing():
                options = {"optimizer": st.SGD(0.05, 0.9, nesterov=True), "penalty": st.L2(0.01)}
                fits[isa, threads] = wide_fit(X, y, np.float32, **options)
    for (isa, _), (model, history) in fits.items():
        same = [fit for (i, _), fit in fits.items() if i == isa or {i, isa} <= set(FUSED)]
        assert_equal_models(model, same[0][0])
        assert history.loss == same[0][1].loss


def test_a_custom_loss_metrics_and_callbacks_see_the_same(backend):
    x, y = samples()
    seen = {"dense": [], "sparse": []}

    def loss(scores, targets):
        return st.functional.softmax_cross_entropy(scores, targets)

    with backend.computing():
        for name, X in (("dense", x), ("sparse", sparse.csr_array(x))):
            kept = seen[name]
            _, history = fitted(
                *(X, y),
                loss=loss,
                validation_data=(X, y),
                metrics={"accuracy": st.accuracy},
                callbacks=[lambda state, X=X, kept=kept: kept.append(state.model(X).sum())],
                batch_callbacks=[lambda state, kept=kept: kept.append(state.loss)],
            )
            kept += history.metrics["accuracy"]
    np.testing.assert_allclose(seen["dense"], seen["sparse"], rtol=1e-9, atol=1e-9)


def test_validation_may_be_dense_where_samples_are_sparse_and_the_other_way(backend):
    x, y = samples()
    X = sparse.csr_matrix(x)
    with backend.computing():
        all_dense = fitted(x, y, validation_data=(x, y))
        assert_near(all_dense, fitted(X, y, validation_data=(x, y)))
        assert_near(all_dense, fitted(x, y, validation_data=(X, y)))


def test_rows_without_entries_teach_the_biases(backend):
    y = np.arange(40) % 4
    with backend.computing():
        dense, other = fitted(np.zeros((40, 5)), y), fitted(sparse.csr_matrix((40, 5)), y)
    assert_near(dense, other)
    assert_same_bits(other[0].state_dict()["0.weight"], network(features=5).state_dict()["0.weight"])
    assert other[0].state_dict()["3.bias"].any()


def test_a_fit_in_parts_is_the_whole_fit(backend):
    x, y = samples()
    X = sparse.csr_matrix(x)
    with backend.computing():
        whole, parts = st.Trainer(network()), st.Trainer(network())
        whole.fit(X, y, epochs=4, batch_size=16, progress=False)
        for _ in range(4):
            parts.fit(X, y, epochs=1, batch_size=16, progress=False)
    assert_equal_models(whole.model, parts.model)


def test_a_fit_that_diverges_goes_back_to_its_last_epoch(backend):
    x, y = samples()
    x[x != 0] *= 1e200
    model = st.Sequential(L(FEATURES, 4), dtype=np.float64)
    before = model.state_dict()
    with backend.computing(), pytest.raises(st.DivergenceError):
        model.fit(sparse.csr_matrix(x), y, optimizer=st.SGD(1e200), progress=False)
    for key, value in before.items():
        assert_same_bits(model.state_dict()[key], value, key)
