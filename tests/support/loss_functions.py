"""Loss functions with each of their parameters, and targets for them."""

from __future__ import annotations

import numpy as np

from steepest import functional

from .strategies import numbers

LOSSES = {
    "softmax": functional.softmax_cross_entropy,
    "hinge": functional.multiclass_hinge,
    "hinge, margin 2.5": lambda s, y, **kw: functional.multiclass_hinge(s, y, 2.5, **kw),
    "hinge, margin 0": lambda s, y, **kw: functional.multiclass_hinge(s, y, 0, **kw),
    "squared hinge": lambda s, y, **kw: functional.multiclass_hinge(s, y, 0.5, True, **kw),
    "squared error": functional.squared_error,
    "sum of squared errors": lambda s, y, **kw: functional.squared_error(s, y, "sum", **kw),
    "absolute error": functional.absolute_error,
    "sum of absolute errors": lambda s, y, **kw: functional.absolute_error(s, y, "sum", **kw),
    "Huber": functional.huber,
    "Huber, delta 0.25": lambda s, y, **kw: functional.huber(s, y, 0.25, **kw),
    "half squared error": lambda s, y, **kw: functional.squared_error(s, y, factor=0.5, **kw),
    "binary": functional.binary_cross_entropy,
    "poisson": functional.poisson_deviance,
    "smooth softmax": lambda s, y, **kw: functional.softmax_cross_entropy(s, y, label_smoothing=0.2, **kw),
}


def takes_labels(name):
    return "softmax" in name or "hinge" in name


def targets(name, shape, dtype=np.float64, seed=1, kind="ordinary"):
    """What a loss compares scores of this shape with."""
    if takes_labels(name):
        return np.random.default_rng(seed).integers(0, shape[1], shape[0])
    values = numbers(shape, dtype, seed, kind)
    if name == "poisson":
        return np.abs(values)
    return (np.abs(values) % 1).astype(dtype) if name == "binary" else values
