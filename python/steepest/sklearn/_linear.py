"""What LinearClassifier and LinearRegressor share: one linear layer fitted by mini-batches, from zero."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.linear_model._base import SparseCoefMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data

from .._stages import compile_stages
from ..backends import active
from ..backends.protocol import Array, Batch, Parameters, Plateau, Recipe, Schedule, State
from ..layers import Linear
from ..losses import Loss
from ..optimizers import SGD, Adam
from ..penalties import L1, L2, ElasticNet, Penalty

NON_NEGATIVE = Interval(Real, 0, None, closed="left")
_ABOVE_0 = Interval(Real, 0, None, closed="neither")
_BELOW_1 = Interval(Real, 0, 1, closed="left")


class LinearModel(SparseCoefMixin, BaseEstimator):
    """One linear layer, fitted by mini-batches from zero; `coef_` and `intercept_` are all there is to it."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [NON_NEGATIVE],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "solver": [StrOptions({"sgd", "adam"})],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [StrOptions({"auto"}), _ABOVE_0],
        "power_t": [NON_NEGATIVE],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [NON_NEGATIVE],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [_BELOW_1],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [_BELOW_1],
        "beta_1": [_BELOW_1],
        "beta_2": [_BELOW_1],
        "epsilon": [_ABOVE_0],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "clip_value": [_ABOVE_0, None],
        "clip_norm": [_ABOVE_0, None],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "progress": ["boolean"],
    }

    def _scores(self, X: Any) -> Array:
        """X @ coef_.T + intercept_, (n_samples, n_outputs); that of a row is the same whatever the others."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        coef, intercept = self.coef_, np.atleast_1d(self.intercept_)
        if sparse.issparse(X) or sparse.issparse(coef):
            coef = coef if sparse.issparse(coef) else np.atleast_2d(coef)
            product: Array = safe_sparse_dot(X, coef.T, dense_output=True) + intercept
            return product
        coef = np.atleast_2d(coef)
        dtype = np.result_type(X, coef)
        X, weight, bias = (np.ascontiguousarray(a, dtype) for a in (X, coef.T, intercept))
        return active().linear(X, weight, np.broadcast_to(bias, weight.shape[1:]).copy())

    def _layer(self, features: int, outputs: int, dtype: np.dtype[Any], fresh: bool) -> Parameters:
        """A copy of what is fitted, to work on: (features, outputs) and (outputs,); zeros at first."""
        if fresh:
            weight, bias = np.zeros((features, outputs), dtype), np.zeros(outputs, dtype)
        else:
            coef = self.coef_.toarray() if sparse.issparse(self.coef_) else self.coef_
            weight = np.array(np.atleast_2d(coef).T, dtype, order="C")
            bias = np.array(np.broadcast_to(self.intercept_, outputs), dtype)
        return Parameters(weight, bias if self.fit_intercept else None)

    def _descend(
        self, layer: Parameters, loss: Loss, batch: Batch, rate: float, *, share: float = 1.0, epochs: int
    ) -> None:
        """Fit `layer` in place."""
        penalty = penalty_of(self.penalty, self.alpha, self.l1_ratio, share)
        if self.solver == "adam":
            optimizer: Any = Adam(rate, self.beta_1, self.beta_2, self.epsilon, epsilon_hat=True)
        else:
            optimizer = SGD(rate, self.momentum, self.nesterovs_momentum and self.momentum > 0)
        recipe = Recipe(loss, (penalty,), optimizer, self.clip_value, self.clip_norm)
        stages = compile_stages([Linear(*layer.weight.shape, bias=layer.bias is not None)])
        network = active().network(stages, [layer])
        rng = check_random_state(self.random_state)
        n = len(batch.targets)
        first, second = (
            [
                Parameters(
                    np.zeros_like(layer.weight), None if layer.bias is None else np.zeros_like(layer.bias)
                )
            ]
            if k
            else None
            for k in optimizer.keeps
        )
        state = State(first, second, np.zeros(1, np.int64))
        index = np.arange(n)
        size = min(200 if self.batch_size == "auto" else self.batch_size, n)
        plateau = Plateau(self.tol, self.n_iter_no_change)
        self.loss_curve_ = []
        self.n_iter_ = 0
        for _ in range(epochs):
            if self.shuffle:
                permutation = np.arange(n)
                rng.shuffle(permutation)
                index = index[permutation]
            results = network.fit(
                batch,
                recipe,
                state,
                Schedule(1, size, False, 0, np.array([rate]), orders=index[None]),
                None,
            )
            assert results.status == "finished", results
            self.loss_curve_ += results.losses
            self.n_iter_ += 1
            plateau = plateau.after(results.losses[0])
            if plateau.reached:
                break

    def _initial_rate(self, X: Any, weight: Array | None, pace: float) -> float:
        """The one that is given, or one that suits the size of the samples.

        The loss of one sample bends at most c * (|x|**2 + 1) along the parameters, c being that of the loss
        by its score; `pace` is about 1 / c.
        """
        if self.learning_rate_init != "auto":
            return float(self.learning_rate_init)
        if self.solver == "adam":
            return 0.01
        squares = X.multiply(X).sum(axis=1) if sparse.issparse(X) else np.einsum("ij,ij->i", X, X)
        size = np.average(np.asarray(squares, np.float64).ravel(), weights=weight) + self.fit_intercept
        return pace / size if size else pace

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def penalty_of(name: str | None, alpha: float, l1_ratio: float, share: float = 1.0) -> Penalty | None:
    """Alpha * (l1_ratio * sum|W| + (1 - l1_ratio) / 2 * sum(W**2)), where `share` multiplies the squares."""
    ratio = {"l2": 0.0, "l1": 1.0}.get(name or "", l1_ratio)
    if name is None or alpha == 0:
        return None
    if ratio == 1:
        return L1(alpha, proximal=True)
    squares = share * alpha * (1 - ratio) / 2
    return L2(squares) if ratio == 0 else ElasticNet(alpha * ratio, squares / (alpha * ratio))


def rows(X):
    return np.ascontiguousarray(X.toarray() if sparse.issparse(X) else X)
