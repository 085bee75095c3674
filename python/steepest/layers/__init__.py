"""Layers: the building blocks of a model. They hold no parameters and do no work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _public
from ._base import LAYERS as LAYERS
from ._base import Activation as Activation
from ._base import DrawnLayer as DrawnLayer
from ._base import Layer as Layer
from ._base import MatrixLayer as MatrixLayer
from ._base import Plan as Plan
from ._base import is_ours as is_ours
from ._public import *
from .activations import ACTIVATIONS as ACTIVATIONS
from .config import from_config as from_config
from .config import to_config as to_config

if not TYPE_CHECKING:  # type checkers go by the imports: mypy cannot add lists
    __all__ = [
        "ACTIVATIONS",
        "LAYERS",
        "Activation",
        "DrawnLayer",
        "Layer",
        "MatrixLayer",
        "Plan",
        "from_config",
        "is_ours",
        "to_config",
        *_public.__all__,
    ]
