"""TabularClassifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_consistent_length

from ..._checks import Array
from ...model import Sequential
from ...tables.members import Classes
from .._common.classes import check_class_weight, weighted_by_class
from .._common.parameters import BELOW_1, Names, documented, parameter
from .._estimator.classification import ClassifierParameters
from .base import FITTED, TabularEstimator
from .calibration import MOST_CLASSES, by_class, temperature
from .folds import Rows
from .given import checked_targets
from .labels import as_given, classes_of
from .recipe import Recipe, of_classes, scale_outputs
from .scores import OF_CLASSES, Metric, own_metric

_CLASSES = """
classes_ : ndarray of shape (n_classes,)
    The class labels, of the types they were given in.
temperature_ : float
    What scores are divided by before softmax, fitted to the rows held out. With three or more classes, each
    class also has a factor and a shift for its score, which are a part of the networks, and may change which
    class is predicted.
"""


@documented(_CLASSES, FITTED)
@dataclass(eq=False, repr=False)
class TabularClassifier(ClassifierMixin, ClassifierParameters, TabularEstimator):
    """Classify rows of a table as it is: strong by default, without preparation.

    `TableEncoder` makes inputs of columns; each number has piecewise linear ramps beside it. Several networks
    learn from a different four fifths of the rows each, and are those of their best epoch on the rest;
    probabilities are their mean.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabularRegressor : The same for numbers.
    MLPClassifier : One network, as scikit-learn's.

    Notes
    -----
    After RealMLP of Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024, and the piecewise linear encoding of Gorishniy, Rubachev and
    Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from steepest.sklearn import TabularClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = TabularClassifier(max_steps=100, random_state=0).fit(X[:400], y[:400])
    >>> model.score(X[400:], y[400:]) > 0.9, model.validation_score_ < 0.2
    (True, True)
    """

    _: KW_ONLY
    label_smoothing: float = parameter(
        0.1,
        [BELOW_1],
        "How much of the target is spread over all classes in training; calibration makes up for it.",
    )
    metric: str | Callable[[Array, Array], float] = parameter(
        "log_loss",
        [Names(*OF_CLASSES), callable],
        "What the best epoch is chosen by, and validation_score_ tells; the log loss, which is to be small, "
        "finds epochs of the same accuracy, with better probabilities. A function is called with labels and "
        "probabilities (n_samples, n_classes), and is to be large unless it has greater_is_better = False.",
        '"log_loss", "accuracy" or callable',
    )

    # ---- what the fit asks ------------------------------------------------------------------------------

    def _validated(self, y: Any) -> Array:
        self.classes_, codes = classes_of(checked_targets(self, as_given(y)))
        if len(self.classes_) < 2:
            raise ValueError(f"y has 1 class, {str(self.classes_[0])!r:.80}, but at least 2 are needed")
        check_class_weight(self.class_weight, self.classes_, np.dtype(np.float32))
        self.temperature_ = 1.0
        return codes

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        dtype = np.dtype(np.float32)
        return weighted_by_class(self.class_weight, self.classes_, y, sample_weight, dtype)

    def _groups(self, y: Array) -> Rows:
        return y

    def _prepared(self, y: Array, weight: Array | None) -> tuple[Array, int]:
        return y, len(self.classes_)

    def _recipe(self) -> Recipe:
        return of_classes(float(self.label_smoothing))

    def _metric(self) -> Metric:
        if callable(self.metric):
            return own_metric(self.metric, lambda codes: self.classes_[codes])
        return OF_CLASSES[self.metric]

    def _meaning(self) -> Classes:
        labels: Any = self.classes_
        if labels.dtype.kind not in "mM":  # dates in nanoseconds would become integers
            labels = labels.tolist()
        return Classes(tuple(labels), self.temperature_)

    def _calibrate(
        self, networks: Sequence[Sequential], scores: list[Array], y: Array, weight: Array | None
    ) -> list[Array]:
        whole = np.concatenate(scores)
        self.temperature_ = temperature(whole, y, weight)
        if not 2 < len(self.classes_) <= MOST_CLASSES:  # of 11 tables of two it helped one, by less than 1 %
            return scores
        factors, shifts = by_class(whole / self.temperature_, y, weight)
        shifts = shifts * self.temperature_
        for network in networks:
            scale_outputs(network, factors, shifts)
        return [(factors * own + shifts).astype(own.dtype) for own in scores]

    # ---- what is asked of it ----------------------------------------------------------------------------

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class.

        Parameters
        ----------
        X : DataFrame, list of dicts, dict of columns, or array-like, of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError
            If a column is missing, or a cell is not of the kind of its column.
        """
        return self._mean(X)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of `predict_proba`.

        Parameters
        ----------
        X : DataFrame, list of dicts, dict of columns, or array-like, of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self._mean(X))

    def predict(self, X: Any) -> Array:
        """The most probable class of each row.

        Parameters
        ----------
        X : DataFrame, list of dicts, dict of columns, or array-like, of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        ValueError
            As `predict_proba`.
        """
        probabilities = self._mean(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows whose class is predicted, for labels of any type that `fit` takes.

        Parameters
        ----------
        X : DataFrame, list of dicts, dict of columns, or array-like, of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float

        Raises
        ------
        ValueError
            As `predict_proba`, or if y has another number of rows.
        """
        y = as_given(y)
        if (labels := np.asarray(y)).dtype.kind != "O" or labels.ndim != 1:
            return float(super().score(X, y, sample_weight))
        predicted = self.predict(X).astype(object)
        check_consistent_length(predicted, y, sample_weight)
        hits = labels == predicted
        return float(np.average(hits, weights=sample_weight))
