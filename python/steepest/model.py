"""`Sequential`: a model of layers in sequence, with its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from os import PathLike
from textwrap import indent
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _checks, storage
from .averaging import Averaging
from .backends.sparse import Samples
from .compile import folding, summary
from .compile.compiled import Compiled
from .compile.initial_weights import draw_weights
from .compile.inputs import rows_to_learn
from .constraints import MaxNorm
from .initializers import Initializer
from .layers import Layer
from .losses import ClassWeight, CustomLoss, Loss, LossFunction
from .metrics import Metrics
from .optimizers import Optimizer
from .penalties import Penalties
from .storage.loss import without_loss
from .training.callbacks import BatchCallback, Callback
from .training.checkpoints import USUAL
from .training.history import History
from .training.model import Model
from .training.trainer import DEFAULT_OPTIMIZER, Trainer
from .training.validation import ValidationData

__all__ = ["Sequential"]

_LINE = 88  # characters of a description that is not broken into lines


class Sequential(Model):
    """Layers applied one after the other: a linear classifier, or a multilayer perceptron.

    Parameters
    ----------
    *layers : layers, or one list of them
        `Linear`, `Maxout`, activations such as `ReLU`, `Dropout`, `BatchNorm`, `LayerNorm`, `Scale`,
        `PeriodicEmbedding`, `Residual`, `FractionalMaxPool2d`. There must be at least one `Linear` or
        `Maxout`, and each layer must take as many features as the one before returns.
    dtype : {float32, float64}, default float32
        Data type of the parameters and of all arithmetic.
    seed : int, default 0
        Seed of the initial weights, and by default of the shuffles and dropout masks of `fit`; in [0, 2**64).
    initializer : Initializer, optional
        How the initial weights are drawn, see `steepest.initializers`. A layer's own initializer takes
        precedence.

    Raises
    ------
    ValueError, TypeError
        If the layers do not fit together, an argument is not a layer, or a layer has a setting that `dtype`
        cannot represent.

    Notes
    -----
    Initial biases are zero, unless a `Linear` has a `bias_initializer`. Initial weights are, by default,
    those of `initializers.KaimingNormal` for a layer followed by ReLU, ELU, GELU, SiLU or Mish (standard
    deviation sqrt(2 / in_features): ReLU halves the variance, the 2 restores it), of the same with its
    negative_slope before LeakyReLU, and of `initializers.LeCunNormal` for any other (sqrt(1 / in_features)),
    so that signals neither grow nor vanish with depth. They are drawn from
    ``numpy.random.Generator(PCG64(seed))`` in float64, layer by layer, and rounded to `dtype`: models in
    float32 and float64 start with the same weights, on either backend.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.load_digits()
    >>> model = st.Sequential(st.Linear(64, 32), st.ReLU(), st.Linear(32, 10))
    >>> history = model.fit(X / 16, y, optimizer=st.SGD(0.1, momentum=0.9), epochs=5, progress=False)
    >>> model(X / 16).shape, st.accuracy(y, model(X / 16)) > 0.9
    ((1797, 10), True)
    """

    def __init__(
        self,
        *layers: Layer | Sequence[Layer],
        dtype: DTypeLike = np.float32,
        seed: int = 0,
        initializer: Initializer | None = None,
    ) -> None:
        if len(layers) == 1 and isinstance(layers[0], list | tuple):
            layers = tuple(layers[0])
        self._build(cast("tuple[Layer, ...]", layers), dtype, seed)
        draw_weights(self.compiled, self.seed, initializer)

    def _build(self, layers: Iterable[Layer], dtype: DTypeLike, seed: int) -> None:
        """Everything but the initial weights, which stay zero."""
        self.dtype = _checks.float_dtype(dtype)
        self.seed = _checks.seed(seed)
        self.fits_done = 0
        self.compiled = Compiled(layers, self.dtype)
        self.layers = self.compiled.layers
        self.in_features, self.out_features = self.compiled.in_features, self.compiled.out_features

    def fit(
        self,
        X: Samples,
        y: ArrayLike,
        *,
        loss: str | Loss | LossFunction = "softmax",
        optimizer: str | Optimizer = DEFAULT_OPTIMIZER,
        penalty: Penalties = None,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        constraint: MaxNorm | None = None,
        averaging: Averaging | None = None,
        rate_factors: Mapping[int, float] | None = None,
        frozen: Iterable[int] = (),
        epochs: int = 10,
        batch_size: int | None = 128,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        validation_data: ValidationData | None = None,
        validation_split: float = 0.0,
        metrics: Metrics | None = None,
        callbacks: Sequence[Callback] | Callback = (),
        batch_callbacks: Sequence[BatchCallback] | BatchCallback = (),
        batch_group: int = 1,
        progress: bool | Literal["bar", "lines"] = True,
        seed: int | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int | str = USUAL,
        resume: bool | str | PathLike[str] = False,
    ) -> History:
        """Train on mini-batches, with a new `Trainer`.

        Momentum, and whatever else an optimizer remembers, and the position in a learning rate schedule begin
        anew with each call. Create a `Trainer` yourself to keep them from one fit to the next, to cancel from
        another thread, or to write your own loop.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)
            Sparse as for `Trainer.fit`.
        y : array_like
            Labels (samples,) for softmax and hinge, targets (samples, out_features) for other losses.
        loss : str, loss or callable, default "softmax"
            A loss, its name, such as "cross_entropy", "mse", "mae", "bce" or "svm", or a function of scores
            and targets; see `Trainer`.
        optimizer : an optimizer of `steepest.optimizers`, or its name, default SGD()
            "sgd", "adagrad", "rmsprop", "adam", "adamw", "nadam" or "lion" with its default settings.
        penalty : L2, L1, ElasticNet or None, or a mapping of them
        clip_value, clip_norm, constraint
            See `Trainer`.
        averaging : PolyakAverage, ExponentialAverage or None
            Average the parameters over the updates; at the end the model has the averaged ones. Validation,
            metrics and callbacks see the parameters that are being trained.
        rate_factors, frozen
            Layers that learn at other rates, and that do not learn; see `Trainer`.
        epochs, batch_size, shuffle, sample_weight, class_weight, validation_data, validation_split, metrics
            See `Trainer.fit`.
        callbacks, batch_callbacks, batch_group, progress, seed, checkpoint, checkpoint_every, resume
            See `Trainer.fit`.

        Returns
        -------
        History

        Raises
        ------
        ValueError, TypeError
            If data or settings cannot be used. The model is unchanged then.
        DivergenceError
            If the loss or a parameter is no longer finite. The parameters of the last finished epoch are
            restored, or of the best one if the loss had risen before.

        Warns
        -----
        RuntimeWarning
            If the loss rose for good, or is above that before the first step. The parameters are then those
            of the best epoch; see `Trainer.fit`.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> settings = {"optimizer": "adam", "validation_split": 0.2, "metrics": ["accuracy"]}
        >>> history = model.fit(X, y, epochs=3, progress=False, **settings)
        >>> len(history["loss"]), list(history.metrics)
        (3, ['accuracy'])
        """
        limits: dict[str, Any] = {"clip_value": clip_value, "clip_norm": clip_norm, "constraint": constraint}
        limits |= {"averaging": averaging, "rate_factors": rate_factors, "frozen": frozen}
        self.compiled.turns.check_free()  # before a trainer has set the model's loss
        trainer = Trainer(self, loss, optimizer, penalty, **limits)
        rows: dict[str, Any] = {
            "shuffle": shuffle,
            "sample_weight": sample_weight,
            "class_weight": class_weight,
        }
        rows |= {"validation_data": validation_data, "validation_split": validation_split}
        calls: dict[str, Any] = {
            "metrics": metrics,
            "callbacks": callbacks,
            "batch_callbacks": batch_callbacks,
        }
        calls |= {"batch_group": batch_group, "progress": progress, "checkpoint": checkpoint}
        calls |= {"checkpoint_every": checkpoint_every, "resume": resume}
        with self._one_fit(trainer):
            return trainer.fit(X, y, epochs=epochs, batch_size=batch_size, seed=seed, **rows, **calls)

    @contextmanager
    def _one_fit(self, trainer: Trainer) -> Iterator[None]:
        """Its draws are those of the model's seed for the first fit, others for each that follows.

        At the end the model has the averages, if the trainer keeps some.
        """
        if self.fits_done:
            of_fit = np.random.SeedSequence([self.seed, self.fits_done])
            trainer.draws = int(of_fit.generate_state(1, np.uint64)[0])
        try:
            yield
        finally:
            self.fits_done += trainer.steps_done > 0
        if trainer.averaging is not None:
            self.load_state_dict(trainer.averaged().state_dict())

    def standardize(self, X: ArrayLike) -> None:
        """Set mean and scale of a model that begins with `Standardize`; `fit` does it unless they are set.

        Of one that begins with `PiecewiseLinear` it sets the knots.

        Parameters
        ----------
        X : array_like, (samples, in_features)
            Training rows, at least one.

        Raises
        ------
        ValueError
            If the model begins with neither, X has no row or another number of features, or
            holds NaN, an infinity, or numbers too large for the model's dtype.
        TypeError
            If X does not hold real numbers.
        RuntimeError
            As `load_state_dict`.

        Examples
        --------
        >>> import steepest as st
        >>> model = st.Sequential(st.Standardize(), st.Linear(2, 1))
        >>> model.standardize([[0.0, 10.0], [2.0, 30.0]])
        >>> model.state_dict()["0.mean"].tolist(), model.state_dict()["0.scale"].tolist()
        ([1.0, 20.0], [1.0, 10.0])
        """
        if self.compiled.inputs is None:
            raise ValueError(f"the model begins with {self.layers[0]!r}, not with st.Standardize()")
        learn = partial(self.compiled.inputs.learn, rows_to_learn(X, self.in_features))
        self.compiled.turns.between(learn, sets=True)

    def folded(self) -> Sequential:
        """Return a model with the same scores whose `Standardize` and `BatchNorm` are merged into a `Linear`.

        These are a `Standardize` before a `Linear`, and each `BatchNorm` after one.

        It is meant for inference and export: further training would give other results. Its layers are
        numbered from 0 again.

        Returns
        -------
        Sequential

        Examples
        --------
        >>> import steepest as st
        >>> first = st.Linear(2, 3), st.BatchNorm(3), st.ReLU()
        >>> model = st.Sequential(st.Standardize(), *first, st.Linear(3, 2))
        >>> model.folded().layers
        (Linear(2, 3), ReLU(), Linear(3, 2))
        """
        layers, state = folding.folded(self.layers, self.state_dict())
        return restored(layers, state, self.dtype, self.seed)

    def summary(self) -> str:
        """Describe the layers in a table: output shape, number of parameters, and totals.

        Returns
        -------
        str
            One line per layer. Shapes are for n samples.

        Examples
        --------
        >>> import steepest as st
        >>> print(st.Sequential(st.Linear(4, 3), st.ReLU(), st.Linear(3, 2)).summary())
           layer         output  parameters
        -----------------------------------
           input         (n, 4)
        0  Linear(4, 3)  (n, 3)          15
        1  ReLU()        (n, 3)           0
        2  Linear(3, 2)  (n, 2)           8
        -----------------------------------
           total                         23  (92 bytes, float32)
        """
        return summary.table(self.layers, self.in_features, self._counts(), self.dtype)

    def _counts(self) -> dict[str, int]:
        """The number of parameters by their keys."""
        return {key: array.size for key, array in self.compiled.named(self.compiled.parameters)}

    def __repr__(self) -> str:
        parts = [*map(repr, self.layers), f"dtype={self.dtype}, seed={self.seed}"]
        if len(line := f"Sequential({', '.join(parts)})") <= _LINE and "\n" not in line:
            return line
        return "\n".join(["Sequential(", *(indent(f"{part},", "    ") for part in parts), ")"])

    def _repr_html_(self) -> str:
        """What notebooks show: the table of `summary`."""
        name, counts = type(self).__name__, self._counts()
        return summary.html(name, self.layers, self.in_features, counts, self.dtype)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs: descriptions and values, never a backend's network."""
        state = {"layers": self.layers, "dtype": self.dtype, "seed": self.seed, "state": self.state_dict()}
        loss = None if isinstance(self.loss, CustomLoss) else self.loss  # a function may have no pickle
        return {**state, "fits_done": self.fits_done, "loss": loss}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self._build(state["layers"], state["dtype"], state["seed"])
        self.load_state_dict(state["state"])
        self.fits_done, self.loss = state.get("fits_done", 0), state.get("loss")


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


def restored_with_metadata(
    description: storage.Description, state: Mapping[str, ArrayLike]
) -> tuple[Sequential, dict[str, str]]:
    """A model that `Sequential.save` wrote, and the strings saved beside it; see `loading.load`."""
    model = restored(description.layers, state, description.dtype, description.seed)
    metadata, model.loss = without_loss(description.metadata)
    return model, metadata
