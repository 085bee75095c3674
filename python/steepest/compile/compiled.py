"""Compiled: layers as a backend runs them, the arrays that they learn, and what these are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import get_ident
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .. import _checks
from .._checks import Array
from .._config import current
from .._description import check_dtype
from ..backends import active
from ..backends.data import OptimizerState, Parameters
from ..backends.memory import aligned_zeros, write
from ..backends.protocol import Network
from ..layers import Layer, PiecewiseLinear, Standardize
from .encoding import Encoding
from .inputs import Checked, Inputs
from .plan import compile_stages, parametric, walk, with_features
from .stage import Stage
from .state import checked_state
from .turns import InTurn, Turns, computing

_MEMORY = 2**62  # bytes that an array never has


class Compiled:
    """A compiled model: stages, parameters, running statistics, their names, and a network for each backend.

    `Sequential` and the estimators are faces of one. It draws no weights and does not learn by itself.

    Parameters
    ----------
    layers : iterable of layers
    dtype : {float32, float64}
    parameters : sequence of Parameters, optional
        Of each layer that has some, learned in place. By default zeros, but ones as the scale of a
        `BatchNorm` or `LayerNorm`.
    running : sequence of ndarray, optional
        Running mean and variance, (2, features), of each `BatchNorm`. By default 0 and 1.

    Raises
    ------
    ValueError, TypeError
        If the layers do not fit together, an argument is not a layer, or a layer has a setting that `dtype`
        cannot represent.
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        dtype: DTypeLike,
        parameters: Sequence[Parameters] | None = None,
        running: Sequence[Array] | None = None,
    ) -> None:
        self.layers: tuple[Layer, ...] = with_features(tuple(layers))
        self.dtype: np.dtype[Any] = _checks.float_dtype(dtype)
        self.stages: tuple[Stage, ...] = compile_stages(self.layers)
        for path, layer in walk(self.layers):
            check_dtype(layer, self.dtype, f"layer {path} is {layer!r:.80}")
        self.inputs = self._prepared()
        self.in_features: int = self.stages[0].inputs if self.inputs is None else self.inputs.features
        self.out_features: int = self.stages[-1].outputs
        self._parametric = parametric(self.layers)
        self._check_sizes()
        self.parameters: Sequence[Parameters] = self._initial() if parameters is None else parameters
        self.running: Sequence[Array] = self._initial_running() if running is None else running
        self.turns = Turns()
        self._networks: dict[str, Network] = {}

    @property
    def parametric_stages(self) -> list[Stage]:
        """Those with parameters, in the order of these."""
        return [stage for stage in self.stages if stage.has_parameters]

    @property
    def takes_sparse(self) -> bool:
        """Whether its samples may be sparse: it begins with a product, which skips what is 0."""
        return self.stages[0].kind == "dense" and self.inputs is None

    def network(self) -> Network:
        """The model on the active backend; it bypasses every check."""
        try:
            network = self._networks[current().backend]
        except KeyError:
            backend = active()
            network = backend.network(self.stages, self.parameters, self.running)
            if self.inputs is not None:
                network = cast(Network, Checked(network))
            network = self._networks.setdefault(backend.name, network)  # another thread may have been sooner
        if computing and get_ident() in computing:
            return cast(Network, InTurn(network, self.turns))
        return network

    def zeros(self) -> list[Parameters]:
        """Arrays like the parameters, all zero: for what an optimizer or an average keeps."""
        biased = ["bias" in layer.parameter_shapes() for _, layer in self._parametric]
        return [
            Parameters(
                aligned_zeros(stage.weight_rows, stage.weight_columns, self.dtype),
                aligned_zeros(1, stage.outputs, self.dtype)[0] if bias else None,
            )
            for stage, bias in zip(self.parametric_stages, biased, strict=True)
        ]

    # ---- names --------------------------------------------------------------------------------------------

    def named(self, parameters: Sequence[Parameters]) -> list[tuple[str, Array]]:
        """Each array that is learned by its gradient, with its key in `Sequential.state_dict`."""
        named = []
        stages = self.parametric_stages
        for (path, _), stage, p in zip(self._parametric, stages, parameters, strict=True):
            named.append((f"{path}.weight", p.weight[0] if stage.parameters == "scale" else p.weight))
            if p.bias is not None:
                named.append((f"{path}.bias", p.bias))
        return named

    def arrays(self, parameters: Sequence[Parameters]) -> list[Array]:
        """The same without keys."""
        return [array for _, array in self.named(parameters)]

    def state(self) -> list[tuple[str, Array]]:
        """Each array of the model with its key: parameters, then those of inputs and running statistics."""
        named = self.named(self.parameters)
        normal = [(path, names) for path, layer in walk(self.layers) if (names := layer.running_shapes())]
        own = [] if self.inputs is None else [self.inputs.statistics]
        for (path, names), running in zip(normal, [*own, *self.running], strict=True):
            named += [(f"{path}.{name}", row) for name, row in zip(names, running, strict=True)]
        return named

    def copied_state(self) -> dict[str, Array]:
        """Copies of them, of one moment: no computation changes them meanwhile."""
        return self.turns.between(lambda: {key: array.copy() for key, array in self.state()})

    def learned_arrays(self) -> list[Array]:
        """All arrays that learning changes."""
        return [*self.running, *self.arrays(self.parameters)]

    def changed_arrays(self, kept: OptimizerState) -> list[Array]:
        """The same and what an optimizer keeps: all that a step changes."""
        slots = [array for slot in kept.slots.values() for array in self.arrays(slot)]
        return [kept.steps, *self.learned_arrays(), *slots]

    def copies(self, kept: OptimizerState) -> list[tuple[Array, Array]]:
        """The same, with a copy of what each holds: for `write` to go back to."""
        return [(array, array.copy()) for array in self.changed_arrays(kept)]

    # ---- what is given ------------------------------------------------------------------------------------

    def load_state(self, state: Mapping[str, ArrayLike]) -> None:
        """Set all arrays, or none of them if one does not fit; raises as `checked_state` does.

        Knots that are neither ascending nor those of a new model are a ValueError too.
        """
        own = self.state()
        new = checked_state(state, _shapes(own), self.dtype)
        if isinstance(self.inputs, Encoding):
            self.inputs.check(new["0.knots"])
        self.turns.between(lambda: write([(array, new[key]) for key, array in own]), sets=True)

    def direction(self, direction: Mapping[str, ArrayLike]) -> list[Parameters]:
        """How fast each parameter changes, of a mapping without the keys of those that stand still."""
        tangents = self.zeros()
        own = self.named(tangents)
        given = _checks.named_arrays(direction, _shapes(own), self.dtype, "direction", complete=False)
        for key, array in own:
            if key in given:
                array[...] = given[key]
        return tangents

    def check_inputs(self) -> None:
        """Refuse to learn while it is unknown how the inputs are standardized, or encoded."""
        if self.inputs is not None and not self.inputs.known:
            raise ValueError(
                f"layer 0 is {self.layers[0]!r}, whose {self.inputs.what} are not set: call fit, or "
                "model.standardize(X) first"
            )

    def check_masks(self, samples: int) -> None:
        """Refuse a batch that is larger than the given mask of a dropout."""
        for path, layer in walk(self.layers):
            layer.check_batch(samples, path)

    # ---- copies -------------------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        """What a copy needs: descriptions and values, never a backend's network."""
        return _restored, (self.layers, self.dtype, self.copied_state())

    def _prepared(self) -> Inputs | Encoding | None:
        """What is done to samples before the first stage."""
        first, stage = self.layers[0], self.stages[0]
        if isinstance(first, Standardize):
            return Inputs(stage.inputs, self.dtype)
        if isinstance(first, PiecewiseLinear):
            return Encoding(first, self.dtype, for_product=bool(stage.ramps))
        return None

    def _check_sizes(self) -> None:
        for (path, layer), stage in zip(self._parametric, self.parametric_stages, strict=True):
            rows, columns = stage.weight_rows, stage.weight_columns
            if rows * columns * self.dtype.itemsize > _MEMORY:
                raise ValueError(
                    f"layer {path} is {layer!r}, whose weight of {rows} x {columns} numbers is "
                    "larger than any memory"
                )

    def _initial(self) -> list[Parameters]:
        parameters = self.zeros()
        for stage, own in zip(self.parametric_stages, parameters, strict=True):
            if stage.parameters == "scale":
                own.weight[...] = 1
        return parameters

    def _initial_running(self) -> list[Array]:
        running = []
        for stage in self.stages:
            if stage.running_rows:
                rows = aligned_zeros(stage.running_rows, stage.outputs, self.dtype)
                rows[...] = np.array(stage.running_start)[:, None]
                running.append(rows)
        return running


def _shapes(named: Iterable[tuple[str, Array]]) -> dict[str, tuple[int, ...]]:
    return {key: array.shape for key, array in named}


def _restored(layers: Sequence[Layer], dtype: DTypeLike, state: Mapping[str, ArrayLike]) -> Compiled:
    compiled = Compiled(layers, dtype)
    compiled.load_state(state)
    return compiled
