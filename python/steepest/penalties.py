"""Penalties on the weights of linear layers, never on biases; backends read their coefficients only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

from . import _checks
from ._description import Description, Rule


class _Penalty(Description):
    """What a penalty is but for its own terms."""

    @property
    def l2(self) -> float:
        """Coefficient of sum(W**2)."""
        return 0.0

    @property
    def l1(self) -> float:
        """Coefficient of sum|W|."""
        return 0.0

    def _computed(self) -> Mapping[str, float]:
        return {"the slope 2 * l2 of its squares": 2 * self.l2}


@dataclass(frozen=True)
class L2(_Penalty):
    """Adds strength * sum(W**2) to the loss, without a factor 1/2.

    Parameters
    ----------
    strength : float
        Finite and not negative.
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

    _rules: ClassVar[Mapping[str, Rule]] = {"strength": _checks.non_negative, "proximal": _checks.flag}

    @property
    def l1(self) -> float:
        """Coefficient of sum|W|."""
        return self.strength


@dataclass(frozen=True)
class ElasticNet(_Penalty):
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
        """Coefficient of sum|W|."""
        return self.strength


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
