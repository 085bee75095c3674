"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks, metrics
from .._checks import Array
from .classes import index_in, one_dimensional
from .drawing import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion_matrix"]

_MOST = 30  # classes, beyond which cells are too small for numbers, and sides too short for all names


def confusion_matrix(
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    classes: Sequence[object] | None = None,
    normalize: Literal["true", "pred", "all"] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often each class was predicted for the samples of each class.

    Parameters
    ----------
    labels : array_like, (samples,)
        The right class of each sample: integers, texts or booleans. At least one sample.
    predicted : array_like, (samples,)
        The predicted ones, such as ``model.predict(X)``.
    classes : sequence, optional
        Either the values that occur in `labels` and `predicted`, in the order in which to draw them, or, for
        integer labels from 0, a name for each class. By default the sorted values.
    normalize : {"true", "pred", "all"}, optional
        Show fractions instead of counts: of the samples of a class (each row adds up to 100 %, and the
        diagonal is the recall), of the predictions of a class (each column does, and the diagonal is the
        precision), or of all samples.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A row for each true class, a column for each predicted one. Rows or columns without samples are 0.

    Raises
    ------
    ValueError, TypeError
        If the lengths differ, there are no samples, a label is not among the classes, or `normalize` is not
        one of the above.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> from matplotlib.figure import Figure
    >>> right, predicted = ["cat", "cat", "dog", "dog"], ["cat", "dog", "dog", "dog"]
    >>> axes = st.plots.confusion_matrix(right, predicted, ax=Figure().subplots())
    >>> [text.get_text() for text in axes.texts]
    ['1', '1', '0', '2']
    """
    true, found = one_dimensional(labels, "labels"), one_dimensional(predicted, "predicted")
    if len(true) != len(found):
        raise ValueError(f"labels has {len(true)} samples, but predicted has {len(found)}")
    if len(true) == 0:
        raise ValueError("labels has 0 samples, but at least 1 is needed")
    if normalize is not None:
        normalize = _checks.one_of(normalize, "normalize", ("true", "pred", "all"))
    values, names = _values_and_names(true, found, classes)
    rows, columns = index_in(values, true, "labels"), index_in(values, found, "predicted")
    counts = metrics.confusion_matrix(rows, columns, len(values))
    ax = axes_or_new(ax)
    shown = _fractions(counts, normalize) if normalize else counts
    image = ax.imshow(shown, cmap="Blues", vmin=0, vmax=1 if normalize in ("true", "pred") else None)
    if len(values) <= _MOST:
        _write(ax, shown, "{:.0%}" if normalize else "{}")
    else:
        ax.figure.colorbar(image, ax=ax)
    places = np.arange(0, len(names), -(-len(names) // _MOST))  # not so many names that they overlap
    names = [names[place] for place in places]
    long = sum(map(len, names)) > 40
    ax.set_xticks(places, names, rotation=45 if long else 0, ha="right" if long else "center")
    ax.set_yticks(places, names)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def _values_and_names(true: Array, found: Array, classes: Sequence[object] | None) -> tuple[Array, list[str]]:
    """The classes in order, and what to write beside them."""
    occurring = np.unique(np.concatenate([true, found]))
    if classes is None:
        return occurring, [str(value) for value in occurring]
    names = list(classes)
    if occurring.dtype.kind in "iu" and not set(occurring.tolist()) <= set(names):
        return np.arange(len(names)), [str(name) for name in names]
    return np.asarray(names), [str(name) for name in names]


def _fractions(counts: Array, of: str) -> Array:
    sums = counts.sum(axis={"true": 1, "pred": 0, "all": None}[of], keepdims=True)
    return np.asarray(counts / np.maximum(sums, 1))


def _write(ax: Axes, shown: Array, form: str) -> None:
    """A number in each cell, white on the dark ones."""
    dark = shown.max() / 2
    size = 10 if len(shown) <= 12 else 6
    for (row, column), number in np.ndenumerate(shown):
        color = "white" if number > dark else "black"
        ax.text(column, row, form.format(number), ha="center", va="center", color=color, fontsize=size)
