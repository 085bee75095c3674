"""MLPRegressor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn import neural_network
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from ..._checks import Array
from ...losses import REGRESSION_LOSSES, Huber, Loss, SquaredError
from .._common.data import finite, numbers, r_squared, targets_fit
from .._common.documented import PERCEPTRONS, documented
from .._fitting.together import checked_once
from .base import MultilayerPerceptron


@documented(PERCEPTRONS)
class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Multilayer perceptron for regression: scikit-learn's, in native code and with more to choose.

    Parameters, attributes, messages and random draws are those of `sklearn.neural_network.MLPRegressor`, so
    that the same `random_state` gives the same parameters within rounding. Two losses and the parameters from
    `huber_delta` on are further.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "huber", "absolute_error", "log_cosh"}, default="squared_error"
        Half the squared error (as in scikit-learn, its sum over the outputs is minimized and its mean is
        reported); half the Poisson deviance, with an exponential after the last layer, for y >= 0; and, as
        extensions, the sums over the outputs of Huber's loss, of absolute errors and of log-cosh losses.
    {hidden_layer_sizes}
    {activation}
    {solver}
    {alpha}
    {batch_size}
    {learning_rate}
    {learning_rate_init}
    {power_t}
    {max_iter}
    {shuffle}
    {random_state}
    {tol}
    {verbose}
    {warm_start}
    {momentum}
    {nesterovs_momentum}
    {early_stopping}
    {validation_fraction}
    {beta_1}
    {beta_2}
    {epsilon}
    {n_iter_no_change}
    {max_fun}
    {huber_delta}
    {dropout}
    {batch_norm}
    {penalty}
    {l1_ratio}
    {clip_value}
    {clip_norm}
    {learning_rate_schedule}
    {callbacks}
    {progress}
    {n_threads}

    Attributes
    ----------
    coefs_ : list of ndarray, (n_in, n_out) each
        The weights of each layer.
    intercepts_ : list of ndarray, (n_out,) each
        The biases of each layer.
    batch_norms_ : list of ndarray, (4, n_units) each
        With batch_norm: scale, shift, running mean and running variance of each hidden layer.
    loss_ : float
        The last value of loss_curve_, or the minimum found by "lbfgs".
    loss_curve_ : list of float
        The objective of each epoch, averaged over its batches before their updates. Not set by "lbfgs".
    best_loss_ : float or None
        The smallest value of loss_curve_; None with early_stopping.
    validation_scores_ : list of float or None
        R2 score on the held-out samples after each epoch, with early_stopping.
    best_validation_score_ : float or None
        The best of them.
    validation_loss_curve_ : list of float
        The loss on the held-out samples, if there are any, after each epoch, without penalty.
    n_iter_ : int
        Number of epochs, or iterations, of the last fit.
    t_ : int
        Number of samples seen in training.
    n_layers_ : int
        Number of layers, counting the input.
    n_outputs_ : int
        Number of output units.
    out_activation_ : str
        Name of the activation of the output layer.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    MLPClassifier : The same for classes.
    LinearRegressor : Without hidden layers.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from steepest.sklearn import MLPRegressor
    >>> X, y = make_regression(n_samples=200, n_features=20, random_state=1)
    >>> model = MLPRegressor(random_state=1, max_iter=2000, tol=0.1).fit(X[:150], y[:150])
    >>> model.score(X[150:], y[150:]) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MultilayerPerceptron._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        huber_delta: float = 1.0,
        dropout: float | Sequence[float] = 0.0,
        batch_norm: bool = False,
        penalty: str | None = "l2",
        l1_ratio: float = 0.15,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        learning_rate_schedule: Callable[[int], float] | None = None,
        callbacks: Sequence[Callable[[Any], bool | None]] | None = None,
        progress: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.huber_delta = huber_delta
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.learning_rate_schedule = learning_rate_schedule
        self.callbacks = callbacks
        self.progress = progress
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: tuple[Any, ...] | None = None
    ) -> MLPRegressor:
        """Fit to samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is computed in float32, all else in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers of any kind, which are taken as float64.
        sample_weight : array-like of shape (n_samples,), default=None
            What each sample counts for; finite, not negative and not all 0.
        validation_data : (X, y) or (X, y, sample_weight), default=None
            Samples whose loss, and with early_stopping whose score, is computed after each epoch; for
            the score, R^2, at least 2.

        Returns
        -------
        MLPRegressor
            This one.

        Raises
        ------
        ValueError
            For parameters and samples that cannot be used, and if the parameters do not stay finite.
        """
        self._fit(X, y, sample_weight, validation_data=validation_data)
        return self

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Go on for one epoch with these samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        MLPRegressor
            This one.
        """
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> Array:
        """The prediction for each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        ValueError
            If a row of X, or what is computed of it, is too large for the dtype that was learned in.
        """
        return finite(self._predictions_of(self._scores(X)), "predictions")

    # ---- what the fit asks ------------------------------------------------------------------------------

    @checked_once
    def _validated(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        y = numbers(y)
        targets_fit(y, X.dtype if reset else self._dtype())
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and np.any(y < 0):
            raise ValueError(f"y holds {y.min()}, but targets of the loss 'poisson' must be at least 0")
        y = y.reshape(len(y), -1)
        if not reset and y.shape[1] != (expected := np.shape(self.coefs_[-1])[1]):
            raise ValueError(f"y has {y.shape[1]} outputs, but MLPRegressor is expecting {expected} outputs")
        return X, y

    def _counterpart(self) -> Any:
        return neural_network.MLPRegressor

    def _outputs(self, y: Array) -> int:
        return y.shape[1]

    def _objective(self) -> tuple[Loss, float]:
        if self.loss == "squared_error":
            return SquaredError(factor=0.5), 1 / self.n_outputs_
        loss = Huber(float(self.huber_delta)) if self.loss == "huber" else REGRESSION_LOSSES[self.loss]
        return loss, 1.0

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _targets(self, y: Array, dtype: np.dtype[Any]) -> Array:
        return np.ascontiguousarray(y, dtype)

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        return sample_weight

    def _score_of(self, scores: Array, y: Array, sample_weight: Array | None) -> float:
        return r_squared(y, self._predictions_of(scores), sample_weight)

    def _predictions_of(self, scores: Array) -> Array:
        predictions = self._activated(scores)
        return predictions.ravel() if predictions.shape[1] == 1 else predictions
