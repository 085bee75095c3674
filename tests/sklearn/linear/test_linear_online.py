"""solver="online": streams of sparse rows."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn.linear_model import SGDClassifier

import steepest as st
from steepest.backends import active
from steepest.backends.online import OnlineRows
from steepest.backends.sparse import sparse_rows
from steepest.sklearn import LinearClassifier, LinearRegressor

pytestmark = pytest.mark.usefixtures("on_backend")


def texts(samples=400, features=300, classes=4, seed=0, binary=False):
    """Few words of a Zipfian kind in each row, some of which tell its class."""
    random = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, features + 1)
    own = random.permuted(np.tile(frequency, (classes, 1)), axis=1)
    y = random.integers(0, classes, samples)
    p = 0.5 * frequency + own[y]
    X = sparse.csr_array(np.stack([random.multinomial(12, each / each.sum()) for each in p]).astype(float))
    if binary:
        X.data[:] = 1
    return X, y


X, Y = texts()
NEW_X, NEW_Y = texts(seed=0, samples=1200)
NEW_X, NEW_Y = NEW_X[400:], NEW_Y[400:]


def rows():
    x = sparse_rows(X, np.dtype(float))
    return OnlineRows(x, Y, np.ones(len(Y)), st.SoftmaxCrossEntropy(), 4)


def same(one, other):
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)


def streamed(model, X, y, rows=50, **options):
    for first in range(0, len(y), rows):
        part = slice(first, first + rows)
        model.partial_fit(X[part], y[part], classes=np.unique(y), **options)
    return model


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
@pytest.mark.parametrize("classes", [2, 4])
def test_streams_of_sparse_rows_take_it(loss, classes):
    X, y = texts(classes=classes)
    model = streamed(LinearClassifier(loss), X, y)
    assert (model.solver_, model.alpha_, model.t_) == ("online", 0, len(y))
    assert model.coef_.shape == (1 if classes == 2 else 4, X.shape[1])
    named = streamed(LinearClassifier(loss, solver="online"), X, y)
    same(model, named)


@pytest.mark.parametrize("classes", [2, 4])
def test_one_pass_is_as_good_as_that_of_others(classes):
    """On rows that come next."""
    X, y = texts(samples=3000, classes=classes)
    train, test = slice(0, 2000), slice(2000, None)
    for loss in ("softmax", "hinge", "squared_hinge"):
        ours = streamed(LinearClassifier(loss), X[train], y[train]).score(X[test], y[test])
        for theirs in ("log_loss", "hinge"):
            other = streamed(SGDClassifier(theirs, random_state=0), X[train], y[train])
            assert ours > other.score(X[test], y[test]) - 0.01


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
@pytest.mark.parametrize("scale", [2.0**-20, 2.0**20])
def test_it_does_not_depend_on_the_scale_of_features(loss, scale):
    model, scaled = streamed(LinearClassifier(loss), X, Y), streamed(LinearClassifier(loss), X * scale, Y)
    np.testing.assert_allclose(model.coef_, scaled.coef_ * scale, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.intercept_, scaled.intercept_, rtol=1e-9, atol=1e-12)


def test_calls_of_any_size_are_the_same_stream():
    """Of words that are there or not: other numbers make the unit known by the rows of a call."""
    X, y = texts(binary=True)
    model = streamed(LinearClassifier(), X, y, rows=len(y))
    for rows in (1, 7, 64):
        same(streamed(LinearClassifier(), X, y, rows=rows), model)


@pytest.mark.parametrize("weight", [100.0, 1e9])
def test_weights_weigh_and_do_not_overshoot(weight):
    model = streamed(LinearClassifier(), X, Y)
    wrong = int(np.argmin(model.predict_proba(X[[3]])))
    before = model.predict_proba(X[[3]])[0, wrong]
    others = [
        copy.deepcopy(model).partial_fit(X[[3]], [wrong], sample_weight=[w]).predict_proba(X[[3]])[0, wrong]
        for w in (1, weight)
    ]
    assert before < others[0] < others[1] <= 1
    hinge = streamed(LinearClassifier("hinge"), X, Y)
    hinge.partial_fit(X[[3]], [wrong], sample_weight=[weight])
    scores = hinge.decision_function(X[[3]])[0]
    assert np.isclose(scores[wrong] - np.delete(scores, wrong).max(), 1)


def test_rows_of_weight_0_are_no_rows():
    model = streamed(LinearClassifier(), X, Y)
    other = copy.deepcopy(model)
    wild = sparse.csr_array(np.full((1, X.shape[1]), 1e90))
    other.partial_fit(wild, [0], sample_weight=[0.0])
    same(other, model)
    assert other.progressive_loss_ == model.progressive_loss_


def test_the_progressive_loss_is_that_before_each_row():
    model, losses = LinearClassifier(), []
    for i in range(80):
        model.partial_fit(X[[i]], Y[[i]], classes=np.unique(Y))
        losses.append(model.loss_)
        assert np.isclose(model.progressive_loss_, np.mean(losses))
        if i < 79:
            at = int(Y[i + 1])
            ahead = -model.predict_log_proba(X[[i + 1]])[0, at]
            model_loss = copy.deepcopy(model).partial_fit(X[[i + 1]], Y[[i + 1]]).loss_
            assert np.isclose(model_loss, ahead)


def test_it_goes_on_after_a_pause():
    model = streamed(LinearClassifier(), X[:200], Y[:200])
    others = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    for other in [model, *others]:
        streamed(other, X[200:], Y[200:])
    for other in others:
        same(other, model)
    dense = streamed(pickle.loads(pickle.dumps(model)), NEW_X[:50].toarray(), NEW_Y[:50])
    same(dense, streamed(model, NEW_X[:50], NEW_Y[:50]))
    assert dense.solver_ == "online"
    sparser = copy.deepcopy(model).sparsify()
    same(streamed(sparser, X[:50], Y[:50]), streamed(model, X[:50], Y[:50]))


def test_coefficients_that_are_set_are_gone_on_from():
    model = streamed(LinearClassifier(), X, Y)
    other = copy.deepcopy(model)
    other.coef_ = np.ascontiguousarray(model.coef_)
    for each in (model, other):
        each.partial_fit(X[:50], Y[:50])
    same(other, model)


@pytest.mark.parametrize(
    "options", [{"alpha": 1e-3}, {"penalty": "l1"}, {"momentum": 0.9}, {"batch_size": 10}]
)
def test_what_asks_for_batches_gets_them(options):
    assert streamed(LinearClassifier(**options), X, Y).solver_ == "sgd"


@pytest.mark.parametrize("options", [{"learning_rate_init": 0.5}, {"shuffle": False}, {"alpha": 0}])
def test_what_it_can_do_does_not(options):
    model = streamed(LinearClassifier(**options), X, Y)
    assert model.solver_ == "online"
    assert ("alpha" in options or "shuffle" in options) == np.array_equal(
        model.coef_, streamed(LinearClassifier(), X, Y).coef_
    )


@pytest.mark.parametrize("size", [1e3, 1e6, 1e30])
def test_a_wild_row_does_no_lasting_harm(size):
    wild = sparse.csr_array(X[[0]] * size)
    model = streamed(LinearClassifier(), X[:50], Y[:50]).partial_fit(wild, Y[:1])
    score = streamed(model, X[50:], Y[50:]).score(NEW_X, NEW_Y)
    assert score > streamed(LinearClassifier(), X, Y).score(NEW_X, NEW_Y) - 0.05


@pytest.mark.parametrize("weight", [1e10, 1e20, 1e30, 3e38])
@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_steps_beyond_float32_are_refused_or_right_and_nothing_is_lost(loss, weight):
    model = streamed(LinearClassifier(loss), X.astype(np.float32), Y)
    before, row, other = copy.deepcopy(model), X[:1].astype(np.float32), [(Y[0] + 1) % 4]
    try:
        model.partial_fit(row, other, sample_weight=np.array([weight], np.float32))
    except ValueError as error:
        assert "non-finite" in str(error)
        same(model, before)
    else:
        assert np.isfinite(model.coef_).all() and model.predict(row) == other
    assert np.isfinite(model.partial_fit(row, Y[:1]).progressive_loss_)


def test_a_stream_begins_with_its_first_call_whatever_counts_there():
    none = np.zeros(20)
    model = LinearClassifier().partial_fit(X[:20], Y[:20], classes=np.unique(Y), sample_weight=none)
    same(streamed(model, X, Y), streamed(LinearClassifier(), X, Y))
    assert model.solver_ == "online"
    model.sparsify().partial_fit(X[:20], Y[:20], sample_weight=none)
    model.set_params(fit_intercept=False).partial_fit(X[:20], Y[:20])
    assert not model.intercept_.any()


def test_a_row_at_the_kink_of_a_hinge_makes_no_steps_more():
    model = streamed(LinearClassifier("hinge"), X, Y)
    for _ in range(3):
        model.partial_fit(X[:1], Y[:1])
    before = copy.deepcopy(model)
    for _ in range(20):
        model.partial_fit(X[:1], Y[:1])
    np.testing.assert_array_equal(model._memory.sums, before._memory.sums)


def test_rows_of_weight_0_do_not_count_in_a_fit():
    weight = np.where(np.arange(len(Y)) % 2, 1.0, 0.0)
    some = LinearClassifier(solver="online", shuffle=False).fit(X[1::2], Y[1::2])
    same(LinearClassifier(solver="online", shuffle=False).fit(X, Y, sample_weight=weight), some)


def test_a_memory_map_is_gone_on_from(tmp_path):
    joblib = pytest.importorskip("joblib")
    model = streamed(LinearClassifier(), X, Y)
    joblib.dump(model, tmp_path / "model")
    for mode in ("r", "c"):
        other = joblib.load(tmp_path / "model", mmap_mode=mode)
        same(other.partial_fit(X[:50], Y[:50]), copy.deepcopy(model).partial_fit(X[:50], Y[:50]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weight", [1e2, 1e6, 1e9])
def test_large_weights_lead_to_where_the_gradient_points_back(dtype, weight):
    """s' of s' = pull (1 - p(s')), of one row in the first call: softmax of two classes."""
    x = sparse.csr_array(np.ones((1, 10), dtype))
    model = LinearClassifier(fit_intercept=False).partial_fit(x, [1], classes=[0, 1], sample_weight=[weight])
    sums = weight * 0.25
    pull = 10 * weight / np.sqrt(0.01 + sums)
    low, high = 0.0, 500.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle < pull / (1 + np.exp(middle)) else (low, middle)
    np.testing.assert_allclose(model.decision_function(x), high, rtol=1e-5)


def test_ctrl_c_keeps_what_was_learned(monkeypatch):
    model = streamed(LinearClassifier(), X, Y)
    loss = model.progressive_loss_

    def pressed(self, point, order):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(active().online(rows())), "learn", pressed)
        with pytest.warns(UserWarning, match="interrupted"):
            model.partial_fit(X[:5], Y[:5])
    assert model.progressive_loss_ == loss
    assert np.isfinite(model.partial_fit(X[:5], Y[:5]).progressive_loss_)


def test_a_stream_keeps_its_solver():
    dense = LinearClassifier().partial_fit(X[:50].toarray(), Y[:50], classes=np.unique(Y))
    assert dense.partial_fit(X[50:], Y[50:]).solver_ == "sgd"
    fitted = LinearClassifier().fit(X, Y)
    assert fitted.partial_fit(X[:50], Y[:50]).solver_ == "sgd"
    online = LinearClassifier(solver="online").fit(X, Y).set_params(solver="auto")
    assert online.partial_fit(X[:50], Y[:50]).solver_ == "online"


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_a_fit_ends_where_passes_no_longer_help(loss):
    model = LinearClassifier(loss, solver="online", random_state=0).fit(X, Y)
    curve = np.array(model.loss_curve_)
    assert 2 <= model.n_iter_ == len(curve) < 20
    assert (-np.diff(curve)[:-1] >= 0.05 * curve[0]).all() and -np.diff(curve)[-1] < 0.05 * curve[0]
    assert LinearClassifier(loss, solver="online", max_iter=1).fit(X, Y).n_iter_ == 1
    again = LinearClassifier(loss, solver="online", random_state=0).fit(X, Y)
    same(model, again)
    once = LinearClassifier(loss, solver="online", max_iter=1, shuffle=False).fit(X, Y)
    same(once, LinearClassifier(loss).partial_fit(X, Y, classes=np.unique(Y)))


def test_weights_count_by_their_ratios_in_a_fit():
    weight = np.random.default_rng(1).choice([0.5, 1.0, 2.0], len(Y))
    one, other = (
        LinearClassifier(solver="online", random_state=0).fit(X, Y, sample_weight=w)
        for w in (weight, 8 * weight)
    )
    same(one, other)
    assert (one.coef_ != LinearClassifier(solver="online", random_state=0).fit(X, Y).coef_).any()


def test_the_rate_acts_and_so_does_the_margin():
    for options in ({"learning_rate_init": 0.1}, {"loss": "hinge", "margin": 5.0}, {"fit_intercept": False}):
        other = {"loss": options.get("loss", "softmax")}
        one = LinearClassifier(solver="online", random_state=0, **options).fit(X, Y)
        assert (one.coef_ != LinearClassifier(solver="online", random_state=0, **other).fit(X, Y).coef_).any()
    assert not LinearClassifier(solver="online", fit_intercept=False).fit(X, Y).intercept_.any()


@pytest.mark.parametrize("options", [{"alpha": 0.1}, {"penalty": "l1"}])
def test_penalties_are_refused(options):
    with pytest.raises(ValueError, match="solver='online' has no penalty"):
        LinearClassifier(solver="online", **options).fit(X, Y)


def test_what_it_does_not_do_is_refused():
    with pytest.raises(ValueError, match="solver='online' is for LinearClassifier, not for LinearRegressor"):
        LinearRegressor(solver="online").fit(X, Y)
    with pytest.raises(ValueError, match="early_stopping needs a stochastic solver"):
        LinearClassifier(solver="online", early_stopping=True).fit(X, Y)
    wild = sparse.csr_array(np.full((2, 3), 1e60))
    with pytest.raises(ValueError, match=r"x @ x is 3e\+120 for a row of X, but must be below 1e\+100"):
        LinearClassifier().partial_fit(wild, [0, 1], classes=[0, 1])
