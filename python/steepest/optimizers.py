"""Optimizers as descriptions: the update rule and its numbers. Velocities live in a `Trainer`."""

from __future__ import annotations

from dataclasses import dataclass

from . import _checks


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, in the form of the lecture and of scikit-learn.

    With the gradient g of the whole objective (for a weight: dL/dW + 2 * l2 * W + l1 * sign(W))::

        v = momentum * v - learning_rate * g
        W += momentum * v - learning_rate * g   if nesterov else   v

    Parameters
    ----------
    learning_rate : float, default 0.1
        Finite and greater than 0.
    momentum : float, default 0.0
        In [0, 1).
    nesterov : bool, default False
        Nesterov's form; needs momentum > 0.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range, for what is no number.
    """

    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        _checks.positive(self.learning_rate, "learning_rate")
        _checks.fraction(self.momentum, "momentum")
        _checks.flag(self.nesterov, "nesterov")
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=True needs momentum > 0, but momentum is 0")
