"""The functions of `steepest.functional`, as calls with drawn arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest import functional as F

from .draw import Draw
from .settings import FLAG, PENALTIES, POSITIVE, RATES, REDUCTION, SIDES

ELEMENTWISE = ["relu", "sigmoid", "tanh", "lecun_tanh", "softplus", "gelu", "leaky_relu", "elu", "exp"]
ELEMENTWISE += ["selu", "mish"]


def sides(d: Draw, number: int) -> list[int]:
    return [d.choice(SIDES) for _ in range(number)]


def products(d: Draw) -> Any:
    n, k, m = sides(d, 3)
    x, w = d.floats("x", (n, k)), d.floats("weight", (k, m))
    if d.maybe():
        return F.linear(x, w, d.floats("bias", (m,)) if d.maybe() else None)
    return F.linear_backward(x, w, d.floats("grad", (n, m)))


def elementwise(d: Draw) -> Any:
    name, shape = d.choice(ELEMENTWISE), tuple(sides(d, d.random.randrange(4)))
    slope = [d.setting("slope", POSITIVE)] if name in ("leaky_relu", "elu") and d.maybe() else []
    d.log.append(name)
    x = d.floats("x", shape)
    if name == "exp":
        return F.log(F.exp(x))
    if d.maybe():
        return getattr(F, name)(x, *slope)
    return getattr(F, f"{name}_backward")(x, d.floats("grad", shape), *slope)


def losses(d: Draw) -> Any:
    n, k = d.choice(SIDES[1:]), d.choice(SIDES[2:])
    x = d.floats("scores", (n, k))
    way = d.random.randrange(8)
    weight = {"sample_weight": d.array("sample_weight", 0.1 + d.numbers.random(n))} if d.maybe() else {}
    reduction = d.setting("reduction", REDUCTION)
    if way == 0:
        return F.softmax(x)
    if way == 1:
        smoothing = d.settings({"label_smoothing": [0.1, 0, np.float64(0.5)]})
        return F.softmax_cross_entropy(x, d.whole("labels", n, k), **smoothing, **weight)
    if way == 2:
        options = d.settings({"margin": POSITIVE, "squared": FLAG})
        return F.multiclass_hinge(x, d.whole("labels", n, k), **options, **weight)
    if way == 3:
        return F.binary_cross_entropy(x, d.whole("targets", (n, k), 2), reduction, **weight)
    if way == 4:
        return F.poisson_deviance(x, d.whole("targets", (n, k), 9), reduction, **weight)
    function = [F.squared_error, F.absolute_error, F.huber][way - 5]
    extra = {"huber": "delta", "squared_error": "factor"}.get(function.__name__)
    options = d.settings({extra: POSITIVE}) if extra else {}
    return function(x, d.floats("targets", (n, k)), reduction=reduction, **options, **weight)


def updates(d: Draw) -> Any:
    """Those in place: the gradient is not changed, and what is refused changes nothing."""
    name = d.choice(["sgd", "adagrad", "rmsprop", "adam"])
    shape, dtype = tuple(sides(d, d.choice([1, 2]))), d.choice([np.float32, np.float64])
    state = [d.numbers.random(shape).astype(dtype) for _ in range(3)]
    if d.odd():
        state[d.random.randrange(3)] = d.floats("state", shape)
    weight, first, second = state
    options: dict[str, Any] = {"learning_rate": d.setting("learning_rate", RATES)}
    if name == "sgd" and d.maybe():
        options |= {"momentum": d.setting("momentum", [0.5, np.float32(0.9)]), "velocity": first}
    options |= {"adagrad": {"squares": second}, "rmsprop": {"mean_square": second}}.get(name, {})
    if name == "adam":
        options |= {"mean": first, "mean_square": second, "step": d.setting("step", [0, 5, np.int64(3)])}
    if name != "sgd":
        options |= d.settings({"epsilon": POSITIVE})
    if d.maybe(0.3):
        options["penalty"] = d.made(PENALTIES)
    d.guarded.clear()  # an odd state may be written to
    getattr(F, f"{name}_step")(weight, d.floats("gradient", shape), **options)
    return state


CALLS = {
    "products": (10, products),
    "elementwise": (10, elementwise),
    "losses": (12, losses),
    "updates": (8, updates),
}
