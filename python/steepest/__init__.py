"""steepest: fast multilayer perceptrons and linear classifiers for the CPU."""

from __future__ import annotations

from . import backends, datasets, functional, gradients, initializers, plots, schedules
from ._config import build_info, config, get_num_threads, set_num_threads
from ._version import __version__
from .averaging import ExponentialAverage, PolyakAverage
from .constraints import MaxNorm
from .error_decomposition import ErrorDecomposition, error_decomposition
from .layers import ELU, GELU, Identity, LeakyReLU, LeCunTanh, Linear, Maxout, ReLU, Sigmoid, Softplus, Tanh
from .layers.regularization import BatchNorm, Dropout, FractionalMaxPool2d, Residual
from .losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    Huber,
    MulticlassHinge,
    PoissonDeviance,
    SoftmaxCrossEntropy,
    SquaredError,
)
from .metrics import accuracy
from .model import Sequential, load
from .optimizers import SGD, AdaGrad, Adam, AdamW, RMSProp
from .penalties import L1, L2, ElasticNet
from .polynomial import PolynomialFeatures
from .storage import ModelFileError
from .training.callbacks import BatchState, EarlyStopping, EpochCallback, EpochState
from .training.divergence import DivergenceError
from .training.history import History
from .training.trainer import Trainer

__all__ = [
    "ELU",
    "GELU",
    "L1",
    "L2",
    "SGD",
    "AbsoluteError",
    "AdaGrad",
    "Adam",
    "AdamW",
    "BatchNorm",
    "BatchState",
    "BinaryCrossEntropy",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "ElasticNet",
    "EpochCallback",
    "EpochState",
    "ErrorDecomposition",
    "ExponentialAverage",
    "FractionalMaxPool2d",
    "History",
    "Huber",
    "Identity",
    "LeCunTanh",
    "LeakyReLU",
    "Linear",
    "MaxNorm",
    "Maxout",
    "ModelFileError",
    "MulticlassHinge",
    "PoissonDeviance",
    "PolyakAverage",
    "PolynomialFeatures",
    "RMSProp",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "Softplus",
    "SquaredError",
    "Tanh",
    "Trainer",
    "__version__",
    "accuracy",
    "build_info",
    "config",
    "datasets",
    "error_decomposition",
    "functional",
    "get_num_threads",
    "gradients",
    "initializers",
    "load",
    "plots",
    "schedules",
    "set_num_threads",
]

backends.warn_if_native_is_missing()
