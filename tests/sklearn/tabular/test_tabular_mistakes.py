"""Tables and arguments that went wrong when they were tried: one rule for every form, or a clear error."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError

import steepest as st
from steepest.sklearn import TableEncoder, TabularClassifier, TabularRegressor

random = np.random.default_rng(5)
FRAME = pd.DataFrame({"a": random.standard_normal(60), "b": random.choice(["x", "y", "z"], 60)})
LABELS = np.arange(60) % 2
SMALL = {"n_members": 2, "hidden_layer_sizes": (8,), "max_steps": 20, "random_state": 0}


def encoded(values, other):
    return TableEncoder().fit(pd.DataFrame({"a": values})).transform(other)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "UTC"])
def test_moments_are_those_of_the_clock_on_the_wall(zone):
    moments = pd.date_range("2020-01-01 22:00", periods=60, tz=zone)
    frame = pd.DataFrame({"a": moments})
    expected = encoded(moments, frame)
    texts = frame.astype(str)  # 2020-01-01 22:00:00-05:00
    for other in (
        pl.from_pandas(frame),
        texts,
        frame.astype(object),
        frame["a"].dt.tz_localize(None).to_frame(),
    ):
        np.testing.assert_array_equal(encoded(moments, other), expected)
        np.testing.assert_array_equal(TableEncoder().fit(other).transform(frame), expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: Decimal(n) / 10,
        lambda n: Fraction(n, 10),
        lambda n: timedelta(seconds=n / 10),
        lambda n: f"{n / 10}",
        lambda n: np.float32(n / 10),
    ],
)
def test_numbers_of_any_type_are_numbers(make):
    values = pd.Series([make(n) for n in range(60)], dtype=object)
    expected = encoded(np.arange(60) / 10, pd.DataFrame({"a": np.arange(60) / 10}))
    np.testing.assert_allclose(encoded(values, pd.DataFrame({"a": values})), expected, atol=1e-6)
    np.testing.assert_allclose(encoded(np.arange(60) / 10, pd.DataFrame({"a": values})), expected, atol=1e-6)


def test_complex_numbers_are_refused():
    with pytest.raises(ValueError, match=r"[Cc]omplex"):
        TableEncoder().fit(pd.DataFrame({"a": np.arange(5) * 1j}))


def test_a_name_that_comes_twice_is_refused(tmp_path):
    model = TabularClassifier(**SMALL).fit(FRAME, LABELS)
    model.save(tmp_path / "m.safetensors")
    twice = pd.concat([FRAME, FRAME], axis=1)
    for predict in (model.predict, st.load(tmp_path / "m.safetensors").predict):
        with pytest.raises(ValueError, match="X has 2 columns 'a', but each must have a name of its own"):
            predict(twice)


def test_names_that_are_no_texts_are_missed(tmp_path):
    TabularClassifier(**SMALL).fit(FRAME, LABELS).save(tmp_path / "m.safetensors")
    with pytest.raises(st.TableError, match="X has no column 'a', and 1 more,"):
        st.load(tmp_path / "m.safetensors").predict(FRAME.set_axis(range(2), axis=1))


def test_tiny_targets_are_learned():
    X, y = FRAME[["a"]], FRAME["a"].to_numpy()
    large, tiny = (TabularRegressor(**SMALL).fit(X, y * unit) for unit in (1.0, 1e-200))
    np.testing.assert_allclose(tiny.predict(X) * 1e200, large.predict(X), rtol=1e-4, atol=1e-5)
    assert tiny.validation_score_ == pytest.approx(large.validation_score_, rel=1e-4)


def test_rare_booleans_are_known_by_their_numbers():
    column = [True] * 2 + [False] * 58
    known = encoded(column, pd.DataFrame({"a": column}))
    np.testing.assert_array_equal(encoded(column, pd.DataFrame({"a": np.array(column, int)})), known)


def test_an_empty_text_among_dates_is_a_gap():
    encoder = TableEncoder().fit(pd.DataFrame({"a": ["2020-01-01", "2021-01-01", ""] * 20}))
    assert encoder.get_feature_names_out()[-1] == "a_missing" and len(encoder.get_feature_names_out()) == 6


def test_a_metric_that_is_not_a_number_is_refused_and_leaves_no_model():
    model = TabularRegressor(**SMALL).fit(FRAME, LABELS)
    model.set_params(metric=lambda y, answers: float("nan"))
    with pytest.raises(ValueError, match="metric is NaN"):
        model.fit(FRAME, 100.0 * LABELS)
    with pytest.raises(NotFittedError):
        model.predict(FRAME)


@pytest.mark.parametrize("frame", [FRAME, pl.from_pandas(FRAME), FRAME.to_numpy(dtype=object)], ids=type)
def test_rows_of_weight_0_do_not_count(frame):
    weight = np.ones(60)
    weight[::7] = 0
    rows = np.flatnonzero(weight)
    fitted = TabularClassifier(**SMALL).fit(frame, LABELS, sample_weight=weight)
    expected = TabularClassifier(**SMALL).fit(
        frame[rows] if not hasattr(frame, "iloc") else frame.iloc[rows], LABELS[rows], weight[rows]
    )
    np.testing.assert_array_equal(fitted.predict_proba(frame), expected.predict_proba(frame))


def test_weights_that_cancel_are_refused():
    with pytest.raises(ValueError, match="sample_weight times class_weight"):
        TabularClassifier(class_weight={0: 1, 1: 0}, **SMALL).fit(FRAME, LABELS, sample_weight=LABELS * 1.0)


@pytest.mark.parametrize("labels", [["a", None] * 30, pd.Series(["a", pd.NA] * 30), ["a", np.nan] * 30])
def test_missing_labels_are_named(labels):
    with pytest.raises(ValueError, match=r"y has no value in row 1|contains NaN"):
        TabularClassifier(**SMALL).fit(FRAME, np.array(labels, dtype=object))


@pytest.mark.parametrize("unit", ["D", "us", "ns", "ps"])
@pytest.mark.parametrize("kind", ["datetime64", "timedelta64"])
def test_labels_that_no_file_can_hold(tmp_path, kind, unit):
    dates = np.where(LABELS, 10, 20).astype(f"{kind}[{unit}]")
    for labels in (dates, np.array([*dates], dtype=object)):
        model = TabularClassifier(**SMALL).fit(FRAME, labels)
        message = f"its label .* is a {kind}, but must be a bool, a number or a string"
        with pytest.raises(ValueError, match=message):
            model.save(tmp_path / "m.safetensors")
        found = model.to_ensemble().predict(FRAME)
        assert found.dtype == dates.dtype and (found == model.predict(FRAME).astype(dates.dtype)).all()
    assert list(tmp_path.iterdir()) == []


def test_no_categories_and_too_many_bins():
    assert len(TableEncoder([]).fit(FRAME).encodings_) == 2
    with pytest.raises(ValueError, match="'bins' parameter"):
        TabularClassifier(bins=10**9).fit(FRAME, LABELS)


def test_a_missing_column_is_not_mistaken_for_another_that_is_needed():
    frame = pd.DataFrame({"width": np.arange(30.0), "widths": np.arange(30.0) % 7})
    model = TabularRegressor(max_steps=5, n_members=1, random_state=0).fit(frame, frame["width"])
    for predict in (model.predict, model.to_ensemble().predict):
        with pytest.raises(ValueError, match=r"no column 'width'(?!.*did you mean)"):
            predict(frame[["widths"]])
        with pytest.raises(ValueError, match=r"no column 'width'.*did you mean 'width_'\?"):
            predict(frame.rename(columns={"width": "width_"}))
    with pytest.raises(ValueError, match=r"no column 'width'(?!.*did you mean)"):
        model.to_ensemble().predict([{"widths": 3.0}])


@pytest.mark.parametrize("gap", [np.nan, None, pd.NA], ids=str)
def test_the_row_without_a_target_is_named(gap):
    numbers, message = (
        np.arange(60.0),
        r"y has no value in row 7: it contains NaN or None; leave out such rows",
    )
    labels = pd.Series(LABELS.astype(str), dtype=object)
    labels[7] = gap
    with pytest.raises(ValueError, match=message):
        TabularClassifier(**SMALL).fit(FRAME, labels)
    for y in (numbers, np.stack([numbers, numbers], axis=1), pd.Series(numbers, dtype=object)):
        y[7] = np.nan if isinstance(y, np.ndarray) else gap
        with pytest.raises(ValueError, match=message):
            TabularRegressor(**SMALL).fit(FRAME, y)
