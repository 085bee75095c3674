"""What layers have in common, and the registry in which model files find them by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from .._description import Description
from ..compile.stage import Stage
from ..initializers import Initializer, LeCunNormal

# The layers of this package by the names of their classes: all that a model file may name. Each class enters
# itself; one that is derived elsewhere does not.
LAYERS: dict[str, type[Layer]] = {}


def is_ours(layer: Layer) -> bool:
    """Whether it is of this package, and of no class derived from one, which may compute something else."""
    return LAYERS.get(type(layer).__name__) is type(layer)


class Layer(Description, ABC):
    """Base class of layers: a description, which holds no parameters and does no work.

    A new layer is a frozen dataclass derived from it, which says here what it takes and what stages it is
    compiled to; `backends.reference.stages` has the formulas of these.
    """

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        super().__init_subclass__()
        if cls.__module__.startswith(f"{__package__}.") and not abstract:
            LAYERS[cls.__name__] = cls

    # Fields beyond those by which layers are compared that a model file keeps too, where they are not None.
    optional_fields: ClassVar[frozenset[str]] = frozenset()
    # Whether numbers between 0 and a constant stay so, be it another constant: a model that ends with a
    # sigmoid and such layers has bounded scores.
    keeps_bounds: ClassVar[bool] = False

    @property
    def features_in(self) -> int | None:
        """Number of input features; None if it takes any number."""
        return None

    @property
    def features_out(self) -> int | None:
        """Number of output features; None if it gives as many as it takes."""
        return None

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The layers inside it."""
        return ()

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter by its name in `state_dict`: "weight", and "bias" if there is one."""
        return {}

    def running_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each running statistic by its name, in the order of the rows that a backend updates."""
        return {}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Layer:
        """The layer whose fields a file has as plain values; those inside it are layers already."""
        return cls(**values)

    def check_batch(self, samples: int, path: str) -> None:
        """Raise a ValueError if it cannot train on so many samples; `path` is its number in the model."""

    @abstractmethod
    def compile(self, plan: Plan) -> None:
        """Append its stages to a plan whose last one gives the features that it takes."""


class MatrixLayer(Layer, abstract=True):
    """Base class of layers with a weight matrix, which is drawn, and may have a penalty."""

    in_features: int
    out_features: int
    initializer: Initializer | None
    bias_initializer: Initializer | None = None  # zeros

    @property
    def features_in(self) -> int:
        """Number of input features."""
        return self.in_features

    @property
    def features_out(self) -> int:
        """Number of output features."""
        return self.out_features


class DrawnLayer(Layer, abstract=True):
    """Base class of layers that draw their initial weight themselves, whatever a model's initializer."""

    @abstractmethod
    def draw(self, generator: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
        """The weight, (rows, columns), as an initializer draws one."""


class Activation(Layer, abstract=True):
    """Base class of activations, which apply one function to each element.

    `name` stands for the formula everywhere: in backends, `steepest.functional`, estimators and the command
    line.
    """

    name: ClassVar[str]
    # Whether the derivative needs the input. The others' is computed from the output, which is all that is
    # kept of a layer with which they are fused.
    reads_input: ClassVar[bool] = False

    @property
    def slope(self) -> float:
        """The number in its formula; 0.0 if it has none."""
        return 0.0

    @classmethod
    def initializer_before(cls, slope: float) -> Initializer:
        """How a model draws the weights of a layer before it; `slope` is that of the activation."""
        return LeCunNormal()

    def compile(self, plan: Plan) -> None:
        """One with the stage before, if that can have an activation, else a stage of its own."""
        plan.activate(self)


class Plan(Protocol):
    """The stages so far, as layers append to them; see `compile.plan`."""

    @property
    def features(self) -> int:
        """Features that the last stage gives."""

    @property
    def number(self) -> int:
        """Of the layer that is being compiled, counted from 1 through all layers: the key of its draws."""

    @property
    def path(self) -> str:
        """Of the same layer, as the keys of `state_dict` begin: "3.0"."""

    def append(self, stage: Stage) -> int:
        """Add a stage; returns its place."""

    def encode(self, features: int, ramps: tuple[int, ...]) -> None:
        """Take so many features in the place of the model's inputs, the last of them ramps of each input."""

    def activate(self, activation: Activation) -> None:
        """Fuse an activation with the last stage, or add it as one."""

    def add(self, layers: Sequence[Layer]) -> None:
        """Compile layers inside the current one."""

    def pair(self, first: int, second: int) -> None:
        """Make two stages partners of each other."""
