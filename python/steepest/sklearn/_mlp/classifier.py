"""MLPClassifier."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeVar

import numpy as np
from sklearn import neural_network
from sklearn.base import _fit_context
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from ..._checks import Array
from ...losses import BinaryCrossEntropy, Loss, MulticlassHinge, SoftmaxCrossEntropy
from .._common.classes import check_classes, refuse_balanced
from .._common.parameters import Names, documented, parameter
from .._estimator.classification import CLASSES, ClassificationMixin, codes
from .._fitting.job import FitJob
from .._fitting.record import RECORD
from .._fitting.shared import checked_once
from .base import NETWORK, MultilayerPerceptron

Self = TypeVar("Self", bound="MLPClassifier")


@documented(CLASSES, NETWORK, RECORD)
@dataclass(eq=False, repr=False)
class MLPClassifier(ClassificationMixin, MultilayerPerceptron):
    """Multilayer perceptron classifier: a faster drop-in replacement for scikit-learn's, with more options.

    Parameters, attributes, messages and random draws are those of `sklearn.neural_network.MLPClassifier`, so
    the same `random_state` gives the same weights up to rounding. Extensions are the parameters `loss`,
    `class_weight`, `dropout`, `batch_norm`, `penalty`, `l1_ratio`, `clip_value`, `clip_norm`,
    `learning_rate_schedule`, `callbacks`, `progress` and `n_threads`. The penalty is divided by the number of
    samples in the batch, or by their total weight.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MLPRegressor : The same for numeric targets.
    LinearClassifier : A model without hidden layers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from steepest.sklearn import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> MLPClassifier(random_state=0).fit(X[:1200], y[:1200]).score(X[1200:], y[1200:]) > 0.9
    True
    """

    # Its own parameters; the others are those of FitParameters, MLPParameters and ClassifierParameters.
    _: KW_ONLY
    loss: str = parameter(
        "log_loss",
        [Names("log_loss", "hinge", "squared_hinge")],
        "Cross-entropy, or Weston and Watkins' multiclass hinge, which gives no probabilities and takes no "
        "multilabel targets.",
    )

    _counterparts = (neural_network.MLPClassifier,)
    _probable_loss = "log_loss"

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self: Self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Go on for one epoch with these samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.

        Returns
        -------
        estimator
            This one.

        Raises
        ------
        ValueError
            As `fit`, and if y has a label that is not in `classes`, or class_weight is "balanced".
        RuntimeError
            As `fit`.
        """
        refuse_balanced(self.class_weight)
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
        return self._fit(FitJob(X, y, sample_weight, incremental=True))

    # ---- what the fit asks ------------------------------------------------------------------------------

    @classmethod
    def _class_attributes(cls, labels: Array) -> dict[str, Any]:
        return {"classes_": labels, "_label_binarizer": LabelBinarizer().fit(labels)}

    @classmethod
    def _multilabel_attributes(cls, number: int) -> dict[str, Any]:
        binarizer = LabelBinarizer().fit(np.eye(number, dtype=int))
        return {"classes_": binarizer.classes_, "_label_binarizer": binarizer}

    def _samples(self, X: Any, y: Any, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    @checked_once
    def _validated(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = self._samples(X, y, reset)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            check_classes(unique_labels(y), self.classes_, all_of_them=not incremental)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _validated_held_out(self, X: Any, y: Any) -> tuple[Any, Array]:
        X, y = self._samples(X, y, reset=False)
        check_classes(unique_labels(y), self.classes_, all_of_them=False)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _check_targets(self, y: Array, dtype: np.dtype[Any]) -> None:
        if self.class_weight is not None and self._multilabel:
            raise ValueError("class_weight is not defined for multilabel targets: use sample_weight")
        super()._check_targets(y, dtype)

    @property
    def _multilabel(self) -> bool:
        return str(self._label_binarizer.y_type_).startswith("multilabel")

    def _outputs(self, y: Array) -> int:
        if self.loss == "log_loss":
            return y.shape[1]
        if self._multilabel:
            raise ValueError(f"multilabel targets need the loss 'log_loss', but loss is {self.loss!r}")
        return len(self.classes_)  # two for two classes

    def _loss(self) -> Loss:
        if self.loss != "log_loss":
            return MulticlassHinge(squared=self.loss == "squared_hinge")
        multiclass = self._label_binarizer.y_type_ == "multiclass"
        return SoftmaxCrossEntropy() if multiclass else BinaryCrossEntropy()

    def _out_activation(self) -> str:
        loss = self._loss()
        if isinstance(loss, MulticlassHinge):
            return "identity"
        return "softmax" if isinstance(loss, SoftmaxCrossEntropy) else "logistic"

    def _targets(self, y: Array, dtype: np.dtype[Any]) -> Array:
        if self.out_activation_ == "logistic":
            return y.astype(dtype)
        return codes(y)

    def _score_of(self, scores: Array, y: Array, sample_weight: Array | None) -> float:
        labels = self._label_binarizer.inverse_transform(y)
        return float(accuracy_score(labels, self._classes_of(scores), sample_weight=sample_weight))

    # ---- what is asked of it ----------------------------------------------------------------------------

    def _decision(self, scores: Array) -> Array:
        if self.n_outputs_ == 1:
            return scores.ravel()
        if self.n_outputs_ == 2 and not self._multilabel:
            difference: Array = scores[:, 1] - scores[:, 0]
            return difference
        return scores

    def _classes_of(self, scores: Array) -> Array:
        if self.out_activation_ == "identity":
            chosen: Array = self.classes_[scores.argmax(axis=1)]
            return chosen
        predictions = self._activated(scores)
        labels: Array = self._label_binarizer.inverse_transform(
            predictions.ravel() if self.n_outputs_ == 1 else predictions
        )
        return labels

    def _probabilities(self, scores: Array) -> Array:
        probabilities = self._activated(scores)
        return np.hstack([1 - probabilities, probabilities]) if self.n_outputs_ == 1 else probabilities

    def _log_probabilities(self, scores: Array) -> Array:
        probabilities = self._probabilities(scores)
        return np.log(probabilities, out=probabilities)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.loss == "log_loss"
        return tags
