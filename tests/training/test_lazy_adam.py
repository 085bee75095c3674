"""`Adam(lazy=True)`: only what a sparse batch touches moves, and all the rest is plain Adam."""

from __future__ import annotations

import numpy as np
import pytest
from support.tolerances import assert_close, assert_equal_models, assert_same_bits

import steepest as st

sparse = pytest.importorskip("scipy.sparse")

L, FEATURES = st.Linear, 40
LAZY, PLAIN = st.Adam(0.01, lazy=True), st.Adam(0.01)
LIMITS = [
    {},
    {"clip_norm": 0.05},
    {"clip_value": 0.001},
    {"constraint": st.MaxNorm(0.7)},
    {"averaging": st.PolyakAverage()},
    {"penalty": {2: st.L2(0.1)}},
]


def samples(count=60, share=0.05, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, FEATURES)) * (rng.random((count, FEATURES)) < share)
    return sparse.csr_array(x), rng.integers(0, 3, count)


def network(dtype=np.float64, hidden=17):
    return st.Sequential(L(FEATURES, hidden), st.ReLU(), L(hidden, 3), dtype=dtype, seed=4)


def trainer(optimizer=LAZY, dtype=np.float64, **options):
    return st.Trainer(network(dtype), optimizer=optimizer, **options)


def moments(trainer):
    slots = trainer.learning.state.optimizer.slots
    return [slots[name][0].weight for name in ("mean", "mean_square")]


