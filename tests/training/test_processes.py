"""The process lives as long as it should: ends with its own exit code, forks, and gets by without threads."""

from __future__ import annotations

import os
import sys

import pytest
from support.implementations import needs_native
from support.processes import run

pytestmark = [needs_native, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")]


@pytest.mark.parametrize(
    "work",
    [
        "trainer.fit(X, y, epochs=10**9, progress=False)",
        "trainer.fit(X, y, epochs=10**9, progress=False, callbacks=[lambda state: None])",
        "trainer.fit(X, y, epochs=10**9, progress=False, batch_callbacks=[lambda state: None])",
        "model.fit(X, y, loss=lambda s, t: (float(s[0, 0]), 0 * s), epochs=10**9, progress=False)",
        "[trainer.step(X[:128], y[:128]) for _ in range(10**9)]",
        "[model(X) for _ in range(10**9)]",
        "[F.softmax(X) for _ in range(10**9)]",
        "[F.linear(X, X[:200]) for _ in range(10**9)]",
    ],
)
def test_a_daemon_thread_that_computes_does_not_abort_the_end(work):
    """The interpreter takes the lock from threads that ask for it while it shuts down."""
    code = f"""
    for one in (model, copy.deepcopy(model)):  # a fit of one model at a time
        others = one, st.Trainer(one)
        threading.Thread(target=lambda model, trainer: {work}, args=others, daemon=True).start()
    time.sleep(0.3)
    sys.exit(7)
    """
    assert run(code, STEEPEST_NUM_THREADS="2") == (7, "")


LIMITED = """
before = st.Sequential(st.Linear(200, 256), st.ReLU(), st.Linear(256, 10))
with st.config(num_threads=1):
    before.fit(X, y, epochs=2, progress=False)
{limit}
with st.config(num_threads=7):
    model.fit(X, y, epochs=2, progress=False)
assert all(np.array_equal(v, model.state_dict()[k]) for k, v in before.state_dict().items())
print(st.backends.native._core.last_run()[1])
"""
NO_MORE_THREADS = """
if os.getuid() == 0:  # who has no limit
    os.setgid(65534), os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, ({0}, {0}))
"""
LITTLE_MEMORY = """
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + {0} * 2**20,) * 2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux does")
@pytest.mark.parametrize("extra", [0, 1, 3, 6, 7, 11, 12, 13, 20])
def test_a_fit_takes_the_threads_that_there_are(extra):
    """OpenMP's runtime would end the process; nobody else's threads count against uid 65534's limit here."""
    status, text = run(LIMITED.format(limit=NO_MORE_THREADS.format(1 + extra)))
    assert status == 0, text
    assert 1 <= int(text) <= 7


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("megabytes", [12, 30, 60, 100])
def test_a_fit_takes_the_threads_that_memory_is_there_for(megabytes):
    status, text = run(LIMITED.format(limit=LITTLE_MEMORY.format(megabytes)))
    assert (status == 0 and 1 <= int(text) <= 7) or "MemoryError" in text, (status, text)


@pytest.mark.parametrize("size", ["100000G", "64M", "1B", "nonsense"])
def test_stacks_of_any_size(size):
    status, text = run(LIMITED.format(limit=""), OMP_STACKSIZE=size)
    assert status == 0, text


def test_a_child_forked_while_another_thread_fits_answers():
    """With parameters of some moment; the parent goes on."""
    code = """
    fit = threading.Thread(target=lambda: trainer.fit(X, y, epochs=10**9, progress=False))
    fit.start()
    time.sleep(0.2)
    for _ in range(10):
        if (child := os.fork()) == 0:
            signal.alarm(60)
            assert np.isfinite(model(X[:100])).all()
            trainer.step(X[:10], y[:10])
            model.loss_and_gradients(X[:10], y[:10], loss="softmax")
            model.fit(X[:100], y[:100], epochs=2, progress=False)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    trainer.cancel()
    fit.join()
    assert np.isfinite(model(X)).all()
    """
    assert run(code) == (0, "")


def test_children_and_grandchildren_train_to_the_same_bits():
    """Forked by the main thread and by another one; libgomp's threads do not survive a fork."""
    code = """
    from steepest import _core

    def trained():
        with st.config(num_threads=2):
            one = st.Sequential(st.Linear(200, 256), st.ReLU(), st.Linear(256, 10), seed=1)
            one.fit(X, y, epochs=1, progress=False)
        assert _core.last_run()[1] == 2
        return b"".join(value.tobytes() for value in one.state_dict().values())

    def descend(generations):
        if (child := os.fork()) == 0:
            signal.alarm(60)
            same = trained() == expected and (generations == 1 or descend(generations - 1) == 0)
            os._exit(not same)
        return os.waitpid(child, 0)[1]

    expected = trained()
    ends = [descend(2)]
    thread = threading.Thread(target=lambda: ends.append(descend(2)))
    thread.start()
    thread.join()
    assert ends == [0, 0] and trained() == expected
    """
    assert run(code) == (0, "")


def test_a_child_forked_while_another_thread_fits_an_estimator_fits_it():
    code = """
    from steepest.sklearn import LinearClassifier

    estimator = LinearClassifier(solver="sgd", max_iter=10**6, tol=0.0, n_iter_no_change=10**6)
    fit = threading.Thread(target=lambda: estimator.fit(X, y), daemon=True)
    fit.start()
    time.sleep(0.3)
    if (child := os.fork()) == 0:
        signal.alarm(60)
        estimator.set_params(max_iter=1).partial_fit(X, y)
        os._exit(0)
    print(os.waitpid(child, 0)[1])
    """
    assert run(code) == (0, "0\n")


def test_a_child_forked_while_another_thread_shuffles_has_numbers_to_draw():
    """Both from NumPy's global generator, whose lock a child would find taken for ever."""
    code = """
    from steepest.backends.native import BACKEND

    def shuffle(times):
        for _ in range(times):
            BACKEND.shuffled_orders(np.random.mtrand._rand, np.arange(4000), 200)
            time.sleep(1e-3)  # or the lock, which is fair to nobody, would hardly be free

    threading.Thread(target=shuffle, args=[10**9], daemon=True).start()
    for _ in range(40):
        time.sleep(0.003)
        if (child := os.fork()) == 0:
            signal.alarm(60)
            shuffle(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    assert run(code) == (0, "")


def test_a_child_forked_by_a_loss_is_told():
    """It has no threads to go on with; the parent's fit goes on."""
    code = """
    calls, child = 0, None

    def loss(scores, targets):
        global calls, child
        calls += 1
        if calls == 3:
            child = os.fork()
        return 0.0, 0 * scores

    try:
        model.fit(X, y, loss=loss, epochs=2, progress=False)
    except RuntimeError as error:
        assert child == 0 and "the process was forked by a loss" in str(error)
        assert np.isfinite(model(X)).all()
        model.fit(X, y, epochs=1, progress=False)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    """
    assert run(code, STEEPEST_NUM_THREADS="2") == (0, "")
    assert run(code, STEEPEST_NUM_THREADS="1") == (0, "")


def test_a_child_forked_by_a_signal_handler_ends():
    """In the middle of a product, of which the parent's other threads have some pieces, it is told."""
    code = """
    wide = st.Sequential(st.Linear(200, 1500), st.ReLU(), st.Linear(1500, 1500), st.Linear(1500, 10))
    trainer, child = st.Trainer(wide), None

    def handler(*_):
        global child
        if child is None:
            child = os.fork()
        if child == 0:
            signal.alarm(30)  # ends it if it hangs
        trainer.cancel()

    signal.signal(signal.SIGALRM, signal.SIG_DFL), signal.signal(signal.SIGUSR1, handler)
    told = 0
    for delay in np.linspace(0.02, 0.1, 8):
        child, raised = None, 0
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        try:
            trainer.fit(X, y, epochs=10**6, batch_size=4000, progress=False)
        except RuntimeError as error:
            assert child == 0 and "the process was forked by a signal handler" in str(error)
            raised = 1
        if child == 0:
            wide.fit(X[:100], y[:100], epochs=1, progress=False)
            os._exit(raised)
        status = os.waitpid(child, 0)[1]
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 1), status
        told += os.WEXITSTATUS(status)
    assert told > 0
    """
    assert run(code, STEEPEST_NUM_THREADS="2") == (0, "")
    assert run(code, STEEPEST_NUM_THREADS="1") == (0, "")
