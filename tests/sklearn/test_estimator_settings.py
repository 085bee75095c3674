"""Settings that cannot be meant: units that are no integers, rates, held-out samples without a score."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

random = np.random.default_rng(9)
X = random.standard_normal((40, 3))
TARGETS = X @ [1, -2, 0.5]
LABELS = (TARGETS > 0).astype(int)
CLASSIFIERS, NETWORKS = (MLPClassifier, LinearClassifier), (MLPClassifier, MLPRegressor)
REGRESSORS = (MLPRegressor, LinearRegressor)
ESTIMATORS = CLASSIFIERS + REGRESSORS


def y_of(kind):
    return LABELS if kind in CLASSIFIERS else TARGETS


def refuses(kind, error, match, fit=None, **options):
    with pytest.raises(error, match=match):
        kind(**{"max_iter": 3, "random_state": 0} | options).fit(X, y_of(kind), **fit or {})


NO_UNITS = [
    ((10.7,), "10.7"),
    ((3, 2.0), "2.0", 1),
    ((np.nan,), "nan"),
    ((np.inf,), "inf"),
    (("10",), "'10'"),
    ((True,), "True"),
    (True, "True"),
    (np.array([True]), "True"),
    ((np.float64(10.0),), r"np.float64\(10.0\)"),
    (np.array([3.0, 4.0]), "3.0"),
    ((None,), "None"),
    ([[3, 4]], r"\[3, 4\]"),
    (np.array([[3, 4]]), r"\[3, 4\]"),
]


@pytest.mark.parametrize("case", NO_UNITS, ids=lambda case: str(case[0]))
@pytest.mark.parametrize("kind", NETWORKS)
def test_units_are_integers(kind, case):
    given, shown, place = (*case, 0)[:3]
    match = rf"hidden_layer_sizes\[{place}\] is {shown}, but must be an integer of at least 1"
    refuses(kind, TypeError, match, hidden_layer_sizes=given)


@pytest.mark.parametrize("kind", NETWORKS)
def test_units_may_come_as_any_integers(kind):
    for given in (3, np.int64(3), [np.uint8(3)], np.array([3]), np.array(3), range(3, 4)):
        model = (
            kind(given, max_iter=1) if kind is MLPClassifier else kind(hidden_layer_sizes=given, max_iter=1)
        )
        assert [coef.shape for coef in model.fit(X, y_of(kind)).coefs_] == [(3, 3), (3, 1)]
    refuses(kind, ValueError, r"hidden_layer_sizes must be > 0, got \[3, 0\]", hidden_layer_sizes=(3, 0))
    refuses(kind, ValueError, "must be an array-like or an int in the range", hidden_layer_sizes=10.7)
    refuses(kind, ValueError, "must be an array-like or an int in the range", hidden_layer_sizes="10")


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize(
    ("rates", "error", "match"),
    [
        (["0.3"], TypeError, r"dropout\[0\] must be a real number, not '0.3'"),
        ([None], TypeError, r"dropout\[0\] must be a real number, not None"),
        ([True], TypeError, r"dropout\[0\] must be a real number, not True"),
        ([np.nan], ValueError, r"dropout\[0\] is nan, but must be in \[0, 1\)"),
        ([1.0], ValueError, r"dropout\[0\] is 1.0, but must be in \[0, 1\)"),
        ([-0.1], ValueError, r"dropout\[0\] is -0.1, but must be in \[0, 1\)"),
        ([0.1, 0.2], ValueError, "dropout has 2 rates, but there are 1 hidden layers"),
    ],
    ids=str,
)
def test_dropout_by_layer_is_checked(kind, rates, error, match):
    refuses(kind, error, match, dropout=rates)


@pytest.mark.parametrize("kind", REGRESSORS)
def test_the_score_of_one_sample_is_not_defined(kind):
    match = "validation_data has 1 sample, but early_stopping needs at least 2: R.2, the score of a regressor"
    one = {"validation_data": (X[:1], TARGETS[:1])}
    refuses(kind, ValueError, match, one, early_stopping=True)
    model = kind(max_iter=3, random_state=0).fit(X, TARGETS, **one)  # its loss is
    assert np.isfinite(model.validation_loss_curve_).all()
    two = {"validation_data": (X[:2], TARGETS[:2])}
    model = kind(max_iter=3, random_state=0, early_stopping=True).fit(X, TARGETS, **two)
    assert np.isfinite(model.validation_scores_).all()


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_the_score_of_one_sample_of_a_class_is(kind):
    model = kind(max_iter=3, random_state=0, early_stopping=True)
    model.fit(X, LABELS, validation_data=(X[:1], LABELS[:1]))
    assert set(model.validation_scores_) <= {0.0, 1.0}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_both_parts_hold_samples(kind):
    def with_share(share, match):
        refuses(kind, ValueError, match, early_stopping=True, validation_fraction=share)

    with_share(
        0.0, "test_size=0.0 should be either positive and smaller than the number of samples 40 or a fl"
    )
    with_share(
        0.999, "With n_samples=40, test_size=0.999 and train_size=None, the resulting train set will be"
    )
    with_share(1.0, r"must be a float in the range \[0.0, 1.0\). Got 1.0 instead")
    with_share(
        1e-9, "The validation set is too small" if kind in REGRESSORS else "The test_size = 1 should be gr"
    )


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("value", [0, -1, 1.5, np.nan, "3", None])
def test_epochs_without_improvement_are_a_number(kind, value):
    refuses(
        kind, ValueError, r"must be an int in the range \[1, inf\) or a float among", n_iter_no_change=value
    )


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_score_that_is_not_a_number_is_no_improvement(kind):
    """The fit ends, as it does on a plateau."""
    model = kind(max_iter=60, random_state=0, early_stopping=True, n_iter_no_change=3)
    model._score_of = lambda *_: np.nan
    assert model.fit(X, y_of(kind)).n_iter_ == 4


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_rates_of_a_schedule_are_checked(kind):
    for rate, error in ((-1.0, ValueError), (np.nan, ValueError), (np.inf, ValueError), (None, TypeError)):
        match = f"the learning rate of step 3 is {rate}, but must be"
        schedule = {"learning_rate_schedule": lambda step, rate=rate: 0.1 if step < 3 else rate}
        refuses(kind, error, match, **schedule, batch_size=20)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_epsilon_is_more_than_0_in_the_precision_of_the_samples(kind):
    model = kind(max_iter=1, solver="adam", epsilon=1e-46)
    model.fit(X, y_of(kind))
    with pytest.raises(ValueError, match=r"epsilon is 1e-46, but must be at least 1\.17"):
        model.fit(X.astype(np.float32), y_of(kind))


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(("alpha", "ratio"), [(1e-200, 1e-200), (1.0, 1e-310), (1.0, 5e-324)])
def test_a_share_of_l1_that_vanishes_is_l2(kind, alpha, ratio):
    options = {"max_iter": 3, "random_state": 0, "alpha": alpha}
    fits = kind(penalty="elasticnet", l1_ratio=ratio, **options), kind(penalty="l2", **options)
    first, second = (model.fit(X, y_of(kind)).predict(X) for model in fits)
    assert (first == second).all()


LARGE = (
    "clip_value",
    "clip_norm",
    "alpha",
    "learning_rate_init",
    "epsilon",
    "tol",
    "n_iter_no_change",
    "max_iter",
)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_integers_beyond_all_floats_are_refused(kind):
    for name in LARGE:
        refuses(kind, ValueError, f"{name} has 1329 bits, but must be at most 1.8e308", **{name: 10**400})


def test_layers_beyond_64_bits_are_refused():
    with pytest.raises(
        ValueError, match=r"hidden_layer_sizes\[1\] is 10+, but must be at most 9223372036854775807"
    ):
        MLPRegressor(hidden_layer_sizes=(3, 10**20)).fit(X, TARGETS)


def test_a_rate_divided_by_more_than_any_float_is_0():
    options = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 2**64, "momentum": 0.0}
    model, once = (
        MLPRegressor(hidden_layer_sizes=(4,), max_iter=n, random_state=0, **options).fit(X, TARGETS)
        for n in (5, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(model.coefs_, once.coefs_, strict=True))
