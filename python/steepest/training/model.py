"""`Model`: scores, gradients and state of a compiled model, as users and a `Trainer` hold it."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from .. import _advice, _checks, storage
from .._checks import Array
from ..backends import active
from ..backends.data import Batch, Parameters, StepKey, TrainConfig
from ..backends.reference import forward_mode
from ..backends.sparse import Samples
from ..compile.bound import BoundLayer
from ..compile.compiled import Compiled
from ..compile.objective import batch_of, check_finite, objective_of
from ..compile.samples import check_finite_rows, rows_of
from ..layers import Layer
from ..losses import CustomLoss, Loss, LossFunction
from ..metrics import Metrics
from ..penalties import Penalties
from ..storage.loss import with_loss
from . import answers

_Model = TypeVar("_Model", bound="Model")


@_advice.lacking
class Model:
    """What `Sequential` is to training, gradients and files: to be derived from.

    Attributes
    ----------
    layers, dtype, seed, in_features, out_features
        See `Sequential`.
    compiled : Compiled
        The arrays and the networks behind it.
    """

    layers: tuple[Layer, ...]
    dtype: np.dtype[Any]
    seed: int
    in_features: int
    out_features: int
    compiled: Compiled
    loss: Loss | None = None  # of the last trainer

    def __call__(self, X: Samples) -> Array:
        """Return the scores of the rows of X.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)
            Converted to the model's dtype. May have 0 rows. Sparse as for `Trainer.fit`.

        Returns
        -------
        ndarray, (samples, out_features), of the model's dtype

        Raises
        ------
        ValueError
            If the shape is wrong, or a row holds NaN or an infinity (the message names the first).
        TypeError
            If X does not hold real numbers, or is sparse and the first layer is not `Linear` or `Maxout`.
        """
        network = self.compiled.network()
        scores = network.try_forward(X)
        if scores is not None:
            return scores
        x = rows_of(self.compiled, X)
        if len(x) == 0:
            return np.empty((0, self.out_features), self.dtype)
        check_finite_rows(x)
        return network.forward(x)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if hasattr(self, name)]

    def predict(self, X: Samples) -> Array:
        """Return the class of each row: the index of its largest score, the first one of equals.

        A model of one output says 1 where its score is above 0 (above 0.5 if it ends with `Sigmoid`), else 0.
        This is for classification; for regression, call the model: ``model(X)``.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)

        Returns
        -------
        ndarray, (samples,), int64

        Raises
        ------
        ValueError
            As for a call, and if a model of one output was fitted with a loss of real numbers.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> history = model.fit(X, y, optimizer="adam", epochs=200, progress=False)
        >>> model.predict([[0.0, 1.0], [1.0, -0.5]]).tolist()
        [0, 1]
        """
        return answers.classes(self.compiled, self.loss, self(X))

    def predict_proba(self, X: Samples) -> Array:
        """Return the probability of each class: the softmax of the scores.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)

        Returns
        -------
        ndarray, (samples, classes), of the model's dtype
            A model of one output has two classes, 0 and 1, by the sigmoid of its score. Several outputs that
            were fitted with `BinaryCrossEntropy` are independent: each has its own sigmoid. A model whose
            loss is not known, as one read from a file, is taken for one of cross-entropy.

        Raises
        ------
        ValueError
            As for a call, and if the model was fitted with another loss, or ends with `Sigmoid`.

        Examples
        --------
        >>> import steepest as st
        >>> st.Sequential(st.Linear(2, 4)).predict_proba([[0.0, 0.0]])
        array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
        """
        return answers.probabilities(self.compiled, self.loss, self(X))

    def evaluate(
        self,
        X: Samples,
        y: ArrayLike,
        *,
        loss: str | Loss | LossFunction | None = None,
        metrics: Metrics | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, float]:
        """Return the data loss, without penalty, and metrics on some samples.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        loss : str, loss or callable, optional
            By default that of the last fit, which files keep, but for functions of your own.
        metrics : list of str or callables, or a mapping of names to them, optional
            As for `Trainer.fit`. By default accuracy for classes and R^2 for numbers.

        Returns
        -------
        dict of float
            "loss", and each metric by its name.

        Raises
        ------
        ValueError, TypeError
            If data or settings cannot be used, the loss is not known, or it needs unbounded scores and the
            model ends with `Sigmoid`.

        Examples
        --------
        >>> import steepest as st
        >>> model = st.Sequential(st.Linear(2, 2, bias=False))
        >>> model.load_state_dict({"0.weight": [[1, -1], [0, 0]]})
        >>> model.evaluate([[9.0, 0.0], [9.0, 1.0]], [0, 1], loss="svm", metrics=["accuracy"])
        {'loss': 9.5, 'accuracy': 0.5}
        """
        loss = self.loss if loss is None else loss
        return dict(answers.evaluation(self.compiled, loss, X, y, metrics, sample_weight))

    def score(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy or, after a fit with a loss of real numbers, R^2; see `metrics`.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        float

        Raises
        ------
        ValueError, TypeError
            If data cannot be used, or the loss is `PoissonDeviance`, whose scores are logarithms.

        Examples
        --------
        >>> import steepest as st
        >>> st.Sequential(st.Linear(1, 1, bias=False)).score([[0.0]], [0])
        1.0
        """
        return answers.score(self.compiled, self.loss, self(X), y, sample_weight)

    def parameters(self) -> list[Array]:
        """Return the weights and biases as read-only views, in the order of `state_dict`.

        They show what a fit has learned since; to change them, use `load_state_dict`.

        Returns
        -------
        list of ndarray

        Examples
        --------
        >>> import steepest as st
        >>> sum(array.size for array in st.Sequential(st.Linear(4, 3)).parameters())
        15
        """
        views = [array.view() for array in self.compiled.arrays(self.compiled.parameters)]
        for view in views:
            view.flags.writeable = False
        return views

    def __getitem__(self, number: int) -> BoundLayer:
        """The layer of this number with its arrays, as in ``model[0].weight``: read-only views."""
        if not hasattr(number, "__index__"):
            raise TypeError(
                f"model[...] takes the number of one layer, not {number!r:.80}: model.layers has all of them"
            )
        if not -len(self.layers) <= (number := operator.index(number)) < len(self.layers):
            raise IndexError(f"there is no layer {number}: the model has {len(self.layers)} layers")
        return BoundLayer(self.compiled, number % len(self.layers))

    def __iter__(self) -> Iterator[BoundLayer]:
        return (self[number] for number in range(len(self.layers)))

    def __len__(self) -> int:
        """Number of layers."""
        return len(self.layers)

    def loss_and_gradients(
        self,
        X: Samples,
        y: ArrayLike,
        *,
        loss: str | Loss | LossFunction,
        penalty: Penalties = None,
        sample_weight: ArrayLike | None = None,
        step: int = 0,
    ) -> tuple[float, dict[str, Array]]:
        """Return the objective (data loss + penalty) of one batch and its gradients, without an update.

        They are those of a training step: batch normalization uses the batch's statistics (and does not
        update the running ones), and dropout masks depend on the model's seed and the given step.

        Parameters
        ----------
        X, y, loss, penalty, sample_weight
            As for `fit`. A proximal penalty is part of the objective, but not of its gradients.
        step : int, default 0
            Number of the step, on which dropout masks depend; at least 0.

        Returns
        -------
        objective : float
        gradients : dict of ndarray
            With the keys and shapes of `state_dict`, without running statistics.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> loss, gradients = model.loss_and_gradients(X, y, loss="cross_entropy")
        >>> list(gradients), gradients["0.weight"].shape
        (['0.weight', '0.bias', '2.weight', '2.bias'], (2, 8))
        """
        config, batch, draws = self._at_step(X, y, sample_weight, loss, penalty, step)
        network = self.compiled.network()

        def computed() -> tuple[float, list[Parameters]]:
            return network.loss_and_gradients(batch, config, draws)

        own = isinstance(config.loss, CustomLoss)  # which may ask other models
        objective, gradients = self.compiled.turns.compute(computed) if own else computed()
        named = self.compiled.named(gradients)
        return objective, {key: np.ascontiguousarray(array) for key, array in named}

    def directional_derivative(
        self,
        X: Samples,
        y: ArrayLike,
        direction: Mapping[str, ArrayLike],
        *,
        loss: str | Loss | LossFunction,
        penalty: Penalties = None,
        sample_weight: ArrayLike | None = None,
        step: int = 0,
    ) -> tuple[float, float]:
        """Return the objective of one batch and its derivative along a direction, by forward mode.

        The derivative is the inner product of the direction and the gradient. It is computed without the
        gradient: tangents pass through the layers together with the values.

        Parameters
        ----------
        X, y, loss, penalty, sample_weight, step
            As for `loss_and_gradients`. A sparse X is made dense here.
        direction : mapping of array_like
            The direction of each parameter, with keys and shapes of `state_dict`; missing keys count as
            zeros.

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

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> ahead = model.loss_and_gradients(X, y, loss="cross_entropy")[1]
        >>> loss, uphill = model.directional_derivative(X, y, ahead, loss="cross_entropy")
        >>> bool(uphill > 0)  # the squared norm of the gradient
        True
        """
        config, batch, draws = self._at_step(X, y, sample_weight, loss, penalty, step)
        compiled, tangents = self.compiled, self.compiled.direction(direction)
        return forward_mode.directional_derivative(
            active(),
            compiled.stages,
            compiled.parameters,
            tangents,
            batch,
            config.loss,
            config.penalties,
            draws,
        )

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the parameters and the running statistics by name.

        Returns
        -------
        dict of ndarray
            "0.weight", (in_features, out_features), "0.bias", (out_features,), and so on. The number counts
            every layer, activations included; inside a `Residual` a second number follows: "3.0.weight". A
            `BatchNorm` also has "running_mean" and "running_var". They are of one moment: while another
            thread fits, this waits for the end of an epoch, or of a part of one with `batch_callbacks`.

        Raises
        ------
        RuntimeError
            In the model's own loss, and in a signal's handler that falls into a computation. Where losses in
            several threads use each other's models, also in one that would wait for ever.

        Examples
        --------
        >>> import steepest as st
        >>> st.Sequential(st.Linear(2, 3), st.ReLU(), st.Linear(3, 1)).state_dict()["2.bias"]
        array([0.], dtype=float32)
        """
        return self.compiled.copied_state()

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Set all parameters; if one does not fit, none is changed.

        Parameters
        ----------
        state : mapping of array_like
            As returned by `state_dict`, in any order. Values are converted to the model's dtype.

        Raises
        ------
        ValueError
            If keys are missing or unexpected, a shape differs, or a value is not finite.
        TypeError
            If a value does not hold real numbers, or the state is PyTorch's; see `from_torch`.
        RuntimeError
            As for `state_dict`, and while another thread fits the model. Callbacks may set parameters.

        Examples
        --------
        >>> import steepest as st
        >>> model = st.Sequential(st.Linear(2, 1))
        >>> model.load_state_dict({"0.weight": [[1.0], [2.0]], "0.bias": [0.5]})
        >>> model([[1.0, 1.0]]).tolist()
        [[3.5]]
        """
        self.compiled.load_state(state)

    def save(self, path: str | PathLike[str], *, metadata: Mapping[str, str] | None = None) -> None:
        """Write the model, and the loss of its last fit, to a safetensors file, which `steepest.load` reads.

        Parameters
        ----------
        path : path
            It is replaced in one step after everything is written, so it never holds half a file.
        metadata : mapping of str, optional
            More strings to store in the file.

        Raises
        ------
        ValueError, TypeError
            If `load` would refuse the file, for example because a parameter is not finite. An old file is
            left unchanged.
        OSError
            If the file cannot be written.
        RuntimeError
            As for `state_dict`.

        Examples
        --------
        >>> import tempfile
        >>> import steepest as st
        >>> model = st.Sequential(st.Linear(2, 1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/model.safetensors", metadata={"note": "untrained"})
        ...     bool((st.load(f"{folder}/model.safetensors")([[1, 2]]) == model([[1, 2]])).all())
        True
        """
        storage.write(path, self._described(metadata or {}), self.state_dict())

    def to_bytes(self, *, metadata: Mapping[str, str] | None = None) -> bytes:
        """Return what `save` writes, to be sent or kept elsewhere.

        Parameters
        ----------
        metadata : mapping of str, optional
            More strings to store in it.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            As for `save`.

        Examples
        --------
        >>> import steepest as st
        >>> len(st.Sequential(st.Linear(2, 1)).to_bytes()) > 3 * 4  # three numbers, and what describes them
        True
        """
        return b"".join(storage.encoded(self._described(metadata or {}), self.state_dict()))

    def _described(self, metadata: Mapping[str, str]) -> storage.Description:
        return storage.Description(self.layers, self.dtype, self.seed, with_loss(metadata, self.loss))

    def _at_step(
        self,
        X: Samples,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        loss: str | Loss | LossFunction,
        penalty: Penalties,
        step: int,
    ) -> tuple[TrainConfig, Batch, StepKey]:
        """What a step of training would be given, checked."""
        draws = StepKey(self.seed, _checks.integer(step, "step", minimum=0))
        config = TrainConfig(*objective_of(self.compiled, loss, penalty))
        batch = batch_of(self.compiled, X, y, sample_weight, config.loss)
        check_finite(batch)
        self.compiled.check_masks(len(batch.x))
        return config, batch, draws


def checked_model(model: _Model) -> _Model:
    """`model` itself; a TypeError if it is not a `Sequential`."""
    if not isinstance(model, Model):
        ways = {
            "to_sequential": "its to_sequential() is one",
            "preparation": "its model is one, of prepared columns",
        }
        way = next((f": {way}" for name, way in ways.items() if hasattr(model, name)), "")
        raise TypeError(f"model must be a st.Sequential, not {model!r:.80}{way}")
    return model
