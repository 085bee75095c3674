"""Which learning rate to take: a short run in which it rises."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from ..backends.sparse import Samples
from ..losses import Loss, LossFunction
from ..model import Sequential
from ..optimizers import Optimizer, as_optimizer
from ..penalties import Penalties
from ..training.divergence import DivergenceError
from ..training.model import checked_model
from ..training.trainer import DEFAULT_OPTIMIZER, Trainer
from .drawing import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LearningRates", "learning_rate_finder"]

_MEMORY = 0.9  # share of the average in the next one
_TOO_HIGH = 4.0  # times the lowest loss, above which the run ends
_BELOW = 10.0  # how far below the rate of the lowest loss the suggestion is


@dataclass(frozen=True, repr=False)
class LearningRates:
    """What `learning_rate_finder` found.

    Attributes
    ----------
    rates : list of float
        The learning rate of each step.
    losses : list of float
        The objective before each step, as an average in which older steps count less.
    suggestion : float
        The learning rate to begin with.

    Examples
    --------
    >>> import steepest as st
    >>> found = st.plots.LearningRates([0.01, 0.1, 1.0], [2.3, 1.5, 4.0], suggestion=0.01)
    >>> found
    LearningRates(3 steps from 0.01 to 1, suggestion 0.01)
    """

    rates: list[float]
    losses: list[float]
    suggestion: float

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the loss by the learning rate, with a line at the suggestion.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import steepest as st
        >>> from matplotlib.figure import Figure
        >>> found = st.plots.LearningRates([0.01, 0.1, 1.0], [2.3, 1.5, 4.0], suggestion=0.01)
        >>> found.plot(Figure().subplots()).get_xlabel()
        'learning rate'
        """
        ax = axes_or_new(ax)
        ax.plot(self.rates, self.losses)
        label = f"suggestion: {self.suggestion:.2g}"
        ax.axvline(self.suggestion, color="gray", linestyle="dashed", label=label)
        ax.set(xscale="log", xlabel="learning rate", ylabel="training loss, averaged")
        ax.legend()
        return ax

    def __repr__(self) -> str:
        return (
            f"LearningRates({len(self.rates)} steps from {self.rates[0]:.2g} to {self.rates[-1]:.2g}, "
            f"suggestion {self.suggestion:.2g})"
        )


def learning_rate_finder(
    model: Sequential,
    X: Samples,
    y: ArrayLike,
    *,
    loss: str | Loss | LossFunction = "softmax",
    optimizer: Optimizer = DEFAULT_OPTIMIZER,
    penalty: Penalties = None,
    batch_size: int = 128,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 200,
    seed: int = 0,
) -> LearningRates:
    """Suggest a learning rate, by training a copy of the model with a rate that rises with each step.

    Parameters
    ----------
    model : Sequential
        It is not changed.
    X : array_like or sparse matrix, (samples, in_features)
        The training data.
    y : array_like
        Labels or targets, as for `Sequential.fit`.
    loss : str, loss or callable, default "softmax"
        As for `Sequential.fit`.
    optimizer : an optimizer of `steepest.optimizers`, default SGD()
        Its learning rate is replaced.
    penalty : L2, L1, ElasticNet or None, or a mapping of them
        As for `Sequential.fit`.
    batch_size : int, default 128
        Samples per step. Take that of the fit: larger batches allow higher rates.
    lowest, highest : float, default 1e-6 and 10
        The rate rises from one to the other by the same factor in each step.
    steps : int, default 200
        Number of steps, at least 2.
    seed : int, default 0
        Seed of the order of the samples.

    Returns
    -------
    LearningRates
        With `rates`, `losses`, `suggestion`, and `plot`, which draws them.

    Raises
    ------
    ValueError, TypeError
        If data or settings cannot be used, or the loss did not fall at any of the rates.

    Notes
    -----
    This is the range test of L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017,
    with a rate that is multiplied by the same factor in each step, instead of growing by the same amount. The
    loss is averaged exponentially: each step counts 0.1. The run ends early when the average exceeds four
    times its lowest value. The suggestion is a tenth of the rate at which the average is lowest: the loss
    still falls fast there, far from the rates that make it rise. It is a rate to begin with, for a fit with
    the same optimizer and batch size.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.load_digits()
    >>> model = st.Sequential(st.Linear(64, 32), st.ReLU(), st.Linear(32, 10))
    >>> found = st.plots.learning_rate_finder(model, X / 16, y)
    >>> 0.01 < found.suggestion < 1
    True
    """
    low, high = _checks.positive(lowest, "lowest"), _checks.positive(highest, "highest")
    if low >= high:
        raise ValueError(f"lowest is {low:g}, but must be less than highest, which is {high:g}")
    steps = _checks.integer(steps, "steps", minimum=2)
    size = _checks.integer(batch_size, "batch_size", minimum=1)
    random = np.random.default_rng(_checks.seed(seed))
    optimizer = as_optimizer(optimizer)
    trainer = Trainer(copy.copy(checked_model(model)), loss, optimizer, penalty)
    trainer.fit(X, y, epochs=0, progress=False)  # checks the data
    inputs: Any = X.tocsr() if hasattr(X, "tocsr") else np.asarray(X)
    goals = np.asarray(y)
    rates: list[float] = []
    losses: list[float] = []
    average, order = 0.0, np.empty(0, np.int64)
    for step, rate in enumerate(np.geomspace(low, high, steps).tolist()):
        if len(order) < size:
            order = np.concatenate([order, random.permutation(len(goals))])
        rows, order = order[:size], order[size:]
        trainer.optimizer = dataclasses.replace(optimizer, learning_rate=rate)
        try:
            objective = trainer.step(inputs[rows], goals[rows])
        except DivergenceError:
            break
        average = _MEMORY * average + (1 - _MEMORY) * objective
        rates.append(rate)
        losses.append(average / (1 - _MEMORY ** (step + 1)))
        if losses[-1] > _TOO_HIGH * min(losses):
            break
    best = int(np.argmin(losses)) if losses else 0
    if best == 0:
        raise ValueError(f"the loss did not fall at any rate from {low:g} on: take a smaller lowest")
    return LearningRates(rates, losses, rates[best] / _BELOW)
