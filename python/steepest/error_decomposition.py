"""Where the error of a model comes from: its kind, too few samples, or too short a training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from . import _checks
from ._checks import Array
from .losses import Loss, as_loss
from .model import Sequential
from .optimizers import SGD
from .penalties import Penalty
from .plots.drawing import axes_or_new
from .training.trainer import DEFAULT_OPTIMIZER, Trainer
from .training.validation import data_loss, validation_batch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Data = tuple[ArrayLike, ArrayLike]
_PARTS = ("remaining", "approximation", "estimation", "optimization")


@dataclass(frozen=True, repr=False)
class ErrorDecomposition:
    """The test errors of four models that each lack one thing less; what `error_decomposition` returns.

    Attributes
    ----------
    given, longer, more_data, wider : tuple of float
        Test error, one a seed: of the model as given; trained for longer; on all samples besides; and of
        more width besides.
    measure : {"loss", "error_rate"}
        What the errors are.
    """

    given: tuple[float, ...]
    longer: tuple[float, ...]
    more_data: tuple[float, ...]
    wider: tuple[float, ...]
    measure: Literal["loss", "error_rate"]

    @property
    def optimization(self) -> float:
        """Mean over the seeds of given - longer."""
        return self._estimate("optimization")[0]

    @property
    def estimation(self) -> float:
        """Mean over the seeds of longer - more_data."""
        return self._estimate("estimation")[0]

    @property
    def approximation(self) -> float:
        """Mean over the seeds of more_data - wider."""
        return self._estimate("approximation")[0]

    @property
    def remaining(self) -> float:
        """Mean over the seeds of wider, the error that none of the three explains."""
        return self._estimate("remaining")[0]

    @property
    def total(self) -> float:
        """Mean over the seeds of given, the sum of the four."""
        return float(np.mean(self.given))

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation over the seeds of each of the four parts, by its name."""
        return {part: self._estimate(part)[1] for part in _PARTS}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the parts as bars that stand on each other and add up to the last, the total.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            To draw in; by default that of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            With whiskers of one standard deviation over the seeds.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        ax = axes_or_new(ax)
        means, spreads = zip(*map(self._estimate, _PARTS), strict=True)
        bottoms = np.cumsum([0.0, *means[:-1]])
        colors = ["tab:gray", "tab:blue", "tab:orange", "tab:green"]
        ax.bar(_PARTS, means, bottom=bottoms, yerr=spreads, capsize=4, color=colors)
        ax.bar("total", self.total, yerr=_spread(np.array(self.given)), capsize=4, color="black", alpha=0.6)
        ax.set_ylabel("test loss" if self.measure == "loss" else "test error rate")
        return ax

    def _estimate(self, part: str) -> tuple[float, float]:
        """Mean and standard deviation over the seeds."""
        given, longer, more_data, wider = map(np.array, (self.given, self.longer, self.more_data, self.wider))
        values = {
            "remaining": wider,
            "approximation": more_data - wider,
            "estimation": longer - more_data,
            "optimization": given - longer,
        }[part]
        return float(values.mean()), _spread(values)

    def __repr__(self) -> str:
        lines = [f"ErrorDecomposition({self.measure}, {len(self.given)} seeds)"]
        for part in _PARTS:
            mean, spread = self._estimate(part)
            lines.append(f"  {part:13} {mean:8.4f} +- {spread:.4f}")
        return "\n".join([*lines, f"  {'total':13} {self.total:8.4f} +- {_spread(np.array(self.given)):.4f}"])


