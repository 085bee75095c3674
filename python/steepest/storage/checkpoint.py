"""Checkpoint files: safetensors with a tree of values beside the tensors, and checksums of both.

A file is replaced in one step, and the one before is kept beside it, so that there is always a whole one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .._checks import Array
from . import ModelFileError, compare_checksum
from . import safetensors as _safetensors
from .atomic import reading, replacing
from .json_text import REFUSALS, parsed_json, written_json

# Dicts by strings and lists of numbers, strings, None and float arrays.
Tree: TypeAlias = Any
_KEY, _CHECKSUM, _VERSION = "steepest.checkpoint", "steepest.sha256", 1
_TENSOR, _FLOAT, _INTEGERS = "$tensor", "$float", "$integers"


def previous(path: str | os.PathLike[str]) -> Path:
    """Where the checkpoint before the last one is."""
    return Path(f"{os.path.realpath(path)}.previous")


def earlier(path: str | os.PathLike[str]) -> Path:
    """Where the last checkpoint of an earlier run is, once a fit that began anew has replaced it."""
    return Path(f"{os.path.realpath(path)}.earlier")


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Refuse to replace what is no checkpoint, there or where the ones before are kept.

    Raises
    ------
    ValueError
        If one of these files exists and is something else.
    OSError
        If it cannot be read, or its folder does not exist.
    """
    for target in (Path(path), previous(path), earlier(path)):
        _check_replaceable(target)


def begins_as_one(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file whose first bytes are a checkpoint's; the rest may be damaged.

    Raises
    ------
    OSError
        If there is a file that cannot be read.
    """
    try:
        return _KEY.encode() in _first_bytes(path)
    except (FileNotFoundError, ValueError):
        return False


def _check_replaceable(target: Path) -> None:
    if not target.exists():
        if not target.absolute().parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(target.parent)!r} for {target.name!r}")
        return
    try:
        begins = _first_bytes(target)
    except ValueError as error:
        raise ValueError(f"{target}: {error}, and would not be replaced by a checkpoint") from None
    if begins and _KEY.encode() not in begins:
        raise ValueError(f"{target} exists and is not a checkpoint: give another path, or remove it")


def _first_bytes(path: str | os.PathLike[str]) -> bytes:
    with reading(path) as file:
        return bytes(file.read(100))


def write(path: str | os.PathLike[str], tree: Tree, *, keep: bool = True, anew: bool = False) -> None:
    """Write a checkpoint, and keep the one that it replaces as `previous`, unless that is damaged.

    anew: whether that is one of an earlier run, and is kept as `earlier`.

    Raises
    ------
    ValueError, TypeError
        If `path` exists and is not a file, or the tree has what a file cannot hold, or more than one may.
    OSError
        If it cannot be written; the last one is there then.
    """
    tensors: dict[str, Array] = {}
    packed = _packed(tree, "", tensors)
    contents = {name: _safetensors.little_endian(tensors[name]) for name in sorted(tensors)}
    told = {name: [list(tensors[name].shape), _safetensors.digest(contents[name])] for name in contents}
    text = written_json({"version": _VERSION, "tree": packed, "tensors": told})
    metadata = {_KEY: text, _CHECKSUM: _safetensors.digest(text.encode())}
    header = _safetensors.encoded_header(tensors, metadata)
    with replacing(path) as file:
        file.write(header)
        for content in contents.values():
            file.write(content)
        if keep:
            _keep(Path(os.path.realpath(path)), earlier(path) if anew else previous(path))


def read(path: str | os.PathLike[str]) -> Tree:
    """What `write` was given.

    Raises
    ------
    ModelFileError
        If it is damaged or something else.
    OSError
        If it cannot be read.
    """
    try:
        with reading(path) as file:
            header = _safetensors.read_header(file)
            told = _told(header)
            return _unpacked(
                told["tree"], {name: _tensor(file, name, t, told) for name, t in header.tensors.items()}
            )
    except REFUSALS as error:
        raise ModelFileError(f"{Path(path)} is not a checkpoint that can be read: {error}") from error


def _keep(path: Path, beside: Path) -> None:
    """Give the last checkpoint a second name; the first one stays until the new file takes it."""
    if not path.exists():
        return
    with suppress(OSError):  # a file system without links: then there is one checkpoint
        beside.unlink(missing_ok=True)
        os.link(path, beside)


def _told(header: _safetensors.Header) -> dict[str, Any]:
    """The description, after all checks that can be done before memory is taken."""
    if _KEY not in header.metadata:
        raise ValueError("its metadata do not say so")
    text = header.metadata[_KEY]
    compare_checksum("its description", text.encode(), header.metadata.get(_CHECKSUM, ""))
    told: dict[str, Any] = parsed_json(text)
    if told.get("version") != _VERSION:
        raise ValueError(f"its version is {told.get('version')!r:.80}, but this release reads {_VERSION}")
    if told["tensors"].keys() != header.tensors.keys():
        raise ValueError("its tensors are not those of its description")
    return told


def _tensor(file: Any, name: str, tensor: _safetensors.Tensor, told: Mapping[str, Any]) -> Array:
    shape, written = told["tensors"][name]
    dtypes = {code: np.dtype(dtype) for dtype, code in _safetensors.DTYPES.items()}
    size = prod(tensor.shape) * dtypes[tensor.dtype].itemsize
    if list(tensor.shape) != shape or tensor.end - tensor.begin != size:
        raise ValueError(f"{name!r:.80} has another shape than its description says")
    array = _safetensors.read_tensor(file, tensor.shape, dtypes[tensor.dtype])
    compare_checksum(name, _safetensors.little_endian(array), written)
    return array


def _packed(value: Tree, name: str, tensors: dict[str, Array]) -> Any:
    """The value as JSON, which names the tensors: float arrays; other floats are in hexadecimal digits.

    Raises
    ------
    TypeError
        For what `_unpacked` would not give back.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, Mapping):
        if odd := [key for key in value if not isinstance(key, str) or key.startswith("$")]:
            raise TypeError(f"{name} has the name {odd[0]!r:.80}, which a checkpoint cannot hold")
        return {key: _packed(part, f"{name}.{key}", tensors) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(part, f"{name}[{place}]", tensors) for place, part in enumerate(value)]
    if isinstance(value, float):
        return {_FLOAT: value.hex()}
    if isinstance(value, np.ndarray) and value.dtype == np.int64:
        return {_INTEGERS: value.tolist()}
    if isinstance(value, np.ndarray) and value.dtype.name in _safetensors.DTYPES:
        own = f"{len(tensors)}{name}"
        tensors[own] = value
        return {_TENSOR: own}
    if value is not None and not isinstance(value, str | int):
        raise TypeError(f"{name} is {value!r:.80}, which a checkpoint cannot hold")
    return value


def _unpacked(value: Any, tensors: Mapping[str, Array]) -> Tree:
    if isinstance(value, list):
        return [_unpacked(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    if _FLOAT in value:
        return float.fromhex(value[_FLOAT])
    if _INTEGERS in value:
        return np.array(value[_INTEGERS], dtype=np.int64)
    if _TENSOR in value:
        return tensors[value[_TENSOR]]
    return {key: _unpacked(part, tensors) for key, part in value.items()}
