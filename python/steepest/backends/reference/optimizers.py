"""The specification of the optimizers: one function for each rule, which `Optimizer.rule` names.

Each computes new values from `value`, its gradient and what the optimizer keeps of it; none writes. A value
of one axis is a bias, which does not decay. `age` is the number of updates since the slots were zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from ..._checks import Array
from ...optimizers import SGD, AdaGrad, Adam, Lion, NAdam, Optimizer, RMSProp
from ...penalties import Penalty
from ..memory import write
from .penalties import limited, shrunk
from .quiet import quiet

Slots: TypeAlias = Mapping[str, Array]
Updated: TypeAlias = tuple[Array, Slots]  # the new value, and what is kept of it


def _sgd(o: SGD, value: Array, grad: Array, slots: Slots, rate: float, age: int) -> Updated:
    real = value.dtype.type
    step = real(rate) * grad
    if not slots:
        return value - step, slots
    momentum = real(o.momentum)
    velocity = momentum * slots["velocity"] - step
    return value + (momentum * velocity - step if o.nesterov else velocity), {"velocity": velocity}


def _adagrad(o: AdaGrad, value: Array, grad: Array, slots: Slots, rate: float, age: int) -> Updated:
    squares = slots["squares"] + np.square(grad)
    return _divided(value, grad, squares, rate, o.epsilon), {"squares": squares}


def _rmsprop(o: RMSProp, value: Array, grad: Array, slots: Slots, rate: float, age: int) -> Updated:
    mean_square = _mean(slots["mean_square"], np.square(grad), o.decay)
    return _divided(value, grad, mean_square, rate, o.epsilon), {"mean_square": mean_square}


def _adam(o: Adam, value: Array, grad: Array, slots: Slots, rate: float, age: int) -> Updated:
    mean = _mean(slots["mean"], grad, o.beta_1)
    mean_square = _mean(slots["mean_square"], np.square(grad), o.beta_2)
    if o.weight_decay and value.ndim == 2:
        value = value.dtype.type(1 - rate * o.weight_decay) * value
    root = math.sqrt(1 - o.beta_2 ** (age + 1))  # for the start of the means at zero
    epsilon = o.epsilon if o.epsilon_hat else o.epsilon * root
    rate *= root / (1 - o.beta_1 ** (age + 1))
    return _divided(value, mean, mean_square, rate, epsilon), {"mean": mean, "mean_square": mean_square}


def _nadam(o: NAdam, value: Array, grad: Array, slots: Slots, rate: float, age: int) -> Updated:
    mean = _mean(slots["mean"], grad, o.beta_1)
    mean_square = _mean(slots["mean_square"], np.square(grad), o.beta_2)
    t = age + 1
    now, later = (o.beta_1 * (1 - 0.5 * o.fading**i) for i in (t, t + 1))
    product, real, root = _momenta(o, t), value.dtype.type, math.sqrt(1 - o.beta_2**t)
    step = real(later / (1 - product * later)) * mean + real((1 - now) / (1 - product)) * grad
    new = _divided(value, step, mean_square, rate * root, o.epsilon * root)
    return new, {"mean": mean, "mean_square": mean_square}


def _lion(o: Lion, value: Array, grad: Array, slots: Slots, rate: float, age: int) -> Updated:
    real, mean = value.dtype.type, slots["mean"]
    if o.weight_decay and value.ndim == 2:
        value = real(1 - rate * o.weight_decay) * value
    step = real(rate) * np.sign(_mean(mean, grad, o.beta_1))
    return value - step, {"mean": _mean(mean, grad, o.beta_2)}


def _momenta(o: NAdam, t: int) -> float:
    """The product of the momenta of the steps up to t.

    Beyond some thousand either they have come to beta_1, or the product to where 1 less it is 1.
    """
    first = np.arange(1.0, min(t, 4096) + 1)
    return float(np.prod(o.beta_1 * (1 - 0.5 * o.fading**first))) * o.beta_1 ** max(t - 4096, 0)


def _mean(before: Array, new: Array, decay: float) -> Array:
    """A running mean."""
    real = before.dtype.type
    after: Array = real(decay) * before + real(1 - decay) * new
    return after


def _divided(value: Array, direction: Array, squares: Array, rate: float, epsilon: float) -> Array:
    """`value` after a step divided by the root of the squares."""
    real = value.dtype.type
    # An epsilon that is 0 in the dtype would be 0 / 0 where all gradients have been 0; Adam's is corrected.
    epsilon = max(real(epsilon), np.finfo(real).smallest_normal)
    moved: Array = value - real(rate) * (direction / (np.sqrt(squares) + epsilon))
    return moved


_RULES: Mapping[str, Callable[..., Updated]] = {
    "sgd": _sgd,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "nadam": _nadam,
    "lion": _lion,
}


@quiet
def updated(value: Array, grad: Array, slots: Slots, optimizer: Optimizer, rate: float, age: int) -> Updated:
    """The new value, and what the optimizer keeps of it, by the formula of its rule; age + 1 is its t."""
    return _RULES[optimizer.rule](optimizer, value, grad, slots, rate, age)


def update(
    weight: Array,
    grad: Array,
    slots: Slots,
    optimizer: Optimizer,
    penalty: Penalty | None,
    rate: float,
    age: int,
) -> None:
    """Update a weight and the optimizer's slots in place; see `protocol.Backend`."""
    grad = limited(grad, weight, penalty, None)
    new, kept = updated(weight, grad, slots, optimizer, rate, age)
    write([(weight, shrunk(new, penalty, rate)), *changes(slots, kept)])


def changes(slots: Slots, new: Slots) -> list[tuple[Array, Array]]:
    """Pairs for `write`."""
    return [(array, new[name]) for name, array in slots.items()]
