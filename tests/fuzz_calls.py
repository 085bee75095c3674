"""Every public function and class, as calls with drawn arguments: what the fuzz of the public API runs.

Each call takes a `Draw` and returns what must be finite where the draw was ordinary.
"""

from __future__ import annotations

import copy
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzz_models as models
import numpy as np
from fuzz_values import (
    COUNT,
    FLAG,
    GROUPS,
    ODD_COUNTS,
    PENALTIES,
    POSITIVE,
    RATES,
    REDUCTION,
    SCHEDULES,
    SIDES,
    Draw,
)

import steepest as st
from steepest import datasets, gradients
from steepest import functional as F

SEEDS = [0, 1, np.int64(5)]
NAMES = ["", ".", "no/m", "a\0b", "\ud800", "a" * 256]  # of no file that can be written
Call = Callable[[Draw], Any]
ELEMENTWISE = ["relu", "sigmoid", "tanh", "lecun_tanh", "softplus", "gelu", "leaky_relu", "elu", "exp"]


class BrokenPromiseError(Exception):
    """What a call returned is not what its documentation says."""


def promise(kept: bool, what: str) -> None:
    if not kept:
        raise BrokenPromiseError(what)


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


def descriptions(d: Draw) -> Any:
    """Each can be made, shown, compared, copied and pickled."""
    thing = d.made(d.choice(GROUPS)) if d.maybe(0.8) else st.Sequential(*models.layers(d)).layers[0]
    twin = pickle.loads(pickle.dumps(thing))
    promise(twin == thing and copy.deepcopy(thing) == thing, f"{thing!r} is not its copy {twin!r}")
    promise(repr(twin) == repr(thing), f"{thing!r} is shown as {twin!r}")


def rates(d: Draw) -> Any:
    schedule = d.made(SCHEDULES)
    return [schedule(step) for step in (0, 1, 10**6, 2**40)]


def answers(d: Draw) -> Any:
    net = models.model(d)
    x = d.floats("X", (d.choice(SIDES), net.in_features))
    return net.predict(x) if net.out_features > 1 and d.maybe(0.3) else net(x)


def objectives(d: Draw) -> Any:
    net = models.model(d)
    loss = models.loss(d, net)
    x, y, weight = models.samples(d, net, loss)
    options = {"loss": loss, "penalty": models.penalties(d, net), "sample_weight": weight}
    options |= d.settings({"step": [0, 3, np.int64(7)]}, 0.3)
    if d.maybe(0.2):
        return gradients.check_gradients(net, x, y, loss=loss, max_coordinates=2) and None
    if d.maybe():
        return net.loss_and_gradients(x, y, **options)
    direction = {key: d.array(key, value) for key, value in net.state_dict().items() if "running" not in key}
    return net.directional_derivative(x, y, direction, **options)


