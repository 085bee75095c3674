"""What is refused, or diverges, leaves every network of the tab where it was."""

from __future__ import annotations

import numpy as np
import pytest
from support.playground import USUAL, configured, printed

from steepest.playground.fields import MessageError

WILD = {"data": {"name": "plane"}, "loss": {"name": "SquaredError"}, "layers": [], "batch_size": 500}
BESIDE = {"data": {"name": "three clusters"}, "compare": {"name": "MulticlassHinge"}}


def state(ask):
    answer = ask("show")
    return answer.values, {name: array.tobytes() for name, array in answer.arrays.items()}


def test_a_replay_that_diverges_is_undone():
    ask = configured(**WILD, learning_rate=100.0)
    before = state(ask)
    for _ in range(2):
        assert "diverged at the learning rate 100 after epoch 0" in ask("replay", epochs=100).values["said"]
        assert state(ask) == before


def test_a_replay_that_diverges_later_goes_back_to_where_it_began():
    ask = configured(**WILD, learning_rate=0.01)
    for _ in range(3):
        ask("learn", seconds=0.0, most=1)
    ask("replay", epochs=50)
    ask("configure", **{**ask("show").values["settings"], "learning_rate": 1000.0})
    before = state(ask)
    assert "after epoch 50" in ask("replay", epochs=60).values["said"]
    assert state(ask) == before


def test_the_last_step_counts_too():
    """The loss of an epoch is that before its steps."""
    ask = configured(**WILD, learning_rate=1e3)
    for _ in range(5):
        answer = ask("learn", seconds=0.0, most=1)
        assert answer.values["said"] or answer.values["runs"][0]["train"]["loss"] < 1e9


@pytest.mark.parametrize("run", [0, 1])
def test_an_edit_of_one_is_a_step_of_both(run):
    ask = configured(**BESIDE)
    before = []
    for _ in range(2):
        before.append(state(ask))
        ask("learn", seconds=0.0, most=1)
    before.append(state(ask))
    ask("edit", run=run, layer=0, row=0, column=0, weight=2.0)
    for values, arrays in reversed(before):
        answer = ask("back")
        assert answer.values["runs"] == values["runs"] and answer.values["epochs"] == values["epochs"]
        assert all(answer.arrays[name].tobytes() == arrays[name] for name in answer.arrays)


def test_a_refused_edit_is_no_step():
    ask = configured()
    first = ask("show")
    ask("learn", seconds=0.0, most=1)
    with pytest.raises(MessageError):
        ask("edit", run=0, layer=5, row=0, column=0, weight=1.0)
    assert np.array_equal(ask("back").arrays["0.weight0"], first.arrays["0.weight0"])


@pytest.mark.parametrize("loss", ["PoissonDeviance", "BinaryCrossEntropy"])
def test_targets_that_are_held_out_are_checked_before_anything_is_kept(loss):
    ask = configured()
    before = state(ask)
    data = {"name": "plane", "samples": 10, "seed": 2}
    with pytest.raises(MessageError, match="must be"):
        ask("configure", **{**USUAL, "data": data, "test_share": 0.9, "loss": {"name": loss}})
    assert state(ask) == before


def test_a_program_without_held_out_samples_prints_one_loss():
    ask = configured(data={"name": "drawn", "points": [[0, 0, 0], [1, 1, 1]]})
    answer = ask("learn", seconds=0.0, most=1)
    losses = printed(ask("export", run=0, model=False).values["program"])
    assert losses == [answer.values["runs"][0]["train"]["loss"]]