def error_decomposition(
    model_factory: Callable[[int, int], Sequential],
    train: Data,
    test: Data,
    *,
    samples: int | None = None,
    epochs: int = 10,
    longer: int = 10,
    width: int = 4,
    seeds: Iterable[int] = range(5),
    measure: Literal["loss", "error_rate"] = "loss",
    loss: str | Loss = "softmax",
    optimizer: SGD = DEFAULT_OPTIMIZER,
    penalty: Penalty | None = None,
    batch_size: int | None = 128,
) -> ErrorDecomposition:
    """Estimate the lecture's approximation, estimation and optimization errors from fits.

    Parameters
    ----------
    model_factory : callable
        ``model_factory(width, seed)`` returns a new `Sequential`, for width 1 the model in question, for a
        larger width one of that many times the hidden units.
    train, test : (X, y)
    samples : int, optional
        How many of the training samples the model in question has: at least 1, and fewer than there are.
        By default a quarter.
    epochs : int, default 10
        How long it is trained.
    longer : int, default 10
        How many times as long the others are, at least 2.
    width : int, default 4
        The width of the widest, at least 2.
    seeds : iterable of int, default range(5)
        At least 2, all different. Each draws the samples, the initial weights (through `model_factory`) and
        the shuffles.
    measure : {"loss", "error_rate"}, default "loss"
        The error on the test data: the loss without penalty, or the share of wrong predictions.
    loss, optimizer, penalty, batch_size
        As for `Sequential.fit`, in all fits.

    Returns
    -------
    ErrorDecomposition

    Raises
    ------
    ValueError, TypeError
        For data or settings that cannot be used, or if `model_factory` returns no `Sequential`.

    Notes
    -----
    Let E(f) be the expected error of f, f* the best function of all, f*_F the best of the family F that the
    model can become, f_n the one in F of least objective on n samples, and f~_n what the optimizer made of
    it. Then the excess error is (Bottou and Bousquet, "The tradeoffs of large scale learning", NIPS 2008)::

        E(f~_n) - E(f*) =   E(f*_F) - E(f*)        approximation error: F is too small
                          + E(f_n)  - E(f*_F)      estimation error: n is too small
                          + E(f~_n) - E(f_n)       optimization error: the training is too short

    averaged over draws of the n samples. None of the four is known. With E^(f) the mean error on the test
    data they are estimated by models from fits, n = `samples` of N training samples::

        f~_n   given      width 1        n samples   epochs
        f_n    longer     width 1        n samples   longer * epochs, of the same fit
        f*_F   more_data  width 1        N samples   longer * epochs
        f*     wider      `width`        N samples   longer * epochs

        optimization  = E^(given) - E^(longer)
        estimation    = E^(longer) - E^(more_data)
        approximation = E^(more_data) - E^(wider)
        remaining     = E^(wider)          of f*: the noise in the data, and what even this fit lacks

    so that the four add up to E^(given). They are as good as the fits that stand for the ideal ones: more of
    `longer`, N and `width` come nearer to the definition. An estimate can be negative: a training that
    stops early may predict better than one that goes on (then the optimization error is a gain that the
    estimation error pays for), and a wider model may overfit the N samples.
    """
    X, y = _training_samples(train)
    test = _pair(test, "test")
    n = max(len(X) // 4, 1) if samples is None else samples
    n = _checks.integer(n, "samples", minimum=1, maximum=len(X) - 1)
    epochs = _checks.integer(epochs, "epochs", minimum=1)
    longer = _checks.integer(longer, "longer", minimum=2)
    width = _checks.integer(width, "width", minimum=2)
    measure = _checks.one_of(measure, "measure", ("loss", "error_rate"))
    loss = as_loss(loss)
    if measure == "error_rate" and not loss.takes_labels:
        raise ValueError(f"error_rate counts wrong labels, but {loss!r} takes none: measure the loss")

    def trainer(width: int, seed: int) -> Trainer:
        model = model_factory(width, seed)
        if not isinstance(model, Sequential):
            raise TypeError(f"model_factory({width}, {seed}) must return a st.Sequential, not {model!r:.80}")
        return Trainer(model, loss, optimizer, penalty)

    def error(trainer: Trainer, X: Array, y: Array, epochs: int, seed: int) -> float:
        trainer.fit(X, y, epochs=epochs, batch_size=batch_size, progress=False, seed=seed)
        return _test_error(trainer, test, measure)

    def errors(seed: int) -> tuple[float, float, float, float]:
        drawn = np.sort(np.random.default_rng(seed).permutation(len(X))[:n])
        small = trainer(1, seed)
        return (
            error(small, X[drawn], y[drawn], epochs, seed),
            error(small, X[drawn], y[drawn], (longer - 1) * epochs, seed),
            error(trainer(1, seed), X, y, longer * epochs, seed),
            error(trainer(width, seed), X, y, longer * epochs, seed),
        )

    given, more_epochs, more_data, wider = zip(*map(errors, _different_seeds(seeds)), strict=True)
    return ErrorDecomposition(given, more_epochs, more_data, wider, measure)


def _training_samples(train: Data) -> tuple[Array, Array]:
    X, y = (_checks.real_array(part, name) for part, name in zip(_pair(train, "train"), "Xy", strict=True))
    if X.ndim != 2 or y.ndim == 0:
        raise ValueError(
            f"train has X of shape {X.shape} and y of shape {y.shape}, but X must be (samples, features) and "
            "y have one label or target a sample"
        )
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} samples, but y has {len(y)}")
    if len(X) < 2:
        raise ValueError(f"train has {len(X)} samples, but must have at least 2, to draw fewer from")
    return X, y


def _pair(data: Data, name: str) -> Data:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"{name} must be a pair (X, y)")
    return data[0], data[1]


def _different_seeds(seeds: Iterable[int]) -> list[int]:
    """At least two, for a spread, and all different, for it to mean something."""
    if isinstance(seeds, int | np.integer):
        raise TypeError(
            f"seeds must be a sequence of integers, not {seeds}: write range({seeds}) for so many"
        )
    chosen = [_checks.seed(seed) for seed in seeds]
    if len(set(chosen)) < max(len(chosen), 2):
        raise ValueError(f"seeds are {chosen!r:.80}, but at least 2 are needed, all different")
    return chosen


def _test_error(trainer: Trainer, test: Data, measure: str) -> float:
    """Of the model as it is now."""
    compiled = trainer.model.compiled
    batch = validation_batch(compiled, test, trainer.loss)
    if measure == "loss":
        return data_loss(compiled, trainer.loss, batch)
    return float(np.mean(trainer.model.predict(batch.dense) != batch.targets))


def _spread(values: Array) -> float:
    return float(np.std(values, ddof=1))
