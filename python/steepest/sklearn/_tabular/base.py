"""What both estimators of tables are: one template of `fit`, and the members' answers."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from ... import _checks
from ..._checks import Array
from ..._config import config, get_num_threads
from ...tables.ensemble import TableEnsemble
from ...tables.frames import some_cells
from ...tables.members import Classes, Numbers, mean_of, some_inputs
from .._common.classes import WEIGHTED
from .._common.data import weights_count, weights_of
from .._fitting.alone import alone
from .._fitting.many import side_by_side
from .._fitting.shared import SharedFits, computing, shared_fits
from . import recipe as recipes
from .encoder import TableEncoder
from .folds import Fold, Rows, folds
from .given import columns_to_fit, columns_to_use
from .knots import VALUES_OF_A_LINE, knots_of
from .leaks import warn_of_leaks
from .member import Member, Task, fitted
from .parameters import TabularParameters
from .recipe import Recipe
from .scores import Metric

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
    member's epoch and the temperature, and scales and kinds of columns are those of all rows. Where
    `max_time` ended the fit, it is that of at most 10,000 rows of each member.
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

    def _calibrate(self, scores: Array, y: Array, weight: Array | None) -> None:
        """Learn from scores of rows held out."""

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        return sample_weight

    # ---- a fit ------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    @alone
    def fit(self: Self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to a table as it is.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, of shape (n_samples, n_features)
            With numbers, categories, texts, booleans, dates and gaps.
        y : array-like of shape (n_samples,), of a regressor also (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts for; finite, not negative and not all 0.

        Returns
        -------
        estimator
            This one.

        Raises
        ------
        ValueError, TypeError
            For parameters and tables that cannot be used.
        RuntimeError
            While another thread fits it.

        Warns
        -----
        UserWarning
            If a column alone predicts the target of the rows held out, 100 or more, without an error.
        ConvergenceWarning
            If no member has finished an epoch within `max_time`.
        """
        begun = perf_counter()
        for fitted_before in ("members_", "best_epochs_", "validation_score_"):
            self.__dict__.pop(fitted_before, None)  # or a fit that fails would leave them beside its parts
        columns = columns_to_fit(self, X)
        y = self._validated(y)
        check_consistent_length(columns[0], y)
        like_X = np.empty((len(y), 1), dtype=np.float32)
        weight = self._weights(y, None if sample_weight is None else weights_of(sample_weight, like_X))
        weights_count(weight, WEIGHTED)
        random = check_random_state(self.random_state)
        counts = np.ones(len(y), dtype=bool) if weight is None else weight > 0
        if weight is not None and not counts.all():
            y, weight = y[counts], weight[counts]
            columns = [some_cells(column, counts) for column in columns]
        self.encoder_ = TableEncoder(self.categorical_features)._fit_columns(columns, self)
        encoded = self._inputs(columns)
        task = self._task(encoded, y, weight)
        held = folds(self._groups(y), int(self.n_members), random)
        seeds = random.randint(2**31 - 1, size=len(held)).tolist()
        warn_of_leaks(self.encoder_.encodings_, encoded, y, held[0])
        task = self._with_embedding(task, held[0], seeds[0], begun)
        fits = [partial(fitted, task, fold, seed) for fold, seed in zip(held, seeds, strict=True)]
        members = self._together(fits, begun, self._seconds(), bool(self.progress))
        members = [member for member in members if member.best_epoch >= 0] or members
        over = perf_counter() - begun >= self._seconds()
        score = self._judged(members, encoded, y, weight, _MOST_JUDGED if over else len(y))
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

    def _with_embedding(self, task: Task, fold: Fold, seed: int, begun: float) -> Task:
        """The task with cosines, if these are chosen, or better than ramps in the first cycles."""
        numbers = np.flatnonzero(self.encoder_.n_distinct_ > VALUES_OF_A_LINE).tolist()
        periodic = replace(task, cosines=numbers)
        if self.embedding != "auto":
            return periodic if self.embedding == "periodic" else task
        if not any(map(len, task.knots)) or len(task.knots) > recipes.MOST_TRIED:
            return task
        tries = [partial(fitted, one, fold, seed, cycles=recipes.CYCLES_TRIED) for one in (task, periodic)]
        ramps, cosines = self._together(tries, begun, recipes.TIME_TRIED * self._seconds(), False)
        return periodic if cosines.value > ramps.value else task

    def _seconds(self) -> float:
        return math.inf if self.max_time is None else float(self.max_time)

    def _together(
        self,
        fits: Sequence[Callable[[Callable[[], bool]], Member]],
        begun: float,
        seconds: float,
        progress: bool,
    ) -> list[Member]:
        """Members, one a thread, until so many seconds after the fit has begun."""
        threads = int(self.n_threads or get_num_threads())
        within = shared_fits.get()  # other fits, which have the other threads
        workers = 1 if within is not None else min(threads, len(fits))
        shared = SharedFits()
        rounds = math.ceil(len(fits) / workers)

        def one(place: int) -> Member:
            # Those that begin later have the rest of the time, in equal parts for each round.
            left = max(0.0, begun + seconds - perf_counter())
            end = perf_counter() + left / (rounds - place // workers)

            def over() -> bool:
                ended = shared.ended.is_set() or (within is not None and within.ended.is_set())
                return ended or perf_counter() >= end

            with config(num_threads=max(1, threads // len(fits)) if within is None else 1):
                return fits[place](over)

        calls = [partial(one, place) for place in range(len(fits))]
        return side_by_side(calls, shared, workers, progress)

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
        self._calibrate(np.concatenate(scores), y[rows], weights)
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
