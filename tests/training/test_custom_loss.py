"""Functions of the caller's own as losses: what they are given, what they may return, and how a fit ends."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from support.strategies import numbers, small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest import functional
from steepest.backends.reference.random import shuffle_order

FIT = {"epochs": 3, "batch_size": 64, "progress": False}


def squared(scores, targets):
    return functional.squared_error(scores, targets)


def softmax(scores, labels):
    return functional.softmax_cross_entropy(scores, labels)


def by_hand(scores, labels):
    """The softmax loss as its textbook has it."""
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(p))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(p)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("own", "name"), [(squared, "squared_error"), (softmax, "softmax")])
@pytest.mark.parametrize("batch_size", [64, 700])
def test_a_copy_of_a_loss_gives_its_bits(implementation, own, name, dtype, batch_size):
    """By whole batches, layer by layer, as by blocks of rows, which 700 rows would be done by otherwise."""
    X, labels = numbers((1500, 40), dtype), np.arange(1500) % 20
    y = labels if name == "softmax" else np.eye(20)[labels]
    how = {"optimizer": st.SGD(0.01, 0.9), "penalty": st.L2(1e-3), "validation_data": (X, y)}
    models = [
        st.Sequential(st.Linear(40, 50), st.Sigmoid(), st.Linear(50, 20), st.Tanh(), dtype=dtype)
        for _ in range(2)
    ]
    with implementation.computing():
        histories = [
            model.fit(X, y, loss=loss, **how, **FIT | {"batch_size": batch_size})
            for model, loss in zip(models, (own, name), strict=True)
        ]
        results = [
            model.loss_and_gradients(X, y, loss=loss) for model, loss in zip(models, (own, name), strict=True)
        ]
        steps = [st.Trainer(m, loss).step(X, y) for m, loss in zip(models, (own, name), strict=True)]
    assert histories[0].loss == histories[1].loss
    assert histories[0].validation_loss == histories[1].validation_loss
    assert results[0][0] == results[1][0] and steps[0] == steps[1]
    for key, gradient in results[1][1].items():
        assert_same_bits(results[0][1][key], gradient, key)
    assert_equal_models(*models)


def test_a_loss_by_hand_learns_what_softmax_learns(backend, data):
    X, y = data
    models = [small_model(np.float64) for _ in range(2)]
    with backend.computing():
        histories = [m.fit(X, y, loss=f, **FIT) for m, f in zip(models, (by_hand, "softmax"), strict=True)]
    assert histories[0].loss == pytest.approx(histories[1].loss, rel=1e-12)
    for key, value in models[1].state_dict().items():
        assert models[0].state_dict()[key] == pytest.approx(value, rel=1e-9, abs=1e-12)


TARGETS = {
    "labels": np.arange(-60, 40, dtype=np.int8),  # any integers
    "bools": np.arange(100) >= 30,
    "numbers": np.arange(100) / 4,
    "columns": np.arange(500.0).reshape(100, 5),  # any number of them, whatever the outputs
    "integer columns": np.arange(200).reshape(100, 2),
}


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", TARGETS)
def test_what_it_is_given(backend, kind, shuffle):
    y, seen = TARGETS[kind], []

    def loss(scores, targets):
        seen.append((scores, targets))
        assert threading.get_ident() == caller
        assert not scores.flags.writeable and not targets.flags.writeable
        return 0, np.zeros_like(scores)

    model, X, caller = small_model(), numbers((100, 6), np.float32), threading.get_ident()
    with backend.computing():
        model.fit(X, y, loss=loss, epochs=1, batch_size=40, shuffle=shuffle, progress=False)
        expected = model(X)
    assert [len(scores) for scores, _ in seen] == [40, 40, 20]
    order = shuffle_order(100, model.seed, 0) if shuffle else np.arange(100)
    # They could be kept, and still hold what they held.
    scores, targets = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    np.testing.assert_allclose(scores, expected[order], rtol=1e-5, atol=1e-6)
    if kind in ("labels", "bools"):
        assert_same_bits(targets, y[order].astype(np.int64))
    else:
        assert_same_bits(targets, y.reshape(100, -1)[order].astype(np.float32))


def test_a_step_and_gradients_take_any_targets(backend):
    X, y = numbers((30, 6)), np.arange(30) - 7
    model = small_model(np.float64)

    def own(scores, targets):
        assert targets.tolist() == y.tolist()
        return (scores[:, 0] * targets).sum(), np.outer(targets, [1, 0, 0])

    with backend.computing():
        value, gradients = model.loss_and_gradients(X, y, loss=own, penalty=st.L2(0.5))
        bias = model.state_dict()["2.bias"]
        assert st.Trainer(model, own, st.SGD(0.1), st.L2(0.5)).step(X, y) == value
    assert gradients["2.bias"].tolist() == [y.sum(), 0, 0]
    assert model.state_dict()["2.bias"] == pytest.approx(bias - 0.1 * gradients["2.bias"])


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (lambda s: None, TypeError, r"CustomLoss\(.*bad\) must return a pair \(loss, gradient\), not None"),
        (lambda s: 1.0, TypeError, "must return a pair"),
        (lambda s: (1.0, s, s), TypeError, "must return a pair"),
        (lambda s: ("1", s), TypeError, r"the loss of CustomLoss\(.*\) must be a real number, not '1'"),
        (lambda s: (s, s), TypeError, "must be a real number"),
        (
            lambda s: (1, s[:, 1:]),
            ValueError,
            r"gradient of .* has shape \(64, 2\), but the scores have \(64, 3\)",
        ),
        (lambda s: (1, 0.0), ValueError, r"has shape \(\), but the scores have"),
        (lambda s: (1, s * 1j), TypeError, "gradient of .* has dtype complex64, but must hold real numbers"),
        (lambda s: (1, s * np.nan), ValueError, "gradient of .* holds NaN or an infinity in row 0"),
        (lambda s: (1, np.full(s.shape, 1e300)), ValueError, "holds NaN or an infinity in row 0"),
        (lambda s: 1 / 0, ZeroDivisionError, "division by zero"),
        (lambda s: s.sort(), ValueError, "read-only"),
        (lambda s: exec("raise SystemExit(3)"), SystemExit, "3"),
    ],
)
def test_what_it_must_not_do(backend, data, result, error, message):
    """The fit ends, with the parameters of the last finished batch."""
    X, y = data
    good, calls = [2], []

    def bad(scores, targets):
        calls.append(0)
        return result(scores) if len(calls) > good[0] else softmax(scores, targets)

    failed, whole = (st.Trainer(small_model(), loss, st.SGD(0.1, 0.9)) for loss in (bad, "softmax"))
    with backend.computing():
        with pytest.raises(error, match=message):
            failed.fit(X, y, shuffle=False, **FIT)
        for part in (slice(0, 64), slice(64, 128)):
            whole.step(X[part], y[part])
        assert_equal_models(failed.model, whole.model)
        for call in (failed.step, lambda X, y: failed.model.loss_and_gradients(X, y, loss=bad)):
            with pytest.raises(error):
                call(X[:64], y[:64])
        with pytest.raises(error):
            failed.fit(X, y, epochs=0 + 1, validation_data=(X, y), progress=False)
        assert_equal_models(failed.model, whole.model)
        good[0] = 10**6  # and it can go on
        assert failed.step(X, y) == whole.step(X, y)
    assert len(calls) == 3 + 2 + 1 + 1
    assert_equal_models(failed.model, whole.model)


def test_what_it_may_return(backend, data):
    X, y = data
    for convert in (np.float32, np.float64, int):
        for gradient in (
            lambda s: np.zeros(s.shape, np.int8),
            lambda s: np.zeros(s.shape).tolist(),
            lambda s: s,
        ):
            with backend.computing():
                loss = st.Trainer(small_model(), lambda s, t, c=convert, g=gradient: [c(3), g(s)])
                assert loss.step(X, y) == 3


def test_its_loss_must_stay_finite(backend, data):
    X, y = data
    calls = []

    def own(scores, targets):
        calls.append(0)
        loss, gradient = softmax(scores, targets)
        return (np.nan if len(calls) == 8 else loss), gradient

    model, other = small_model(), small_model()
    with backend.computing():
        with pytest.raises(st.DivergenceError, match="epoch 1, step 2"):
            model.fit(X, y, loss=own, **FIT)
        other.fit(X, y, loss="softmax", **FIT | {"epochs": 1})
    assert_equal_models(model, other)


def test_sample_weights_are_its_own_affair(backend, data):
    X, y = data
    model = small_model()
    with backend.computing():
        model(X)
        message = r"sample_weight cannot be given with CustomLoss\(softmax\)"
        for call in (
            lambda: model.fit(X, y, loss=softmax, sample_weight=np.ones(300)),
            lambda: st.Trainer(model, softmax).step(X, y, np.ones(300)),
            lambda: model.loss_and_gradients(X, y, loss=softmax, sample_weight=np.ones(300)),
        ):
            with pytest.raises(ValueError, match=message):
                call()
        for y_bad, message in [
            (y[1:], "X has 300 samples, but y has 299"),
            (y[:, None, None], r"y has shape \(300, 1, 1\), but must be \(samples,\) or \(samples, k\)"),
            (np.zeros((300, 0)), r"y has shape \(300, 0\)"),
            (np.full(300, 2**63, np.uint64), "y holds 9223372036854775808, but integers must fit"),
            (np.full(300, np.nan), "row 0 of y holds NaN"),
        ]:
            with pytest.raises(ValueError, match=message):
                model.fit(X, y_bad, loss=softmax)
        with pytest.raises(TypeError, match="y has dtype object"):
            model.fit(X, y.astype(object), loss=softmax)


class Focal:
    def __call__(self, scores, targets):
        return softmax(scores, targets)


def test_its_name_is_shown():
    assert repr(st.Trainer(small_model(), softmax).loss) == "CustomLoss(softmax)"
    assert repr(st.Trainer(small_model(), Focal()).loss).startswith(
        "CustomLoss(<test_custom_loss.Focal object"
    )
    trainer = st.Trainer(small_model(), softmax)
    assert trainer.loss.function is softmax and st.Trainer(small_model(), trainer.loss).loss is trainer.loss
