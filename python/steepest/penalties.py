"""Penalties that are added to the loss: of the weights of linear layers, never of their biases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

from . import _checks
from ._description import Description, Rule

__all__ = ["L1", "L2", "ElasticNet"]


class _Penalty(Description):
    """A penalty with the coefficients 0, which its classes override."""

    @property
    def l2(self) -> float:
        """Coefficient of sum(W**2)."""
        return 0.0

    @property
    def l1(self) -> float:
        """Coefficient of sum(abs(W))."""
        return 0.0

    def _computed(self) -> Mapping[str, float]:
        return {"the slope 2 * l2 of its squares": 2 * self.l2}


@dataclass(frozen=True)
class L2(_Penalty):
    """Add strength * sum(W**2) to the loss, without a factor 1/2.

    Parameters
    ----------
    strength : float
        Finite and not negative.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    Weight decay with the coefficient c, as in PyTorch's `SGD`, is ``L2(c / 2)``. scikit-learn's `alpha` for a
    batch of n samples is ``L2(alpha / (2 * n))``. For decay outside the gradient see `AdamW`.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(2, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0], [2.0]]})
    >>> objective, gradients = model.loss_and_gradients(
    ...     [[0.0, 0.0]], [0.0], loss="squared_error", penalty=st.L2(0.5)
    ... )
    >>> objective
    2.5
    """

    strength: float
    proximal: ClassVar[bool] = False
    _rules: ClassVar[Mapping[str, Rule]] = {"strength": _checks.non_negative}

    @property
    def l2(self) -> float:
        """Coefficient of sum(W**2)."""
        return self.strength


@dataclass(frozen=True)
class L1(_Penalty):
    """Add strength * sum(abs(W)) to the loss; the derivative of abs(W) at 0 is taken as 0.

    Parameters
    ----------
    strength : float
        Finite and not negative.
    proximal : bool, default False
        Leave the penalty out of the gradient, and shrink the weights after each update instead::

            W = sign(W) * max(abs(W) - learning_rate * strength, 0)

        This makes many weights exactly 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    With `SGD` without momentum, the proximal step is ISTA (Beck and Teboulle, "A fast iterative
    shrinkage-thresholding algorithm", SIAM J. Imaging Sciences 2, 2009).

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(2, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[1.0], [0.25]]})
    >>> penalty = st.L1(1.0, proximal=True)
    >>> trainer = st.Trainer(model, "squared_error", st.SGD(0.5), penalty)
    >>> objective = trainer.step([[0.0, 0.0]], [0.0])
    >>> model.state_dict()["0.weight"].tolist()
    [[0.5], [0.0]]
    """

    strength: float
    proximal: bool = False

    _rules: ClassVar[Mapping[str, Rule]] = {"strength": _checks.non_negative, "proximal": _checks.flag}

    @property
    def l1(self) -> float:
        """Coefficient of sum(abs(W))."""
        return self.strength


@dataclass(frozen=True)
class ElasticNet(_Penalty):
    """Add strength * sum(beta * W**2 + abs(W)) to the loss.

    Parameters
    ----------
    strength : float
        Finite and not negative.
    beta : float
        Weight of the squares relative to the absolute values; finite and not negative.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type, or strength * beta
        is not finite.

    Notes
    -----
    After Zou and Hastie, "Regularization and variable selection via the elastic net", J. Royal Statistical
    Society B 67, 2005.

    Examples
    --------
    >>> import steepest as st
    >>> penalty = st.ElasticNet(0.25, beta=2.0)
    >>> penalty.l2, penalty.l1
    (0.5, 0.25)
    """

    strength: float
    beta: float
    proximal: ClassVar[bool] = False
    _rules: ClassVar[Mapping[str, Rule]] = {"strength": _checks.non_negative, "beta": _checks.non_negative}

    def __post_init__(self) -> None:
        super().__post_init__()
        _checks.non_negative(self.l2, "strength * beta")

    @property
    def l2(self) -> float:
        """Coefficient of sum(W**2)."""
        return self.strength * self.beta

    @property
    def l1(self) -> float:
        """Coefficient of sum(abs(W))."""
        return self.strength


Penalty: TypeAlias = L2 | L1 | ElasticNet
Penalties: TypeAlias = Penalty | Mapping[int, Penalty | None] | None  # of all linear layers, or by number


def scaled(penalty: Penalty | None, share: float) -> Penalty | None:
    """The penalty with its strength multiplied by `share`."""
    return None if penalty is None else replace(penalty, strength=penalty.strength * share)


def as_penalty(penalty: Penalty | None) -> Penalty | None:
    """`penalty` itself; a TypeError if it is not a penalty or None."""
    _checks.instance(penalty, "penalty")
    if penalty is not None and not isinstance(penalty, Penalty):
        raise TypeError(f"penalty must be None or a penalty such as st.L2(1e-4), not {penalty!r:.80}")
    return penalty
