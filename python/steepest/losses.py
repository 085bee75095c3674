"""Losses. These classes describe them; the backends compute them.

A loss is the mean, or the sum, over the samples' losses l_i. With sample weights w_i, the mean is sum(w_i
l_i) / sum(w_i) over the batch, and the sum is sum(w_i l_i). A batch whose weights are all zero has loss 0 and
gradient 0.

To add a loss, write its class here, add it to `LOSSES`, and write the formula in
backends/reference/losses.py and the kernel that `kernel` names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from numpy.typing import ArrayLike

from . import _checks
from ._checks import Array
from ._description import Description, Rule, normal

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "Huber",
    "LogCosh",
    "MulticlassHinge",
    "PoissonDeviance",
    "SoftmaxCrossEntropy",
    "SquaredError",
]

Reduction: TypeAlias = Literal["mean", "sum"]
ClassWeight: TypeAlias = Sequence[float] | Mapping[int, float] | str


_reduction = partial(_checks.one_of, allowed=("mean", "sum"))


class TargetRange(NamedTuple):
    """The targets that a loss can have, and the end of the sentence that refuses others."""

    least: float
    most: float
    rule: str


class _Loss(Description):
    """What backends and checks ask of a loss beside its fields, and `kernel`: the name of its formula."""

    takes_labels: ClassVar[bool] = False  # class indices, instead of targets like the scores
    number: ClassVar[str | None] = None  # the field that the formula computes with
    target_range: ClassVar[TargetRange | None] = None  # None: any targets

    @property
    def sums(self) -> bool:
        """Whether samples are summed, instead of their weighted mean."""
        return False

    @property
    def weighted(self) -> bool:
        """Whether samples always come with weights, those of their classes."""
        return False


class _TargetLoss(_Loss):
    """A loss of targets that are like the scores."""

    reduction: Reduction
    kernel: ClassVar[str]
    regresses: ClassVar[bool] = True  # real numbers, so that regressors can have it

    @property
    def sums(self) -> bool:
        """Whether samples are summed, instead of their weighted mean."""
        return self.reduction == "sum"


@dataclass(frozen=True)
class SoftmaxCrossEntropy(_Loss):
    """l = -sum_j t_j log p_j, in nats, with p the softmax of the scores and t the target of class y.

    A model that ends with `Sigmoid` is refused: this loss needs unbounded scores.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        In [0, 1): e in t = (1 - e) onehot(y) + e / classes. With 0, l = log(sum_j exp(s_j)) - s_y.
    class_weight : sequence of float, mapping of int to float, or "balanced", optional
        One number per class, finite, not negative and not all zero. It multiplies the weights of the samples
        of the class. Stored as a tuple. A mapping has numbers of some classes; of the others it is 1. With
        "balanced" it is samples / (classes * samples of the class), so that all classes that there are have
        the same sum; the samples are those that a fit learns from, or those of the call. A single
        `Trainer.step`, which sees a part of them, refuses it.

    Notes
    -----
    After Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 2, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0, 0.0]]})
    >>> objective, gradients = model.loss_and_gradients([[0.0]], [1], loss=st.SoftmaxCrossEntropy())
    >>> round(objective, 4)
    0.6931
    """

    label_smoothing: float = 0.0
    class_weight: ClassWeight | None = None
    takes_labels: ClassVar[bool] = True
    kernel: ClassVar[str] = "softmax"
    number: ClassVar[str] = "label_smoothing"
    _rules: ClassVar[Mapping[str, Rule]] = {"label_smoothing": _checks.fraction}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_weight is not None:
            object.__setattr__(self, "class_weight", _checks.class_weight(self.class_weight))

    @property
    def weighted(self) -> bool:
        """Whether samples always come with weights, those of their classes."""
        return self.class_weight is not None


@dataclass(frozen=True)
class MulticlassHinge(_Loss):
    """Weston-Watkins hinge: l = sum over j != y of max(0, s_j - s_y + margin), or of its square.

    Parameters
    ----------
    margin : float, default 1.0
        Finite and not negative.
    squared : bool, default False
        Square each term.

    Notes
    -----
    A term at exactly 0 contributes nothing to the gradient. After Weston and Watkins, "Support vector
    machines for multi-class pattern recognition", ESANN 1999.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 2, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0, 0.0]]})
    >>> objective, gradients = model.loss_and_gradients([[1.0]], [1], loss=st.MulticlassHinge())
    >>> round(objective, 4)
    2.0
    """

    margin: float = 1.0
    squared: bool = False
    takes_labels: ClassVar[bool] = True
    number: ClassVar[str] = "margin"
    _rules: ClassVar[Mapping[str, Rule]] = {"margin": _checks.non_negative, "squared": _checks.flag}

    @property
    def kernel(self) -> str:
        """The name of its formula in both backends."""
        return "squared_hinge" if self.squared else "hinge"

    def _computed(self) -> Mapping[str, float]:
        return {"the loss margin**2 of equal scores": self.margin * self.margin} if self.squared else {}


@dataclass(frozen=True)
class SquaredError(_TargetLoss):
    """l = factor * sum over outputs of (prediction - target)**2.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        Whether to take the mean or the sum over samples. Outputs are always summed.
    factor : float, default 1.0
        Finite and greater than 0. With 1/2, the derivative is prediction - target.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0]]})
    >>> model.loss_and_gradients([[3.0]], [1.0], loss=st.SquaredError(factor=0.5))[0]
    2.0
    """

    reduction: Reduction = "mean"
    factor: float = 1.0
    kernel: ClassVar[str] = "squared_error"
    number: ClassVar[str] = "factor"
    _rules: ClassVar[Mapping[str, Rule]] = {"reduction": _reduction, "factor": normal}

    def _computed(self) -> Mapping[str, float]:
        return {"the slope 2 * factor": 2 * self.factor}


@dataclass(frozen=True)
class AbsoluteError(_TargetLoss):
    """l = sum over outputs of |prediction - target|, whose derivative at 0 is taken as 0.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        Whether to take the mean or the sum over samples. Outputs are always summed.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0]]})
    >>> model.loss_and_gradients([[3.0]], [1.0], loss=st.AbsoluteError())[0]
    2.0
    """

    reduction: Reduction = "mean"
    kernel: ClassVar[str] = "absolute_error"
    _rules: ClassVar[Mapping[str, Rule]] = {"reduction": _reduction}


@dataclass(frozen=True)
class Huber(_TargetLoss):
    """l = sum over outputs of e**2 / 2 where |e| <= delta, delta * (|e| - delta / 2) beyond.

    Here e = prediction - target. The loss is squared near 0 and absolute for outliers.

    Parameters
    ----------
    delta : float, default 1.0
        Finite and greater than 0.
    reduction : {"mean", "sum"}, default "mean"
        Whether to take the mean or the sum over samples. Outputs are always summed.

    Notes
    -----
    After Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0]]})
    >>> model.loss_and_gradients([[3.0]], [0.0], loss=st.Huber(delta=1.0))[0]
    2.5
    """

    delta: float = 1.0
    reduction: Reduction = "mean"
    kernel: ClassVar[str] = "huber"
    number: ClassVar[str] = "delta"
    _rules: ClassVar[Mapping[str, Rule]] = {"delta": normal, "reduction": _reduction}


@dataclass(frozen=True)
class BinaryCrossEntropy(_TargetLoss):
    """l = -sum over outputs of t log p + (1 - t) log(1 - p), in nats, with p = sigmoid(s) for the score s.

    For any number of independent yes/no targets: each target t is 0, 1, or a probability in between. It is
    computed from scores (logits) as max(s, 0) - s t + log(1 + exp(-|s|)), which does not overflow. A model
    that ends with `Sigmoid` is refused.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        Whether to take the mean or the sum over samples. Outputs are always summed.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0]]})
    >>> objective, gradients = model.loss_and_gradients([[0.0]], [1.0], loss=st.BinaryCrossEntropy())
    >>> round(objective, 4)
    0.6931
    """

    reduction: Reduction = "mean"
    regresses: ClassVar[bool] = False
    kernel: ClassVar[str] = "binary_cross_entropy"
    target_range: ClassVar[TargetRange] = TargetRange(0, 1, "of binary cross-entropy must be in [0, 1]")
    _rules: ClassVar[Mapping[str, Rule]] = {"reduction": _reduction}


@dataclass(frozen=True)
class PoissonDeviance(_TargetLoss):
    """l = sum over outputs of exp(s) - t s + t log t - t: half the deviance, for counts t of mean exp(s).

    Targets are at least 0, and need not be integers. The score s is the logarithm of the mean; 0 log 0 is 0.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        Whether to take the mean or the sum over samples. Outputs are always summed.

    Notes
    -----
    After McCullagh and Nelder, "Generalized linear models", 2nd edition, 1989, section 2.3.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0]]})
    >>> model.loss_and_gradients([[0.0]], [1.0], loss=st.PoissonDeviance())[0]
    0.0
    """

    reduction: Reduction = "mean"
    kernel: ClassVar[str] = "poisson"
    target_range: ClassVar[TargetRange] = TargetRange(0, math.inf, "of a Poisson deviance must be at least 0")
    _rules: ClassVar[Mapping[str, Rule]] = {"reduction": _reduction}


@dataclass(frozen=True)
class LogCosh(_TargetLoss):
    """l = sum over outputs of log(cosh(prediction - target)).

    The loss is nearly e**2 / 2 for small errors e and |e| - log(2) for large ones, as `Huber`, with a smooth
    second derivative. Its derivative is tanh(e).

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        Whether to take the mean or the sum over samples. Outputs are always summed.

    Raises
    ------
    ValueError, TypeError
        If `reduction` is neither.

    Notes
    -----
    After Green, "Bayesian reconstructions from emission tomography data using a modified EM algorithm", IEEE
    Transactions on Medical Imaging 9, 1990.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False), dtype="float64")
    >>> model.load_state_dict({"0.weight": [[1.0]]})
    >>> round(model.loss_and_gradients([[3.0]], [0.0], loss=st.LogCosh())[0], 4)
    2.3093
    """

    reduction: Reduction = "mean"
    kernel: ClassVar[str] = "log_cosh"
    _rules: ClassVar[Mapping[str, Rule]] = {"reduction": _reduction}


# From the scores (samples, outputs) and the targets of a batch to its mean loss and dloss/dscores.
LossFunction: TypeAlias = Callable[[Array, Array], tuple[float, ArrayLike]]


@dataclass(frozen=True, repr=False)
class CustomLoss(_Loss):
    """A custom loss; `as_loss` makes one from any function.

    Parameters
    ----------
    function : callable
        Called as ``function(scores, targets)`` with one batch. It returns the mean loss over the samples, a
        real number, and its gradient with respect to the scores, an array of their shape. `scores` is a
        read-only (samples, outputs) array of the model's dtype. `targets` is read-only too: (samples,) int64
        if y has one integer per sample; otherwise (samples, k) of the model's dtype, with any k.

    Notes
    -----
    A fit calls it once per batch, between the forward and the backward pass, in the thread that called the
    fit; the function must not use the model. If it raises, the fit ends with that exception and keeps the
    parameters of the last finished batch. It is called with validation data in parts of 8,192 samples.
    """

    function: LossFunction
    kernel: ClassVar[str] = "custom"

    def __repr__(self) -> str:
        return f"CustomLoss({getattr(self.function, '__qualname__', None) or repr(self.function)})"


Loss: TypeAlias = SoftmaxCrossEntropy | MulticlassHinge | _TargetLoss | CustomLoss

# By the names of `as_loss`.
LOSSES: Mapping[str, Loss] = {
    "softmax": SoftmaxCrossEntropy(),
    "hinge": MulticlassHinge(),
    "squared_hinge": MulticlassHinge(squared=True),
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "binary_cross_entropy": BinaryCrossEntropy(),
    "poisson": PoissonDeviance(),
    "log_cosh": LogCosh(),
}
REGRESSION_LOSSES: Mapping[str, Loss] = {
    name: loss for name, loss in LOSSES.items() if isinstance(loss, _TargetLoss) and loss.regresses
}


# Names that people know losses by.
ALIASES: Mapping[str, str] = {
    "bce": "binary_cross_entropy",
    "cross_entropy": "softmax",
    "mae": "absolute_error",
    "mse": "squared_error",
    "svm": "hinge",
}


# Names of other libraries.
_ELSEWHERE: Mapping[str, str] = {
    "binary_crossentropy": "bce",
    "categorical_crossentropy": "cross_entropy",
    "log_loss": "cross_entropy",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "sparse_categorical_crossentropy": "cross_entropy",
}


def as_loss(loss: str | Loss | LossFunction) -> Loss:
    """Return a loss: `loss` itself, the one with this name, or one made from a function (see `CustomLoss`).

    The names are those of `LOSSES` and `ALIASES`.

    Raises
    ------
    ValueError
        For another name.
    TypeError
        For anything else.
    """
    if isinstance(loss, str):
        name = ALIASES.get(loss, loss)
        if name in _ELSEWHERE:
            raise ValueError(f"loss is {loss!r}, which is {_ELSEWHERE[name]!r} here")
        _checks.one_of(name, "loss", (*LOSSES, *ALIASES))
        return LOSSES[name]
    if isinstance(loss, Loss):
        return loss
    _checks.instance(loss, "loss")
    if not callable(loss):
        raise TypeError(
            f"loss must be a name ({', '.join(LOSSES)}), a loss such as st.SquaredError(), or a function of "
            f"scores and targets, not {loss!r:.80}"
        )
    return CustomLoss(loss)
