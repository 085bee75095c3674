"""Check: the rows that a compiled model takes, dense or sparse."""

from __future__ import annotations

from .. import _checks
from .._checks import Array
from ..backends import active
from ..backends.sparse import Samples, SparseMatrix, SparseRows, is_sparse, own_places, sparse_rows
from ..layers import Identity
from .compiled import Compiled
from .inputs import wide_rows


def rows_of(compiled: Compiled, X: Samples, name: str = "X") -> Array | SparseRows:
    """X as the backends take it, in the model's dtype; `check_finite_rows` has not seen it yet.

    Raises
    ------
    ValueError
        If it has not two axes, or another number of features than the model takes, or a sparse X entries
        that lie outside of it.
    TypeError
        If it does not hold real numbers, or is sparse and the model does not begin with a product.
    """
    if not is_sparse(X):
        if compiled.inputs is not None:
            return compiled.inputs.apply(wide_rows(X, compiled.in_features, name))
        return _checks.rows(X, compiled.in_features, compiled.dtype, name)
    _check_beginning(compiled, X, name)
    _checks.row_shape(X.shape, compiled.in_features, name)
    try:
        rows = own_places(X).tocsr()
    except ValueError as error:
        raise ValueError(f"{name} is not a valid {type(X).__name__}: {error}") from None
    _checks.real_array(rows.data, name)
    return sparse_rows(rows, compiled.dtype)


def check_finite_rows(x: Array | SparseRows, name: str = "X") -> None:
    """Refuse NaN and infinities, naming the first row."""
    if isinstance(x, SparseRows):
        _checks.finite_rows(x, SparseRows.first_nonfinite_row, name)
    else:
        _checks.finite_rows(x, active().first_nonfinite_row, name)


def _check_beginning(compiled: Compiled, X: SparseMatrix, name: str) -> None:
    """Refuse sparse rows for a model whose first stage needs all numbers of a row, zeros too."""
    if not compiled.takes_sparse:
        number, first = next((i, a) for i, a in enumerate(compiled.layers) if not isinstance(a, Identity))
        raise TypeError(
            f"{name} is a {type(X).__name__}, but layer {number} is {first!r:.80}, and only a model that "
            "begins with Linear or Maxout takes sparse samples: use its toarray()"
        )
