"""The table of a model's layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import _html
from ..layers import Layer


def table(layers: Sequence[Layer], in_features: int, counts: Mapping[str, int], dtype: np.dtype[Any]) -> str:
    """A line for each layer: its number in `state_dict`, what it gives for n samples, its parameters.

    `counts` has the number of parameters by their keys.
    """
    rows, size = _table(layers, in_features, counts, dtype)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{key:<{widths[0]}}  {layer:<{widths[1]}}  {output:>{widths[2]}}  {count:>{widths[3]}}".rstrip()
        for key, layer, output, count in rows
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, f"{lines[-1]}  ({size})"])


def html(
    title: str, layers: Sequence[Layer], in_features: int, counts: Mapping[str, int], dtype: np.dtype[Any]
) -> str:
    """The same for notebooks."""
    rows, size = _table(layers, in_features, counts, dtype)
    return _html.table(f"{title}: {rows[-1][-1]} parameters ({size})", rows[0], rows[1:])


def _table(
    layers: Sequence[Layer], in_features: int, counts: Mapping[str, int], dtype: np.dtype[Any]
) -> tuple[list[tuple[str, str, str, str]], str]:
    """The cells, a header and totals included, and the size of all parameters."""
    rows = [("", "layer", "output", "parameters")]
    rows.append(("", "input", f"(n, {in_features})", ""))
    rows += _rows(layers, in_features, "", counts)
    total = sum(counts.values())
    rows.append(("", "total", "", f"{total:,}"))
    return rows, f"{total * dtype.itemsize:,} bytes, {dtype}"


def _rows(
    layers: Sequence[Layer], features: int, prefix: str, counts: Mapping[str, int]
) -> Iterator[tuple[str, str, str, str]]:
    """Of some layers, each followed by those inside it; most change no sizes."""
    for number, layer in enumerate(layers):
        key, given = f"{prefix}{number}", features
        features = layer.features_out or features
        own = sum(count for name, count in counts.items() if name.startswith(f"{key}."))
        title = "  " * prefix.count(".") + (type(layer).__name__ if layer.inner else repr(layer))
        yield key, title, f"(n, {features})", f"{own:,}"
        yield from _rows(layer.inner, given, f"{key}.", counts)