def sparse_adam(X, y, model, batches, rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """The first layer's weight after SparseAdam of PyTorch, row by row, as its source has it."""
    weight, rest = (
        model.state_dict()["0.weight"],
        st.Trainer(model, optimizer=st.Adam(rate, epsilon_hat=True)),
    )
    m, s = np.zeros_like(weight), np.zeros_like(weight)
    for step, batch in enumerate(batches, 1):
        _, gradients = model.loss_and_gradients(X[batch], y[batch], loss="softmax")
        size = rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        for feature in np.unique(X[batch].indices):
            g = gradients["0.weight"][feature]
            m[feature] += (g - m[feature]) * (1 - beta_1)
            s[feature] += (g * g - s[feature]) * (1 - beta_2)
            weight[feature] -= size * m[feature] / (np.sqrt(s[feature]) + epsilon)
        rest.step(X[batch], y[batch])
        model.load_state_dict({**model.state_dict(), "0.weight": weight})
    return weight


def test_it_is_the_sparse_adam_of_other_libraries(backend):
    X, y = samples()
    batches = np.split(np.arange(60), 12)
    with backend.computing():
        expected = sparse_adam(X, y, network(), batches)
        own = trainer(st.Adam(0.01, epsilon_hat=True, lazy=True))
        for batch in batches:
            own.step(X[batch], y[batch])
    assert_close(own.model.state_dict()["0.weight"], expected, 5000, 1)


@pytest.mark.parametrize("options", LIMITS[:3], ids=str)
def test_only_features_of_the_batch_move(implementation, options):
    X, y = samples()
    with implementation.computing():
        own = trainer(**options)
        own.fit(X, y, epochs=1, batch_size=20, progress=False)
        before, kept = own.model.state_dict(), [moment.copy() for moment in moments(own)]
        own.step(X[:5], y[:5])
    touched = np.isin(np.arange(FEATURES), X[:5].indices)
    assert 0 < touched.sum() < FEATURES
    after = own.model.state_dict()
    for old, new in zip((before["0.weight"], *kept), (after["0.weight"], *moments(own)), strict=True):
        assert_same_bits(new[~touched], old[~touched])
        assert (new[touched] != old[touched]).any(axis=1).all()
    for key in ("0.bias", "2.weight", "2.bias"):
        assert (after[key] != before[key]).all()


def test_an_entry_of_zero_touches_its_feature(backend):
    X = sparse.csr_array((np.array([1.0, 0, 1]), np.array([2, 5, 7]), np.array([0, 2, 3])), (2, FEATURES))
    with backend.computing():
        own = trainer()
        own.step(sparse.csr_array(np.ones((2, FEATURES))), [0, 1])
        before = own.model.state_dict()["0.weight"]
        own.step(X, [0, 1])
    moved = (own.model.state_dict()["0.weight"] != before).any(axis=1)
    assert moved.nonzero()[0].tolist() == [2, 5, 7]


def test_the_parameter_acts_on_sparse_samples_alone(backend):
    X, y = samples()
    with backend.computing():
        fits = {}
        for name, optimizer, x in (
            ("lazy", LAZY, X),
            ("plain", PLAIN, X),
            ("lazy, dense", LAZY, X.toarray()),
            ("plain, dense", PLAIN, X.toarray()),
        ):
            own = fits[name] = trainer(optimizer)
            own.fit(x, y, epochs=2, batch_size=10, progress=False)
    weights = {name: own.model.state_dict()["0.weight"] for name, own in fits.items()}
    assert np.abs(weights["lazy"] - weights["plain"]).max() > 1e-3
    assert_equal_models(fits["lazy, dense"].model, fits["plain, dense"].model)


@pytest.mark.parametrize("options", LIMITS, ids=str)
def test_where_all_features_are_touched_it_is_plain_adam(implementation, options):
    X, y = samples(share=1)
    with implementation.computing():
        lazy, plain = trainer(**options), trainer(PLAIN, **options)
        for own in (lazy, plain):
            own.fit(X, y, epochs=2, batch_size=10, progress=False)
    assert_equal_models(lazy.model, plain.model)


@pytest.mark.parametrize("options", LIMITS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_implementation_learns_what_the_reference_does(native, dtype, options):
    X, y = samples()
    fits = []
    for settings in (native.computing(), st.config("reference")):
        with settings:
            own = trainer(dtype=dtype, **options)
            history = own.fit(X, y, epochs=3, batch_size=7, progress=False)
        fits.append((own.model.state_dict(), history.loss, moments(own)))
    (state, loss, kept), (expected, reference_loss, expected_kept) = fits
    scale = 1e5 if dtype == np.float32 else 1e3  # a division by the root of small squares enlarges errors
    np.testing.assert_allclose(loss, reference_loss, rtol=np.finfo(dtype).eps * scale)
    for key, value in expected.items():
        np.testing.assert_allclose(state[key], value, atol=np.finfo(dtype).eps * scale)
    for value, other in zip(kept, expected_kept, strict=True):
        np.testing.assert_allclose(value, other, atol=np.finfo(dtype).eps * scale)
        assert_same_bits(value.any(axis=1), other.any(axis=1))


def test_it_learns(backend):
    rng = np.random.default_rng(0)
    X, y = samples(300, 0.2)
    y = (X @ rng.standard_normal((FEATURES, 3))).argmax(axis=1)
    with backend.computing():
        own = trainer(st.Adam(0.03, lazy=True))
        own.fit(X, y, epochs=30, batch_size=20, progress=False)
        assert st.accuracy(y, own.model(X)) > 0.95


def test_an_optimizer_that_becomes_lazy_keeps_its_state(backend):
    X, y = samples()
    with backend.computing():
        own = trainer(PLAIN)
        own.step(X, y)
        kept = own.learning.state.optimizer
        own.optimizer = LAZY
        assert own.learning.state.optimizer is kept
        before = own.model.state_dict()["0.weight"]
        own.step(X[:1], y[:1])
    moved = (own.model.state_dict()["0.weight"] != before).any(axis=1)
    assert moved.nonzero()[0].tolist() == X[:1].indices.tolist()


@pytest.mark.parametrize("penalty", [st.L2(0.1), st.L1(0.1), {0: st.ElasticNet(0.1, 0.5)}], ids=str)
def test_a_penalty_on_the_first_layer_is_refused(penalty):
    message = (
        r"X is sparse, and .* changes all weights of the first layer .*, but a lazy .*leave out lazy=True, or"
    )
    X, y = samples()
    own = trainer(penalty=penalty)
    before = own.model.state_dict()
    for learn in (own.fit, own.step):
        with pytest.raises(ValueError, match=message):
            learn(X, y)
    for key, value in own.model.state_dict().items():
        assert_same_bits(value, before[key])
    own.optimizer = PLAIN
    with pytest.raises(ValueError, match=message):
        own.fit(X, y, epochs=2, progress=False, callbacks=[lambda _: setattr(own, "optimizer", LAZY)])


@pytest.mark.parametrize("penalty", [st.L2(0.1), {0: st.L1(0.1)}], ids=str)
def test_a_penalty_of_dense_samples_is_that_of_plain_adam(backend, penalty):
    X, y = samples()
    with backend.computing():
        lazy, plain = (trainer(optimizer, penalty=penalty) for optimizer in (LAZY, PLAIN))
        for own in (lazy, plain):
            own.fit(X.toarray(), y, epochs=2, batch_size=10, progress=False)
            own.step(X.toarray(), y)
    assert_equal_models(lazy.model, plain.model)


def test_penalties_that_do_no_harm_are_taken():
    for penalty in (st.L2(0), {2: st.L2(0.1)}):
        trainer(penalty=penalty).step(*samples())


def test_decay_of_all_weights_is_refused(backend):
    with pytest.raises(
        ValueError, match=r"weight_decay is 0.01, which shrinks all weights .* use Adam\(lazy"
    ):
        st.AdamW(lazy=True)
    with pytest.raises(TypeError, match="lazy must be True or False, not 1"):
        st.Adam(lazy=1)
    X, y = samples()
    with backend.computing():
        adam, adamw = trainer(), trainer(st.AdamW(0.01, weight_decay=0, lazy=True))
        for own in (adam, adamw):
            own.fit(X, y, epochs=1, progress=False)
    assert_equal_models(adam.model, adamw.model)
