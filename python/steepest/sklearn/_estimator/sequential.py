"""Check: what a `Sequential` must be to become an estimator, and its parts as estimators hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from ..._checks import Array
from ...layers import Activation, BatchNorm, Dropout, Layer, Linear, Standardize
from ...losses import REGRESSION_LOSSES, BinaryCrossEntropy, Huber, Loss, MulticlassHinge, SoftmaxCrossEntropy
from ...training.model import Model


@dataclass(frozen=True)
class Hidden:
    """What stands behind a hidden `Linear`, each with its number; None where there is no such layer."""

    norm: tuple[int, BatchNorm] | None
    activation: tuple[int, Activation] | None
    rate: float


@dataclass(frozen=True)
class Parts:
    """A model of `Linear` layers, with what is between them.

    weights, biases : (in, out) and (out,) each, copies; zeros where a layer has no bias.
    norms : scale, shift, running mean and running variance of each `BatchNorm`, (4, units).
    """

    name: str  # of the kind of estimator that it becomes
    layers: tuple[Layer, ...]
    weights: list[Array]
    biases: list[Array]
    norms: list[Array]
    hidden: list[Hidden]
    biased: bool

    def refused(self, number: int, rule: str) -> ValueError:
        """The error that names a layer."""
        layer = self.layers[number]
        before, behind = self.layers[number - 1 : number], self.layers[number + 1 : number + 2]
        beside = behind if isinstance(layer, Standardize) else before if isinstance(layer, BatchNorm) else ()
        folds = any(isinstance(other, Linear) for other in beside)
        remedy = ": model.folded() merges it into the Linear beside it" if folds else ""
        return ValueError(f"layer {number} is {layer!r:.80}, but {self.name} {rule}{remedy}")

    def with_outputs(self, weight: Array, bias: Array) -> Parts:
        """With another last layer."""
        return replace(self, weights=[*self.weights[:-1], weight], biases=[*self.biases[:-1], bias])


def parts_of(model: Model, name: str) -> Parts:
    """Read the layers of a model: each `Linear`, and what may stand behind it.

    Raises
    ------
    ValueError
        If another layer is between them, or the last one is no `Linear`.
    """
    layers, state = model.layers, model.state_dict()
    parts = Parts(name, layers, [], [], [], [], False)
    biased, place = False, 0

    def taken(kind: type[Any]) -> tuple[int, Any] | None:
        nonlocal place
        if place == len(layers) or not isinstance(layers[place], kind):
            return None
        place += 1
        return place - 1, layers[place - 1]

    while place < len(layers):
        if (found := taken(Linear)) is None:
            raise parts.refused(place, "has only Linear, BatchNorm, an activation and Dropout, in this order")
        number, linear = found
        parts.weights.append(state[f"{number}.weight"])
        parts.biases.append(state.get(f"{number}.bias", np.zeros(linear.out_features, model.dtype)))
        biased |= linear.bias
        if place == len(layers):
            return replace(parts, biased=biased)
        norm, activation, dropout = taken(BatchNorm), taken(Activation), taken(Dropout)
        parts.hidden.append(Hidden(norm, activation, dropout[1].p if dropout else 0.0))
        if norm is not None:
            names = ("weight", "bias", "running_mean", "running_var")
            parts.norms.append(np.stack([state[f"{norm[0]}.{each}"].ravel() for each in names]))
    raise parts.refused(len(layers) - 1, "ends with Linear")


def class_settings(loss: Loss | None, name: str, probable: str) -> dict[str, Any]:
    """The parameters of a classifier with the loss of a model; one that is not known is cross-entropy."""
    if loss is None or isinstance(loss, SoftmaxCrossEntropy | BinaryCrossEntropy):
        return {"loss": probable}
    if isinstance(loss, MulticlassHinge):
        return {"loss": loss.kernel, "margin": loss.margin}
    raise _other_loss(loss, name, "is for SoftmaxCrossEntropy, BinaryCrossEntropy and MulticlassHinge")


def number_settings(loss: Loss | None, name: str) -> dict[str, Any]:
    """The parameters of a regressor with the loss of a model; one that is not known is the squared error."""
    for own, kind in REGRESSION_LOSSES.items():
        if type(loss) is type(kind):
            return {"loss": own, **({"huber_delta": loss.delta} if isinstance(loss, Huber) else {})}
    if loss is None:
        return {"loss": "squared_error"}
    known = ", ".join(type(kind).__name__ for kind in REGRESSION_LOSSES.values())
    raise _other_loss(loss, name, f"is for {known}")


def with_sorted_classes(parts: Parts, classes: Any, one_score: bool) -> tuple[Parts, Array]:
    """Outputs in the order of sorted labels, as `classes_` has them; classes[k] is the label of output k.

    A single output is the score of the second class against 0 for the first. With `one_score` two classes
    get one, the difference.
    """
    weight, bias = parts.weights[-1], parts.biases[-1][np.newaxis]
    if weight.shape[1] == 1:
        weight, bias = (np.hstack([np.zeros_like(array), array]) for array in (weight, bias))
    labels = _labels(classes, weight.shape[1])
    order = np.argsort(labels, kind="stable")
    weight, bias = weight[:, order], bias[:, order]
    if one_score and len(order) == 2:
        weight, bias = (array[:, 1:] - array[:, :1] for array in (weight, bias))
    return parts.with_outputs(np.ascontiguousarray(weight), bias[0]), labels[order]


def set_features(estimator: Any, features: int, names: Sequence[str] | None) -> None:
    """`n_features_in_`, and `feature_names_in_` where there are names."""
    estimator.n_features_in_ = features
    if names is None:
        return
    given = list(names)
    if isinstance(names, str) or not all(isinstance(each, str) for each in given):
        raise TypeError(f"feature_names must be strings, one for each feature, not {names!r:.80}")
    if len(given) != features:
        raise ValueError(f"feature_names has {len(given)} names, but the model takes {features} features")
    estimator.feature_names_in_ = np.array(given, dtype=object)


def _labels(classes: Any, number: int) -> Array:
    """Different labels, one for each class; by default their numbers."""
    if classes is None:
        return np.arange(number)
    labels = np.asarray(classes)
    if labels.ndim != 1 or len(labels) != number:
        raise ValueError(f"classes has shape {labels.shape}, but the model has {number} classes")
    with np.errstate(invalid="ignore"):  # of a number beyond all integers, which it refuses
        check_classification_targets(np.repeat(labels, 2))  # it warns of more than 10 that each occur once
    if (different := len(np.unique(labels))) < number:
        raise ValueError(f"classes has {different} different labels, but the model has {number} classes")
    return labels


def _other_loss(loss: Loss, name: str, rule: str) -> ValueError:
    return ValueError(f"the model was fitted with {loss!r:.80}, but {name} {rule}")
