"""What MLPClassifier and MLPRegressor share: scikit-learn's parameters, attributes and random draws."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._checks import Array
from ...backends import active
from ...backends.data import Batch, TrainConfig
from ...compile.stage import Stage
from ...layers import Layer
from ...losses import Loss
from .._common.classes import WEIGHTED
from .._common.data import finite, own_places, rows_in, weights_count, weights_of
from .._convert.to_sklearn import perceptron_to_sklearn
from .._fitting.loop import learn
from .._fitting.record import NOT_FINITE, Learned, begin
from .._fitting.solver import STOCHASTIC_SOLVERS, Solver
from .._fitting.together import computing
from .architecture import (
    as_float,
    bound,
    layers_of,
    penalty_of,
    precision_of,
    rows_of,
    rows_to_learn,
    writable,
)
from .lbfgs import minimize
from .settings import Settings


class MultilayerPerceptron(Settings):
    """A perceptron of hidden layers; the arrays that it holds are its parameters themselves."""

    coefs_: list[Array]
    intercepts_: list[Array]

    def _to_sklearn(self) -> Any:
        return perceptron_to_sklearn(self, self._counterpart())

    # ---- what the two differ in -------------------------------------------------------------------------

    @abstractmethod
    def _counterpart(self) -> Any:
        """The class of scikit-learn that predicts as this one."""

    @abstractmethod
    def _outputs(self, y: Array) -> int:
        """How many outputs the network has for such y."""

    @abstractmethod
    def _objective(self) -> tuple[Loss, float]:
        """The loss, and what it counts for in `loss_`."""

    @abstractmethod
    def _out_activation(self) -> str:
        """What makes predictions of scores, by scikit-learn's names."""

    @abstractmethod
    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        """The weights of samples, with those of their classes."""

    # ---- a fit ------------------------------------------------------------------------------------------

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool = False, validation_data: Any = None
    ) -> Any:
        self._check_numbers()
        hidden = self._hidden_units()
        self._check_settings(hidden, validation_data, incremental)
        fresh = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        given = X, y, sample_weight
        X, y = self._validated(X, y, incremental=incremental, reset=fresh)
        X = own_places(X)
        if not fresh:  # parameters stay in their precision
            X = rows_in(X, self._dtype())
        self._check_class_weight(X.dtype)
        if sample_weight is not None:
            sample_weight = weights_of(sample_weight, X)
        self.n_outputs_ = self._outputs(y)
        self._random_state = check_random_state(self.random_state)
        if fresh:
            self._initialize([X.shape[1], *hidden, self.n_outputs_], X.dtype)
        with computing(self.n_threads):
            self._learn(X, y, sample_weight, incremental, validation_data, given)
        if not all(np.isfinite(array).all() for array in self._arrays()):
            raise ValueError(NOT_FINITE)
        return self

    def _learn(
        self,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        incremental: bool,
        validation_data: Any,
        given: tuple[Any, Any, Any],
    ) -> None:
        """From checked samples, with parameters to begin with."""
        self.coefs_ = writable(self.coefs_, X.dtype)
        self.intercepts_ = writable(self.intercepts_, X.dtype)
        norms = writable(self._norms(), X.dtype)
        if self.batch_norm:
            self.batch_norms_ = norms
        compiled = bound(self._layers(), self.coefs_, self.intercepts_, norms)
        config = self._train_config(compiled.parametric_stages)
        if self.solver == "lbfgs":
            if getattr(self, "_skl_callbacks", None):
                warnings.warn(
                    f"Callbacks are only supported in {type(self).__name__} for solver='sgd' and "
                    "solver='adam'. This estimator has solver='lbfgs', callbacks will be ignored.",
                    stacklevel=2,
                )
            batch = self._training_batch(X, y, sample_weight, incremental)
            minimize(self, compiled, batch, config)
            return
        X, y, sample_weight, held_out = self._split(X, y, sample_weight, validation_data)
        batch = self._training_batch(X, y, sample_weight, incremental)
        rng = self._random_state
        # Drawn behind scikit-learn's draws, and only where it is used.
        seed = int(rng.randint(2**31)) if any(self._dropout(len(self.coefs_) - 1)) else 0
        learned = Learned(
            compiled, self._arrays(), batch, config, rng, held_out, seed, incremental, data=given
        )
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = Solver.of(self, compiled.parameters, float(self.learning_rate_init))
        learn(self, learned, self._optimizer)

    def _training_batch(self, X: Any, y: Array, sample_weight: Array | None, incremental: bool) -> Batch:
        weight = self._weights(y, sample_weight)
        weights_count(weight, WEIGHTED, or_zero=incremental)
        return Batch(rows_to_learn(X, self.coefs_[0].shape[1]), self._targets(y, X.dtype), weight)

    def _initialize(self, units: list[int], dtype: np.dtype[Any]) -> None:
        """Parameters as scikit-learn draws them: of each layer the weights, then the biases.

        Uniform in +-sqrt(6 / (fan_in + fan_out)), with 2 in place of 6 for logistic units (Glorot and Bengio,
        "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010).
        """
        begin(self)
        self.n_layers_ = len(units)
        self.out_activation_ = self._out_activation()
        activations = self._activations(len(units) - 2)
        activations.append(activations[-1] if activations else str(self.activation))
        self.coefs_, self.intercepts_ = [], []
        for fan_in, fan_out, activation in zip(units[:-1], units[1:], activations, strict=True):
            bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (fan_in + fan_out))
            for kept, shape in ((self.coefs_, (fan_in, fan_out)), (self.intercepts_, (fan_out,))):
                kept.append(self._random_state.uniform(-bound, bound, shape).astype(dtype, copy=False))
        if self.batch_norm:
            # scale, shift, running mean and running variance
            start = np.array([[1], [0], [0], [1]], dtype)
            self.batch_norms_ = [start.repeat(width, axis=1) for width in units[1:-1]]

    def _norms(self) -> list[Array]:
        if self.batch_norm and not hasattr(self, "batch_norms_"):
            raise ValueError("batch_norm is True, but the network was fitted without it: fit it again")
        return self.batch_norms_ if self.batch_norm else []

    def _arrays(self) -> list[Array]:
        """All that learning changes."""
        return [*self.coefs_, *self.intercepts_, *self._norms()]

    def _dtype(self) -> np.dtype[Any]:
        return precision_of(self.coefs_)

    def _reconstruction_attributes(self) -> dict[str, Any]:
        """Copies of them, from which a callback's estimator is made."""
        names = ["coefs_", "intercepts_", *(["batch_norms_"] if self.batch_norm else [])]
        return {name: [array.copy() for array in getattr(self, name)] for name in names}

    def _layers(self) -> list[Layer]:
        units = [len(self.coefs_[0]), *(np.shape(coef)[1] for coef in self.coefs_)]
        hidden = len(units) - 2
        return layers_of(units, self._activations(hidden), self._dropout(hidden), bool(self.batch_norm))

    def _train_config(self, stages: Iterable[Stage]) -> TrainConfig:
        """What a step does; a penalty is on the weights of dense stages, not on scales."""
        loss, scale = self._objective()
        penalty = penalty_of(self.penalty, self.alpha, self.l1_ratio)
        return TrainConfig(
            loss,
            tuple(penalty if stage.has_matrix else None for stage in stages),
            clip_value=as_float(self.clip_value),
            clip_norm=as_float(self.clip_norm),
            penalty_by_batch=True,
            report_scale=scale,
            mean_by_count=True,
        )

    # ---- what is fitted ---------------------------------------------------------------------------------

    def _scores(self, X: Any) -> Array:
        """What the network says of the rows of X, (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = own_places(validate_data(self, X, accept_sparse=["csr", "csc"], reset=False))
        with computing(self.n_threads):
            compiled = bound(self._layers(), self.coefs_, self.intercepts_, self._norms())
            return finite(compiled.network().forward(rows_of(rows_in(X, self._dtype()))))

    def _activated(self, scores: Array) -> Array:
        """Predictions, or probabilities."""
        activation = self.out_activation_
        if activation == "softmax":
            return active().softmax(scores)
        if activation == "logistic":
            return active().activation("sigmoid", scores)
        return active().exp(scores) if activation == "exp" else scores

    def _check_solver(self) -> bool:
        if self.solver not in STOCHASTIC_SOLVERS:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True
