"""MLPClassifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn import neural_network
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from ..._checks import Array
from ...losses import BinaryCrossEntropy, Loss, MulticlassHinge, SoftmaxCrossEntropy
from .._common.classes import check_class_weight, check_classes, refuse_balanced, weighted_by_class
from .._common.documented import PERCEPTRONS, documented
from .._fitting.together import checked_once
from .base import MultilayerPerceptron


def _has_probabilities(estimator: Any) -> bool:
    if estimator.loss != "log_loss":
        raise AttributeError(f"probability estimates are not available for loss={estimator.loss!r}")
    return True


@documented(PERCEPTRONS)
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """Multilayer perceptron classifier: a faster drop-in replacement for scikit-learn's, with more options.

    Parameters, attributes, messages and random draws are those of `sklearn.neural_network.MLPClassifier`, so
    the same `random_state` gives the same weights up to rounding. The parameters from `loss` on are
    extensions.

    Parameters
    ----------
    {hidden_layer_sizes}
    {activation}
    {solver}
    {alpha}
    {batch_size}
    {learning_rate}
    {learning_rate_init}
    {power_t}
    {max_iter}
    {shuffle}
    {random_state}
    {tol}
    {verbose}
    {warm_start}
    {momentum}
    {nesterovs_momentum}
    {early_stopping}
    {validation_fraction}
    {beta_1}
    {beta_2}
    {epsilon}
    {n_iter_no_change}
    {max_fun}
    loss : {"log_loss", "hinge", "squared_hinge"}, default="log_loss"
        Cross-entropy, or Weston and Watkins' multiclass hinge, which gives no probabilities and takes no
        multilabel targets.
    class_weight : dict or "balanced", default=None
        Weights of the classes, which multiply the sample weights: finite, not negative and not all 0. Classes
        that are not named have weight 1. "balanced" weights are inversely proportional to the class
        frequencies in y.
    {dropout}
    {batch_norm}
    {penalty}
    {l1_ratio}
    {clip_value}
    {clip_norm}
    {learning_rate_schedule}
    {callbacks}
    {progress}
    {n_threads}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; for multilabel targets the numbers of the outputs.
    coefs_ : list of ndarray, (n_in, n_out) each
        The weights of each layer.
    intercepts_ : list of ndarray, (n_out,) each
        The biases of each layer.
    batch_norms_ : list of ndarray, (4, n_units) each
        With batch_norm: scale, shift, running mean and running variance of each hidden layer.
    loss_ : float
        The last value of loss_curve_, or the minimum found by "lbfgs".
    loss_curve_ : list of float
        The objective of each epoch, averaged over its batches before their updates. Not set by "lbfgs".
    best_loss_ : float or None
        The smallest value of loss_curve_; None with early_stopping.
    validation_scores_ : list of float or None
        Accuracy on the held-out samples after each epoch, with early_stopping.
    best_validation_score_ : float or None
        The best of them.
    validation_loss_curve_ : list of float
        The loss on the held-out samples, if there are any, after each epoch, without penalty and class
        weights.
    n_iter_ : int
        Number of epochs, or iterations, of the last fit.
    t_ : int
        Number of samples seen in training.
    n_layers_ : int
        Number of layers, counting the input.
    n_outputs_ : int
        Number of output units.
    out_activation_ : str
        Name of the activation of the output layer.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

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

    classes_: Array

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MultilayerPerceptron._parameter_constraints,
        "loss": [StrOptions({"log_loss", "hinge", "squared_hinge"})],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        loss: str = "log_loss",
        class_weight: Any = None,
        dropout: float | Sequence[float] = 0.0,
        batch_norm: bool = False,
        penalty: str | None = "l2",
        l1_ratio: float = 0.15,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        learning_rate_schedule: Callable[[int], float] | None = None,
        callbacks: Sequence[Callable[[Any], bool | None]] | None = None,
        progress: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.class_weight = class_weight
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.learning_rate_schedule = learning_rate_schedule
        self.callbacks = callbacks
        self.progress = progress
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: tuple[Any, ...] | None = None
    ) -> MLPClassifier:
        """Fit to samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is computed in float32, all else in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels of any kind, or (n_samples, n_labels) of 0 and 1.
        sample_weight : array-like of shape (n_samples,), default=None
            What each sample counts for; finite, not negative and not all 0.
        validation_data : (X, y) or (X, y, sample_weight), default=None
            Samples whose loss, and with early_stopping whose score, is computed after each epoch.

        Returns
        -------
        MLPClassifier
            This one.

        Raises
        ------
        ValueError
            For parameters and samples that cannot be used, and if the parameters do not stay finite.
        """
        self._fit(X, y, sample_weight, validation_data=validation_data)
        return self

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
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
        MLPClassifier
            This one.
        """
        refuse_balanced(self.class_weight)
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> Array:
        """The class of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)

        Raises
        ------
        ValueError
            If a row of X, or what is computed of it, is too large for the dtype that was learned in.
        """
        return self._classes_of(self._scores(X))

    def decision_function(self, X: Any) -> Array:
        """The scores before softmax or the logistic function.

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
            If a row of X, or what is computed of it, is too large for the dtype that was learned in.
        """
        return self._decision(self._scores(X))

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, for the loss "log_loss".

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
            If a row of X, or what is computed of it, is too large for the dtype that was learned in.
        """
        probabilities = self._activated(self._scores(X))
        return np.hstack([1 - probabilities, probabilities]) if self.n_outputs_ == 1 else probabilities

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError
            If a row of X, or what is computed of it, is too large for the dtype that was learned in.
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    # ---- what the fit asks ------------------------------------------------------------------------------

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Array]:
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
        X, y = self._checked(X, y, reset)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            check_classes(unique_labels(y), self.classes_, all_of_them=not incremental)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _validated_held_out(self, X: Any, y: Any) -> tuple[Any, Array]:
        X, y = self._checked(X, y, reset=False)
        check_classes(unique_labels(y), self.classes_, all_of_them=False)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _check_class_weight(self, dtype: np.dtype[Any]) -> None:
        if self.class_weight is not None and self._multilabel:
            raise ValueError("class_weight is not defined for multilabel targets: use sample_weight")
        check_class_weight(self.class_weight, self.classes_, dtype)

    @property
    def _multilabel(self) -> bool:
        return str(self._label_binarizer.y_type_).startswith("multilabel")

    def _counterpart(self) -> Any:
        return neural_network.MLPClassifier

    def _outputs(self, y: Array) -> int:
        if self.loss == "log_loss":
            return y.shape[1]
        if self._multilabel:
            raise ValueError(f"multilabel targets need the loss 'log_loss', but loss is {self.loss!r}")
        return len(self.classes_)  # two for two classes

    def _objective(self) -> tuple[Loss, float]:
        if self.loss != "log_loss":
            return MulticlassHinge(squared=self.loss == "squared_hinge"), 1.0
        multiclass = self._label_binarizer.y_type_ == "multiclass"
        return SoftmaxCrossEntropy() if multiclass else BinaryCrossEntropy(), 1.0

    def _out_activation(self) -> str:
        loss, _ = self._objective()
        if isinstance(loss, MulticlassHinge):
            return "identity"
        return "softmax" if isinstance(loss, SoftmaxCrossEntropy) else "logistic"

    def _targets(self, y: Array, dtype: np.dtype[Any]) -> Array:
        if self.out_activation_ == "logistic":
            return y.astype(dtype)
        return _codes(y)

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        return weighted_by_class(self.class_weight, self.classes_, _codes(y), sample_weight, self._dtype())

    def _score_of(self, scores: Array, y: Array, sample_weight: Array | None) -> float:
        labels = self._label_binarizer.inverse_transform(y)
        return float(accuracy_score(labels, self._classes_of(scores), sample_weight=sample_weight))

    def _decision(self, scores: Array) -> Array:
        if self.n_outputs_ == 1:
            return scores.ravel()
        if self.n_outputs_ == 2 and not self._multilabel:
            difference: Array = scores[:, 1] - scores[:, 0]
            return difference
        return scores

    def _classes_of(self, scores: Array) -> Array:
        """The labels that a network's scores choose."""
        if self.out_activation_ == "identity":
            chosen: Array = self.classes_[scores.argmax(axis=1)]
            return chosen
        predictions = self._activated(scores)
        labels: Array = self._label_binarizer.inverse_transform(
            predictions.ravel() if self.n_outputs_ == 1 else predictions
        )
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.loss == "log_loss"
        return tags


def _codes(y: Array) -> Array:
    """The number of each sample's class: that of the only column, or of the column that is true."""
    return (y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)).astype(np.int64)
