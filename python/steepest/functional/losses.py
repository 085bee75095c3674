"""`steepest.functional`'s losses: value and gradient by the scores."""

from __future__ import annotations

from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from .._description import check_dtype
from ..backends import active
from ..compile.targets import targets_and_weight
from ..losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    ClassWeight,
    Huber,
    LogCosh,
    Loss,
    MulticlassHinge,
    PoissonDeviance,
    Reduction,
    SoftmaxCrossEntropy,
    SquaredError,
)
from ._arguments import check_matrix, floats

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "huber",
    "log_cosh",
    "multiclass_hinge",
    "poisson_deviance",
    "softmax_cross_entropy",
    "squared_error",
]


def softmax_cross_entropy(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    class_weight: ClassWeight | None = None,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean softmax cross-entropy and its gradient; see `steepest.SoftmaxCrossEntropy`.

    Parameters
    ----------
    scores : array_like, (samples, classes)
    labels : array_like of int, (samples,)
        In 0..classes-1.
    label_smoothing, class_weight
        As in `SoftmaxCrossEntropy`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, classes)
        In float32 if `scores` are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold numbers of its kind.
    ValueError
        If shapes do not fit together, there are no samples, a label is not in 0..classes-1, or a setting or a
        weight is outside its range.

    Examples
    --------
    >>> import steepest as st
    >>> loss, grad = st.functional.softmax_cross_entropy([[0.0, 0.0]], [1])
    >>> round(loss, 4), grad.tolist()
    (0.6931, [[0.5, -0.5]])
    """
    loss = SoftmaxCrossEntropy(label_smoothing, class_weight)
    return _value_and_gradient(loss, scores, labels, sample_weight, "scores")


def multiclass_hinge(
    scores: ArrayLike,
    labels: ArrayLike,
    margin: float = 1.0,
    squared: bool = False,
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean multiclass hinge loss and its gradient; see `steepest.MulticlassHinge`.

    Parameters
    ----------
    scores : array_like, (samples, classes)
    labels : array_like of int, (samples,)
        In 0..classes-1.
    margin, squared
        As in `MulticlassHinge`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, classes)
        In float32 if `scores` are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold numbers of its kind.
    ValueError
        If shapes do not fit together, there are no samples, a label is not in 0..classes-1, or a setting or a
        weight is outside its range.

    Examples
    --------
    >>> import steepest as st
    >>> loss, grad = st.functional.multiclass_hinge([[1.0, 0.0]], [1])
    >>> loss, grad.tolist()
    (2.0, [[1.0, -1.0]])
    """
    return _value_and_gradient(MulticlassHinge(margin, squared), scores, labels, sample_weight, "scores")


def squared_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    factor: float = 1.0,
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of the summed squares, and its gradient; see `steepest.SquaredError`.

    Parameters
    ----------
    predictions, targets : array_like, (samples, outputs)
        The targets of one output may be (samples,).
    reduction, factor
        As in `SquaredError`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
        In float32 if `predictions` and `targets` are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold numbers of its kind.
    ValueError
        If shapes do not fit together, there are no samples, or a target, a setting or a weight is outside its
        range.

    Examples
    --------
    >>> import steepest as st
    >>> loss, grad = st.functional.squared_error([[3.0]], [1.0])
    >>> loss, grad.tolist()
    (4.0, [[4.0]])
    """
    predictions, targets = floats(predictions=predictions, targets=targets)
    return _value_and_gradient(SquaredError(reduction, factor), predictions, targets, sample_weight)


def absolute_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of the summed distances, and its gradient; see `steepest.AbsoluteError`.

    Parameters
    ----------
    predictions, targets : array_like, (samples, outputs)
        The targets of one output may be (samples,).
    reduction : {"mean", "sum"}
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
        In float32 if `predictions` and `targets` are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold numbers of its kind.
    ValueError
        If shapes do not fit together, there are no samples, or a target, a setting or a weight is outside its
        range.

    Examples
    --------
    >>> import steepest as st
    >>> loss, grad = st.functional.absolute_error([[3.0]], [1.0])
    >>> loss, grad.tolist()
    (2.0, [[1.0]])
    """
    predictions, targets = floats(predictions=predictions, targets=targets)
    return _value_and_gradient(AbsoluteError(reduction), predictions, targets, sample_weight)


