"""Reproducibility: trained parameters are equal to the last bit, however the work was divided."""

from __future__ import annotations

import copy
import hashlib
from unittest import mock

import numpy as np
import pytest
from support.implementations import FUSED, ISAS, NATIVE, REFERENCE, Implementation, needs_native
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest import functional
from steepest.backends.reference.random import shuffle_order
from steepest.losses import CustomLoss
from steepest.training.rise import WayBack

L, R, S, T = st.Linear, st.ReLU, st.Sigmoid, st.Tanh
MOMENTUM, NESTEROV = st.SGD(0.05, 0.9), st.SGD(0.05, 0.9, nesterov=True)


def config(*layers, loss="softmax", optimizer=MOMENTUM, penalty=None, limits=None, weighted=False, **fit):
    fit = {"batch_size": 128, "epochs": 3} | fit
    how = {"loss": loss, "optimizer": optimizer, "penalty": penalty} | (limits or {})
    return layers, how, weighted, fit


# Each makes enough work for 7 threads. Batches of 128 from 300 samples leave a ragged one of 44.
RECIPES = {
    "linear classifier": config(L(64, 30), loss="hinge", optimizer=st.SGD(0.01), penalty=st.L2(1e-3)),
    "one hidden layer": config(L(64, 47), R(), L(47, 10), penalty=st.ElasticNet(1e-4, 2.0)),
    "no biases": config(L(64, 33, bias=False), T(), L(33, 10, bias=False), optimizer=NESTEROV),
    "leading activation": config(S(), L(64, 40), R(), L(40, 10), loss="squared_hinge", weighted=True),
    "two activations": config(L(64, 31), T(), S(), L(31, 17), R(), R(), L(17, 10), penalty=st.L1(1e-4)),
    "sigmoid output": config(L(64, 47), S(), L(47, 10), S(), loss="squared_error", optimizer=NESTEROV),
    "sums over samples": config(
        L(64, 47), R(), L(47, 10), loss=st.SquaredError("sum"), optimizer=st.SGD(1e-4), weighted=True
    ),
    "dropout": config(L(64, 47), R(), st.Dropout(0.3), L(47, 33), T(), st.Dropout(0.5), L(33, 10)),
    "batch norm": config(L(64, 47, bias=False), st.BatchNorm(47), R(), L(47, 10), weighted=True),
    "maxout": config(st.Maxout(64, 33, 3), L(33, 10), optimizer=NESTEROV),
    "residual": config(L(64, 40), st.Residual(L(40, 40), R(), survival_probability=0.8), L(40, 10)),
    "pooling": config(L(64, 120), st.FractionalMaxPool2d(6, 5, 4, 1.5), R(), L(48, 10)),
    "a tall batch": config(
        L(64, 30, bias=False), st.BatchNorm(30), S(), st.Dropout(0.1), L(30, 10), batch_size=None, epochs=9
    ),
    "many weights": config(L(64, 480), R(), L(480, 260), R(), L(260, 10), epochs=1),
    "few samples": config(
        *(L(64, 160), R(), st.Residual(L(160, 160), S(), survival_probability=0.8), st.Dropout(0.3)),
        *(L(160, 96), st.LayerNorm(96), T(), L(96, 10)),
        batch_size=9,
        penalty=st.L2(1e-4),
    ),
    "few samples, adam": config(
        *(L(64, 120), R(), L(120, 150), R(), L(150, 10)),
        batch_size=7,
        optimizer=st.AdamW(0.01),
        limits={"clip_norm": 0.5},
    ),
    "bent": config(L(64, 47), st.LeakyReLU(0.1), L(47, 33), st.ELU(1.5), L(33, 10), st.LeakyReLU()),
    "smooth": config(
        *(L(64, 47), st.GELU(), L(47, 33), st.Softplus(), st.GELU(), L(33, 10), st.LeCunTanh()),
        loss="squared_error",
        optimizer=NESTEROV,
        weighted=True,
    ),
    "scaled": config(
        *(st.Scale(64), L(64, 47), st.Scale(47), st.SELU(), L(47, 33), st.Mish(), L(33, 10), st.Scale(10)),
        optimizer=st.AdamW(0.01, weight_decay=0.1),
        penalty=st.L2(1e-4),
    ),
    "periodic": config(
        *(st.PeriodicEmbedding(64, 5, std=0.5), L(256, 40), st.PeriodicEmbedding(40, 3, 6), R(), L(240, 10)),
        optimizer=st.AdamW(0.01, weight_decay=0.1),
        penalty=st.L2(1e-4),
    ),
    "absolute errors": config(L(64, 47), R(), L(47, 10), loss="absolute_error", penalty=st.L2(1e-4)),
    "Huber": config(L(64, 47), T(), L(47, 33), L(33, 10), loss=st.Huber(0.3), weighted=True),
    "binary outputs": config(L(64, 47), R(), L(47, 10), loss="binary_cross_entropy", weighted=True),
    "counts": config(L(64, 47), R(), L(47, 10), loss="poisson", weighted=True),
    "smooth classes": config(
        L(64, 47), R(), L(47, 10), loss=st.SoftmaxCrossEntropy(0.1, range(1, 11)), optimizer=NESTEROV
    ),
    "a loss of one's own": config(L(64, 47), S(), L(47, 10), R(), loss=CustomLoss(functional.huber)),
    "adam, clipped norm": config(
        *(L(64, 47), R(), L(47, 10)),
        optimizer=st.Adam(st.schedules.Warmup(4, 0.01)),
        limits={"clip_norm": 0.5},
    ),
    "adamw, clipped values": config(
        *(L(64, 33), T(), L(33, 10, bias=False)),
        optimizer=st.AdamW(0.01, weight_decay=0.1),
        limits={"clip_value": 0.01},
        weighted=True,
    ),
    "rmsprop, sparse": config(
        *(L(64, 40), R(), L(40, 20), S(), L(20, 10)),
        optimizer=st.RMSProp(st.schedules.Exponential(0.01, 0.9)),
        penalty={0: st.L1(0.1, proximal=True), 4: st.L2(1e-2)},
    ),
    "adagrad, constrained": config(
        *(L(64, 50), R(), L(50, 10)),
        optimizer=st.AdaGrad(0.05),
        limits={"constraint": st.MaxNorm(1.0), "clip_norm": 1.0},
        penalty=st.L1(1e-3),
    ),
    "full batch": config(L(64, 20), R(), L(20, 10), batch_size=None, shuffle=False, weighted=True),
}


