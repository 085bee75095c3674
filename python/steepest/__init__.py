"""steepest: linear classifiers and multilayer perceptrons, trained on a CPU at the machine's limit."""

from __future__ import annotations

from . import backends, datasets, functional, plots
from ._config import build_info, config, get_num_threads, set_num_threads
from ._version import __version__
from .callbacks import EpochState
from .error_decomposition import ErrorDecomposition, error_decomposition
from .history import History
from .layers import Identity, Linear, ReLU, Sigmoid, Tanh
from .losses import MulticlassHinge, SoftmaxCrossEntropy, SquaredError
from .model import Sequential
from .optimizers import SGD
from .penalties import L1, L2, ElasticNet
from .polynomial import PolynomialFeatures
from .storage import ModelFileError, load
from .training import DivergenceError, Trainer

__all__ = [
    "L1",
    "L2",
    "SGD",
    "DivergenceError",
    "ElasticNet",
    "EpochState",
    "ErrorDecomposition",
    "History",
    "Identity",
    "Linear",
    "ModelFileError",
    "MulticlassHinge",
    "PolynomialFeatures",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "Tanh",
    "Trainer",
    "__version__",
    "build_info",
    "config",
    "datasets",
    "error_decomposition",
    "functional",
    "get_num_threads",
    "load",
    "plots",
    "set_num_threads",
]

backends.warn_if_native_is_missing()
