"""Answers of a model for rows with a known truth: measures, text and a picture."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tables import Preparation, Table, TableEnsemble, TableModel
from ..tables.ensemble import unknown_in
from ..tables.truth import classes_in, known_rows, numbers_in
from ..training.history import History
from . import measures, pictures
from .errors import UserError
from .measures import Measures

Array = NDArray[Any]


@dataclass(frozen=True)
class Answering:
    """What answers for rows of a table: a network with a preparation, or a mean of networks.

    Attributes
    ----------
    task : {"classification", "regression", "multilabel"}
    labels : sequence or None
        The classes in the order of the outputs.
    targets : sequence of str
        Names of the columns that are predicted; none where they are not known.
    warnings : function of a table
        What is odd about it.
    outputs : function of a table
        (rows, outputs)
    answers, probabilities : functions of outputs
        As of `Preparation`.
    truth : function of a table
        As of `Preparation`.
    """

    task: str
    labels: Sequence[Any] | None
    targets: Sequence[str]
    warnings: Callable[[Table], list[str]]
    outputs: Callable[[Table], Array]
    answers: Callable[[Array], Array]
    probabilities: Callable[[Array], Array]
    truth: Callable[[Table], Array]

    @classmethod
    def of(cls, model: TableModel | TableEnsemble) -> Answering:
        """A model that was saved, or is to be."""
        if isinstance(model, TableEnsemble):
            return cls._of_mean(model)
        prepared: Preparation = model.preparation
        return cls(
            prepared.task,
            prepared.labels,
            prepared.targets,
            prepared.warnings,
            lambda table: model.model(prepared.inputs(table)),
            prepared.answers,
            prepared.probabilities,
            prepared.truth,
        )

    @classmethod
    def _of_mean(cls, model: TableEnsemble) -> Answering:
        labels, targets = model.classes, model.targets

        def probabilities(mean: Array) -> Array:
            if labels is None:
                raise ValueError("the model has no probabilities: it is a regression")
            return mean

        def truth(table: Table) -> Array:
            return numbers_in(table, targets) if labels is None else classes_in(table, targets[0], labels)

        return cls(
            model.task,
            labels,
            targets,
            lambda table: unknown_in(model, table),
            model.mean,
            model.answers.shown,
            probabilities,
            truth,
        )

    @property
    def names(self) -> list[str]:
        """Labels of the classes, or names of the targets."""
        return list(map(str, self.targets if self.labels is None else self.labels))

    def judged(self, table: Table, name: str) -> Judged:
        """Its answers for the rows of a table whose targets are known; of all processes, for the first."""
        table = table.rows(known_rows(table, self.targets))
        if not table.peers.total(len(table)):
            raise UserError(f"{table.name}: no row has {', '.join(map(repr, self.targets))}")
        truth, outputs = self.truth(table), self.outputs(table)
        all_of = table.peers.gathered((truth, outputs)) if table.peers.several else None
        if all_of is not None:
            truth, outputs = (np.concatenate(parts) for parts in zip(*all_of, strict=True))
        return Judged(name, self, truth, outputs)


@dataclass(frozen=True)
class Judged:
    """Outputs for rows, and what they should have been.

    Attributes
    ----------
    name : str
        Which rows these are, as in "test".
    truth : (rows,) int64 of classes, or (rows, targets) of numbers in their units, or of 0 and 1
    outputs : (rows, outputs)
        The model's.
    given : array, optional
        The answers, where models differ; by default those of `by`.
    """

    name: str
    by: Answering
    truth: Array
    outputs: Array
    given: Array | None = None

    @classmethod
    def joined(cls, parts: Sequence[Judged], name: str) -> Judged:
        """Those of several parts of a table, each with its own model."""
        truth = np.concatenate([part.truth for part in parts])
        answers = np.concatenate([part.answers() for part in parts])
        return cls(name, parts[0].by, truth, np.concatenate([part.outputs for part in parts]), answers)

    def measures(self) -> Measures:
        """How good the answers are."""
        task = self.by.task
        if task == "classification":
            return measures.of_classes(self.by.names, self.truth, self.outputs)
        if task == "multilabel":
            return measures.of_several(self.by.names, self.truth, self.outputs)
        return measures.of_numbers(self.by.names, self.truth, self.answers())

    def draw(self, options: Namespace, history: History | None) -> None:
        """The picture of --plot."""
        if options.plot is not None:
            title = f"{self.name} rows"
            task = self.by.task
            pictures.draw(options.plot, history, task, self.by.names, self.truth, self.answers(), title)

    def answers(self) -> Array:
        """Classes, numbers in their units, or 0 and 1."""
        if self.given is not None:
            return self.given
        task = self.by.task
        if task == "classification":
            return np.asarray(self.outputs.argmax(axis=1))
        if task == "multilabel":
            return (self.outputs > 0).astype(np.int64)
        return np.asarray(self.by.answers(self.outputs), dtype=np.float64).reshape(self.truth.shape)
