"""A step in two halves: gradients of parts of a batch, and the update by their sum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.implementations import needs_native, taking_all_threads
from support.strategies import numbers
from support.tolerances import assert_close, assert_equal_models, assert_same_bits

import steepest as st
from steepest.backends.data import Batch, Overflowed, Parameters, StepKey

SAMPLES = 60
LEARNING = {
    "descent": {},
    "momentum": {"optimizer": st.SGD(0.1, momentum=0.9), "penalty": st.L2(0.01)},
    "adam": {"optimizer": st.Adam(0.01), "penalty": st.ElasticNet(0.01, 0.01)},
    "proximal": {"penalty": st.L1(0.05, proximal=True), "clip_value": 0.01},
    "norm": {"clip_norm": 0.05, "penalty": st.L1(0.01), "frozen": {0}},
    "limits": {"constraint": st.MaxNorm(0.4), "averaging": st.PolyakAverage(), "rate_factors": {0: 0.5}},
    "decay": {"optimizer": st.AdamW(0.01), "averaging": st.ExponentialAverage(0.5)},
}


def deep(dtype=np.float64):
    layers = st.Linear(8, 33), st.LayerNorm(33), st.ReLU(), st.Residual(st.Linear(33, 33), st.Scale(33))
    return st.Sequential(*layers, st.Maxout(33, 9, 2), st.Linear(9, 4), dtype=dtype, seed=1)


def labeled(weighted=False, dtype=np.float64):
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 4, SAMPLES).astype(dtype) if weighted else None
    return Batch(numbers((SAMPLES, 8), dtype), rng.integers(0, 4, SAMPLES), weight)


def part_of(batch, rows):
    weight = None if batch.weight is None else batch.weight[rows]
    return Batch(batch.x[rows], batch.targets[rows], weight)


def in_halves(trainer, batch, rate):
    """The objective of a step that is made of the gradients of two parts."""
    network, state = trainer.model.compiled.network(), trainer.learning.state
    scale = 1 / (SAMPLES if batch.weight is None else batch.weight.sum())
    total, sums = 0.0, trainer.model.compiled.zeros()
    for rows in (slice(0, 40), slice(40, None)):
        config = state.config
        if rows.start:
            config = replace(config, penalties=(None,) * len(config.penalties))
        own = trainer.model.compiled.zeros()
        part = part_of(batch, rows)
        value, gradients = network.loss_and_gradients(part, config, sample_scale=scale, into=own)
        assert all(one is other for one, other in zip(gradients, own, strict=True))
        total += value
        for to, one in zip(sums, own, strict=True):
            to.weight += one.weight
            if to.bias is not None:
                to.bias += one.bias
    network.update(sums, state, rate)
    return total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("learning", LEARNING)
def test_gradients_of_parts_make_the_step_of_the_whole(implementation, learning, weighted):
    batch = labeled(weighted)
    with implementation.computing():
        whole, halves = (st.Trainer(deep(), **LEARNING[learning]) for _ in range(2))
        for _ in range(3):
            network, rate = whole.model.compiled.network(), whole.learning.rate(0)
            one = network.step(batch, whole.learning.state, rate)
            two = in_halves(halves, batch, rate)
            assert_close(np.float64(two), np.float64(one), 200, abs(one))
    assert whole.steps_done == halves.steps_done == 3
    for (key, a), b in zip(whole.state_dict().items(), halves.state_dict().values(), strict=True):
        # An update by Adam is a quotient: what it divides by is a gradient that may be small itself.
        magnitude = np.abs(np.asarray(a)) + (1 if learning in ("adam", "decay") else 0.1)
        assert np.all(np.abs(np.asarray(a) - b) <= 1e-9 * magnitude), key


def test_gradients_are_written_where_they_are_wanted(implementation):
    batch, model = labeled(), deep()
    config = st.Trainer(model, penalty=st.L2(0.1)).learning.state.config
    into = [
        Parameters(np.full(p.weight.shape, np.nan), None if p.bias is None else np.full(p.bias.shape, np.nan))
        for p in model.compiled.parameters
    ]
    with implementation.computing():
        network = model.compiled.network()
        value, fresh = network.loss_and_gradients(batch, config, StepKey(1, 2))
        again, _ = network.loss_and_gradients(batch, config, StepKey(1, 2), into=into)
    assert value == again
    for a, b in zip(fresh, into, strict=True):
        assert_same_bits(b.weight, a.weight)
        assert (a.bias is None) == (b.bias is None)
        if a.bias is not None:
            assert_same_bits(b.bias, a.bias)


def test_an_update_that_overflows_says_so(backend):
    model = st.Sequential(st.Linear(3, 2), seed=1)
    trainer = st.Trainer(model)
    huge = [Parameters(np.full((3, 2), 3e38, np.float32), np.zeros(2, np.float32))]
    with backend.computing(), pytest.raises(Overflowed):
        model.compiled.network().update(huge, trainer.learning.state, 1e3)


@needs_native
@pytest.mark.parametrize("learning", LEARNING)
def test_threads_change_no_bit_of_an_update(learning):
    models = []
    for threads in (1, 2, 3):
        with st.config(num_threads=threads), taking_all_threads():
            layers = st.Linear(300, 257), st.LayerNorm(257), st.ReLU(), st.Linear(257, 40)
            model = st.Sequential(*layers, seed=1)
            trainer = st.Trainer(model, **LEARNING[learning])
            for step in range(3):
                gradients = model.compiled.zeros()
                for p in gradients:
                    p.weight[...] = numbers(p.weight.shape, np.float32) * (step + 1)
                model.compiled.network().update(gradients, trainer.learning.state, 0.1)
        models.append(model)
    assert_equal_models(models[0], models[1])
    assert_equal_models(models[0], models[2])


@needs_native
def test_gradients_of_another_model_are_refused():
    model = deep()
    network, state = model.compiled.network(), st.Trainer(model).learning.state
    given = model.compiled.zeros()
    with pytest.raises(ValueError, match="fewer parameters than stages that learn"):
        network.update(given[:-1], state, 0.1)
    given[0] = Parameters(np.zeros((7, 33)), np.zeros(33))
    with pytest.raises(ValueError, match="weight has another shape"):
        network.update(given, state, 0.1)


def test_a_batch_without_weight_has_no_gradient(implementation):
    model = st.Sequential(st.Linear(8, 4), dtype=np.float64, seed=1)
    config = st.Trainer(model).learning.state.config
    batch = replace(labeled(), weight=np.zeros(SAMPLES))
    with implementation.computing():
        value, gradients = model.compiled.network().loss_and_gradients(batch, config, sample_scale=0.0)
    assert value == 0 and not gradients[0].weight.any() and not gradients[0].bias.any()
