"""Check: the metrics that a fit or an evaluation is asked for, by name or as functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeAlias

from . import classification, regression
from ._mode import Metric

METRICS: Mapping[str, Metric] = {
    "accuracy": classification.accuracy,
    "acc": classification.accuracy,
    "balanced_accuracy": classification.balanced_accuracy,
    "precision": classification.precision,
    "recall": classification.recall,
    "f1": classification.f1,
    "auc": classification.auc,
    "roc_auc": classification.auc,
    "log_loss": classification.log_loss,
    "mean_absolute_error": regression.mean_absolute_error,
    "mae": regression.mean_absolute_error,
    "mean_squared_error": regression.mean_squared_error,
    "mse": regression.mean_squared_error,
    "root_mean_squared_error": regression.root_mean_squared_error,
    "rmse": regression.root_mean_squared_error,
    "r2": regression.r2,
}


# As fits take them: names, functions, or a mapping of names to either.
Metrics: TypeAlias = Iterable[str | Metric] | Mapping[str, str | Metric]


def metrics_named(metrics: Metrics | None) -> dict[str, Metric]:
    """Functions by name: of names, of functions, which have names of their own, or of a mapping.

    Raises
    ------
    ValueError
        For an unknown name, or two metrics of one name.
    TypeError
        For anything else.
    """
    if metrics is None:
        return {}
    if isinstance(metrics, str) or callable(metrics):
        raise TypeError(f"metrics must be a list, as in metrics=['accuracy'], but got {metrics!r:.80}")
    if isinstance(metrics, Mapping):
        return {name: _metric(metric, name) for name, metric in metrics.items()}
    if not isinstance(metrics, Iterable):
        raise TypeError(f"metrics must be a list of names or functions, not {metrics!r:.80}")
    found: dict[str, Metric] = {}
    for metric in metrics:
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", repr(metric))
        if name in found:
            raise ValueError(f"two metrics are named {name!r}: give a mapping of names to functions")
        found[name] = _metric(metric, name)
    return found


def _metric(metric: object, name: object) -> Metric:
    if not isinstance(name, str) or not (isinstance(metric, str) or callable(metric)):
        raise TypeError(f"metrics must be names or functions, but have {name!r:.80}: {metric!r:.80}")
    if isinstance(metric, str):
        if metric not in METRICS:
            close = get_close_matches(metric.lower(), METRICS, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(METRICS)}"
            raise ValueError(f"metric {metric!r:.80} is not known: {hint}")
        return METRICS[metric]
    return metric
