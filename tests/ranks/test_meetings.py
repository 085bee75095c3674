"""Stages and losses that depend on whole batches, of which each shard has a part."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from support.ranks import One, launch, needs_mpi
from support.strategies import numbers
from support.tolerances import assert_close, assert_same_bits

import steepest as st

LAYERS = {
    "one": "st.Linear(20, 33), st.BatchNorm(33), st.ReLU(), st.Linear(33, 5)",
    "first": "st.BatchNorm(20), st.Linear(20, 33), st.BatchNorm(33, momentum=0.5), st.Linear(33, 5)",
    "inside": "st.Linear(20, 9), st.Residual(st.Linear(9, 9), st.BatchNorm(9), st.GELU()), st.Linear(9, 5)",
}
WHOLE = """
def net(seed=3):
    return st.Sequential({layers}, seed=seed)

def correlated(scores, targets):
    '''Of the whole batch: one minus the correlation of the first score and the label.'''
    a, b = scores[:, 0] - scores[:, 0].mean(), (targets - targets.mean()).astype(scores.dtype)
    norms = np.sqrt((a @ a + 1e-3) * (b @ b + 1e-3))
    gradient = np.zeros_like(scores)
    gradient[:, 0] = a * (a @ b) / (norms * (a @ a + 1e-3)) - b / norms
    return 1 - a @ b / norms, gradient
"""
FITS = {
    "one": ("one", "epochs=3, batch_size=128"),
    "first": (
        "first",
        "epochs=3, batch_size=100, optimizer=st.Adam(0.01), penalty=st.L2(1e-4), clip_norm=1.0",
    ),
    "inside": (
        "inside",
        "epochs=3, batch_size=64, averaging=st.PolyakAverage(), validation_data=(X[:90], y[:90])",
    ),
    "weighted": ("one", "epochs=3, batch_size=128, class_weight=[1, 2, 1, 1, 3], loss='hinge'"),
    "loss": ("first", "epochs=3, batch_size=100, loss=correlated"),
}
BITS = """
own, model = st.distributed.rows(1003, shards=8), net(seed=3 + comm.rank)
history = st.distributed.fit(model, X[own], y[own], shards=8, progress=False, {settings})
told(digest(model, history.loss, history.validation_loss), history.status)
"""


@cache
def of_one(layers, settings):
    code = WHOLE.format(layers=LAYERS[layers]) + BITS.format(settings=settings)
    return launch(1, code, STEEPEST_NUM_THREADS="2")


@pytest.mark.parametrize(("fit", "ranks"), [*((fit, 2) for fit in FITS), ("first", 8), ("loss", 4)])
@needs_mpi
def test_ranks_change_no_bit(fit, ranks):
    layers, settings = FITS[fit]
    expected = of_one(layers, settings)
    assert expected[0] == 0, expected[1]
    code = WHOLE.format(layers=LAYERS[layers]) + BITS.format(settings=settings)
    assert launch(ranks, code) == expected


ENDS = {
    "os.kill(os.getpid(), signal.SIGINT)": "KeyboardInterrupt",
    "os.kill(os.getpid(), signal.SIGKILL)": "",
    "labels.fill(9)": "rank 1 failed: ValueError: ",
    "losses.append(1)": "rank 0 failed: ZeroDivisionError: of a loss",
    "trainer.cancel()": "cancelled",
}
ENDED = """
losses = []

def loss(scores, targets):
    if losses:
        raise ZeroDivisionError("of a loss")
    return scores.mean(), np.full_like(scores, 1 / scores.size)

own = st.distributed.rows(1003, shards=4)
labels = y[own].copy()
trainer = st.Trainer(net(), {loss}, st.SGD(1e-9), communicator=comm, shards=4)
if comm.rank == {rank}:
    threading.Timer(0.5, lambda: {end}).start()
told(trainer.fit(X[own], labels, epochs=10**6, progress=False).status)
"""


@pytest.mark.parametrize("end", ENDS)
@needs_mpi
def test_whatever_ends_a_rank_ends_all(end):
    """Wherever it is just then: most of the time is spent in meetings."""
    of_loss = "loss" in end  # rank 0 calls it for all
    code = ENDED.format(loss="loss" if of_loss else "'softmax'", rank=0 if of_loss else 1, end=end)
    status, output = launch(2, WHOLE.format(layers=LAYERS["first"]) + code)
    assert (status == 0) == ("cancel" in end) and ENDS[end] in output, output


def cube(scores, targets):
    """Of the whole batch: the cube of the mean score, and squares."""
    mean = scores.mean()
    return mean**3 + (scores**2).mean(), (3 * mean**2 + 2 * scores) / scores.size


def normal(dtype, seed=1):
    inside = st.Residual(st.Linear(33, 33), st.BatchNorm(33, momentum=0.7), st.GELU())
    layers = st.BatchNorm(8), st.Linear(8, 33), st.BatchNorm(33), inside, st.Linear(33, 4)
    return st.Sequential(*layers, dtype=dtype, seed=seed)


@pytest.mark.parametrize("loss", ["softmax", cube])
def test_shards_learn_what_a_whole_batch_does(implementation, loss):
    """In one process, whose shards compute side by side; running statistics too."""
    x, y = numbers((70, 8), np.float64), np.arange(70) % 4
    settings = {"epochs": 5, "batch_size": None, "shuffle": False, "progress": False}
    models = normal(np.float64), normal(np.float64)
    with implementation.computing():
        one = st.Trainer(models[0], loss, st.SGD(0.1, momentum=0.9)).fit(x, y, **settings)
        trainer = st.Trainer(models[1], loss, st.SGD(0.1, momentum=0.9), communicator=One(), shards=4)
        two = trainer.fit(x, y, **settings)
    assert_close(np.array(two.loss), np.array(one.loss), 2000, np.abs(one.loss))
    for (key, a), b in zip(models[1].state_dict().items(), models[0].state_dict().values(), strict=True):
        assert_close(a, b, 20_000, np.abs(b) + 1, np.float64), key


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit_of_shards(dtype):
    x, y, found = numbers((70, 8), dtype), np.arange(70) % 4, []
    for threads in (1, 3, 8):
        model = normal(dtype)
        with st.config(num_threads=threads):
            trainer = st.Trainer(model, communicator=One(), shards=4)
            trainer.fit(x, y, epochs=3, batch_size=20, progress=False)
        found.append(np.concatenate([value.ravel() for value in model.state_dict().values()]))
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])


def test_what_a_shard_raises_is_raised():
    """Whichever it is; the others do not wait for it."""

    def fails(scores, targets):
        raise ZeroDivisionError("of the loss")

    x, y = numbers((70, 8), np.float64), np.arange(70) % 4
    with pytest.raises(ZeroDivisionError, match="of the loss"):
        st.Trainer(normal(np.float64), fails, communicator=One(), shards=4).fit(x, y, progress=False)

    labels = y.copy()

    def change(state):
        labels[60] = 9

    trainer = st.Trainer(normal(np.float64), communicator=One(), shards=4)
    with pytest.raises(ValueError, match="label"):
        trainer.fit(x, labels, epochs=3, progress=False, callbacks=change)
