"""Random search, local search and descent: they do as they say, by the seed, and count what they cost."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_close

import steepest as st
from steepest.gradients import gradient_descent, local_search, numerical_gradient, random_search

CURVATURES = np.array([[1.0, 2.0, 5.0], [0.5, 0.0, 3.0]])


def bowl(w):
    return float((CURVATURES * w * w).sum())


def slope(loss, w):
    return 2 * CURVATURES * w


def check_consistent(result, loss):
    """Each loss is that of its weights, and the result ends where the path ends."""
    assert result.losses.tolist() == [loss(w) for w in result.path]
    assert result.weights.tolist() == result.path[-1].tolist() and result.loss == result.losses[-1]
    assert isinstance(result.loss, float)


def test_random_search_keeps_the_best_draw_so_far():
    random, best, path = np.random.default_rng(3), np.inf, []
    for _ in range(20):
        w = 0.5 * random.standard_normal((2, 3))
        if bowl(w) < best:
            best, kept = bowl(w), w
        path.append(kept)
    result = random_search(bowl, (2, 3), 20, seed=3, scale=0.5)
    assert result.path.tolist() == np.array(path).tolist() and result.evaluations == 20
    assert len({tuple(w.ravel()) for w in path}) > 2
    check_consistent(result, bowl)
    drawn = random_search(bowl, lambda generator: generator.standard_normal((2, 3)), 20, seed=3, scale=0.5)
    assert drawn.path.tolist() == result.path.tolist()
    assert random_search(bowl, (2, 3), 20, 4, 0.5).path[0].tolist() != path[0].tolist()
    assert random_search(lambda w: (w**2).sum(), 4, 1).path.shape == (1, 4)
    assert random_search(lambda w: w**2, (), 1).path.shape == (1,)


def test_local_search_makes_the_steps_that_lead_down():
    start = np.ones((2, 3))
    random, w, path = np.random.default_rng(3), start, [start]
    for _ in range(20):
        attempt = w + 0.1 * random.standard_normal((2, 3))
        w = attempt if bowl(attempt) < bowl(w) else w
        path.append(w)
    result = local_search(bowl, start, 20, 0.1, seed=3)
    assert result.path.tolist() == np.array(path).tolist() and result.evaluations == 21
    assert (np.diff(result.losses) <= 0).all() and (np.diff(result.losses) == 0).any()
    check_consistent(result, bowl)
    assert local_search(bowl, start, 20, 0.1, seed=4).loss != result.loss
    assert local_search(bowl, start, 20, 0.2, seed=3).loss != result.loss
    still = local_search(lambda w: 1.0, start, 3, 0.1)  # no way is down
    assert still.path.tolist() == [start.tolist()] * 4
    assert (start == 1).all() and local_search(bowl, start, 0, 0.1).path.shape == (1, 2, 3)


def test_descent_of_a_quadratic_is_the_closed_form():
    """w after k steps of size a is (1 - 2 a c)**k w for the curvature c."""
    start = numbers((2, 3))
    result = gradient_descent(bowl, start, 0.05, 12, slope)
    expected = start * (1 - 0.1 * CURVATURES) ** np.arange(13)[:, None, None]
    assert_close(result.path, expected, 4 * 12, np.abs(start) * np.ones((13, 1, 1)))
    assert result.evaluations == 13 and result.losses.shape == (13,)
    check_consistent(result, bowl)
    numerical = gradient_descent(bowl, start, 0.05, 12)
    assert numerical.evaluations == 13 + 12 * 2 * 6
    np.testing.assert_allclose(numerical.path, expected, rtol=0, atol=1e-9)
    forward = gradient_descent(bowl, start, 0.05, 12, lambda f, w: numerical_gradient(f, w, method="forward"))
    assert forward.evaluations == 13 + 12 * 7
    integers = gradient_descent(bowl, [[1, 2, 3], [4, 5, 6]], 0.05, 0)
    assert integers.path.dtype == np.float64 and integers.path.shape == (1, 2, 3)


def test_a_step_size_may_follow_the_step():
    sizes = [0.1, 0.01, 0.05]
    result = gradient_descent(lambda w: w * w, 1.0, lambda step: sizes[step], 3, lambda f, w: 2 * w)
    assert result.path.tolist() == pytest.approx([1, 0.8, 0.8 * 0.98, 0.8 * 0.98 * 0.9])


def test_what_callables_are_given_is_theirs():
    def loss(w):
        value = float((w * w).sum())
        w[:] = np.nan
        return value

    def gradient(f, w):
        slope = 2 * w
        w[:] = np.nan
        return slope

    start = np.ones(3)
    assert gradient_descent(loss, start, 0.25, 2, gradient).weights.tolist() == [0.25] * 3
    for result in (local_search(loss, start, 9, 0.1), random_search(loss, 3, 9)):
        assert np.isfinite(result.path).all()
    assert start.tolist() == [1, 1, 1]


def test_the_ladder_descends_as_a_fit_does(backend, data):
    """A linear classifier, by its numerical gradient and by `fit` on full batches."""
    X, y = data
    model = st.Sequential(st.Linear(6, 3, bias=False), dtype=np.float64)
    start = model.state_dict()["0.weight"]
    with backend.computing():
        result = gradient_descent(
            lambda w: st.functional.softmax_cross_entropy(st.functional.linear(X, w), y)[0], start, 0.5, 5
        )
        history = model.fit(
            X, y, optimizer=st.SGD(0.5), epochs=5, batch_size=None, shuffle=False, progress=False
        )
    np.testing.assert_allclose(result.losses[:5], history.loss, rtol=1e-9)
    np.testing.assert_allclose(result.weights, model.state_dict()["0.weight"], rtol=0, atol=1e-8)


def test_results_show_themselves_and_stay():
    result = gradient_descent(lambda w: (w * w).sum(), [3.0, 4.0], 0.25, 2, lambda f, w: 2 * w)
    assert repr(result) == "Descent(2 steps, loss 25 -> 1.562, 3 evaluations)"
    with pytest.raises(AttributeError):
        result.path = None


def test_a_loss_that_stops_being_finite_is_named_with_its_step():
    with pytest.raises(
        st.DivergenceError, match=r"loss is inf at step 3 of size 1e\+60; a smaller"
    ) as caught:
        gradient_descent(lambda w: float(w[0] * w[0]), [1.0], 1e60, 9, lambda f, w: 2 * w)
    assert (caught.value.step, caught.value.learning_rate, caught.value.epoch) == (3, 1e60, None)
    falls = iter([1.0, 0.5, np.nan])
    with pytest.raises(st.DivergenceError, match="the loss is nan at step 2") as caught:
        local_search(lambda w: next(falls), [1.0], 9, 0.1)
    assert caught.value.step == 2
    for search in (
        lambda: random_search(lambda w: -np.inf, 2, 9),
        lambda: local_search(lambda w: -np.inf, [1.0], 9, 0.1),
        lambda: gradient_descent(lambda w: -np.inf, [1.0], 0.1, 9),
    ):
        with pytest.raises(st.DivergenceError, match="the loss is -inf at step 0") as caught:
            search()
        assert caught.value.step == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random_search(bowl, (2, 3), 0), ValueError, "tries is 0, but must be at least 1"),
        (lambda: random_search(bowl, (2, -3), 1), ValueError, "shape_or_sampler is -3, but must be at least"),
        (lambda: random_search(bowl, 1.5, 1), TypeError, "shape_or_sampler must be an integer, not 1.5"),
        (lambda: random_search(bowl, (2, 3), 1, -1), ValueError, "seed is -1"),
        (lambda: random_search(bowl, (2, 3), 1, 0, 0.0), ValueError, "scale is 0.0, but must be finite and"),
        (lambda: random_search(bowl, lambda g: np.nan, 1), ValueError, "what was drawn holds NaN"),
        (
            lambda: random_search(np.sum, lambda g: np.ones(1 + g.integers(2)), 20),
            ValueError,
            r"the sampler returned shape \(.,\) and then \(.,\), but the shapes must be equal",
        ),
        (lambda: random_search(lambda w: w, 2, 1), ValueError, r"value of the function has shape \(2,\)"),
        (lambda: local_search(bowl, [np.inf], 1, 0.1), ValueError, "weights holds NaN or an infinity"),
        (lambda: local_search(bowl, [1.0], -1, 0.1), ValueError, "steps is -1, but must be at least 0"),
        (lambda: local_search(bowl, [1.0], 1, -0.1), ValueError, "step_size is -0.1, but must be finite"),
        (lambda: local_search(bowl, [1.0], 1, 0.1, 0.5), TypeError, "seed must be an integer, not 0.5"),
        (lambda: gradient_descent(bowl, ["a"], 1, 1), TypeError, "weights has dtype <U1, but must hold real"),
        (lambda: gradient_descent(bowl, [1.0], 0, 1), ValueError, "step_size is 0, but must be finite and"),
        (lambda: gradient_descent(bowl, [1.0], 1, 1.0), TypeError, "steps must be an integer, not 1.0"),
        (
            lambda: gradient_descent(bowl, 1.0, lambda step: 1 - step, 3, lambda f, w: 0 * w),
            ValueError,
            "step_size of step 1 is 0, but must be finite and greater than 0",
        ),
        (
            lambda: gradient_descent(bowl, np.ones(3), 0.1, 1, lambda f, w: w[:2]),
            ValueError,
            r"the gradient has shape \(2,\), but the weights have \(3,\)",
        ),
        (
            lambda: gradient_descent(bowl, np.ones(3), 0.1, 1, lambda f, w: None),
            TypeError,
            "the gradient has dtype object, but must hold real numbers",
        ),
    ],
)
def test_misuse_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
