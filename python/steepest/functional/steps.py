"""`steepest.functional`'s updates in place: one step of each optimizer on one array."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from .._description import check_dtype
from ..backends import active
from ..optimizers import SGD, AdaGrad, AdamW, Lion, NAdam, Optimizer, RMSProp
from ..penalties import Penalty, as_penalty

__all__ = ["adagrad_step", "adam_step", "lion_step", "nadam_step", "rmsprop_step", "sgd_step"]


def sgd_step(
    weight: Array,
    gradient: ArrayLike,
    learning_rate: float,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    velocity: Array | None = None,
    penalty: Penalty | None = None,
) -> None:
    """Update `weight`, and `velocity`, in place, by the formula in `steepest.SGD`.

    Parameters
    ----------
    weight : ndarray of float32 or float64, 1-D or 2-D
        Writable, with unit stride along its last axis.
    gradient : array_like, the shape of `weight`
        Of the data loss; that of the penalty is added here.
    learning_rate, momentum, nesterov
        As in `SGD`.
    velocity : ndarray like `weight`
        Needed with momentum, and only then.
    penalty : L2, L1, ElasticNet or None

    Raises
    ------
    TypeError, ValueError
        Also if `weight` or `velocity` cannot be written in place, or the arrays overlap.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weight = np.array([1.0, 2.0])
    >>> st.functional.sgd_step(weight, [10.0, -10.0], 0.5)
    >>> weight.tolist()
    [-4.0, 7.0]
    """
    optimizer = SGD(learning_rate, momentum, nesterov)
    w, g = _weight_and_gradient(weight, gradient)
    if (velocity is not None) != (optimizer.momentum > 0):
        raise ValueError(f"velocity is needed with momentum, and only then; momentum is {optimizer.momentum}")
    _update(w, g, {"velocity": velocity}, optimizer, penalty)


def adagrad_step(
    weight: Array,
    gradient: ArrayLike,
    learning_rate: float,
    *,
    squares: Array,
    epsilon: float = 1e-10,
    penalty: Penalty | None = None,
) -> None:
    """Update `weight` and `squares` in place, by the formula in `steepest.AdaGrad`.

    Parameters
    ----------
    weight, gradient, penalty
        As for `sgd_step`.
    learning_rate, epsilon
        As in `AdaGrad`.
    squares : ndarray like `weight`
        The sum of squared gradients, which begins with zeros.

    Raises
    ------
    TypeError, ValueError
        As for `sgd_step`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weight, squares = np.array([1.0, 2.0]), np.zeros(2)
    >>> st.functional.adagrad_step(weight, [10.0, -10.0], 0.5, squares=squares)
    >>> weight.round(6).tolist(), squares.tolist()
    ([0.5, 2.5], [100.0, 100.0])
    """
    optimizer = AdaGrad(learning_rate, epsilon)
    _update(*_weight_and_gradient(weight, gradient), {"squares": squares}, optimizer, penalty)


def rmsprop_step(
    weight: Array,
    gradient: ArrayLike,
    learning_rate: float,
    *,
    mean_square: Array,
    decay: float = 0.99,
    epsilon: float = 1e-8,
    penalty: Penalty | None = None,
) -> None:
    """Update `weight` and `mean_square` in place, by the formula in `steepest.RMSProp`.

    Parameters
    ----------
    weight, gradient, penalty
        As for `sgd_step`.
    learning_rate, decay, epsilon
        As in `RMSProp`.
    mean_square : ndarray like `weight`
        The running mean of squared gradients, which begins with zeros.

    Raises
    ------
    TypeError, ValueError
        As for `sgd_step`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weight, mean_square = np.array([1.0, 2.0]), np.zeros(2)
    >>> st.functional.rmsprop_step(weight, [10.0, -10.0], 0.5, mean_square=mean_square, decay=0.75)
    >>> weight.round(6).tolist(), mean_square.tolist()
    ([0.0, 3.0], [25.0, 25.0])
    """
    optimizer = RMSProp(learning_rate, decay, epsilon)
    _update(*_weight_and_gradient(weight, gradient), {"mean_square": mean_square}, optimizer, penalty)


def adam_step(
    weight: Array,
    gradient: ArrayLike,
    learning_rate: float,
    *,
    mean: Array,
    mean_square: Array,
    step: int,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    epsilon_hat: bool = False,
    weight_decay: float = 0.0,
    penalty: Penalty | None = None,
) -> None:
    """Update `weight`, `mean` and `mean_square` in place, by the formulas in `steepest.Adam` and `AdamW`.

    Parameters
    ----------
    weight, gradient, penalty
        As for `sgd_step`.
    learning_rate, beta_1, beta_2, epsilon, epsilon_hat, weight_decay
        As in `AdamW`, but an array of any shape decays.
    mean, mean_square : ndarray like `weight`
        Running means of gradients and of their squares, which begin with zeros.
    step : int
        How many updates `mean` and `mean_square` have had, 0 for the first.

    Raises
    ------
    TypeError, ValueError
        As for `sgd_step`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weight, mean, mean_square = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> st.functional.adam_step(weight, [10.0, -10.0], 0.5, mean=mean, mean_square=mean_square, step=0)
    >>> weight.round(6).tolist(), mean.round(6).tolist()
    ([0.5, 2.5], [1.0, -1.0])
    """
    optimizer = AdamW(learning_rate, beta_1, beta_2, epsilon, weight_decay, epsilon_hat=epsilon_hat)
    step = _checks.integer(step, "step", minimum=0, maximum=2**62)
    slots = {"mean": mean, "mean_square": mean_square}
    _update(*_weight_and_gradient(weight, gradient), slots, optimizer, penalty, step)


def nadam_step(
    weight: Array,
    gradient: ArrayLike,
    learning_rate: float,
    *,
    mean: Array,
    mean_square: Array,
    step: int,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    momentum_decay: float = 0.004,
    penalty: Penalty | None = None,
) -> None:
    """Update `weight`, `mean` and `mean_square` in place, by the formulas in `steepest.NAdam`.

    Parameters
    ----------
    weight, gradient, penalty
        As for `sgd_step`.
    learning_rate, beta_1, beta_2, epsilon, momentum_decay
        As in `NAdam`.
    mean, mean_square : ndarray like `weight`
        Running means of gradients and of their squares, which begin with zeros.
    step : int
        How many updates `mean` and `mean_square` have had, 0 for the first.

    Raises
    ------
    TypeError, ValueError
        As for `sgd_step`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weight, mean, mean_square = np.ones(2), np.zeros(2), np.zeros(2)
    >>> st.functional.nadam_step(weight, [1.0, -2.0], 0.1, mean=mean, mean_square=mean_square, step=0)
    >>> mean.round(4).tolist()
    [0.1, -0.2]
    """
    optimizer = NAdam(learning_rate, beta_1, beta_2, epsilon, momentum_decay)
    step = _checks.integer(step, "step", minimum=0, maximum=2**62)
    slots = {"mean": mean, "mean_square": mean_square}
    _update(*_weight_and_gradient(weight, gradient), slots, optimizer, penalty, step)


def lion_step(
    weight: Array,
    gradient: ArrayLike,
    learning_rate: float,
    *,
    mean: Array,
    beta_1: float = 0.9,
    beta_2: float = 0.99,
    weight_decay: float = 0.0,
    penalty: Penalty | None = None,
) -> None:
    """Update `weight` and `mean` in place, by the formulas in `steepest.Lion`.

    Parameters
    ----------
    weight, gradient, penalty
        As for `sgd_step`.
    learning_rate, beta_1, beta_2, weight_decay
        As in `Lion`, but an array of any shape decays.
    mean : ndarray like `weight`
        The running mean of gradients, which begins with zeros.

    Raises
    ------
    TypeError, ValueError
        As for `sgd_step`.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> weight, mean = np.ones(2), np.zeros(2)
    >>> st.functional.lion_step(weight, [0.5, -20.0], 0.25, mean=mean)
    >>> weight.tolist()
    [0.75, 1.25]
    """
    optimizer = Lion(learning_rate, beta_1, beta_2, weight_decay)
    _update(*_weight_and_gradient(weight, gradient), {"mean": mean}, optimizer, penalty)


def _update(
    weight: Array,
    gradient: Array,
    slots: Mapping[str, Array | None],
    optimizer: Optimizer,
    penalty: Penalty | None,
    age: int = 0,
) -> None:
    """One update; slots by the names of `Optimizer.slots`, None for one that there is not."""
    rate = _checks.positive(optimizer.learning_rate, "learning_rate")  # no schedule: there is but one step
    for description in (optimizer, penalty := as_penalty(penalty)):
        check_dtype(description, weight.dtype)
    arrays = {name: _slot(array, name, weight) for name, array in slots.items() if array is not None}
    every = [weight, gradient, *arrays.values()]
    if any(np.shares_memory(a, b) for i, a in enumerate(every) for b in every[:i]):
        *others, last = ("weight", "gradient", *slots)
        raise ValueError(f"{', '.join(others)} and {last} must not overlap in memory")
    active().update(weight, gradient, arrays, optimizer, penalty, rate, age)


def _slot(array: Array, name: str, weight: Array) -> Array:
    """What an optimizer keeps of a weight, as a 2-D view that can be written."""
    slot = _in_place(array, name)
    if slot.shape != weight.shape or slot.dtype != weight.dtype:
        raise ValueError(f"{name} is {slot.shape} {slot.dtype}, but weight is {weight.shape} {weight.dtype}")
    return slot


def _weight_and_gradient(weight: Array, gradient: ArrayLike) -> tuple[Array, Array]:
    w = _in_place(weight, "weight")
    g = _checks.packed(_checks.real_array(gradient, "gradient"), w.dtype)
    if g.shape != weight.shape:
        raise ValueError(f"gradient has shape {g.shape}, but weight has {weight.shape}")
    return w, np.atleast_2d(g)


def _in_place(array: object, name: str) -> Array:
    """`array` as a 2-D view that can be written."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is updated in place, so it must be an ndarray, not {type(array).__name__}")
    if array.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"{name} has dtype {array.dtype}, but must be float32 or float64")
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}, but must be 1-D or 2-D")
    if not array.flags.writeable:
        raise ValueError(f"{name} is updated in place, but it is read-only")
    if not _checks.readable(array):
        raise ValueError(
            f"{name} is updated in place, so it must be aligned, with unit stride along its last axis"
        )
    return array if array.ndim == 2 else array[None, :]
