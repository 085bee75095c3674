"""Weights of classes and samples: what counts, and what is refused before anything is fitted."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from support.tolerances import assert_same_bits

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, fit_many

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

random = np.random.default_rng(8)
X = random.standard_normal((40, 3))
TARGETS = X @ [1, -2, 0.5]
LABELS = (TARGETS > 0).astype(int)
CLASSIFIERS, NETWORKS = (MLPClassifier, LinearClassifier), (MLPClassifier, MLPRegressor)
ESTIMATORS = (MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor)


def made(kind, **options):
    network = {"hidden_layer_sizes": (4,)} if kind in NETWORKS else {}
    return kind(**{"max_iter": 3, "random_state": 0} | network | options)


def y_of(kind):
    return LABELS if kind in CLASSIFIERS else TARGETS


def learned(model):
    return model.coefs_ if isinstance(model, NETWORKS) else [model.coef_]


def assert_equal(a, b):
    for p, q in zip(learned(a), learned(b), strict=True):
        assert_same_bits(p, q)


BAD_CLASS_WEIGHTS = [
    ({0: -1}, ValueError, "class_weight of class 0 is -1, but must be finite and not negative"),
    ({1: np.nan}, ValueError, "class_weight of class 1 is nan, but must be finite and not negative"),
    ({0: np.inf}, ValueError, "class_weight of class 0 is inf, but must be finite and not negative"),
    ({0: 10**400}, ValueError, "class_weight of class 0 is an integer of 1329 bits"),
    ({0: None}, TypeError, "class_weight of class 0 must be a real number, not None"),
    ({0: "2"}, TypeError, "class_weight of class 0 must be a real number, not '2'"),
    ({0: True}, TypeError, "class_weight of class 0 must be a real number, not True"),
    ({0: 1j}, TypeError, "class_weight of class 0 must be a real number, not 1j"),
    ({0: [1]}, TypeError, r"class_weight of class 0 must be a real number, not \[1\]"),
    (
        {0: 0, 1: 0.0},
        ValueError,
        "class_weight is zero for all 2 classes, but at least one must be greater than 0",
    ),
    ({0: 1, 2: 1}, ValueError, r"class_weight has the class 2, but the classes of y are \[0 1\]"),
    ({"0": 1}, ValueError, r"class_weight has the class '0', but the classes of y are \[0 1\]"),
    ({0: 1e308, 1: 1e308}, ValueError, "sample_weight times class_weight has the sum inf, but it must be fi"),
    ({0: 5e-324, 1: 0}, ValueError, r"sample_weight times class_weight has the sum .*e-32., but it must"),
]


@pytest.mark.parametrize(("given", "error", "match"), BAD_CLASS_WEIGHTS, ids=lambda v: str(v)[:40])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_class_weights_are_checked(kind, given, error, match):
    model = made(kind).fit(X, LABELS)
    before = model.predict(X), [array.copy() for array in learned(model)]
    model.set_params(class_weight=given)
    with pytest.raises(error, match=match):
        made(kind, class_weight=given).fit(X, LABELS)
    with pytest.raises(error, match=match):
        model.partial_fit(X, LABELS)
    with pytest.raises(error, match=match):
        model.set_params(warm_start=True).fit(X, LABELS)
    assert (model.predict(X) == before[0]).all()
    for a, b in zip(learned(model), before[1], strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_class_weights_of_many_fits_are_checked(kind):
    """Their samples are checked but once."""
    with pytest.raises(
        ValueError, match="class_weight of class 0 is -1, but must be finite and not negative"
    ):
        fit_many(made(kind), {"class_weight": [None, {0: -1}]}, X, LABELS, progress=False)


@pytest.mark.parametrize("given", [[1, 2], np.array([1, 2]), {0, 1}, "even"], ids=str)
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_class_weights_are_a_mapping(kind, given):
    message = r"The 'class_weight' parameter of .* must be a str among {'balanced'}"
    with pytest.raises(ValueError, match=message):
        made(kind, class_weight=given).fit(X, LABELS)
    model = made(kind).fit(X, LABELS).set_params(class_weight=given)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, LABELS)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_class_weights_fit_the_precision(kind):
    model = made(kind, class_weight={1: 1e39})
    model.fit(X, LABELS)
    with pytest.raises(ValueError, match=r"class_weight of class 1 is 1e\+39, but must be finite in float32"):
        model.fit(X.astype(np.float32), LABELS)
    with pytest.raises(ValueError, match="class_weight is zero for all 2 classes"):
        made(kind, class_weight={0: 1e-50, 1: 1e-50}).fit(X.astype(np.float32), LABELS)


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("labels", [LABELS.astype(str), LABELS > 0, LABELS.astype(np.uint8), LABELS * 1.0])
def test_classes_are_found_by_their_labels(kind, labels):
    """Texts of digits among them; a class that is not named counts 1."""
    first, second = np.unique(labels).tolist()
    expected = made(kind, class_weight={0: 3, 1: 1}).fit(X, LABELS)
    for given in ({first: 3, second: 1}, {first: 3}, {np.unique(labels)[0]: 3}):
        assert_equal(made(kind, class_weight=given).fit(X, labels), expected)
    assert_equal(made(kind, class_weight={}).fit(X, labels), made(kind).fit(X, labels))


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_batch_may_hold_but_classes_that_do_not_count(kind):
    """It changes nothing, where it is not the first."""
    options = {"class_weight": {0: 0}, "solver": "sgd", "momentum": 0, "penalty": None}
    model = made(kind, **options).partial_fit(X, LABELS, classes=[0, 1])
    before = [array.copy() for array in learned(model)]
    model.partial_fit(X[LABELS == 0], LABELS[LABELS == 0])
    for a, b in zip(learned(model), before, strict=True):
        assert_same_bits(a, b)
    with pytest.raises(
        ValueError, match="sample_weight times class_weight is zero for all 40 samples, but at least one"
    ):
        made(kind, **options).fit(X, LABELS, LABELS == 0)


BAD_SAMPLE_WEIGHTS = [
    (np.zeros(40), "Sample weights must contain at least one non-zero number"),
    (0.0, "Sample weights must contain at least one non-zero number"),
    (-np.ones(40), "Negative values in data passed to `sample_weight`"),
    (-1, "Negative values in data passed to `sample_weight`"),
    (np.full(40, np.nan), "Input sample_weight contains NaN"),
    (np.nan, "Input sample_weight contains NaN"),
    (np.inf, "Input sample_weight contains infinity"),
    (np.full(40, 1e308), "sample_weight has the sum inf, but it must be finite and at least 2.23e-308"),
    (np.full(40, 5e-324), "sample_weight has the sum 2e-322, but it must be finite and at least 2.23e-308"),
    (np.full(40, "a"), "could not convert string to float"),
    (np.ones(39), r"sample_weight.shape == \(39,\), expected \(40,\)!"),
    (np.ones((40, 1)), "Sample weights must be 1D array or scalar, got 2D array"),
]


@pytest.mark.parametrize(("weight", "match"), BAD_SAMPLE_WEIGHTS, ids=[m[:40] for _, m in BAD_SAMPLE_WEIGHTS])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_sample_weights_are_checked(kind, weight, match):
    y = y_of(kind)
    model = made(kind).fit(X, y)
    before = [array.copy() for array in learned(model)]
    with pytest.raises(ValueError, match=match):
        made(kind).fit(X, y, weight)
    with pytest.raises(ValueError, match=match):
        made(kind).fit(X, y, validation_data=(X, y, weight))
    if issubclass(kind, LinearRegressor | LinearClassifier) and "non-zero" in match:
        model.partial_fit(X, y, sample_weight=weight)  # which changes nothing
    else:
        with pytest.raises(ValueError, match=match):
            model.partial_fit(X, y, sample_weight=weight)
    with pytest.raises(ValueError, match=match):
        model.set_params(warm_start=True).fit(X, y, weight)
    for a, b in zip(learned(model), before, strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_sample_weights_fit_the_precision(kind):
    x, y = X.astype(np.float32), y_of(kind)
    with pytest.raises(
        ValueError, match=r"sample_weight contains infinity or a value too large for .*float32"
    ):
        made(kind).fit(x, y, np.full(40, 1e39))
    with pytest.raises(
        ValueError, match=r"sample_weight contains infinity or a value too large for .*float32"
    ):
        made(kind).fit(x, y, 1e39)
    options = {"penalty": None, "n_threads": 1}  # which would be divided by the sum of the weights
    for tiny in (1e-40, 1e38):  # the sum of which float64 holds
        model, expected = (made(kind, **options).fit(x, y, w) for w in (np.full(40, tiny), np.ones(40)))
        for a, b in zip(learned(model), learned(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_both_parts_of_the_samples_must_count(kind):
    weight, y = np.zeros(40), y_of(kind)
    weight[0] = 1
    model = made(kind, early_stopping=True)
    with pytest.raises(
        ValueError, match="sample_weight of the validation set is zero for all 4 samples, but at"
    ):
        model.fit(X, y, weight)
    # The same seed holds out the same samples.
    held = [
        i
        for i in range(40)
        if _refusal(model, y, np.eye(40)[i]).startswith("sample_weight after the validation")
    ]
    assert len(held) == 4


def _refusal(model, y, weight):
    with pytest.raises(ValueError) as caught:
        model.fit(X, y, weight)
    return str(caught.value)


def test_a_warm_network_takes_batches_that_lack_classes():
    """As a linear classifier does, and as a network that is not warm."""
    labels = np.arange(40) % 3
    for kind in CLASSIFIERS:
        fits = [made(kind, warm_start=warm).fit(X, labels) for warm in (True, False)]
        for model in fits:
            model.partial_fit(X[labels < 2], labels[labels < 2])
            with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
                model.partial_fit(X, labels + 1)
        assert_equal(*fits)
        with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
            fits[0].fit(X[labels < 2], labels[labels < 2])


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_class_that_y_lacks_may_have_a_weight(kind):
    """As a fold may lack a rare class."""
    fitted = [made(kind, class_weight=w).fit(X, LABELS) for w in ({0: 1, 1: 3}, {0: 1, 1: 3, 2: 5})]
    assert_equal(*fitted)


@pytest.mark.parametrize("kind", [LinearClassifier, MLPClassifier])
@pytest.mark.parametrize("unit", ["D", "s", "ns"])
def test_class_weights_of_dates(kind, unit):
    """A date is a class in whatever type and unit it is written; one with a time is another."""
    x, second = np.arange(8.0)[:, np.newaxis], np.arange(8) > 3
    days = np.array(["2020-01-01", "2020-01-02"], dtype=f"M8[{unit}]")[second.astype(int)]
    expected = kind(class_weight={False: 1, True: 9}, random_state=0, max_iter=5).fit(x, second)
    for of in np.datetime64, date.fromisoformat:
        weights = {of("2020-01-01"): 1, of("2020-01-02"): 9}
        model = kind(class_weight=weights, random_state=0, max_iter=5).fit(x, days)
        assert_same_bits(model.predict_proba(x), expected.predict_proba(x))
    for other in np.datetime64("2020-01-01T01"), 5, "2020-01-01", None, (1, 2):
        weights = {other: 1, date(2020, 1, 2): 9}
        with pytest.raises(ValueError, match="class_weight has the class"):
            kind(class_weight=weights).fit(x, days)
