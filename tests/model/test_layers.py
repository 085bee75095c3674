"""Layers that are no Linear and no activation: formulas, draws, statistics, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies
from support.implementations import FUSED, ISAS, REFERENCE, Implementation, needs_native
from support.strategies import bounded, dtypes, numbers, seeds
from support.tolerances import FUNCTION, assert_close, assert_equal_models, assert_same_bits

import steepest as st

widths = strategies.sampled_from([1, 3, 8, 15, 16, 17, 33, 64, 65, 130])
batches = strategies.sampled_from([1, 2, 7, 63, 64, 65, 130])


def around(layer, features, outputs=None):
    """A model that brings 5 features to a layer's, and back."""
    return [st.Linear(5, features), layer, st.Linear(outputs or features, 3)]


LAYERS = {
    "dropout": lambda n: around(st.Dropout(0.4), n),
    "batch norm": lambda n: around(st.BatchNorm(n), n),
    "maxout": lambda n: around(st.Maxout(n, n, 3), n),
    "residual": lambda n: around(st.Residual(st.Linear(n, n), st.Tanh(), survival_probability=0.6), n),
    "pooling": lambda n: around(st.FractionalMaxPool2d(2, 3, n, 1.3), 6 * n, 2 * n),
}


@needs_native
@pytest.mark.parametrize("name", LAYERS)
@bounded
@given(widths, batches, dtypes, seeds)
def test_steps_are_the_reference(name, width, batch, dtype, seed):
    """Objective, gradients, an update and inference, on each instruction set against the reference."""
    X, y = numbers((batch, 5), dtype, seed % 1000), np.arange(batch) % 3
    results = {}
    for implementation in [REFERENCE, *(Implementation("native", isa, 1) for isa in ISAS)]:
        model = st.Sequential(*LAYERS[name](width), dtype=dtype, seed=seed)
        with implementation.computing():
            objective, gradients = model.loss_and_gradients(X, y, loss="softmax", step=seed % 7)
            st.Trainer(model, optimizer=st.SGD(0.01)).step(X, y)
            results[implementation.isa] = {"objective": np.array(objective), "scores": model(X)}
            results[implementation.isa] |= gradients | {"new " + k: v for k, v in model.state_dict().items()}
    for isa in FUSED[1:]:
        for key, value in results[isa].items():
            assert_same_bits(value, results[FUSED[0]][key], f"{isa} and {FUSED[0]}, {key}")
    expected = results.pop("")
    # A batch of two alike features would be divided by the root of epsilon alone: 300 times the roundings.
    harder = 300 if name == "batch norm" else 1
    largest = max(1, *(np.abs(value).max() for value in expected.values()))
    for result in results.values():
        for key, value in expected.items():
            assert_close(
                result[key],
                value,
                harder * (batch + 8 * width + FUNCTION),
                np.full(value.shape, largest),
                dtype,
            )


def outputs_of(layer, x, steps=1):
    """What a layer makes of x in training, seen through the gradient of a linear loss: x is the weight."""
    model = st.Sequential(st.Linear(len(x), x.shape[1], bias=False), layer, dtype=np.float64)
    model.load_state_dict({k: x if k == "0.weight" else v for k, v in model.state_dict().items()})
    made = []
    for step in range(steps):
        # squared error from 0 of y is sum(y^2): its gradient by W = x through y = x * f is 2 x f^2
        _, gradients = model.loss_and_gradients(
            np.eye(len(x)), np.zeros_like(x), loss=st.SquaredError("sum"), step=step
        )
        made.append(gradients["0.weight"])
    return made


def test_dropout_keeps_the_given_share_and_the_mean(backend):
    p, x = 0.3, np.ones((400, 100))
    with backend.computing():
        first, second = outputs_of(st.Dropout(p), x, steps=2)
    factors = np.sqrt(first / 2)
    assert set(np.unique(factors.round(12))) == {0, round(1 / (1 - p), 12)}
    n = factors.size
    assert abs(np.count_nonzero(factors) / n - (1 - p)) < 5 * np.sqrt(p * (1 - p) / n)
    for axis in (0, 1):  # no row or column is special
        share = np.count_nonzero(factors, axis=axis) / x.shape[axis]
        assert np.abs(share - (1 - p)).max() < 6 * np.sqrt(p * (1 - p) / x.shape[axis])
    agree = np.mean((first > 0) == (second > 0))
    assert abs(agree - (p**2 + (1 - p) ** 2)) < 0.02, "another step draws anew"


def test_dropout_draws_by_seed_and_layer(backend):
    x = np.ones((40, 50))

    def kept(seed, layers):
        model = st.Sequential(st.Linear(40, 50, bias=False), *layers, dtype=np.float64, seed=seed)
        model.load_state_dict({"0.weight": x})
        return model.loss_and_gradients(np.eye(40), np.zeros_like(x), loss=st.SquaredError("sum"))[1][
            "0.weight"
        ]

    with backend.computing():
        base = kept(1, [st.Dropout(0.5)])
        assert_same_bits(kept(1, [st.Dropout(0.5)]), base)
        for other in (kept(2, [st.Dropout(0.5)]), kept(1, [st.Identity(), st.Dropout(0.5)])):
            assert 0.4 < np.mean((other > 0) == (base > 0)) < 0.6


def test_dropout_takes_a_given_mask(backend):
    mask = np.array([[1, 0, 1], [0, 0, 1]])
    x = np.arange(1.0, 7).reshape(2, 3)
    with backend.computing():
        (gradient,) = outputs_of(st.Dropout(0.5, mask=mask), x)
        (by_feature,) = outputs_of(st.Dropout(0.5, mask=[True, False, True]), x)
    assert_same_bits(gradient, 2 * x * (2.0 * mask) ** 2)
    assert_same_bits(by_feature, 2 * x * (2.0 * np.array([1, 0, 1])) ** 2)


