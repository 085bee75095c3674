"""The training step in NumPy."""

from __future__ import annotations

import numpy as np
from problems import Array, Problem, data, initial


class NumPy:
    """As an expert writes it: in place, into buffers made once, the learning rate applied to small arrays."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self._problem = problem
        self._x, self._y = data(problem)
        self._parameters = [array.copy() for array in initial(problem)]
        self._layers = problem.pairs(self._parameters)
        self._outputs = [np.empty((problem.batch, n), problem.dtype) for n in problem.sizes[1:]]
        self._deltas = [np.empty_like(output) for output in self._outputs[:-1]]
        self._gradients = [np.empty_like(weight) for weight, _ in self._layers]
        self._rows = np.arange(problem.batch)
        samples = 1 if problem.loss == "squared_error" else problem.batch
        self._rate = self._x.dtype.type(problem.learning_rate / samples)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self._forward()
            self._backward()

    def parameters(self) -> list[Array]:
        return self._parameters

    def _forward(self) -> None:
        h = self._x
        for i, (weight, bias) in enumerate(self._layers):
            h = np.matmul(h, weight, out=self._outputs[i])
            if bias is not None:
                h += bias
            if i + 1 == len(self._layers):
                continue
            if self._problem.activation == "relu":
                np.maximum(h, 0, out=h)
            elif self._problem.activation == "tanh":
                np.tanh(h, out=h)
            else:
                np.negative(h, out=h)
                np.exp(h, out=h)
                h += 1
                np.reciprocal(h, out=h)

    def _backward(self) -> None:
        delta = self._scores_to_delta(self._outputs[-1])
        for i in reversed(range(len(self._layers))):
            weight, bias = self._layers[i]
            below = self._x if i == 0 else self._outputs[i - 1]
            delta_below = np.matmul(delta, weight.T, out=self._deltas[i - 1]) if i else delta
            weight -= np.matmul(below.T, delta, out=self._gradients[i])
            if bias is not None:
                bias -= delta.sum(axis=0)
            if i == 0:
                return
            if self._problem.activation == "relu":
                delta_below *= below > 0
            else:
                delta_below *= (
                    1 - below * below if self._problem.activation == "tanh" else below * (1 - below)
                )
            delta = delta_below

    def _scores_to_delta(self, scores: Array) -> Array:
        """The scores replaced by their gradient times the learning rate."""
        own = self._rows, self._y
        if self._problem.loss == "softmax":
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=1, keepdims=True)
            scores[own] -= 1
        elif self._problem.loss == "hinge":
            np.greater(scores, scores[own][:, None] - 1, out=scores)
            scores[own] = 0
            scores[own] = -scores.sum(axis=1)
        else:
            scores -= self._y
            scores *= 2
        scores *= self._rate
        return scores
