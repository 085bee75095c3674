"""L-BFGS: scipy's, on the backend's loss and gradients of all samples at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.optimize
from sklearn.utils.fixes import parse_version, sp_version
from sklearn.utils.optimize import _check_optimize_result

from ..._checks import Array
from ...backends.data import Batch, Parameters, TrainConfig
from ...compile.compiled import Compiled
from .._fitting.loop import check_config

_PRINTS = sp_version < parse_version("1.15")  # later ones have no such option


def minimize(estimator: Any, compiled: Compiled, batch: Batch, config: TrainConfig) -> None:
    """Move the parameters to a minimum of the objective, and set the estimator's n_iter_ and loss_."""
    arrays, network = _in_order(compiled.parameters), compiled.network()
    check_config(estimator, config, arrays[0].dtype)
    ends = np.cumsum([array.size for array in arrays])[:-1]

    def write(packed: Array) -> None:
        for array, part in zip(arrays, np.split(packed, ends), strict=True):
            array[...] = part.reshape(array.shape)

    def objective(packed: Array) -> tuple[float, Array]:
        write(packed)
        value, gradients = network.loss_and_gradients(batch, config)
        return value, _packed(_in_order(gradients))

    result = scipy.optimize.minimize(
        objective,
        _packed(arrays),
        method="L-BFGS-B",
        jac=True,
        options={
            "maxfun": int(estimator.max_fun),
            "maxiter": int(estimator.max_iter),
            "gtol": float(estimator.tol),
            **({"iprint": 1 if estimator.verbose else -1} if _PRINTS else {}),
        },
    )
    estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)
    estimator.loss_ = result.fun
    write(result.x)


def _in_order(parameters: Sequence[Parameters]) -> list[Array]:
    """Weights, then biases, as scikit-learn packs them: the order of a sum is that of its rounding."""
    return [p.weight for p in parameters] + [p.bias for p in parameters if p.bias is not None]


def _packed(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays], dtype=np.float64)
