"""Single steps of several processes: each is one step on the samples of all of them."""

from __future__ import annotations

import pytest
from support.ranks import launch, needs_mpi

pytestmark = needs_mpi

BITS = """
own, weight = st.distributed.rows(1003, shards=8), rng.integers(1, 4, 1003)
settings = dict(optimizer="adam", penalty=st.L2(1e-4), averaging=st.PolyakAverage())
trainer = st.Trainer(made(seed=3 + comm.rank), communicator=comm, shards=8, **settings)
objectives = [trainer.step(X[own], y[own], weight[own]) for _ in range(5)]
trainer.epochs_done += 1
trainer.optimizer = st.SGD(st.schedules.Step(0.1, every=1, by="epoch"), momentum=0.9)
objectives += [trainer.step(X[own], y[own]) for _ in range(4)]
history = trainer.fit(X[own], y[own], epochs=2, progress=False)
objectives += [trainer.step(X[own], y[own]) for _ in range(2)]
told(digest(trainer.model, objectives, history.loss), digest(trainer.averaged()), *objectives)
"""


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_change_no_bit(ranks):
    expected = launch(1, BITS)
    assert expected[0] == 0, expected[1]
    assert launch(ranks, BITS) == expected


LOSSES = {
    "labels": "y, 'hinge'",
    "a sum": "np.eye(5)[y], st.SquaredError(reduction='sum')",
    "a loss of one's own": "np.eye(5)[y], own_loss",
}


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_they_are_those_of_one_process(ranks, loss):
    """Also with other numbers of samples in each, and where ranks have begun with other parameters."""
    code = f"""
    def own_loss(scores, targets):
        difference = scores - targets
        return float((difference**2).mean()), 2 * difference / difference.size

    def model(seed):
        return st.Sequential(st.Linear(20, 8), st.BatchNorm(8), st.Tanh(), st.Linear(8, 5), seed=seed)

    targets, loss = {LOSSES[loss]}
    settings = dict(loss=loss, optimizer=st.SGD(1e-4, momentum=0.9))
    one, other = model(1), model(1 + comm.rank)
    alone, each = st.Trainer(one, **settings), st.Trainer(other, communicator=comm, **settings)
    bounds = [0, 100, 900, 1003] if comm.size == 3 else [0, 1003]
    own = slice(*bounds[comm.rank : comm.rank + 2])
    for _ in range(7):
        np.testing.assert_allclose(each.step(X[own], targets[own]), alone.step(X, targets), rtol=1e-5)
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    told(digest(other))
    """
    status, output = launch(ranks, code)
    assert status == 0, output


def test_an_error_is_one_of_all_ranks():
    code = """
    own = st.distributed.rows(1003)
    trainer = st.Trainer(made(), communicator=comm)
    x = X[own].copy()
    trainer.step(x, y[own])

    def refused(kind, text, work):
        before = digest(trainer.model)
        try:
            work()
        except (ValueError, RuntimeError, st.DivergenceError) as error:
            assert text in str(error) and isinstance(error, kind), repr(error)
        else:
            raise AssertionError(text)
        assert digest(trainer.model) == before

    other = x.copy()
    if comm.rank == 1:
        other[3, 2] = np.nan
    refused((ValueError, RuntimeError), "row 3 of X holds NaN", lambda: trainer.step(other, y[own]))
    few, text = slice(0, comm.rank), "X has 0 samples" if comm.rank == 0 else "rank 0 failed"
    refused((ValueError, RuntimeError), text, lambda: trainer.step(x[few], y[few]))
    weight = None if comm.rank else np.ones(len(x))
    refused(ValueError, "some ranks give weights", lambda: trainer.step(x, y[own], weight))
    refused(st.DivergenceError, "is not finite", lambda: trainer.step(np.full_like(x, 1e38), y[own]))
    trainer.optimizer = st.SGD(0.1 * (1 + comm.rank))
    refused(RuntimeError, "the models differ: learning is", lambda: trainer.step(x, y[own]))
    trainer.optimizer = st.SGD(0.1)
    told(trainer.step(x, y[own]), digest(trainer.model), trainer.steps_done)
    trainer.optimizer = st.SGD(1e38)
    try:
        trainer.step(x * 1e5, y[own])
    except st.DivergenceError as error:
        assert "cannot be restored" in str(error)
    else:
        raise AssertionError
    """
    status, output = launch(2, code)
    assert status == 0 and output.endswith(" 2\n"), output


def test_other_parameters_of_a_rank_are_found():
    code = """
    own = st.distributed.rows(1003)
    trainer = st.Trainer(st.Sequential(st.Linear(20, 5), seed=1), communicator=comm)
    trainer.step(X[own], y[own])
    if comm.rank == 1:
        trainer.model.load_state_dict({"0.weight": np.zeros((20, 5)), "0.bias": np.zeros(5)})
    try:
        while trainer.steps_done < 2000:
            trainer.step(X[own][:8], y[own][:8])
    except RuntimeError as error:
        assert "the parameters after a step differ" in str(error), error
        assert trainer.steps_done == 1024
    else:
        raise AssertionError
    """
    status, output = launch(2, code)
    assert status == 0, output
