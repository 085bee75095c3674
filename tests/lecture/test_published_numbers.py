"""The published numbers of the lecture and its course notes, on both backends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.random import RandomState  # the recipes were written with NumPy's legacy generator

import steepest as st
from steepest import functional

VECTORS = {
    vector["name"]: vector
    for vector in json.loads((Path(__file__).parents[1] / "support/published.json").read_text())["vectors"]
}
run = {}  # by backend
names_run = set()


@pytest.fixture(autouse=True)
def _computing(backend):
    global names_run
    names_run = run.setdefault(backend, set())
    with backend.computing():
        yield


def vector(name):
    names_run.add(name)
    return VECTORS[name]


def check(name, values):
    """Compare with the expected values of a vector, at the tolerance it states."""
    v = vector(name)
    values, expected = np.asarray(values), np.asarray(v["expected"])
    assert values.size == expected.size
    rtol = v.get("rel_tol") or v.get("rel_error") or 0
    np.testing.assert_allclose(
        values.reshape(expected.shape), expected, rtol=rtol, atol=v["abs_tol"] or 1e-300
    )


def linear_model(weight, bias=None, *above):
    """A model in float64 with the weights of a course-notes classifier: one row a class."""
    weight = np.asarray(weight, float)
    model = st.Sequential(
        st.Linear(weight.shape[1], weight.shape[0], bias=bias is not None), dtype=np.float64
    )
    state = {"0.weight": weight.T} | ({} if bias is None else {"0.bias": bias})
    model.load_state_dict(state)
    return model


def objective(loss, scores, y):
    """The loss through a model that passes its input on: the path of a fit, not that of `functional`."""
    scores = np.atleast_2d(scores).astype(float)
    identity = linear_model(np.eye(scores.shape[1]))
    return identity.loss_and_gradients(scores, np.atleast_1d(y), loss=loss)[0]


SLIDES = ["slide_svm_three_examples", "slide_svm_squared_hinge"]


@pytest.mark.parametrize("name", [*SLIDES, "svmvssoftmax_hinge", "hinge_delta10", "hinge_indifference"])
def test_hinge(name):
    inputs = vector(name)["inputs"]
    scores, labels = np.atleast_2d(inputs["scores"]), np.atleast_1d(inputs["y"])
    loss = st.MulticlassHinge(inputs.get("delta", 1.0), "squared" in name)
    pairs = list(zip(scores, labels, strict=True))
    check(name, [objective(loss, row, label) for row, label in pairs])
    check(name, [functional.multiclass_hinge([row], [y], loss.margin, loss.squared)[0] for row, y in pairs])


def test_mean_and_initial_losses():
    inputs = vector("slide_svm_three_examples_mean")["inputs"]
    check("slide_svm_three_examples_mean", objective("hinge", inputs["scores"], inputs["y"]))
    zeros, labels = np.zeros((7, 10)), np.arange(7)
    check("slide_svm_init_loss", objective("hinge", zeros, labels))
    check("softmax_init_loss", objective("softmax", zeros, labels))


@pytest.mark.parametrize(
    "name",
    ["slide_softmax_cat_probs", "svmvssoftmax_probs", "softmax_1_m2_0", "softmax_half", "softmax_stability"],
)
def test_softmax(name):
    check(name, functional.softmax([vector(name)["inputs"]["scores"]]))


@pytest.mark.parametrize("name", ["slide_softmax_cat_exp", "svmvssoftmax_exp"])
def test_exp(name):
    check(name, functional.exp(vector(name)["inputs"]["scores"]))


@pytest.mark.parametrize("name", ["slide_softmax_cat_loss_ln", "svmvssoftmax_ce"])
def test_cross_entropy(name):
    inputs = vector(name)["inputs"]
    check(name, objective("softmax", inputs["scores"], inputs["y"]))
    check(name, functional.softmax_cross_entropy([inputs["scores"]], [inputs["y"]])[0])


def test_cross_entropy_gradient():
    inputs = vector("softmax_grad_example")["inputs"]
    scores = functional.log(inputs["p"])[None]
    check("softmax_grad_example", functional.softmax_cross_entropy(scores, [inputs["y"]])[1])


def test_numerical_gradient_table():
    """The slide's losses: at W, and with one of its first entries moved by h."""
    inputs = vector("slide_numerical_gradient_table")["inputs"]
    W = np.array(inputs["W"][:3])

    def loss(moved):
        functional.exp(0.0)  # for the fixture, which asks what computed last
        (changed,) = np.nonzero(moved != W)
        return inputs["loss_plus_h"][changed[0]] if changed.size else inputs["loss"]

    gradient = st.gradients.numerical_gradient(loss, W, inputs["h"], method="forward")
    check("slide_numerical_gradient_table", gradient)


