"""Plan: layers compiled to the stages that a backend runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .. import _checks
from ..layers import Activation, Layer, MatrixLayer, Standardize
from .stage import Stage


def compile_stages(layers: Sequence[Layer]) -> tuple[Stage, ...]:
    """Fuse each Linear and normalization with the activation right behind it, unless that `reads_input`.

    Identities vanish.

    Raises
    ------
    ValueError
        If there is no Linear or Maxout, a layer takes another number of features than the one before
        returns, or layers are nested too deeply.
    TypeError
        If something is not a layer.
    """
    try:
        plan = Plan(layers)
        plan.add(layers)
    except RecursionError:
        raise ValueError("layers are nested too deeply, one inside the other, to be compiled") from None
    return tuple(plan.stages)


def with_features(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The same layers, the first of which, if it is a Standardize, says how many features it takes."""
    if not layers or not isinstance(layers[0], Standardize) or layers[0].features is not None:
        return layers
    taken = (layer.features_in for layer in layers[1:] if isinstance(layer, Layer))
    return (Standardize(next((n for n in taken if n is not None), None)), *layers[1:])


def walk(layers: Sequence[Layer], prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer, those inside of others too, with its number: "0", "1", "1.0", ..."""
    for number, layer in enumerate(layers):
        yield f"{prefix}{number}", layer
        if layer.inner:
            yield from walk(layer.inner, f"{prefix}{number}.")


def path_of(number: object, what: str = "a layer") -> str:
    """A layer's number as the keys of a state have it: 3, or "3.0" inside of a Residual."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer | str):
        raise TypeError(f"the number of {what} must be an integer, not {number!r:.80}")
    return _checks.shown(number)


def parametric(layers: Sequence[Layer]) -> list[tuple[str, Layer]]:
    """The layers with parameters, in the order of their stages."""
    return [(path, layer) for path, layer in walk(layers) if layer.parameter_shapes()]


def expected_shapes(layers: Sequence[Layer]) -> dict[str, tuple[int, ...]]:
    """The keys and shapes of the `state_dict` of such a model, whether or not its layers fit together."""
    return {
        f"{path}.{name}": shape
        for path, layer in walk(layers)
        for name, shape in {**layer.parameter_shapes(), **layer.running_shapes()}.items()
    }


class Plan:
    """The stages so far, as layers append to them: implements `layers.Plan`."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        for path, layer in walk(layers):
            _checks.instance(layer, f"layer {path}")
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"layer {path} is {layer!r:.80}, but must be a layer such as st.Linear(784, 10) or "
                    "st.ReLU()"
                )
        if not any(isinstance(layer, MatrixLayer) for _, layer in walk(layers)):
            raise ValueError("a model needs at least one Linear layer")
        self.stages: list[Stage] = []
        self.features = next(n for n in (layer.features_in for layer in layers) if n is not None)
        self.number = 0
        self.path = ""
        self.ramps: tuple[int, ...] = ()

    def add(self, layers: Sequence[Layer]) -> None:
        """Compile layers inside the current one; at first, those of the model."""
        outer = self.path
        for number, layer in enumerate(layers):
            self.path = f"{outer}.{number}" if outer else f"{number}"
            takes = layer.features_in
            if takes is not None and takes != self.features:
                raise ValueError(
                    f"layer {self.path} is {layer!r:.80}, but the layer before gives {self.features} features"
                )
            self.number += 1
            layer.compile(self)
        self.path = outer

    def encode(self, features: int, ramps: tuple[int, ...]) -> None:
        """Take so many features in the place of the model's inputs, the last of them ramps of each input."""
        self.features, self.ramps = features, ramps

    def append(self, stage: Stage) -> int:
        """Add a stage; returns its place."""
        if self.ramps and not self.stages and stage.has_matrix:
            stage = replace(stage, kind="ramps", ramps=self.ramps)
        self.stages.append(stage)
        self.features = stage.outputs
        return len(self.stages) - 1

    def activate(self, activation: Activation) -> None:
        """Fuse an activation with the last stage, or add it as one."""
        name, slope = activation.name, activation.slope
        last = self.stages[-1] if self.stages else None
        if last and last.has_parameters and last.activation == "identity" and not activation.reads_input:
            self.stages[-1] = replace(last, activation=name, slope=slope)
        else:
            n = self.features
            self.append(Stage(n, n, name, "elementwise", slope=slope, parameters="none"))

    def pair(self, first: int, second: int) -> None:
        """Make two stages partners of each other."""
        self.stages[first] = replace(self.stages[first], partner=second)
        self.stages[second] = replace(self.stages[second], partner=first)
