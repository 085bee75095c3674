"""The trainings of one command: which rows each takes, and what it makes of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import _config
from ..tables import Plan, Preparation, Table, TableEnsemble, TableModel, known_rebalanced
from ..training.history import History
from . import network, splits, text
from .judging import Answering, Judged
from .learning import Learned, Samples, learn
from .measures import Measures
from .options import NO_CHECKPOINTS
from .output import Lines, silent
from .splits import Rows


@dataclass(frozen=True)
class Trained(ABC):
    """A model of a table, and the rows that it had.

    Attributes
    ----------
    table : Table
    train : Rows
        Those that it learned from.
    """

    table: Table
    train: Rows

    @property
    @abstractmethod
    def answering(self) -> Answering:
        """It, to be judged."""

    @property
    def history(self) -> History | None:
        """Its epochs, if it is one network."""
        return None

    @property
    @abstractmethod
    def warnings(self) -> Sequence[str]:
        """What was said in training."""

    @abstractmethod
    def judged(self, test: Rows) -> Judged:
        """Its answers for test rows or, without any, for others that it did not learn from, if there are."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """What JSON keeps of the training."""

    @abstractmethod
    def network(self, options: Namespace) -> dict[str, Any]:
        """What JSON keeps of the network."""

    @abstractmethod
    def summary(self) -> str:
        """The training in a line."""

    @abstractmethod
    def saved(self, metadata: Mapping[str, str]) -> TableModel | TableEnsemble:
        """What a file has of it."""

    def on(self, rows: Rows, name: str) -> Judged:
        """Its answers for rows of its table."""
        return self.answering.judged(self.table.rows(rows), name)


@dataclass(frozen=True)
class TrainedNetwork(Trained):
    """A network with the preparation of its table.

    Attributes
    ----------
    preparation : Preparation
    learned : Learned
    held : Rows
        Of early stopping: none without it, or with a table of their own.
    other : Table or None
        That table.
    counts : tuple of int
        How many rows it learned from, and how many stopped it, of a divided table in all of its parts.
    """

    preparation: Preparation
    learned: Learned
    held: Rows
    other: Table | None
    counts: tuple[int, int]

    @property
    def answering(self) -> Answering:
        """The network."""
        return Answering.of(self.saved({}))

    @property
    def history(self) -> History:
        """Its epochs."""
        return self.learned.history

    @property
    def warnings(self) -> Sequence[str]:
        """Of the fit."""
        return self.learned.warnings

    def judged(self, test: Rows) -> Judged:
        """The network's answers for test rows or, without any, for those of validation or of training."""
        if self.table.peers.any(len(test)):
            return self.on(test, "test")
        if self.other is not None:
            return self.answering.judged(self.other, "validation")
        stopped = self.table.peers.any(len(self.held))
        return self.on(self.held, "validation") if stopped else self.on(self.train, "training")

    @property
    def seconds(self) -> float:
        """Time of all epochs."""
        return sum(self.history.seconds)

    def described(self) -> dict[str, Any]:
        """What JSON keeps of it."""
        history = self.history
        best = history.best_epoch
        return {
            "rows": self.counts[0],
            "validation_rows": self.counts[1],
            **({"shards": self.table.peers.shards} if self.table.peers.several else {}),
            "epochs": history.epochs,
            "best_epoch": None if best is None else best + 1,
            "seconds": self.seconds,
            "loss": history.loss,
            "validation_loss": history.validation_loss,
        }

    def summary(self) -> str:
        """The same in a line."""
        history, seconds = self.history, max(self.seconds, 1e-9)
        best = "" if history.best_epoch is None else f" (best: {history.best_epoch + 1})"
        speed = self.counts[0] * history.epochs / seconds
        return f"trained {history.epochs} epochs{best}, in {seconds:.2f} s, {speed:,.0f} samples/s"

    def network(self, options: Namespace) -> dict[str, Any]:
        """Layers, loss and optimizer."""
        return {
            "sizes": network.sizes(self.learned.model),
            "layers": [repr(layer) for layer in self.learned.model.layers],
            "loss": str(self.preparation.loss),
            "optimizer": repr(self.learned.optimizer),
            "backend": _config.current().backend,
            "seed": options.seed,
        }

    def saved(self, metadata: Mapping[str, str]) -> TableModel:
        """Network and preparation."""
        return TableModel(self.learned.model, self.preparation, metadata)


@dataclass(frozen=True)
class Folds:
    """Cross-validation: the answers for all rows, each by a model that had not seen it."""

    judged: Judged
    scores: list[Measures]

    def lines(self) -> list[str]:
        """How far the folds differ."""
        name, values = text.scores(self.scores)
        numbers = " ".join(f"{value:.4f}" for value in values)
        return [f"{len(values)} folds: {name} {np.mean(values):.4f} +- {np.std(values):.4f} ({numbers})"]


@dataclass(frozen=True)
class Run:
    """A table, what a network is to learn from it, and how."""

    table: Table
    plan: Plan
    other: Table | None
    options: Namespace
    say: Lines

    def trained(self, rows: Rows) -> Trained:
        """A network trained on these rows, of which some are held out for early stopping."""
        options, stopping = self.options, self.options.early_stopping
        fraction = options.validation_fraction if stopping and self.other is None else 0.0
        peers = self.table.peers
        train, held = splits.held_out(self.plan.groups, rows, fraction, peers)
        preparation = self.plan.fit(train, network.loss_name(self.plan.task, self.options))
        samples = self._samples(preparation, self.table.rows(train))
        validation = None
        if self.other is not None:
            validation = self._samples(preparation, self.other)
        elif peers.any(len(held)):
            validation = self._samples(preparation, self.table.rows(held))
        learned = learn(preparation.task, preparation.outputs, samples, validation, options, self.say, peers)
        counts = peers.total(len(train)), peers.total(len(held if self.other is None else self.other))
        return TrainedNetwork(self.table, train, preparation, learned, held, self.other, counts)

    def cross_validated(self, rows: Rows) -> Folds:
        """Models trained on all folds but one, and their answers for that one."""
        count = self.options.cv
        parts, scores, order = [], [], []
        options = Namespace(**{**vars(self.options), **NO_CHECKPOINTS})
        quiet = replace(self, say=Lines(silent), options=options)
        for number, (train, test) in enumerate(splits.folds(self.plan.groups, rows, count), 1):
            parts.append(quiet.trained(train).on(test, "fold"))
            order.append(test)
            scores.append(parts[-1].measures())
            self.say(f"fold {number} of {count}: {text.score(scores[-1])}")
        return Folds(Judged.joined(parts, "cross-validated"), scores)

    def _samples(self, preparation: Preparation, table: Table) -> Samples:
        """Rows as the network takes them."""
        known = preparation.known(table)
        table = known_rebalanced(table, known) if table.peers.several else table.rows(known)
        return Samples(preparation.inputs(table), preparation.y(preparation.truth(table)))
