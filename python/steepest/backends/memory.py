"""Where parameters live: rows aligned to cache lines, never a power of two apart, and written as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._checks import Array

_LINE = 64  # bytes in a cache line, and in the widest vector register


def aligned_zeros(rows: int, columns: int, dtype: np.dtype) -> Array:
    """A zeroed (rows, columns) array whose first element starts a cache line.

    Rows longer than four lines are padded to whole lines, and by one line more where their distance would
    be a multiple of 2048 bytes: such rows fall into the same sets of an 8-way 32 KiB cache and evict each
    other.
    """
    itemsize = dtype.itemsize
    pitch = columns * itemsize
    if pitch > 4 * _LINE:
        pitch = -(-pitch // _LINE) * _LINE
        if pitch % 2048 == 0:
            pitch += _LINE
    return _aligned(rows, columns, pitch // itemsize, dtype)


def rows_in_lines(rows: int, columns: int, dtype: np.dtype) -> Array:
    """A zeroed (rows, columns) array, each row of which lies in as few cache lines as it can.

    That is for rows which are met alone and in any order.
    """
    return _aligned(rows, columns, _stride_in_lines(columns, dtype), dtype)


def in_lines(array: Array) -> Array:
    """The array itself if it may be written and its rows lie so, or a copy of which this is true."""
    strides = _stride_in_lines(array.shape[1], array.dtype) * array.itemsize, array.itemsize
    if array.strides == strides and array.ctypes.data % _LINE == 0 and array.flags.writeable:
        return array
    rows, columns = array.shape
    copy = rows_in_lines(rows, columns, array.dtype)
    copy[...] = array
    return copy


def _stride_in_lines(columns: int, dtype: np.dtype) -> int:
    line = _LINE // dtype.itemsize
    return 1 << (columns - 1).bit_length() if columns < line else -(-columns // line) * line


def _aligned(rows: int, columns: int, stride: int, dtype: np.dtype) -> Array:
    """Zeros, the rows so many elements apart, of which the first starts a cache line."""
    memory = np.zeros(rows * stride + _LINE // dtype.itemsize, dtype)
    first = -memory.ctypes.data % _LINE // dtype.itemsize
    return memory[first : first + rows * stride].reshape(rows, stride)[:, :columns]


def write(changes: Sequence[tuple[Array, Array]]) -> None:
    """Copy new values into their arrays: all of them, even if Ctrl-C falls in between."""
    try:
        for array, new in changes:
            array[...] = new
    except BaseException:
        for array, new in changes:
            array[...] = new
        raise
