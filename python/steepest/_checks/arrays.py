"""Check: arrays, converted to what kernels read without a copy where they are that already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


def float_dtype(dtype: object) -> np.dtype[Any]:
    """`dtype` as float32 or float64."""
    try:
        result = np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError:
        raise TypeError(f"dtype must be float32 or float64, not {dtype!r:.80}") from None
    if result not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"dtype must be float32 or float64, not {result}")
    return np.dtype(np.float32 if result == np.float32 else np.float64)


def real_array(value: object, name: str, if_strings: str = "") -> Array:
    """`value` as an array of real numbers, without a copy where it is one.

    if_strings: what the message advises where it holds strings.
    """
    array = value if type(value) is np.ndarray else _as_array(value, name)
    if type(value).__module__.startswith("scipy.sparse"):
        kind = type(value).__name__
        raise TypeError(f"{name} is a {kind}, but must be dense: use its toarray()")
    if array.dtype.kind == "O" and type(value).__module__.startswith("pandas"):
        array = _of_pandas(value, array, name)
    if if_strings and array.size and isinstance(array.flat[0], str):
        raise TypeError(f"{name} has dtype {array.dtype}, but must hold real numbers: {if_strings}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}, but must hold real numbers")
    return array


def _of_pandas(value: Any, array: Array, name: str) -> Array:
    """The numbers of columns of several types, or of one with missing values, which NumPy has as objects."""
    columns: Any = getattr(value, "columns", None)
    types = [value.dtype] if columns is None else list(value.dtypes)
    odd = [i for i, one in enumerate(types) if getattr(one, "kind", "O") not in "biuf"]
    if odd and columns is None:
        return array
    if odd:
        names = ", ".join(repr(columns[i]) for i in odd[:5]) + ("" if len(odd) < 6 else ", ...")
        raise TypeError(
            f"{name} has columns that are not numbers ({names}): turn them into numbers, for example with "
            "pd.get_dummies, or drop them"
        )
    integers = all(one.kind in "biu" for one in types) and not value.isna().any(axis=None)
    return np.asarray(value.to_numpy(dtype=np.int64 if integers else np.float64, na_value=np.nan))


def _as_array(value: object, name: str) -> Array:
    if isinstance(value, np.ndarray) and isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be ignored; fill it first")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None


def packed(array: Array, dtype: np.dtype[Any]) -> Array:
    """`array` in `dtype`, aligned, with unit stride along its last axis and rows that do not overlap.

    Copies only if it must: neither a C-ordered array (memory-mapped or not) nor a slice of rows or of
    neighboring columns is copied.
    """
    if array.dtype == dtype and readable(array):
        return array if array.dtype is dtype else array.view(dtype)  # an equal twin
    with np.errstate(over="ignore"):  # too large for the dtype becomes an infinity, which is refused later
        return np.array(array, dtype=dtype, order="C", copy=True)


def readable(array: Array) -> bool:
    """Whether kernels can use it: not if rows run backward, overlap, or split elements."""
    flags, size, strides = array.flags, array.itemsize, array.strides
    if array.size == 0 and array.ndim in (1, 2):
        return True  # whatever NumPy says of its strides
    if not flags.aligned or array.ndim not in (1, 2) or strides[-1] != size:
        return False
    return flags.c_contiguous or (strides[0] >= array.shape[-1] * size and strides[0] % size == 0)


def mask(value: object) -> NDArray[np.bool_]:
    """`value` as a read-only mask of elements, (features,) or (samples, features), of 0 and 1."""
    array = real_array(value, "mask")
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"mask has shape {array.shape}, but must be (features,) or (samples, features)")
    if not ((array == 0) | (array == 1)).all():
        raise ValueError("mask holds other values than 0 and 1")
    kept = array.astype(np.bool_)
    kept.flags.writeable = False
    return kept


def _of_pytorch(key: object, value: object) -> bool:
    """Whether PyTorch wrote it; its names are the same, and the shape of a square weight is too."""
    return type(value).__module__.partition(".")[0] == "torch" or str(key).endswith(".num_batches_tracked")


def named_arrays(
    values: object, shapes: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any], noun: str, *, complete: bool
) -> dict[str, Array]:
    """The finite arrays of a state or direction in `dtype`: with these keys (all, if `complete`)."""
    if not isinstance(values, Mapping):
        raise TypeError(f"a {noun} is a mapping of names to arrays, not {values!r:.80}")
    if any(_of_pytorch(key, value) for key, value in values.items()):
        raise TypeError(
            f"the {noun} is PyTorch's, where weights are (out, in): write st.from_torch(module) of its module"
        )
    if complete and (missing := sorted(shapes.keys() - values.keys())):
        raise ValueError(f"the {noun} lacks {', '.join(missing)}")
    if unexpected := sorted(map(repr, values.keys() - shapes.keys())):
        raise ValueError(
            f"the {noun} has {', '.join(unexpected)}, but the model has only {', '.join(shapes)}"
        )
    new = {}
    for key in values:
        value = real_array(values[key], key)
        if value.shape != shapes[key]:
            turned = value.ndim == 2 and value.shape[::-1] == shapes[key]
            hint = ": transpose it, if it is PyTorch's, where weights are (out, in)" if turned else ""
            raise ValueError(f"{key} has shape {value.shape}, but the model's is {shapes[key]}{hint}")
        new[key] = packed(value, dtype)
        if not np.isfinite(new[key]).all():
            raise ValueError(f"{key} holds NaN or an infinity (or a number too large for {dtype})")
    return new
