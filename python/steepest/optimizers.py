"""Optimizers as descriptions: the update rule and its numbers. Their state lives in a `Trainer`.

A `Trainer` refuses one whose numbers the model's dtype cannot hold, as an epsilon of 1e-46 in float32.

`rule` names the formula of both backends, which take its numbers from the fields of their names; `slots`
names what an optimizer keeps of each parameter, beginning with zeros. To add an optimizer, write its class
here, the formula in backends/reference/optimizers.py and the rule of the kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from . import _checks
from ._description import Description, Rule, normal
from .schedules import Rate


@dataclass(frozen=True)
class SGD(Description):
    """Stochastic gradient descent with momentum, in the form of the lecture and of scikit-learn.

    With the gradient g of the whole objective (for a weight: dL/dW + 2 * l2 * W + l1 * sign(W))::

        v = momentum * v - learning_rate * g
        W += momentum * v - learning_rate * g   if nesterov else   v

    Parameters
    ----------
    learning_rate : float or schedule, default 0.1
        Finite and greater than 0; or a function of the step, counted from 0, as in `steepest.schedules`.
    momentum : float, default 0.0
        In [0, 1).
    nesterov : bool, default False
        Nesterov's form; needs momentum > 0.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range, for what is no number.
    """

    learning_rate: Rate = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    rule: ClassVar[str] = "sgd"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "learning_rate": _checks.rate,
        "momentum": _checks.fraction,
        "nesterov": _checks.flag,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=True needs momentum > 0, but momentum is 0")

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity v, with momentum."""
        return ("velocity",) if self.momentum else ()


@dataclass(frozen=True)
class AdaGrad(Description):
    """Steps divided by the root of the sum of all squared gradients so far.

    With the gradient g of the whole objective::

        s += g**2
        W -= learning_rate * g / (sqrt(s) + epsilon)

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
        As in `SGD`.
    epsilon : float, default 1e-10
        Finite and greater than 0.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range, for what is no number.

    Notes
    -----
    After Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011; form and defaults are PyTorch's.
    """

    learning_rate: Rate = 0.01
    epsilon: float = 1e-10
    rule: ClassVar[str] = "adagrad"
    slots: ClassVar[tuple[str, ...]] = ("squares",)  # s
    _rules: ClassVar[Mapping[str, Rule]] = {"learning_rate": _checks.rate, "epsilon": normal}


@dataclass(frozen=True)
class RMSProp(Description):
    """Steps divided by the root of a running mean of squared gradients.

    With the gradient g of the whole objective::

        s = decay * s + (1 - decay) * g**2
        W -= learning_rate * g / (sqrt(s) + epsilon)

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
        As in `SGD`.
    decay : float, default 0.99
        In [0, 1).
    epsilon : float, default 1e-8
        Finite and greater than 0.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range, for what is no number.

    Notes
    -----
    After Tieleman and Hinton, "Lecture 6.5: RMSProp", Coursera, 2012; form and defaults are PyTorch's.
    """

    learning_rate: Rate = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8
    rule: ClassVar[str] = "rmsprop"
    slots: ClassVar[tuple[str, ...]] = ("mean_square",)  # s
    _rules: ClassVar[Mapping[str, Rule]] = {
        "learning_rate": _checks.rate,
        "decay": _checks.fraction,
        "epsilon": normal,
    }


@dataclass(frozen=True)
class Adam(Description):
    """Running means of the gradient and of its square, corrected for their start at zero.

    With the gradient g of the whole objective, in step t = 1, 2, ...::

        m = beta_1 * m + (1 - beta_1) * g
        s = beta_2 * s + (1 - beta_2) * g**2
        W -= learning_rate * (m / (1 - beta_1**t)) / (sqrt(s / (1 - beta_2**t)) + epsilon)

    or, with `epsilon_hat`::

        W -= learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(s) + epsilon)

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
        As in `SGD`.
    beta_1, beta_2 : float, default 0.9 and 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        Finite and greater than 0.
    epsilon_hat : bool, default False
        Take epsilon for the paper's epsilon hat, as scikit-learn and Keras do. Keyword only.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range, for what is no number.

    Notes
    -----
    After Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, and the end of
    section 2 for epsilon hat; the defaults are theirs and PyTorch's.
    """

    learning_rate: Rate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = field(default=False, kw_only=True)
    rule: ClassVar[str] = "adam"
    slots: ClassVar[tuple[str, ...]] = ("mean", "mean_square")  # m and s
    _rules: ClassVar[Mapping[str, Rule]] = {
        "learning_rate": _checks.rate,
        "beta_1": _checks.fraction,
        "beta_2": _checks.fraction,
        "epsilon": normal,
        "epsilon_hat": _checks.flag,
    }

    @property
    def weight_decay(self) -> float:
        """None: that is `AdamW`."""
        return 0.0


@dataclass(frozen=True)
class AdamW(Adam):
    """`Adam` with weight decay that its division does not touch.

    Before the update, in each step, for the weights of linear layers but not for biases::

        W *= 1 - learning_rate * weight_decay

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, epsilon_hat
        As in `Adam`.
    weight_decay : float, default 0.01
        Finite and not negative. It is no part of the objective.

    Raises
    ------
    ValueError, TypeError
        For a number outside its range, for what is no number.

    Notes
    -----
    After Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019; form and defaults are
    PyTorch's, which decays biases too unless told otherwise.
    """

    weight_decay: float = 0.01
    _rules: ClassVar[Mapping[str, Rule]] = {**Adam._rules, "weight_decay": _checks.non_negative}


Optimizer: TypeAlias = SGD | AdaGrad | RMSProp | Adam
OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    kind.__name__: kind for kind in (SGD, AdaGrad, RMSProp, Adam, AdamW)
}


def as_optimizer(optimizer: Optimizer) -> Optimizer:
    """`optimizer` itself; a TypeError for anything that is none."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be one like st.SGD(0.1), not {optimizer!r:.80}")
    return optimizer
