"""The forward pass of a row alone, called from Python: what serving one request at a time waits for.

Each library gets and returns arrays of its own, and is called in the way that is fastest there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal

import numpy as np
from problems import Array

import steepest as st
from peers.steps import Competitor

TOLERANCE = {"float32": 1e-5, "float64": 1e-13}  # of the scores' norm: some hundred roundings


@dataclass(frozen=True)
class Forward:
    """A network with one hidden ReLU layer and the row that it is called with."""

    sizes: tuple[int, int, int] = (784, 256, 10)
    dtype: Literal["float32", "float64"] = "float32"
    limit: Literal[""] = ""  # a call in Python, and weights in the cache: no limit that is measured here

    @property
    def name(self) -> str:
        return f"1 x {'-'.join(map(str, self.sizes))} relu forward {self.dtype}"

    @property
    def multiply_adds(self) -> int:
        return self.sizes[1] * (self.sizes[0] + self.sizes[2])

    @property
    def bytes(self) -> int:
        """Of the weights, each read once."""
        return self.multiply_adds * np.dtype(self.dtype).itemsize


Call = Callable[[], Any]


@cache
def arrays(case: Forward) -> list[Array]:
    """The row, and weights (in, out) and biases. Do not write to them."""
    random, (inputs, hidden, outputs) = np.random.default_rng(0), case.sizes
    shapes = ((1, inputs), (inputs, hidden), (hidden,), (hidden, outputs), (outputs,))
    return [random.standard_normal(shape).astype(case.dtype) for shape in shapes]


def steepest(case: Forward, threads: int) -> Call:
    x, *parameters = arrays(case)
    inputs, hidden, outputs = case.sizes
    model = st.Sequential(st.Linear(inputs, hidden), st.ReLU(), st.Linear(hidden, outputs), dtype=case.dtype)
    model.load_state_dict(dict(zip(model.state_dict(), parameters, strict=True)))
    return lambda: model(x)


def numpy(case: Forward, threads: int) -> Call:
    """Into buffers made once."""
    x, w1, b1, w2, b2 = arrays(case)
    hidden, scores = (np.empty((1, n), case.dtype) for n in case.sizes[1:])

    def call() -> Array:
        np.dot(x, w1, out=hidden)
        np.add(hidden, b1, out=hidden)
        np.maximum(hidden, 0, out=hidden)
        np.dot(hidden, w2, out=scores)
        return np.add(scores, b2, out=scores)

    return call


def torch(case: Forward, threads: int, compiled: bool) -> Call:
    import torch
    from torch.nn.functional import linear

    torch.set_num_threads(threads)
    x, b1, b2 = (torch.from_numpy(a) for a in arrays(case)[::2])
    w1, w2 = (torch.from_numpy(np.array(a.T, order="C")) for a in arrays(case)[1::2])

    def forward(x: Any) -> Any:
        return linear(linear(x, w1, b1).relu_(), w2, b2)

    if compiled:
        torch.compiler.reset()  # as in `frameworks.Torch`
        forward = torch.compile(forward, fullgraph=True)
    return lambda: forward(x)


def jax(case: Forward, threads: int) -> Call:
    """Weights are (in, out), which takes a third of the time of (out, in) here."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)
    given = [jnp.asarray(a) for a in arrays(case)]
    forward = jax.jit(lambda x, w1, b1, w2, b2: jax.nn.relu(x @ w1 + b1) @ w2 + b2)
    return lambda: forward(*given).block_until_ready()


def sklearn(case: Forward, threads: int) -> Call:
    """Without the checks of `predict_proba`, which take longer than the network, and without its softmax."""
    from sklearn.neural_network import MLPClassifier

    x, w1, b1, w2, b2 = arrays(case)
    net = MLPClassifier(case.sizes[1:-1])
    net.partial_fit(x, [0], classes=range(case.sizes[-1]))
    net.coefs_, net.intercepts_ = [w1, w2], [b1, b2]
    net.out_activation_ = "identity"
    return lambda: net._forward_pass_fast(x, check_input=False)


CALLERS = {
    "steepest": Competitor(steepest, "steepest._core"),
    "reference": Competitor(steepest, "numpy"),
    "numpy": Competitor(numpy, "numpy"),
    "torch": Competitor(partial(torch, compiled=False), "torch"),
    "torch.compile": Competitor(partial(torch, compiled=True), "torch"),
    "jax": Competitor(jax, "jax"),
    "sklearn": Competitor(sklearn, "sklearn"),
}


def start(case: Forward, name: str, threads: int) -> Callable[[int], None]:
    """A function that calls so many times, after one call has given the right answer."""
    call = CALLERS[name].make(case, threads)
    around: Callable[[], Any] = partial(
        st.config, backend="reference" if name == "reference" else "native", num_threads=threads
    )
    if name.startswith("torch"):
        from torch import inference_mode as around

    def run(times: int) -> None:
        with around():
            for _ in range(times):
                call()

    with around():
        check(case, np.asarray(call()))
    return run


def check(case: Forward, scores: Array) -> None:
    """Raise AssertionError unless these are the scores of float64 arithmetic."""
    x, w1, b1, w2, b2 = (a.astype("float64") for a in arrays(case))
    expected = np.maximum(x @ w1 + b1, 0) @ w2 + b2
    assert scores.dtype == case.dtype and scores.shape == expected.shape
    error = np.linalg.norm(scores - expected) / np.linalg.norm(expected)
    assert error <= TOLERANCE[case.dtype], f"{case.name}: off by {error:.1e}"
