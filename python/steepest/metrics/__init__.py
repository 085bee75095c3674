"""Metrics: functions of labels and scores, by name in ``fit(metrics=...)`` and ``evaluate(metrics=...)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import classification, regression
from ._mode import Metric as Metric
from ._mode import mode_of as mode_of
from ._names import METRICS as METRICS
from ._names import Metrics as Metrics
from ._names import metrics_named as metrics_named
from .classification import *
from .regression import *

if not TYPE_CHECKING:  # type checkers go by the stars: mypy cannot add lists
    __all__ = sorted([*classification.__all__, *regression.__all__])
