"""Which samples are whose, and what is refused before any process waits for another."""

from __future__ import annotations

import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest
from support.processes import run
from support.ranks import One

import steepest as st
from steepest.training.ranks.ranks import bounds_of


@pytest.mark.parametrize("samples", [0, 1, 7, 8, 9, 1003, 65536])
@pytest.mark.parametrize("shards", [1, 2, 3, 5, 8, 16])
def test_shards_are_even(samples, shards):
    bounds = bounds_of(samples, shards)
    sizes = [end - begin for begin, end in pairwise(bounds)]
    assert (bounds[0], bounds[-1], len(sizes)) == (0, samples, shards)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("samples", [3, 1003, 1024])
@pytest.mark.parametrize("ranks", [1, 2, 4, 8])
def test_a_rank_divides_its_rows_as_if_it_had_all(samples, ranks):
    whole, each = bounds_of(samples, 8), 8 // ranks
    for rank in range(ranks):
        own = st.distributed.rows(samples, One(ranks, rank), shards=8)
        parts = [own.start + bound for bound in bounds_of(own.stop - own.start, each)]
        assert parts == whole[rank * each : (rank + 1) * each + 1]


def test_what_cannot_be_divided_is_refused():
    model = st.Sequential(st.Linear(2, 2))
    with pytest.raises(ValueError, match="shards is 6, but must be a power of 2"):
        st.Trainer(model, communicator=One(2), shards=6)
    with pytest.raises(ValueError, match="shards is 2, which 4 ranks cannot share evenly"):
        st.distributed.rows(10, One(4), shards=2)
    with pytest.raises(ValueError, match="shards=8 divides the samples of ranks: give a communicator"):
        st.Trainer(model, shards=8)
    with pytest.raises(TypeError, match="communicator must be one of mpi4py, not 3"):
        st.Trainer(model, communicator=3)
    with pytest.raises(TypeError, match="shards must be an integer"):
        st.Trainer(model, communicator=One(), shards=2.5)


def test_mpi_is_not_imported_before_it_is_needed():
    code = """
    trainer.fit(X, y, epochs=1, progress=False)
    print([name for name in sys.modules if name.startswith("mpi4py")])
    """
    assert run(code) == (0, "[]\n")


def test_processes_that_mpi_does_not_know_of_do_not_train_alone(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "16")
    monkeypatch.setitem(sys.modules, "mpi4py", SimpleNamespace(MPI=SimpleNamespace(COMM_WORLD=One())))
    with pytest.raises(
        RuntimeError, match="16 processes were started, but MPI knows of one: start them with"
    ):
        st.distributed.rows(10)
    assert st.distributed.rows(10, One()) == slice(0, 10)
