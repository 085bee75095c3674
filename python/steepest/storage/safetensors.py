"""The safetensors format: eight bytes with the length of the header, the header in JSON, the numbers.

Read plainly, and checked before memory is taken. A memory map would be a SIGBUS where another process
shortens the file, and the reader of the package safetensors ends the process or hangs where memory is short.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import numpy as np

from .._checks import Array
from .json_text import parsed_json

_METADATA = "__metadata__"
_LONGEST_HEADER = 2**23  # bytes; other implementations of the format take 100 MB
DTYPES = {"float32": "F32", "float64": "F64"}


class Tensor(NamedTuple):
    """What the header says of a tensor: its numbers are the bytes from `begin` to `end` behind the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What comes before the numbers; `tensors` in the order in which their numbers follow, without gaps."""

    text: bytes
    metadata: dict[str, str]
    tensors: dict[str, Tensor]

    @property
    def end(self) -> int:
        """How many bytes of numbers follow."""
        return max((tensor.end for tensor in self.tensors.values()), default=0)


def encoded_header(state: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The first part of a file, which the arrays' `little_endian` bytes follow, sorted by their names."""
    entries: dict[str, object] = {_METADATA: dict(metadata)}
    end = 0
    for key in sorted(state):
        begin, end = end, end + state[key].nbytes
        dtype, shape = state[key].dtype.name, list(state[key].shape)
        entries[key] = {"dtype": DTYPES.get(dtype, dtype), "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    _check_length(len(text))
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    return len(text).to_bytes(8, "little") + text


def little_endian(array: Array) -> memoryview:
    """The bytes of an array as a file holds them."""
    return _bytes(np.ascontiguousarray(array, array.dtype.newbyteorder("<")))


def _bytes(array: Array) -> memoryview:
    flat: Any = array.reshape(-1).view(np.uint8)
    return memoryview(flat)


def digest(content: bytes | memoryview) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_header(file: IO[bytes]) -> Header:
    """Read the first part of a file whose length must be what the header says."""
    size = os.fstat(file.fileno()).st_size
    if size < 8:
        raise ValueError(f"it has {size} bytes, but even an empty one has 8")
    length = int.from_bytes(file.read(8), "little")
    if length > size - 8:
        raise ValueError(f"its header should have {length} bytes, but only {size - 8} follow")
    _check_length(length)
    text = file.read(length)
    if len(text) != length:
        raise ValueError("it became shorter while it was read")
    header = parsed_header(text)
    if header.end != size - 8 - length:
        raise ValueError(f"{header.end} bytes of numbers should follow its header, not {size - 8 - length}")
    return header


def _check_length(length: int) -> None:
    """Refuse a header that is longer than those of models are."""
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes, but may have at most {_LONGEST_HEADER}")


def parsed_header(text: bytes) -> Header:
    """The header of a text, of which nothing is trusted."""
    try:
        entries = parsed_json(text.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its header is not JSON ({error!s:.200})") from None
    if not isinstance(entries, dict):
        raise ValueError("its header is not a JSON object")
    metadata = entries.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError(f"{_METADATA} in its header does not map strings to strings")
    tensors = {key: _tensor(key, entry) for key, entry in entries.items()}
    tensors = dict(sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)))
    end = 0
    for key, tensor in tensors.items():
        if tensor.begin != end:
            raise ValueError(f"{key!r:.80} begins at byte {tensor.begin} of the numbers, not at {end}")
        end = tensor.end
    return Header(text, metadata, tensors)


def _tensor(key: str, entry: object) -> Tensor:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{key!r:.80} in its header is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not _sizes(shape) or not _sizes(offsets):
        raise ValueError(f"dtype, shape or data_offsets of {key!r:.80} in its header have the wrong type")
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"{key!r:.80} has the data_offsets {offsets!s:.80}, but must have two that ascend")
    return Tensor(dtype, tuple(shape), *offsets)


def _sizes(value: object) -> bool:
    """Whether it is a list of integers that are not negative: neither True nor 1.0 is one."""
    return isinstance(value, list) and {*map(type, value)} <= {int} and (not value or min(value) >= 0)


def read_tensor(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Read the next numbers; the caller has compared shape and dtype with the header."""
    array = np.empty(shape, dtype.newbyteorder("<"))
    if file.readinto(_bytes(array)) != array.nbytes:  # type: ignore[attr-defined]
        raise ValueError("it became shorter while it was read")
    return array
