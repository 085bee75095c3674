"""What scores mean as probabilities, learned from rows held out.

After Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017: one temperature for
all classes, and (their vector scaling) a factor and a shift for each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from ..._checks import Array
from ...functional import softmax
from .scores import log_loss

_COLDEST, _HOTTEST = 0.25, 4.0
# Factors and shifts are expected to be N(1, 0.1^2) and N(0, 0.1^2). On 8 tables of 3 to 32 classes the log
# loss fell by 0 to 2 %, and rose on none by more than .0001. Learned from 150 rows only, it rose by 0.6 % at
# most; with a variance of 0.1, by 4 %.
_VARIANCE = 0.01
_MOST_SCORES, _MOST_STEPS = 250_000, 100  # 0.2 s of 23 classes
MOST_CLASSES = 500  # of more, these are fewer rows than classes


def temperature(scores: Array, codes: Array, weight: Array | None) -> float:
    """The T in [1/4, 4] for which softmax(scores / T) has the least log loss."""
    wide = scores.astype(np.float64)

    def loss(log_temperature: float) -> float:
        return log_loss(codes, softmax(wide / np.exp(log_temperature)), weight)

    limits = np.log(_COLDEST), np.log(_HOTTEST)
    best = minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": 1e-4}).x
    return float(rounded(np.exp(best)))


def by_class(
    scores: Array, codes: Array, weight: Array | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The factor a and the shift b of each class for which softmax(a * scores + b) is most likely.

    They minimize the weighted log loss + (|a - 1|^2 + |b|^2) / (2 * variance * n), which is convex. n is the
    number of rows, or with weights w sum(w)^2 / sum(w^2).
    """
    some = slice(None, None, -(-scores.size // _MOST_SCORES))
    wide, codes = scores[some].astype(np.float64), codes[some]
    rows, classes = wide.shape
    weight = np.ones(rows) if weight is None else weight[some].astype(np.float64)
    share = weight / weight.sum()
    strength, hits = float(share @ share) / _VARIANCE, (np.arange(rows), codes)
    start = np.concatenate([np.ones(classes), np.zeros(classes)])

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        a, b = parameters.reshape(2, classes)
        probabilities = softmax(a * wide + b)
        value = log_loss(codes, probabilities, share)
        probabilities[hits] -= 1
        slopes = probabilities * share[:, np.newaxis]
        off = parameters - start
        gradient = np.concatenate([(slopes * wide).sum(axis=0), slopes.sum(axis=0)])
        return value + strength / 2 * float(off @ off), gradient + strength * off

    limits = [(_COLDEST, _HOTTEST)] * classes + [(None, None)] * classes
    options = {"ftol": 1e-6, "maxiter": _MOST_STEPS}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options=options).x
    return rounded(found[:classes]), rounded(found[classes:])


def rounded(values: Any) -> Any:
    """To multiples of 2^-16, or a model would show in which last bits the sums of two CPUs differ."""
    return np.round(np.ldexp(values, 16)) / 2**16
