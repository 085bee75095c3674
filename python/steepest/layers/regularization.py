"""Layers that regularize: dropout, batch normalization, residual connections, fractional max-pooling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._description import Description, Rule, normal

if TYPE_CHECKING:
    from . import Layer


@dataclass(frozen=True)
class Dropout(Description):
    """Inverted dropout: in training, set elements to 0 with probability p, and divide the others by 1 - p.

    Nothing is dropped in ``model(X)``.

    Parameters
    ----------
    p : float, default 0.5
        Probability of dropping, in [0, 1).
    mask : array_like of bool, (features,) or (samples, features), optional
        Which elements to keep, instead of random ones; meant for tests, and not stored in model files. With
        several rows, row i is for the i-th sample of each batch.

    Notes
    -----
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural
    networks from overfitting", JMLR 15, 2014. The draw for an element is a function of the seed, the layer,
    the training step, the sample's place in its batch and the feature, whatever the threads.
    """

    p: float = 0.5
    mask: NDArray[np.bool_] | None = field(default=None, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {"p": _checks.fraction}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask is not None:
            object.__setattr__(self, "mask", _checks.mask(self.mask))

    def __repr__(self) -> str:
        return f"Dropout({self.p})" if self.mask is None else f"Dropout({self.p}, mask=...)"


@dataclass(frozen=True)
class BatchNorm(Description):
    """Batch normalization, y = (x - mean) / sqrt(variance + epsilon) * weight + bias, feature by feature.

    In training, mean and (biased) variance are those of the batch. Each step updates the running statistics,
    which start with mean 0 and variance 1: running = momentum * running + (1 - momentum) * batch.
    ``model(X)`` uses the running statistics; `Sequential.folded` merges them into the `Linear` layer before.

    Parameters
    ----------
    features : int
        At least 1. `weight`, `bias`, `running_mean` and `running_var` are (features,).
    momentum : float, default 0.9
        In [0, 1).
    epsilon : float, default 1e-5
        Finite and greater than 0.

    Notes
    -----
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015. Sample weights do not affect the statistics. A batch of one sample is
    normalized to `bias`.
    """

    features: int
    momentum: float = 0.9
    epsilon: float = 1e-5
    _rules: ClassVar[Mapping[str, Rule]] = {
        "features": partial(_checks.integer, minimum=1),
        "momentum": _checks.fraction,
        "epsilon": normal,
    }


@dataclass(frozen=True, init=False)
class Residual(Description):
    """Layers with a shortcut, y = x + layers(x), and optional stochastic depth.

    Parameters
    ----------
    *layers : layers
        They must return as many features as they take.
    survival_probability : float, default 1.0
        Probability, in (0, 1], that the layers take part in a training step; otherwise y = x for the whole
        batch. ``model(X)`` uses the mean: y = x + survival_probability * layers(x).

    Notes
    -----
    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016; Huang, Sun, Liu, Sedra
    and Weinberger, "Deep networks with stochastic depth", ECCV 2016.
    """

    layers: tuple[Layer, ...]
    survival_probability: float = 1.0
    _rules: ClassVar[Mapping[str, Rule]] = {"survival_probability": _checks.probability}

    def __init__(self, *layers: Layer, survival_probability: float = 1.0) -> None:
        if not layers:
            raise ValueError("Residual has 0 layers, but needs at least 1")
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "survival_probability", survival_probability)
        self.__post_init__()

    def __repr__(self) -> str:
        chain = ", ".join(map(repr, self.layers))
        survival = self.survival_probability
        return f"Residual({chain}{'' if survival == 1 else f', survival_probability={survival}'})"


@dataclass(frozen=True)
class FractionalMaxPool2d(Description):
    """Fractional max-pooling: the maximum of each region, with a ratio that need not be an integer.

    Rows are images in (height, width, channels) order and become images of floor(height / ratio) by
    floor(width / ratio). The regions do not overlap. Their boundaries are random in each training step, and
    fixed in ``model(X)``.

    Parameters
    ----------
    height, width, channels : int
        Size of the images, each from 1 to 65535.
    ratio : float
        Finite, at least 1, and at most the smaller of height and width.

    Notes
    -----
    Graham, "Fractional max-pooling", arXiv:1412.6071, 2014: region i of n pixels in m parts begins at
    ceil(a (i + u)) - ceil(a u) with a = n / m, and u uniform in [0, 1) for the rows and for the columns
    (pseudo-random, disjoint); u = 1/2 in inference.
    """

    height: int
    width: int
    channels: int
    ratio: float

    _rules: ClassVar[Mapping[str, Rule]] = {
        **dict.fromkeys(("height", "width", "channels"), partial(_checks.integer, minimum=1, maximum=65535)),
        "ratio": partial(_checks.at_least, minimum=1),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ratio > min(self.height, self.width):
            raise ValueError(
                f"ratio is {self.ratio}, but must be at most {min(self.height, self.width)}, "
                f"the smaller side of {self.height} x {self.width} pixels"
            )

    @property
    def pooled(self) -> tuple[int, int]:
        """Height and width of the output."""
        return math.floor(self.height / self.ratio), math.floor(self.width / self.ratio)

    @property
    def out_features(self) -> int:
        """Number of output features."""
        return math.prod(self.pooled) * self.channels
