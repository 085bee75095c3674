"""Gradients that are sent while others are computed: the same bits, one error for all, and never a hang."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
from support.ranks import launch, needs_mpi
from support.tolerances import assert_same_bits

import steepest as st
from steepest.backends.data import Batch, Whole
from steepest.training.ranks.sums import _pieces

# Ranks that take the machine for several, and a model whose gradients are three pieces.
SEVERAL = """
import platform
from steepest.training.ranks.sums import Sums

platform.node = lambda: f"machine {comm.rank}"
beside, usual = [], Sums._add_beside
def noted(self, there):
    beside.append(1)
    usual(self, there)
Sums._add_beside = noted

def large(seed=3):
    layers = [st.Linear(20, 260), st.ReLU(), st.Residual(st.Linear(260, 260), st.Scale(260)), st.Dropout(0.1)]
    return st.Sequential(*layers, st.Linear(260, 800), st.Tanh(), st.Linear(800, 5), seed=seed)

own = st.distributed.rows(1003, shards=8 if comm.size in (1, 2, 4, 8) else None)
settings = dict(batch_size=100, progress=False)
"""

FITS = """
def fitted(**more):
    trainer = st.Trainer(large(seed=3 + comm.rank), communicator=comm, shards=8, optimizer="adam", **more)
    losses = trainer.fit(X[own], y[own], epochs=3, **settings).loss
    steps = [trainer.step(X[own], y[own]) for _ in range(2)]
    assert len(beside) == (trainer.steps_done if comm.size > 1 else 0), (len(beside), trainer.steps_done)
    beside.clear()
    return digest(trainer.model, losses, steps)

told(fitted(), fitted(penalty=st.L2(1e-3), clip_norm=0.5), fitted(frozen=[0, "2.1"]))
assert not any(thread.name.startswith("steepest-sums") for thread in threading.enumerate())
"""


def of_several(ranks, code):
    return launch(ranks, SEVERAL + dedent(code))


@pytest.mark.parametrize("ranks", [2, 4])
@needs_mpi
def test_they_change_no_bit(ranks):
    expected = of_several(1, FITS)
    assert expected[0] == 0, expected[1]
    assert of_several(ranks, FITS) == expected


@needs_mpi
def test_ranks_that_are_no_power_of_two_agree():
    code = """
    one, other = large(), large()
    st.distributed.fit(one, X[own], y[own], epochs=2, **settings)
    several, platform.node = len(beside), lambda: "one machine"
    st.distributed.fit(other, X[own], y[own], epochs=2, **settings)
    assert several == len(beside) == 2 * 11, (several, len(beside))
    assert digest(one) == digest(other)
    told(digest(one))
    """
    status, output = of_several(3, code)
    assert status == 0, output


@needs_mpi
def test_all_ranks_exchange_in_one_way_if_the_mpi_of_one_is_not_for_threads():
    code = """
    from steepest.training.ranks import ranks

    model = large()
    assert ranks._threads_may_call_mpi()
    ranks._threads_may_call_mpi = lambda: comm.rank != 1
    st.distributed.fit(model, X[own], y[own], epochs=1, **settings)
    assert not beside
    told(digest(model))
    """
    status, output = of_several(2, code)
    assert status == 0, output


FAULTS = {
    "after(lambda: t.__setitem__(7, 9))": "rank 1 failed: ValueError: the label of sample 7 was",
    "after(lambda: os.kill(os.getpid(), signal.SIGINT))": "KeyboardInterrupt",
    "after(lambda: os.kill(os.getpid(), signal.SIGKILL))": "",
    "Sums._note = broken": "rank 1 failed: ZeroDivisionError",
    "Sums.begin = interrupted": "rank 1 failed: KeyboardInterrupt",
}
FAULTY = """
x, t = X[own].copy(), y[own].copy()

def after(work):
    threading.Timer(1, work).start()

def broken(self, place, told=Sums._note):
    if place == 4 and len(beside) > 9:
        raise ZeroDivisionError
    told(self, place)

