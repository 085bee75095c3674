"""Whole fits, from new weights to predictions: steepest, scikit-learn, and a good loop in PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import steepest as st

Array = NDArray[Any]
Samples = tuple[Array, Array]
Predict = Callable[[Array], Array]

LEARNING_RATE, MOMENTUM = 0.05, 0.9


@dataclass(frozen=True)
class Task:
    """One hidden ReLU layer, softmax loss, SGD with momentum, shuffled mini-batches."""

    load: Callable[[], tuple[Samples, Samples]]  # to train on, to test with
    hidden: int
    epochs: int
    batch: int
    accuracy: float  # to be reached in the test


def digits() -> tuple[Samples, Samples]:
    """8 x 8 pixels, a fifth of them for the test."""
    x, y = st.datasets.load_digits()
    train, test = st.datasets.stratified_split(y)
    return (x[train] / 16, y[train]), (x[test] / 16, y[test])


def clouds(samples: int, tests: int = 10_000) -> tuple[Samples, Samples]:
    """Ten classes of eight normal clouds each in 784 dimensions, which no linear classifier tells apart."""
    random = np.random.default_rng(0)
    cloud = random.integers(80, size=samples + tests)
    centers = np.float32(0.2) * random.standard_normal((80, 784), dtype=np.float32)
    x = random.standard_normal((len(cloud), 784), dtype=np.float32)
    x += centers[cloud]
    y = cloud % 10
    return (x[:samples], y[:samples]), (x[samples:], y[samples:])


TASKS = {
    "digits 64-100-10": Task(digits, hidden=100, epochs=20, batch=32, accuracy=0.95),
    "clouds 784-256-10": Task(partial(clouds, 60_000), hidden=256, epochs=5, batch=128, accuracy=0.9),
}


def new_model(x: Array, task: Task) -> st.Sequential:
    return st.Sequential(st.Linear(x.shape[1], task.hidden), st.ReLU(), st.Linear(task.hidden, 10))


def fit_steepest(x: Array, y: Array, task: Task, backend: Literal["native", "reference"]) -> Predict:
    model, optimizer = new_model(x, task), st.SGD(LEARNING_RATE, MOMENTUM)
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
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")  # as was asked for
        return net.fit(x, y).predict


def fit_torch(x: Array, y: Array, task: Task) -> Predict:
    """From steepest's weights. No loader, which costs more than the steps: a shuffled index gathers rows."""
    import torch
    from torch.nn import Linear, ReLU, Sequential, functional

    torch.set_num_threads(st.get_num_threads())
    torch.manual_seed(0)
    rows, labels = torch.from_numpy(x), torch.from_numpy(y)
    net = Sequential(Linear(x.shape[1], task.hidden), ReLU(), Linear(task.hidden, 10))
    net.load_state_dict({key: torch.from_numpy(a.T) for key, a in new_model(x, task).state_dict().items()})
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, fused=True)
    for _ in range(task.epochs):
        for batch in torch.randperm(len(x)).split(task.batch):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(net(rows[batch]), labels[batch]).backward()
            optimizer.step()

    def predict(x: Array) -> Array:
        with torch.inference_mode():
            return net(torch.from_numpy(x)).argmax(dim=1).numpy()

    return predict


# The module that each needs, and the fit.
FITS: dict[str, tuple[str, Callable[[Array, Array, Task], Predict]]] = {
    "steepest": ("steepest._core", partial(fit_steepest, backend="native")),
    "reference": ("numpy", partial(fit_steepest, backend="reference")),
    "sklearn": ("sklearn", fit_sklearn),
    "torch": ("torch", fit_torch),
}
INSTALLED = [name for name, (module, _) in FITS.items() if find_spec(module)]
