"""Fits of several processes: the same bits for any number of them, one error for all, and never a hang."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.ranks import launch, needs_mpi

pytestmark = needs_mpi

FITS = {
    "descent": "shards=8, epochs=3, batch_size=128",
    "all at once": "shards=8, epochs=4, batch_size=None, shuffle=False, penalty=st.L1(1e-3)",
    "adam": "shards=8, epochs=6, batch_size=100, optimizer=st.Adam(0.01), penalty=st.L2(1e-4), clip_norm=0.5",
    "validated": """shards=8, epochs=9, batch_size=128, optimizer=st.Adam(0.02), metrics=["accuracy", "f1"],
        validation_data=(X[own_of(300)], y[own_of(300)]), callbacks=[st.EarlyStopping(patience=2)],
        averaging=st.PolyakAverage()""",
    "weighted": "shards=8, epochs=3, sample_weight=weight[own], class_weight=[1, 2, 1, 1, 3], loss='hinge'",
    "rises": "shards=8, epochs=12, optimizer=st.SGD(3.0), batch_size=200",
    "parts": "shards=8, epochs=3, batch_callbacks=lambda state: state.step > 17, batch_group=4",
}
BITS = """
import warnings
warnings.simplefilter("ignore", RuntimeWarning)  # of a loss that rises

def own_of(samples):
    return st.distributed.rows(samples, shards=8)