def data(loss, weighted, dtype=np.float64):
    rng = np.random.default_rng(5)
    X, labels, weight = rng.standard_normal((300, 64)), rng.integers(0, 10, 300), rng.random(300)
    y = labels if st.losses.as_loss(loss).takes_labels else np.eye(10)[labels]
    return X.astype(dtype), y, {"sample_weight": weight if weighted else None}


def trainer_and_data(name, dtype):
    layers, how, weighted, fit = RECIPES[name]
    trainer = st.Trainer(st.Sequential(*layers, dtype=dtype, seed=2), **how)
    return trainer, *data(how["loss"], weighted, dtype), fit


def digest(model):
    """SHA-256 of all parameters, which must be finite and no longer the initial ones."""
    state = model.state_dict()
    initial = st.Sequential(*model.layers, dtype=model.dtype, seed=model.seed).state_dict()
    assert all(np.isfinite(value).all() for value in state.values())
    assert not any(np.array_equal(state[key], initial[key]) for key in state)
    return hashlib.sha256(b"".join(value.tobytes() for value in state.values())).hexdigest()


def fitted(name, dtype, implementation):
    trainer, X, y, weight, fit = trainer_and_data(name, dtype)
    # Without the look at a few rows in the end, the last call, which takes fewer threads.
    with mock.patch.object(WayBack, "rise", return_value=None), implementation.computing(all_threads=True):
        history = trainer.fit(X, y, **weight, **fit, progress=False)
    return digest(trainer.model), history.loss, trainer.model


@needs_native
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RECIPES)
def test_threads_and_instruction_sets_change_no_bit(name, dtype):
    everywhere = [*NATIVE, *(Implementation("native", isa, 4) for isa in ISAS)]
    bits = {(i.isa, i.threads): fitted(name, dtype, i)[:2] for i in everywhere}
    for isa in ISAS:
        assert len({digest for (key, _), (digest, _) in bits.items() if key == isa}) == 1, f"threads on {isa}"
        assert len({str(loss) for (key, _), (_, loss) in bits.items() if key == isa}) == 1, f"losses on {isa}"
    assert len({str(result) for (isa, _), result in bits.items() if isa in FUSED}) <= 1, FUSED


