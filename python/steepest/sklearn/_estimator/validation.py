"""The samples that a fit looks at, but does not learn from: given by the caller, or held out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.model_selection import train_test_split

from ..._checks import Array
from ...backends.data import Batch
from ...training.checkpoints import fingerprint
from .._common.arrays import rows_of
from .._common.data import rows_in, weights_count, weights_of
from .._fitting.job import FitJob, HeldOut


class ValidationMixin(ABC):
    """An estimator that tells the samples to learn from and those to look at apart."""

    early_stopping: bool
    validation_fraction: float
    _random_state: np.random.RandomState

    @abstractmethod
    def _validated(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        """X, and y as (n_samples, n_columns)."""

    @abstractmethod
    def _targets(self, y: Array, dtype: np.dtype[Any]) -> Array:
        """Validated y as the loss takes it."""

    @abstractmethod
    def _score_of(self, scores: Array, y: Array, sample_weight: Array | None) -> float:
        """The score of what the model says of samples, with y as validated."""

    @abstractmethod
    def _dtype(self) -> np.dtype[Any]:
        """What it computes in."""

    def _validated_held_out(self, X: Any, y: Any) -> tuple[Any, Array]:
        """The same of samples that are not learned from."""
        return self._validated(X, y, incremental=True, reset=False)

    def _split(self, job: FitJob) -> FitJob:
        """The job with the samples to learn from, and those that are given or held out to look at."""
        if job.validation_data is not None:
            return replace(job, held_out=self._held_out(*self._validation(job.validation_data)))
        if not self.early_stopping:
            return job
        # Multilabel targets are not stratified.
        stratify = job.y if is_classifier(self) and job.y.shape[1] == 1 else None
        weights = () if job.sample_weight is None else (job.sample_weight,)
        parts = train_test_split(
            job.X,
            job.y,
            *weights,
            random_state=self._random_state,
            test_size=float(self.validation_fraction),
            stratify=stratify,
        )
        kept, held = parts[::2], parts[1::2]
        if held[0].shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        if weights:
            weights_count(kept[2], "sample_weight after the validation set is held out")
            weights_count(held[2], "sample_weight of the validation set")
        X, y, *weight = kept
        return replace(
            job,
            X=X,
            y=y,
            sample_weight=weight[0] if weight else None,
            held_out=self._held_out(*held),
            all_of_y=None if job.asked is None else fingerprint(job.y),
        )

    def _held_out(self, X: Any, y: Array, sample_weight: Array | None = None) -> HeldOut:
        batch = Batch(rows_of(X), self._targets(y, X.dtype), sample_weight)
        return HeldOut(batch, lambda scores: self._score_of(scores, y, sample_weight))

    def _validation(self, data: Any) -> tuple[Any, Array, Array | None]:
        """The caller's validation data, checked as those of `fit` are."""
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        X, y, *weight = data
        X, y = self._validated_held_out(X, y)
        X = rows_in(X, self._dtype())
        if self.early_stopping and is_regressor(self) and len(y) < 2:
            raise ValueError(
                f"validation_data has {len(y)} sample, but early_stopping needs at least 2: R^2, the score "
                "of a regressor, is not defined for one"
            )
        return X, y, None if not weight or weight[0] is None else weights_of(weight[0], X)
