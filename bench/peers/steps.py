"""The same training steps by each competitor, written in the way that is fastest in that library.

All do the same mathematics from the same weights, so `problems.check` holds for all of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal, Protocol

import numpy as np
from problems import CHECKED_STEPS, Array, Problem, check, data, initial

import steepest as st
from peers.arrays import NumPy
from peers.frameworks import Jax, Torch


class Runner(Protocol):
    """A network in the middle of its training."""

    def run(self, steps: int) -> None:
        """Train for some more steps, and return when they are done."""

    def parameters(self) -> list[Array]:
        """In the order and shapes of `problems.initial`."""


class Steepest:
    """One of steepest's backends, through a whole fit (an epoch is one full batch) or step by step."""

    def __init__(
        self,
        problem: Problem,
        threads: int,
        backend: Literal["native", "reference"],
        by: Literal["fit", "step"],
    ) -> None:
        self._trainer, self._data, self._by = problem.trainer(problem.dtype), data(problem), by
        self._config = partial(st.config, backend=backend, num_threads=threads)

    def run(self, steps: int) -> None:
        with self._config():
            if self._by == "fit":
                self._trainer.fit(*self._data, epochs=steps, batch_size=None, shuffle=False, progress=False)
            else:
                for _ in range(steps):
                    self._trainer.step(*self._data)

    def parameters(self) -> list[Array]:
        return list(self._trainer.model.state_dict().values())


class ScikitLearn:
    """`MLPClassifier`, by its warm-started `fit`, which costs less a step than `partial_fit`."""

    def __init__(self, problem: Problem, threads: int) -> None:
        from sklearn.neural_network import MLPClassifier

        self._data = data(problem)
        self._net = MLPClassifier(
            problem.sizes[1:-1],
            activation="logistic" if problem.activation == "sigmoid" else problem.activation,
            solver="sgd",
            alpha=0,
            batch_size=problem.batch,
            learning_rate_init=problem.learning_rate,
            shuffle=False,
            momentum=0,
            nesterovs_momentum=False,
            tol=0,
            n_iter_no_change=np.inf,
        )
        self._net.partial_fit(*self._data, classes=range(problem.sizes[-1]))  # makes the weights
        for own, given in zip(self.parameters(), initial(problem), strict=True):
            own[...] = given

    def run(self, steps: int) -> None:
        if len(np.unique(self._data[1])) < len(self._net.classes_):  # which `fit` refuses
            for _ in range(steps):
                self._net.partial_fit(*self._data)
            return
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")
            self._net.set_params(max_iter=steps, warm_start=True).fit(*self._data)

    def parameters(self) -> list[Array]:
        return [array for pair in zip(self._net.coefs_, self._net.intercepts_, strict=True) for array in pair]

    @staticmethod
    def applies(problem: Problem) -> bool:
        """Two classes get a single output there; other losses and layers without biases are unknown.

        Its Adam adds epsilon elsewhere.
        """
        return (
            problem.optimizer == "sgd"
            and problem.loss == "softmax"
            and problem.bias
            and problem.sizes[-1] > 2
        )


@dataclass(frozen=True)
class Competitor:
    """How to make a runner, or a call, for a case and a number of threads, and what must be installed."""

    make: Callable[[Any, int], Any]
    module: str
    applies: Callable[[Any], bool] = lambda case: True

    @property
    def installed(self) -> bool:
        """Whether it can be imported here."""
        return find_spec(self.module) is not None


def _plain(problem: Problem) -> bool:
    return problem.optimizer == "sgd"


COMPETITORS = {
    "steepest": Competitor(partial(Steepest, backend="native", by="fit"), "steepest._core"),
    "steepest.step": Competitor(partial(Steepest, backend="native", by="step"), "steepest._core"),
    "reference": Competitor(partial(Steepest, backend="reference", by="fit"), "numpy"),
    "numpy": Competitor(NumPy, "numpy", _plain),
    "torch": Competitor(partial(Torch, compiled=False), "torch"),
    "torch.compile": Competitor(partial(Torch, compiled=True), "torch", _plain),
    "jax": Competitor(Jax, "jax", Jax.applies),
    "sklearn": Competitor(ScikitLearn, "sklearn", ScikitLearn.applies),
}


def start(problem: Problem, name: str, threads: int) -> Callable[[int], None]:
    """A competitor's `run`, after it has given the right answer."""
    runner = COMPETITORS[name].make(problem, threads)
    runner.run(CHECKED_STEPS)
    check(problem, runner.parameters())
    return runner.run
