"""What both classifiers are: class weights, and the methods that say classes and their probabilities."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from ..._checks import Array
from ...losses import BinaryCrossEntropy, MulticlassHinge
from ...training.model import Model, checked_model
from .._common.classes import check_class_weight, weighted_by_class
from .._common.parameters import parameter
from .sequential import class_settings, parts_of, set_features, with_sorted_classes

Self = TypeVar("Self", bound="ClassificationMixin")

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
    _one_score: ClassVar[bool] = False  # for two classes, whatever the loss

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

    @classmethod
    def _class_attributes(cls, labels: Array) -> dict[str, Any]:
        """What a fit keeps of sorted labels."""
        return {"classes_": labels}

    @classmethod
    def _multilabel_attributes(cls, number: int) -> dict[str, Any]:
        """The same of so many outputs that are independent of each other."""
        raise ValueError(
            f"the model has {number} outputs of BinaryCrossEntropy, each a label of its own, but "
            f"{cls.__name__} predicts one of them"
        )

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

    # ---- of a network -----------------------------------------------------------------------------------

    @classmethod
    def from_sequential(
        cls: type[Self], model: Model, *, classes: Any = None, feature_names: Sequence[str] | None = None
    ) -> Self:
        """A fitted estimator that predicts as a `steepest.Sequential` does.

        It has copies of the arrays in their dtype, the layers as parameters, and the loss. What only says
        how to learn, such as label smoothing, is left out; `partial_fit` begins with a new optimizer.

        Parameters
        ----------
        model : Sequential
            `Linear` layers, for a linear model one; behind each but the last `BatchNorm`, an activation and
            `Dropout`, in this order, as far as there are any, and `BatchNorm` behind all of them or none. A
            model without a loss is taken for one of cross-entropy. Two outputs become their difference where
            the estimator has one score for two classes.
        classes : array-like of shape (n_classes,), default=None
            The label of each output, or of 0 and 1 for a model of one output; by default their numbers.
            `classes_` has them sorted, and the outputs with them. None for multilabel targets: several
            outputs that were fitted with `BinaryCrossEntropy`.
        feature_names : sequence of str, default=None
            Becomes `feature_names_in_`.

        Returns
        -------
        estimator

        Raises
        ------
        ValueError
            If a layer or the loss is none that the estimator can have, or the number of classes or names is
            another than the model's.
        TypeError
            If `model` is no `Sequential`, or a name no string.

        Examples
        --------
        >>> import numpy as np
        >>> import steepest as st
        >>> from steepest.sklearn import MLPClassifier
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> history = model.fit(X, y, optimizer="adam", epochs=5, progress=False)
        >>> names = np.array(["upper", "lower"])
        >>> estimator = MLPClassifier.from_sequential(model, classes=names)
        >>> bool((estimator.predict(X) == names[model.predict(X)]).all())
        True
        """
        parts, loss = parts_of(checked_model(model), cls.__name__), model.loss
        settings = class_settings(loss, cls.__name__, cls._probable_loss)
        if isinstance(loss, BinaryCrossEntropy) and model.out_features > 1:
            if classes is not None:
                raise ValueError(
                    "classes must be None for multilabel targets, whose classes are numbers of outputs"
                )
            fitted = cls._multilabel_attributes(model.out_features)
        else:
            one_score = cls._one_score or not isinstance(loss, MulticlassHinge)
            parts, labels = with_sorted_classes(parts, classes, one_score)
            fitted = cls._class_attributes(labels)
        made: Self = cls._from_parts(parts, settings, fitted)
        set_features(made, model.in_features, feature_names)
        return made


def codes(y: Array) -> Array:
    """The number of each sample's class: that of the only column, or of the column that is true."""
    return (y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)).astype(np.int64)
