"""The layers that `steepest` has too: those that each file lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    activations,
    dropout,
    linear,
    normalization,
    periodic_embedding,
    piecewise_linear,
    pooling,
    residual,
    scale,
    standardize,
)
from .activations import *
from .dropout import *
from .linear import *
from .normalization import *
from .periodic_embedding import *
from .piecewise_linear import *
from .pooling import *
from .residual import *
from .scale import *
from .standardize import *

if not TYPE_CHECKING:  # type checkers go by the stars: mypy cannot add lists
    __all__ = [
        *activations.__all__,
        *dropout.__all__,
        *linear.__all__,
        *normalization.__all__,
        *periodic_embedding.__all__,
        *piecewise_linear.__all__,
        *pooling.__all__,
        *residual.__all__,
        *scale.__all__,
        *standardize.__all__,
    ]
