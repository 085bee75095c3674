"""Check: the messages a user can get about values and arrays. Everything behind this edge is trusted."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_Text = TypeVar("_Text", bound=str)


LARGEST_INTEGER = 2**63 - 1  # of the backends


def shown(number: object) -> str:
    """A number in a message, which may have more digits than Python writes."""
    try:
        return str(number)
    except ValueError:
        return f"an integer of {operator.index(number).bit_length()} bits"  # type: ignore[arg-type]


def real_number(value: object, name: str) -> float:
    """`value`, Python's or NumPy's number, as a float, which may be any."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a real number, not {value!r:.80}")
    try:
        return float(value)
    except OverflowError:  # an int beyond all floats
        return math.inf if value > 0 else -math.inf


def positive(value: object, name: str) -> float:
    """`value` as a finite float greater than 0."""
    if not (math.isfinite(number := real_number(value, name)) and number > 0):
        raise ValueError(f"{name} is {shown(value)}, but must be finite and greater than 0")
    return number


def non_negative(value: object, name: str) -> float:
    """`value` as a finite float of at least 0."""
    if not (math.isfinite(number := real_number(value, name)) and number >= 0):
        raise ValueError(f"{name} is {shown(value)}, but must be finite and not negative")
    return number


def fraction(value: object, name: str) -> float:
    """`value` as a float in [0, 1)."""
    if not 0 <= (number := real_number(value, name)) < 1:
        raise ValueError(f"{name} is {shown(value)}, but must be in [0, 1)")
    return number


def probability(value: object, name: str) -> float:
    """`value` as a float in (0, 1]."""
    if not 0 < (number := real_number(value, name)) <= 1:
        raise ValueError(f"{name} is {shown(value)}, but must be in (0, 1]")
    return number


def inside(value: object, name: str) -> float:
    """`value` as a float between 0 and 1, both excluded."""
    if not 0 < (number := real_number(value, name)) < 1:
        raise ValueError(f"{name} is {shown(value)}, but must be between 0 and 1, both excluded")
    return number


def at_least(value: object, name: str, minimum: float) -> float:
    """`value` as a finite float of at least `minimum`."""
    if not (math.isfinite(number := real_number(value, name)) and number >= minimum):
        raise ValueError(f"{name} is {shown(value)}, but must be finite and at least {minimum}")
    return number


def rate(value: object, name: str = "learning_rate") -> Any:
    """`value` as a learning rate, a finite float greater than 0, or as the function that gives one."""
    return value if callable(value) else positive(value, name)


def integer(value: object, name: str, *, minimum: int, maximum: int = LARGEST_INTEGER) -> int:
    """`value`, Python's or NumPy's integer, as an int of at least `minimum` and at most `maximum`."""
    # An array of no axes is an index too.
    if isinstance(value, bool | np.bool_ | np.ndarray):
        raise TypeError(f"{name} must be an integer, not {value!r:.80}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r:.80}") from None
    if number < minimum:
        raise ValueError(f"{name} is {shown(number)}, but must be at least {minimum}")
    if number > maximum:
        raise ValueError(f"{name} is {shown(number)}, but must be at most {maximum}")
    return number


def seed(value: object) -> int:
    """`value` as an int in [0, 2**64)."""
    return integer(value, "seed", minimum=0, maximum=2**64 - 1)


def flag(value: object, name: str) -> bool:
    """`value`, Python's or NumPy's, as True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {value!r:.80}")
    return bool(value)


def one_of(value: _Text, name: str, allowed: Collection[str]) -> _Text:
    """`value` as one of the allowed strings."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} is {value!r:.80}, but must be one of {', '.join(map(repr, allowed))}")
    return str(value)  # type: ignore[return-value]  # a literal stays one


def representable(value: float, name: str, dtype: np.dtype[Any], *, normal: bool = False) -> None:
    """Refuse what is infinite in `dtype` and, where it has to be `normal`, what is 0 or subnormal there."""
    limits = np.finfo(dtype)
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.float64(value).astype(dtype)
    if not abs(rounded) <= limits.max:
        raise ValueError(
            f"{name} is {value}, but must be at most {limits.max}, the largest number of {dtype}"
        )
    if normal and rounded < limits.smallest_normal:
        raise ValueError(
            f"{name} is {value}, but must be at least {limits.smallest_normal}, "
            f"the smallest normal number of {dtype}"
        )


def float_dtype(dtype: object) -> np.dtype[Any]:
    """`dtype` as float32 or float64."""
    try:
        result = np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError:
        raise TypeError(f"dtype must be float32 or float64, not {dtype!r:.80}") from None
    if result not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"dtype must be float32 or float64, not {result}")
    return np.dtype(np.float32 if result == np.float32 else np.float64)


def real_array(value: object, name: str) -> Array:
    """`value` as an array of real numbers, without a copy where it is one."""
    array = value if type(value) is np.ndarray else _as_array(value, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}, but must hold real numbers")
    return array


def _as_array(value: object, name: str) -> Array:
    if isinstance(value, np.ndarray) and isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be ignored; fill it first")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is no rectangular array: {error}") from None


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
    """Whether kernels can use it: not if rows run backwards, overlap, or are no whole elements apart."""
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


