"""Whole fits, from new weights to predictions: steepest, scikit-learn, and the usual loop in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

import steepest as st

Array = NDArray[Any]
Predict = Callable[[Array], Array]

LEARNING_RATE, MOMENTUM = 0.05, 0.9


@dataclass(frozen=True)
class Task:
    """One hidden ReLU layer, softmax loss, SGD with momentum, shuffled mini-batches."""

    load: Callable[[], tuple[Array, Array]]
    hidden: int
    epochs: int
    batch: int
    accuracy: float  # to be reached on a fifth of the samples, held back


def digits() -> tuple[Array, Array]:
    x, y = st.datasets.load_digits()
    return x / 16, y


def clouds() -> tuple[Array, Array]:
    """Ten normal clouds of 784 dimensions, 12,500 samples, of which a fifth is held back."""
    random = np.random.default_rng(0)
    y = random.integers(10, size=12_500)
    centres = 0.2 * random.standard_normal((10, 784))
    return (centres[y] + random.standard_normal((len(y), 784))).astype(np.float32), y


TASKS = {
    "digits 64-100-10": Task(digits, hidden=100, epochs=5, batch=32, accuracy=0.93),
    "clouds 784-100-10": Task(clouds, hidden=100, epochs=2, batch=128, accuracy=0.95),
}


def fit_steepest(x: Array, y: Array, task: Task, backend: Literal["native", "reference"]) -> Predict:
    model = st.Sequential(st.Linear(x.shape[1], task.hidden), st.ReLU(), st.Linear(task.hidden, 10))
    optimizer = st.SGD(LEARNING_RATE, MOMENTUM)
    with st.config(backend=backend):
        model.fit(x, y, optimizer=optimizer, epochs=task.epochs, batch_size=task.batch, progress=False)
    return model.predict


def fit_sklearn(x: Array, y: Array, task: Task) -> Predict:
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier(
        task.hidden,
        solver="sgd",
        alpha=0,
        batch_size=task.batch,
        learning_rate_init=LEARNING_RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        max_iter=task.epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    return net.fit(x, y).predict


def fit_torch(x: Array, y: Array, task: Task) -> Predict:
    import torch
    from torch.nn import Linear, ReLU, Sequential, functional

    torch.set_num_threads(st.get_num_threads())
    torch.manual_seed(0)
    rows, labels = torch.from_numpy(x), torch.from_numpy(y)
    net = Sequential(Linear(x.shape[1], task.hidden), ReLU(), Linear(task.hidden, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    for _ in range(task.epochs):
        for batch in torch.randperm(len(x)).split(task.batch):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(net(rows[batch]), labels[batch]).backward()
            optimizer.step()

    def predict(x: Array) -> Array:
        with torch.no_grad():
            return net(torch.from_numpy(x)).argmax(dim=1).numpy()

    return predict


FITS: dict[str, tuple[str, Callable[[Array, Array, Task], Predict]]] = {
    "steepest": ("steepest._core", partial(fit_steepest, backend="native")),
    "reference": ("numpy", partial(fit_steepest, backend="reference")),
    "sklearn": ("sklearn", fit_sklearn),
    "torch": ("torch", fit_torch),
}


@cache
def split(task: Task) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    x, y = task.load()
    train, test = st.datasets.stratified_split(y)
    return (x[train], y[train]), (x[test], y[test])


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")  # as was asked for
@pytest.mark.parametrize("name", [name for name, (module, _) in FITS.items() if find_spec(module)])
@pytest.mark.parametrize("title", TASKS)
def test_fit(benchmark: BenchmarkFixture, title: str, name: str) -> None:
    task = TASKS[title]
    training, (x_test, y_test) = split(task)
    fit = FITS[name][1]
    predict = fit(*training, task)
    accuracy = (predict(x_test) == y_test).mean()
    assert accuracy >= task.accuracy
    benchmark.group, benchmark.name = f"fit, {title}", name
    benchmark.extra_info["accuracy"] = float(accuracy)
    if benchmark.disabled:
        benchmark(predict, x_test)  # one fit is enough where nothing is timed
    else:
        benchmark.pedantic(fit, (*training, task), rounds=3)