def states(d: Draw) -> Any:
    """A model comes back as it was: from its state, pickled, folded, saved."""
    net = models.model(d)
    x = d.numbers.standard_normal((3, net.in_features))
    scores = net(x)
    net.load_state_dict({key: d.array(key, value) for key, value in net.state_dict().items()})
    if d.ordinary:
        promise(np.isfinite(net(x)).all() and np.isfinite(net.folded()(x)).all(), "scores are not finite")
        scores = net(x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / str(d.setting("name", ["m", "Å.safetensors", "a" * 200], NAMES))
        metadata = (
            {}
            if d.maybe()
            else {"metadata": d.setting("metadata", [None, {}, {"a": "b"}], [{"a": 1}, 3, {1: "a"}])}
        )
        net.save(path, **metadata)
        twins = [st.load(path), pickle.loads(pickle.dumps(net))]
    promise(
        all(np.array_equal(twin(x), net(x), equal_nan=True) for twin in twins), "a copy gives other scores"
    )
    promise(repr(net) == repr(twins[1]) and net.layers == twins[0].layers, "a copy has other layers")
    return scores


def steps(d: Draw) -> Any:
    net = models.model(d)
    loss = models.loss(d, net)
    trainer = st.Trainer(net, **models.trainer(d, net, loss))
    objectives = [trainer.step(*models.samples(d, net, loss)) for _ in range(2)]
    if trainer.averaging:
        trainer.averaged()
    return objectives, net.state_dict()


def fits(d: Draw) -> Any:
    """Whatever the settings and however it ends, a fit leaves finite parameters."""
    net = models.model(d)
    loss = models.loss(d, net)
    x, y, weight = models.samples(d, net, loss)
    recipe, options = models.trainer(d, net, loss), models.fit(d, net, loss)
    try:
        return st.Trainer(net, **recipe).fit(x, y, sample_weight=weight, **options).loss
    finally:
        bad = [key for key, value in net.state_dict().items() if not np.isfinite(value).all()]
        promise(not bad, f"{bad} hold NaN or infinities after a fit")


def choices(d: Draw) -> Any:
    """Settings of the process, put back."""
    kinds: dict[str, Any] = {"backend": ["native", "reference"], "num_threads": [1, 2, 64, np.int8(3)]}
    with st.config(**d.settings(kinds | {"isa": [None]})):
        st.build_info(), st.get_num_threads()
    try:
        st.set_num_threads(d.setting("num_threads", [None, 1, np.int64(3)]))
    finally:
        st.set_num_threads(None)


def data(d: Draw) -> Any:
    way = d.random.randrange(5)
    if way == 0:
        kinds: dict[str, Any] = {
            "samples_per_class": COUNT,
            "classes": COUNT,
            "noise": POSITIVE,
            "seed": SEEDS,
        }
        return datasets.spiral(**d.settings(kinds, odd=ODD_COUNTS))
    if way == 1:
        kinds = {"samples": [2, 9, np.int64(5)], "noise": POSITIVE, "seed": SEEDS}
        return datasets.two_moons(**d.settings(kinds))
    if way == 2:
        y = d.array("y", np.repeat(d.numbers.integers(-5, 5, 3), 4))
        kinds = {"test_fraction": [0.5, np.float32(0.2)], "seed": SEEDS}
        return datasets.stratified_split(y, **d.settings(kinds))
    if way == 3:
        labels, scores = d.whole("labels", 7, 3), d.floats("scores", (7, 3))
        return st.accuracy(labels, scores)
    x = d.array("x", d.numbers.standard_normal(17))
    features = st.PolynomialFeatures(d.setting("degree", [1, 3, np.int8(2)]))
    return features.fit_transform(x), features.transform(d.floats("more", (3,)))


def descents(d: Draw) -> Any:
    """Numerical gradients and searches, of a function that is given floats only."""

    def bowl(weights: Any) -> float:
        return float((weights**2).sum())

    point = d.floats("point", tuple(d.choice([0, 1, 3]) for _ in range(d.random.randrange(3))))
    method, way = d.setting("method", ["central", "forward"]), d.random.randrange(5)
    if way == 0:
        return gradients.numerical_gradient(bowl, point, method=method, **d.settings({"h": RATES}))
    if way == 1:
        direction = d.floats("direction", np.shape(point))
        return gradients.directional_derivative(bowl, point, direction, method=method)
    if way == 2:
        return gradients.random_search(bowl, d.setting("shape", [(), 3, (2, 3)]), d.count("tries")).loss
    if way == 3:
        return gradients.local_search(bowl, point, d.count("steps"), d.setting("step_size", POSITIVE)).loss
    return gradients.gradient_descent(bowl, point, d.setting("step_size", RATES), d.count("steps")).loss


# Names, how often each is called, and the calls.
CALLS: dict[str, tuple[int, Call]] = {
    "products": (10, products),
    "elementwise": (10, elementwise),
    "losses": (12, losses),
    "updates": (8, updates),
    "descriptions": (8, descriptions),
    "rates": (3, rates),
    "answers": (10, answers),
    "objectives": (10, objectives),
    "states": (5, states),
    "steps": (10, steps),
    "fits": (14, fits),
    "choices": (2, choices),
    "data": (5, data),
    "descents": (4, descents),
}
