"""`Sequential`: a chain of layers, their parameters, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from textwrap import indent
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _checks
from ._checks import Array
from ._config import current
from ._description import check_dtype
from .averaging import Averaging
from .backends import active
from .backends.data import Batch, Parameters, StepKey, TrainConfig
from .backends.memory import aligned_zeros
from .backends.protocol import Network, Stage
from .backends.reference import forward_mode as _forward_mode
from .backends.reference.formulas import write
from .compile import summary as _summary
from .compile.folding import folded
from .compile.output import check_output
from .compile.penalties import per_layer
from .compile.plan import compile_stages, learners, walk
from .constraints import MaxNorm
from .initializers import Initializer, KaimingNormal, LeCunNormal, checked_initializer, drawn
from .layers import Layer
from .layers.regularization import BatchNorm, Dropout
from .losses import Loss, LossFunction, as_loss
from .metrics import Metric
from .optimizers import Optimizer
from .penalties import Penalties, Penalty
from .training.callbacks import BatchCallback, Callback
from .training.history import History
from .training.targets import targets_and_weight
from .training.trainer import DEFAULT_OPTIMIZER, Trainer, _check_finite

_MEMORY = 2**62  # bytes that an array never has
_LINE = 88  # characters of a description that is not broken into lines


class Sequential:
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
        checked_initializer(initializer)
        generator = np.random.Generator(np.random.PCG64(self.seed))
        learning = zip(learners(self.layers), self._learning_stages(), self._parameters, strict=True)
        for (_, layer), stage, parameters in learning:
            if isinstance(layer, BatchNorm):
                continue
            chosen = layer.initializer or initializer or _default_initializer(self._stages, stage)
            parameters.weight[...] = drawn(chosen, generator, stage.inputs, stage.outputs, self.dtype)

    def _build(self, layers: Iterable[Layer], dtype: DTypeLike, seed: int) -> None:
        """Everything but the initial weights, which stay zero."""
        self.layers: tuple[Layer, ...] = tuple(layers)
        self.dtype: np.dtype[Any] = _checks.float_dtype(dtype)
        self.seed: int = _checks.seed(seed)
        self._stages = compile_stages(self.layers)
        for path, layer in walk(self.layers):
            check_dtype(layer, self.dtype, f"layer {path} is {layer!r:.80}")
        self.in_features: int = self._stages[0].inputs
        self.out_features: int = self._stages[-1].outputs
        for (path, layer), stage in zip(learners(self.layers), self._learning_stages(), strict=True):
            if stage.inputs * stage.outputs * self.dtype.itemsize > _MEMORY:
                raise ValueError(
                    f"layer {path} is {layer!r}, whose weight of {stage.inputs} x {stage.outputs} numbers is "
                    "larger than any memory"
                )
        self._parameters = self._zeros()
        self._running: list[Array] = []
        for stage, parameters in zip(self._learning_stages(), self._parameters, strict=True):
            if stage.kind == "batch_norm":
                parameters.weight[...] = 1
                self._running.append(aligned_zeros(2, stage.outputs, self.dtype))
                self._running[-1][1] = 1
        self._networks: dict[str, Network] = {}

    @classmethod
    def _from_state(
        cls, layers: Iterable[Layer], state: Mapping[str, ArrayLike], *, dtype: DTypeLike, seed: int = 0
    ) -> Sequential:
        """A model with given parameters, for which no initial weights are drawn; see `load_state_dict`."""
        model = cls.__new__(cls)
        model._build(layers, dtype, seed)
        model.load_state_dict(state)
        return model

    def __call__(self, X: ArrayLike) -> Array:
        """Scores of the rows of X.

        Parameters
        ----------
        X : array_like, (samples, in_features)
            Converted to the model's dtype. May have 0 rows.

        Returns
        -------
        ndarray, (samples, out_features), of the model's dtype

        Raises
        ------
        ValueError
            If the shape is wrong, or a row holds NaN or an infinity (the message names the first).
        TypeError
            If X does not hold real numbers.
        """
        network = self._network()
        scores = network.try_forward(X)
        if scores is not None:
            return scores
        x = _checks.rows(X, self.in_features, self.dtype)
        if len(x) == 0:
            return np.empty((0, self.out_features), self.dtype)
        _checks.finite_rows(x, active().first_nonfinite_row)
        return network.forward(x)

    def predict(self, X: ArrayLike) -> Array:
        """Class of each row: the index of its largest score, the first of equals.

        For classifiers; a model of real numbers is called, as ``model(X)``.

        Parameters
        ----------
        X : array_like, (samples, in_features)

        Returns
        -------
        ndarray, (samples,), int64

        Raises
        ------
        ValueError
            As for a call, and if the model has one output, which has no largest score.
        """
        if self.out_features == 1:
            raise ValueError("predict chooses among at least 2 outputs, but the model has 1: use model(X)")
        return np.asarray(self(X).argmax(axis=1), dtype=np.int64)

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

    def loss_and_gradients(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | LossFunction,
        penalty: Penalties = None,
        sample_weight: ArrayLike | None = None,
        step: int = 0,
    ) -> tuple[float, dict[str, Array]]:
        """The objective (data loss + penalty) on one batch and its gradients, without learning.

        As a step of training has them: batch normalization by the batch's statistics (the running ones stay
        as they are), dropout and the other draws of the model's seed and the given step.

        Parameters
        ----------
        X, y, loss, penalty, sample_weight
            As for `fit`. A proximal penalty is in the objective, but not in its gradients.
        step : int, default 0
            Keys the random draws; at least 0.

        Returns
        -------
        objective : float
        gradients : dict of ndarray
            With the keys and shapes of `state_dict`, running statistics left out.
        """
        draws = StepKey(self.seed, _checks.integer(step, "step", minimum=0))
        loss, penalties = self._objective(loss, penalty)
        batch = self._batch(X, y, sample_weight, loss)
        _check_finite(batch)
        self._check_masks(len(batch.x))
        objective, gradients = self._network().loss_and_gradients(batch, TrainConfig(loss, penalties), draws)
        return objective, {key: np.ascontiguousarray(array) for key, array in self._named(gradients)}

    def directional_derivative(
        self,
        X: ArrayLike,
        y: ArrayLike,
        direction: Mapping[str, ArrayLike],
        *,
        loss: str | Loss | LossFunction,
        penalty: Penalties = None,
        sample_weight: ArrayLike | None = None,
        step: int = 0,
    ) -> tuple[float, float]:
        """The objective on one batch and its derivative along a direction, in forward mode.

        That is the inner product of the direction with the gradient, without the gradient: tangents go
        through the layers with the values, in one pass.

        Parameters
        ----------
        X, y, loss, penalty, sample_weight, step
            As for `loss_and_gradients`.
        direction : mapping of array_like
            How fast each parameter changes, with keys and shapes of `state_dict`; missing keys stand still.

        Returns
        -------
        objective : float
        derivative : float

        Raises
        ------
        ValueError
            If keys are unexpected, a shape differs, or a value is not finite.
        TypeError
            If a value does not hold real numbers.
        """
        draws = StepKey(self.seed, _checks.integer(step, "step", minimum=0))
        loss, penalties = self._objective(loss, penalty)
        tangents = self._zeros()
        own = dict(self._named(tangents))
        for key, value in _checks.named_arrays(
            direction, own, self.dtype, "direction", complete=False
        ).items():
            own[key][...] = value
        batch = self._batch(X, y, sample_weight, loss)
        _check_finite(batch)
        self._check_masks(len(batch.x))
        return _forward_mode.directional_derivative(
            self._stages, self._parameters, tangents, batch, loss, penalties, draws
        )

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters: "0.weight" (in_features, out_features), "0.bias" (out_features,), ...

        The number counts every layer, activations too; the layers of a `Residual` follow its own:
        "3.0.weight".
        A `BatchNorm` has "running_mean" and "running_var" as well.
        """
        return {key: array.copy() for key, array in self._state()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Set all parameters, or none of them if one does not fit.

        Parameters
        ----------
        state : mapping of array_like
            As `state_dict` gives it, in any order; values are converted to the model's dtype.

        Raises
        ------
        ValueError
            If keys are missing or unexpected, a shape differs, or a value is not finite.
        TypeError
            If a value does not hold real numbers.
        """
        new = self._checked_state(state)
        write([(array, new[key]) for key, array in self._state()])

    def _checked_state(self, state: Mapping[str, ArrayLike]) -> dict[str, Array]:
        """The arrays of a state in the model's dtype; raises as `load_state_dict` does."""
        new = _checks.named_arrays(state, dict(self._state()), self.dtype, "state", complete=True)
        for key, value in new.items():
            if key.endswith("running_var") and (value < 0).any():
                raise ValueError(f"{key} holds {value.min()}, but a variance is not negative")
        return new

    def folded(self) -> Sequential:
        """A model of the same scores in which each `BatchNorm` right behind a `Linear` is a part of that.

        For inference and export; trained further it would go another way. Layers are numbered anew.

        Returns
        -------
        Sequential
        """
        layers, state = folded(self.layers, self.state_dict())
        return Sequential._from_state(layers, state, dtype=self.dtype, seed=self.seed)

    def save(self, path: str | PathLike[str], *, metadata: Mapping[str, str] | None = None) -> None:
        """Write the model to a safetensors file, which `steepest.load` reads; see `steepest.storage`.

        Parameters
        ----------
        path : path
            Replaced in one step once everything is written, so that it is never half a file.
        metadata : mapping of str, optional
            More strings to keep in the file.

        Raises
        ------
        ValueError, TypeError
            For what `load` would refuse, as parameters that are not finite; the old file is left as it was.
        OSError
            If the file cannot be written.
        """
        from . import storage  # not at the top: it imports this module

        storage.write(self, path, metadata)

    def summary(self) -> str:
        """A table of the layers: what each gives for n samples, its number of parameters, and totals."""
        return _summary.table(self)

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

    def _network(self) -> Network:
        """The model compiled for the active backend; bypasses every check."""
        try:
            return self._networks[current().backend]
        except KeyError:
            backend = active()
            network = backend.network(self._stages, self._parameters, self._running)
            return self._networks.setdefault(backend.name, network)  # another thread may have been sooner

    def _learning_stages(self) -> list[Stage]:
        """In the order of the parameters."""
        return [stage for stage in self._stages if stage.learns]

    def _zeros(self) -> list[Parameters]:
        """Arrays like the parameters, all zero: for an optimizer's state."""
        biased = [getattr(layer, "bias", True) for _, layer in learners(self.layers)]
        return [
            Parameters(
                aligned_zeros(stage.inputs if stage.dense else 1, stage.outputs, self.dtype),
                aligned_zeros(1, stage.outputs, self.dtype)[0] if bias else None,
            )
            for stage, bias in zip(self._learning_stages(), biased, strict=True)
        ]

    def _check_masks(self, samples: int) -> None:
        """Refuse a batch that is larger than the given mask of a dropout."""
        for path, layer in walk(self.layers):
            if not isinstance(layer, Dropout) or layer.mask is None or layer.mask.ndim == 1:
                continue
            if len(layer.mask) < samples:
                raise ValueError(
                    f"a batch has {samples} samples, but the mask of layer {path} has {len(layer.mask)}"
                )

    def _objective(
        self, loss: str | Loss | LossFunction, penalty: Penalties
    ) -> tuple[Loss, tuple[Penalty | None, ...]]:
        """Loss, and the penalty of each layer that learns, if this model can have them."""
        checked, penalties = as_loss(loss), per_layer(penalty, self.layers)
        check_output(self.layers, checked)
        for description in (checked, *penalties):
            check_dtype(description, self.dtype)
        return checked, penalties

    def _batch(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, loss: Loss) -> Batch:
        """Checked and converted samples; finiteness of X and y is left to the caller."""
        backend = active()
        x = _checks.rows(X, self.in_features, self.dtype)
        _checks.not_empty(x)
        scores = len(x), self.out_features
        return Batch(x, *targets_and_weight(loss, y, sample_weight, scores, self.dtype, backend))

    def _arrays(self, parameters: Sequence[Parameters]) -> list[Array]:
        return [array for _, array in self._named(parameters)] if parameters else []

    def _named(self, parameters: Sequence[Parameters]) -> list[tuple[str, Array]]:
        """Each array that is learned by its gradient, with its key in `state_dict`."""
        named = []
        for (path, layer), p in zip(learners(self.layers), parameters, strict=True):
            named.append((f"{path}.weight", p.weight[0] if isinstance(layer, BatchNorm) else p.weight))
            if p.bias is not None:
                named.append((f"{path}.bias", p.bias))
        return named

    def _state(self) -> list[tuple[str, Array]]:
        """Each array of the model with its key in `state_dict`."""
        paths = [path for path, layer in learners(self.layers) if isinstance(layer, BatchNorm)]
        named = self._named(self._parameters)
        for path, running in zip(paths, self._running, strict=True):
            named += [(f"{path}.running_mean", running[0]), (f"{path}.running_var", running[1])]
        return named


def _default_initializer(stages: Sequence[Stage], dense: Stage) -> Initializer:
    """The rule for a dense stage, by the activation that follows it; see `Sequential`."""
    number = next(n for n, stage in enumerate(stages) if stage is dense)
    # An activation that could not be fused is the stage behind.
    alone = dense.activation == "identity" and number + 1 < len(stages) and not stages[number + 1].dense
    follower = stages[number + 1] if alone else dense
    if follower.activation in ("relu", "elu", "gelu"):
        return KaimingNormal()
    return KaimingNormal(follower.slope) if follower.activation == "leaky_relu" else LeCunNormal()
