"""What both estimators of tables are: one template of `fit`, and the members' answers."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from ... import _checks
from ..._checks import Array
from ...model import Sequential
from ...tables.ensemble import TableEnsemble
from ...tables.frames import some_cells
from ...tables.members import Classes, Numbers, mean_of, some_inputs
from ...training.checkpoints import USUAL, asked
from .._common.classes import WEIGHTED
from .._common.data import weights_count, weights_of
from .._fitting.alone import alone
from .._fitting.checkpoints import or_as_before
from .._fitting.shared import computing
from . import recipe as recipes
from .checkpoints import PARTS, Checkpoints, identity
from .encoder import TableEncoder
from .folds import Fold, Rows, folds
from .given import columns_to_fit, columns_to_use
from .knots import VALUES_OF_A_LINE, knots_of
from .leaks import warn_of_leaks
from .member import Member, Task, fitted
from .parameters import TabularParameters
from .recipe import Recipe
from .scores import Metric
from .together import Time, together

_MOST_JUDGED = 10_000  # rows of each member, where time is over

Self = TypeVar("Self", bound="TabularEstimator")

FITTED = """
members_ : list of Member
    The networks, each with its `best_epoch` and the rows of X that were `held_out`; of those that `max_time`
    ended, only the ones that had finished an epoch, if any had.
best_epochs_ : list of int
    Of each member, the epoch that it is in, counted from 0: the best one of the rows held out. -1 if
    `max_time` was over before its first epoch had ended, so that it has learned little or nothing.
validation_score_ : float
    The metric on rows that were held out, each judged by a member that did not learn from it: how good one
    member is, of which the mean is better as a rule. It is a little optimistic, since these rows chose the
    member's epoch and what scores mean as probabilities, and scales and kinds of columns are those of all
    rows. Where `max_time` ended the fit, it is that of at most 10,000 rows of each member.
encoder_ : TableEncoder
    What makes inputs of a table.
n_features_in_ : int
    Number of columns of X.
feature_names_in_ : ndarray of str, (n_features_in_,)
    Their names, if all are strings.
