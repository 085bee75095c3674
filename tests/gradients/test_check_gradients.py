"""`check_gradients`: right gradients pass everywhere, wrong ones nowhere, and kinks are neither."""

from __future__ import annotations

import numpy as np
import pytest
from support.problems import LOSSES, MODELS, lines, problem, turn
from support.strategies import numbers, small_model

import steepest as st
from steepest.backends.reference import passes
from steepest.backends.reference.backend import ReferenceBackend
from steepest.gradients import check_gradients
from steepest.losses import CustomLoss, as_loss

H = 1e-5


@pytest.mark.one_of(7)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_right_gradients_pass(backend, name, loss):
    """To a tenth of the tolerance: differences are trusted to what their rounding is at most."""
    model = st.Sequential(*MODELS[name], dtype=np.float32, seed=3)
    X, y, weight = problem(loss, weighted=True)
    weight = None if isinstance(as_loss(loss), CustomLoss) else weight
    penalty, _ = turn(name, loss)
    with backend.computing():
        report = check_gradients(model, X, y, loss, penalty, sample_weight=weight, max_coordinates=8)
    assert report and report.ok, report
    learned = (item for item in model.state_dict().items() if "running" not in item[0])
    sizes = {key: min(8, value.size) for key, value in learned}
    assert {key.key: key.checked + key.skipped for key in report.keys} == sizes
    assert max(key.numerical_error for key in report.keys) < 1e-7
    assert max(key.forward_error for key in report.keys) < 1e-12


@pytest.mark.parametrize("error", [1e-4, 0.5, -2.0, np.nan])
def test_a_wrong_gradient_is_caught(backend, monkeypatch, error):
    """One entry of one array, wherever it is; forward mode tells it too, and a wrong forward mode is told."""
    model, X, y = small_model(), numbers((20, 6)), np.arange(20) % 3
    right, forward = st.Sequential.loss_and_gradients, st.Sequential.directional_derivative

    def wrong(*arguments, **options):
        objective, gradients = right(*arguments, **options)
        gradients["0.weight"][2, 3] *= 1 + error
        return objective, gradients

    def wrong_forward(self, X, y, direction, **options):
        objective, derivative = forward(self, X, y, direction, **options)
        return objective, derivative * (1 + error) if "2.bias" in direction else derivative

    with backend.computing():
        monkeypatch.setattr(st.Sequential, "loss_and_gradients", wrong)
        report = check_gradients(model, X, y, "softmax")
        first, *others = report.keys
        assert not report.ok and not report
        assert repr(report).startswith("gradients are WRONG to 1e-06: 83 coordinates checked, 0 skipped")
        assert check_gradients(model, X, y, "softmax", tolerance=1e-3).ok == (error == 1e-4)
        size = 1 - 1 / (1 + error) if error > 0 else abs(error) / max(1, abs(1 + error))
        assert first.numerical_error == pytest.approx(size, rel=1e-2, nan_ok=True)
        assert not first.forward_error < 1e-6
        assert all(key.numerical_error < 1e-7 and key.forward_error < 1e-12 for key in others)
        monkeypatch.setattr(st.Sequential, "loss_and_gradients", right)
        monkeypatch.setattr(st.Sequential, "directional_derivative", wrong_forward)
        report = check_gradients(model, X, y, "softmax")
        *others, last = report.keys
        assert not report and not last.forward_error < 1e-6 and last.numerical_error < 1e-7
        assert all(key.forward_error < 1e-12 for key in others)


def test_a_wrong_formula_is_caught_by_differences(monkeypatch):
    """Even where reverse and forward mode share it, and agree."""
    backward = passes.activation_backward

    def forgetful(name, y, grad, slope=0.0):
        return grad * y if name == "sigmoid" else backward(name, y, grad, slope)

    monkeypatch.setattr(passes, "activation_backward", forgetful)
    monkeypatch.setattr(ReferenceBackend, "activation_backward", staticmethod(forgetful))
    model = st.Sequential(*MODELS["sigmoid"])
    X, y, _ = problem("softmax")
    with st.config("reference"):
        report = check_gradients(model, X, y, "softmax")
    wrong = {key.key for key in report.keys if key.numerical_error > 0.1}
    assert not report and wrong == {"0.weight", "0.bias"}
    assert all(key.forward_error < 1e-12 for key in report.keys)