own, weight = own_of(1003), rng.integers(0, 4, 1003)
"""
BITS_OF_ONE = """
model = made(seed=3 + comm.rank)
history = st.distributed.fit(model, X[own], y[own], progress=False, {settings})
told(digest(model, history.loss, history.validation_loss), history.status, history.epochs, history.metrics)
"""


def learned(ranks, fits, **environment):
    """What each fit comes to, in one program, since processes take longer to start than to learn."""
    code = BITS + "".join(BITS_OF_ONE.format(settings=FITS[fit]) for fit in fits)
    status, output = launch(ranks, code, **environment)
    assert status == 0, output
    return dict(zip(fits, output.splitlines(), strict=True))


@cache
def of_one():
    return learned(1, tuple(FITS), STEEPEST_NUM_THREADS="2")


@pytest.mark.parametrize(("ranks", "fits"), [(2, [*FITS]), (4, ["validated"]), (8, ["adam"])])
def test_ranks_change_no_bit(ranks, fits):
    assert learned(ranks, fits) == {fit: of_one()[fit] for fit in fits}


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_any_number_of_ranks_learns_from_all_samples(ranks):
    """As one process does from all samples at once; three and five have shards of other sizes."""
    code = """
    own = st.distributed.rows(1003)
    settings = dict(epochs=5, batch_size=None, shuffle=False, progress=False, loss="mse")
    targets = np.eye(5, dtype=np.float32)[y]
    alone, model = (st.Sequential(st.Linear(20, 9), st.Tanh(), st.Linear(9, 5), seed=1) for _ in range(2))
    one = alone.fit(X, targets, **settings)
    both = st.distributed.fit(model, X[own], targets[own], **settings)
    np.testing.assert_allclose(both.loss, one.loss, rtol=1e-5)
    for a, b in zip(alone.state_dict().values(), model.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    told(digest(model))
    """
    status, output = launch(ranks, code)
    assert status == 0, output


FAULTS = {
    "x[3, 3] = np.nan": "row 3 of X holds NaN",
    "t[3] = 7": "label 7 of sample 3 is not one of the 5 classes",
    "x = x[:, :19]": "X has 19 features, but the first layer takes 20",
    "x, t = x[:3], t[:3]": "some of every shard: give a batch_size of 169 or more, or fewer shards",
    "more['sample_weight'] = np.ones(len(x))": "some ranks give weights of their samples, and some do not",
    "more['batch_size'] = 101": "batch_size is 100 on rank 0, but 101 on rank 1",
    "more['optimizer'] = 'adam'": "the models differ: learning is",
    "more['class_weight'] = [1, 2, 1, 1, 1]": "class_weight is 'None' on rank 0, but '[1, 2, 1",
    "more['class_weight'] = 'balanced'": "class_weight is 'None' on rank 0",
    "more['averaging'] = st.PolyakAverage()": "averaging is 'None' on rank 0",
    "x, t = X[:501], y[:501]": "RuntimeWarning: ranks 0 and 1 begin with the same samples",
    "more['metrics'] = ['nonsense']": "rank 1 failed: ValueError",
    "after(lambda: t.__setitem__(7, 9))": "rank 1 failed: ValueError: the label of sample 7 was",
    "after(lambda: os.kill(os.getpid(), signal.SIGINT))": "KeyboardInterrupt",
    "after(lambda: os.kill(os.getpid(), signal.SIGKILL))": "",
    "raise ZeroDivisionError('of the program')": "ZeroDivisionError: of the program",
}
FAULTY = """
own = st.distributed.rows(1003)
x, t, more = X[own].copy(), y[own].copy(), dict(batch_size=100, epochs=10**6)

def after(work):
    threading.Timer(0.5, work).start()

if comm.rank == 1:
    {fault}
st.distributed.fit(made(), x, t, progress=False, **more)
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_one_rank_ends_all(fault):
    status, output = launch(2, FAULTY.format(fault=fault))
    assert status != 0 and FAULTS[fault] in output, output


def test_a_fault_of_a_callback_ends_all():
    fault = "pass\nmore['callbacks'] = lambda state: 1 / 0 if state.epoch == 3 else None"
    status, output = launch(2, FAULTY.format(fault=fault))
    assert status != 0 and "rank 0 failed: ZeroDivisionError" in output, output


def test_who_waits_for_ranks_that_have_ended_says_so():
    code = """
    from steepest.training.ranks import waiting
    waiting.PATIENCE = 1
    if comm.rank in (1, 2):
        sys.exit(1)
    st.distributed.fit(made(), X, y, progress=False)
    """
    status, output = launch(3, code)
    expected = "rank 0 has waited 1 s for others to begin this fit or step: [1, 2];"
    assert status != 0 and expected in output, output


def test_an_error_of_all_can_be_caught():
    code = """
    own, model = st.distributed.rows(1003), made()
    x = X[own].copy()
    if comm.rank == 1:
        x[0, 0] = np.inf
    try:
        st.distributed.fit(model, x, y[own], progress=False)
    except (RuntimeError, ValueError) as error:
        assert "row 0 of X holds NaN or an infinity" in str(error)
    history = st.distributed.fit(model, X[own], y[own], progress=False, epochs=2)
    told(digest(model), history.loss)
    """
    status, output = launch(2, code)
    assert status == 0, output


def test_who_ends_a_fit_ends_it_for_all():
    code = """
    own, trainer = st.distributed.rows(1003), st.Trainer(made(), communicator=comm)
    if comm.rank == 1:
        threading.Timer(0.5, trainer.cancel).start()
    history = trainer.fit(X[own], y[own], epochs=10**6, progress=False)
    told(history.status, history.epochs, trainer.epochs_done, trainer.steps_done, digest(trainer.model))
    limit = st.TerminateOnTime(0.5)
    history = trainer.fit(X[own], y[own], epochs=10**6, progress=False, callbacks=limit)
    told(history.status, history.epochs, trainer.epochs_done, trainer.steps_done, digest(trainer.model))
    """
    status, output = launch(2, code)
    assert status == 0 and output.startswith("cancelled") and "timed_out" in output, output


def test_what_callbacks_of_rank_0_set_holds_for_all():
    code = """
    own, trainer, rates = st.distributed.rows(1003), st.Trainer(made(), communicator=comm), []

    def set_all(state):
        assert comm.rank == 0
        if state.epoch == 1:
            state.trainer.optimizer = st.SGD(0.1)
            state.trainer.optimizer = st.Adam(0.003)  # which begins anew
        if state.epoch == 2:
            state.model.load_state_dict({name: value / 2 for name, value in state.model.state_dict().items()})

    history = trainer.fit(X[own], y[own], epochs=5, progress=False, callbacks=[set_all])
    told(digest(trainer.model, history.loss), str(trainer.optimizer))
    """
    status, output = launch(3, code)
    assert status == 0 and "Adam(learning_rate=0.003" in output, output


@pytest.mark.skipif(sys.platform != "linux", reason="counts CPUs as Linux does")
def test_ranks_share_the_cpus():
    code = """
    own, cpus = st.distributed.rows(1003), set().union(*comm.allgather(os.sched_getaffinity(0)))
    seen = []
    def see(state):
        seen.append(st.get_num_threads())
    st.distributed.fit(made(), X[own], y[own], epochs=1, progress=False, callbacks=see)
    if comm.rank == 0:
        assert seen == [max(1, len(cpus) // 2)], seen
    before = st.get_num_threads()
    import warnings
    with warnings.catch_warnings(record=True) as told_of, st.config(num_threads=len(cpus)):
        warnings.simplefilter("always")
        st.distributed.fit(made(), X[own], y[own], epochs=1, progress=False)
    texts = [str(one.message) for one in told_of]
    expected = [f"2 ranks on this machine use {2 * len(cpus)} threads, but may use {len(cpus)} CPUs"]
    assert [text.partition(":")[0] for text in texts] == (expected if comm.rank == 0 else []), texts
    assert st.get_num_threads() == before
    """
    status, output = launch(2, code)
    assert status == 0, output


def test_what_needs_all_samples_is_refused():
    code = """
    def refused(text, *layers, **settings):
        model = st.Sequential(*(layers or [st.Linear(20, 5)]), seed=1)
        before = digest(model)
        try:
            st.distributed.fit(model, X, y, progress=False, **settings)
        except ValueError as error:
            assert text in str(error), error
        else:
            raise AssertionError(text)
        assert digest(model) == before

    mask = rng.random((1003, 20)) < 0.5
    refused("a Dropout with a mask of rows", st.Dropout(mask=mask), st.Linear(20, 5))
    from scipy import sparse
    X = sparse.csr_matrix(np.where(X > 1, X, 0))
    refused("a lazy optimizer updates what a batch has", optimizer=st.Adam(lazy=True))
    history = st.distributed.fit(made(), X, y, epochs=9, progress=False)
    assert history.loss[-1] < history.loss[0]
    """
    status, output = launch(1, code)
    assert status == 0, output


def test_a_copy_of_a_trainer_learns_by_itself():
    code = """
    import copy, pickle
    trainer = st.Trainer(made(), communicator=comm)
    own = st.distributed.rows(1003)
    trainer.fit(X[own], y[own], epochs=2, progress=False)
    if comm.rank == 0:
        for other in (copy.copy(trainer), pickle.loads(pickle.dumps(trainer))):
            other.fit(X, y, epochs=1, progress=False)
            assert other.epochs_done == 3
    told(digest(trainer.model), trainer.epochs_done)
    """
    status, output = launch(2, code)
    assert status == 0, output


def test_the_program_of_the_documentation_runs(tmp_path, monkeypatch):
    text = (Path(__file__).parents[2] / "docs" / "distributed.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```py\n(.*?)```", text, re.DOTALL)
    rng = np.random.default_rng(0)
    np.save(tmp_path / "X.npy", rng.standard_normal((5000, 12), np.float32))
    np.save(tmp_path / "y.npy", rng.integers(0, 10, 5000))
    monkeypatch.chdir(tmp_path)
    outputs = [launch(ranks, f"{program}\ntold(digest(model), len(history.loss))") for ranks in (1, 2)]
    assert outputs[0] == outputs[1] and outputs[0][1].endswith(" 20\n"), outputs


def test_a_caught_error_of_any_kind_leaves_no_rank_waiting(tmp_path, monkeypatch):
    """And rank 0 has written its last checkpoint when the others raise it."""
    monkeypatch.chdir(tmp_path)
    code = """
    own, path = st.distributed.rows(1003), "run.ckpt"
    trainer = st.Trainer(made(), communicator=comm, optimizer=st.SGD(lambda step: 0.1))

    class Interrupts(st.EpochCallback):
        def interrupts(self):
            if trainer.steps_done > 2000:
                raise KeyError("of an observer")
            return False

        def __call__(self, state):
            pass

    def fails(state):
        if state.epoch == 2:
            raise ValueError("of a callback")

    for settings in (
        {"callbacks": Interrupts(), "epochs": 10**6},
        {"callbacks": fails, "checkpoint": path, "checkpoint_every": "1 hour"},
        {"epochs": -comm.rank},
        {"metrics": ["accuracy"] if comm.rank == 0 else ["nonsense"]},
    ):
        try:
            trainer.fit(X[own], y[own], progress=False, **settings)
        except (KeyError, ValueError, RuntimeError) as error:
            assert comm.rank == 0 or "rank" in str(error) or "must be" in str(error) or "metric" in str(error)
        else:
            raise AssertionError("no error")
        if "checkpoint" in settings:
            assert os.path.exists(path)
    with st.config(num_threads=1 if comm.rank == 0 else None):
        history = trainer.fit(X[own], y[own], progress=False, epochs=1)
    told(digest(trainer.model), history.loss)
    """
    status, output = launch(2, code)
    assert status == 0, output
