"""Model files: they cannot run code, checksums find damage, and any safetensors reader reads the tensors.

A JSON description under one metadata key holds the layers, and checksums of the tensors and of the header.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from .. import _checks
from ..compile.plan import expected_shapes
from ..compile.state import checked_state
from ..layers import Layer, to_config
from ..layers.config import layers_from_configs
from . import safetensors as _safetensors
from .atomic import reading, replacing
from .json_text import REFUSALS, parsed_json

__all__ = ["ModelFileError"]

ESTIMATOR_KEY = "steepest.estimator"  # of metadata: what an estimator adds to its network

_KEY, _VERSION = "steepest", 1
_FIELDS = {"version", "layers", "dtype", "seed", "metadata"}
# The checksums: SHA-256 of each tensor's bytes, and of the header's with this one's digits as zeros. Files of
# earlier releases have none.
_CHECKSUMS, _HEADER, _BLANK = "sha256", "header", "0" * 64
# Layers in a file: those without tensors cost a writer nothing, but a reader up to 100 us each.
_MOST_LAYERS, _MOST_PER_TENSOR = 1024, 4
_LONGEST_REASON = 260  # characters


class ModelFileError(ValueError):
    """The file is not a model that this version of steepest can read.

    Examples
    --------
    >>> import tempfile
    >>> import steepest as st
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     try:
    ...         st.load(file.name)
    ...     except st.ModelFileError as error:
    ...         print(str(error).partition(": ")[2])
    it has 0 bytes, but even an empty one has 8
    """


@dataclass(frozen=True)
class Description:
    """What a file says of a model beside its tensors.

    layers, dtype, seed: those of `Sequential`. metadata: more strings, of the writer's. several: the layers
    of each of several models, in place of `layers`; tensors then have their number in front: 0/1.weight.
    """

    layers: Sequence[Layer]
    dtype: np.dtype[Any]
    seed: int
    metadata: Mapping[str, str]
    several: Sequence[Sequence[Layer]] = ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the tensors, by their keys."""
        if not self.several:
            return expected_shapes(self.layers)
        models = enumerate(map(expected_shapes, self.several))
        return {f"{i}/{key}": shape for i, model in models for key, shape in model.items()}


def write(path: str | os.PathLike[str], description: Description, state: Mapping[str, _checks.Array]) -> None:
    """Write a model file.

    Parameters
    ----------
    path : path
        It is replaced in one step after everything is written, so it never holds half a file.
    description : Description
    state : mapping of ndarray
        As `Sequential.state_dict` gives it.

    Raises
    ------
    ValueError, TypeError
        If `read` would refuse the file, for example because a parameter is not finite; if metadata are not
        strings; or if the path exists and is not a file. An old file is left unchanged.
    OSError
        If the file cannot be written.
    """
    chunks = encoded(description, state)
    with replacing(path) as file:
        for chunk in chunks:
            file.write(chunk)


def encoded(description: Description, state: Mapping[str, _checks.Array]) -> list[bytes | memoryview]:
    """What `write` writes, in pieces, which may be views of the arrays; raises as `write` does."""
    for key, value in description.metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata maps strings to strings, but has {key!r:.80}: {value!r:.80}")
    try:
        shapes = {key: array.shape for key, array in state.items()}
        state = checked_state(state, shapes, description.dtype)
        header = _encoded_header(description, state)
        _described(_safetensors.parsed_header(header[8:]))  # as `read` will
    except REFUSALS as error:
        raise ValueError(f"the model cannot be saved: {error}") from error
    return [header, *(_safetensors.little_endian(state[key]) for key in sorted(state))]


def _encoded_header(description: Description, state: Mapping[str, _checks.Array]) -> bytes:
    fields = {
        "version": _VERSION,
        "layers": _configs(description),
        "dtype": description.dtype.name,
        "seed": description.seed,
        "metadata": dict(description.metadata),
    }
    checksums = {key: _safetensors.digest(_safetensors.little_endian(state[key])) for key in sorted(state)}

    def encoded(checksum: str) -> bytes:
        text = json.dumps(fields | {_CHECKSUMS: {_HEADER: checksum} | checksums})
        return _safetensors.encoded_header(state, {_KEY: text})

    return encoded(_safetensors.digest(encoded(_BLANK)[8:]))


def _configs(description: Description) -> list[Any]:
    """Of the layers, or of those of each model."""
    if description.several:
        return [[to_config(layer) for layer in layers] for layers in description.several]
    return [to_config(layer) for layer in description.layers]


def read(path: str | os.PathLike[str]) -> tuple[Description, dict[str, _checks.Array]]:
    """Read a model file: what it says of the model, and its tensors, of which `refusing` covers the use.

    Raises
    ------
    ModelFileError
        If the file is not a model, or is damaged; the message says what is wrong. It is a ValueError.
    OSError
        If the file does not exist or cannot be read.
    """
    source = Path(path)
    with refusing(source), reading(source) as file:
        return _contents(file)


@contextmanager
def refusing(path: str | os.PathLike[str]) -> Iterator[None]:
    """A block that makes something of what a file holds; what cannot be made is a `ModelFileError`."""
    try:
        yield
    except REFUSALS as error:
        reason = _checks.printable(str(error)[: _LONGEST_REASON + 1])
        if len(reason) > _LONGEST_REASON:
            reason = f"{reason[: _LONGEST_REASON - 3]}..."
        raise ModelFileError(f"{Path(path)} is not a steepest model file: {reason}") from error
    except MemoryError as error:
        raise MemoryError(f"{Path(path)}: {error}") from error