def test_linear_scores():
    for name in ("four_pixel_cat_scores", "svmvssoftmax_scores"):
        inputs = vector(name)["inputs"]
        check(name, linear_model(inputs["W"], inputs["b"])([inputs["x"]]))
    inputs = vector("bias_trick")["inputs"]
    check("bias_trick", linear_model(inputs["W_aug"])([inputs["x_aug"]]))


def test_l2_preference():
    inputs = vector("l2_preference")["inputs"]
    x, y = [inputs["x"]], [1.0]  # both weights give the score 1, so that the objective is the penalty
    models = [linear_model([inputs[name]]) for name in ("w1", "w2")]
    objectives = [
        [model.loss_and_gradients(x, y, loss="squared_error", penalty=penalty)[0] for model in models]
        for penalty in (st.L2(1.0), st.L1(1.0))
    ]
    check("l2_preference", objectives[0])
    assert objectives[1] == [1, 1]


def test_activations():
    v = vector("activations")
    layers = {
        "sigmoid": (st.Sigmoid(), functional.sigmoid),
        "tanh": (st.Tanh(), functional.tanh),
        "lecun_tanh": (st.LeCunTanh(), functional.lecun_tanh),
        "relu": (st.ReLU(), functional.relu),
        "leaky_relu_0_01": (st.LeakyReLU(), functional.leaky_relu),
        "elu_1": (st.ELU(), functional.elu),
        "softplus": (st.Softplus(), functional.softplus),
    }
    assert layers.keys() == v["expected"].keys()
    z = np.array(v["inputs"]["z"])
    for name, (layer, function) in layers.items():
        model = st.Sequential(layer, st.Linear(z.size, z.size, bias=False), dtype=np.float64)
        model.load_state_dict({"1.weight": np.eye(z.size)})
        for result in (model(z[None])[0], function(z)):
            np.testing.assert_allclose(result, v["expected"][name], rtol=0, atol=v["abs_tol"])


# ---- the toy net of assignment 1 ------------------------------------------------------------------------


def toy_net():
    """The net, its data, and the generator after the draws that made it."""
    inputs = vector("a1_toy_loss")["inputs"]
    random = RandomState(0)
    weights = 0.1 * random.randn(4, 10), 0.1 * random.randn(10, 3)
    np.testing.assert_array_equal(weights[0], inputs["W1"])
    np.testing.assert_array_equal(weights[1], inputs["W2"])
    model = st.Sequential(st.Linear(4, 10), st.ReLU(), st.Linear(10, 3), dtype=np.float64)
    biases = {"0.bias": inputs["b1"], "2.bias": inputs["b2"]}
    model.load_state_dict({"0.weight": weights[0], "2.weight": weights[1]} | biases)
    return model, np.array(inputs["X"]), np.array(inputs["y"]), random


def test_toy_net_scores_loss_and_gradients():
    model, X, y, _ = toy_net()
    check("a1_toy_scores", model(X))
    penalty = st.L2(VECTORS["a1_toy_loss"]["inputs"]["reg"])
    loss, gradients = model.loss_and_gradients(X, y, loss="softmax", penalty=penalty)
    check("a1_toy_loss", loss)
    half = st.L2(vector("a1_toy_loss_half")["inputs"]["reg"] / 2)
    check("a1_toy_loss_half", model.loss_and_gradients(X, y, loss="softmax", penalty=half)[0])
    for name, key in [("W1", "0.weight"), ("b1", "0.bias"), ("W2", "2.weight"), ("b2", "2.bias")]:
        check(f"a1_toy_grad_{name}", gradients[key])


