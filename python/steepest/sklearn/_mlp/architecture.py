"""Plan: what an estimator's parameters and arrays are to a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..._checks import Array
from ...backends.data import Parameters
from ...compile.compiled import Compiled
from ...layers import ACTIVATIONS as BY_NAME
from ...layers import BatchNorm, Dropout, Layer, Linear
from .._common.arrays import writable

# scikit-learn's four, by its names, and then steepest's others.
THEIR_ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    **{name: BY_NAME[own] for name, own in THEIR_ACTIVATIONS.items()},
    **{name: kind for name, kind in BY_NAME.items() if name not in THEIR_ACTIVATIONS.values()},
}


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


def precision_of(coefs: Sequence[Any]) -> np.dtype[Any]:
    """What a network of such weights computes in; a user may have set them in other bytes, or as integers."""
    return np.result_type(np.asarray(coefs[0]), np.float32)


def bound(layers: Sequence[Layer], coefs: Any, intercepts: Any, norms: Any = ()) -> Compiled:
    """A model of an estimator's arrays, or of copies of those that a backend could not write to."""
    dtype = precision_of(coefs)
    parts = (writable(arrays, dtype) for arrays in (coefs, intercepts, norms))
    return Compiled(layers, dtype, *parameters_of(*parts))


class KeptModel:
    """The compiled model of an estimator, made anew only where its layers or its arrays are others.

    Making it takes 30 us of the 160 us in which a `predict` of one row is done. Copies and pickles are empty.
    """

    def __init__(self) -> None:
        self._last: tuple[Sequence[Layer], list[Array], Compiled] | None = None

    def of(self, layers: Sequence[Layer], coefs: Any, intercepts: Any, norms: Any = ()) -> Compiled:
        """As `bound`; the very same again for the same."""
        arrays = [*coefs, *intercepts, *norms]
        last = self._last
        if last is not None and last[0] == layers and _same(last[1], arrays):
            return last[2]
        compiled = bound(layers, coefs, intercepts, norms)
        if all(map(np.may_share_memory, arrays, writable(arrays, compiled.dtype))):
            self._last = layers, arrays, compiled  # bound to copies, it would not see what a caller writes
        return compiled

    def __reduce__(self) -> tuple[Any, ...]:
        return KeptModel, ()


def _same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether these are the very same objects."""
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))
