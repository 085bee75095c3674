"""What both classifiers are: class weights, and the methods that say classes and their probabilities."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from ..._checks import Array
from .._common.classes import check_class_weight, weighted_by_class
from .._common.parameters import parameter

CLASSES = """
classes_ : ndarray of shape (n_classes,)
    The class labels; for multilabel targets the numbers of the outputs.
"""


def _has_probabilities(estimator: Any) -> bool:
    if estimator.loss != estimator._probable_loss:
        raise AttributeError(f"probability estimates are not available for loss={estimator.loss!r}")
    return True


@dataclass(eq=False, repr=False)
class ClassifierParameters:
    """The parameters of classifiers alone."""

    _: KW_ONLY
    class_weight: Any = parameter(
        None,
        [StrOptions({"balanced"}), dict, None],
        "Weights of the classes, which multiply the sample weights: finite, not negative and not all 0. "
        'Classes that are not named have weight 1. "balanced" weights are inversely proportional to the '
        "class frequencies in y.",
        'dict or "balanced"',
    )


class ClassificationMixin(ClassifierMixin, ClassifierParameters):
    """A classifier; its other base is an `Estimator`."""

    classes_: Array
    _probable_loss: ClassVar[str]  # the only one that gives probabilities

    # ---- what the two differ in -------------------------------------------------------------------------

    @abstractmethod
    def _classes_of(self, scores: Array) -> Array:
        """The labels that scores choose."""

    @abstractmethod
    def _decision(self, scores: Array) -> Array:
        """Scores in the shape that scikit-learn shows."""

    @abstractmethod
    def _probabilities(self, scores: Array) -> Array:
        """Of each class."""

    @abstractmethod
    def _log_probabilities(self, scores: Array) -> Array:
        """Their logarithms."""

    # ---- what the fit asks ------------------------------------------------------------------------------

    def _check_targets(self, y: Array, dtype: np.dtype[Any]) -> None:
        check_class_weight(self.class_weight, self.classes_, dtype)
        super()._check_targets(y, dtype)

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        return weighted_by_class(self.class_weight, self.classes_, codes(y), sample_weight, self._dtype())

    # ---- what is asked of it ----------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """The class of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_labels) of multilabel targets

        Raises
        ------
        ValueError
            If a row of X, or what is computed of it, is too large for the dtype it is computed in.
        """
        return self._classes_of(self._scores(X))

    def decision_function(self, X: Any) -> Array:
        """The scores, before softmax or the logistic function.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            Of two classes the second's, against 0 for the first.

        Raises
        ------
        ValueError
            If a row of X, or what is computed of it, is too large for the dtype it is computed in.
        """
        return self._decision(self._scores(X))

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, for the cross-entropy losses.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Of multilabel targets, each label's.

        Raises
        ------
        ValueError
            If a row of X, or what is computed of it, is too large for the dtype it is computed in.
        """
        return self._probabilities(self._scores(X))

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of `predict_proba`; those of a linear model are exact where these are tiny, too.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError
            If a row of X, or what is computed of it, is too large for the dtype it is computed in.
        """
        return self._log_probabilities(self._scores(X))


def codes(y: Array) -> Array:
    """The number of each sample's class: that of the only column, or of the column that is true."""
    return (y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)).astype(np.int64)
