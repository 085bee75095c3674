"""The training steps that are measured, as data, and the answer that each of them must give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import steepest as st

Array = NDArray[Any]

CHECKED_STEPS = 3
# Allowed error of the learned weights as a share of the way they went. In float32 a hidden unit within
# rounding of ReLU's kink may fall on the other side, which moves a gradient by up to a thousandth.
TOLERANCE = {"float32": 1e-2, "float64": 1e-8}

_ACTIVATIONS = {"relu": st.ReLU, "sigmoid": st.Sigmoid, "tanh": st.Tanh}
_OPTIMIZERS = {"sgd": st.SGD, "adam": st.Adam}
_LOSSES = {
    "softmax": st.SoftmaxCrossEntropy(),
    "hinge": st.MulticlassHinge(),
    "squared_error": st.SquaredError(reduction="sum"),
}


@dataclass(frozen=True)
class Problem:
    """Steps on one batch, again and again; `sizes` are the features of input, hidden layers, output."""

    batch: int
    sizes: tuple[int, ...]
    activation: Literal["relu", "sigmoid", "tanh"] = "relu"
    loss: Literal["softmax", "hinge", "squared_error"] = "softmax"
    dtype: Literal["float32", "float64"] = "float32"
    bias: bool = True
    learning_rate: float = 0.01
    optimizer: Literal["sgd", "adam"] = "sgd"
    limit: Literal["peak", "bandwidth"] = "peak"  # what bounds a perfect step: arithmetic, or memory

    @property
    def name(self) -> str:
        """What tables and benchmark groups call it."""
        activation = f" {self.activation}" if len(self.sizes) > 2 else ""
        optimizer = "" if self.optimizer == "sgd" else f" {self.optimizer}"
        return (
            f"{self.batch} x {'-'.join(map(str, self.sizes))}{activation} {self.loss}{optimizer} {self.dtype}"
        )

    @property
    def multiply_adds(self) -> int:
        """Of a step's matrix products: forward, weight gradient, and input gradient but for the first."""
        products = [fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes)]
        return self.batch * (3 * sum(products) - products[0])

    @property
    def bytes(self) -> int:
        """Moved where no cache holds the weights: they are read by each product, written by the update."""
        products = [fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes)]
        return np.dtype(self.dtype).itemsize * (4 * sum(products) - products[0])

    def trainer(self, dtype: str) -> st.Trainer:
        """A trainer of a new model."""
        layers: list[st.Linear | st.ReLU | st.Sigmoid | st.Tanh] = []
        for fan_in, fan_out in pairwise(self.sizes):
            layers += [st.Linear(fan_in, fan_out, bias=self.bias), _ACTIVATIONS[self.activation]()]
        model = st.Sequential(*layers[:-1], dtype=dtype)
        optimizer = _OPTIMIZERS[self.optimizer](self.learning_rate)
        return st.Trainer(model, loss=_LOSSES[self.loss], optimizer=optimizer)

    def pairs(self, parameters: Sequence[Any]) -> list[tuple[Any, Any]]:
        """Weight and bias (None without one) of each layer, from parameters as `initial` orders them."""
        if not self.bias:
            return [(weight, None) for weight in parameters]
        return list(zip(parameters[::2], parameters[1::2], strict=True))


# The lecture's program of 20 lines has no biases.
_LECTURE: Any = {"activation": "sigmoid", "loss": "squared_error", "bias": False, "learning_rate": 1e-4}

PROBLEMS = (
    Problem(64, (1000, 100, 10), **_LECTURE, dtype="float64"),
    Problem(64, (1000, 100, 10), **_LECTURE),
    Problem(128, (784, 256, 10)),
    Problem(128, (784, 512, 256, 10)),
    Problem(128, (784, 512, 256, 10), optimizer="adam", learning_rate=0.001),
    Problem(256, (1024, 1024, 1024, 10)),
    Problem(64, (4096, 4096, 1000)),
    Problem(8, (4096, 4096), limit="bandwidth"),
    Problem(256, (3072, 10)),
    Problem(256, (3072, 10), loss="hinge"),
    Problem(10, (2, 8, 8, 2), activation="tanh"),
)


@cache
def data(problem: Problem) -> tuple[Array, Array]:
    """The batch: rows and labels, or targets for squared error. Do not write to it."""
    random = np.random.default_rng(0)
    x = random.standard_normal((problem.batch, problem.sizes[0])).astype(problem.dtype)
    if problem.loss == "squared_error":
        return x, random.standard_normal((problem.batch, problem.sizes[-1])).astype(problem.dtype)
    return x, random.integers(problem.sizes[-1], size=problem.batch)


@cache
def initial(problem: Problem) -> list[Array]:
    """What every competitor starts from: weights (in, out) and biases, layer by layer. Do not write to it."""
    return list(problem.trainer(problem.dtype).model.state_dict().values())


@cache
def expected(problem: Problem) -> list[Array]:
    """The parameters after `CHECKED_STEPS` steps of the reference backend in float64."""
    trainer = problem.trainer("float64")
    keys = trainer.model.state_dict()
    trainer.model.load_state_dict(dict(zip(keys, initial(problem), strict=True)))
    with st.config(backend="reference"):
        for _ in range(CHECKED_STEPS):
            trainer.step(*data(problem))
    return list(trainer.model.state_dict().values())


def check(problem: Problem, parameters: Sequence[Array]) -> None:
    """Raise AssertionError unless these are the parameters after `CHECKED_STEPS` steps."""
    for start, end, found in zip(initial(problem), expected(problem), parameters, strict=True):
        assert found.dtype == problem.dtype
        error = np.linalg.norm(found - end) / np.linalg.norm(end - start)
        assert error <= TOLERANCE[problem.dtype], f"{problem.name}: off by {error:.1e} of the way to go"


def forget() -> None:
    """Free the arrays of all problems."""
    for cached in (data, initial, expected):
        cached.cache_clear()
