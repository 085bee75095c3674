"""Penalties on the weights of linear layers, never on biases; backends read their coefficients only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

from . import _checks


@dataclass(frozen=True)
class L2:
    """Adds strength * sum(W**2) to the loss, without a factor 1/2.

    Parameters
    ----------
    strength : float
        Finite and not negative.
    """

    strength: float
    proximal: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _checks.non_negative(self.strength, "strength")

    @property
    def l2(self) -> float:
        """Coefficient of sum(W**2)."""
        return float(self.strength)

    @property
    def l1(self) -> float:
        """Coefficient of sum|W|."""
        return 0.0


@dataclass(frozen=True)
class L1:
    """Adds strength * sum|W| to the loss; the derivative of |W| at 0 is taken as 0.

    Parameters
    ----------
    strength : float
        Finite and not negative.
    proximal : bool, default False
        Leave the penalty out of the gradient, and shrink the weights after each update instead::

            W = sign(W) * max(|W| - learning_rate * strength, 0)

        which makes many of them exactly 0. With `SGD` without momentum that is ISTA (Beck and Teboulle, "A
        fast iterative shrinkage-thresholding algorithm", SIAM J. Imaging Sciences 2, 2009).
    """

    strength: float
    proximal: bool = False

    def __post_init__(self) -> None:
        _checks.non_negative(self.strength, "strength")
        _checks.flag(self.proximal, "proximal")

    @property
    def l2(self) -> float:
        """Coefficient of sum(W**2)."""
        return 0.0

    @property
    def l1(self) -> float:
        """Coefficient of sum|W|."""
        return float(self.strength)


@dataclass(frozen=True)
class ElasticNet:
    """Adds strength * sum(beta * W**2 + |W|) to the loss.

    Parameters
    ----------
    strength : float
        Finite and not negative.
    beta : float
        Weight of the squares against the absolute values; finite and not negative.
    """

    strength: float
    beta: float
    proximal: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _checks.non_negative(self.strength, "strength")
        _checks.non_negative(self.beta, "beta")
        _checks.non_negative(self.l2, "strength * beta")

    @property
    def l2(self) -> float:
        """Coefficient of sum(W**2)."""
        return float(self.strength) * float(self.beta)

    @property
    def l1(self) -> float:
        """Coefficient of sum|W|."""
        return float(self.strength)


Penalty: TypeAlias = L2 | L1 | ElasticNet
Penalties: TypeAlias = Penalty | Mapping[int, Penalty | None] | None  # of all linear layers, or by number


def scaled(penalty: Penalty | None, share: float) -> Penalty | None:
    """A part of a penalty."""
    return None if penalty is None else replace(penalty, strength=penalty.strength * share)


def as_penalty(penalty: Penalty | None) -> Penalty | None:
    """`penalty` itself; a TypeError for anything that is none."""
    if penalty is not None and not isinstance(penalty, Penalty):
        raise TypeError(f"penalty must be None or one like st.L2(1e-4), not {penalty!r:.80}")
    return penalty
