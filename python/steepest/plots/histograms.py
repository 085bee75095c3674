"""How the weights of a model are distributed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _checks
from .._checks import Array
from ..training.model import Model
from .drawing import panels_of, pyplot, set_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["weight_histograms"]

_MOST = 4  # panels beside each other


def weight_histograms(
    model: Any, *, keys: Sequence[str] | None = None, bins: int = 50, figure: Figure | None = None
) -> Figure:
    """Draw a histogram of the weights of each layer: whether they are too large, all alike, or mostly 0.

    Parameters
    ----------
    model : Sequential or estimator
        A model, or a fitted estimator with `coefs_` or `coef_`, scikit-learn's or ours.
    keys : sequence of str, optional
        Which of the arrays in ``model.state_dict()`` to draw; by default all weights of `Linear` and `Maxout`
        layers. Of an estimator, "coefs_[0]" and so on, or "coef_".
    bins : int, default 50
        Number of bars in each histogram.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each array, with its mean and standard deviation in the title. Each has its own scales.

    Raises
    ------
    ValueError
        If there is no array of such a key, or `bins` is below 1.
    TypeError
        If the model is neither a `Sequential` nor a fitted estimator with weights, or `bins` no integer.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> from matplotlib.figure import Figure
    >>> model = st.Sequential(st.Linear(64, 100), st.ReLU(), st.Linear(100, 10))
    >>> figure = st.plots.weight_histograms(model, figure=Figure())
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['0.weight', '2.weight']
    """
    arrays, default = _arrays(model)
    for key in keys or ():
        if key not in arrays:
            raise ValueError(f"the model has no array {key!r}, but {', '.join(arrays)}")
    chosen = list(default if keys is None else keys)
    if not chosen:
        raise ValueError("keys is empty, but at least one array is needed")
    bins = _checks.integer(bins, "bins", minimum=1)
    pyplot()
    figure, panels = panels_of(figure, len(chosen), _MOST, 3.2, 2.6)
    for axes, key in zip(panels, chosen, strict=True):
        values = np.asarray(arrays[key], np.float64).ravel()
        axes.hist(values, bins=bins, color="tab:blue")
        axes.axvline(0, color="gray", linewidth=0.8)
        set_title(axes, f"mean {values.mean():.3g}, std {values.std():.3g}", min(len(chosen), _MOST))
        axes.set(xlabel=key, ylabel="weights" if axes is panels[0] else "")
    return figure


def _arrays(model: Any) -> tuple[dict[str, Array], list[str]]:
    """All arrays of a model by name, and the names of those that are drawn by default."""
    if isinstance(model, Model):
        state = model.state_dict()
        return state, [key for key in state if key.endswith(".weight") and state[key].ndim > 1]
    if hasattr(model, "steps") and hasattr(model, "named_steps"):  # a pipeline
        model = model[-1]
    if hasattr(model, "coefs_"):
        arrays = {f"coefs_[{i}]": np.asarray(coef) for i, coef in enumerate(model.coefs_)}
    elif hasattr(model, "coef_"):
        coef = model.coef_
        arrays = {"coef_": coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)}
    else:
        raise TypeError(
            f"model must be a st.Sequential, or a fitted estimator with coefs_ or coef_, not {model!r:.80}"
        )
    return arrays, list(arrays)
