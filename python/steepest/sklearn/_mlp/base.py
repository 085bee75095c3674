"""What MLPClassifier and MLPRegressor share: scikit-learn's attributes and draws, and how they learn."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from ... import _checks
from ..._checks import Array
from ...backends import active
from ...backends.data import Batch, TrainConfig
from ...backends.sparse import SparseRows
from ...compile.compiled import Compiled
from ...layers import Layer
from .._common.arrays import rows_of, rows_to_learn, writable
from .._common.data import finite, own_places, rows_in
from .._fitting.job import FitJob, Problem
from .._fitting.shared import computing
from .._fitting.solver import Solver
from .architecture import KeptModel, bound, layers_of, precision_of
from .conversion import ConversionMixin
from .lbfgs import minimize
from .parameters import MLPParameters

NETWORK = """
coefs_ : list of ndarray, (n_in, n_out) each
    The weights of each layer.
intercepts_ : list of ndarray, (n_out,) each
    The biases of each layer.
batch_norms_ : list of ndarray, (4, n_units) each
    With batch_norm: scale, shift, running mean and running variance of each hidden layer.
n_layers_ : int
    Number of layers, counting the input.
n_outputs_ : int
    Number of output units.
out_activation_ : str
    Name of the activation of the output layer.
"""


class MultilayerPerceptron(ConversionMixin, MLPParameters):
    """A perceptron of hidden layers; the arrays that it holds are its parameters themselves."""

    coefs_: list[Array]
    intercepts_: list[Array]
    batch_norms_: list[Array]
    _kept: KeptModel | None = None

    # ---- what the two differ in -------------------------------------------------------------------------

    @abstractmethod
    def _outputs(self, y: Array) -> int:
        """How many outputs the network has for such y."""

    @abstractmethod
    def _out_activation(self) -> str:
        """What makes predictions of scores, by scikit-learn's names."""

    def _report_scale(self) -> float:
        """What the loss counts for in `loss_`."""
        return 1.0

    # ---- a fit ------------------------------------------------------------------------------------------

    def _fitted(self) -> bool:
        return hasattr(self, "coefs_")

    def _check_targets(self, y: Array, dtype: np.dtype[Any]) -> None:
        self.n_outputs_ = self._outputs(y)

    def _initialize(self, y: Array, features: int, dtype: np.dtype[Any]) -> None:
        """Parameters as scikit-learn draws them: of each layer the weights, then the biases.

        Uniform in +-sqrt(6 / (fan_in + fan_out)), with 2 in place of 6 for logistic units (Glorot and Bengio,
        "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010).
        """
        units = [features, *self._hidden_units(), self.n_outputs_]
        self.n_layers_ = len(units)
        activations = self._activations(len(units) - 2)
        activations.append(activations[-1] if activations else str(self.activation))
        self.coefs_, self.intercepts_ = [], []
        for fan_in, fan_out, activation in zip(units[:-1], units[1:], activations, strict=True):
            limit = np.sqrt((2.0 if activation == "logistic" else 6.0) / (fan_in + fan_out))
            for kept, shape in ((self.coefs_, (fan_in, fan_out)), (self.intercepts_, (fan_out,))):
                kept.append(self._random_state.uniform(-limit, limit, shape).astype(dtype, copy=False))
        if self.batch_norm:
            # scale, shift, running mean and running variance
            start = np.array([[1], [0], [0], [1]], dtype)
            self.batch_norms_ = [start.repeat(width, axis=1) for width in units[1:-1]]
        elif hasattr(self, "batch_norms_"):  # of a fit before
            del self.batch_norms_

    def _learn(self, job: FitJob) -> None:
        # With warm_start and in partial_fit, the loss may be another than before.
        if (outputs := np.shape(self.coefs_[-1])[1]) != self.n_outputs_:
            raise ValueError(
                f"the network has {outputs} outputs, but loss={self.loss!r} and y take {self.n_outputs_}: "
                "fit a new one"
            )
        self.out_activation_ = self._out_activation()
        if self.solver != "lbfgs":
            super()._learn(job)
            return
        if getattr(self, "_skl_callbacks", None):
            warnings.warn(
                f"Callbacks are only supported in {type(self).__name__} for solver='sgd' and "
                "solver='adam'. This estimator has solver='lbfgs', callbacks will be ignored.",
                stacklevel=_checks.caller_level(),
            )
        compiled = self._compiled_to_learn(job.X.dtype)
        minimize(self, compiled, self._training_batch(job), self._train_config(compiled))

    def _problem(self, job: FitJob, batch: Batch) -> Problem:
        compiled = self._compiled_to_learn(job.X.dtype)
        rng = self._random_state
        # Drawn behind scikit-learn's draws, and only where it is used.
        seed = int(rng.randint(2**31)) if any(self._dropout(len(self.coefs_) - 1)) else 0
        rate = float(self.learning_rate_init)
        self._optimizer = solver = self._kept_solver(job) or Solver.of(self, compiled.parameters, rate)
        config = self._train_config(compiled)
        return Problem(job, compiled, self._arrays(), batch, config, solver, rng, seed)

    def _rows_to_learn(self, X: Any) -> Array | SparseRows:
        return rows_to_learn(X, np.shape(self.coefs_[0])[1])

    def _compiled_to_learn(self, dtype: np.dtype[Any]) -> Compiled:
        """A model of the estimator's own arrays, which a backend writes to.

        It is not the one that is kept: the buffers of a fit, for L-BFGS as large as all samples, end with it,
        and other threads can predict meanwhile.
        """
        self.coefs_ = writable(self.coefs_, dtype)
        self.intercepts_ = writable(self.intercepts_, dtype)
        norms = writable(self._norms(), dtype)
        if self.batch_norm:
            self.batch_norms_ = norms
        self._kept = KeptModel()
        return bound(self._layers(), self.coefs_, self.intercepts_, norms)

    def _train_config(self, compiled: Compiled) -> TrainConfig:
        """What a step does; a penalty is on the weights of dense stages, not on scales."""
        clip_value, clip_norm = self._clips()
        penalty = self._penalty()
        return TrainConfig(
            self._loss(),
            tuple(penalty if stage.has_matrix else None for stage in compiled.parametric_stages),
            clip_value=clip_value,
            clip_norm=clip_norm,
            penalty_by_batch=True,
            report_scale=self._report_scale(),
            mean_by_count=True,
        )

    # ---- its arrays -------------------------------------------------------------------------------------

    def _norms(self) -> list[Array]:
        if bool(self.batch_norm) != hasattr(self, "batch_norms_"):
            how = "without" if self.batch_norm else "with"
            raise ValueError(
                f"batch_norm is {self.batch_norm}, but the network was fitted {how} it: fit it again"
            )
        return self.batch_norms_ if self.batch_norm else []

    def _arrays(self) -> list[Array]:
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

    def _compiled(self) -> Compiled:
        """The model of the arrays as they are now; an estimator that was not fitted here keeps none."""
        kept = KeptModel() if self._kept is None else self._kept
        return kept.of(self._layers(), self.coefs_, self.intercepts_, self._norms())

    # ---- what is fitted ---------------------------------------------------------------------------------

    def _scores(self, X: Any) -> Array:
        check_is_fitted(self)
        X = own_places(validate_data(self, X, accept_sparse=["csr", "csc"], reset=False))
        with computing(self.n_threads):
            return finite(self._compiled().network().forward(rows_of(rows_in(X, self._dtype()))))

    def _activated(self, scores: Array) -> Array:
        """Predictions, or probabilities."""
        activation = self.out_activation_
        if activation == "softmax":
            return active().softmax(scores)
        if activation == "logistic":
            return active().activation("sigmoid", scores)
        return active().exp(scores) if activation == "exp" else scores
