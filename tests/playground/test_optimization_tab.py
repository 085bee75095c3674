"""The optimization tab: surfaces, the paths of methods on them, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st
from steepest.playground.fields import MessageError
from steepest.playground.optimization.paths import METHODS
from steepest.playground.optimization.surfaces import BANDS, Classifier, surfaces
from steepest.playground.optimization.tab import OptimizationTab
from steepest.playground.protocol import Request, encoded, perform

TAB = OptimizationTab()
FIRST = TAB.choices()["first"]
RATE, MOMENTUM = 0.02, 0.7


def asked(action="paths", **changes):
    return perform(TAB, Request("optimization", action, changes))


def paths(*methods, **changes):
    return asked(**(FIRST | {"methods": [*methods]} | changes))


def textbook(method, w, steps):
    """The path on the bowl, (x**2 + 20 * y**2) / 2, of the formulas in `steepest.optimizers`."""
    path, v, s = [w := np.array(w)], np.zeros(2), np.zeros(2)
    for t in range(1, steps + 1):
        g = w * [1, 20]
        if method in ("momentum", "nesterov"):
            v = MOMENTUM * v - RATE * g
            w = w + (v if method == "momentum" else MOMENTUM * v - RATE * g)
        elif method == "adagrad":
            s = s + g**2
            w = w - RATE * g / (np.sqrt(s) + 1e-10)
        elif method == "rmsprop":
            s = 0.99 * s + 0.01 * g**2
            w = w - RATE * g / (np.sqrt(s) + 1e-8)
        elif method == "adam":
            v, s = 0.9 * v + 0.1 * g, 0.999 * s + 0.001 * g**2
            w = w - RATE * (v / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        else:
            w = w - RATE * g
        path.append(w)
    return path


@pytest.mark.parametrize("name", surfaces())
def test_gradients_and_minima_of_surfaces(name):
    surface = surfaces()[name]
    for point in np.random.default_rng(0).uniform(*np.transpose([surface.x, surface.y]), (20, 2)):
        numerical = st.gradients.numerical_gradient(surface.loss, point, 1e-6)
        np.testing.assert_allclose(surface.gradient(point), numerical, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(surface.losses(point), surface.loss(point), rtol=1e-12)
    for minimum in surface.minima:
        around = minimum + 1e-3 * np.random.default_rng(1).normal(size=(20, 2))
        assert surface.loss(minimum) <= min(map(surface.loss, around))


@pytest.mark.parametrize("loss", ["hinge", "softmax"])
def test_classifiers_are_the_engines(loss):
    classifier, w = Classifier(loss), np.array([0.4, -0.3])
    model = st.Sequential(st.Linear(2, 2, bias=False), dtype=np.float64)
    model.load_state_dict({"0.weight": [[0, 0.4], [0, -0.3]]})
    data = classifier.X, classifier.y
    assert st.gradients.check_gradients(model, *data, loss, st.L2(0.01)).ok
    value, gradients = model.loss_and_gradients(*data, loss=loss, penalty=st.L2(0.01))
    assert surfaces()[loss].loss(w) == value
    np.testing.assert_array_equal(surfaces()[loss].gradient(w), gradients["0.weight"][:, 1])


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("random", "local")])
def test_paths_are_the_textbooks(method):
    answer = paths(method, start=[-4.0, 2.0], rate=RATE, momentum=MOMENTUM, steps=30)
    path = answer.arrays[f"{method}.path"]
    np.testing.assert_allclose(path, textbook(method, [-4.0, 2.0], 30), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(answer.arrays[f"{method}.losses"], (path**2 @ [1, 20]) / 2)
    np.testing.assert_allclose(answer.arrays[f"{method}.distances"], np.linalg.norm(path, axis=1))
    assert answer.arrays[f"{method}.evaluations"][-1] == (1 + 5 * 30 if method == "numerical" else 31)


def test_without_momentum_both_forms_are_plain_descent():
    arrays = paths("momentum", "nesterov", "analytic", momentum=0).arrays
    np.testing.assert_allclose(arrays["momentum.path"], arrays["analytic.path"])
    np.testing.assert_array_equal(arrays["momentum.path"], arrays["nesterov.path"])


@pytest.mark.parametrize("surface", surfaces())
def test_searches_never_rise_and_begin_at_the_start(surface):
    answer = paths("random", "local", surface=surface, steps=200)
    for method in ("random", "local"):
        losses = answer.arrays[f"{method}.losses"]
        assert (np.diff(losses) <= 0).all() and losses[-1] < losses[0]
        assert answer.arrays[f"{method}.path"][0].tolist() == answer.values["start"]


def test_same_seed_same_paths_and_noise_is_the_same_for_all():
    one, same, other = (paths(*METHODS, noise=0.3, seed=seed).arrays for seed in (1, 1, 2))
    for name in METHODS:
        np.testing.assert_array_equal(one[f"{name}.path"], same[f"{name}.path"])
        assert not np.array_equal(one[f"{name}.path"], other[f"{name}.path"])
    np.testing.assert_allclose(one["numerical.path"], one["analytic.path"], atol=1e-7)


@pytest.mark.parametrize("surface", surfaces())
def test_a_path_that_diverges_is_cut(surface):
    answer = paths(*METHODS, surface=surface, rate=3.0, steps=60)
    assert encoded(1, answer)
    assert all(np.isfinite(array).all() for array in answer.arrays.values())
    for name, words in answer.values["diverged"].items():
        steps = len(answer.arrays[f"{name}.losses"])
        assert words == f"{METHODS[name][0]} diverged at step {steps} with the learning rate 3."
        assert np.abs(answer.arrays[f"{name}.path"]).max() <= 1e6
    if surface in ("bowl", "valley", "hills"):
        assert {"numerical", "analytic", "momentum"} <= set(answer.values["diverged"])


def test_paths_that_leave_the_picture_are_told():
    answer = paths("momentum", "adagrad", start=[-4.4, 3.4], rate=0.09, momentum=0.95, steps=100)
    path = answer.arrays["momentum.path"]
    outside = (np.abs(path) > [5.0, 3.5]).any(axis=1)
    assert outside.any() and not outside[-1]
    first, back = answer.values["left"]["momentum"]
    assert outside[first] and not outside[:first].any()
    assert outside[back - 1] and not outside[back:].any()
    assert "adagrad" not in answer.values["left"]
    assert (
        paths("momentum", start=[-4.4, 3.4], rate=0.09, momentum=0.95, steps=10).values["left"]["momentum"][0]
        == first
    )


def test_a_path_outside_at_its_end_does_not_come_back():
    answer = paths("analytic", surface="bowl", rate=0.1, start=[4.0, 3.4], steps=10)
    assert not answer.values["left"]  # it swings between the sides
    answer = paths("analytic", "adam", rate=0.15, steps=10)
    assert answer.values["left"] == {"analytic": [1, None]}


def test_a_path_that_diverged_has_not_merely_left():
    values = paths("analytic", "adam", rate=3.0, steps=60).values
    assert "analytic" in values["diverged"] and "analytic" not in values["left"]


def test_a_path_is_kept_only_where_its_settings_are_the_same():
    usual = {"surface": "hinge", "rate": 0.2, "momentum": 0.5, "steps": 20, "noise": 0.3, "seed": 3}
    first = paths(*METHODS, **usual).arrays
    used = {
        "rate": set(METHODS) - {"random", "local"},
        "momentum": {"momentum", "nesterov"},
        "noise": set(METHODS) - {"random", "local"},
        "seed": set(METHODS),
        "surface": set(METHODS),
    }
    others = {"rate": 0.25, "momentum": 0.6, "noise": 0.2, "seed": 4, "surface": "bowl"}
    for name, value in others.items():
        other = paths(*METHODS, **usual | {name: value}).arrays
        changed = {
            method
            for method in METHODS
            if not np.array_equal(other[f"{method}.path"], first[f"{method}.path"])
        }
        assert changed == used[name], name
    again = paths(*METHODS, **usual).arrays
    assert all(np.array_equal(again[name], array) for name, array in first.items())


def test_picture():
    answer = asked("surface", name="saddle", width=121, height=91)
    bands, levels = answer.arrays["bands"], answer.values["levels"]
    assert bands.shape == answer.arrays["lines"].shape == (91, 121)
    assert bands[45, 30] == bands[45, 90] == 0 and bands.max() == BANDS - 1  # the minima, the highest corner
    losses = surfaces()["saddle"].losses(surfaces()["saddle"].grid(121, 91))
    np.testing.assert_array_equal(bands, np.digitize(losses, levels[1:-1]))
    assert levels[0] == 0 and np.isclose(levels[-1], losses.max())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"surface": "moon"}, "surface"),
        ({"rate": 5.0}, "rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"steps": 501}, "steps"),
        ({"noise": float("nan")}, "noise"),
        ({"seed": -1}, "seed"),
        ({"start": [9.0, 0.0]}, r"start\[0\]"),
        ({"start": [1.0]}, "start"),
        ({"methods": ["newton"]}, r"methods\[0\]"),
        ({"speed": 1}, "speed"),
    ],
)
def test_refused(changes, field):
    with pytest.raises(MessageError, match=field):
        paths("adam", **changes)
