"""The formulas behind the interface that both backends have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ..._checks import Array
from ...compile.stage import Stage
from ..data import Parameters
from ..protocol import Backend, Network
from . import activations, elementary, losses, optimizers, products, search
from .coordinate_descent import coordinate_descent
from .dual_ascent import DualAscent
from .network import ReferenceNetwork
from .online import Online


class ReferenceBackend:
    """The formulas behind the interface that both backends have."""

    name: Literal["native", "reference"] = "reference"

    def network(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> Network:
        """Bind a compiled model to this backend."""
        return ReferenceNetwork(stages, parameters, running)

    def shuffled_orders(self, rng: np.random.RandomState, order: Array, epochs: int) -> Array:
        """(epochs, samples) int64: each the one before, first `order`, shuffled by `rng.shuffle`."""
        orders = np.empty((epochs, len(order)), np.int64)
        for row in orders:
            row[:] = order = order[rng.permutation(len(order))]
        return orders

    dual_ascent = DualAscent
    online = Online
    coordinate_descent = staticmethod(coordinate_descent)
    first_nonfinite_row = staticmethod(search.first_nonfinite_row)
    first_bad_label = staticmethod(search.first_bad_label)
    linear = staticmethod(products.linear)
    sparse_linear = staticmethod(products.sparse_linear)
    linear_backward = staticmethod(products.linear_backward)
    activation = staticmethod(activations.activation)
    activation_backward = staticmethod(activations.activation_backward)
    exp = staticmethod(elementary.exp)
    log = staticmethod(elementary.log)
    softmax = staticmethod(elementary.softmax)
    loss = staticmethod(losses.loss_and_gradient)
    update = staticmethod(optimizers.update)


BACKEND: Backend = ReferenceBackend()
