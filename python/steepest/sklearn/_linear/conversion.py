"""Linear models of scikit-learn made steepest's, and back: weights and the loss."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse
from sklearn import linear_model, svm
from sklearn.base import is_classifier

from ..._checks import Array
from ...backends.data import Parameters
from ...layers import Linear
from ...losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy
from ...model import Sequential, restored
from .._estimator.sequential import Parts
from .._fitting.record import begin

# The loss of ours that predicts by the same formula, for each of theirs; None where they have no choice.
CLASSIFIERS: dict[type, dict[str | None, str]] = {
    linear_model.LogisticRegression: {None: "softmax"},
    linear_model.SGDClassifier: {"log_loss": "softmax", "hinge": "hinge", "squared_hinge": "squared_hinge"},
    linear_model.RidgeClassifier: {None: "squared_hinge"},
    svm.LinearSVC: {"hinge": "hinge", "squared_hinge": "squared_hinge"},
}
REGRESSORS: dict[type, dict[str | None, str]] = {
    linear_model.LinearRegression: {None: "squared_error"},
    linear_model.Ridge: {None: "squared_error"},
    linear_model.ElasticNet: {None: "squared_error"},
    linear_model.HuberRegressor: {None: "huber"},
    linear_model.PoissonRegressor: {None: "poisson"},
    linear_model.SGDRegressor: {"squared_error": "squared_error", "huber": "huber"},
}
_SHARED = ("fit_intercept", "class_weight", "random_state", "warm_start", "verbose")  # mean the same
_FITTED = ("classes_", "n_features_in_", "feature_names_in_")

Self = TypeVar("Self", bound="ConversionMixin")


class ConversionMixin:
    """A linear model that has counterparts in scikit-learn: by type, the losses by their names for them."""

    _counterparts: ClassVar[dict[type, dict[str | None, str]]]
    loss: str
    fit_intercept: bool
    coef_: Any
    intercept_: Any
    n_iter_: int

    @abstractmethod
    def _layer(self) -> Parameters:
        """What learns by mini-batches, with two columns for two classes."""

    @abstractmethod
    def _scores_layer(self, dtype: DTypeLike = np.float64) -> Parameters:
        """What gives the scores."""

    @abstractmethod
    def _loss(self) -> Loss:
        """The loss of the scores."""

    def _to_sequential(self) -> Sequential:
        if not self.fit_intercept and np.any(self.intercept_):
            raise ValueError("fit_intercept is False, but the model was fitted with intercepts: fit it again")
        loss, dtype = self._loss(), np.result_type(self.coef_.dtype, np.float32)
        layer = self._scores_layer(dtype)
        if loss.takes_labels and layer.weight.shape[1] == 1:
            if isinstance(loss, SoftmaxCrossEntropy):
                loss = BinaryCrossEntropy()
            else:
                layer = self._layer()
        arrays = {"0.weight": layer.weight} | ({} if layer.bias is None else {"0.bias": layer.bias})
        features, columns = layer.weight.shape
        made = restored([Linear(features, columns, bias=layer.bias is not None)], arrays, dtype)
        made.loss = loss
        return made

    @classmethod
    def _from_parts(cls: type[Self], parts: Parts, settings: dict[str, Any], fitted: dict[str, Any]) -> Self:
        if parts.hidden:
            raise parts.refused(1, "has one Linear and no other layer")
        made: Any = cls(fit_intercept=parts.biased, **settings)  # type: ignore[call-arg]
        vars(made).update(fitted)
        begin(made)  # so that partial_fit can go on
        flat = parts.weights[0].shape[1] == 1 and not is_classifier(made)
        made.coef_ = parts.weights[0][:, 0] if flat else parts.weights[0].T
        made.intercept_ = parts.biases[0][0] if flat else parts.biases[0]
        return made

    @classmethod
    def _from_sklearn(cls, estimator: Any) -> Any:
        losses = next(losses for kind, losses in cls._counterparts.items() if isinstance(estimator, kind))
        loss = None if None in losses else estimator.loss
        if loss not in losses:
            name = type(estimator).__name__
            raise ValueError(f"{name} with loss={loss!r} has no counterpart among the losses of steepest")
        if is_classifier(estimator):
            _check_classifier(estimator, losses[loss])
        made: Any = cls(losses[loss])  # type: ignore[call-arg]
        _copy(estimator, made)
        coef = _dense(estimator.coef_)
        begin(made)  # so that partial_fit can go on
        made.coef_ = np.array(np.atleast_2d(coef) if is_classifier(estimator) else coef)
        made.intercept_ = _intercept(estimator.intercept_, made.coef_)
        return made

    def _to_sklearn(self) -> Any:
        coef = np.array(_dense(self.coef_))
        made = self._counterpart(len(np.atleast_2d(coef)))
        _copy(self, made)
        made.coef_, made.intercept_ = coef, copy.copy(self.intercept_)
        made.n_iter_ = np.array([self.n_iter_]) if self.loss == "softmax" else self.n_iter_
        return made

    def _counterpart(self, targets: int) -> Any:
        """LogisticRegression, LinearSVC, LinearRegression or PoissonRegressor, by the loss."""
        if self.loss == "softmax":
            return linear_model.LogisticRegression()
        if is_classifier(self):
            return svm.LinearSVC(loss=self.loss, multi_class="crammer_singer")
        if self.loss != "poisson":
            return linear_model.LinearRegression()
        if np.ndim(self.coef_) == 2:
            raise ValueError(f"loss='poisson' with {targets} targets has no counterpart in scikit-learn")
        made = linear_model.PoissonRegressor()
        made._base_loss = made._get_loss()
        return made


def _dense(coef: Any) -> Array:
    return coef.toarray() if sparse.issparse(coef) else coef


def _check_classifier(estimator: Any, loss: str) -> None:
    """Refuse probabilities that are not a softmax, and several labels per sample."""
    name = type(estimator).__name__
    one_against_rest = isinstance(estimator, linear_model.SGDClassifier) or "ovr" in (
        getattr(estimator, "multi_class", None),
        {"liblinear": "ovr"}.get(getattr(estimator, "solver", "")),
    )
    if loss == "softmax" and one_against_rest and len(estimator.classes_) > 2:
        raise ValueError(
            f"{name} gives probabilities of each of its {len(estimator.classes_)} classes against the rest, "
            "but those of LinearClassifier are a softmax"
        )
    kind = getattr(getattr(estimator, "_label_binarizer", None), "y_type_", "")
    if kind.startswith("multilabel"):
        raise ValueError(f"{name} was fitted to several labels per sample, but LinearClassifier predicts one")


def _copy(source: Any, made: Any) -> None:
    """Parameters and attributes of the same meaning."""
    given, taken = (one.get_params(deep=False) for one in (source, made))
    made.set_params(**{key: copy.deepcopy(given[key]) for key in _SHARED if key in given and key in taken})
    for name in _FITTED:
        if hasattr(source, name):
            setattr(made, name, copy.deepcopy(getattr(source, name)))


def _intercept(intercept: Any, coef: Array) -> Any:
    """One a row of `coef`, a number where that has one dimension."""
    if coef.ndim == 1:
        return np.ravel(intercept)[0]
    return np.array(np.broadcast_to(np.asarray(intercept, coef.dtype), len(coef)))
