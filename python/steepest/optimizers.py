"""Optimizers: the update rules and their settings. A `Trainer` holds their state.

A `Trainer` refuses settings that the model's dtype cannot represent, such as an epsilon of 1e-46 in float32.

`rule` names the formula of both backends, which take its numbers from the fields of their names; `slots`
names what an optimizer keeps of each parameter, beginning with zeros. To add an optimizer, write its class
here, the formula in backends/reference/optimizers.py and the rule of the kernels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeAlias

from . import _checks
from ._description import Description, Rule, normal
from .schedules import Rate

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Lion", "NAdam", "RMSProp"]


@dataclass(frozen=True)
class SGD(Description):
    """Stochastic gradient descent with momentum, in the form of the lecture and of scikit-learn.

    With the gradient g of the whole objective (for a weight: dL/dW + 2 * l2 * W + l1 * sign(W))::

        v = momentum * v - learning_rate * g
        W += momentum * v - learning_rate * g   if nesterov else   v

    Parameters
    ----------
    learning_rate : float or schedule, default 0.1
        Finite and greater than 0; or a function of the step, counted from 0, such as those in
        `steepest.schedules`; or of the epoch, if its parameter is named `epoch`.
    momentum : float, default 0.0
        In [0, 1).
    nesterov : bool, default False
        Use Nesterov's form, after Sutskever, Martens, Dahl and Hinton, "On the importance of initialization
        and momentum in deep learning", ICML 2013. It needs momentum > 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[0.0]]})
    >>> trainer = st.Trainer(model, "squared_error", st.SGD(0.25, momentum=0.5))
    >>> objectives = [trainer.step([[1.0]], [1.0]) for _ in range(2)]  # weights 0.5, then 1.0
    >>> objectives, model([[1.0]]).item()
    ([1.0, 0.25], 1.0)
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
    """AdaGrad: divide steps by the root of the sum of all squared gradients.

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
        If an argument is outside its range or has another type.

    Notes
    -----
    After Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011; form and defaults are PyTorch's.

    Examples
    --------
    >>> import steepest as st
    >>> st.AdaGrad(0.1)
    AdaGrad(learning_rate=0.1, epsilon=1e-10)
    """

    learning_rate: Rate = 0.01
    epsilon: float = 1e-10
    rule: ClassVar[str] = "adagrad"
    slots: ClassVar[tuple[str, ...]] = ("squares",)  # s
    _rules: ClassVar[Mapping[str, Rule]] = {"learning_rate": _checks.rate, "epsilon": normal}


