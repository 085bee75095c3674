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

import numpy as np

import steepest as st
from steepest import datasets, gradients

from . import functions, networks
from .draw import Draw, promise
from .settings import COUNT, GROUPS, ODD_COUNTS, POSITIVE, RATES, SCHEDULES, SIDES

try:
    from .estimators import CALLS as OF_ESTIMATORS
except ImportError:  # without scikit-learn
    OF_ESTIMATORS = {}
try:
    from .tabular import CALLS as OF_TABLES
except ImportError:  # without scikit-learn, pandas or polars
    OF_TABLES = {}

SEEDS = [0, 1, np.int64(5)]
NAMES = ["", ".", "no/m", "a\0b", "\ud800", "a" * 256]  # of no file that can be written
Call = Callable[[Draw], Any]


def descriptions(d: Draw) -> Any:
    """Each can be made, shown, compared, copied and pickled."""
    thing = d.made(d.choice(GROUPS)) if d.maybe(0.8) else st.Sequential(*networks.layers(d)).layers[0]
    twin = pickle.loads(pickle.dumps(thing))
    promise(twin == thing and copy.deepcopy(thing) == thing, f"{thing!r} is not its copy {twin!r}")
    promise(repr(twin) == repr(thing), f"{thing!r} is shown as {twin!r}")


def rates(d: Draw) -> Any:
    schedule = d.made(SCHEDULES)
    return [schedule(step) for step in (0, 1, 10**6, 2**40)]


def answers(d: Draw) -> Any:
    net = networks.model(d)
    x = d.floats("X", (d.choice(SIDES), net.in_features))
    return net.predict(x) if net.out_features > 1 and d.maybe(0.3) else net(x)


def objectives(d: Draw) -> Any:
    net = networks.model(d)
    loss = networks.loss(d, net)
    x, y, weight = networks.samples(d, net, loss)
    options = {"loss": loss, "penalty": networks.penalties(d, net), "sample_weight": weight}
    options |= d.settings({"step": [0, 3, np.int64(7)]}, 0.3)
    if d.maybe(0.2):
        kinds = {"h": [1e-5, np.float32(1e-4)], "tolerance": [1e-5], "seed": [0, np.int64(1)]}
        checked = gradients.check_gradients(net, x, y, loss=loss, max_coordinates=2, **d.settings(kinds, 0.2))
        return [key.forward_error for key in checked.keys]
    if d.maybe():
        return net.loss_and_gradients(x, y, **options)
    direction = {key: d.array(key, value) for key, value in net.state_dict().items() if "running" not in key}
    return net.directional_derivative(x, y, direction, **options)


def states(d: Draw) -> Any:
    """A model comes back as it was: from its state, pickled, folded, saved."""
    net = networks.model(d)
    x = d.numbers.standard_normal((3, net.in_features))
    scores = net(x)
    state = {key: d.array(key, value) for key, value in net.state_dict().items()}
    if d.odd():
        state = d.choice(
            [{}, None, state | {"more": 1}, state | {1: 2}, list(state.values()), dict([state.popitem()])]
        )
    net.load_state_dict(state)
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
    net = networks.model(d)
    loss = networks.loss(d, net)
    trainer = st.Trainer(d.setting("model", [net]), **networks.trainer(d, net, loss))
    objectives = [trainer.step(*networks.samples(d, net, loss)) for _ in range(2)]
    if trainer.averaging:
        trainer.averaged()
    return objectives, net.state_dict()


def fits(d: Draw) -> Any:
    """Whatever the settings and however it ends, a fit leaves finite parameters."""
    net = networks.model(d)
    loss = networks.loss(d, net)
    x, y, weight = networks.samples(d, net, loss)
    config, options = networks.trainer(d, net, loss), networks.fit(d, net, loss)
    try:
        return st.Trainer(net, **config).fit(x, y, sample_weight=weight, **options).loss
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


def decomposed(d: Draw) -> Any:
    """An error in its parts, of fits of the least size."""

    def net(width: int, seed: int) -> st.Sequential:
        return st.Sequential(st.Linear(3, 2 * width), st.Tanh(), st.Linear(2 * width, 3), seed=seed)

    X, y = d.floats("X", (9, 3)), d.whole("y", 9, 3)
    kinds: dict[str, Any] = {"measure": ["loss", "error_rate"], "samples": [None, 3], "batch_size": [None, 2]}
    kinds |= {
        "epochs": [1, np.int8(2)],
        "longer": [2, 3],
        "width": [2, np.int64(3)],
        "seeds": [[0, 1], range(2)],
    }
    return st.error_decomposition(net, (X, y), (X, y), **d.settings(kinds, odd=ODD_COUNTS)).total


# Names, how often each is called, and the calls.
CALLS: dict[str, tuple[int, Call]] = {
    **functions.CALLS,
    **OF_ESTIMATORS,
    **OF_TABLES,
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
    "decomposed": (1, decomposed),
}
