"""Layers that normalize."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from .. import _checks
from .._description import Rule, normal
from ..compile.stage import Stage
from ._base import Layer, Plan

__all__ = ["BatchNorm", "LayerNorm"]


@dataclass(frozen=True)
class BatchNorm(Layer):
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

    Raises
    ------
    TypeError
        If `features` is not an integer, or another parameter not a real number.
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    After Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015. Sample weights do not affect the statistics. A batch of one sample is
    normalized to `bias`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(3, 2), st.BatchNorm(2), st.ReLU())
    >>> model.state_dict()["1.running_var"].tolist()
    [1.0, 1.0]
    """

    features: int
    momentum: float = 0.9
    epsilon: float = 1e-5
    _rules: ClassVar[Mapping[str, Rule]] = {
        "features": partial(_checks.integer, minimum=1),
        "momentum": _checks.fraction,
        "epsilon": normal,
    }

    @property
    def features_in(self) -> int:
        """Number of input features."""
        return self.features

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Scale and shift of each feature."""
        return dict.fromkeys(("weight", "bias"), (self.features,))

    def running_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Mean and variance of each feature."""
        return dict.fromkeys(("running_mean", "running_var"), (self.features,))

    def compile(self, plan: Plan) -> None:
        """To one stage."""
        plan.append(
            Stage(
                self.features,
                self.features,
                kind="batch_norm",
                momentum=self.momentum,
                epsilon=self.epsilon,
                parameters="scale",
                running_start=(0.0, 1.0),
            )
        )


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Layer normalization, y = (x - mean) / sqrt(variance + epsilon) * weight + bias, sample by sample.

    Mean and (biased) variance are those of the features of each sample, in training and in ``model(X)``
    alike: the result does not depend on the batch size.

    Parameters
    ----------
    features : int
        At least 1. `weight`, which starts with ones, and `bias` are (features,).
    epsilon : float, default 1e-5
        Finite and greater than 0.

    Raises
    ------
    TypeError
        If `features` is not an integer, or `epsilon` not a real number.
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    After Ba, Kiros and Hinton, "Layer normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(3, 2), st.LayerNorm(2), st.ReLU())
    >>> model.state_dict()["1.weight"].tolist()
    [1.0, 1.0]
    """

    features: int
    epsilon: float = 1e-5
    _rules: ClassVar[Mapping[str, Rule]] = {
        "features": partial(_checks.integer, minimum=1),
        "epsilon": normal,
    }

    @property
    def features_in(self) -> int:
        """Number of input features."""
        return self.features

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Scale and shift of each feature."""
        return dict.fromkeys(("weight", "bias"), (self.features,))

    def compile(self, plan: Plan) -> None:
        """To one stage."""
        plan.append(
            Stage(self.features, self.features, kind="layer_norm", epsilon=self.epsilon, parameters="scale")
        )
