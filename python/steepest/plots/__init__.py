"""Pictures of models and fits, drawn by matplotlib, which is only imported when one is drawn.

Nothing is ever shown or saved: that is left to the caller, as in ``axes.figure.savefig("curve.svg")``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..backends import active
from ..layers import Identity, Linear
from ..model import Sequential
from ..training.history import History
from ..training.model import checked_model
from .drawing import axes_or_new, draw_templates, image_shape, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["decision_regions", "learning_curves", "templates"]


def templates(
    model: Sequential,
    shape: Sequence[int],
    *,
    layer: int = 0,
    classes: Sequence[object] | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw each column of a weight as an image: what a linear classifier compares its input with.

    Parameters
    ----------
    model : Sequential
    shape : (height, width) or (height, width, 3)
        How a row of features is an image. With one channel, weights of 0 are white, positive ones red and
        negative ones blue; with three, 0 is gray and each channel brightens with its weights. All panels
        share one scale, symmetric about 0, from the weight largest in size.
    layer : int, default 0
        The number of the `Linear` whose columns are drawn, as `state_dict` counts.
    classes : sequence, optional
        Names of the outputs, the titles of the panels; by default their numbers.
    figure : matplotlib.figure.Figure, optional
        To draw in, a SubFigure too; by default a new one.

    Returns
    -------
    matplotlib.figure.Figure
        That figure, with one panel an output, and a color bar if there is one channel.

    Raises
    ------
    ValueError, TypeError
        If the layer is no `Linear`, or the shape or the names do not fit it.
    ImportError
        Without matplotlib.
    """
    weight = _weight(model, layer)
    pixels = image_shape(shape, len(weight), f"layer {layer}")
    outputs = weight.shape[1]
    names = list(range(outputs)) if classes is None else list(classes)
    if len(names) != outputs:
        raise ValueError(f"classes has {len(names)} names, but layer {layer} has {outputs} outputs")
    figure, _ = draw_templates(weight, pixels, names, figure)
    return figure


def decision_regions(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    *,
    ax: Axes | None = None,
    classes: Sequence[object] | None = None,
    resolution: int = 200,
) -> Axes:
    """Draw where a model of two features predicts which class, and the samples in the colors of theirs.

    For a linear model (of `Linear` and `Identity` layers alone) the line where the score of a class is 0
    is drawn too, in its color.

    Parameters
    ----------
    model : Sequential
        Of two features and at least two outputs.
    X : array_like, (samples, 2)
    y : array_like, (samples,)
        Class indices.
    ax : matplotlib.axes.Axes, optional
        To draw in; by default that of a new figure.
    classes : sequence, optional
        Names of the outputs, for the legend; by default their numbers.
    resolution : int, default 200
        Points a side at which the model predicts, at least 2. They reach a tenth of the samples' extent
        beyond them.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If the model has not two features or only one output, or the samples or names do not fit it.
    ImportError
        Without matplotlib.
    """
    checked_model(model)
    if model.in_features != 2:
        raise ValueError(f"the model takes {model.in_features} features, but regions are drawn for 2")
    outputs = model.out_features
    if outputs < 2:
        raise ValueError("the model has 1 output, but regions are where one of at least 2 is the largest")
    points, labels = _samples(model, X, y)
    names = list(range(outputs)) if classes is None else list(classes)
    if len(names) != outputs:
        raise ValueError(f"classes has {len(names)} names, but the model has {outputs} outputs")
    resolution = _checks.integer(resolution, "resolution", minimum=2)
    ax = axes_or_new(ax)
    colors = _palette(outputs)
    (left, bottom), (right, top) = low, high = _extent(points)
    # Pixels of an image are predicted at their centers.
    steps = (np.arange(resolution) + 0.5) / resolution
    across, up = np.meshgrid(left + steps * (right - left), bottom + steps * (top - bottom))
    predicted = model.predict(np.column_stack([across.ravel(), up.ravel()])).reshape(across.shape)
    ax.imshow(
        _paler(colors)[predicted],
        origin="lower",
        extent=(left, right, bottom, top),
        aspect="auto",
        interpolation="nearest",
    )
    if all(isinstance(layer, Linear | Identity) for layer in model.layers):
        _draw_lines(model, ax, colors)
    for label, name in enumerate(names):
        first, second = points[labels == label].T
        dots = {"color": colors[label], "edgecolors": "white", "linewidths": 0.5}
        ax.scatter(first, second, s=16, label=str(name), **dots)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="feature 0", ylabel="feature 1")
    ax.legend(loc="upper right", fontsize="small")
    return ax


