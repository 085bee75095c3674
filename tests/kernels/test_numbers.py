"""Integers beyond 64 bits, weights of no sum, settings beyond a dtype: each is named."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st


def test_weights_that_nothing_can_be_divided_by_are_named(backend, data):
    X, y = data
    for dtype, weight, message in [
        (
            np.float32,
            1e-46,
            "the largest sample_weight is 1e-46, but must be at least 1.4.*e-45, the smallest",
        ),
        (np.float64, 1e-310, "the largest sample_weight is 1e-310, but .* 2.2.*e-308, the smallest normal"),
        (np.float64, 1e307, "the 300 numbers of sample_weight have the sum inf, but it must be at most 1.79"),
        (np.float32, 1e39, r"sample_weight of sample 0 is 1e\+39, but must be at most 3.4.*of float32"),
    ]:
        with backend.computing(), pytest.raises(ValueError, match=message):
            model = small_model(dtype)
            model(X)
            model.fit(X, y, sample_weight=np.full(300, weight), progress=False)


def test_integers_beyond_64_bits_are_named(backend, data):
    model = small_model()
    with backend.computing():
        for number in (2**63, 2**64, 10**5000):
            shown = "an integer of 16610 bits" if number == 10**5000 else number
            for name in ("epochs", "batch_size", "batch_group"):
                with pytest.raises(ValueError, match=rf"{name} is {shown}, but must be at most {2**63 - 1}"):
                    model.fit(*data, progress=False, **{name: number})
            for ask in (
                lambda step: model.loss_and_gradients(*data, loss="softmax", step=step),
                lambda step: model.directional_derivative(*data, {}, loss="softmax", step=step),
                st.schedules.Cosine(0.1, 10),
                st.schedules.InverseScaling(0.1),
            ):
                with pytest.raises(ValueError, match=f"step is {shown}, but must be at most {2**63 - 1}"):
                    ask(number)
        assert st.schedules.InverseScaling(0.1, 1e300)(2**63 - 1) == 0
        model(data[0])  # for the proof, which asks what computed last


@pytest.mark.parametrize("number", [2**63, 2**64, 10**400])
def test_descriptions_refuse_integers_beyond_64_bits(number):
    shown = "an integer of 1329 bits" if number == 10**400 else number
    rule = f"is {shown}, but must be at most {2**63 - 1}"
    for make in (
        lambda n: st.Linear(n, 2),
        lambda n: st.Linear(2, n),
        lambda n: st.Maxout(2, 2, n),
        st.BatchNorm,
        st.Scale,
        st.PeriodicEmbedding,
        lambda n: st.PeriodicEmbedding(2, n),
        lambda n: st.PeriodicEmbedding(2, outputs=n),
        st.EarlyStopping,
        st.PolyakAverage,
        st.PolynomialFeatures,
        lambda n: st.schedules.Step(0.1, n),
        lambda n: st.schedules.Cosine(0.1, n),
        lambda n: st.schedules.CosineLog(0.1, n),
        lambda n: st.schedules.FlatCosine(0.1, n),
        lambda n: st.schedules.Warmup(n, 0.1),
        lambda n: st.gradients.random_search(lambda x: 1.0, 2, n),
        lambda n: st.gradients.local_search(lambda x: 1.0, [1.0], n, 0.1),
        lambda n: st.gradients.gradient_descent(lambda x: 1.0, [1.0], 0.1, n),
    ):
        with pytest.raises(ValueError, match=rule):
            make(number)
    with pytest.raises(ValueError, match="strength is an integer of 1329 bits, but must be finite"):
        st.L2(10**400)


def test_sizes_beyond_memory_are_named():
    for layer in (st.Linear(2**40, 2**40), st.Linear(2**63 - 1, 1), st.Maxout(3, 2**40, 2**40)):
        with pytest.raises(
            ValueError, match=r"layer 0 is .*, whose weight of \d+ x \d+ numbers is larger than any"
        ):
            st.Sequential(layer)


def test_what_is_no_model_is_named():
    for wrong in (5, None, "model", st.Sequential, st.Linear(2, 3)):
        with pytest.raises(TypeError, match=r"model must be a st\.Sequential, not "):
            st.Trainer(wrong)


def test_settings_that_the_dtype_cannot_hold_are_refused_wherever_they_come_in(backend, data):
    X, y = data
    model, before = small_model(), small_model()
    trainer = st.Trainer(model)
    refused = "must be at (most|least) .* number of float32"
    with backend.computing():
        model(X)
        for ask in (
            lambda: st.Trainer(model, clip_value=1e39),
            lambda: st.Trainer(model, clip_norm=1e-40),
            lambda: st.Trainer(model, constraint=st.MaxNorm(1e39)),
            lambda: model.fit(X, y, optimizer=st.SGD(1e-46)),
            lambda: model.fit(X, y, penalty={2: st.L2(2e38)}),
            lambda: setattr(trainer, "optimizer", st.Adam(epsilon=1e-46)),
            lambda: model.loss_and_gradients(X, y, loss="softmax", penalty=st.L2(1e39)),
            lambda: model.directional_derivative(X, y, {}, loss=st.MulticlassHinge(1e39)),
            lambda: st.Sequential(st.Linear(2, 2), st.Residual(st.LeakyReLU(1e39))),
            lambda: st.Sequential(st.Linear(2, 2), initializer=st.initializers.Normal(1e39)),
        ):
            with pytest.raises(ValueError, match=refused):
                ask()
    assert trainer.optimizer == st.SGD()
    assert_equal_models(model, before)
