"""`Sequential`: a chain of layers, their parameters, and what can be done with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import _checks, _forward_mode
from ._config import current
from ._stages import compile_stages
from .backends import active
from .backends._memory import aligned_zeros
from .backends.formulas import write
from .backends.protocol import Array, Batch, Network, Parameters
from .callbacks import Callback
from .history import History
from .layers import Layer, Linear
from .losses import Loss, as_loss
from .optimizers import SGD
from .penalties import Penalty, as_penalty
from .training import DEFAULT_OPTIMIZER, Trainer


class Sequential:
    """Layers applied one after the other: a linear classifier, or a multilayer perceptron.

    Parameters
    ----------
    *layers : Linear, ReLU, Sigmoid, Tanh or Identity
        At least one `Linear`, each taking as many features as the one before gives.
    dtype : {float32, float64}, default float32
        Of the parameters and of all arithmetic.
    seed : int, default 0
        In [0, 2**64): draws the initial weights, and by default the shuffles of `fit`.

    Raises
    ------
    ValueError, TypeError
        If the layers do not fit together, or are none.

    Notes
    -----
    Initial biases are zero. Initial weights are normal, of standard deviation sqrt(2 / in_features) for a
    layer followed by ReLU (He et al., ICCV 2015: ReLU halves the variance, the 2 restores it) and
    sqrt(1 / in_features) for any other (LeCun et al., "Efficient BackProp", 1998), so that signals neither
    grow nor fade with depth. They are drawn from ``numpy.random.Generator(PCG64(seed))`` in float64, layer
    by layer, and rounded to `dtype`: models in float32 and float64 start alike, on either backend.
    """

    def __init__(self, *layers: Layer, dtype: DTypeLike = np.float32, seed: int = 0) -> None:
        self._build(layers, dtype, seed)
        generator = np.random.Generator(np.random.PCG64(self.seed))
        dense = [stage for stage in self._stages if stage.dense]
        for stage, parameters in zip(dense, self._parameters, strict=True):
            scale = math.sqrt((2 if stage.activation == "relu" else 1) / stage.inputs)
            parameters.weight[...] = generator.standard_normal(parameters.weight.shape) * scale

    def _build(self, layers: Iterable[Layer], dtype: DTypeLike, seed: int) -> None:
        """Everything but the initial weights, which stay zero."""
        self.layers: tuple[Layer, ...] = tuple(layers)
        self.dtype: np.dtype[Any] = _checks.float_dtype(dtype)
        self.seed: int = _checks.seed(seed)
        self._stages = compile_stages(self.layers)
        self.in_features: int = self._stages[0].inputs
        self.out_features: int = self._stages[-1].outputs
        self._parameters = self._zeros()
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
        loss: str | Loss = "softmax",
        optimizer: SGD = DEFAULT_OPTIMIZER,
        penalty: Penalty | None = None,
        epochs: int = 10,
        batch_size: int | None = 128,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = True,
        seed: int | None = None,
    ) -> History:
        """Train on mini-batches, with a `Trainer` made for this one fit.

        Keep a `Trainer` yourself to continue with the optimizer's velocities, to cancel from another
        thread, or to write your own loop.

        Parameters
        ----------
        X : array_like, (samples, in_features)
        y : array_like
            Labels (samples,) or, for squared error, targets (samples, out_features).
        loss : str or loss, default "softmax"
            A loss, or "softmax", "hinge", "squared_hinge", "squared_error".
        optimizer : SGD, default SGD()
        penalty : L2, L1, ElasticNet or None
        epochs, batch_size, shuffle, sample_weight, validation_data, callbacks, progress, seed
            See `Trainer.fit`.

        Returns
        -------
        History

        Raises
        ------
        ValueError, TypeError
            For data or settings that cannot be used; nothing was changed then.
        DivergenceError
            If the loss stops being finite; the parameters of the last finished epoch are restored.
        """
        trainer = Trainer(self, loss=loss, optimizer=optimizer, penalty=penalty)
        return trainer.fit(
            X,
            y,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            validation_data=validation_data,
            callbacks=callbacks,
            progress=progress,
            seed=seed,
        )

    def loss_and_gradients(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss,
        penalty: Penalty | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, dict[str, Array]]:
        """The objective (data loss + penalty) on one batch and its gradients, without learning.

        Parameters
        ----------
        X, y, loss, penalty, sample_weight
            As for `fit`.

        Returns
        -------
        objective : float
        gradients : dict of ndarray
            With the keys and shapes of `state_dict`.
        """
        loss, penalty = as_loss(loss), as_penalty(penalty)
        batch = self._batch(X, y, sample_weight, loss)
        _checks.finite_rows(batch.x, active().first_nonfinite_row)
        objective, gradients = self._network().loss_and_gradients(batch, loss, penalty)
        return objective, {key: np.ascontiguousarray(array) for key, array in self._named(gradients)}

    def directional_derivative(
        self,
        X: ArrayLike,
        y: ArrayLike,
        direction: Mapping[str, ArrayLike],
        *,
        loss: str | Loss,
        penalty: Penalty | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, float]:
        """The objective on one batch and its derivative along a direction, in forward mode.

        That is the inner product of the direction with the gradient, without the gradient: tangents go
        through the layers with the values, in one pass.

        Parameters
        ----------
        X, y, loss, penalty, sample_weight
            As for `fit`.
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
        loss, penalty = as_loss(loss), as_penalty(penalty)
        tangents = self._zeros()
        own = dict(self._named(tangents))
        for key, value in _checks.named_arrays(
            direction, own, self.dtype, "direction", complete=False
        ).items():
            own[key][...] = value
        batch = self._batch(X, y, sample_weight, loss)
        _checks.finite_rows(batch.x, active().first_nonfinite_row)
        return _forward_mode.directional_derivative(
            self._stages, self._parameters, tangents, batch, loss, penalty
        )

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters: "0.weight" (in_features, out_features), "0.bias" (out_features,), ...

        The number counts every layer, activations too.
        """
        return {key: array.copy() for key, array in self._named(self._parameters)}

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
        own = dict(self._named(self._parameters))
        new = _checks.named_arrays(state, own, self.dtype, "state", complete=True)
        write([(array, new[key]) for key, array in own.items()])

    def save(self, path: str | PathLike[str], *, metadata: Mapping[str, str] | None = None) -> None:
        """Write the model to a safetensors file, which `steepest.load` reads; see `steepest.storage`.

        Parameters
        ----------
        path : path
            Replaced in one step once everything is written, so that it is never half a file.
        metadata : mapping of str, optional
            More strings to keep in the file.
        """
        from . import storage  # not at the top: it imports this module

        storage.write(self, path, metadata)

    def __repr__(self) -> str:
        chain = ", ".join(map(repr, self.layers))
        return f"Sequential({chain}, dtype={self.dtype}, seed={self.seed})"

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
            network = self._networks[backend.name] = backend.network(self._stages, self._parameters)
            return network

    def _zeros(self) -> list[Parameters]:
        """Arrays like the parameters, all zero: for velocities."""
        return [
            Parameters(
                aligned_zeros(linear.in_features, linear.out_features, self.dtype),
                aligned_zeros(1, linear.out_features, self.dtype)[0] if linear.bias else None,
            )
            for linear in self.layers
            if isinstance(linear, Linear)
        ]

    def _batch(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, loss: Loss) -> Batch:
        """Checked and converted samples; finiteness of X and y is left to the caller."""
        backend = active()
        x = _checks.rows(X, self.in_features, self.dtype)
        _checks.not_empty(x)
        if loss.takes_labels:
            targets = _checks.labels(y, len(x), self.out_features, backend.first_bad_label)
        else:
            targets = _checks.targets(y, len(x), self.out_features, self.dtype)
        weight = None if sample_weight is None else _checks.weights(sample_weight, len(x), self.dtype)
        return Batch(x, targets, weight)

    def _named(self, parameters: Sequence[Parameters]) -> list[tuple[str, Array]]:
        """Each array with its key in `state_dict`."""
        named = []
        numbers = [i for i, layer in enumerate(self.layers) if isinstance(layer, Linear)]
        for number, p in zip(numbers, parameters, strict=True):
            named.append((f"{number}.weight", p.weight))
            if p.bias is not None:
                named.append((f"{number}.bias", p.bias))
        return named
