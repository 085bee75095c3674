"""`error_decomposition`: fits that each lack one thing less, and what their test errors tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..losses import Loss, as_loss
from ..model import Sequential
from ..optimizers import SGD
from ..penalties import Penalty
from ..training.trainer import DEFAULT_OPTIMIZER, Trainer
from ..training.validation import data_loss, measured
from .parts import ErrorDecomposition

Data = tuple[ArrayLike, ArrayLike]


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
    """Estimate the approximation, estimation and optimization errors of a model.

    The function trains four models for each seed and compares their test errors.

    Parameters
    ----------
    model_factory : callable
        ``model_factory(width, seed)`` returns a new `Sequential`: for width 1 the model in question, for a
        larger width a model with that many times the hidden units.
    train, test : (X, y)
        Training and test data: arrays of shape (samples, features), and labels or targets.
    samples : int, optional
        How many of the training samples the model in question is trained on: at least 1, and fewer than there
        are. By default a quarter.
    epochs : int, default 10
        Number of epochs for which it is trained.
    longer : int, default 10
        The other models are trained for this many times as many epochs; at least 2.
    width : int, default 4
        Width of the widest model, at least 2.
    seeds : iterable of int, default range(5)
        At least 2, all different. A seed determines the choice of samples, the initial weights (through
        `model_factory`) and the shuffles.
    measure : {"loss", "error_rate"}, default "loss"
        The error on the test data: the loss without penalty, or the fraction of wrong predictions.
    loss, optimizer, penalty, batch_size
        As for `Sequential.fit`; the same for all models.

    Returns
    -------
    ErrorDecomposition

    Raises
    ------
    ValueError, TypeError
        If data or settings cannot be used, or if `model_factory` does not return a `Sequential`.

    Notes
    -----
    Let E(f) be the expected error of f, f* the best function of all, f*_F the best in the family F of
    functions that the model can represent, f_n the function in F with the smallest objective on n samples,
    and f~_n what the optimizer found. Then the excess error is (Bottou and Bousquet, "The tradeoffs of large
    scale learning", NIPS 2008)::

        E(f~_n) - E(f*) =   E(f*_F) - E(f*)        approximation error: F is too small
                          + E(f_n)  - E(f*_F)      estimation error: n is too small
                          + E(f~_n) - E(f_n)       optimization error: the training is too short

    averaged over random choices of the n samples. The four functions are unknown. Trained models stand for
    them, with n = `samples` of N training samples. With E^(f) the mean error of f on the test data::

        f~_n   given      width 1        n samples   epochs
        f_n    longer     width 1        n samples   longer * epochs, of the same fit
        f*_F   more_data  width 1        N samples   longer * epochs
        f*     wider      `width`        N samples   longer * epochs

        optimization  = E^(given) - E^(longer)
        estimation    = E^(longer) - E^(more_data)
        approximation = E^(more_data) - E^(wider)
        remaining     = E^(wider)          the noise in the data, and what this model lacks

    The four parts add up to E^(given). Larger `longer`, N and `width` bring the estimates closer to the
    definitions. An estimate can be negative: training that stops early may predict better than training that
    goes on (then the optimization error is negative and the estimation error larger), and a wider model may
    overfit the N samples.

    Examples
    --------
    >>> import steepest as st
    >>> def network(width, seed):
    ...     return st.Sequential(st.Linear(2, 4 * width), st.ReLU(), st.Linear(4 * width, 2), seed=seed)
    >>> data = st.datasets.two_moons(100), st.datasets.two_moons(100, seed=1)
    >>> parts = st.error_decomposition(network, *data, epochs=2, longer=2, seeds=range(2))
    >>> round(parts.remaining + parts.approximation + parts.estimation + parts.optimization - parts.total, 9)
    0.0
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
            "y one label or target per sample"
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
    """The seeds as a list: at least two, all different, so that their spread has a meaning."""
    if isinstance(seeds, int | np.integer):
        raise TypeError(
            f"seeds must be a sequence of integers, not {seeds}: write range({seeds}) for that many seeds"
        )
    chosen = [_checks.seed(seed) for seed in seeds]
    if len(set(chosen)) < max(len(chosen), 2):
        raise ValueError(f"seeds are {chosen!r:.80}, but at least 2 are needed, all different")
    return chosen


def _test_error(trainer: Trainer, test: Data, measure: str) -> float:
    """The test error of the model as it is now."""
    compiled = trainer.model.compiled
    batch = measured(compiled, test, trainer.loss, "test").batch
    if measure == "loss":
        return data_loss(compiled, trainer.loss, batch)
    return float(np.mean(trainer.model.predict(batch.dense) != batch.targets))