@dataclass(frozen=True)
class RMSProp(Description):
    """RMSProp: divide steps by the root of a running mean of squared gradients.

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
        If an argument is outside its range or has another type.

    Notes
    -----
    After Tieleman and Hinton, "Lecture 6.5: RMSProp", Coursera, 2012; form and defaults are PyTorch's.

    Examples
    --------
    >>> import steepest as st
    >>> st.RMSProp(0.001, decay=0.9)
    RMSProp(learning_rate=0.001, decay=0.9, epsilon=1e-08)
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
    """Adam: running means of the gradient and of its square, with bias correction.

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
        Use epsilon as the paper's epsilon hat, as scikit-learn and Keras do. Keyword only.
    lazy : bool, default False
        If X is sparse, update m, s and W of the first layer only in the rows of features that the batch has
        an entry for, which is another algorithm; see the notes. If X is dense, it changes nothing. Keyword
        only.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type. A `Trainer` raises ValueError where a lazy
        optimizer meets sparse X and a penalty on the first layer.

    Notes
    -----
    After Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, and the end of
    section 2 for epsilon hat; the defaults are theirs and PyTorch's.

    In sparse samples most features are missing from a batch, and their gradient is 0. Adam still moves their
    weights, by what m remembers, and lets m and s fade: a step goes through all of the layer. With `lazy` it
    costs what the batch has entries, and a rare feature keeps its m and s from one appearance to the next.
    This is the algorithm of ``torch.optim.SparseAdam`` and of TensorFlow Addons' ``LazyAdam``, both of which
    use epsilon as epsilon hat; as in these, t counts all steps. Biases and all other layers learn by the
    plain formula. A penalty on the first layer has a gradient in every weight, and is refused for sparse X,
    as PyTorch refuses weight decay with sparse gradients. Of what a `Trainer` does beside the optimizer, a
    `MaxNorm` and averages go through all weights still.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 16), st.ReLU(), st.Linear(16, 2))
    >>> optimizer = st.Adam(st.schedules.Cosine(0.05, steps=100))
    >>> history = model.fit(X, y, optimizer=optimizer, epochs=50, progress=False)
    >>> st.accuracy(y, model(X)) > 0.9
    True
    """

    learning_rate: Rate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = field(default=False, kw_only=True)
    lazy: bool = field(default=False, kw_only=True)
    rule: ClassVar[str] = "adam"
    slots: ClassVar[tuple[str, ...]] = ("mean", "mean_square")  # m and s
    _rules: ClassVar[Mapping[str, Rule]] = {
        "learning_rate": _checks.rate,
        "beta_1": _checks.fraction,
        "beta_2": _checks.fraction,
        "epsilon": normal,
        "epsilon_hat": _checks.flag,
        "lazy": _checks.flag,
    }

    @property
    def weight_decay(self) -> float:
        """None: that is `AdamW`."""
        return 0.0


@dataclass(frozen=True)
class AdamW(Adam):
    """`Adam` with decoupled weight decay, which is not scaled by the gradient's size.

    In each step, before the update, for the weights of linear layers but not for biases::

        W *= 1 - learning_rate * weight_decay

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, epsilon_hat
        As in `Adam`.
    weight_decay : float, default 0.01
        Finite and not negative. It is not part of the objective.
    lazy : bool, default False
        As in `Adam`, but only without weight decay.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type, or `lazy` is True and weights decay, which
        they do in every step.

    Notes
    -----
    After Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019; the form and the defaults
    are PyTorch's, except that PyTorch also decays biases by default.

    Examples
    --------
    >>> import steepest as st
    >>> st.AdamW(0.001, weight_decay=0.1).weight_decay
    0.1
    """

    weight_decay: float = 0.01
    _rules: ClassVar[Mapping[str, Rule]] = {**Adam._rules, "weight_decay": _checks.non_negative}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lazy and self.weight_decay > 0:
            raise ValueError(
                f"weight_decay is {self.weight_decay}, which shrinks all weights in each step, but lazy=True "
                "leaves most of them alone: use Adam(lazy=True)"
            )


@dataclass(frozen=True)
class NAdam(Description):
    """Adam with Nesterov's momentum, which grows from step to step.

    With the gradient g of the whole objective, in step t = 1, 2, ..., and P_t = mu_1 * mu_2 * ... * mu_t::

        mu_t = beta_1 * (1 - 0.96**(t * momentum_decay) / 2)
        m = beta_1 * m + (1 - beta_1) * g
        s = beta_2 * s + (1 - beta_2) * g**2
        n = mu_{t+1} * m / (1 - P_{t+1}) + (1 - mu_t) * g / (1 - P_t)
        W -= learning_rate * n / (sqrt(s / (1 - beta_2**t)) + epsilon)

    Parameters
    ----------
    learning_rate : float or schedule, default 0.002
        As in `SGD`.
    beta_1, beta_2 : float, default 0.9 and 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        Finite and greater than 0.
    momentum_decay : float, default 0.004
        Finite and greater than 0: how soon mu_t grows from beta_1 / 2 to beta_1.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    After Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop; the form and the defaults
    are PyTorch's.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 16), st.ReLU(), st.Linear(16, 2))
    >>> history = model.fit(X, y, optimizer=st.NAdam(0.02), epochs=50, progress=False)
    >>> st.accuracy(y, model(X)) > 0.9
    True
    """

    learning_rate: Rate = 0.002
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004
    rule: ClassVar[str] = "nadam"
    slots: ClassVar[tuple[str, ...]] = ("mean", "mean_square")  # m and s
    _rules: ClassVar[Mapping[str, Rule]] = {
        "learning_rate": _checks.rate,
        "beta_1": _checks.fraction,
        "beta_2": _checks.fraction,
        "epsilon": normal,
        "momentum_decay": _checks.positive,
    }

    @property
    def fading(self) -> float:
        """What 0.96**(t * momentum_decay) is multiplied by in each step."""
        return math.pow(0.96, self.momentum_decay)


@dataclass(frozen=True)
class Lion(Description):
    """Steps of one size, in the direction of the sign of a mixed gradient: one slot instead of Adam's two.

    With the gradient g of the whole objective::

        W -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g

    and before that, for the weights of linear layers but not for biases::

        W *= 1 - learning_rate * weight_decay

    Parameters
    ----------
    learning_rate : float or schedule, default 0.0001
        As in `SGD`. A third to a tenth of what suits `Adam`.
    beta_1, beta_2 : float, default 0.9 and 0.99
        In [0, 1).
    weight_decay : float, default 0.0
        Finite and not negative. It is not part of the objective.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    After Chen, Liang, Huang, Real, Wang, Pham, Dong, Luong, Hsieh, Lu and Le, "Symbolic discovery of
    optimization algorithms", NeurIPS 2023, algorithm 2; the defaults are theirs. sign(0) = 0.

    The bias of a `Linear` layer right before a `BatchNorm` has no effect, and a gradient of rounding errors
    alone, whose sign is arbitrary: it drifts by `learning_rate` a step, differently on each backend. Use
    ``Linear(..., bias=False)`` there.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 16), st.ReLU(), st.Linear(16, 2))
    >>> history = model.fit(X, y, optimizer=st.Lion(0.01), epochs=50, progress=False)
    >>> st.accuracy(y, model(X)) > 0.9
    True
    """

    learning_rate: Rate = 0.0001
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0
    rule: ClassVar[str] = "lion"
    slots: ClassVar[tuple[str, ...]] = ("mean",)  # m
    _rules: ClassVar[Mapping[str, Rule]] = {
        "learning_rate": _checks.rate,
        "beta_1": _checks.fraction,
        "beta_2": _checks.fraction,
        "weight_decay": _checks.non_negative,
    }


Optimizer: TypeAlias = SGD | AdaGrad | RMSProp | Adam | NAdam | Lion
OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    kind.__name__.lower(): kind for kind in (SGD, AdaGrad, RMSProp, Adam, AdamW, NAdam, Lion)
}


def as_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """`optimizer` itself, or the one of this name of `OPTIMIZERS` with its defaults.

    Raises
    ------
    ValueError
        For another name.
    TypeError
        If it is not an optimizer.
    """
    if isinstance(optimizer, str):
        return OPTIMIZERS[_checks.one_of(optimizer.lower(), "optimizer", tuple(OPTIMIZERS))]()
    _checks.instance(optimizer, "optimizer")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an optimizer such as st.SGD(0.1), not {optimizer!r:.80}")
    return optimizer


def is_lazy(optimizer: Optimizer) -> bool:
    """Whether it leaves weights of features alone that no sample of a sparse batch has."""
    return isinstance(optimizer, Adam) and optimizer.lazy


def optimizer_named(name: str, learning_rate: Rate, settings: Mapping[str, Any]) -> Optimizer:
    """The optimizer of a name of `OPTIMIZERS`, with those of the settings that are fields of its class."""
    kind = OPTIMIZERS[name]
    own = {field.name: settings[field.name] for field in fields(kind) if field.name in settings}
    return kind(learning_rate, **own)
