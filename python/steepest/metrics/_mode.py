"""Whether a metric should become large or small, by its function or its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from .. import _checks

# (labels, scores) -> a real number. Labels, or targets, are the checked ones: int64, or the model's dtype.
Metric: TypeAlias = Callable[..., Any]

# Usual names of metrics: the words that they end with, by what the metric should become, and those before.
_LARGE = {"accuracy", "acc", "auc", "f1", "precision", "r2", "recall"}
_SMALL = {"deviance", "entropy", "error", "loss", "mae", "mse", "rmse"}
_BEFORE = {"balanced", "roc", "top", "average", "mean", "median", "squared", "absolute", "root", "log"}
_BEFORE |= {"validation", "val", "test", "train", "macro", "micro", "weighted", "max"}
_BEFORE |= {"poisson", "hinge", "huber", "cross", "binary", "categorical"}


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
