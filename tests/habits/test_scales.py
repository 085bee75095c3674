"""Features of large numbers are named where a fit stood still, rose or diverged, and only there."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import steepest as st
from steepest.sklearn import MLPClassifier, MLPRegressor


def fit(X: Any, y: Any, first: list[st.layers.Layer] | None = None, **settings: Any) -> list[str]:
    """The warnings of a fit with default settings."""
    outputs = 1 if y.dtype.kind == "f" else int(y.max()) + 1
    layers = [*(first or []), st.Linear(X.shape[1], 32), st.ReLU(), st.Linear(32, outputs)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss = "squared_error" if outputs == 1 else "softmax"
        model = st.Sequential(*layers)
        model.fit(X, y, **{"loss": loss, "epochs": 10, "batch_size": 32, "progress": False} | settings)
    return [str(warning.message) for warning in caught]


RAW = {
    "wine": datasets.load_wine(return_X_y=True),
    "breast cancer": datasets.load_breast_cancer(return_X_y=True),
}


@pytest.mark.parametrize("name", RAW)
def test_raw_data_that_are_not_learned_are_recognized(name: str) -> None:
    X, y = RAW[name]
    try:
        messages = fit(X, y)
    except st.DivergenceError as error:
        messages = [str(error)]
    assert len(messages) == 1 and "st.Standardize()" in messages[0] and "feature " in messages[0]
    assert fit(X, y, [st.Standardize()]) == []


@pytest.mark.parametrize("name", ["iris", "digits", "digits/16", "wine", "breast cancer", "moons", "spiral"])
def test_no_false_alarm_on_scaled_data(name: str) -> None:
    if name in ("moons", "spiral"):
        X, y = st.datasets.two_moons() if name == "moons" else st.datasets.spiral()
    elif name in RAW:
        X, y = RAW[name]
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    else:
        X, y = datasets.load_iris(return_X_y=True) if name == "iris" else st.datasets.load_digits()
        X = X / 16 if name == "digits/16" else X
    assert not any("Standardize" in message for message in fit(X, y, optimizer=st.SGD(0.01)))


def test_pixels_that_are_learned_need_no_advice() -> None:
    X, y = st.datasets.load_digits()
    assert fit(X * 16, y, optimizer=st.Adam(0.001)) == []


def test_rare_features_are_no_reason() -> None:
    random = np.random.default_rng(0)
    X = random.standard_normal((400, 30)) * (random.random((400, 30)) < 0.02) * np.logspace(0, -4, 30)
    assert fit(X, (X.sum(axis=1) > 0).astype(int), optimizer=st.SGD(1e-6)) == []


def test_a_divergence_names_the_feature() -> None:
    X = np.random.default_rng(0).standard_normal((200, 3)) * [1, 1e5, 1]
    with pytest.raises(st.DivergenceError, match=r"feature 1 has mean .*st\.Standardize\(\)"):
        st.Sequential(st.Linear(3, 1)).fit(X, X[:, :1], loss="squared_error", epochs=50, progress=False)


def test_numbers_whose_squares_are_infinite_are_named_too() -> None:
    X = np.random.default_rng(0).standard_normal((200, 3)) * [1, 1e300, 1]
    model = st.Sequential(st.Linear(3, 1), dtype=np.float64)
    with pytest.raises(
        st.DivergenceError, match=r"feature 1 has mean .* standard deviation [\d.]+e\+(299|300):"
    ):
        model.fit(X, X[:, :1], loss="squared_error", epochs=2, progress=False)


def test_short_fits_and_other_losses_say_nothing() -> None:
    X, y = RAW["wine"]
    assert fit(X, y, epochs=1, optimizer=st.SGD(1e-9)) == []
    assert fit(X, y, loss="hinge", optimizer=st.SGD(1e-9)) == []
    assert len(fit(X, y, optimizer=st.SGD(1e-9))) == 1


def test_estimators_advise_a_pipeline_once() -> None:
    X, y = RAW["breast cancer"]
    far = X * [1e6, *[1.0] * 29]
    for model, target in ((MLPClassifier, y), (MLPRegressor, y + 0.5)):
        settings: dict[str, Any] = {"max_iter": 20, "learning_rate_init": 1e-9, "random_state": 0}
        with pytest.warns(ConvergenceWarning) as caught:
            model(**settings).fit(far, target)
        messages = [str(one.message) for one in caught if "StandardScaler" in str(one.message)]
        assert len(messages) == 1 and "feature 0 has mean" in messages[0]
        scaled = make_pipeline(StandardScaler(), model(**settings | {"learning_rate_init": 0.01}))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scaled.fit(far, target)
        assert not any("StandardScaler" in str(one.message) for one in caught)