def test_dropout_is_off_in_inference_and_nothing_at_0(backend):
    plain = st.Sequential(st.Linear(5, 7), st.ReLU(), st.Linear(7, 3), seed=1)
    dropping = st.Sequential(st.Linear(5, 7), st.ReLU(), st.Dropout(0.9), st.Linear(7, 3), seed=1)
    never = st.Sequential(st.Linear(5, 7), st.ReLU(), st.Dropout(0.0), st.Linear(7, 3), seed=1)
    X, y = numbers((9, 5), np.float32), np.arange(9) % 3
    with backend.computing():
        assert_same_bits(dropping(X), plain(X))
        histories = [model.fit(X, y, epochs=3, batch_size=4, progress=False) for model in (plain, never)]
        assert_same_bits(never(X), plain(X))
    assert histories[0].loss == histories[1].loss


def test_own_steps_draw_as_a_fit_does(backend):
    layers = [st.Linear(5, 20), st.Dropout(0.5), st.Residual(st.Linear(20, 20), survival_probability=0.5)]
    fitted, stepped = (st.Sequential(*layers, st.Linear(20, 3), seed=4) for _ in range(2))
    X, y = numbers((10, 5), np.float32), np.arange(10) % 3
    with backend.computing():
        fitted.fit(X, y, epochs=3, batch_size=4, shuffle=False, progress=False, optimizer=st.SGD(0.1))
        trainer = st.Trainer(stepped, optimizer=st.SGD(0.1))
        for _ in range(3):
            for start in (0, 4, 8):
                trainer.step(X[start : start + 4], y[start : start + 4])
    assert trainer.steps_done == 9
    assert_equal_models(fitted, stepped)


def test_maxout_is_the_largest_piece(backend):
    model = st.Sequential(st.Maxout(4, 3, pieces=5), dtype=np.float64)
    rng, X = np.random.default_rng(1), numbers((7, 4))
    weight, bias = rng.standard_normal((4, 15)), rng.standard_normal(15)
    model.load_state_dict({"0.weight": weight, "0.bias": bias})
    pieces = (X @ weight + bias).reshape(7, 5, 3)
    with backend.computing():
        assert model(X) == pytest.approx(pieces.max(axis=1), rel=1e-14)
        model.load_state_dict({"0.weight": np.zeros((4, 15)), "0.bias": np.zeros(15)})
        _, gradients = model.loss_and_gradients(X, np.ones((7, 3)), loss="squared_error")
    bias_gradient = gradients["0.bias"].reshape(5, 3)
    assert bias_gradient[0] == pytest.approx([-2] * 3) and not bias_gradient[1:].any(), "the first of equals"


def test_residual_adds_and_survives_as_often_as_it_says(backend):
    layers = st.Linear(3, 3, bias=False)
    model = st.Sequential(layers, st.Residual(layers, survival_probability=0.75), dtype=np.float64)
    model.load_state_dict({"0.weight": np.eye(3), "1.0.weight": 2 * np.eye(3)})
    X, y = numbers((6, 3)), np.zeros((6, 3))
    with backend.computing():
        assert model(X) == pytest.approx(X + 0.75 * 2 * X)
        losses = np.array(
            [model.loss_and_gradients(X, y, loss="squared_error", step=step)[0] for step in range(400)]
        )
    alone = np.square(X).sum() / 6  # of x; of x + 2 x it is 9 times that
    survived = np.isclose(losses, 9 * alone)
    assert (survived | np.isclose(losses, alone)).all()
    assert abs(survived.mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 400)


def test_fractional_pooling_takes_the_largest_of_each_region(backend):
    """Of 5 x 4 pixels in 3 x 2; in inference u = 1/2, so ceil(5/3 (i + 1/2)) = 1, 3, 5, 6, less the first."""
    pool = st.FractionalMaxPool2d(5, 4, 2, 1.6)
    assert pool.pooled == (3, 2)
    model = st.Sequential(st.Linear(40, 40, bias=False), pool, dtype=np.float64)
    model.load_state_dict({"0.weight": np.eye(40)})
    X = numbers((6, 40))
    images, down, right = X.reshape(6, 5, 4, 2), [0, 2, 4, 5], [0, 2, 4]
    expected = [
        [images[:, down[i] : down[i + 1], right[j] : right[j + 1]].max(axis=(1, 2)) for j in range(2)]
        for i in range(3)
    ]
    with backend.computing():
        assert_same_bits(
            model(X), np.stack([np.stack(row, axis=1) for row in expected], axis=1).reshape(6, -1)
        )
        places = set()
        for step in range(30):
            zero = np.zeros((6, 12))
            _, gradients = model.loss_and_gradients(X, zero, loss=st.SquaredError("sum"), step=step)
            places.add(gradients["0.weight"].tobytes())
    assert len(places) == 3, "5 rows are cut into 1 + 2 + 2, 2 + 1 + 2 or 2 + 2 + 1, 4 columns into 2 + 2"


def test_pooling_by_1_changes_nothing(backend):
    plain, pooled = (
        st.Sequential(st.Linear(5, 12), *extra, st.Linear(12, 3), dtype=np.float64, seed=2)
        for extra in ([], [st.FractionalMaxPool2d(2, 3, 2, 1.0)])
    )
    X, y = numbers((20, 5)), np.arange(20) % 3
    with backend.computing():
        for model in (plain, pooled):
            model.fit(X, y, epochs=2, batch_size=8, progress=False)
        assert_same_bits(pooled(X), plain(X))
