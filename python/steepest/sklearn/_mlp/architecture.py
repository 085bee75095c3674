"""Plan: what an estimator's parameters and arrays are to a backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from ..._checks import Array
from ...backends.data import Parameters
from ...backends.sparse import SparseRows, is_sparse, sparse_rows
from ...compile.compiled import Compiled
from ...layers import ACTIVATIONS as BY_NAME
from ...layers import BatchNorm, Dropout, Layer, Linear
from ...penalties import L1, L2, ElasticNet, Penalty

# scikit-learn's four, by its names, and steepest's others.
_THEIRS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    **{name: BY_NAME[own] for name, own in _THEIRS.items()},
    **{name: kind for name, kind in BY_NAME.items() if name not in _THEIRS.values()},
}

_MANY_NUMBERS = 1 << 16
_SPARSE_SHARE = 0.35  # at half, as of 8 x 8 digits, both ways take the same time
_WIDE_BYTES = 64  # of the outputs of a layer that the core sums in the order of the features


def layers_of(
    units: Sequence[int], activations: Sequence[str], dropout: Sequence[float], batch_norm: bool
) -> list[Layer]:
    """The layers of a perceptron with the given number of units in each layer, inputs first.

    After each hidden layer come batch_norm, its activation and its dropout, as far as there are any.
    """
    layers: list[Layer] = []
    hidden = zip(units[:-2], units[1:-1], activations, dropout, strict=True)
    for inputs, outputs, activation, rate in hidden:
        layers.append(Linear(inputs, outputs))
        if batch_norm:
            layers.append(BatchNorm(outputs))
        layers.append(ACTIVATIONS[activation]())
        if rate:
            layers.append(Dropout(rate))
    return [*layers, Linear(units[-2], units[-1])]


def parameters_of(
    coefs: Iterable[Array], intercepts: Iterable[Array], norms: Iterable[Array] = ()
) -> tuple[list[Parameters], list[Array]]:
    """Views of an estimator's arrays in the order of the stages, and of the running statistics.

    Each of `norms` is (4, units): scale, shift, running mean and running variance. It belongs behind the
    layer of the same place.
    """
    parameters: list[Parameters] = []
    norms = list(norms)
    for place, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        parameters.append(Parameters(coef, intercept))
        if place < len(norms):
            parameters.append(Parameters(norms[place][:1], norms[place][1]))
    return parameters, [norm[2:] for norm in norms]


def rows_of(X: Any) -> Array | SparseRows:
    """Validated X as a batch holds it."""
    return sparse_rows(X, X.dtype) if is_sparse(X) else np.ascontiguousarray(X)


def rows_to_learn(X: Any, outputs: int) -> Array | SparseRows:
    """The rows to fit a first layer with `outputs` outputs to: sparse if most of many numbers are 0.

    Then an epoch of handwritten digits (a fifth of the pixels) takes half the time, to the same bits, as the
    layer is wide enough not to be summed in another order.
    """
    many = not is_sparse(X) and X.size >= _MANY_NUMBERS and outputs * X.itemsize >= _WIDE_BYTES
    if many and np.count_nonzero(X) < _SPARSE_SHARE * X.size:
        return sparse_rows(csr_matrix(X), X.dtype)
    return rows_of(X)


def writable(arrays: Iterable[Array], dtype: np.dtype[Any]) -> list[Array]:
    """The arrays themselves where a backend may write to them, else copies: of memory maps, for instance."""
    return [np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"]) for array in arrays]


def precision_of(coefs: Sequence[Any]) -> np.dtype[Any]:
    """What a network of such weights computes in; a user may have set them in other bytes, or as integers."""
    return np.result_type(np.asarray(coefs[0]), np.float32)


def bound(layers: Sequence[Layer], coefs: Any, intercepts: Any, norms: Any = ()) -> Compiled:
    """A model of an estimator's arrays, or of copies of those that a backend could not write to."""
    dtype = precision_of(coefs)
    parts = (writable(arrays, dtype) for arrays in (coefs, intercepts, norms))
    return Compiled(layers, dtype, *parameters_of(*parts))


def as_float(value: float | None) -> float | None:
    """A parameter that may be None; NumPy's scalars would have numbers computed in their precision."""
    return None if value is None else float(value)


def penalty_of(name: str | None, alpha: float, l1_ratio: float) -> Penalty | None:
    """Alpha * (l1_ratio * sum|W| + (1 - l1_ratio) / 2 * sum(W**2)); "l2" has a ratio of 0, "l1" of 1."""
    alpha, ratio = float(alpha), {"l2": 0.0, "l1": 1.0}.get(name or "", float(l1_ratio))
    if name is None or alpha == 0:
        return None
    if ratio == 1:
        return L1(alpha)
    absolute, squares = alpha * ratio, alpha * (1 - ratio) / 2
    share = squares / absolute if absolute else math.inf
    return L2(squares) if share == math.inf else ElasticNet(absolute, share)
