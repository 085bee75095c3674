"""Check: rows, targets and weights of samples, in the precision that an estimator computes in."""

from __future__ import annotations

import math
from inspect import signature
from numbers import Number
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.metrics import r2_score
from sklearn.utils.validation import _check_sample_weight

from ..._checks import Array, some_count
from ...backends import active
from ...backends.sparse import own_places as sparse_places
from ...backends.sparse import sparse_rows

_ZERO = "allow_all_zero_weights"  # since scikit-learn 1.8; before, it allowed them
_OR_ZERO = {_ZERO: True} if _ZERO in signature(_check_sample_weight).parameters else {}


def rows_in(X: Any, dtype: np.dtype[Any]) -> Any:
    """Validated X in the dtype of a fitted estimator; refuses numbers that are too large for it."""
    if X.dtype == dtype:
        return X
    with np.errstate(over="ignore"):  # an infinity, which is refused here
        rows = X.astype(dtype) if sparse.issparse(X) else np.ascontiguousarray(X, dtype)
    if (row := _first_nonfinite_row(rows)) >= 0:
        raise ValueError(
            f"row {row} of X holds a number too large for {dtype}, the dtype that the estimator was fitted in"
        )
    return rows


def own_places(X: Any) -> Any:
    """X itself; a sparse one with a checked copy of where its entries are, see `backends.sparse`."""
    return sparse_places(X) if sparse.issparse(X) else X


def finite(answers: Array, name: str = "scores") -> Array:
    """The answers themselves, one per row of X; refuses those that overflowed: NaN has no class."""
    if (row := _first_nonfinite_row(np.ascontiguousarray(answers).reshape(len(answers), -1))) >= 0:
        raise ValueError(
            f"the {name} of row {row} of X are not finite: its numbers, or the weights that the estimator "
            f"was fitted to, are too large for {answers.dtype}"
        )
    return answers


def _first_nonfinite_row(rows: Any) -> int:
    """-1 if there is none."""
    if sparse.issparse(rows):
        return sparse_rows(rows, rows.dtype).first_nonfinite_row()
    return active().first_nonfinite_row(rows)


def numbers(y: Any) -> Array:
    """The targets of a regression as float64, whatever kind of number they come as."""
    if sparse.issparse(y):
        raise TypeError("y is sparse, but targets must be dense: use y.toarray()")
    if y.dtype.kind not in "biufOUS":  # dates, records
        raise ValueError(f"y has dtype {y.dtype}, but targets must be numbers")
    with np.errstate(over="ignore"):
        targets: Array = y.astype(np.float64, copy=False)
    _still_finite(targets, y)
    return targets


def targets_fit(y: Array, dtype: np.dtype[Any]) -> None:
    """Refuse targets that are too large for `dtype`."""
    if dtype != y.dtype:
        with np.errstate(over="ignore"):
            _still_finite(y.astype(dtype), y)


def _still_finite(converted: Array, y: Array) -> None:
    """Refuse targets that a conversion made infinite."""
    good = np.isfinite(converted)
    if not good.all():
        where = tuple(int(i) for i in np.unravel_index(good.argmin(), good.shape))
        raise ValueError(f"y of sample {where[0]} is {y[where]}, but must be finite in {converted.dtype}")


def weights_of(sample_weight: Any, X: Any, *, or_zero: bool = False) -> Array:
    """`sample_weight` of the rows of X in their dtype: not negative, not all zero but with `or_zero`."""
    if isinstance(sample_weight, Number):
        sample_weight = np.full(X.shape[0], sample_weight)
    with np.errstate(over="ignore"):  # an infinity, which is refused
        options = {"dtype": X.dtype, "ensure_non_negative": True, **(_OR_ZERO if or_zero else {})}
        weight: Array = _check_sample_weight(sample_weight, X, **options)
    weights_count(weight, "sample_weight", or_zero=or_zero)
    return weight


def weights_count(weight: Array | None, name: str, *, or_zero: bool = False) -> None:
    """Refuse weights whose sum cannot be divided by; all may be 0 where a step may learn nothing."""
    if weight is None:
        return
    with np.errstate(over="ignore"):
        total = float(weight.sum(dtype=np.float64))
    least = float(np.finfo(np.float64).smallest_normal)
    if not or_zero:
        some_count(weight, name)
    if not math.isfinite(total) or 0 < total < least:
        raise ValueError(f"{name} has the sum {total}, but it must be finite and at least {least:.3g}")


def r_squared(y: Array, predictions: Array, sample_weight: Array | None) -> float:
    """R^2, or NaN where predictions overflowed."""
    if not np.isfinite(predictions).all():
        return math.nan
    return float(r2_score(y, predictions, sample_weight=sample_weight))
