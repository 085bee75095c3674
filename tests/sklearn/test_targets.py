"""Targets of every kind of number are learned as those of float64; what is no number is refused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from support.tolerances import assert_same_bits

import steepest as st
from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
]

random = np.random.default_rng(4)
X = random.standard_normal((40, 3))
COUNTS = np.clip(np.round(60 + 25 * X[:, 0] - 10 * X[:, 1]), 0, 127)
REGRESSORS = (MLPRegressor, LinearRegressor)
LOSSES = ("squared_error", "huber", "absolute_error", "poisson")
KINDS = [*"BHILbhilefg", ">i2", ">u8", ">f4", ">f8", "O", "U5", "S5"]


def made(kind, **options):
    network = {"hidden_layer_sizes": (4,)} if kind in (MLPRegressor, MLPClassifier) else {}
    return kind(**{"max_iter": 2, "random_state": 0} | network | options)


def learned(model):
    names = ("coefs_", "intercepts_", "coef_", "intercept_", "loss_", "loss_curve_", "validation_scores_")
    held = [vars(model).get(name) for name in names]
    return [np.asarray(a) for part in held for a in (part if isinstance(part, list) else [part])]


def fitted(kind, y, options):
    """To targets, with the same as validation data, and by a `partial_fit` more, where the solver can."""
    model = made(kind, **options)
    if model.solver == "lbfgs":
        return model.fit(X, y)
    return model.fit(X, y, validation_data=(X, y)).partial_fit(X, y)


@cache
def expected(backend, kind, truths, several, options):
    """What float64 gives on the backend, which is the active one."""
    y = np.float64(COUNTS > 60) if truths else COUNTS
    return fitted(kind, np.stack([y, y[::-1]], axis=1) if several else y, dict(options))


def assert_same_fits(kind, y, truths=False, **options):
    """Of the targets alone, and of two a sample."""
    for several in (False, True):
        targets = np.stack([y, y[::-1]], axis=1) if several else y
        same = expected(st.build_info()["backend"], kind, truths, several, tuple(options.items()))
        model = fitted(kind, targets, options)
        for a, b in zip(learned(model), learned(same), strict=True):
            assert_same_bits(a, b)


@pytest.mark.parametrize("code", KINDS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", REGRESSORS)
def test_any_kind_of_number_is_that_number(kind, loss, code):
    for solver in ("sgd", "adam", "lbfgs") if kind is MLPRegressor else ("sgd", "adam"):
        assert_same_fits(kind, COUNTS.astype(code), loss=loss, solver=solver)


@pytest.mark.parametrize("kind", REGRESSORS)
@pytest.mark.parametrize("loss", LOSSES)
def test_truths_are_0_and_1(kind, loss):
    truths = COUNTS > 60
    for y in (truths, truths.astype(object), truths.tolist()):
        assert_same_fits(kind, np.asarray(y), truths=True, loss=loss)


@pytest.mark.parametrize("kind", REGRESSORS)
def test_unsigned_integers_have_a_good_fit(kind):
    """Their differences would wrap around."""
    for loss in LOSSES[:3]:
        model = made(
            kind, loss=loss, max_iter=300, learning_rate_init=0.1 if kind is MLPRegressor else "auto"
        )
        assert model.fit(X, COUNTS.astype(np.uint8)).score(X, COUNTS) > 0.9, loss


@pytest.mark.parametrize("kind", REGRESSORS)
def test_early_stopping_scores_them_as_numbers(kind):
    options = {"early_stopping": True, "validation_fraction": 0.3}
    fits = [made(kind, **options).fit(X, COUNTS.astype(code)) for code in ("u1", "U5", "f8")]
    for model in fits[:2]:
        for a, b in zip(learned(model), learned(fits[2]), strict=True):
            assert_same_bits(a, b)


@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
@pytest.mark.parametrize("code", ["B", "L", "b", ">i2", ">f8", "e", "U5", "?"])
def test_labels_of_any_kind_are_their_classes(kind, code):
    numbers = np.digitize(COUNTS, [60] if code == "?" else [50, 70])
    labels = numbers.astype(code)
    model, expected = made(kind).fit(X, labels), made(kind).fit(X, numbers)
    for a, b in zip(learned(model), learned(expected), strict=True):
        assert_same_bits(a, b)
    assert (
        model.predict(X) == labels[numbers.argsort()][np.searchsorted(np.sort(numbers), expected.predict(X))]
    ).all()


@pytest.mark.parametrize("kind", REGRESSORS)
@pytest.mark.parametrize(
    ("y", "error", "match"),
    [
        (
            COUNTS.astype("datetime64[D]"),
            ValueError,
            r"y has dtype datetime64\[D\], but targets must be numbers",
        ),
        (COUNTS.astype("timedelta64[s]"), ValueError, "y has dtype timedelta64"),
        (np.zeros(40, [("a", float)]), ValueError, "y has dtype .*'a'.*, but targets must be numbers"),
        (
            sparse.csr_array(COUNTS[:, np.newaxis]),
            TypeError,
            r"y is sparse, but targets must be dense: use y\.toa",
        ),
        (
            sparse.csr_array(COUNTS[:, np.newaxis] * [1, 2]),
            TypeError,
            "y is sparse, but targets must be dense",
        ),
        (np.array(["1.5"] * 39 + ["many"]), ValueError, "could not convert string to float: .*many"),
        (
            np.array(["1.5"] * 39 + ["nan"]),
            ValueError,
            "y of sample 39 is nan, but must be finite in float64",
        ),
        (np.array([1.5] * 39 + ["1e999"], object), ValueError, "y of sample 39 is inf, but must be finite"),
        (np.array([1] * 39 + [10**400], object), OverflowError, "int too large to convert to float"),
        (COUNTS + 1j, ValueError, "Complex data not supported"),
    ],
    ids=lambda v: str(getattr(v, "dtype", "")),
)
def test_what_is_no_number_is_refused(kind, y, error, match):
    with pytest.raises(error, match=match):
        made(kind).fit(X, y)
    with pytest.raises(error, match=match):
        made(kind).fit(X, COUNTS, validation_data=(X, y))
