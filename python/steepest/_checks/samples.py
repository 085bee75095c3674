"""Check: samples, and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Protocol, TypeVar

import numpy as np

from .arrays import Array, packed, real_array
from .numbers import integer, non_negative, one_of


class Rows(Protocol):
    """Rows of numbers, however they are stored."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples, features."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers."""


_Rows = TypeVar("_Rows", bound=Rows)


def rows(x: object, features: int, dtype: np.dtype[Any], name: str = "X") -> Array:
    """`x` as (samples, features) in `dtype`, as `packed` has it."""
    array = real_array(x, name)
    row_shape(array.shape, features, name)
    return packed(array, dtype)


def row_shape(shape: tuple[int, ...], features: int, name: str = "X") -> None:
    """Refuse what is not (samples, features)."""
    if len(shape) != 2:
        hint = "; a single sample is X[None, :]" if len(shape) == 1 else ""
        raise ValueError(f"{name} has shape {shape}, but must be (samples, features){hint}")
    if shape[1] != features:
        raise ValueError(f"{name} has {shape[1]} features, but the first layer takes {features}")


def not_empty(x: Rows, name: str = "X") -> None:
    """Refuse rows that are none."""
    if x.shape[0] == 0:
        raise ValueError(f"{name} has 0 samples, but at least 1 is needed")


def finite_rows(x: _Rows, first_nonfinite_row: Callable[[_Rows], int], name: str = "X") -> None:
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
            f"labels choose among at least 2 scores, but there is {classes}: for one output, give loss='mse' "
            "or loss='bce'"
        )
    array = real_array(
        y, name, "use np.unique(y, return_inverse=True)[1], or an estimator, which takes names of classes"
    )
    if array.ndim != 1:
        hint = (
            "y.ravel()" if array.ndim == 2 and array.shape[1] == 1 else "y.argmax(axis=1) of a one-hot array"
        )
        raise ValueError(
            f"{name} has shape {array.shape}, but labels are one class index per sample: use {hint}"
        )
    if array.shape[0] != samples:
        raise ValueError(f"X has {samples} samples, but {name} has {array.shape[0]}")
    if array.dtype.kind == "f":
        hint = "drop the samples without a label" if np.isnan(array).any() else "use y.astype(int)"
        raise TypeError(
            f"{name} has dtype {array.dtype}, but labels are integers 0..{classes - 1}: {hint}, "
            "or squared error to fit real numbers"
        )
    indices = packed(array, np.dtype(np.int64))
    if (bad := first_bad_label(indices, classes)) >= 0:
        raise ValueError(
            f"label {array[bad]} of sample {bad} is not one of the {classes} classes 0..{classes - 1}"
            f"{_other_labels(indices, classes)}"
        )
    return indices


def _other_labels(indices: Array, classes: int) -> str:
    """What to do about labels that are classes to somebody else."""
    least, most = int(indices.min()), int(indices.max())
    if least == 1 and most == classes:
        return ": labels are counted from 0, so use y - 1"
    if least == -1 and most == 1 and classes == 2:
        return ": use (y > 0).astype(int) for labels -1 and 1"
    if least >= 0 and most < 2 * classes:
        return f": give the last layer {most + 1} outputs, or use np.unique(y, return_inverse=True)[1]"
    return ": use np.unique(y, return_inverse=True)[1] for other numbers"


def targets(y: object, samples: int, outputs: int, dtype: np.dtype[Any], name: str = "y") -> Array:
    """`y` as (samples, outputs) in `dtype`; (samples,) too where there is one output."""
    array = real_array(y, name, "targets are numbers: encode names of classes, as (y == 'yes').astype(int)")
    if array.ndim == 1 and outputs == 1:
        array = array[:, None]
    elif array.ndim == 1 and array.dtype.kind in "biu":
        raise ValueError(
            f"{name} has one integer per sample, but the loss compares {outputs} outputs: "
            f"give {name} one-hot, as np.eye({outputs})[y], or use the softmax loss"
        )
    if array.ndim != 2 or array.shape[1] != outputs:
        raise ValueError(
            f"{name} has shape {array.shape}, but the targets of {outputs} outputs are (samples, {outputs})"
        )
    if array.shape[0] != samples:
        raise ValueError(f"X has {samples} samples, but {name} has {array.shape[0]}")
    return packed(array, dtype)


def class_weight(value: object) -> tuple[float, ...] | dict[int, float] | str:
    """`value` as a tuple, which is not all zero, a dict or "balanced"; numbers are finite, not negative."""
    if isinstance(value, str):
        return one_of(value, "class_weight", ("balanced",))
    if isinstance(value, Mapping):
        return {
            integer(label, "a class of class_weight", minimum=0): non_negative(
                weight, f"class_weight[{label!r:.80}]"
            )
            for label, weight in value.items()
        }
    if isinstance(value, Set) or not isinstance(value, Iterable):
        raise TypeError(
            "class_weight must be 'balanced', a mapping of classes to numbers, or a sequence with one number "
            f"per class, not {value!r:.80}"
        )
    numbers = []
    for i, weight in enumerate(value):
        numbers.append(non_negative(weight, f"class_weight[{i}]"))
    if not any(numbers):
        raise ValueError(
            f"class_weight is zero for all {len(numbers)} classes, but at least one must be greater than 0"
        )
    return tuple(numbers)
