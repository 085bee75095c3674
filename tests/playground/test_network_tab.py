"""The network tab: every control acts, learning is steepest's own, and going back restores the bits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.playground import USUAL, configured, printed

import steepest as st
from steepest.playground.fields import MessageError
from steepest.playground.network import parts, plane


def until(ask, epochs):
    """The answer after so many epochs, however busy the machine is."""
    while (answer := ask("replay", epochs=epochs)).values["epochs"] < epochs:
        pass
    return answer


def learned(epochs=5, **changes):
    ask = configured(**changes)
    return ask, until(ask, epochs)


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


LATE = ("FlatCosine", "Step")  # schedules whose first rate lasts for longer than a test
CHANGES = [
    {"data": {"name": "spiral"}},
    {"data": {"name": "hills"}, "loss": {"name": "SquaredError"}},
    {"data": {"name": "five arms", "samples": 100}},
    {"data": {"noise": 20}},
    {"data": {"seed": 1}},
    {"test_share": 0.3},
    {"batch_size": 25},
    {"inputs": ["x1^2", "sin x2"]},
    {"standardize": True},
    {"layers": []},
    {"layers": [{"units": 16}] * 6},
    {"layers": [{"units": 4, "kind": "Maxout"}]},
    {"layers": [{"units": 4, "normalization": "BatchNorm"}]},
    {"layers": [{"units": 4, "normalization": "LayerNorm"}]},
    {"layers": [{"units": 4, "dropout": 0.5}]},
    {"layers": [{"units": 2, "residual": True}]},
    {"layers": [{"units": 4, "activation": {"name": "LeakyReLU", "settings": {"negative_slope": 0.3}}}]},
    {"learning_rate": 0.1},
    {"seed": 3},
    *({"activation": {"name": name}} for name in parts.ACTIVATIONS if name != "Tanh"),
    *({"loss": {"name": name}} for name in parts.LOSSES if name != "SoftmaxCrossEntropy"),
    {"loss": {"name": "MulticlassHinge", "settings": {"squared": True}}},
    *({"optimizer": {"name": name}} for name in parts.OPTIMIZERS if name != "SGD"),
    {"optimizer": {"name": "SGD", "settings": {"momentum": 0.9, "nesterov": True}}},
    *({"schedule": {"name": name, "settings": {}}} for name in parts.SCHEDULES if name not in LATE),
    {"schedule": {"name": "FlatCosine", "settings": {"flat": 0.0}}},
    {"schedule": {"name": "Step", "settings": {"every": 2, "by": "epoch"}}},
    *({"penalty": {"name": name}, "strength": 0.01} for name in parts.PENALTIES),
]


@pytest.mark.parametrize("change", CHANGES, ids=json.dumps)
def test_every_control_acts_and_the_exported_program_prints_the_same(change):
    ask, answer = learned(**change)
    usual = learned()[1]
    assert not same(answer.arrays, usual.arrays)
    losses = [answer.values["runs"][0][part]["loss"] for part in ("train", "test")]
    export = ask("export", run=0, model=False).values
    assert export["exact"] and printed(export["program"]) == losses


@pytest.mark.parametrize("standardize", [False, True])
def test_the_program_of_a_network_that_has_not_learned_prints_the_same(standardize):
    ask = configured(standardize=standardize, data={"name": "spiral"})
    losses = [ask("show").values["runs"][0][part]["loss"] for part in ("train", "test")]
    assert printed(ask("export", run=0, model=False).values["program"]) == losses


def test_every_layer_of_the_package_can_be_had_but_images_ramps_cosines_and_scales():
    made = {
        *parts.ACTIVATIONS,
        *parts.NORMALIZATIONS,
        "Linear",
        "Maxout",
        "Dropout",
        "Residual",
        "Standardize",
    }
    others = {"FractionalMaxPool2d", "PeriodicEmbedding", "PiecewiseLinear", "Scale"}
    assert {*st.layers.LAYERS} - made == others


def test_learning_lowers_the_loss_to_one_for_every_data_set():
    for name in plane.CLASSIFICATION:
        ask = configured(
            data={"name": name}, layers=[{"units": 16}] * 2, optimizer={"name": "Adam"}, learning_rate=0.01
        )
        before = ask("show").values["runs"][0]["train"]["loss"]
        after = until(ask, 300).values["runs"][0]["train"]
        assert after["loss"] < 0.7 * before, name


def test_pieces_of_learning_are_the_same_as_one():
    one = learned(60)[1]
    ask = configured()
    for _ in range(60):
        many = ask("learn", seconds=0.0, most=1)
    assert same(one.arrays, many.arrays)
    ask = configured()
    while (answer := ask("learn", seconds=0.1, most=60 - ask("show").values["epochs"])).values["epochs"] < 60:
        pass
    assert same(one.arrays, answer.arrays)


def test_back_restores_the_bits_of_weights_and_of_what_the_optimizer_keeps():
    ask, before = learned(
        optimizer={"name": "Adam"}, layers=[{"units": 4, "normalization": "BatchNorm", "dropout": 0.2}]
    )
    after = ask("learn", seconds=0.0, most=1)
    assert not same(before.arrays, after.arrays)
    assert same(ask("back").arrays, before.arrays)
    assert same(ask("learn", seconds=0.0, most=1).arrays, after.arrays)  # its momentum and draws too
    first = ask("begin")
    assert first.values["epochs"] == 0 and same(first.arrays, ask("begin").arrays)
    assert "as far back" in ask("back").values["said"]


def test_rates_batches_and_strengths_change_while_it_learns():
    ask, before = learned(penalty={"name": "L2"})
    settings = ask("show").values["settings"]
    answer = ask("configure", **{**settings, "learning_rate": 0.3, "batch_size": 50, "strength": 0.1})
    assert answer.values["epochs"] == before.values["epochs"] and not answer.values["exact"]
    assert "settings" not in answer.values and same(answer.arrays, before.arrays)
    assert not same(ask("learn", seconds=0.0, most=1).arrays, learned(6, penalty={"name": "L2"})[1].arrays)
    assert ask("begin").values["exact"]


def test_divergence_is_told_with_the_rate_and_undone():
    ask = configured(
        data={"name": "plane"}, loss={"name": "SquaredError"}, learning_rate=100.0, layers=[], batch_size=500
    )
    before = ask("show")
    answer = ask("learn", seconds=0.1, most=10_000)
    assert "diverged at the learning rate 100 after epoch 0" in answer.values["said"]
    assert same({k: v for k, v in before.arrays.items() if k in answer.arrays}, answer.arrays)
    assert answer.values["runs"] == before.values["runs"]


def test_two_losses_learn_side_by_side_from_the_same_weights():
    ask = configured(data={"name": "three clusters"}, compare={"name": "MulticlassHinge"})
    first = ask("show")
    assert all(np.array_equal(first.arrays[f"0.weight{i}"], first.arrays[f"1.weight{i}"]) for i in range(3))
    answer = ask("learn", seconds=0.1, most=50)
    assert not np.array_equal(answer.arrays["0.weight0"], answer.arrays["1.weight0"])
    for run, loss in enumerate(["SoftmaxCrossEntropy", "MulticlassHinge"]):
        assert answer.values["runs"][run]["loss"] == loss
        alone = configured(data={"name": "three clusters"}, loss={"name": loss})(
            "replay", epochs=answer.values["epochs"]
        )
        assert np.array_equal(alone.arrays["0.weight1"], answer.arrays[f"{run}.weight1"])
        program = ask("export", run=run, model=False).values["program"]
        assert printed(program)[0] == answer.values["runs"][run]["train"]["loss"]


@pytest.mark.parametrize(
    "losses", [("SquaredError", "AbsoluteError"), ("AbsoluteError", "SquaredError")], ids=str
)
def test_when_one_of_two_diverges_both_go_back(losses):
    first, second = ({"name": name} for name in losses)
    layers, data = [], {"name": "plane"}
    ask = configured(data=data, loss=first, compare=second, learning_rate=0.02, layers=layers, batch_size=250)
    ask("learn", seconds=0.0, most=1)
    before = ask("show")
    ask("configure", **{**before.values["settings"], "learning_rate": 1.0})  # too large for squares alone
    for _ in range(3):
        answer = ask("learn", seconds=0.1, most=2000)
        assert "diverged" in answer.values["said"]
        assert same({key: before.arrays[key] for key in answer.arrays}, answer.arrays)
    ask("back")
    assert (
        ask("show").values["runs"]
        == until(configured(data=data, loss=first, compare=second, layers=layers), 0).values["runs"]
    )


def test_pictures_are_what_the_model_computes():
    ask, answer = learned(data={"name": "three clusters"}, layers=[{"units": 5}])
    content = ask("export", run=0, model=True).arrays["file"].tobytes()
    from steepest.playground.network import pictures

    model = read(content)
    scores = model(plane.inputs(pictures.grid(), USUAL["inputs"]))
    assert np.array_equal(answer.arrays["0.class"].ravel(), scores.argmax(axis=1))
    hidden = st.Sequential(*model.layers[:2])
    hidden.load_state_dict({key: array for key, array in model.state_dict().items() if key[0] == "0"})
    values = hidden(plane.inputs(pictures.grid(), USUAL["inputs"]))[:, 2].reshape(96, 96)[1::3, 1::3]
    assert np.array_equal(
        answer.arrays["0.units0"][2], np.round(values / np.abs(values).max() * 127).astype(np.int8)
    )
    assert np.array_equal(answer.arrays["0.weight0"], model.state_dict()["0.weight"])


def read(content):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder) / "model.safetensors").write_bytes(content)
        return st.load(path)


@pytest.mark.parametrize("row", [-1, 0])
def test_a_weight_can_be_set(row):
    ask, before = learned()
    answer = ask("edit", run=0, layer=1, row=row, column=1, weight=2.5)
    array = answer.arrays["0.bias1"] if row < 0 else answer.arrays["0.weight1"][row]
    assert array[1] == 2.5 and not answer.values["exact"]
    assert same(ask("back").arrays, before.arrays)
    for place in [{"layer": 3}, {"row": 4}, {"column": 2}, {"run": 1}]:
        with pytest.raises(MessageError):
            ask("edit", **{"run": 0, "layer": 1, "row": 0, "column": 0, "weight": 1.0} | place)


REFUSED = [
    ({"data": {"name": "moons"}}, "data.name must be one of circle"),
    ({"data": {"samples": 1e9}}, "data.samples must be from 10 to 2000"),
    ({"data": {"points": [[0, 0, 9]], "name": "drawn"}}, r"data.points\[0\]\[2\] must be from 0 to 6"),
    ({"data": {"points": [], "name": "drawn"}}, "draw a point first"),
    ({"data": {"name": "table"}}, "there is no table"),
    ({"layers": [{"units": 17}]}, r"layers\[0\].units must be from 1 to 16"),
    ({"layers": [{"units": 2}] * 7}, "layers has 7 entries"),
    ({"layers": [{"units": 5, "residual": True}]}, "a shortcut needs as many units"),
    ({"loss": {"name": "SoftmaxCrossEntropy", "settings": {"label_smoothing": 2}}}, "label_smoothing"),
    ({"loss": {"name": "Huber", "settings": {"reduction": "sum"}}}, "Huber has no setting 'reduction'"),
    ({"data": {"name": "plane"}}, "SoftmaxCrossEntropy is for classes"),
    ({"optimizer": {"name": "SGD", "settings": {"nesterov": True}}}, "nesterov=True needs momentum"),
    ({"learning_rate": 0}, "learning_rate must be a number from"),
    ({"batch_size": 2.5}, "batch_size must be a whole number"),
    ({"inputs": []}, "inputs has 0 entries"),
    ({"seed": -1}, "seed must be from 0"),
    ({"strength": None}, "strength must be a number"),
]


@pytest.mark.parametrize(("change", "fault"), REFUSED, ids=lambda value: json.dumps(value)[:60])
def test_what_is_refused_is_named_and_changes_nothing(change, fault):
    ask, _ = learned()
    before = ask("show")
    with pytest.raises(MessageError, match=fault):
        ask("configure", **{**USUAL, **change})
    after = ask("show")
    assert before.values == after.values and same(before.arrays, after.arrays)
