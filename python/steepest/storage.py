"""Model files: safetensors, described by JSON under one metadata key. Nothing in them is executable."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from . import _checks
from ._stages import expected_shapes
from .layers import Layer, from_config, to_config
from .model import Sequential

_KEY, _VERSION = "steepest", 1
_DTYPE_NAMES = {"float32": "F32", "float64": "F64"}


class ModelFileError(ValueError):
    """The file is no model that this version of steepest can read."""


def write(model: Sequential, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Write a model file.

    Parameters
    ----------
    model : Sequential
    path : path
        Replaced in one step once everything is written, so that it is never half a file.
    metadata : mapping of str, optional
        More strings to keep in the file.

    Raises
    ------
    ValueError, TypeError
        For metadata that are no strings, for a path that is something else than a file.
    OSError
        If the file cannot be written.
    """
    from safetensors.numpy import save  # not at the top: `import steepest` stays fast

    extra = dict(metadata or {})
    for key, value in extra.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata maps strings to strings, but has {key!r:.80}: {value!r:.80}")
    description = {
        "version": _VERSION,
        "layers": [to_config(layer) for layer in model.layers],
        "dtype": model.dtype.name,
        "seed": model.seed,
        "metadata": extra,
    }
    # Under one key: safetensors writes several in random order, and equal models shall give equal files.
    content = save(model.state_dict(), {_KEY: json.dumps(description)})
    with replacing(path) as file:
        file.write(content)


def load(path: str | os.PathLike[str]) -> Sequential:
    """Read a model that `Sequential.save` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    Sequential

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no model file, or a damaged one.
    """
    return read(path)[0]


def read(path: str | os.PathLike[str]) -> tuple[Sequential, dict[str, str]]:
    """Read a model file: the model, and the metadata that its writer added."""
    from safetensors import SafetensorError, safe_open  # not at the top: `import steepest` stays fast

    source = Path(path)
    if source.exists() and not source.is_file():
        raise ModelFileError(f"{source} is not a steepest model file: it is no ordinary file")
    try:
        with safe_open(source, framework="np") as file:
            return _model(file)
    except (SafetensorError, ValueError, TypeError) as error:
        raise ModelFileError(f"{source} is not a steepest model file: {error}") from error


def _model(file: Any) -> tuple[Sequential, dict[str, str]]:
    metadata: dict[str, str] = dict(file.metadata() or {})
    if _KEY not in metadata:
        raise ValueError("its metadata do not say so")
    layers, dtype, seed, extra = _description(metadata[_KEY])
    _compare_shapes(file, layers, dtype)  # before any memory is taken
    state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (it is no mapping)
    return Sequential._from_state(layers, state, dtype=dtype, seed=seed), extra


def _description(text: str) -> tuple[list[Layer], np.dtype[Any], int, dict[str, str]]:
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its description is no JSON ({error!s:.200})") from None
    if not isinstance(description, dict):
        raise ValueError("its description is no JSON object")
    if (version := description.get("version")) != _VERSION:
        raise ValueError(f"its version is {version!r:.80}, but this release reads {_VERSION}")
    if description.keys() != {"version", "layers", "dtype", "seed", "metadata"}:
        raise ValueError("its description must have version, layers, dtype, seed and metadata")
    extra = description["metadata"]
    if not isinstance(description["layers"], list) or not isinstance(extra, dict):
        raise ValueError("its layers are no list, or its metadata no object")
    if not all(isinstance(value, str) for value in extra.values()):
        raise ValueError("its metadata hold something else than strings")
    _checks.one_of(description["dtype"], "dtype", tuple(_DTYPE_NAMES))
    layers = [from_config(config) for config in description["layers"]]
    return layers, np.dtype(description["dtype"]), _checks.seed(description["seed"]), extra


def _compare_shapes(file: Any, layers: Sequence[Layer], dtype: np.dtype[Any]) -> None:
    """Refuse tensors other than those that the layers need."""
    expected = expected_shapes(layers)
    present = set(file.keys())
    if present != expected.keys():
        different = sorted(present ^ expected.keys())
        raise ValueError(f"its tensors are not those of its layers ({', '.join(different)!s:.200})")
    for key, shape in expected.items():
        tensor = file.get_slice(key)
        if tensor.get_shape() != list(shape):
            raise ValueError(f"{key} has shape {tensor.get_shape()}, but its layer needs {list(shape)}")
        if tensor.get_dtype() != _DTYPE_NAMES[dtype.name]:
            raise ValueError(f"{key} has dtype {tensor.get_dtype()}, but the description says {dtype}")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A new binary file that takes the place of `path` when the block ends, and vanishes if it fails.

    It lies in the same folder, as only a rename within one file system is atomic, and has the permissions
    that `open` would give: those of the file replaced, or the umask's.
    """
    target = Path(path).resolve()  # through links: replace what they point to
    old = target.stat() if target.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise ValueError(f"{target} exists and is no ordinary file")
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            temporary.chmod(stat.S_IMODE(old.st_mode))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
