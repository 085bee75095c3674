"""Modules for what torch.nn does not have. This file is imported only where PyTorch is used."""

from __future__ import annotations

from math import pi
from typing import Any

import torch
from torch import Tensor, nn

from ..backends.reference.activations import HEIGHT, STRETCH
from ..layers import Layer
from ..layers.piecewise_linear import NARROWEST


class Part(nn.Module):
    """One layer; parameters and buffers have the names and shapes of the layer's."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer: Any = layer
        for name, shape in layer.parameter_shapes().items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))
        for name, shape in layer.running_shapes().items():
            self.register_buffer(name, torch.empty(shape))

    def extra_repr(self) -> str:
        """The layer's arguments."""
        return repr(self.layer).partition("(")[2][:-1]


class LeCunTanh(Part):
    """1.7159 * tanh(2/3 * x)."""

    def forward(self, x: Tensor) -> Tensor:
        """The activation."""
        return HEIGHT * torch.tanh(STRETCH * x)


class Maxout(Part):
    """The largest of several products."""

    def forward(self, x: Tensor) -> Tensor:
        """The scores; of equal pieces the first gets the gradient, which `amax` would share among them."""
        pieces = (x @ self.weight + self.bias).unflatten(1, (self.layer.pieces, -1))
        return pieces.max(dim=1).values


class Scale(Part):
    """Each feature times its weight."""

    def forward(self, x: Tensor) -> Tensor:
        """The products."""
        return x * self.weight


class Standardize(Part):
    """(x - mean) / scale in float64, rounded to the model's dtype."""

    def forward(self, x: Tensor) -> Tensor:
        """The standardized rows."""
        return ((x.double() - self.mean.double()) / self.scale.double()).to(self.mean.dtype)


class PiecewiseLinear(Part):
    """Ramps from -1 to 1 between knots, behind the features that are given as they are."""

    def forward(self, x: Tensor) -> Tensor:
        """The encoded rows."""
        bins, dtype = self.layer.bins_of_features, self.knots.dtype
        knots = self.knots.double().split([number + 1 for number in bins if number])
        begins = torch.cat([own[:-1] for own in knots])
        widths = torch.cat([own.diff() for own in knots]).clamp_min(NARROWEST)
        columns = [feature for feature, number in enumerate(bins) for _ in range(number)]
        passed = (x[:, columns].double() - begins) / widths
        return torch.cat([x[:, list(self.layer.given)].to(dtype), (2 * passed.clamp(0, 1) - 1).to(dtype)], 1)


class PeriodicEmbedding(Part):
    """All features, and mixtures of cosines of some."""

    def forward(self, x: Tensor) -> Tensor:
        """Without whole turns, for whose cosines float32 has not enough digits."""
        k, m, columns = self.layer.frequencies, self.layer.outputs - 1, self.layer.columns
        w, b, mixing, shifts = self.weight.split([k, k, m * k, m])
        chosen = x if columns is None else x[:, list(columns)]
        turns = chosen[:, None].double() * w.double() + b.double()
        cosines = torch.cos(2 * pi * (turns - turns.round())).to(x.dtype)
        mixed = torch.einsum("nkf,mkf->nmf", cosines, mixing.unflatten(0, (m, k))) + shifts
        return torch.cat([x, mixed.flatten(1)], 1)


class Residual(nn.Sequential):
    """Modules with a shortcut, y = x + modules(x); in training with some probability y = x."""

    def __init__(self, *modules: Any, survival_probability: float = 1.0) -> None:
        super().__init__(*modules)
        self.survival_probability = survival_probability

    def forward(self, x: Tensor) -> Tensor:
        """The sum."""
        if not self.training:
            return x + self.survival_probability * super().forward(x)
        return x + super().forward(x) if torch.rand(()) < self.survival_probability else x
