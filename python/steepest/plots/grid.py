"""Rows at which a model predicts for a picture, of the kind that it was fitted with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._checks import Array

Rows = Callable[[Array], Any]


def rows_like(X: Any, model: Any) -> Rows:
    """What makes of an array what the model takes: a DataFrame if `X` is one of pandas'."""
    if not hasattr(X, "columns") or not hasattr(X, "iloc"):
        return np.asarray
    kind, columns = type(X), X.columns
    return lambda grid: kind(grid, columns=columns)


def feature_names(names: Sequence[str] | None, X: Any, count: int) -> list[str]:
    """As given, else the columns of a DataFrame, else numbers."""
    if names is None:
        columns = getattr(X, "columns", None)
        if columns is not None and len(columns) == count:
            return [str(name) for name in columns]
        return [f"feature {i}" for i in range(count)] if count > 1 else ["x"]
    chosen = [names] if isinstance(names, str) else names
    if not isinstance(chosen, Sequence) or not all(isinstance(name, str) for name in chosen):
        raise TypeError(f"names of features must be texts, not {names!r:.80}")
    if len(chosen) != count:
        raise ValueError(f"features has {len(chosen)} names, but there are {count} features")
    return list(chosen)