class Pieces(list):
    def pop(self, place):
        piece = super().pop(place)
        if len(beside) >= 10 and len(self) == 2:
            raise KeyboardInterrupt  # as Ctrl-C may do after any call
        return piece

def interrupted(self, usual=Sums.begin):
    usual(self)
    self._left = Pieces(self._left)

if comm.rank == 1:
    {fault}
st.distributed.fit(large(), x, t, epochs=10**6, **settings)
"""


@pytest.mark.parametrize("fault", FAULTS)
@needs_mpi
def test_a_fault_of_one_rank_ends_all(fault):
    status, output = of_several(2, FAULTY.format(fault=fault))
    assert status != 0 and FAULTS[fault] in output, output


@needs_mpi
def test_a_fit_that_is_cancelled_or_diverges_leaves_no_rank_waiting():
    code = """
    trainer = st.Trainer(large(), communicator=comm)
    if comm.rank == 1:
        threading.Timer(1, trainer.cancel).start()
    history = trainer.fit(X[own], y[own], epochs=10**6, **settings)
    told(history.status, digest(trainer.model, history.loss))
    rates = st.SGD(1e30)  # the loss is soon none
    try:
        st.distributed.fit(large(), X[own], y[own], optimizer=rates, epochs=3, **settings)
    except ArithmeticError as error:
        told(type(error).__name__, len(beside))
    else:
        raise AssertionError
    told(digest(trainer.model), trainer.fit(X[own], y[own], epochs=1, **settings).loss[0])
    """
    status, output = of_several(2, code)
    assert status == 0 and output.startswith("cancelled"), output


@pytest.mark.parametrize(
    ("sizes", "places"),
    [
        ([10, 100_000, 10, 70_000, 5, 66_000], [5, 3, 1, 0]),
        ([10, 100_000, 10, 70_000, 5], [3, 1, 0]),
        ([100_000, 10], [0]),
        ([7], [0]),
    ],
)
def test_pieces_are_whole_stages_of_some_size(sizes, places):
    pieces = _pieces(sizes, 4)
    assert [place for place, _ in pieces] == places
    ends = [sum(sizes), *(piece.start for _, piece in pieces)]
    assert [piece.stop for _, piece in pieces] == ends[:-1] and ends[-1] == 0
    assert [piece.start for _, piece in pieces] == [sum(sizes[:place]) for place in places]


@pytest.mark.parametrize(("norm", "samples"), [(st.BatchNorm, 90), (st.LayerNorm, 90), (st.Scale, 1100)])
@pytest.mark.parametrize("frozen", [(), {1}])
def test_each_gradient_is_told_of_when_it_is_there(implementation, frozen, norm, samples):
    """On the way back, or after it if there are many samples."""
    layers = st.Linear(8, 30), norm(30), st.ReLU(), st.Residual(st.Linear(30, 30)), st.Linear(30, 4)
    trainer = st.Trainer(st.Sequential(*layers, seed=1), frozen=frozen, penalty=st.L2(0.1))
    rng = np.random.default_rng(1)
    batch = Batch(rng.standard_normal((samples, 8), np.float32), rng.integers(0, 4, samples), None)
    with implementation.computing():
        network, config = trainer.model.compiled.network(), trainer.learning.state.config
        expected, gradients = network.loss_and_gradients(batch, config)
        own, seen = trainer.model.compiled.zeros(), []

        def same(statistics, back):
            return statistics

        def see(place):
            seen.append(place)
            for other in {*range(place, 4)} - {*frozen}:
                assert_same_bits(own[other].weight, gradients[other].weight)
                assert_same_bits(own[other].bias, gradients[other].bias)

        value, _ = network.loss_and_gradients(batch, config, into=own, whole=Whole(samples, same, see))
        assert value == expected and seen == [3, 2, 1, 0]

        def fails(place):
            seen.append(place)
            raise KeyError(place)

        with pytest.raises(KeyError, match="3"):
            network.loss_and_gradients(batch, config, into=own, whole=Whole(samples, same, fails))
        assert seen == [3, 2, 1, 0, 3]
        assert network.loss_and_gradients(batch, config)[0] == expected
