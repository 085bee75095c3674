"""Plots of models and fits with matplotlib, which is imported when the first one is drawn.

The functions neither show nor save a figure: that is up to the caller, as in
``axes.figure.savefig("curve.svg")``.
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


def decision_regions(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    *,
    ax: Axes | None = None,
    classes: Sequence[object] | None = None,
    resolution: int = 200,
) -> Axes:
    """Draw which class a model of two features predicts at each point, and the samples in their colors.

    For a linear model (only `Linear` and `Identity` layers), the lines where the score of a class is 0 are
    drawn too, in the color of the class.

    Parameters
    ----------
    model : Sequential
        A model with two features and at least two outputs.
    X : array_like, (samples, 2)
        The samples to draw, at least one.
    y : array_like, (samples,)
        Their class indices, integers from 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    classes : sequence, optional
        Names of the outputs for the legend; by default their numbers.
    resolution : int, default 200
        Number of points along each side at which the model predicts, at least 2. The plot extends beyond the
        samples by a tenth of their range.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If the model does not have two features and at least two outputs, or the samples or names do not fit.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> from matplotlib.figure import Figure
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
    >>> axes = st.plots.decision_regions(model, X, y, ax=Figure().subplots(), classes=["upper", "lower"])
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['upper', 'lower']
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
    """Draw the training objective of each epoch of a fit and, dashed, the validation loss.

    Parameters
    ----------
    history : History, or mapping of names to History
        Histories with at least one epoch. Each history of a mapping has its color, and its name in the
        legend.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The x axis counts epochs from 1.

    Raises
    ------
    ValueError
        If there is no history, or one has no epoch.
    TypeError
        If something is not a `History`.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> from matplotlib.figure import Figure
    >>> X, y = st.datasets.two_moons()
    >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=3, progress=False)
    >>> axes = st.plots.learning_curves(history, ax=Figure().subplots())
    >>> len(axes.lines), axes.get_xlabel(), axes.get_ylabel()
    (1, 'epoch', 'loss')
    """
    several = isinstance(history, Mapping)
    histories = dict(history) if isinstance(history, Mapping) else {"": history}
    if not histories:
        raise ValueError("the mapping has 0 histories, but at least 1 is needed")
    for name, one in histories.items():
        if not isinstance(one, History):
            raise TypeError(f"history must be a st.History, or a mapping of names to such, not {one!r:.80}")
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


History._draw = learning_curves  # a history can be drawn, but stands below this module


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
    """The samples and class indices, checked; at least one sample."""
    points = _checks.rows(X, model.in_features, np.dtype(np.float64))
    _checks.not_empty(points)
    _checks.finite_rows(points, active().first_nonfinite_row)
    return points, _checks.labels(y, len(points), model.out_features, active().first_bad_label)


def _extent(points: Array) -> tuple[Array, Array]:
    """Lowest and highest coordinates of the plot, with a margin of 1 where all samples are equal."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.1 * (high - low), 1.0)
    return low - margin, high + margin


def _palette(colors: int) -> Array:
    """Distinct colors, an array of shape (colors, 3)."""
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
