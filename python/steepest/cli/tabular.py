"""`--model tabular`: the estimators of tables of scikit-learn's interface, fitted to what was planned."""

from __future__ import annotations

import time
import warnings
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import _config
from .._checks import Array
from ..tables import Plan, Table, TableEnsemble
from ..tables.members import Classes
from ..tables.truth import classes_in, numbers_in
from ..training.divergence import DivergenceError
from . import network
from .errors import UserError
from .judging import Answering, Judged
from .run import Run, Trained
from .splits import Rows

_LARGEST_SEED = 2**32 - 1  # of scikit-learn


def check(plan: Plan, options: Namespace) -> None:
    """Refuse, before any work, what the estimators do not learn, and a missing scikit-learn.

    Raises
    ------
    UserError, ImportError
    """
    if plan.task == "multilabel":
        raise UserError("--model tabular learns classes or numbers, but the task is a multilabel")
    if options.class_weight is not None and plan.task != "classification":
        raise UserError(f"--class-weight needs classes, but the task is a {plan.task}")
    if options.seed > _LARGEST_SEED:
        raise UserError(f"--seed is {options.seed}, but must be at most {_LARGEST_SEED} for --model tabular")
    _estimator(plan, options)


@dataclass(frozen=True)
class TrainedMean(Trained):
    """A mean of networks.

    Attributes
    ----------
    plan : Plan
    estimator : TabularClassifier or TabularRegressor
        Fitted to the rows, of which each member held some out.
    ensemble : TableEnsemble
        It, with the labels and the names of the table.
    said : sequence of str
        Warnings of the fit.
    seconds : float
        Time of the fit.
    """

    plan: Plan
    estimator: Any
    ensemble: TableEnsemble
    said: Sequence[str]
    seconds: float

    @property
    def answering(self) -> Answering:
        """The mean, for the classes of the whole table: those that were not among its rows get 0."""
        return self._answering(self.ensemble)

    def _answering(self, ensemble: TableEnsemble) -> Answering:
        own, plan = Answering.of(ensemble), self.plan
        if plan.labels is None or len(plan.labels) == len(ensemble.classes or ()):
            return own
        known, labels = self.estimator.classes_, plan.labels

        def outputs(table: Table) -> Array:
            mean = ensemble.mean(table)
            wide = np.zeros((len(mean), len(labels)))
            wide[:, known] = mean
            return wide

        def truth(table: Table) -> Array:
            return classes_in(table, plan.targets[0], labels)

        return replace(own, labels=labels, outputs=outputs, truth=truth)

    @property
    def warnings(self) -> Sequence[str]:
        """Of the fit."""
        return self.said

    def judged(self, test: Rows) -> Judged:
        """The answers for test rows or, without any, those of each member for the rows that it held out."""
        if len(test):
            return self.on(test, "test")
        parts, left = [], np.ones(len(self.train), dtype=bool)
        for member in self.estimator.members_:
            held = member.held_out[left[member.held_out]]  # of few rows, members share some
            left[held] = False
            if len(held):
                one = self._answering(replace(self.ensemble, members=(member.network,)))
                parts.append(one.judged(self.table.rows(self.train[held]), "validation"))
        return Judged.joined(parts, "validation")

    def described(self) -> dict[str, Any]:
        """Of each member how long it was trained, and which epoch it is."""
        members = self.estimator.members_
        return {
            "rows": len(self.train),
            "members": [{"epochs": one.epochs, "best_epoch": one.best_epoch + 1} for one in members],
            "validation_score": self.estimator.validation_score_,
            "seconds": self.seconds,
        }

    def network(self, options: Namespace) -> dict[str, Any]:
        """Of one member; all have the same layers."""
        one = self.ensemble.members[0]
        return {
            "model": "tabular",
            "members": len(self.ensemble.members),
            "sizes": network.sizes(one),
            "layers": [repr(layer) for layer in one.layers],
            "backend": _config.current().backend,
            "seed": options.seed,
        }

    def summary(self) -> str:
        """How many networks, and which epochs they are."""
        best = ", ".join(str(member.best_epoch + 1) for member in self.estimator.members_)
        count = len(self.ensemble.members)
        return f"trained {count} networks (best epochs: {best}), in {self.seconds:.2f} s"

    def saved(self, metadata: Mapping[str, str]) -> TableEnsemble:
        """The mean, and the report."""
        return replace(self.ensemble, metadata=metadata)


@dataclass(frozen=True)
class TabularRun(Run):
    """A table, what a mean of networks is to learn from it, and how."""

    def trained(self, rows: Rows) -> TrainedMean:
        """A mean of networks, each of which holds out some of these rows."""
        plan, options, features = self.plan, self.options, self.table.rows(rows).only(self.plan.kinds)
        begun = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                estimator = _estimator(plan, options).fit(
                    features,
                    self._targets(rows),
                    checkpoint=options.checkpoint,
                    checkpoint_every=options.checkpoint_every,
                    resume=options.resume,
                )
            except DivergenceError as error:
                raise UserError(f"{error}; nothing was saved") from None
            except (ValueError, TypeError) as error:
                place = "" if options.resume else f"{self.table.name}: "  # a checkpoint's error has its own
                raise UserError(f"{place}{error}") from None
        seconds = time.perf_counter() - begun
        ensemble = replace(estimator.to_ensemble(), named=self.table.named, targets=plan.targets)
        if isinstance(ensemble.answers, Classes) and plan.labels is not None:
            labels = tuple(plan.labels[place] for place in ensemble.answers.labels)
            ensemble = replace(ensemble, answers=replace(ensemble.answers, labels=labels))
        said = dict.fromkeys(str(one.message) for one in caught)
        return TrainedMean(self.table, rows, plan, estimator, ensemble, list(said), seconds)

    def _targets(self, rows: Rows) -> Array:
        """Numbers of classes, or numbers."""
        if self.plan.labels is not None:
            return self.plan.groups[rows]
        numbers = numbers_in(self.table.rows(rows), self.plan.targets)
        return numbers[:, 0] if len(self.plan.targets) == 1 else numbers


def _estimator(plan: Plan, options: Namespace) -> Any:
    """Not fitted."""
    from ..sklearn import TabularClassifier, TabularRegressor

    settings: dict[str, Any] = {
        "hidden_layer_sizes": options.hidden,
        "dropout": options.dropout,
        "max_time": options.max_time,
        "categorical_features": [name for name, kind in plan.kinds.items() if kind == "category"] or None,
        "progress": not options.quiet,
        "random_state": options.seed,
    }
    if plan.task == "classification":
        return TabularClassifier(class_weight=options.class_weight, **settings)
    return TabularRegressor(**settings)
