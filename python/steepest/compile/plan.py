"""Plan: layers compiled to the stages that a backend runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..backends.protocol import Stage, reads_input
from ..layers import Activation, Identity, Layer, Linear, Maxout, slope_of
from ..layers.regularization import BatchNorm, Dropout, FractionalMaxPool2d, Residual

Learner = Linear | Maxout | BatchNorm


def compile_stages(layers: Sequence[Layer]) -> tuple[Stage, ...]:
    """Fuse each Linear and BatchNorm with the activation right behind it, unless that `reads_input`.

    Identities vanish.

    Raises
    ------
    ValueError
        If there is no Linear or Maxout, or a layer takes another number of features than the one before
        returns.
    TypeError
        If something is not a layer.
    """
    plan = _Plan(layers)
    plan.add(layers, "")
    return tuple(plan.stages)


def walk(layers: Sequence[Layer], prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer, those inside of others too, with its number: "0", "1", "1.0", ..."""
    for number, layer in enumerate(layers):
        yield f"{prefix}{number}", layer
        if isinstance(layer, Residual):
            yield from walk(layer.layers, f"{prefix}{number}.")


def learners(layers: Sequence[Layer]) -> list[tuple[str, Learner]]:
    """The layers that learn, in the order of their stages."""
    return [(path, layer) for path, layer in walk(layers) if isinstance(layer, Learner)]


def expected_shapes(layers: Sequence[Layer]) -> dict[str, tuple[int, ...]]:
    """The keys and shapes of the `state_dict` of such a model; raises as `compile_stages` does."""
    compile_stages(layers)
    shapes: dict[str, tuple[int, ...]] = {}
    for path, layer in learners(layers):
        if isinstance(layer, BatchNorm):
            names = ("weight", "bias", "running_mean", "running_var")
            shapes |= {f"{path}.{name}": (layer.features,) for name in names}
            continue
        outputs = layer.out_features * (layer.pieces if isinstance(layer, Maxout) else 1)
        shapes[f"{path}.weight"] = (layer.in_features, outputs)
        if isinstance(layer, Maxout) or layer.bias:
            shapes[f"{path}.bias"] = (outputs,)
    return shapes


def features_in(layer: Layer) -> int | None:
    """What a layer takes; None if it takes any number."""
    if isinstance(layer, Linear | Maxout):
        return layer.in_features
    if isinstance(layer, BatchNorm):
        return layer.features
    if isinstance(layer, FractionalMaxPool2d):
        return layer.height * layer.width * layer.channels
    if isinstance(layer, Dropout) and layer.mask is not None:
        return int(layer.mask.shape[-1])
    if isinstance(layer, Residual):
        return next((n for n in map(features_in, layer.layers) if n is not None), None)
    return None


class _Plan:
    """The stages so far, and how many features the last one returns."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        for path, layer in walk(layers):
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"layer {path} is {layer!r:.80}, but must be a layer such as st.Linear(784, 10) or "
                    "st.ReLU()"
                )
        if not any(isinstance(layer, Linear | Maxout) for _, layer in walk(layers)):
            raise ValueError("a model needs at least one Linear layer")
        self.stages: list[Stage] = []
        self.features = next(n for n in map(features_in, layers) if n is not None)
        self._number = 0

    def add(self, layers: Sequence[Layer], prefix: str) -> None:
        for number, layer in enumerate(layers):
            takes = features_in(layer)
            if takes is not None and takes != self.features:
                raise ValueError(
                    f"layer {prefix}{number} is {layer!r}, but the layer before gives {self.features} "
                    "features"
                )
            self._number += 1
            if isinstance(layer, Residual):
                self._residual(layer, f"{prefix}{number}")
            else:
                self._append(layer)

    def _append(self, layer: Layer) -> None:
        n, number = self.features, self._number
        if isinstance(layer, Linear):
            self._push(Stage(n, layer.out_features, "identity"))
        elif isinstance(layer, Maxout):
            self._push(Stage(n, layer.out_features * layer.pieces, "identity"))
            self._push(Stage(self.features, layer.out_features, "identity", "maxout"))
        elif isinstance(layer, Dropout):
            mask = None if layer.mask is None else layer.mask.reshape(-1, n)
            self._push(Stage(n, n, "identity", "dropout", number=number, rate=layer.p, mask=mask))
        elif isinstance(layer, BatchNorm):
            stage = Stage(n, n, "identity", "batch_norm", momentum=layer.momentum, epsilon=layer.epsilon)
            self._push(stage)
        elif isinstance(layer, FractionalMaxPool2d):
            image = (layer.height, layer.width, layer.channels, *layer.pooled)
            self._push(Stage(n, layer.out_features, "identity", "pool", number=number, image=image))
        elif isinstance(layer, Activation) and not isinstance(layer, Identity):
            self._activate(layer)

    def _activate(self, layer: Activation) -> None:
        name, slope = layer.activation, slope_of(layer)
        last = self.stages[-1] if self.stages else None
        if last and last.learns and last.activation == "identity" and not reads_input(name):
            self.stages[-1] = replace(last, activation=name, slope=slope)
        else:
            self._push(Stage(self.features, self.features, name, "elementwise", slope=slope))

    def _residual(self, layer: Residual, path: str) -> None:
        before, fork, number = self.features, len(self.stages), self._number
        self._push(Stage(before, before, "identity", "residual_split"))
        self.add(layer.layers, f"{path}.")
        if self.features != before:
            raise ValueError(
                f"layer {path} is {layer!r}, whose layers have {self.features} features of {before}, but a "
                "shortcut needs as many as it takes"
            )
        join = len(self.stages)
        rate = 1 - layer.survival_probability
        self._push(Stage(before, before, "identity", "residual_add", number=number, rate=rate, partner=fork))
        self.stages[fork] = replace(self.stages[fork], partner=join)

    def _push(self, stage: Stage) -> None:
        self.stages.append(stage)
        self.features = stage.outputs
