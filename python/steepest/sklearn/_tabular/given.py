"""Check: a table as it is given - its columns, by name or by place, and which of them are categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from ...tables.frames import columns_in, columns_named, is_frame, is_nothing
from ...tables.table import Table, listed, table_of_dicts


def columns_to_fit(estimator: Any, X: Any) -> list[Any]:
    """The columns of a table; sets `n_features_in_` and, if all have names, `feature_names_in_`.

    Raises
    ------
    ValueError, TypeError
        If X is no table, is empty, or two columns have one name.
    """
    X = _checked(X, estimator)
    validate_data(estimator, X, skip_check_array=True)
    if isinstance(X, Table):
        estimator.feature_names_in_ = np.array(list(X.columns), dtype=object)
    return columns_in(X)


def columns_to_use(estimator: Any, X: Any) -> list[Any]:
    """Those that it was fitted to, of a table that may have more, in another order, if names are strings.

    Raises
    ------
    ValueError
        If one is missing, or without names another number of columns is there.
    """
    X = _checked(X, estimator)
    known = getattr(estimator, "feature_names_in_", None)
    if known is None or not is_frame(X) or not all(isinstance(name, str) for name in X.columns):
        validate_data(estimator, X, reset=False, skip_check_array=True)
        return columns_in(X)
    return columns_named(X, known, type(estimator).__name__)


def checked_targets(estimator: Any, y: Any, **checks: bool) -> Any:
    """Targets as scikit-learn checks them, which forgets the names of the columns where it is given no X."""
    if y is not None and (gap := _first_gap(np.asarray(y))) is not None:
        raise ValueError(
            f"y has no value in row {gap}: it contains NaN or None; leave out such rows of X and y, as by "
            "X[y.notna()] and y[y.notna()]"
        )
    names = vars(estimator).get("feature_names_in_")
    y = validate_data(estimator, y=y, **checks)
    if names is not None:
        estimator.feature_names_in_ = names
    return y


def _first_gap(y: NDArray[Any]) -> int | None:
    """The first row without a value, if any."""
    if y.dtype.kind not in "fO":
        return None
    cells = y.ravel()
    gaps = np.isnan(cells) if y.dtype.kind == "f" else np.fromiter(map(is_nothing, cells), bool, len(cells))
    return int(gaps.argmax()) // (y.size // len(y)) if gaps.any() else None


def categories_of(chosen: Any, names: Sequence[str], named: bool) -> set[int]:
    """Places of the columns that `categorical_features` chooses: names, places or a mask.

    Raises
    ------
    ValueError, TypeError
        If there is no such column, or a mask has another length.
    """
    if chosen is None or (isinstance(chosen, str) and chosen == "from_dtype"):
        return set()
    given = np.asarray(chosen, dtype=object if isinstance(chosen, list | tuple) else None)
    if given.ndim == 1 and len(given) and all(isinstance(one, bool | np.bool_) for one in given):
        given = given.astype(np.bool_)
    odd = given.dtype.kind == "O" and not all(isinstance(one, str | int | np.integer) for one in given)
    if odd or given.ndim != 1 or given.dtype.kind not in "biuUOT":
        raise TypeError(
            "categorical_features must be 'from_dtype', or a sequence of names, of places or of booleans, "
            f"not {chosen!r:.80}"
        )
    if given.dtype.kind == "b":
        if len(given) != len(names):
            raise ValueError(f"categorical_features has {len(given)} booleans, X {len(names)} columns")
        return set(np.flatnonzero(given).tolist())
    found = set()
    for one in given.tolist():
        if isinstance(one, str) and named and one in names:
            found.add(list(names).index(one))
        elif not isinstance(one, str | bool) and -len(names) <= one < len(names):
            found.add(int(one) % len(names))
        else:
            raise ValueError(f"categorical_features has {one!r:.80}, but X has {listed(names)}")
    return found


def _checked(X: Any, estimator: Any) -> Any:
    """A frame, or an array of two dimensions, of whatever; dicts are a `Table`."""
    if not issparse(X) and (found := table_of_dicts(X)) is not None:  # some sparse matrices are mappings
        X = found
    if not is_frame(X):
        if isinstance(X, list | tuple) and np.asarray(X, dtype=object).ndim == 2:
            X = np.asarray(X, dtype=object)  # or NumPy would write numbers and gaps beside texts as texts
        return check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator, input_name="X")
    rows, columns = X.shape
    if not rows or not columns:
        what = "sample(s)" if columns else "feature(s)"
        raise ValueError(
            f"Found array with 0 {what} (shape=({rows}, {columns})) while a minimum of 1 is required by "
            f"{type(estimator).__name__}."
        )
    return X
