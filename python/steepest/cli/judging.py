"""Answers of a network for rows with a known truth: measures, text and a picture."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import Sequential
from ..tables import Preparation, Table
from ..training.history import History
from . import measures, pictures
from .errors import UserError
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
    given : array, optional
        The answers, where preparations differ; by default those of `preparation`.
    """

    name: str
    preparation: Preparation
    truth: Array
    outputs: Array
    given: Array | None = None

    @classmethod
    def joined(cls, parts: Sequence[Judged], name: str) -> Judged:
        """Those of several parts of a table, each with its own network."""
        truth = np.concatenate([part.truth for part in parts])
        answers = np.concatenate([part.answers() for part in parts])
        return cls(
            name, parts[0].preparation, truth, np.concatenate([part.outputs for part in parts]), answers
        )

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
        return measures.of_numbers(self.names, self.truth, self.answers())

    def draw(self, options: Namespace, history: History | None) -> None:
        """The picture of --plot."""
        if options.plot is not None:
            title = f"{self.name} rows"
            task = self.preparation.task
            pictures.draw(options.plot, history, task, self.names, self.truth, self.answers(), title)

    def answers(self) -> Array:
        """Classes, numbers in their units, or 0 and 1."""
        if self.given is not None:
            return self.given
        task = self.preparation.task
        if task == "classification":
            return np.asarray(self.outputs.argmax(axis=1))
        if task == "multilabel":
            return (self.outputs > 0).astype(np.int64)
        return np.asarray(self.preparation.answers(self.outputs), dtype=np.float64).reshape(self.truth.shape)


def judged(model: Sequential, preparation: Preparation, table: Table, name: str) -> Judged:
    """The network's answers for the rows of a table whose targets are known."""
    table = table.rows(preparation.known(table))
    if not len(table):
        raise UserError(f"{table.name}: no row has {', '.join(map(repr, preparation.targets))}")
    return Judged(name, preparation, preparation.truth(table), model(preparation.inputs(table)))
