"""The training step in PyTorch and in JAX."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from problems import Array, Problem, data, initial


class Torch:
    """Eager, or the whole step through torch.compile, which beats compiling the loss alone."""

    def __init__(self, problem: Problem, threads: int, compiled: bool) -> None:
        import torch
        from torch.nn import functional

        self._limit = partial(torch.set_num_threads, threads)
        x, y = map(torch.from_numpy, data(problem))
        # PyTorch's layers keep a weight as (out, in), which is the faster way around.
        self._parameters = [torch.from_numpy(np.array(a.T, order="C")) for a in initial(problem)]
        activation = getattr(torch, problem.activation)

        def loss(parameters: list[Any]) -> Any:
            (weight, bias), *others = problem.pairs(parameters)
            scores = functional.linear(x, weight, bias)
            for weight, bias in others:
                scores = functional.linear(activation(scores), weight, bias)
            if problem.loss == "softmax":
                return functional.cross_entropy(scores, y)
            if problem.loss == "hinge":  # PyTorch's divides by the number of classes
                return functional.multi_margin_loss(scores, y) * scores.shape[1]
            return functional.mse_loss(scores, y, reduction="sum")

        def step(parameters: list[Any]) -> None:
            if compiled:
                gradients = torch.func.grad(loss)(parameters)
            else:
                gradients = torch.autograd.grad(loss(parameters), parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=problem.learning_rate)

        for parameter in self._parameters:
            parameter.requires_grad_(not compiled)
        if compiled:
            # Without the reset, sizes that differ from an earlier problem's would be compiled as variables.
            # A whole graph or an error: no part of it is to run eagerly unnoticed.
            torch.compiler.reset()
            step = torch.compile(step, fullgraph=True)
        if problem.optimizer == "adam":
            adam = torch.optim.Adam(self._parameters, problem.learning_rate, fused=True)

            def step(parameters: list[Any]) -> None:
                adam.zero_grad()
                loss(parameters).backward()
                adam.step()

        self._step = step

    def run(self, steps: int) -> None:
        self._limit()  # of the process: another runner may have another
        for _ in range(steps):
            self._step(self._parameters)

    def parameters(self) -> list[Array]:
        return [parameter.detach().numpy().T for parameter in self._parameters]


class Jax:
    """All steps in one compiled loop, in place of the donated parameters."""

    def __init__(self, problem: Problem, threads: int) -> None:
        import jax
        from jax import numpy as jnp

        jax.config.update("jax_enable_x64", True)  # permits float64, and leaves float32 as it is
        x, y = data(problem)
        if problem.loss != "squared_error":
            y = np.eye(problem.sizes[-1], dtype=problem.dtype)[y]  # cheaper here than indexing
        self._batch = jnp.asarray(x), jnp.asarray(y)
        # Weights are kept as (out, in): XLA multiplies up to five times faster by a narrow layer that way.
        self._parameters = [jnp.array(a.T, copy=True) for a in initial(problem)]
        self._ready = jax.block_until_ready
        activation = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}[problem.activation]

        def loss(parameters: list[Any], x: Any, y: Any) -> Any:
            h = x
            for i, (weight, bias) in enumerate(problem.pairs(parameters)):
                h = (activation(h) if i else h) @ weight.T
                h = h if bias is None else h + bias
            if problem.loss == "squared_error":
                return ((h - y) ** 2).sum()
            own = (h * y).sum(axis=1, keepdims=True)
            if problem.loss == "softmax":
                return (jax.nn.logsumexp(h, axis=1, keepdims=True) - own).mean()
            return (jax.nn.relu(h - own + 1) * (1 - y)).sum() / problem.batch

        def step(learned: Any, x: Any, y: Any) -> Any:
            parameters, state = learned
            gradients = jax.grad(loss)(parameters, x, y)
            if adam is None:
                steps = zip(parameters, gradients, strict=True)
                return [p - problem.learning_rate * g for p, g in steps], state
            updates, state = adam.update(gradients, state)
            return [p + u for p, u in zip(parameters, updates, strict=True)], state

        @partial(jax.jit, donate_argnums=0)
        def train(learned: Any, steps: Any, x: Any, y: Any) -> Any:
            return jax.lax.fori_loop(0, steps, lambda _, learned: step(learned, x, y), learned)

        adam = None
        if problem.optimizer == "adam":
            import optax

            adam = optax.adam(problem.learning_rate)
        self._state = adam.init(self._parameters) if adam else None
        self._train = train

    @staticmethod
    def applies(problem: Problem) -> bool:
        """Its optimizers are another package."""
        return problem.optimizer == "sgd" or find_spec("optax") is not None

    def run(self, steps: int) -> None:
        learned = self._train((self._parameters, self._state), steps, *self._batch)
        self._parameters, self._state = self._ready(learned)

    def parameters(self) -> list[Array]:
        return [np.asarray(parameter).T for parameter in self._parameters]
