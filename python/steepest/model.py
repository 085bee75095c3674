"""`Sequential`: a chain of layers, their parameters, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from textwrap import indent
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _checks, storage
from .averaging import Averaging
from .compile import folding, summary
from .compile.compiled import Compiled
from .compile.initial_weights import draw_weights
from .constraints import MaxNorm
from .initializers import Initializer
from .layers import Layer
from .losses import Loss, LossFunction
from .metrics import Metric
from .optimizers import Optimizer
from .penalties import Penalties
from .training.callbacks import BatchCallback, Callback
from .training.history import History
from .training.model import Model
from .training.trainer import DEFAULT_OPTIMIZER, Trainer

_LINE = 88  # characters of a description that is not broken into lines


class Sequential(Model):
    """Layers applied one after the other: a linear classifier, or a multilayer perceptron.

    Parameters
    ----------
    *layers : layers
        `Linear`, `Maxout`, activations as `ReLU`, `Dropout`, `BatchNorm`, `Residual`,
        `FractionalMaxPool2d`. At least one `Linear` or `Maxout`, each taking as many features as the one
        before gives.
    dtype : {float32, float64}, default float32
        Of the parameters and of all arithmetic.
    seed : int, default 0
        In [0, 2**64): draws the initial weights, and by default the shuffles and dropouts of `fit`.
    initializer : Initializer, optional
        How the initial weights are drawn, see `steepest.initializers`, but for layers with one of their own.

    Raises
    ------
    ValueError, TypeError
        If the layers do not fit together, or are none, or hold a number that `dtype` cannot.

    Notes
    -----
    Initial biases are zero. Initial weights are, by default, those of `initializers.KaimingNormal` for a
    layer followed by ReLU, ELU or GELU (standard deviation sqrt(2 / in_features): ReLU halves the variance,
    the 2 restores it), of the same with its negative_slope before LeakyReLU, and of
    `initializers.LeCunNormal` for any other (sqrt(1 / in_features)), so that signals neither grow nor fade
    with depth. They are drawn from ``numpy.random.Generator(PCG64(seed))`` in float64, layer by layer, and
    rounded to `dtype`: models in float32 and float64 start alike, on either backend.
    """

    def __init__(
        self,
        *layers: Layer,
        dtype: DTypeLike = np.float32,
        seed: int = 0,
        initializer: Initializer | None = None,
    ) -> None:
        self._build(layers, dtype, seed)
        draw_weights(self.compiled, self.seed, initializer)

    def _build(self, layers: Iterable[Layer], dtype: DTypeLike, seed: int) -> None:
        """Everything but the initial weights, which stay zero."""
        self.dtype = _checks.float_dtype(dtype)
        self.seed = _checks.seed(seed)
        self.compiled = Compiled(layers, self.dtype)
        self.layers = self.compiled.layers
        self.in_features, self.out_features = self.compiled.in_features, self.compiled.out_features

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | LossFunction = "softmax",
        optimizer: Optimizer = DEFAULT_OPTIMIZER,
        penalty: Penalties = None,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        constraint: MaxNorm | None = None,
        averaging: Averaging | None = None,
        epochs: int = 10,
        batch_size: int | None = 128,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        metrics: Mapping[str, Metric] | None = None,
        callbacks: Sequence[Callback] = (),
        batch_callbacks: Sequence[BatchCallback] = (),
        batch_group: int = 1,
        progress: bool = True,
        seed: int | None = None,
    ) -> History:
        """Train on mini-batches, with a `Trainer` made for this one fit.

        Keep a `Trainer` yourself to continue with the optimizer's state, to cancel from another
        thread, or to write your own loop.

        Parameters
        ----------
        X : array_like, (samples, in_features)
        y : array_like
            Labels (samples,) for softmax and hinge, targets (samples, out_features) for other losses.
        loss : str, loss or callable, default "softmax"
            A loss, its name (see `losses.as_loss`), or a function of scores and targets (see
            `losses.CustomLoss`).
        optimizer : SGD, AdaGrad, RMSProp, Adam or AdamW, default SGD()
        penalty : L2, L1, ElasticNet or None, or a mapping of them
        clip_value, clip_norm, constraint
            See `Trainer`.
        averaging : PolyakAverage, ExponentialAverage or None
            Average the parameters over the updates, and leave the averaged ones in the model at the end;
            validation, metrics and callbacks see those that are being learned.
        epochs, batch_size, shuffle, sample_weight, validation_data, metrics
            See `Trainer.fit`.
        callbacks, batch_callbacks, batch_group, progress, seed
            See `Trainer.fit`.

        Returns
        -------
        History

        Raises
        ------
        ValueError, TypeError
            For data or settings that cannot be used; nothing was changed then.
        DivergenceError
            If the loss or a parameter stops being finite; the parameters of the last finished epoch are
            restored.
        """
        trainer = Trainer(
            self,
            loss=loss,
            optimizer=optimizer,
            penalty=penalty,
            clip_value=clip_value,
            clip_norm=clip_norm,
            constraint=constraint,
            averaging=averaging,
        )
        history = trainer.fit(
            X,
            y,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            validation_data=validation_data,
            metrics=metrics,
            callbacks=callbacks,
            batch_callbacks=batch_callbacks,
            batch_group=batch_group,
            progress=progress,
            seed=seed,
        )
        if averaging is not None:
            self.load_state_dict(trainer.averaged().state_dict())
        return history

    def folded(self) -> Sequential:
        """A model of the same scores in which each `BatchNorm` right behind a `Linear` is a part of that.

        For inference and export; trained further it would go another way. Layers are numbered anew.

        Returns
        -------
        Sequential
        """
        layers, state = folding.folded(self.layers, self.state_dict())
        return restored(layers, state, self.dtype, self.seed)

    def summary(self) -> str:
        """A table of the layers: what each gives for n samples, its number of parameters, and totals."""
        counts = {key: array.size for key, array in self.compiled.named(self.compiled.parameters)}
        return summary.table(self.layers, self.in_features, counts, self.dtype)

    def __repr__(self) -> str:
        parts = [*map(repr, self.layers), f"dtype={self.dtype}, seed={self.seed}"]
        if len(line := f"Sequential({', '.join(parts)})") <= _LINE and "\n" not in line:
            return line
        return "\n".join(["Sequential(", *(indent(f"{part},", "    ") for part in parts), ")"])

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs: descriptions and values, never a backend's network."""
        return {"layers": self.layers, "dtype": self.dtype, "seed": self.seed, "state": self.state_dict()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self._build(state["layers"], state["dtype"], state["seed"])
        self.load_state_dict(state["state"])


def restored(
    layers: Iterable[Layer],
    state: Mapping[str, ArrayLike],
    dtype: DTypeLike,
    seed: int = 0,
    kind: type[Sequential] = Sequential,
) -> Sequential:
    """A model with given parameters, for which no initial weights are drawn; see `load_state_dict`."""
    model = kind.__new__(kind)
    model.__setstate__({"layers": layers, "dtype": dtype, "seed": seed, "state": state})
    return model


def load(path: str | PathLike[str]) -> Sequential:
    """Read a model that `Sequential.save` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    Sequential

    Raises
    ------
    ModelFileError
        A ValueError: the file holds no model, or it is damaged; the message says what is.
    OSError
        If there is no such file, or it cannot be read.
    """
    return load_with_metadata(path)[0]


def load_with_metadata(path: str | PathLike[str]) -> tuple[Sequential, dict[str, str]]:
    """The same, and the strings that were saved beside it."""
    description, state = storage.read(path)
    with storage.refusing(path):
        model = restored(description.layers, state, description.dtype, description.seed)
    return model, dict(description.metadata)
