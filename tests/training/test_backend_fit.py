"""What a backend's fit offers to other loops than `Trainer.fit`: orders, plateaus, penalties by batch."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import needs_native
from support.strategies import numbers, small_model
from support.tolerances import assert_close, assert_equal_models

import steepest as st
from steepest.backends import active
from steepest.backends.data import Batch, FitRequest, Plateau, TrainConfig, TrainState

SAMPLES, SIZE = 50, 16


def labeled(dtype=np.float64, weighted=False):
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 4, SAMPLES).astype(dtype) if weighted else None
    return Batch(numbers((SAMPLES, 6), dtype), rng.integers(0, 3, SAMPLES), weight)


def fitted(batch, config, epochs, **changed):
    """The model, and what the backend says of its fit."""
    model = small_model(batch.x.dtype)
    options = {"batch_size": SIZE, "shuffle": False, "seed": 0, "rates": np.full(1, 0.1)} | changed
    return model, model.compiled.network().fit(batch, TrainState(config), FitRequest(epochs, **options), None)


def stepped(batch, config, orders):
    """The same in single steps, with the losses and sizes of the batches."""
    model, losses = small_model(batch.x.dtype), []
    state = TrainState(config)
    for order in orders:
        for first in range(0, SAMPLES, SIZE):
            rows = order[first : first + SIZE]
            weight = None if batch.weight is None else batch.weight[rows]
            part = Batch(batch.x[rows], batch.targets[rows], weight)
            losses.append((model.compiled.network().step(part, state, 0.1), len(rows), weight))
    return model, losses


@pytest.mark.parametrize("by_batch", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_orders_are_followed(implementation, weighted, by_batch):
    batch, rng = labeled(weighted=weighted), np.random.default_rng(0)
    orders = np.array([rng.permutation(SAMPLES), np.arange(SAMPLES), rng.integers(0, SAMPLES, SAMPLES)])
    config = TrainConfig(st.SoftmaxCrossEntropy(), (st.L2(0.5),) * 2, penalty_by_batch=by_batch)
    with implementation.computing():
        model, results = fitted(batch, config, 3, orders=orders)
        expected, losses = stepped(batch, config, orders)
    assert_equal_models(model, expected)
    sizes = [size if weight is None else weight.sum() for _, size, weight in losses]
    means = [
        np.average([loss for loss, *_ in losses[i : i + 4]], weights=sizes[i : i + 4]) for i in (0, 4, 8)
    ]
    assert_close(np.array(results.losses), np.array(means), 8, np.abs(means))


@pytest.mark.parametrize("penalty", [st.L2(0.3), st.L1(0.3), st.ElasticNet(0.2, 0.5)], ids=str)
def test_a_penalty_by_batch_is_divided_as_the_loss(implementation, penalty):
    """By the number of samples or by their weight; so a weight of 2 is a sample that comes twice."""
    config = TrainConfig(st.SoftmaxCrossEntropy(), (penalty, None), penalty_by_batch=True)
    plain = labeled()
    twice = Batch(np.repeat(plain.x, 2, axis=0), np.repeat(plain.targets, 2))
    weighted = Batch(plain.x, plain.targets, np.full(SAMPLES, 2.0))
    with implementation.computing():
        network = small_model(np.float64).compiled.network()
        (one, grads), (two, _), (three, _) = (
            network.loss_and_gradients(batch, config) for batch in (plain, twice, weighted)
        )
        data, bare = network.loss_and_gradients(plain, TrainConfig(st.SoftmaxCrossEntropy(), (None, None)))
        weight = small_model(np.float64).state_dict()["0.weight"]
    value = penalty.l2 * (weight**2).sum() + penalty.l1 * np.abs(weight).sum()
    assert_close(np.float64(one), np.float64(data + value / SAMPLES), 60, one)
    assert_close(np.float64(two), np.float64(data + value / (2 * SAMPLES)), 110, one)
    assert_close(np.float64(three), np.float64(two), 110, one)
    slope = (2 * penalty.l2 * weight + penalty.l1 * np.sign(weight)) / SAMPLES
    assert_close(grads[0].weight, bare[0].weight + slope, 60, np.abs(bare[0].weight) + np.abs(slope))


def test_a_penalty_by_batch_shrinks_proximally_too(backend):
    """And a batch without weight has neither loss nor penalty."""
    batch, zero = labeled(), Batch(labeled().x, labeled().targets, np.zeros(SAMPLES))
    proximal = TrainConfig(st.SoftmaxCrossEntropy(), (st.L1(5.0, proximal=True),) * 2, penalty_by_batch=True)
    mean = TrainConfig(st.SoftmaxCrossEntropy(), (st.L1(5.0 / SAMPLES, proximal=True),) * 2)
    with backend.computing():
        first, second = (stepless(batch, config) for config in (proximal, mean))
        objective, _ = small_model(np.float64).compiled.network().loss_and_gradients(zero, proximal)
    for key, value in first.state_dict().items():
        assert_close(value, second.state_dict()[key], 10, np.abs(value))
    assert objective == 0


def stepless(batch, config):
    """A model after one update on everything."""
    model = small_model(np.float64)
    model.compiled.network().step(batch, TrainState(config), 0.1)
    return model


def test_the_reported_objective_has_a_scale_of_its_own(implementation):
    batch = labeled()
    plain = TrainConfig(st.SoftmaxCrossEntropy(), (st.L2(0.5),) * 2)
    scaled = TrainConfig(st.SoftmaxCrossEntropy(), (st.L2(0.5),) * 2, report_scale=0.25)
    with implementation.computing():
        (model, first), (other, second) = (fitted(batch, config, 4) for config in (plain, scaled))
        network = small_model(np.float64).compiled.network()
        (one, grads), (quarter, same) = (network.loss_and_gradients(batch, r) for r in (plain, scaled))
        data, _ = network.loss_and_gradients(batch, TrainConfig(plain.loss, (None, None)))
    assert_equal_models(model, other)
    assert all(np.array_equal(a.weight, b.weight) for a, b in zip(grads, same, strict=True))
    assert_close(np.float64(one - quarter), np.float64(0.75 * data), 8, one)
    assert all(a > b for a, b in zip(first.losses, second.losses, strict=True))


def test_an_epoch_can_weigh_batches_by_their_samples(implementation):
    batch = labeled(weighted=True)
    by_weight = TrainConfig(st.SoftmaxCrossEntropy(), (None, None))
    by_count = TrainConfig(st.SoftmaxCrossEntropy(), (None, None), mean_by_count=True)
    with implementation.computing():
        (model, first), (other, second) = (fitted(batch, config, 1) for config in (by_weight, by_count))
        _, losses = stepped(batch, by_count, [np.arange(SAMPLES)])
    assert_equal_models(model, other)
    expected = np.average([loss for loss, *_ in losses], weights=[size for _, size, _ in losses])
    assert_close(np.array(second.losses), np.array([expected]), 8, expected)
    assert first.losses != second.losses


@pytest.mark.parametrize("batch_size", [SIZE, SAMPLES])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_plateau_ends_a_run(implementation, batch_size, shuffle):
    """After the epoch that makes it one; as if no more epochs had been asked for."""
    config = TrainConfig(st.SoftmaxCrossEntropy(), (None, None))
    options = {"batch_size": batch_size, "shuffle": shuffle, "rates": np.full(1, 0.5)}
    with implementation.computing():
        _, free = fitted(labeled(), config, 60, **options)
        plateau = Plateau(tolerance=0.05, patience=3)
        model, ended = fitted(labeled(), config, 60, **options, plateau=plateau)
        asked, exact = fitted(labeled(), config, len(ended.losses), **options)
    epochs = 0
    while not plateau.reached:
        plateau, epochs = plateau.after(free.losses[epochs]), epochs + 1
    assert ended.status == "finished" and 4 <= epochs == len(ended.losses) == len(ended.seconds) < 60
    assert ended.losses == exact.losses == free.losses[:epochs]
    assert_equal_models(model, asked)


def test_a_plateau_goes_on_from_what_was_before(backend):
    config, best = TrainConfig(st.SoftmaxCrossEntropy(), (None, None)), 0.0  # none is better
    with backend.computing():
        _, one = fitted(labeled(), config, 9, plateau=Plateau(0.0, 3, best, 3))
        _, four = fitted(labeled(), config, 9, plateau=Plateau(0.0, 3, best))
        _, all_ = fitted(labeled(), config, 9, plateau=Plateau(0.0, np.inf, best))
    assert [len(results.losses) for results in (one, four, all_)] == [1, 4, 9]


def test_orders_are_checked_where_they_are_read(native):
    config = TrainConfig(st.SoftmaxCrossEntropy(), (None, None))
    with native.computing():
        for orders in (np.full((1, SAMPLES), SAMPLES), np.full((1, SAMPLES), -1)):
            with pytest.raises(ValueError, match="an order holds numbers that are not samples"):
                fitted(labeled(), config, 1, orders=orders)
        with pytest.raises(ValueError, match="an order of all samples for each epoch"):
            fitted(labeled(), config, 2, orders=np.zeros((1, SAMPLES), np.int64))
        fitted(labeled(), config, 1)


@pytest.mark.parametrize("samples", [1, 2, 3, 7, 64, 65, 1000])
def test_orders_are_those_of_a_random_state(backend, samples):
    """Shuffles of the one before, and the generator goes on from where they end."""
    ours, numpys, order = np.random.RandomState(5), np.random.RandomState(5), np.arange(samples)[::-1]
    with backend.computing() if backend.backend == "reference" else st.config("native"):
        orders = active().shuffled_orders(ours, order, 4)
    for row in orders:
        shuffle = np.arange(samples)
        numpys.shuffle(shuffle)
        order = order[shuffle]
        assert row.tolist() == order.tolist()
    assert ours.randint(2**31) == numpys.randint(2**31)


@needs_native
def test_the_extension_checks_orders_itself():
    from steepest import _core

    capsule, order = np.random.RandomState(0)._bit_generator.capsule, np.arange(5)
    for bad in (np.zeros(5, np.int64), np.zeros((2, 4), np.int64), np.zeros((2, 5), np.int32)):
        with pytest.raises(ValueError):
            _core.shuffled_orders(capsule, order, bad)
