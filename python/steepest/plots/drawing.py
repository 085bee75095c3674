"""What all plots share: matplotlib, if it is installed, colors, titles, and weights drawn as images."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _checks
from .._checks import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito, "Color Universal Design", 2008: distinct for people with color vision deficiency too.
# The first two are those of negative and positive values: two classes look like the sign of one output.
CLASS_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#f0e442", "#7f7f7f")
DIVERGING = (CLASS_COLORS[0], "#f2f0eb", CLASS_COLORS[1])  # negative, zero, positive

_PANEL = 1.3  # inches
_LETTER = 0.6  # width of a letter, as a share of the font size
_SIZES = 7, 12  # font sizes of titles, in points


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


def palette(colors: int) -> Array:
    """Distinct colors, an array of shape (colors, 3)."""
    pyplot()
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if colors <= len(CLASS_COLORS):
        return np.array([to_rgb(color) for color in CLASS_COLORS[:colors]]).reshape(-1, 3)
    tab = colormaps["tab10"]
    listed = tab(np.arange(colors)) if colors <= tab.N else colormaps["turbo"](np.linspace(0, 1, colors))
    return np.asarray(listed)[:, :3]


def legend_beside(ax: Any) -> None:
    """A legend that hides nothing: to the right of the axes, if the figure's layout makes room for it."""
    if ax.figure.get_layout_engine() is None:
        ax.legend(fontsize="small")
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)


def panels_of(figure: Any, count: int, most: int, width: float, height: float) -> tuple[Any, list[Any]]:
    """The figure, by default a new one, and axes for `count` panels, at most `most` beside each other.

    The sizes of a panel in a new figure are in inches.
    """
    columns = min(count, most)
    rows = -(-count // columns)
    if figure is None:
        figure = pyplot().figure(figsize=(width * columns, height * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels[count:]:
        axes.set_axis_off()
    return figure, panels[:count]


def set_title(axes: Any, text: str, columns: int) -> None:
    """A title no wider than its panel, one of `columns`: in smaller letters, and in lines if needed."""
    figure = axes.figure
    points = 72 * figure.bbox.width / figure.dpi / columns
    least, most = _SIZES
    lines = textwrap.wrap(text, max(4, int(points / _LETTER / least))) or [""]
    size = min(most, max(least, points / _LETTER / max(map(len, [*lines, " "]))))
    axes.set_title("\n".join(lines), fontsize=size)


def image_shape(shape: Sequence[int], features: int, what: str) -> tuple[int, ...]:
    """`shape` as (height, width) or (height, width, 3), checked to hold all features."""
    if not isinstance(shape, Sequence) or len(shape) not in (2, 3):
        raise ValueError(f"shape is {shape!r:.80}, but must be (height, width) or (height, width, 3)")
    pixels = tuple(_checks.integer(size, "a size in shape", minimum=1) for size in shape)
    if len(pixels) == 3 and pixels[2] != 3:
        raise ValueError(
            f"shape {pixels} has {pixels[2]} channels, but an image in color has 3"
            + (": transpose to (height, width, 3)" if pixels[0] == 3 else "")
        )
    if math.prod(pixels) != features:
        raise ValueError(f"shape {pixels} holds {math.prod(pixels)} numbers, but {what} takes {features}")
    return pixels


def draw_templates(
    weight: Array, pixels: tuple[int, ...], names: Sequence[object], figure: Any, **options: Any
) -> tuple[Any, list[Any]]:
    """Draw the columns as images; return figure and images. `options` are for images of one channel."""
    outputs = weight.shape[1]
    columns = min(outputs, max(5, math.ceil(math.sqrt(outputs))))
    if figure is None:
        size = (_PANEL * columns + 0.8, (_PANEL + 0.25) * -(-outputs // columns))
        figure = pyplot().figure(figsize=size, layout="constrained")
    limit = float(np.abs(weight).max()) or 1.0
    options = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} | options
    figure, panels = panels_of(figure, outputs, columns, _PANEL, _PANEL)
    images = []
    for axes, column, name in zip(panels, weight.T, names, strict=True):
        image = column.reshape(pixels)
        colored = len(pixels) == 3
        images.append(axes.imshow((image / limit + 1) / 2) if colored else axes.imshow(image, **options))
        axes.set_axis_off()
        set_title(axes, str(name), columns + 1)  # the color bar is about as wide as a panel
    if len(pixels) == 2:
        figure.colorbar(images[-1], ax=panels, label="weight")
    return figure, images