@needs_native
@pytest.mark.parametrize("name", RECIPES)
def test_native_and_reference_agree(name):
    """In float64 to 1e-9 of the largest parameter, after three epochs of every config."""
    _, expected_loss, expected = fitted(name, np.float64, REFERENCE)
    for isa in ISAS:
        _, loss, model = fitted(name, np.float64, Implementation("native", isa, 2))
        assert loss == pytest.approx(expected_loss, rel=1e-9)
        for key, value in expected.state_dict().items():
            np.testing.assert_allclose(
                model.state_dict()[key], value, rtol=1e-9, atol=1e-9 * np.abs(value).max()
            )


@pytest.mark.one_of(3)
@pytest.mark.parametrize("name", RECIPES)
def test_however_a_fit_is_cut_it_gives_the_same_bits(backend, name):
    """In one call, by epochs, groups of batches, or two fits, and as a loop of steps in the stated order."""
    results = []
    for way in ("whole", "epochs", "halves", "steps", 1, 2, 3, 100):
        trainer, X, y, weight, fit = trainer_and_data(name, np.float32)
        fit = fit | {"epochs": 4, "progress": False}
        with backend.computing():
            if way == "whole":
                trainer.fit(X, y, **weight, **fit)
            elif way == "epochs":
                trainer.fit(X, y, **weight, **fit, callbacks=[lambda state: None])
            elif way == "halves":
                for _ in range(2):
                    trainer.fit(X, y, **weight, **fit | {"epochs": 2})
            elif way != "steps":
                trainer.fit(X, y, **weight, **fit, batch_callbacks=[lambda state: None], batch_group=way)
            else:
                loop_of_steps(trainer, X, y, weight["sample_weight"], fit)
        results.append(digest(trainer.model))
    assert len(set(results)) == 1, results


def loop_of_steps(trainer, X, y, weight, fit):
    size = fit["batch_size"] or len(X)
    for epoch in range(fit["epochs"]):
        shuffled = fit.get("shuffle", True)
        order = shuffle_order(len(X), trainer.model.seed, epoch) if shuffled else np.arange(len(X))
        for part in (order[i : i + size] for i in range(0, len(X), size)):
            trainer.step(X[part], y[part], None if weight is None else weight[part])


def test_seed_and_shuffle_act(backend):
    """The model's seed is that of the shuffles, unless another is given; both change what is learned."""
    results = {}
    for options in ({}, {"seed": 2}, {"seed": 3}, {"shuffle": False}):
        trainer, X, y, weight, fit = trainer_and_data("one hidden layer", np.float32)
        with backend.computing():
            trainer.fit(X, y, **weight, **fit | options, progress=False)
        results[str(options)] = digest(trainer.model)
    default, same, *others = results.values()
    assert default == same and len({default, *others}) == 3


def gradients(trainer, X, y, weight):
    _, arrays = trainer.model.loss_and_gradients(X, y, loss="softmax", sample_weight=weight)
    return np.concatenate([array.ravel() for array in arrays.values()])


def two_epochs(trainer, X, y, weight):
    return trainer.fit(X, y, epochs=2, batch_size=17, sample_weight=weight, progress=False).loss


CALLS = [lambda trainer, X, y, weight: trainer.model(X), gradients, st.Trainer.step, two_epochs]


@needs_native
@pytest.mark.parametrize("name", ["two activations", "no biases"])
def test_a_network_remembers_nothing_but_its_parameters(name):
    """Calls of all kinds and sizes, in any order, give what a new network gives: no buffer is left over."""
    layers, how, *_ = RECIPES[name]
    X, y, _ = data("softmax", False, np.float32)
    optimizer, penalty = st.SGD(0.05), how["penalty"]
    used = st.Trainer(st.Sequential(*layers), "softmax", optimizer, penalty)
    rng = np.random.default_rng(0)
    for _ in range(120):
        size, call, native = rng.integers(1, 300), CALLS[rng.integers(4)], NATIVE[rng.integers(len(NATIVE))]
        weight = rng.random(size) if rng.random() < 0.5 else None
        new = st.Trainer(copy.deepcopy(used.model), "softmax", optimizer, penalty)
        new.epochs_done = used.epochs_done
        results = []
        for trainer in (used, new):
            with native.computing():
                results.append(call(trainer, X[:size], y[:size], weight))
        assert_same_bits(*results, f"{call} of {size} samples on {native}")
        assert_equal_models(used.model, new.model)
