"""steepest: fast multilayer perceptrons and linear classifiers for the CPU."""

from __future__ import annotations

from . import (
    _config,
    averaging,
    backends,
    constraints,
    datasets,
    functional,
    gradients,
    initializers,
    layers,
    losses,
    metrics,
    model,
    optimizers,
    penalties,
    plots,
    polynomial,
    schedules,
    storage,
)
from . import error_decomposition as _error_decomposition
from ._config import *
from ._version import __version__
from .averaging import *
from .constraints import *
from .error_decomposition import *
from .layers import *
from .losses import *
from .metrics import *
from .model import *
from .optimizers import *
from .penalties import *
from .polynomial import *
from .storage import *
from .training import callbacks as _callbacks
from .training import divergence as _divergence
from .training import history as _history
from .training import trainer as _trainer
from .training.callbacks import *
from .training.divergence import *
from .training.history import *
from .training.trainer import *

# Each module lists its own public names.
__all__ = [
    "__version__",
    "datasets",
    "functional",
    "gradients",
    "initializers",
    "plots",
    "schedules",
]
__all__ += _config.__all__
__all__ += _error_decomposition.__all__
__all__ += averaging.__all__
__all__ += _callbacks.__all__
__all__ += constraints.__all__
__all__ += _divergence.__all__
__all__ += _history.__all__
__all__ += layers.__all__
__all__ += losses.__all__
__all__ += metrics.__all__
__all__ += model.__all__
__all__ += optimizers.__all__
__all__ += penalties.__all__
__all__ += polynomial.__all__
__all__ += storage.__all__
__all__ += _trainer.__all__
__all__.sort()

backends.warn_if_native_is_missing()