def test_toy_net_training():
    """100 steps on batches drawn with replacement; the learning rate decays in every iteration."""
    model, X, y, random = toy_net()
    trainer = st.Trainer(model, "softmax", st.SGD(0.1), st.L2(5e-6))
    losses = []
    for step in range(100):
        trainer.optimizer = st.SGD(0.1 * 0.95**step)
        batch = random.choice(5, 200)
        losses.append(trainer.step(X[batch], y[batch]))
    check("a1_toy_train_first", losses[0])
    check("a1_toy_train_final", losses[-1])


# ---- the spiral case study ------------------------------------------------------------------------------


def spiral():
    """The notes' data, and the generator where their program drew its weights."""
    random, samples = RandomState(0), 100
    X, y = np.zeros((300, 2)), np.repeat(np.arange(3), samples)
    for j in range(3):
        r = np.linspace(0, 1, samples)
        t = np.linspace(j * 4, (j + 1) * 4, samples) + random.randn(samples) * 0.2
        X[y == j] = np.c_[r * np.sin(t), r * np.cos(t)]
    random.randn(18)
    return X, y, random


def descend(model, X, y, epochs, **how):
    """The loss before each step of gradient descent."""
    return model.fit(X, y, epochs=epochs, batch_size=None, shuffle=False, progress=False, **how).loss


def check_spiral(model, X, y, kind, epochs, printed):
    inputs = vector(f"case_study_{kind}_losses")["inputs"]
    optimizer, penalty = st.SGD(inputs["step"]), st.L2(inputs["reg"] / 2)
    losses = descend(model, X, y, epochs, loss="softmax", optimizer=optimizer, penalty=penalty)
    check(f"case_study_{kind}_losses", losses[::printed])
    check(f"case_study_{kind}_acc", (model.predict(X) == y).mean())


def test_spiral_linear():
    X, y, random = spiral()
    model = linear_model(0.01 * random.randn(2, 3).T, np.zeros(3))
    check_spiral(model, X, y, "softmax", 200, printed=10)


def test_spiral_net():
    X, y, random = spiral()
    random.randn(2, 3)  # the linear classifier's weights came first
    model = st.Sequential(st.Linear(2, 100), st.ReLU(), st.Linear(100, 3), dtype=np.float64)
    weights = {"0.weight": 0.01 * random.randn(2, 100), "2.weight": 0.01 * random.randn(100, 3)}
    model.load_state_dict(weights | {"0.bias": np.zeros(100), "2.bias": np.zeros(3)})
    check_spiral(model, X, y, "net", 10000, printed=1000)


def test_twenty_line_net():
    v = vector("twenty_line_net")
    random = RandomState(0)
    x, y, w1, w2 = (random.randn(*shape) for shape in [(64, 1000), (64, 10), (1000, 100), (100, 10)])
    model = st.Sequential(
        st.Linear(1000, 100, bias=False), st.Sigmoid(), st.Linear(100, 10, bias=False), dtype=np.float64
    )
    model.load_state_dict({"0.weight": w1, "2.weight": w2})
    losses = descend(model, x, y, 2000, loss=st.SquaredError(reduction="sum"), optimizer=st.SGD(1e-4))
    for step, expected in v["expected"].items():
        assert losses[int(step)] == pytest.approx(expected, rel=v["rel_tol"])


def test_every_vector_was_run(request, backend):
    """Each is run above."""
    functional.exp(0.0)  # for the fixture, which asks what computed last
    tests = list(request.node.parent.collect())
    if {test.name for test in tests} - {test.name for test in request.session.items}:
        pytest.skip("only some tests of this file were asked for")
    assert run[backend] == VECTORS.keys()
