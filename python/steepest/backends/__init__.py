"""The backends, and which of them computes now."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from types import ModuleType

from .. import _extension
from .._config import current
from . import reference
from .protocol import Backend

native: ModuleType | None = None
native_error = _extension.error
_backends: dict[str, Backend] = {"reference": reference.BACKEND}

if _extension.core is not None:
    native = import_module("steepest.backends.native")
    _backends["native"] = native.BACKEND


def active() -> Backend:
    """The backend that the settings choose; see `steepest.config`."""
    return _backends[current().backend]


def warn_if_native_is_missing() -> None:
    """Say once, at import, that NumPy computes; not to those who chose that in the environment."""
    if native is None and os.environ.get("STEEPEST_BACKEND") != "reference":
        warnings.warn(
            f"steepest computes with NumPy only, which is slower: {native_error}. To get the native backend, "
            "install with a C++ compiler present; to silence this, set STEEPEST_BACKEND=reference.",
            RuntimeWarning,
            stacklevel=3,  # the line that imports steepest
        )