@pytest.mark.parametrize("options", [{"loss": "softmax", "penalty": st.L2(0.1)}, {"loss": "squared_error"}])
def test_a_forgotten_term_is_caught(backend, options):
    class Forgetful(st.Sequential):
        def loss_and_gradients(self, X, y, *, loss, penalty, sample_weight):
            objective, gradients = super().loss_and_gradients(X, y, loss=loss, penalty=penalty)
            if penalty is None:  # the factor of a mean
                return objective, {key: gradient * len(X) for key, gradient in gradients.items()}
            return objective, super().loss_and_gradients(X, y, loss=loss)[1]

    X, y, _ = problem(options["loss"])
    with backend.computing():
        report = check_gradients(Forgetful(*MODELS["tanh"]), X, y, **options)
        assert check_gradients(st.Sequential(*MODELS["tanh"]), X, y, **options)
    assert not report
    assert max(key.numerical_error for key in report.keys) > 0.1


def test_kinks_within_the_step_are_skipped_and_counted(backend):
    """All of them, wherever in the step, and nothing else."""
    within = H * np.concatenate([np.linspace(-0.999, 0.999, 61), [0.0, 1 / 3, 0.5, 0.25, -1 / 3, -0.5]])
    beyond = H * np.array([-1.01, 1.01, 2.0, -3.0, 100.0, 0.5 / H, -2.0 / H])
    X, y = numbers((4, len(within) + len(beyond))), np.ones((4, 1))
    model = lines([*within, *beyond])
    with backend.computing():
        report = check_gradients(model, X, y, "squared_error", st.L1(1.0))
        assert report, report
        assert (report.skipped, report.checked) == (len(within), len(beyond))
        smaller = check_gradients(model, X, y, "squared_error", st.L1(1.0), h=H / 10)
        assert smaller and smaller.skipped == np.sum(np.abs(within) < H / 10)
        assert check_gradients(model, X, y, "squared_error", st.L2(1.0)).skipped == 0


@pytest.mark.parametrize("where", [0.0, 0.3, -0.7, 0.95])
def test_kinks_of_layers_and_losses_are_skipped(backend, where):
    """One score or hidden unit of one sample lies within the step of the bias that moves it."""
    X = np.array([[1.0, 0.5], [-1.0, 2.0]])
    hinge = st.Sequential(st.Linear(2, 3), dtype=np.float64)
    # Sample 0: margins s_j - s_0 + 1 of about 2 for class 1, and of where * H for class 2.
    hinge.load_state_dict({"0.weight": np.zeros((2, 3)), "0.bias": [0.0, 1.0, -1 + where * H]})
    relu = st.Sequential(st.Linear(2, 3), st.ReLU(), st.Linear(3, 2), dtype=np.float64)
    weight = np.array([[1.0, -1.0, 0.5], [0.5, 0.3, 0.2]])
    state = relu.state_dict() | {"0.weight": weight, "0.bias": [0.7, -X[0] @ weight[:, 1] + where * H, 0.3]}
    relu.load_state_dict(state)
    with backend.computing():
        report = check_gradients(hinge, X[:1], [0], "hinge")
        bias = report.keys[1]
        assert report and (bias.checked, bias.skipped) == (1, 2)  # its own score and that of class 2
        report = check_gradients(relu, X, np.ones((2, 2)), "squared_error")
        bias = report.keys[1]
        assert report and (bias.checked, bias.skipped) == (2, 1)
        assert [key.skipped for key in report.keys[2:]] == [0, 0]


def test_where_nothing_can_be_checked_is_not_right(backend):
    model = lines(np.zeros(3))
    with backend.computing():
        report = check_gradients(model, np.ones((2, 3)), np.ones((2, 1)), "squared_error", st.L1(5.0))
    assert report.skipped == 3 and report.checked == 0 and not report
    assert report.keys[0].numerical_error is None and report.keys[0].forward_error < 1e-12
    assert repr(report).splitlines()[2].split()[:4] == ["0.weight", "0", "3", "-"]
    edge = lines([1.34078e154])  # whose square is finite, but overflows a step further
    with backend.computing():
        report = check_gradients(edge, [[1.0]], [[0.0]], "squared_error")
    assert (report.checked, report.skipped) == (0, 1) and not report and report.keys[0].forward_error < 1e-12