def _contents(file: IO[bytes]) -> tuple[Description, dict[str, _checks.Array]]:
    before = os.fstat(file.fileno())
    header = _safetensors.read_header(file)
    described, checksums = _described(header)
    state = {}
    for key, tensor in header.tensors.items():
        state[key] = _safetensors.read_tensor(file, tensor.shape, described.dtype)
        if checksums is not None:
            compare_checksum(key, _safetensors.little_endian(state[key]), checksums[key])
    if checksums is None and _version_of(before) != _version_of(os.fstat(file.fileno())):
        raise ValueError("it changed while it was read")
    return described, state


def _version_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size


def _described(header: _safetensors.Header) -> tuple[Description, dict[str, str] | None]:
    """What the header says, and its checksums, after every check that can be done before memory is taken."""
    if _KEY not in header.metadata:
        if "steepest.checkpoint" in header.metadata:
            raise ValueError("it is a checkpoint, from which fit(resume=...) goes on")
        raise ValueError("its metadata do not say so (of weights of PyTorch: st.from_torch(module))")
    fields = _fields(header.metadata[_KEY])
    if _CHECKSUMS in fields:
        _check_checksums(fields[_CHECKSUMS], header)
    extra = fields["metadata"]
    if not isinstance(fields["layers"], list) or not isinstance(extra, dict):
        raise ValueError("its layers are not a list, or its metadata are not an object")
    if not all(isinstance(value, str) for value in extra.values()):
        raise ValueError("its metadata hold values that are not strings")
    _checks.one_of(fields["dtype"], "dtype", tuple(_safetensors.DTYPES))
    configs, dtype, seed = fields["layers"], np.dtype(fields["dtype"]), _checks.seed(fields["seed"])
    count, most = _count(configs), max(_MOST_LAYERS, _MOST_PER_TENSOR * len(header.tensors))
    if count > most:
        raise ValueError(f"it has {count} layers, but with {len(header.tensors)} tensors at most {most}")
    if configs and all(isinstance(layers, list) for layers in configs):
        several = [layers_from_configs(layers, f"{i}/") for i, layers in enumerate(configs)]
        described = Description((), dtype, seed, extra, several)
    else:
        described = Description(layers_from_configs(configs), dtype, seed, extra)
    _compare_shapes(header.tensors, described.shapes(), dtype)
    return described, fields.get(_CHECKSUMS)


def _count(configs: list[Any]) -> int:
    """The number of layers, those inside of others and of all models."""
    count = len(configs)
    for one in configs:
        inner = one.get("layers") if isinstance(one, dict) else one
        count += _count(inner) if isinstance(inner, list) else 0
    return count


def _fields(text: str) -> dict[str, Any]:
    try:
        description = parsed_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its description is not JSON ({error!s:.200})") from None
    if not isinstance(description, dict):
        raise ValueError("its description is not a JSON object")
    version = description.get("version")
    if type(version) is not int or version != _VERSION:
        raise ValueError(f"its version is {version!r:.80}, but this release reads {_VERSION}")
    if description.keys() - {_CHECKSUMS} != _FIELDS:
        raise ValueError("its description must have version, layers, dtype, seed and metadata")
    return description


def _check_checksums(checksums: object, header: _safetensors.Header) -> None:
    """Refuse a damaged header, or checksums that are not one for the header and for each tensor."""
    if not isinstance(checksums, dict) or checksums.keys() != header.tensors.keys() | {_HEADER}:
        raise ValueError("its description is damaged: there is not one checksum for each tensor")
    if not all(
        isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) for value in checksums.values()
    ):
        raise ValueError("its description is damaged: a checksum does not have 64 hexadecimal digits")
    own = checksums[_HEADER]
    compare_checksum("its description", header.text.replace(own.encode(), _BLANK.encode()), own)


def compare_checksum(name: str, content: bytes | memoryview, written: str) -> None:
    """Refuse content that is not what was written."""
    found = _safetensors.digest(content)
    if found != written:
        raise ValueError(
            f"{name} is damaged: its SHA-256 checksum is {found[:12]}..., but {written[:12]}... was written"
        )


def _compare_shapes(
    tensors: Mapping[str, _safetensors.Tensor], expected: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]
) -> None:
    """Refuse tensors other than those that the layers need."""
    if tensors.keys() != expected.keys():
        different = sorted(tensors.keys() ^ expected.keys())
        raise ValueError(f"its tensors are not those of its layers ({', '.join(different)!s:.200})")
    for key, shape in expected.items():
        tensor = tensors[key]
        if tensor.shape != shape:
            raise ValueError(f"{key} has shape {list(tensor.shape)!s:.60}, but its layer needs {list(shape)}")
        if tensor.dtype != _safetensors.DTYPES[dtype.name]:
            raise ValueError(f"{key} has dtype {tensor.dtype:.20}, but the description says {dtype}")
        if tensor.end - tensor.begin != prod(shape) * dtype.itemsize:
            raise ValueError(
                f"{key} has {tensor.end - tensor.begin} bytes, but shape {list(shape)} of {dtype} needs "
                f"{prod(shape) * dtype.itemsize}"
            )
