"""MLPRegressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.utils import column_or_1d

from ..._checks import Array
from ...losses import REGRESSION_LOSSES
from .._common.parameters import Names, documented, parameter
from .._estimator.regression import RegressionMixin
from .._fitting.record import RECORD
from .._fitting.shared import checked_once
from .base import NETWORK, MultilayerPerceptron


@documented(NETWORK, RECORD)
@dataclass(eq=False, repr=False)
class MLPRegressor(RegressionMixin, MultilayerPerceptron):
    """Multilayer perceptron regressor: a faster drop-in replacement for scikit-learn's, with more options.

    Parameters, attributes, messages and random draws are those of `sklearn.neural_network.MLPRegressor`, so
    the same `random_state` gives the same weights up to rounding. Extensions are all losses but
    "squared_error" and "poisson", and the parameters `huber_delta`, `dropout`, `batch_norm`, `penalty`,
    `l1_ratio`, `clip_value`, `clip_norm`, `learning_rate_schedule`, `callbacks`, `progress` and `n_threads`.
    The penalty is divided by the number of samples in the batch, or by their total weight.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

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

    # Its own parameters; the others are those of FitParameters, MLPParameters and RegressorParameters.
    loss: str = parameter(
        "squared_error",
        [Names(*REGRESSION_LOSSES)],
        "Half the squared error (as in scikit-learn, its sum over the outputs is minimized and its mean is "
        "reported); half the Poisson deviance, with an exponential after the last layer, for y >= 0; or the "
        "sum over the outputs of another loss of `steepest`.",
    )

    _counterparts = (neural_network.MLPRegressor,)

    # ---- what the fit asks ------------------------------------------------------------------------------

    @checked_once
    def _validated(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = self._numbers(X, y, ["csr", "csc"], reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.reshape(len(y), -1)
        if not reset and y.shape[1] != (expected := np.shape(self.coefs_[-1])[1]):
            raise ValueError(f"y has {y.shape[1]} outputs, but MLPRegressor is expecting {expected} outputs")
        return X, y

    def _outputs(self, y: Array) -> int:
        return y.shape[1]

    def _report_scale(self) -> float:
        return 1 / self.n_outputs_ if self.loss == "squared_error" else 1.0

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    # ---- what is asked of it ----------------------------------------------------------------------------

    def _predictions_of(self, scores: Array) -> Array:
        return self._activated(scores)

    def _shaped(self, predictions: Array) -> Array:
        return predictions.ravel() if predictions.shape[1] == 1 else predictions
