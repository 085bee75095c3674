"""Metrics: functions of labels and scores, which a fit evaluates on its validation data."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from . import _checks

__all__ = ["accuracy"]

# (labels, scores) -> a real number. Labels, or targets, are the checked ones: int64, or the model's dtype.
Metric: TypeAlias = Callable[[Any, Any], Any]

# Usual names of metrics: the words that they end with, by what the metric should become, and those before.
_LARGE = {"accuracy", "acc", "auc", "f1", "precision", "r2", "recall"}
_SMALL = {"deviance", "entropy", "error", "loss", "mae", "mse", "rmse"}
_BEFORE = {"balanced", "roc", "top", "average", "mean", "median", "squared", "absolute", "root", "log"}
_BEFORE |= {"validation", "val", "test", "train", "macro", "micro", "weighted", "max"}
_BEFORE |= {"poisson", "hinge", "huber", "cross", "binary", "categorical"}


def accuracy(labels: ArrayLike, scores: ArrayLike) -> float:
    """Fraction of the samples whose own class has the largest score; of equal scores the first counts.

    Parameters
    ----------
    labels : array_like, (samples,)
        Class indices, integers from 0.
    scores : array_like, (samples, classes)
        What a model returns, for at least one sample and two classes.

    Returns
    -------
    float
        In [0, 1]. The function has an attribute `greater_is_better`, True, which `EarlyStopping` reads.

    Raises
    ------
    ValueError
        If a shape is not as above.
    TypeError
        If the labels are not integers.

    Examples
    --------
    >>> import steepest as st
    >>> st.accuracy([0, 1], [[2.0, 1.0], [3.0, 0.0]])
    0.5
    """
    truth, values = _checks.real_array(labels, "labels"), _checks.real_array(scores, "scores")
    if values.ndim != 2 or values.shape[0] < 1 or values.shape[1] < 2:
        raise ValueError(
            f"scores have shape {values.shape}, but accuracy chooses among at least 2 scores of each sample"
        )
    if truth.shape != values.shape[:1]:
        raise ValueError(
            f"labels have shape {truth.shape}, but must be ({values.shape[0]},), one for each row of scores"
        )
    if truth.dtype.kind == "f":
        raise TypeError(f"labels have dtype {truth.dtype}, but must be integers")
    return float(np.mean(values.argmax(axis=1) == truth))


accuracy.greater_is_better = True  # type: ignore[attr-defined]


def mode_of(name: str, metric: Metric | None) -> Literal["min", "max"]:
    """Whether a metric, or a loss (None), should be minimized or maximized.

    The function's attribute `greater_is_better` decides or, without it, the name, if it is a usual one.

    Raises
    ------
    ValueError
        If neither decides.
    TypeError
        If the attribute is not True or False.
    """
    if metric is None:
        return "min"
    greater = getattr(metric, "greater_is_better", None)
    if greater is not None:
        return "max" if _checks.flag(greater, f"greater_is_better of metric {name!r}") else "min"
    words = re.split(r"[_ -]", name.lower())
    words = [word for i, word in enumerate(words) if i == 0 or not word.isdigit()]
    if words == ["score"] or _ends(words, _LARGE) or (words[-1:] == ["score"] and _ends(words[:-1], _LARGE)):
        return "max"
    if _ends(words, _SMALL) or (words[-2:] == ["error", "rate"] and _ends(words[:-1], _SMALL)):
        return "min"
    raise ValueError(
        f"cannot tell whether metric {name!r} should be minimized or maximized: give mode='min' or "
        "mode='max', "
        "or give its function an attribute greater_is_better"
    )


def _ends(words: list[str], last: set[str]) -> bool:
    """Whether the last word is one of these, and no word before it reverses its meaning."""
    return bool(words) and words[-1] in last and set(words[:-1]) <= _BEFORE
