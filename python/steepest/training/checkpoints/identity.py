"""What a run is known by: its settings and its data, as texts that can be compared and told."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping

import numpy as np

from ..._checks import Array
from ...backends.data import Batch
from ...backends.sparse import SparseRows
from ..learning import Learning

ALL_OF_Y, SPLIT_SEED = "y", "seed of validation_split"
_CAUSES = ALL_OF_Y, SPLIT_SEED  # of which samples are held out; files of earlier versions lack them
_AT_ONCE = 2**24  # bytes that are copied to be read, where rows do not lie side by side


def identity(learning: Learning, settings: Mapping[str, object], data: Mapping[str, str]) -> dict[str, str]:
    """Of a fit: the model, how it learns, the settings, and what its data are known by."""
    compiled, config, average = learning.compiled, learning.state.config, learning.state.average
    known: dict[str, object] = {f"layer {place}": layer for place, layer in enumerate(compiled.layers)}
    known |= {"dtype": compiled.dtype, "loss": config.loss, "penalty": config.penalties}
    known |= {"optimizer": config.optimizer, "clip_value": config.clip_value, "clip_norm": config.clip_norm}
    known |= {"constraint": config.constraint, "rate_factors": config.rate_factors}
    known |= {"averaging": None if average is None else average.averaging, **settings}
    return {**{name: named(value) for name, value in known.items()}, **data}


def data_of(training: Batch, validation: Batch | None) -> dict[str, str]:
    """Checksums of samples."""
    texts: dict[str, str] = {}
    for name, batch in {"training": training, "validation": validation}.items():
        if batch is None:
            continue
        texts |= {f"{name} X": _samples(batch.x), f"{name} y": fingerprint(batch.targets)}
        texts[f"{name} weights"] = "none" if batch.weight is None else fingerprint(batch.weight)
    return texts


def fingerprint(array: Array) -> str:
    """Shape, dtype and checksum of an array, of which two that differ differ."""
    return f"{' x '.join(map(str, array.shape))} of {array.dtype}, {_digest([array])}"


def named(value: object) -> str:
    """A setting as a text that is the same in another process."""
    return re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))


def require_same(path: str | os.PathLike[str], kept: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuse a checkpoint of another run.

    Raises
    ------
    ValueError
        It names the first difference.
    """
    for name in [*kept, *now]:
        if name in _CAUSES and not (name in kept and name in now):
            continue
        before, here = kept.get(name, "none"), now.get(name, "none")
        if before != here:
            raise ValueError(
                f"{os.fspath(path)} is a checkpoint of another run: there, {name} is {_short(before)}, but "
                f"here it is {_short(here)}"
            )


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:120]}...{text[-60:]}"


def _samples(x: Array | SparseRows) -> str:
    if isinstance(x, SparseRows):
        rows, columns = x.shape
        return f"sparse, {rows} x {columns}, {_digest([x.indptr, x.indices, x.data])}"
    return fingerprint(x)


def _digest(arrays: Iterable[Array]) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        rows = max(1, _AT_ONCE // max(1, array[:1].nbytes))
        for first in range(0, len(array), rows):
            sha.update(np.ascontiguousarray(array[first : first + rows]).data)
    return f"SHA-256 {sha.hexdigest()[:16]}"
