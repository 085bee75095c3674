"""Losses as descriptions; the backends compute them.

Each is a mean (or sum) over samples of l_i. With sample weights w_i a mean is sum(w_i l_i) / sum(w_i)
over the batch (a batch whose weights are all zero has loss 0 and gradient 0), a sum is sum(w_i l_i).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from . import _checks


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """l = log(sum_j exp(s_j)) - s_y for the scores s and the class index y, in nats."""

    takes_labels: ClassVar[bool] = True


@dataclass(frozen=True)
class MulticlassHinge:
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
    """

    margin: float = 1.0
    squared: bool = False
    takes_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _checks.non_negative(self.margin, "margin")
        _checks.flag(self.squared, "squared")


@dataclass(frozen=True)
class SquaredError:
    """l = sum over outputs of (prediction - target)**2, without a factor 1/2.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        How the samples are put together. Outputs are always summed.
    """

    reduction: Literal["mean", "sum"] = "mean"
    takes_labels: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _checks.one_of(self.reduction, "reduction", ("mean", "sum"))


Loss: TypeAlias = SoftmaxCrossEntropy | MulticlassHinge | SquaredError

_NAMES: Mapping[str, Loss] = {
    "softmax": SoftmaxCrossEntropy(),
    "hinge": MulticlassHinge(),
    "squared_hinge": MulticlassHinge(squared=True),
    "squared_error": SquaredError(),
}


def as_loss(loss: str | Loss) -> Loss:
    """The loss itself, or the one of that name: "softmax", "hinge", "squared_hinge", "squared_error".

    Raises
    ------
    ValueError
        For another name.
    TypeError
        For anything else.
    """
    if isinstance(loss, str):
        _checks.one_of(loss, "loss", tuple(_NAMES))
        return _NAMES[loss]
    if not isinstance(loss, Loss):
        raise TypeError(
            f"loss must be a name ({', '.join(_NAMES)}) or a loss like st.SquaredError(), not {loss!r:.80}"
        )
    return loss
