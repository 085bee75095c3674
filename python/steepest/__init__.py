"""steepest: fast multilayer perceptrons and linear classifiers for the CPU."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from . import (
    _advice,
    _config,
    averaging,
    backends,
    c99,
    constraints,
    ensemble,
    loading,
    losses,
    model,
    onnx,
    optimizers,
    penalties,
    polynomial,
    storage,
    tables,
    torch,
)
from . import datasets as datasets
from . import distributed as distributed
from . import error_decomposition as _error_decomposition
from . import functional as functional
from . import gradients as gradients
from . import initializers as initializers
from . import layers as layers
from . import metrics as metrics
from . import plots as plots
from . import schedules as schedules
from ._config import *
from ._version import __version__ as __version__
from .averaging import *
from .c99 import *
from .constraints import *
from .ensemble import *
from .error_decomposition import *
from .layers import _public as _layers
from .layers._public import *
from .loading import *
from .losses import *
from .metrics import accuracy as accuracy
from .model import *
from .onnx import *
from .optimizers import *
from .penalties import *
from .polynomial import *
from .storage import *
from .tables import *
from .torch import *
from .training import callbacks as _callbacks
from .training import divergence as _divergence
from .training import history as _history
from .training import trainer as _trainer
from .training.callbacks import *
from .training.divergence import *
from .training.history import *
from .training.trainer import *

if not TYPE_CHECKING:  # type checkers go by the imports: mypy cannot add lists
    __all__ = sorted(
        [
            *[
                "__version__",
                "accuracy",
                "datasets",
                "distributed",
                "functional",
                "gradients",
                "initializers",
                "metrics",
                "plots",
            ],
            "schedules",
            *_callbacks.__all__,
            *_config.__all__,
            *_divergence.__all__,
            *_error_decomposition.__all__,
            *_history.__all__,
            *_layers.__all__,
            *_trainer.__all__,
            *averaging.__all__,
            *c99.__all__,
            *constraints.__all__,
            *ensemble.__all__,
            *loading.__all__,
            *losses.__all__,
            *model.__all__,
            *onnx.__all__,
            *optimizers.__all__,
            *penalties.__all__,
            *polynomial.__all__,
            *storage.__all__,
            *tables.__all__,
            *torch.__all__,
        ]
    )

    _advice.advise(value for name in __all__ if isinstance(value := globals()[name], type))
    _advice.advise(getattr(schedules, name) for name in schedules.__all__)

    def __getattr__(name: str) -> Any:
        """`steepest.sklearn` when it is first used: scikit-learn takes a second to import, or is missing."""
        if name == "sklearn":
            return import_module(f"{__name__}.sklearn")
        raise AttributeError(_advice.missing_name(name))

    def __dir__() -> list[str]:
        return sorted({*globals(), *(["sklearn"] if find_spec("sklearn") else [])})


backends.warn_if_native_is_missing()
