"""Where the error of a model comes from: its kind, too few samples, or too short a training."""

from .estimate import error_decomposition
from .parts import ErrorDecomposition

__all__ = ["ErrorDecomposition", "error_decomposition"]
