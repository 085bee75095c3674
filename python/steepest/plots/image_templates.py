"""Weights as images: the templates of a linear classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import _checks
from .._checks import Array
from ..layers import Linear
from ..model import Sequential
from ..training.model import checked_model
from .drawing import draw_templates, image_shape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["templates"]


def templates(
    model: Sequential,
    shape: Sequence[int],
    *,
    layer: int = 0,
    classes: Sequence[object] | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw each column of a weight as an image: the template that a linear classifier compares inputs with.

    Parameters
    ----------
    model : Sequential
        A model with a `Linear` layer.
    shape : (height, width) or (height, width, 3)
        Shape of the image that a row of features holds. With one channel, weights of 0 are white, positive
        ones red and negative ones blue. With three channels, weights of 0 are gray, and a channel is brighter
        where its weights are larger. All panels share one scale, symmetric about 0, up to the largest
        absolute weight.
    layer : int, default 0
        Number of the `Linear` layer, as in the keys of `state_dict`.
    classes : sequence, optional
        Names of the outputs, used as titles of the panels; by default their numbers.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, with one panel per output and, for one channel, a color bar.

    Raises
    ------
    ValueError, TypeError
        If the layer is not a `Linear`, or the shape or the names do not fit it.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> from matplotlib.figure import Figure
    >>> model = st.Sequential(st.Linear(64, 10))
    >>> figure = st.plots.templates(model, (8, 8), figure=Figure())
    >>> [axes.get_title() for axes in figure.axes][:3]
    ['0', '1', '2']
    """
    weight = _weight(model, layer)
    pixels = image_shape(shape, len(weight), f"layer {layer}")
    outputs = weight.shape[1]
    names = list(range(outputs)) if classes is None else list(classes)
    if len(names) != outputs:
        raise ValueError(f"classes has {len(names)} names, but layer {layer} has {outputs} outputs")
    figure, _ = draw_templates(weight, pixels, names, figure)
    return figure


def _weight(model: Sequential, layer: int) -> Array:
    """The weight of that layer, (in_features, out_features)."""
    checked_model(model)
    layer = _checks.integer(layer, "layer", minimum=0, maximum=len(model.layers) - 1)
    if not isinstance(model.layers[layer], Linear):
        raise ValueError(
            f"layer {layer} is {model.layers[layer]!r}, but templates are the columns of a Linear's weight"
        )
    return model.state_dict()[f"{layer}.weight"]
