"""All four estimators among scikit-learn's tools, and with frames of other libraries."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
import joblib
from sklearn import set_config
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingClassifier, StackingRegressor, VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.inspection import DecisionBoundaryDisplay, permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, learning_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import steepest as st
from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
NETWORK = {"hidden_layer_sizes": (8,), "max_iter": 60, "learning_rate_init": 0.02, "random_state": 0}
CLASSIFIERS = [MLPClassifier(**NETWORK), LinearClassifier(max_iter=50, random_state=0)]
REGRESSORS = [MLPRegressor(**NETWORK), LinearRegressor(max_iter=50, random_state=0)]
ESTIMATORS = CLASSIFIERS + REGRESSORS


def name_of(estimator):
    return type(estimator).__name__


def samples(estimator, features=4):
    """120 samples that the estimator can learn."""
    random = np.random.default_rng(0)
    X = 10 + 3 * random.standard_normal((120, features))
    if is_classifier(estimator):
        return X, np.array(["ant", "bee", "cat"])[np.argmax(X[:, :3], axis=1)]
    return X, (X - 10) @ [1.0, -2.0, 0, 0][:features] + 0.1 * random.standard_normal(120)


def scaled(estimator):
    return make_pipeline(StandardScaler(), clone(estimator))


every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
every_classifier = pytest.mark.parametrize("estimator", CLASSIFIERS, ids=name_of)
every_regressor = pytest.mark.parametrize("estimator", REGRESSORS, ids=name_of)


@every_estimator
def test_pipelines_and_cross_validation(estimator):
    X, y = samples(estimator)
    pipeline = scaled(estimator)
    scores = cross_val_score(pipeline, X, y, cv=3)
    assert scores.mean() > 0.8
    assert cross_val_predict(pipeline, X, y, cv=3).shape == y.shape
    sizes, train, test = learning_curve(pipeline, X, y, cv=3, train_sizes=[0.5, 1.0])
    assert train.shape == test.shape == (2, 3) and len(sizes) == 2
    weight = np.ones(len(y))
    pipeline.fit(X, y, **{f"{name_of(estimator).lower()}__sample_weight": weight})


def _threads(estimator, X, y):
    """What a worker may use, as a score."""
    return st.get_num_threads()


@pytest.mark.usefixtures("default_backend")
@every_estimator
def test_a_grid_search_of_two_workers(estimator):
    """Finds what one worker finds."""
    X, y = samples(estimator)
    grid = {f"{name_of(estimator).lower()}__alpha": [1e-4, 100.0]}
    alone, together = (
        GridSearchCV(scaled(estimator), grid, cv=2, n_jobs=jobs).fit(X, y) for jobs in (None, 2)
    )
    assert together.best_params_ == alone.best_params_
    np.testing.assert_array_equal(
        together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(together.predict(X), alone.predict(X))


@pytest.mark.parametrize("limit", [1, 2])
def test_workers_obey_their_limit_of_threads(limit):
    grid = {"alpha": [1e-4, 100.0]}
    for estimator in (MLPClassifier(**NETWORK), LinearRegressor(max_iter=50)):
        X, y = samples(estimator)
        with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=limit):
            search = GridSearchCV(estimator, grid, cv=2, scoring=_threads, refit=False).fit(X, y)
        assert set(search.cv_results_["mean_test_score"]) == {min(limit, joblib.cpu_count())}


@every_estimator
def test_clones_are_unfitted_and_learn_the_same(estimator):
    X, y = samples(estimator)
    fitted = clone(estimator).fit(X, y)
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params() and not hasattr(copied, "n_iter_")
    np.testing.assert_array_equal(copied.fit(X, y).predict(X), fitted.predict(X))


@every_estimator
def test_pandas_flow_through_a_pipeline(estimator):
    pandas = pytest.importorskip("pandas")
    X, y = samples(estimator)
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    pipeline = scaled(estimator).set_output(transform="pandas").fit(frame, y)
    assert list(pipeline[-1].feature_names_in_) == ["a", "b", "c", "d"]
    np.testing.assert_allclose(pipeline.score(frame, y), scaled(estimator).fit(X, y).score(X, y))
    with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
        pipeline[-1].predict(frame[["b", "a", "c", "d"]])
    series = pandas.Series(y, index=np.arange(len(y))[::-1])
    np.testing.assert_array_equal(clone(estimator).fit(frame, series).predict(frame),
                                  clone(estimator).fit(X, y).predict(X))  # fmt: skip


@every_estimator
def test_polars_frames_keep_their_names(estimator):
    polars = pytest.importorskip("polars")
    X, y = samples(estimator)
    frame = polars.DataFrame(X, schema=["a", "b", "c", "d"])
    model = clone(estimator).fit(frame, polars.Series(y.tolist()))
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(model.predict(frame), clone(estimator).fit(X, y).predict(X))


@every_classifier
def test_ensembles_of_classifiers(estimator):
    X, y = samples(estimator)
    calibrated = CalibratedClassifierCV(scaled(estimator), cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.8
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    members = [("one", scaled(estimator)), ("other", scaled(clone(estimator).set_params(alpha=0.1)))]
    final = clone(estimator)
    stacked = StackingClassifier(members, final_estimator=final, cv=2).fit(X, y)
    assert stacked.score(X, y) > 0.8
    assert VotingClassifier(members, voting="soft").fit(X, y).score(X, y) > 0.8
    assert BaggingClassifier(scaled(estimator), n_estimators=2, random_state=0).fit(X, y).score(X, y) > 0.8
    assert OneVsRestClassifier(scaled(estimator)).fit(X, y).score(X, y) > 0.8


@every_regressor
def test_ensembles_of_regressors(estimator):
    X, y = samples(estimator)
    members = [("one", scaled(estimator)), ("other", scaled(clone(estimator).set_params(alpha=0.1)))]
    final = make_pipeline(StandardScaler(), clone(estimator))
    assert StackingRegressor(members, final_estimator=final, cv=2).fit(X, y).score(X, y) > 0.8
    target = TransformedTargetRegressor(scaled(estimator), transformer=StandardScaler())
    assert target.fit(X, 1000 * y).score(X, 1000 * y) > 0.8


def test_hinges_are_calibrated_by_their_decisions():
    X, y = samples(CLASSIFIERS[0])
    for estimator in (LinearClassifier("hinge", random_state=0), MLPClassifier(**NETWORK, loss="hinge")):
        calibrated = CalibratedClassifierCV(scaled(estimator), cv=2).fit(X, y)
        assert calibrated.score(X, y) > 0.8


def test_weights_select_features():
    X, y = samples(LinearClassifier())
    selector = SelectFromModel(LinearClassifier(penalty="l1", alpha=0.05)).fit(
        StandardScaler().fit_transform(X), y
    )
    np.testing.assert_array_equal(selector.get_support(), [True, True, True, False])


@every_estimator
def test_importances_are_of_what_matters(estimator):
    X, y = samples(estimator)
    model = scaled(estimator).fit(X, y)
    importances = permutation_importance(model, X, y, n_repeats=2, random_state=0).importances_mean
    assert importances[3] < min(importances[:2])


@every_classifier
def test_decision_boundaries_are_drawn(estimator):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    X, y = samples(estimator, features=3)
    model = clone(estimator).fit(StandardScaler().fit_transform(X[:, :2]), y)
    for method in ("predict", "predict_proba", "auto"):
        display = DecisionBoundaryDisplay.from_estimator(
            model, X[:, :2], response_method=method, grid_resolution=10
        )
        display.figure_.canvas.draw()
    pyplot.close("all")


@every_estimator
def test_memory_maps_are_read_and_left_alone(estimator, tmp_path):
    X, y = samples(estimator)
    targets = np.unique(y, return_inverse=True)[1] if is_classifier(estimator) else y
    path = tmp_path / "samples.joblib"
    joblib.dump((X, targets), path)
    mapped, labels = joblib.load(path, mmap_mode="r")
    assert isinstance(mapped, np.memmap) and not mapped.flags.writeable
    model = clone(estimator).fit(mapped, labels)
    np.testing.assert_array_equal(model.predict(mapped), clone(estimator).fit(X, targets).predict(X))
    joblib.dump(model, path)
    loaded = joblib.load(path, mmap_mode="r")  # its weights cannot be written to
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    loaded.partial_fit(X, targets)
    model.partial_fit(X, targets)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@every_estimator
def test_a_notebook_shows_the_parameters(estimator):
    changed = clone(estimator).set_params(alpha=0.125)
    page = changed._repr_html_()
    assert name_of(estimator) in page and "0.125" in page
    if "parameters-table" in page:  # since scikit-learn 1.7
        for parameter in changed.get_params():
            assert re.search(rf">\s*{parameter}\b", page), parameter
    assert "fitted" in clone(estimator).fit(*samples(estimator))._repr_html_()
    try:
        set_config(display="text")
        assert not hasattr(changed, "_repr_html_")
    finally:
        set_config(display="diagram")
    assert repr(changed).startswith(f"{name_of(estimator)}(alpha=0.125")
    nested = scaled(estimator)._repr_html_()
    assert "StandardScaler" in nested and name_of(estimator) in nested
