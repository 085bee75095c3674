"""Layers: the building blocks of a model. They hold no parameters and do no work."""

from __future__ import annotations

from . import activations, dropout, linear, normalization, pooling, residual
from ._base import Activation as Activation
from ._base import Layer as Layer
from ._base import MatrixLayer as MatrixLayer
from ._base import Plan as Plan
from .activations import *
from .activations import ACTIVATIONS as ACTIVATIONS
from .config import from_config as from_config
from .config import to_config as to_config
from .dropout import *
from .linear import *
from .normalization import *
from .pooling import *
from .residual import *

# What `steepest` has too.
__all__ = []
__all__ += activations.__all__
__all__ += dropout.__all__
__all__ += linear.__all__
__all__ += normalization.__all__
__all__ += pooling.__all__
__all__ += residual.__all__
