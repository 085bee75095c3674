"""Models, losses and penalties whose gradients are checked, and data for them."""

from __future__ import annotations

import numpy as np

import steepest as st
from steepest.losses import CustomLoss, as_loss

MODELS = {
    "linear": [st.Linear(5, 4)],
    "no bias": [st.Linear(5, 4, bias=False), st.Identity()],
    "relu": [st.Linear(5, 6), st.ReLU(), st.Linear(6, 4)],
    "sigmoid": [st.Linear(5, 6), st.Sigmoid(), st.Linear(6, 4)],
    "tanh": [st.Linear(5, 6), st.Tanh(), st.Linear(6, 4)],
    "two in a row": [st.Linear(5, 6), st.Tanh(), st.ReLU(), st.Sigmoid(), st.Linear(6, 4), st.Tanh()],
    "activations first": [st.Sigmoid(), st.Tanh(), st.Linear(5, 4), st.ReLU()],
    "three layers": [
        st.Linear(5, 7),
        st.ReLU(),
        st.Linear(7, 6),
        st.Sigmoid(),
        st.Linear(6, 4),
        st.Tanh(),
    ],
    "maxout": [st.Linear(5, 4), st.Maxout(4, 4, 3), st.Linear(4, 4)],
    "dropout": [st.Linear(5, 6), st.Tanh(), st.Dropout(0.3), st.Linear(6, 4)],
    "batch norm": [st.Linear(5, 6), st.BatchNorm(6), st.ReLU(), st.Linear(6, 4)],
    "layer norm": [st.LayerNorm(5), st.Linear(5, 6), st.LayerNorm(6), st.SiLU(), st.Linear(6, 4)],
    "batch norm at both ends": [st.BatchNorm(5), st.Linear(5, 4), st.BatchNorm(4), st.Tanh()],
    "residual": [
        st.Linear(5, 6),
        st.ReLU(),
        st.Residual(st.Linear(6, 3), st.Tanh(), st.Residual(st.Linear(3, 3)), st.Linear(3, 6)),
        st.Sigmoid(),
        st.Linear(6, 4),
    ],
    "left out": [st.Linear(5, 4), st.Residual(st.Linear(4, 4), survival_probability=1e-9), st.Tanh()],
    "residual first": [st.Residual(st.Linear(5, 5)), st.Linear(5, 4)],
    "pooling": [st.Linear(5, 24), st.FractionalMaxPool2d(4, 3, 2, 1.5), st.Tanh(), st.Linear(8, 4)],
    "leaky relu": [st.Linear(5, 6), st.LeakyReLU(), st.Linear(6, 4), st.LeakyReLU(1.5)],
    "elu": [st.Linear(5, 6), st.ELU(), st.Linear(6, 4), st.ELU(0.5)],
    "selu": [st.Linear(5, 6), st.SELU(), st.Linear(6, 4), st.SELU()],
    "mish": [st.Mish(), st.Linear(5, 6), st.Mish(), st.Linear(6, 4), st.Mish()],
    "scale": [st.Scale(5), st.Linear(5, 6), st.Scale(6), st.Tanh(), st.Linear(6, 4), st.Scale(4), st.Mish()],
    "periodic": [
        st.PeriodicEmbedding(5, 3, 2, std=0.5, columns=[1, 4]),
        st.Linear(7, 3),
        st.PeriodicEmbedding(3, 2, 5),
        st.Tanh(),
        st.Linear(15, 4),
    ],
    "lecun tanh": [st.Linear(5, 6), st.LeCunTanh(), st.Linear(6, 4)],
    "softplus": [st.Linear(5, 6), st.Softplus(), st.Linear(6, 4), st.Softplus()],
    "gelu": [st.Linear(5, 6), st.GELU(), st.Linear(6, 4), st.GELU()],
    "gelu everywhere": [st.GELU(), st.Linear(5, 6), st.Tanh(), st.GELU(), st.GELU(), st.Softplus()]
    + [st.GELU(), st.Linear(6, 6), st.GELU(), st.ELU(2.0), st.LeakyReLU(0.2), st.Linear(6, 4)],
}


def cubes(predictions, targets):
    """A loss of one's own: the mean over samples of |prediction - target|**3."""
    distance = predictions - targets
    return (np.abs(distance) ** 3).sum() / len(targets), 3 * distance * np.abs(distance) / len(targets)


LOSSES = [
    "softmax",
    "hinge",
    "squared_hinge",
    st.MulticlassHinge(2.5),
    "squared_error",
    st.SquaredError("sum"),
    "absolute_error",
    "huber",
    st.Huber(0.5, "sum"),
    "binary_cross_entropy",
    st.BinaryCrossEntropy("sum"),
    st.SquaredError(factor=0.5),
    "poisson",
    st.SoftmaxCrossEntropy(label_smoothing=0.2),
    CustomLoss(cubes),
]
PENALTIES = [None, st.L2(0.03), st.L1(0.03), st.ElasticNet(0.03, 0.5)]


def turn(name, loss):
    """The penalty of a model with a loss, and whether samples have weights: over all pairs, in turn."""
    place = list(MODELS).index(name) + LOSSES.index(loss)
    return PENALTIES[place % 4], place // 4 % 2 == 1 and not isinstance(loss, CustomLoss)


def targets_of(loss, labels, targets):
    loss = as_loss(loss)
    if loss.takes_labels:
        return labels
    if isinstance(loss, st.PoissonDeviance):
        return np.abs(targets)
    return targets % 1 if isinstance(loss, st.BinaryCrossEntropy) else targets


def problem(loss, dtype=np.float64, weighted=False):
    rng = np.random.default_rng(7)
    X, labels, targets = rng.standard_normal((9, 5)), rng.integers(0, 4, 9), rng.standard_normal((9, 4))
    weight = rng.random(9) if weighted else np.ones(9)
    y = targets_of(loss, labels, targets)
    return X.astype(dtype), y if y.ndim == 1 else y.astype(dtype), weight


def lines(weights):
    """A model that sums its inputs, times weights; with the penalty L1 each weight has its kink at 0."""
    model = st.Sequential(st.Linear(len(weights), 1, bias=False), dtype=np.float64)
    model.load_state_dict({"0.weight": np.reshape(weights, (-1, 1))})
    return model
