"""What all the samples of a ranked fit say together: as one process has it, with any number of ranks."""

from __future__ import annotations

import textwrap
from functools import cache

import pytest
from support.ranks import launch, needs_mpi

pytestmark = needs_mpi

PLAIN = "st.Linear(20, 12), st.Tanh(), st.Linear(12, 5)"
BINARY = "st.Linear(20, 12), st.Tanh(), st.Linear(12, 1)"
FITS = {
    "balanced": (PLAIN, "class_weight='balanced', validation_data=(X[:300], y[:300])"),
    "balanced loss": (PLAIN, "loss=st.SoftmaxCrossEntropy(class_weight='balanced')"),
    "balanced targets": (BINARY, "loss='bce', class_weight='balanced'"),
    "split": (PLAIN, "validation_split=0.2, metrics=['accuracy'], class_weight='balanced'"),
    "split of few": (PLAIN, "validation_split=0.001, metrics=['accuracy']"),
    "split targets": (BINARY, "loss='mse', validation_split=0.1, sample_weight=np.arange(1003) % 7 + 1"),
    "standardized": (f"st.Standardize(20), {PLAIN}, dtype=np.float64", "validation_split=0.2"),
    "encoded": ("st.PiecewiseLinear(20, 6), st.Linear(120, 5)", "validation_split=0.2"),
    "encoded partly": ("st.PiecewiseLinear(20, [0, 4] * 10), st.ReLU(), st.Linear(50, 5)", ""),
}
# The samples are sorted by class, so that no rank has some of each; one feature is constant on each of two.
SORTED = """
order = np.argsort(y, kind="stable")
X, y = np.ascontiguousarray(X[order]), y[order]
X[:, 0], X[:, 1], X[:, 2] = 3, np.arange(1003) // 502, X[:, 2] + 5
settings = dict(progress=False, {settings})
y = (y > 3).astype(int) if settings.get("loss") == "bce" else y

def made_here():
    return st.Sequential({layers}, seed=4)

def fitted(model, shards, **more):
    def own(samples):
        return samples[st.distributed.rows(len(samples), shards=shards)]

    of_rank = {{name: own(settings[name]) for name in settings if name == "sample_weight"}}
    if "validation_data" in settings:
        of_rank["validation_data"] = [own(samples) for samples in settings["validation_data"]]
    return st.distributed.fit(model, own(X), own(y), shards=shards, **(settings | of_rank | more))
"""
BITS = """
model = made_here()
history = fitted(model, 8, epochs=3, batch_size=128, optimizer="adam")
told(digest(model, history.loss, history.validation_loss), history.metrics, history.loss)
"""
AS_ONE = """
same = dict(epochs=5, batch_size=None, shuffle=False)
one, each = made_here(), made_here()
alone, both = one.fit(X, y, **(settings | same)), fitted(each, {shards}, **same)
np.testing.assert_allclose(both.loss, alone.loss, rtol=1e-5)
np.testing.assert_allclose(both.validation_loss, alone.validation_loss, rtol=1e-5)
for a, b in zip(one.state_dict().values(), each.state_dict().values(), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
for name, values in alone.metrics.items():
    np.testing.assert_allclose(both.metrics[name], values, rtol=1e-6)
told(digest(each))
"""


def program(fit, code):
    """A function of the samples that prints one line, and its call."""
    layers, settings = FITS[fit]
    body = SORTED.format(layers=layers, settings=settings) + code
    return f"def work(X, y):{textwrap.indent(body, '    ')}\nwork(X.copy(), y)\n"


@cache
def lines(ranks, code):
    """What each fit prints, all in one program."""
    status, output = launch(ranks, "".join(program(fit, code) for fit in FITS))
    assert status == 0, output
    return dict(zip(FITS, output.splitlines(), strict=True))


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("fit", FITS)
def test_ranks_change_no_bit(fit, ranks):
    assert lines(ranks, BITS)[fit] == lines(1, BITS)[fit]


@pytest.mark.parametrize(("ranks", "shards"), [(2, 8), (3, None)])
def test_they_are_those_of_one_process(ranks, shards):
    assert [*lines(ranks, AS_ONE.format(shards=shards))] == [*FITS]


def test_a_fit_goes_on_with_what_was_learned_from_all(tmp_path):
    path = tmp_path / "run.ckpt"
    code = f"""
model = made_here()
kept = {{}} if comm.size == 1 else {{"checkpoint": {str(path)!r}, "resume": comm.size == 4}}
history = fitted(model, 8, epochs=3 if comm.size == 2 else 6, batch_size=128, **kept)
told(digest(model, history.loss, history.validation_loss))
"""
    expected, begun, done = (launch(ranks, program("standardized", code)) for ranks in (1, 2, 4))
    assert expected[0] == begun[0] == 0 and done == expected, (expected, begun, done)


def test_what_rank_0_has_learned_holds_for_all():
    code = """
    model = st.Sequential(st.Standardize(20), st.Linear(20, 5), seed=1)
    if comm.rank == 0:
        model.standardize(3 * X)
    before = comm.bcast(model.state_dict(), root=0)
    own = st.distributed.rows(1003)
    st.distributed.fit(model, X[own], y[own], epochs=1, progress=False)
    for name in ("0.mean", "0.scale"):
        assert (model.state_dict()[name] == before[name]).all()
    told(digest(model))
    """
    status, output = launch(2, code)
    assert status == 0, output


def test_an_error_is_one_of_all_ranks():
    code = """
    def refused(text, targets=None, **settings):
        model = made()
        before = digest(model)
        try:
            labels = y[own] if targets is None else targets
            st.distributed.fit(model, X[own], labels, progress=False, **settings)
        except (ValueError, RuntimeError) as error:
            assert text in str(error), error
        else:
            raise AssertionError(text)
        assert digest(model) == before

    own = st.distributed.rows(1003)
    weight = np.zeros(len(y[own]))
    weight[0] = 1
    refused("validation_split makes is zero for all its samples", validation_split=0.01, sample_weight=weight)
    refused("validation_data or validation_split, not both", validation_split=0.1, validation_data=(X, y))
    refused("validation_split is 0.0 on rank 0, but 0.1 on rank 1", validation_split=comm.rank / 10)
    refused("it needs a loss of labels", loss="mse", class_weight="balanced", targets=np.eye(5)[y[own]])
    """
    status, output = launch(2, code)
    assert status == 0, output