def rows(x: object, features: int, dtype: np.dtype[Any], name: str = "X") -> Array:
    """`x` as (samples, features) in `dtype`, as `packed` has it."""
    array = real_array(x, name)
    if array.ndim != 2:
        hint = "; a single sample is X[None, :]" if array.ndim == 1 else ""
        raise ValueError(f"{name} has shape {array.shape}, but must be (samples, features){hint}")
    if array.shape[1] != features:
        raise ValueError(f"{name} has {array.shape[1]} features, but the first layer takes {features}")
    return packed(array, dtype)


def not_empty(x: Array, name: str = "X") -> None:
    """Refuse an array of no samples."""
    if x.shape[0] == 0:
        raise ValueError(f"{name} has 0 samples, but at least 1 is needed")


def finite_rows(x: Array, first_nonfinite_row: Callable[[Array], int], name: str = "X") -> None:
    """Refuse NaN and infinities, naming the first row."""
    if (row := first_nonfinite_row(x)) >= 0:
        raise ValueError(
            f"row {row} of {name} holds NaN or an infinity (or a number too large for {x.dtype})"
        )


def labels(
    y: object, samples: int, classes: int, first_bad_label: Callable[[Array, int], int], name: str = "y"
) -> Array:
    """`y` as (samples,) int64 class indices in 0..classes-1."""
    if classes < 2:
        raise ValueError(
            f"labels choose among at least 2 scores, but there is {classes}: use squared error or binary "
            "cross-entropy for one"
        )
    array = real_array(y, name)
    if array.ndim != 1:
        hint = (
            "y.ravel()" if array.ndim == 2 and array.shape[1] == 1 else "y.argmax(axis=1) of a one-hot array"
        )
        raise ValueError(
            f"{name} has shape {array.shape}, but labels are one class index a sample: use {hint}"
        )
    if array.shape[0] != samples:
        raise ValueError(f"X has {samples} samples, but {name} has {array.shape[0]}")
    if array.dtype.kind == "f":
        raise TypeError(
            f"{name} has dtype {array.dtype}, but labels are integers 0..{classes - 1}: use y.astype(int), "
            "or squared error to fit real numbers"
        )
    indices = packed(array, np.dtype(np.int64))
    if (bad := first_bad_label(indices, classes)) >= 0:
        raise ValueError(
            f"label {array[bad]} of sample {bad} is not one of the {classes} classes 0..{classes - 1}"
        )
    return indices


def targets(y: object, samples: int, outputs: int, dtype: np.dtype[Any], name: str = "y") -> Array:
    """`y` as (samples, outputs) in `dtype`; (samples,) too where there is one output."""
    array = real_array(y, name)
    if array.ndim == 1 and outputs == 1:
        array = array[:, None]
    elif array.ndim == 1 and array.dtype.kind in "biu":
        raise ValueError(
            f"{name} has one integer a sample, but the loss compares {outputs} outputs: "
            f"give {name} one-hot, as np.eye({outputs})[y], or use the softmax loss"
        )
    if array.ndim != 2 or array.shape[1] != outputs:
        raise ValueError(
            f"{name} has shape {array.shape}, but the targets of {outputs} outputs are (samples, {outputs})"
        )
    if array.shape[0] != samples:
        raise ValueError(f"X has {samples} samples, but {name} has {array.shape[0]}")
    return packed(array, dtype)


def class_weight(value: object) -> tuple[float, ...]:
    """`value` as a tuple: one finite number a class, not negative, not all zero."""
    if isinstance(value, str | Mapping | Set) or not isinstance(value, Iterable):
        raise TypeError(f"class_weight must be a sequence of one number a class, not {value!r:.80}")
    numbers = []
    for i, weight in enumerate(value):
        numbers.append(non_negative(weight, f"class_weight[{i}]"))
    if not any(numbers):
        raise ValueError(f"class_weight is zero for all {len(numbers)} classes, but one at least must count")
    return tuple(numbers)


def named_arrays(
    values: object, own: Mapping[str, Array], dtype: np.dtype[Any], noun: str, *, complete: bool
) -> dict[str, Array]:
    """The finite arrays of a state or direction in `dtype`: keys (all, if `complete`) and shapes of `own`."""
    if not isinstance(values, Mapping):
        raise TypeError(f"a {noun} is a mapping of names to arrays, not {values!r:.80}")
    if complete and (missing := sorted(own.keys() - values.keys())):
        raise ValueError(f"the {noun} lacks {', '.join(missing)}")
    if unexpected := sorted(map(repr, values.keys() - own.keys())):
        raise ValueError(f"the {noun} has {', '.join(unexpected)}, but the model has only {', '.join(own)}")
    new = {}
    for key in values:
        value = real_array(values[key], key)
        if value.shape != own[key].shape:
            raise ValueError(f"{key} has shape {value.shape}, but the model's is {own[key].shape}")
        new[key] = packed(value, dtype)
        if not np.isfinite(new[key]).all():
            raise ValueError(f"{key} holds NaN or an infinity (or a number too large for {dtype})")
    return new
