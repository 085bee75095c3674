"""What all estimators are: one template of `fit` and `partial_fit`, which each family fills in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from operator import is_
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from sklearn import get_config
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..._checks import Array
from ...backends.data import Batch
from ...backends.sparse import SparseRows
from ...losses import Loss
from ...model import Sequential
from ...training.checkpoints import USUAL, asked
from .._common.arrays import rows_of
from .._common.classes import WEIGHTED
from .._common.data import own_places, rows_in, weights_count, weights_of
from .._fitting.alone import alone
from .._fitting.callbacks import CallbackSupportMixin
from .._fitting.checkpoints import PARTS, or_as_before, random_state
from .._fitting.job import FitJob, Problem
from .._fitting.loop import learn
from .._fitting.record import NOT_FINITE, begin
from .._fitting.shared import computing
from .._fitting.solver import Solver
from .parameters import FitParameters
from .saving import save
from .sequential import Parts
from .validation import ValidationMixin

Self = TypeVar("Self", bound="Estimator")


class Estimator(CallbackSupportMixin, ValidationMixin, FitParameters):
    """A network or a linear model that is fitted by mini-batches."""

    _zero_weights = False  # whether `partial_fit` takes samples none of which counts
    _optimizer: Solver | None = None  # kept between calls of `partial_fit`
    _parameters: Sequence[Any] = ()  # those of the last of these calls

    # ---- what a family says -----------------------------------------------------------------------------

    @abstractmethod
    def _fitted(self) -> bool:
        """Whether there are parameters to go on from."""

    @abstractmethod
    def _initialize(self, y: Array, features: int, dtype: np.dtype[Any]) -> None:
        """Set parameters to begin with, for validated y."""

    @abstractmethod
    def _arrays(self) -> list[Array]:
        """All that learning changes."""

    @abstractmethod
    def _loss(self) -> Loss:
        """The loss of the scores."""

    @abstractmethod
    def _problem(self, job: FitJob, batch: Batch) -> Problem:
        """What the loop minimizes, and by which solver, which is `_optimizer` from then on."""

    @abstractmethod
    def _scores(self, X: Any) -> Array:
        """What the model says of the rows of X, (n_samples, n_outputs)."""

    @abstractmethod
    def _to_sklearn(self) -> Any:
        """Its counterpart in scikit-learn."""

    @abstractmethod
    def _to_sequential(self) -> Sequential:
        """The layers with copies of its arrays, and the loss."""

    @classmethod
    @abstractmethod
    def _from_parts(cls: type[Self], parts: Parts, settings: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """A fitted one of such layers, with these parameters and attributes."""

    def _check_solver(self) -> bool:
        """True where the solver learns by batches; else an AttributeError, which hides partial_fit."""
        return True

    def _check_settings(self, job: FitJob) -> None:
        """Refuse parameters that do not fit each other."""
        if self.early_stopping and job.incremental:
            raise ValueError("partial_fit does not support early_stopping=True")

    def _check_targets(self, y: Array, dtype: np.dtype[Any]) -> None:
        """Refuse what the loss cannot take, and class weights that cannot be counted with in `dtype`."""

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        """The weights of samples, with those of their classes."""
        return sample_weight

    def _rows_to_learn(self, X: Any) -> Array | SparseRows:
        """Checked X as the loop goes through it."""
        return rows_of(X)

    # ---- a fit ------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self: Self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: tuple[Any, ...] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int | str = USUAL,
        resume: bool | str | PathLike[str] = False,
    ) -> Self:
        """Fit to samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is computed in float32, all else in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Of a classifier, labels of any kind, or for `MLPClassifier` also (n_samples, n_labels) of 0 and 1.
            Of a regressor, numbers of any kind, which are taken as float64.
        sample_weight : array-like of shape (n_samples,), default=None
            What each sample counts for; finite, not negative and not all 0.
        validation_data : (X, y) or (X, y, sample_weight), default=None
            Samples whose loss, and with early_stopping whose score, is computed after each epoch; for
            R^2, the score of a regressor, at least 2.
        checkpoint : path, default=None
            A file that is written between epochs, and when the fit ends, with all that is needed to go on
            from it; also when Ctrl-C, `TerminateOnTime`, or an error of a callback ends the fit. For solvers
            by mini-batches. It is replaced in one step; the one before stays beside it as
            ``<path>.previous``, and the last one of an earlier run as ``<path>.earlier``.
        checkpoint_every : int or str, default="60 seconds"
            How often: a number of epochs, or a text such as "500 steps", "60 seconds" or "2 epochs".
        resume : bool or path, default=False
            Go on from a checkpoint, with True from `checkpoint` if that file exists: to the bits of a fit
            that nothing has interrupted. Data and parameters must be those of the checkpoint's fit, but for
            `max_iter`, `n_threads`, `progress`, `verbose`, `warm_start`, and functions given as callbacks.

        Returns
        -------
        estimator
            This one.

        Raises
        ------
        ValueError
            For parameters and samples that cannot be used, or that are not those of the checkpoint, and if
            the parameters do not stay finite.
        ModelFileError
            If the file to go on from is damaged, or no checkpoint, and there is none before it.
        OSError
            If a checkpoint cannot be read or written; the last one that was written is whole.
        RuntimeError
            In a callback of its own fit, and while another thread fits it.
        """
        wanted = asked(checkpoint, checkpoint_every, resume, PARTS)
        job = FitJob(X, y, sample_weight, validation_data)
        if wanted.nothing:
            return self._fit(job)
        with or_as_before(self, self._learned):
            return self._fit(replace(job, asked=wanted))

    def _learned(self, before: Mapping[str, Any]) -> bool:
        """Whether there was an epoch, since these were the attributes."""
        curve = vars(self).get("loss_curve_")
        return bool(curve) and curve is not before.get("loss_curve_")

    @alone
    def _fit(self: Self, job: FitJob) -> Self:
        """Check, begin if it is fresh, learn."""
        if job.incremental:
            self._check_again()
        self._check_numbers()
        self._check_settings(job)
        job = self._checked(replace(job, fresh=not (self._fitted() and (self.warm_start or job.incremental))))
        if job.asked is None:
            self._random_state = check_random_state(self.random_state)
        elif job.fresh:
            self._random_state, draws = random_state(self.random_state, job.asked)
            job = replace(job, draws=draws)
        else:
            raise ValueError(
                "a checkpoint is of a whole fit, but warm_start=True goes on from the fit before"
            )
        if job.fresh:
            begin(self)
            self._initialize(job.y, job.X.shape[1], job.X.dtype)
        with computing(self.n_threads):
            self._learn(job)
        if not self._finite(job):
            raise ValueError(NOT_FINITE)
        return self

    def _check_again(self) -> None:
        """Validate parameters that were set since the call before, as scikit-learn does only in the first."""
        if get_config()["skip_parameter_validation"]:  # by a user: no partial_fit prefers to skip it
            return
        now = [getattr(self, one.name) for one in fields(self)]
        if not (self._parameters and all(map(is_, now, self._parameters))):
            self._validate_params()
            self._parameters = now

    def _finite(self, job: FitJob) -> bool:
        """Whether all is that learning has changed."""
        return all(bool(np.isfinite(array).all()) for array in self._arrays())

    def _checked(self, job: FitJob) -> FitJob:
        """The job with validated samples, in the precision that is computed in."""
        X, y = self._validated(job.X, job.y, incremental=job.incremental, reset=job.fresh)
        X = own_places(X)
        if not job.fresh:  # parameters stay in their precision
            X = rows_in(X, self._dtype())
        self._check_targets(y, X.dtype)
        or_zero = self._zero_weights and job.incremental
        weight = None if job.sample_weight is None else weights_of(job.sample_weight, X, or_zero=or_zero)
        return replace(job, X=X, y=y, sample_weight=weight, given=(job.X, job.y, job.sample_weight))

    def _learn(self, job: FitJob) -> None:
        """From checked samples, with parameters to begin with."""
        job = self._split(job)
        learn(self, self._problem(job, self._training_batch(job)))

    def _training_batch(self, job: FitJob) -> Batch:
        """All that a fit learns from; in `partial_fit` it may be nothing."""
        weight = self._weights(job.y, job.sample_weight)
        weights_count(weight, WEIGHTED, or_zero=job.incremental)
        return Batch(self._rows_to_learn(job.X), self._targets(job.y, job.X.dtype), weight)

    def _kept_solver(self, job: FitJob) -> Solver | None:
        """That of the call before, for `partial_fit`."""
        return self._optimizer if job.incremental else None

    # ---- for others -------------------------------------------------------------------------------------

    def to_sklearn(self) -> Any:
        """A fitted estimator of scikit-learn that predicts the same; see `steepest.sklearn.to_sklearn`."""
        check_is_fitted(self)
        self._validate_params()  # which were perhaps set since the fit
        return self._to_sklearn()

    def to_sequential(self) -> Sequential:
        """The fitted model as a `steepest.Sequential`, which needs no scikit-learn.

        It has copies of the arrays in their dtype, batch normalization and dropout as layers, and the loss.
        It knows no labels and no names of features: with `model` for what is returned, the labels are
        ``classes_[model.predict(X)]``.

        Returns
        -------
        Sequential
            ``model(X)`` are the scores: what a regressor predicts, for "poisson" its logarithm, and what
            `decision_function` says. Two classes have one score and `BinaryCrossEntropy`; with the hinge
            losses two, whose difference is that of `decision_function`. `predict_proba` is that of the
            estimator, for multilabel targets too, whose labels are ``model(X) > 0``.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If a parameter is invalid, or one that says how to predict, such as the loss, was changed since
            the fit.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from steepest.sklearn import LinearClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> estimator = LinearClassifier().fit(X, y)
        >>> model = estimator.to_sequential()
        >>> model, bool((estimator.classes_[model.predict(X)] == estimator.predict(X)).all())
        (Sequential(Linear(4, 3), dtype=float64, seed=0), True)
        """
        check_is_fitted(self)
        self._validate_params()
        return self._to_sequential()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted estimator to one safetensors file, which `steepest.load` reads.

        What it reads answers as this one does, and has its labels, names of features and parameters. What was
        recorded of the fit, such as `loss_curve_`, is not written, nor where `partial_fit` was: a pickle has
        them, which runs what its writer wants when it is read.

        Parameters
        ----------
        path : path
            It is replaced in one step after everything is written.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        OSError
            If the file cannot be written.
        ValueError
            If a label is not a number, text or date, the class is one of your own, or parameters are
            invalid or do not fit what was learned, since they were changed after the fit.

        Warns
        -----
        UserWarning
            If a parameter is left out, since it is no number, text or schedule, nor a list or dict of them: a
            callback.

        Examples
        --------
        >>> import tempfile
        >>> import steepest as st
        >>> from sklearn.datasets import load_iris
        >>> from steepest.sklearn import LinearClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> estimator = LinearClassifier().fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     estimator.save(f"{folder}/iris.safetensors")
        ...     same = st.load(f"{folder}/iris.safetensors")
        >>> same, bool((same.predict_proba(X) == estimator.predict_proba(X)).all())
        (LinearClassifier(), True)
        """
        check_is_fitted(self)
        save(self, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