"""


class TabularEstimator(TabularParameters):
    """A mean of networks on an encoded table."""

    # ---- what the two differ in -------------------------------------------------------------------------

    @abstractmethod
    def _validated(self, y: Any) -> Array:
        """The targets: (rows,) of class numbers, or (rows, outputs) of numbers."""

    @abstractmethod
    def _groups(self, y: Array) -> Rows:
        """What each fold has a part of."""

    @abstractmethod
    def _prepared(self, y: Array, weight: Array | None) -> tuple[Array, int]:
        """Targets as the loss takes them, and the number of outputs."""

    @abstractmethod
    def _recipe(self) -> Recipe:
        """What is learned, and how."""

    @abstractmethod
    def _metric(self) -> Metric:
        """What epochs are chosen by."""

    @abstractmethod
    def _meaning(self) -> Classes | Numbers:
        """What scores of a member mean, and what is averaged over members."""

    def _calibrate(
        self, networks: Sequence[Sequential], scores: list[Array], y: Array, weight: Array | None
    ) -> list[Array]:
        """Learn from scores of rows held out what scores mean; return them as they are then."""
        return scores

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        return sample_weight

    # ---- a fit ------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    @alone
    def fit(
        self: Self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int | str = USUAL,
        resume: bool | str | PathLike[str] = False,
    ) -> Self:
        """Fit to a table as it is.

        Parameters
        ----------
        X : DataFrame, list of dicts, dict of columns, or array-like, of shape (n_samples, n_features)
            With numbers, categories, texts, booleans, dates and gaps.
        y : array-like of shape (n_samples,), of a regressor also (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts for; finite, not negative and not all 0.
        checkpoint : path, default=None
            A file that is written while the networks learn, when one of them has ended, and when all have,
            with all that is needed to go on from it; also when Ctrl-C or another error ends the fit. It is
            replaced in one step; the one before stays beside it as ``<path>.previous``.
        checkpoint_every : int or str, default="60 seconds"
            How often: a number of epochs, of all networks together, or a text such as "500 steps",
            "60 seconds" or "2 epochs". It is written when an epoch has ended.
        resume : bool or path, default=False
            Go on from a checkpoint, with True from `checkpoint` if that file exists: to the bits of a fit
            that nothing has interrupted. The table and the parameters must be those of the checkpoint's fit,
            except for `n_threads`, `progress` and `max_time`. Time used before the checkpoint counts towards
            `max_time`; a fit that it ended goes on if it is larger now.

        Returns
        -------
        estimator
            This one.

        Raises
        ------
        ValueError, TypeError
            For parameters and tables that cannot be used, or that are not those of the checkpoint.
        ModelFileError
            If the file to go on from is damaged, or no checkpoint, and there is none before it.
        OSError
            If a checkpoint cannot be read or written; the last one that was written is whole.
        RuntimeError
            While another thread fits it.

        Warns
        -----
        UserWarning
            If a column alone predicts the target of the rows held out, 100 or more, without an error. If most
            values of a column of texts are in fewer than 3 rows each, and are taken as missing.
        ConvergenceWarning
            If no member has finished an epoch within `max_time`.
        """
        wanted = asked(checkpoint, checkpoint_every, resume, PARTS)
        if wanted.nothing:
            return self._fit(X, y, sample_weight, Checkpoints(wanted, self._seconds()))
        kept = Checkpoints(wanted, self._seconds())
        with or_as_before(self, lambda before: kept.accepted), kept.interruptible():
            return self._fit(X, y, sample_weight, kept)

    def _fit(self: Self, X: Any, y: Any, sample_weight: Any, kept: Checkpoints) -> Self:
        begun = perf_counter()
        for fitted_before in ("members_", "best_epochs_", "validation_score_"):
            self.__dict__.pop(fitted_before, None)  # or a fit that fails would leave them beside its parts
        columns = columns_to_fit(self, X)
        check_consistent_length(columns[0], y)
        y = self._validated(y)
        like_X = np.empty((len(y), 1), dtype=np.float32)
        weights = self._weights(y, None if sample_weight is None else weights_of(sample_weight, like_X))
        weights_count(weights, WEIGHTED)
        random = kept.random(self.random_state)
        counts, weight = np.ones(len(y), dtype=bool) if weights is None else weights > 0, weights
        if weight is not None and not counts.all():
            y, weight = y[counts], weight[counts]
            columns = [some_cells(column, counts) for column in columns]
        self.encoder_ = TableEncoder(self.categorical_features)._fit_columns(columns, self, y)
        encoded = self._inputs(columns)
        begun = kept.begin(lambda: identity(self, encoded, y, weights), begun)
        time = Time(begun, self._seconds())
        task = self._task(encoded, y, weight)
        held = folds(self._groups(y), int(self.n_members), random)
        seeds = random.randint(2**31 - 1, size=len(held)).tolist()
        warn_of_leaks(self.encoder_.encodings_, encoded, y, held[0])
        task = self._with_embedding(task, held[0], seeds[0], time, kept)
        slots = [kept.slot(str(place)) for place in range(len(held))]
        each = zip(held, seeds, slots, strict=True)
        fits = [partial(fitted, task, fold, seed, slot=slot) for fold, seed, slot in each]
        members = together(fits, slots, time, self.n_threads, bool(self.progress))
        kept.end()
        members = [member for member in members if member.best_epoch >= 0] or members
        score = self._judged(members, encoded, y, weight, len(y) if time.left else _MOST_JUDGED)
        self.best_epochs_ = [member.best_epoch for member in members]
        if max(self.best_epochs_) < 0:
            warnings.warn(
                f"no member finished an epoch within max_time={self.max_time} seconds, and predictions are "
                "little more than a constant: allow more time, or fit to fewer rows",
                ConvergenceWarning,
                stacklevel=_checks.caller_level(),
            )
        rows = np.flatnonzero(counts)
        self.validation_score_ = score
        self.members_ = [replace(member, held_out=rows[member.held_out]) for member in members]
        return self

    def _task(self, encoded: NDArray[np.float32], y: Array, weight: Array | None) -> Task:
        """What each member is fitted to."""
        metric = self._metric()

        def value(scores: Array, rows: Rows) -> float:
            return metric.value(y[rows], self._meaning()(scores), None if weight is None else weight[rows])

        distinct = self.encoder_.n_distinct_
        bins = self._bins(int(np.count_nonzero(distinct > VALUES_OF_A_LINE)))
        targets, outputs = self._prepared(y, weight)
        return Task(
            encoded,
            targets,
            weight,
            knots_of(encoded, distinct if len(distinct) else np.zeros(1, dtype=np.int64), bins),
            outputs,
            value,
            self._recipe(),
            self._hidden(),
            float(self.dropout),
            self._weight_decay(),
            self._max_steps(),
        )

    def _with_embedding(self, task: Task, fold: Fold, seed: int, time: Time, kept: Checkpoints) -> Task:
        """The task with cosines, if these are chosen, or better than ramps in the first cycles."""
        numbers = np.flatnonzero(self.encoder_.n_distinct_ > VALUES_OF_A_LINE).tolist()
        periodic = replace(task, cosines=numbers)
        if self.embedding != "auto":
            return periodic if self.embedding == "periodic" else task
        if not any(map(len, task.knots)) or len(task.knots) > recipes.MOST_TRIED:
            return task
        if kept.cosines is None:
            tried = {"ramps": task, "cosines": periodic}
            slots = [kept.slot(name) for name in tried]
            tries = [
                partial(fitted, one, fold, seed, cycles=recipes.CYCLES_TRIED, slot=slot)
                for one, slot in zip(tried.values(), slots, strict=True)
            ]
            some = time._replace(seconds=recipes.TIME_TRIED * time.seconds)
            ramps, cosines = together(tries, slots, some, self.n_threads, False)
            kept.choose(cosines.value > ramps.value)
        return periodic if kept.cosines else task

    def _seconds(self) -> float:
        return math.inf if self.max_time is None else float(self.max_time)

    def _judged(
        self,
        members: Sequence[Member],
        encoded: NDArray[np.float32],
        y: Array,
        weight: Array | None,
        most: int,
    ) -> float:
        """Calibrate on the rows held out, of each member at most so many, and score them."""
        held = [member.held_out[:: -(-len(member.held_out) // most)] for member in members]
        with computing(self.n_threads):
            scores = [member.network(encoded[own]) for member, own in zip(members, held, strict=True)]
        rows = np.concatenate(held)
        weights = None if weight is None else weight[rows]
        scores = self._calibrate([member.network for member in members], scores, y[rows], weights)
        answers = [self._meaning()(one) for one in scores]
        total = np.zeros((len(y), answers[0].shape[1]))
        times = np.zeros(len(y), dtype=np.int64)
        for own, answer in zip(held, answers, strict=True):
            total[own] += answer
            times[own] += 1
        judged = np.flatnonzero(times)
        mean = self._meaning().mended(total[judged] / times[judged, np.newaxis])
        return self._metric()(y[judged], mean, None if weight is None else weight[judged])

    def _inputs(self, columns: list[Any]) -> NDArray[np.float32]:
        """Encoded columns; one of zeros if none of them varies."""
        return some_inputs(self.encoder_.encodings_, columns)

    # ---- what is asked of it ----------------------------------------------------------------------------

    def _mean(self, X: Any) -> Array:
        """The mean answer of the members, (rows, outputs)."""
        check_is_fitted(self, "members_")
        encoded = self._inputs(columns_to_use(self, X))
        with computing(self.n_threads):
            return mean_of([member.network for member in self.members_], encoded, self._meaning())

    def save(self, path: str | PathLike[str]) -> None:
        """Write preparation and networks to one safetensors file, which `steepest.load` reads.

        What it reads is a `TableEnsemble`, which gives the same answers and needs no scikit-learn.

        Parameters
        ----------
        path : path
            It is replaced in one step after everything is written.

        Raises
        ------
        OSError
            If the file cannot be written.
        ValueError
            If a label is no boolean, number or string, such as a date or a tuple.
        """
        self.to_ensemble().save(path)

    def to_ensemble(self) -> TableEnsemble:
        """The fitted model as a `steepest.TableEnsemble`, which needs no scikit-learn.

        Returns
        -------
        TableEnsemble
            With the same networks and the same answers, as `steepest.load` reads what `save` wrote.

        Raises
        ------
        NotFittedError
            If it is not fitted.

        Examples
        --------
        >>> import numpy as np
        >>> from steepest.sklearn import TabularRegressor
        >>> X = np.linspace(0, 1, 50)[:, np.newaxis]
        >>> estimator = TabularRegressor(max_steps=50, random_state=0).fit(X, X[:, 0] ** 2)
        >>> model = estimator.to_ensemble()
        >>> model, bool((model.predict(X) == estimator.predict(X)).all())
        (TableEnsemble(4 networks, regression from 1 columns), True)
        """
        check_is_fitted(self, "members_")
        return TableEnsemble(
            tuple(self.encoder_.encodings_),
            tuple(member.network for member in self.members_),
            self._meaning(),
            hasattr(self, "feature_names_in_"),
        )

    def summary(self) -> str:
        """Describe what was fitted: inputs, members with their best epochs, and the score of rows held out.

        Returns
        -------
        str
        """
        check_is_fitted(self, "members_")
        first = self.members_[0]
        metric = self.metric if isinstance(self.metric, str) else "metric"
        sizes = " x ".join(map(str, self._hidden()))
        lines = [
            f"{type(self).__name__} of {self.n_features_in_} columns",
            f"inputs      {len(self.encoder_.n_distinct_)}, of the first product {first.inputs}",
            f"members     {len(self.members_)} networks of {sizes} units",
            *(
                f"member {i}    best epoch {member.best_epoch + 1} of {member.epochs}"
                for i, member in enumerate(self.members_)
            ),
            f"held out    {metric} {self.validation_score_:.4f}",
        ]
        return "\n".join(lines)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags
