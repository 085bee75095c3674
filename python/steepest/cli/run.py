"""The trainings of one command: which rows each takes, and what it makes of them."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..tables import Plan, Preparation, Table
from . import network, splits, text
from .judging import Judged, judged
from .learning import Learned, Samples, learn
from .measures import Measures
from .output import Lines, silent
from .splits import Rows


@dataclass(frozen=True)
class Trained:
    """A network with the preparation of its table, and the rows that it had.

    Attributes
    ----------
    preparation : Preparation
    learned : Learned
    train, held : Rows
        Rows that were trained on, and of early stopping: none without it, or with a table of their own.
    other : Table or None
        That table.
    """

    table: Table
    preparation: Preparation
    learned: Learned
    train: Rows
    held: Rows
    other: Table | None

    def judged(self, test: Rows) -> Judged:
        """The network's answers for test rows or, without any, for those of validation or of training."""
        if len(test):
            return self.on(test, "test")
        if self.other is not None:
            return judged(self.learned.model, self.preparation, self.other, "validation")
        return self.on(self.held, "validation") if len(self.held) else self.on(self.train, "training")

    def on(self, rows: Rows, name: str) -> Judged:
        """The network's answers for rows of its table."""
        return judged(self.learned.model, self.preparation, self.table.rows(rows), name)

    @property
    def seconds(self) -> float:
        """Time of all epochs."""
        return sum(self.learned.history.seconds)

    def described(self) -> dict[str, Any]:
        """What JSON keeps of it."""
        history = self.learned.history
        best = history.best_epoch
        return {
            "rows": len(self.train),
            "validation_rows": len(self.held) if self.other is None else len(self.other),
            "epochs": history.epochs,
            "best_epoch": None if best is None else best + 1,
            "seconds": self.seconds,
            "loss": history.loss,
            "validation_loss": history.validation_loss,
        }

    def summary(self) -> str:
        """The same in a line."""
        history, seconds = self.learned.history, max(self.seconds, 1e-9)
        best = "" if history.best_epoch is None else f" (best: {history.best_epoch + 1})"
        speed = len(self.train) * history.epochs / seconds
        return f"trained {history.epochs} epochs{best}, in {seconds:.2f} s, {speed:,.0f} samples/s"


@dataclass(frozen=True)
class Folds:
    """Cross-validation: the answers for all rows, each by a network that had not seen it."""

    judged: Judged
    scores: list[Measures]

    def lines(self) -> list[str]:
        """How far the folds differ."""
        name, values = text.scores(self.scores)
        numbers = " ".join(f"{value:.4f}" for value in values)
        return [f"{len(values)} folds: {name} {np.mean(values):.4f} +- {np.std(values):.4f} ({numbers})"]


@dataclass(frozen=True)
class Run:
    """A table, what is to be learned from it, and how."""

    table: Table
    plan: Plan
    other: Table | None
    options: Namespace
    say: Lines

    def trained(self, rows: Rows) -> Trained:
        """A network trained on these rows, of which some are held out for early stopping."""
        options, stopping = self.options, self.options.early_stopping
        fraction = options.validation_fraction if stopping and self.other is None else 0.0
        train, held = splits.held_out(self.plan.groups, rows, fraction)
        preparation = self.plan.fit(train, network.loss_name(self.plan.task, self.options))
        samples = self._samples(preparation, self.table.rows(train))
        validation = None
        if self.other is not None:
            validation = self._samples(preparation, self.other)
        elif len(held):
            validation = self._samples(preparation, self.table.rows(held))
        learned = learn(preparation.task, preparation.outputs, samples, validation, options, self.say)
        return Trained(self.table, preparation, learned, train, held, self.other)

    def cross_validated(self, rows: Rows) -> Folds:
        """Networks trained on all folds but one, and their answers for that one."""
        count = self.options.cv
        parts, scores, order = [], [], []
        quiet = Run(self.table, self.plan, self.other, self.options, Lines(silent))
        for number, (train, test) in enumerate(splits.folds(self.plan.groups, rows, count), 1):
            parts.append(quiet.trained(train).on(test, "fold"))
            order.append(test)
            scores.append(parts[-1].measures())
            self.say(f"fold {number} of {count}: {text.score(scores[-1])}")
        return Folds(Judged.joined(parts, "cross-validated"), scores)

    def _samples(self, preparation: Preparation, table: Table) -> Samples:
        """Rows as the network takes them."""
        table = table.rows(preparation.known(table))
        return Samples(preparation.inputs(table), preparation.y(preparation.truth(table)))
