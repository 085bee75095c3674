"""What a model answers beyond scores: classes, probabilities, one number for how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import functional
from .._checks import Array
from ..backends.sparse import Samples
from ..compile.compiled import Compiled
from ..compile.output import check_output, ends_with_sigmoid
from ..losses import (
    BinaryCrossEntropy,
    CustomLoss,
    Loss,
    LossFunction,
    PoissonDeviance,
    SoftmaxCrossEntropy,
    as_loss,
)
from ..metrics import Metrics, accuracy, r2
from .validation import checked_metrics, measure, measured


class Answers(NamedTuple):
    """What an exported model gives beside its scores.

    Attributes
    ----------
    link : {"softmax", "sigmoid"} or None
        What makes probabilities of scores; None if there are none.
    classes : int
        How many there are: of one score, 2.
    threshold : float or None
        Class 1 is above it if there is one score; None if the class is that of the largest.
    """

    link: Literal["softmax", "sigmoid"] | None
    classes: int
    threshold: float | None


def exported(compiled: Compiled, loss: Loss | None) -> Answers | None:
    """By the loss of the fit; None if there was none, or if it was a regression."""
    if loss is None or getattr(loss, "regresses", False):
        return None
    link = _link(compiled, loss) if are_logits(compiled, loss) else None
    single = compiled.out_features == 1
    return Answers(link, max(compiled.out_features, 2), _threshold(compiled) if single else None)


def classes(compiled: Compiled, loss: Loss | None, scores: Array) -> Array:
    """The class of each row; see `Model.predict`."""
    if compiled.out_features > 1:
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)
    if getattr(loss, "regresses", False):
        raise ValueError(f"predict gives classes, but the model was fitted with {loss!r:.80}: use model(X)")
    return (scores[:, 0] > _threshold(compiled)).astype(np.int64)


def _threshold(compiled: Compiled) -> float:
    return 0.5 if ends_with_sigmoid(compiled.layers) else 0.0


def are_logits(compiled: Compiled, loss: Loss | None) -> bool:
    """Whether `probabilities` makes something of the scores."""
    return _is_cross_entropy(loss) and not ends_with_sigmoid(compiled.layers)


def _is_cross_entropy(loss: Loss | None) -> bool:
    """One that is not known is taken for it."""
    return loss is None or isinstance(loss, SoftmaxCrossEntropy | BinaryCrossEntropy)


def probabilities(compiled: Compiled, loss: Loss | None, scores: Array) -> Array:
    """Of each class; see `Model.predict_proba`."""
    if not _is_cross_entropy(loss):
        raise ValueError(
            f"the model was fitted with {loss!r:.80}, whose scores are no probabilities: fit it with "
            "loss='cross_entropy' or loss='bce', or use model(X)"
        )
    if ends_with_sigmoid(compiled.layers):
        raise ValueError("the model ends with Sigmoid(): model(X) is what predict_proba would compute")
    if _link(compiled, loss) == "softmax":
        return functional.softmax(scores)
    p = functional.sigmoid(scores)
    return np.concatenate([1 - p, p], axis=1) if compiled.out_features == 1 else p


def _link(compiled: Compiled, loss: Loss | None) -> Literal["softmax", "sigmoid"]:
    several = isinstance(loss, BinaryCrossEntropy) or compiled.out_features == 1
    return "sigmoid" if several else "softmax"


def evaluation(
    compiled: Compiled,
    loss: str | Loss | LossFunction | None,
    X: Samples,
    y: ArrayLike,
    metrics: Metrics | None,
    sample_weight: ArrayLike | None,
) -> Mapping[str, float]:
    """Loss and metrics; see `Model.evaluate`."""
    if loss is None:
        raise ValueError("the model has not been fitted, so give its loss, as in loss='cross_entropy'")
    loss = as_loss(loss)
    check_output(compiled.layers, loss)
    data = (X, y) if sample_weight is None else (X, y, sample_weight)
    on = measured(compiled, data, loss, "")
    value, values = measure(
        compiled, loss, on, checked_metrics(_usual(compiled, loss) if metrics is None else metrics)
    )
    return {"loss": value, **values}


def _usual(compiled: Compiled, loss: Loss) -> Metrics:
    """The metrics of `score`, where the scores are what they take."""
    if isinstance(loss, PoissonDeviance | CustomLoss) or ends_with_sigmoid(compiled.layers):
        return ()
    if getattr(loss, "regresses", False):
        return ("r2",)
    several = isinstance(loss, BinaryCrossEntropy) and compiled.out_features > 1
    return () if several else ("accuracy",)


def score(
    compiled: Compiled, loss: Loss | None, scores: Array, y: ArrayLike, sample_weight: ArrayLike | None
) -> float:
    """Accuracy or R^2; see `Model.score`."""
    if isinstance(loss, PoissonDeviance):
        raise ValueError("scores of PoissonDeviance are logarithms of means: use evaluate for the loss")
    if getattr(loss, "regresses", False):
        return r2(y, scores, sample_weight)
    if compiled.out_features == 1 and ends_with_sigmoid(compiled.layers):
        scores = scores - 0.5
    return accuracy(y, scores, sample_weight)
