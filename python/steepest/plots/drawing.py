"""What all plots share: matplotlib, if it is installed, and weights drawn as images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _checks
from .._checks import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = 1.3  # inches


def pyplot() -> Any:
    """matplotlib.pyplot, which chooses a backend that works without a display if there is none."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "pictures are drawn by matplotlib, which is missing: pip install 'steepest[plot]'"
        ) from error
    return pyplot


def axes_or_new(ax: Axes | None) -> Any:
    """`ax`, or the axes of a new figure."""
    return pyplot().subplots(layout="constrained")[1] if ax is None else ax


def image_shape(shape: Sequence[int], features: int, what: str) -> tuple[int, ...]:
    """`shape` as (height, width) or (height, width, 3), checked to hold all features."""
    if not isinstance(shape, Sequence) or len(shape) not in (2, 3):
        raise ValueError(f"shape is {shape!r:.80}, but must be (height, width) or (height, width, 3)")
    pixels = tuple(_checks.integer(size, "a size in shape", minimum=1) for size in shape)
    if len(pixels) == 3 and pixels[2] != 3:
        raise ValueError(f"shape {pixels} has {pixels[2]} channels, but an image in color has 3")
    if math.prod(pixels) != features:
        raise ValueError(f"shape {pixels} holds {math.prod(pixels)} numbers, but {what} takes {features}")
    return pixels


def draw_templates(
    weight: Array, pixels: tuple[int, ...], names: Sequence[object], figure: Any, **options: Any
) -> tuple[Any, list[Any]]:
    """Draw the columns as images; return figure and images. `options` are for images of one channel."""
    outputs = weight.shape[1]
    columns = min(outputs, max(5, math.ceil(math.sqrt(outputs))))
    rows = -(-outputs // columns)
    if figure is None:
        size = (_PANEL * columns + 0.8, (_PANEL + 0.25) * rows)
        figure = pyplot().figure(figsize=size, layout="constrained")
    limit = float(np.abs(weight).max()) or 1.0
    options = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} | options
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    images = []
    for axes, column, name in zip(panels, weight.T, names, strict=False):
        image = column.reshape(pixels)
        colored = len(pixels) == 3
        images.append(axes.imshow((image / limit + 1) / 2) if colored else axes.imshow(image, **options))
        axes.set_title(str(name))
    if len(pixels) == 2:
        figure.colorbar(images[-1], ax=panels, label="weight")
    return figure, images
