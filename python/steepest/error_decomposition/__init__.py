"""Where the error of a model comes from: too small a model, too few samples, or too little training."""

from .estimate import error_decomposition
from .parts import ErrorDecomposition

__all__ = ["ErrorDecomposition", "error_decomposition"]