def learning_curves(history: History | Mapping[str, History], *, ax: Axes | None = None) -> Axes:
    """Draw the objective of each epoch of a fit and, dashed, its validation loss.

    Parameters
    ----------
    history : History, or mapping of names to History
        Of at least one epoch each. Those of a mapping are drawn in colors of their own.
    ax : matplotlib.axes.Axes, optional
        To draw in; by default that of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The epochs along x, counted from 1.

    Raises
    ------
    ValueError, TypeError
        If there is no history, one without an epoch, or something else.
    ImportError
        Without matplotlib.
    """
    several = isinstance(history, Mapping)
    histories = dict(history) if isinstance(history, Mapping) else {"": history}
    if not histories:
        raise ValueError("the mapping has 0 histories, but at least 1 is needed")
    for name, one in histories.items():
        if not isinstance(one, History):
            raise TypeError(f"history must be what fit returns, or a mapping of such, not {one!r:.80}")
        if one.epochs == 0:
            which = f"history {name!r}" if several else "the history"
            raise ValueError(f"{which} has 0 epochs, but at least 1 is needed")
    ax = axes_or_new(ax)
    for (name, one), color in zip(histories.items(), _palette(len(histories)), strict=True):
        epochs = np.arange(1, one.epochs + 1)
        ax.plot(epochs, one.loss, color=color, label=f"{name} objective".strip())
        if one.validation_loss:
            validated = epochs[: len(one.validation_loss)]
            label = f"{name} validation loss".strip()
            ax.plot(validated, one.validation_loss, color=color, linestyle="dashed", label=label)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend()
    return ax


def _weight(model: Sequential, layer: int) -> Array:
    """The weight of that layer, (in_features, out_features)."""
    checked_model(model)
    layer = _checks.integer(layer, "layer", minimum=0, maximum=len(model.layers) - 1)
    if not isinstance(model.layers[layer], Linear):
        raise ValueError(
            f"layer {layer} is {model.layers[layer]!r}, but templates are the columns of a Linear's weight"
        )
    return model.state_dict()[f"{layer}.weight"]


def _samples(model: Sequential, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Checked samples and class indices, at least one."""
    points = _checks.rows(X, model.in_features, np.dtype(np.float64))
    _checks.not_empty(points)
    _checks.finite_rows(points, active().first_nonfinite_row)
    return points, _checks.labels(y, len(points), model.out_features, active().first_bad_label)


def _extent(points: Array) -> tuple[Array, Array]:
    """Lowest and highest coordinates of the picture; samples in a line leave room around it."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.1 * (high - low), 1.0)
    return low - margin, high + margin


def _palette(colors: int) -> Array:
    """That many colors, (colors, 3)."""
    pyplot()
    from matplotlib import colormaps

    tab = colormaps["tab10"]
    listed = tab(np.arange(colors)) if colors <= tab.N else colormaps["turbo"](np.linspace(0, 1, colors))
    return np.asarray(listed)[:, :3]


def _paler(colors: Array) -> Array:
    return 0.35 * colors + 0.65


def _draw_lines(model: Sequential, ax: Axes, colors: Array) -> None:
    """Where each score w @ x + b is 0: through the point nearest to the origin, at right angles to w."""
    bias = model(np.zeros((1, 2)))[0].astype(np.float64)
    weight = model(np.eye(2)).astype(np.float64) - bias
    for (a, b), c, color in zip(weight.T, bias, colors, strict=True):
        if size := a * a + b * b:
            nearest = (-c * a / size, -c * b / size)
            ax.axline(nearest, (nearest[0] - b, nearest[1] + a), color=color, linewidth=1.5)