def huber(
    predictions: ArrayLike,
    targets: ArrayLike,
    delta: float = 1.0,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of Huber's loss, and its gradient; see `steepest.Huber`.

    Parameters
    ----------
    predictions, targets : array_like, (samples, outputs)
        The targets of one output may be (samples,).
    delta, reduction
        As in `Huber`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
        In float32 if `predictions` and `targets` are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold numbers of its kind.
    ValueError
        If shapes do not fit together, there are no samples, or a target, a setting or a weight is outside its
        range.

    Examples
    --------
    >>> import steepest as st
    >>> loss, grad = st.functional.huber([[3.0]], [0.0], delta=1.0)
    >>> loss, grad.tolist()
    (2.5, [[1.0]])
    """
    predictions, targets = floats(predictions=predictions, targets=targets)
    return _value_and_gradient(Huber(delta, reduction), predictions, targets, sample_weight)


def log_cosh(
    predictions: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of log-cosh losses, and its gradient; see `steepest.LogCosh`.

    Parameters
    ----------
    predictions, targets : array_like, (samples, outputs)
        The targets of one output may be (samples,).
    reduction : {"mean", "sum"}, default "mean"
        As in `LogCosh`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
        In float32 if `predictions` and `targets` are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold numbers of its kind.
    ValueError
        If shapes do not fit together, there are no samples, or a setting or a weight is outside its range.

    Examples
    --------
    >>> import steepest as st
    >>> loss, grad = st.functional.log_cosh([[0.0, 3.0]], [[0.0, 0.0]])
    >>> round(loss, 4), grad.round(4).tolist()
    (2.3093, [[0.0, 0.9951]])
    """
    predictions, targets = floats(predictions=predictions, targets=targets)
    return _value_and_gradient(LogCosh(reduction), predictions, targets, sample_weight)


def binary_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of binary cross-entropies; see `steepest.BinaryCrossEntropy`.

    Parameters
    ----------
    logits : array_like, (samples, outputs)
        Scores, of which the sigmoids are the probabilities.
    targets : array_like, (samples, outputs)
        In [0, 1]; bool and integers too. Those of one output may be (samples,).
    reduction : {"mean", "sum"}
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
        By the logits, in float32 if `logits` and `targets` are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold numbers of its kind.
    ValueError
        If shapes do not fit together, there are no samples, or a target, a setting or a weight is outside its
        range.

    Examples
    --------
    >>> import steepest as st
    >>> loss, grad = st.functional.binary_cross_entropy([[0.0]], [1.0])
    >>> round(loss, 4), grad.tolist()
    (0.6931, [[-0.5]])
    """
    logits, targets = floats(logits=logits, targets=targets)
    return _value_and_gradient(BinaryCrossEntropy(reduction), logits, targets, sample_weight, "logits")


def poisson_deviance(
    log_means: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of half the Poisson deviances; see `steepest.PoissonDeviance`.

    Parameters
    ----------
    log_means : array_like, (samples, outputs)
        Scores, of which the exponentials are the means.
    targets : array_like, (samples, outputs)
        At least 0. Those of one output may be (samples,).
    reduction : {"mean", "sum"}
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
        By the logarithms of the means, in float32 if `log_means` and `targets` are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold numbers of its kind.
    ValueError
        If shapes do not fit together, there are no samples, or a target, a setting or a weight is outside its
        range.

    Examples
    --------
    >>> import steepest as st
    >>> loss, grad = st.functional.poisson_deviance([[0.0]], [1.0])
    >>> loss, grad.tolist()
    (0.0, [[0.0]])
    """
    log_means, targets = floats(log_means=log_means, targets=targets)
    return _value_and_gradient(PoissonDeviance(reduction), log_means, targets, sample_weight, "log_means")


def _value_and_gradient(
    loss: Loss,
    scores: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    name: str = "predictions",
) -> tuple[float, Array]:
    (s,) = floats(**{name: scores})
    check_matrix(s, name)
    _checks.not_empty(s, name)
    check_dtype(loss, s.dtype)
    what = "labels" if loss.takes_labels else "targets"
    scored, backend = (len(s), s.shape[1]), active()
    return backend.loss(loss, s, *targets_and_weight(loss, y, sample_weight, scored, s.dtype, backend, what))
