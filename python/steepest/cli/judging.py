"""Answers of a network for rows with a known truth: measures, text and a picture."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tables import Preparation
from ..training.history import History
from . import measures, pictures
from .measures import Measures

Array = NDArray[Any]


@dataclass(frozen=True)
class Judged:
    """Outputs for rows, and what they should have been.

    Attributes
    ----------
    name : str
        Which rows these are, as in "test".
    truth : (rows,) int64 of classes, or (rows, targets) of numbers in their units, or of 0 and 1
    outputs : (rows, outputs)
        The network's.
    """

    name: str
    preparation: Preparation
    truth: Array
    outputs: Array

    @property
    def names(self) -> list[str]:
        """Labels of the classes, or names of the targets."""
        return list(map(str, self.preparation.labels or self.preparation.targets))

    def measures(self) -> Measures:
        """How good the answers are."""
        task = self.preparation.task
        if task == "classification":
            return measures.of_classes(self.names, self.truth, self.outputs)
        if task == "multilabel":
            return measures.of_several(self.names, self.truth, self.outputs)
        return measures.of_numbers(self.names, self.truth, self._answers())

    def draw(self, options: Namespace, history: History | None) -> None:
        """The picture of --plot."""
        if options.plot is not None:
            title = f"{self.name} rows"
            task = self.preparation.task
            pictures.draw(options.plot, history, task, self.names, self.truth, self._answers(), title)

    def _answers(self) -> Array:
        task = self.preparation.task
        if task == "classification":
            return np.asarray(self.outputs.argmax(axis=1))
        if task == "multilabel":
            return (self.outputs > 0).astype(np.int64)
        return np.asarray(self.preparation.answers(self.outputs), dtype=np.float64).reshape(self.truth.shape)
