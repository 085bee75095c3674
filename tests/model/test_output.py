"""A model that ends with a sigmoid is refused for a loss that takes scores before one; others are not."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import numbers

import steepest as st
from steepest.gradients import check_gradients

L, S = st.Linear(6, 2), st.Sigmoid()
X, LABELS, TARGETS = numbers((12, 6)), np.arange(12) % 2, np.eye(2)[np.arange(12) % 2]
LOSSES = {
    "softmax": LABELS,
    st.SoftmaxCrossEntropy(0.1): LABELS,
    "binary_cross_entropy": TARGETS,
    st.BinaryCrossEntropy("sum"): TARGETS,
}
HIDDEN = {
    "last": ([L, S], 1),
    "before an identity": ([L, S, st.Identity()], 1),
    "before a dropout": ([L, S, st.Dropout(0.2), st.Identity()], 1),
    "before what passes its answers on": ([L, S, st.ReLU(), st.LeakyReLU(), st.ELU()], 1),
    "before a pooling": ([st.Linear(6, 8), S, st.FractionalMaxPool2d(2, 2, 2, 2.0)], 1),
    "two of them": ([L, st.Sigmoid(), S], 2),
    "inside of a shortcut around a sigmoid": ([L, S, st.Residual(st.Dropout(), S)], "2.1"),
    "before a shortcut around nothing": ([L, S, st.Residual(st.Identity())], 1),
}
FREE = {
    "hidden": [st.Linear(6, 3), S, st.Linear(3, 2)],
    "first": [S, L],
    "scaled": [L, S, st.BatchNorm(2)],
    "beside a shortcut of any size": [L, st.Residual(st.Linear(2, 2), S)],
    "before a shortcut around a Linear": [L, S, st.Residual(st.Linear(2, 2))],
    "of another kind": [L, st.Tanh()],
    "behind another kind": [L, S, st.Tanh()],
}


def calls(model, loss, y):
    yield lambda: st.Trainer(model, loss)
    yield lambda: model.fit(X, y, loss=loss, progress=False)
    yield lambda: model.loss_and_gradients(X, y, loss=loss)
    yield lambda: model.directional_derivative(X, y, {}, loss=loss)
    yield lambda: check_gradients(model, X, y, loss, max_coordinates=2)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("where", HIDDEN)
def test_a_last_sigmoid_is_refused(where, loss):
    layers, number = HIDDEN[where]
    for call in calls(st.Sequential(*layers), loss, LOSSES[loss]):
        message = rf"layer {number} is Sigmoid\(\), .* applies its own .*: remove the layer, and use st\."
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("where", FREE)
def test_other_models_learn(where, loss):
    for call in calls(st.Sequential(*FREE[where]), loss, LOSSES[loss]):
        call()


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "poisson", "hinge"])
def test_other_losses_take_a_sigmoid(loss):
    for call in calls(st.Sequential(L, S), loss, LABELS if loss == "hinge" else TARGETS):
        call()
