"""The linear tab: its numbers against NumPy's and against differences, and what it refuses."""

import numpy as np
import pytest

from steepest.playground.fields import MessageError
from steepest.playground.linear.tab import LinearTab
from steepest.playground.protocol import Request, encoded, perform

START = LinearTab().choices()["start"]
X = np.array(START["points"])[:, :2]
Y = np.array(START["points"])[:, 2].astype(int)
LOSSES = ["hinge", "squared_hinge", "softmax"]
PARTS = ["data", "penalty", "total"]


def show(**changes):
    message = {**START, "steps": 0, **changes}
    return perform(LinearTab(), Request("linear", "show", message))


def each_loss(loss, W, b):
    """The loss of each sample, by NumPy alone."""
    scores = X @ np.array(W).T + b
    own = scores[np.arange(len(Y)), Y]
    if loss == "softmax":
        return np.log(np.exp(scores).sum(axis=1)) - own
    terms = np.maximum(0, scores - own[:, np.newaxis] + 1)
    terms[np.arange(len(Y)), Y] = 0
    return (terms**2 if loss == "squared_hinge" else terms).sum(axis=1)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_those_of_the_formulas(loss):
    values = show(loss=loss, strength=0.3).values
    expected = each_loss(loss, START["W"], START["b"])
    np.testing.assert_allclose(values["samples"]["losses"], expected, rtol=1e-12, atol=1e-12)
    penalty = 0.3 * np.square(START["W"]).sum()
    parts = [expected.mean(), penalty, expected.mean() + penalty]
    np.testing.assert_allclose([values["losses"][loss][part] for part in PARTS], parts)
    assert values["totals"] == [values["losses"][loss]["total"]]


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_differences_in_their_parts(loss):
    found = show(loss=loss, strength=0.3).values["gradients"]
    for name in "W", "b":
        at = np.array(START[name])
        numerical = {part: np.empty_like(at) for part in PARTS}
        for place in np.ndindex(at.shape):
            change = np.zeros_like(at)
            change[place] = 1e-5
            above, below = (
                show(loss=loss, strength=0.3, **{name: moved.tolist()}).values["losses"][loss]
                for moved in (at + change, at - change)
            )
            for part in PARTS:
                numerical[part][place] = (above[part] - below[part]) / 2e-5
        for part in PARTS:
            np.testing.assert_allclose(found[name][part], numerical[part], atol=1e-7)
        np.testing.assert_allclose(np.add(found[name]["data"], found[name]["penalty"]), found[name]["total"])


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_goes_against_the_gradient(loss):
    before, after = show(loss=loss).values, show(loss=loss, steps=1).values
    for name in "W", "b":
        expected = np.array(START[name]) - START["rate"] * np.array(before["gradients"][name]["total"])
        np.testing.assert_allclose(after[name], expected, rtol=1e-12)
    assert after["totals"] == [before["totals"][0], after["losses"][loss]["total"]]
    assert len(show(loss=loss, steps=200).values["totals"]) == 201


def test_parts_of_a_sample_make_its_loss():
    for loss in "hinge", "squared_hinge":
        samples = show(loss=loss).values["samples"]
        np.testing.assert_allclose(np.sum(samples["parts"], axis=1), samples["losses"])
    samples = show(loss="softmax").values["samples"]
    np.testing.assert_allclose(np.sum(samples["parts"], axis=1), 1)
    own = np.array(samples["parts"])[np.arange(len(Y)), Y]
    np.testing.assert_allclose(-np.log(own), samples["losses"])


def test_regions_and_lines_are_those_of_the_scores():
    answer = show()
    picture = answer.arrays["regions"]
    assert picture.dtype == np.uint8
    W, b, cells = np.array(START["W"]), np.array(START["b"]), len(picture)
    for row, column in (0, 0), (10, 100), (cells - 1, 3):
        at = 1.2 * ((2 * np.array([column, cells - 1 - row]) + 1) / cells - 1)
        assert picture[row, column] == (W @ at + b).argmax()
    for k, line in enumerate(answer.values["lines"]):
        np.testing.assert_allclose(np.array(line["ends"]) @ W[k] + b[k], 0, atol=1e-12)
        assert np.abs(line["ends"]).max() == pytest.approx(1.2)
        foot, tip = np.array(line["arrow"]) @ W[k] + b[k]
        assert foot == pytest.approx(0, abs=1e-12) and tip > 0.1


def test_lines_out_of_sight_and_of_no_weights_are_left_out():
    answer = show(W=[[0, 0], [1, 0], [0, 1]], b=[1, 5, 0])
    assert [line is None for line in answer.values["lines"]] == [True, True, False]
    encoded(1, answer)  # refuses NaN and infinities


@pytest.mark.parametrize("start", [{}, {"W": [[1e9, -1e9]] * 3, "b": [1e9] * 3}])
def test_divergence_is_told_and_changes_nothing(start):
    answer = show(loss="squared_hinge", rate=100, steps=200, **start)
    encoded(1, answer)
    values, start = answer.values, {**START, **start}
    assert "diverged" in values["diverged"] and "step size 100" in values["diverged"]
    assert (values["W"], values["b"]) == (start["W"], start["b"])
    assert len(values["totals"]) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"points": []}, "points"),
        ({"points": [[0, 0, 0]] * 61}, "points"),
        ({"points": [[0, 0, 3]]}, r"points\[0\]\[2\]"),
        ({"points": [[0, 1.3, 0]]}, r"points\[0\]\[1\]"),
        ({"points": [[0, 0]]}, r"points\[0\]"),
        ({"W": [[1, 2], [3, 4]]}, "W"),
        ({"W": [[1, 2], [3, 4], [5, 2e9]]}, r"W\[2\]\[1\]"),
        ({"b": [0, 0, float("nan")]}, r"b\[2\]"),
        ({"b": 0}, "b"),
        ({"loss": "squared_error"}, "loss"),
        ({"strength": -1}, "strength"),
        ({"rate": 0}, "rate"),
        ({"steps": 201}, "steps"),
        ({"steps": True}, "steps"),
        ({"pace": 1}, "'pace'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes, field):
    with pytest.raises(MessageError, match=field):
        show(**changes)


def test_random_parameters_follow_from_the_seed():
    tab = LinearTab()
    requests = [Request("linear", "random", {"seed": seed}) for seed in (0, 0, 1)]
    first, again, other = (perform(tab, request).values for request in requests)
    assert first == again != other
    show(**first)


@pytest.mark.parametrize("loss", LOSSES)
def test_digits_are_learned_epoch_by_epoch(loss):
    tab = LinearTab()

    def train(epochs, restart=False):
        message = {"loss": loss, "strength": 0.01, "epochs": epochs, "restart": restart}
        return perform(tab, Request("linear", "digits", message))

    start = train(0)
    assert not start.arrays["templates"].any() and start.values["epochs"] == 0
    train(5)
    trained = train(5)
    assert trained.values["epochs"] == 10 and trained.values["test_accuracy"] > 0.85
    assert trained.arrays["templates"].shape == (10, 8, 8)
    assert np.abs(trained.arrays["templates"]).max() == 1
    assert train(1, restart=True).values["epochs"] == 1
