"""Stages and losses that depend on whole batches, of which each shard has a part."""

from __future__ import annotations

from functools import cache

import pytest
from support.ranks import launch, needs_mpi

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
        "epochs=3, batch_size=64, averaging=st.PolyakAverage(), validation_data=(X[held], y[held])",
    ),
    "weighted": ("one", "epochs=3, batch_size=128, class_weight=[1, 2, 1, 1, 3], loss='hinge'"),
    "loss": ("first", "epochs=3, batch_size=100, loss=correlated"),
}
BITS = """
own, held = st.distributed.rows(1003, shards=8), st.distributed.rows(90, shards=8)
model = net(seed=3 + comm.rank)
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


KEPT = """
from concurrent.futures import ThreadPoolExecutor
from steepest.training.ranks import gradients

class Interrupted:
    '''The communicator, with Ctrl-C in one of a fit's exchanges, or while its shards begin to compute.'''

    left = 0

    def __getattr__(self, name):
        return getattr(comm, name)

    def passing(self):
        if self.left and signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            self.left -= 1
            if not self.left:
                signal.raise_signal(signal.SIGINT)

    def Allgather(self, *arrays):
        self.passing()
        return comm.Allgather(*arrays)

    def allgather(self, value):
        self.passing()
        return comm.allgather(value)

class Pool(ThreadPoolExecutor):
    def submit(self, *work):
        interrupted.passing()
        return super().submit(*work)

own, interrupted = st.distributed.rows(1003, shards=4), Interrupted()
gradients.ThreadPoolExecutor = Pool
trainer = st.Trainer(net(), communicator=interrupted, shards=4)
for number in range(1, 50, 3):
    interrupted.left = number if comm.rank else 0
    try:
        trainer.fit(X[own], y[own], epochs=20, progress=False)
        raise AssertionError(number)
    except (KeyboardInterrupt, RuntimeError) as error:
        ended = repr(error)
    expected = "KeyboardInterrupt()" if comm.rank else "RuntimeError('rank 1 failed: KeyboardInterrupt: ')"
    assert ended == expected, (number, ended)
assert not [thread for thread in threading.enumerate() if "shard" in thread.name]
told(trainer.fit(X[own], y[own], progress=False).status)
"""


@needs_mpi
def test_ctrl_c_within_a_meeting_is_told_to_all():
    """And nobody waits for a shard that does not come; all fit again then."""
    status, output = launch(2, WHOLE.format(layers=LAYERS["first"]) + KEPT)
    assert (status, output) == (0, "finished\n")


ODD = """
class Odd(Exception):
    def __str__(self):
        raise ZeroDivisionError("of its message")

def fails(scores, targets):
    if kind is StopIteration:
        next(iter(()))  # which leaves a generator as a RuntimeError
    raise kind

own = st.distributed.rows(1003, shards=4)
for kind in (StopIteration, Odd):
    trainer = st.Trainer(net(), fails, communicator=comm, shards=4)
    try:
        trainer.fit(X[own], y[own], progress=False)
    except (RuntimeError, Odd) as error:
        if comm.rank:
            print(error)
comm.Barrier()
"""


@needs_mpi
def test_others_do_not_wait_for_an_error_that_is_odd():
    """One that becomes another on its way, and one that has no message."""
    status, output = launch(2, WHOLE.format(layers=LAYERS["one"]) + ODD)
    lines = ["rank 0 failed: StopIteration: ", "rank 0 failed: Odd without a message"]
    assert (status, output.splitlines()) == (0, lines), output
