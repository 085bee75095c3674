"""TableEncoder: columns of every kind, by name, from frames and arrays."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is that folder where there is no other
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import parametrize_with_checks

from steepest.sklearn import TableEncoder

pandas = pytest.importorskip("pandas")

FRAME = pandas.DataFrame(
    {
        "age": [20.0, 30.0, np.nan, 40.0, 50.0, 60.0, 70.0, 80.0],
        "town": ["Bonn", "Ulm", "Bonn", None, "Ulm", "Bonn", "Ulm", "Linz"],
        "size": pandas.Categorical(["s", "m", "l", "s", "m", "l", "s", "m"]),
        "member": [True, False] * 4,
        "since": pandas.to_datetime(["2020-01-01", "2021-07-01", None, *["2022-03-05"] * 5]),
        "same": 3,
        "none": np.nan,
    }
)


def smooth(z):
    return z / np.sqrt(1 + (z / 3) ** 2)


@parametrize_with_checks([TableEncoder()])
def test_estimator_of_scikit_learn(estimator, check):
    check(estimator)


def test_each_kind_is_encoded():
    encoder = TableEncoder(min_frequency=2)
    encoded = encoder.fit_transform(FRAME)
    names = encoder.get_feature_names_out().tolist()
    assert names == [
        *["age", "age_missing", "town_Ulm", "size_l", "size_m", "size_s", "member_True", "since"],
        *["since_year_sin", "since_year_cos", "since_week_sin", "since_week_cos", "since_missing"],
    ]
    assert encoded.dtype == np.float32 and encoded.shape == (8, len(names))
    columns = dict(zip(names, encoded.T, strict=True))
    ages = FRAME["age"].fillna(50).to_numpy()  # their median; the quartiles are 35 and 65
    np.testing.assert_allclose(columns["age"], smooth((ages - 50) / 30), rtol=1e-6)
    assert columns["age_missing"].tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert columns["town_Ulm"].tolist() == [-1, 1, -1, 0, 1, -1, 1, 0]
    assert columns["size_m"].tolist() == [0, 1, 0, 0, 1, 0, 0, 1]
    assert columns["member_True"].tolist() == [1, -1] * 4
    assert not encoded[2, 7:12].any() and encoded[2, 12] == 1  # the gap among dates
    assert encoder.n_distinct_.tolist() == [7, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0]
    days = np.array(
        [(np.datetime64(day) - np.datetime64("2000-01-01")).astype(int) for day in ["2021-07-01"]]
    )
    year = 2 * np.pi * days / 365.2425
    np.testing.assert_allclose(encoded[1, 8:10], [np.sin(year)[0], np.cos(year)[0]], atol=1e-6)


def test_frames_and_arrays_are_the_same():
    polars = pytest.importorskip("polars")
    expected = TableEncoder(min_frequency=2).fit_transform(FRAME)
    for frame in (polars.from_pandas(FRAME), FRAME.convert_dtypes(), FRAME.astype(object)):
        encoder = TableEncoder(min_frequency=2).fit(frame)
        np.testing.assert_array_equal(encoder.transform(frame), expected)
        np.testing.assert_array_equal(encoder.transform(FRAME), expected)
        assert encoder.feature_names_in_.tolist() == list(FRAME)
    cells = FRAME.astype(object).to_numpy()
    np.testing.assert_array_equal(TableEncoder(min_frequency=2).fit_transform(cells), expected)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_columns_are_found_by_name():
    encoder = TableEncoder(min_frequency=2).fit(FRAME)
    expected = encoder.transform(FRAME)
    turned = FRAME[FRAME.columns[::-1]].assign(more="x")
    np.testing.assert_array_equal(encoder.transform(turned), expected)
    with pytest.raises(ValueError, match=r"no column 'age', and 1 more, of the 7 .* did you mean 'agee'"):
        encoder.transform(FRAME.rename(columns={"age": "agee", "town": "city"}))
    with pytest.raises(ValueError, match="X has 2 features, but TableEncoder is expecting 7 features"):
        encoder.transform(FRAME.iloc[:, :2].set_axis([0, 1], axis=1))


def test_what_was_never_seen():
    X = np.array([["a"] * 3 + ["b"] * 3 + ["c"] * 3 + ["d"]], dtype=object).T
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x0_a", "x0_b", "x0_c"]
    unseen = np.array([["d"], ["e"], [None], ["b"]], dtype=object)
    assert encoder.transform(unseen).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_numbers_of_all_sizes():
    values = np.array([[0.0], [1], [2], [3], [4]])
    encoder = TableEncoder().fit(values)
    large = encoder.transform([[np.inf], [-np.inf], [1e300], [np.nan]])
    np.testing.assert_allclose(large, [[3], [-3], [3], [0]], rtol=1e-6)
    assert np.isfinite(TableEncoder().fit_transform([[1e308], [-1e308], [0.0], [5e-324], [np.inf]])).all()
    mostly = np.array([[0.0]] * 9 + [[8.0]])  # quartiles are equal: half the range is 4
    np.testing.assert_allclose(TableEncoder().fit_transform(mostly)[-1], smooth(2.0), rtol=1e-6)
    assert TableEncoder().fit_transform(np.ones((4, 2))).shape == (4, 0)


def test_long_tails_do_not_end():
    """Where 1 % of the values, 5 or more, are over 10 scales from the median; fewer are outliers."""
    sizes = np.concatenate([np.arange(99.0), [4900.0] * 9, [49000.0]])  # the quartiles are 27 and 81
    encoder = TableEncoder().fit(sizes[:, np.newaxis])
    new = np.array([0, 4900, 49000, np.inf, -np.inf, np.nan])
    z = np.nan_to_num((new - 54) / 54, posinf=1e9, neginf=-1e9)
    np.testing.assert_allclose(encoder.transform(new[:, np.newaxis])[:, 0], np.arcsinh(z), rtol=1e-6)
    for count, few in ((990, 9), (90, 4)):
        for sign in (1, -1):
            values = sign * np.concatenate([np.arange(float(count)), [49000.0] * few])
            assert np.abs(TableEncoder().fit_transform(values[:, np.newaxis])).max() < 3
            more = np.append(values, [sign * 49000.0] * 3)[:, np.newaxis]
            assert np.abs(TableEncoder().fit_transform(more)).max() > 5


def test_texts_that_are_numbers_or_dates():
    frame = pandas.DataFrame(
        {"n": ["1", "2.5", " ", "4"], "d": ["2020-01-01", "2020-01-02", None, "2021-01-01"]}
    )
    encoder = TableEncoder().fit(frame)
    assert encoder.get_feature_names_out().tolist()[:3] == ["n", "n_missing", "d"]
    with pytest.raises(ValueError, match="column 'n' holds 'many' in row 1 of 4, which is not a number"):
        encoder.transform(frame.assign(n="many"))
    with pytest.raises(ValueError, match="column 'd' holds 'soon' in row 1 of 4, which is not a date"):
        encoder.transform(frame.assign(d="soon"))
    with pytest.raises(ValueError, match="column 'd' holds numbers, but held dates"):
        encoder.transform(frame.assign(d=1.0))
    with pytest.raises(ValueError, match="column 'n' holds dates, but held numbers"):
        encoder.transform(frame.assign(n=pandas.Timestamp("2020-01-01")))


@pytest.mark.parametrize("chosen", [["code"], [1], [-1], [False, True]])
def test_categories_are_chosen(chosen):
    frame = pandas.DataFrame({"x": [1.0, 2, 3, 4, 5, 6], "code": [7, 8, 9, 7, 8, 9]})
    encoder = TableEncoder(chosen, min_frequency=1).fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["x", "code_7", "code_8", "code_9"]
    floats = frame.astype({"code": float})
    np.testing.assert_array_equal(encoder.transform(frame), encoder.transform(floats))


def test_wrong_choices_are_refused():
    with pytest.raises(ValueError, match="categorical_features has 'z', but X has 'age', 'town'"):
        TableEncoder(["z"]).fit(FRAME)
    with pytest.raises(ValueError, match="has 1 booleans, X 7 columns"):
        TableEncoder([True]).fit(FRAME)
    with pytest.raises(TypeError, match="must be 'from_dtype', or a sequence of names"):
        TableEncoder([1.5]).fit(FRAME)
    with pytest.raises(InvalidParameterError, match="'max_categories' parameter of TableEncoder"):
        TableEncoder(max_categories=0).fit(FRAME)
    with pytest.raises(ValueError, match="Expected unique column names"):
        TableEncoder().fit(pandas.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]))
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        TableEncoder().fit(FRAME.iloc[:0])


def test_the_most_frequent_kinds_have_columns():
    cells = np.array([list("aaaabbbccd")], dtype=object).T
    names = {1: ["x0_a"], 2: ["x0_b"], 3: ["x0_a", "x0_b", "x0_c"]}
    for most, expected in names.items():
        encoder = TableEncoder(max_categories=most, min_frequency=2).fit(cells)
        assert encoder.get_feature_names_out().tolist() == expected


def test_booleans_are_known_in_other_writings():
    encoder = TableEncoder(min_frequency=1).fit(np.array([[True], [False], [True]]))
    for rows in ([[1], [0]], np.array([["true"], ["false"]]), np.array([["True"], ["False"]], dtype=object)):
        assert encoder.transform(rows).tolist() == [[1], [-1]]


def test_other_columns_of_pandas():
    frame = pandas.DataFrame(
        {
            "whole": pandas.array([1, None, 3, 5], dtype="Int64"),
            "maybe": pandas.array([True, None, False, True], dtype="boolean"),
            "zone": pandas.date_range("2024-01-01", periods=4, tz="Europe/Berlin"),
            "span": pandas.to_timedelta([1, 2, None, 4], unit="h"),
            "odd": [("a", 1), frozenset([2]), "x", None],
        }
    )
    encoder = TableEncoder(min_frequency=1).fit(frame)
    encoded = dict(zip(encoder.get_feature_names_out(), encoder.transform(frame).T, strict=True))
    assert encoded["whole_missing"].tolist() == [0, 1, 0, 0]
    assert encoded["maybe_True"].tolist() == [1, 0, -1, 1]
    assert encoded["span_missing"].tolist() == [0, 0, 1, 0] and "zone_week_sin" in encoded
    naive = frame.assign(zone=frame["zone"].dt.tz_localize(None))
    np.testing.assert_array_equal(encoder.transform(naive), encoder.transform(frame))


def test_it_is_kept_in_files_and_clones():
    encoder = clone(TableEncoder(min_frequency=2)).fit(FRAME)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(encoder)).transform(FRAME), encoder.transform(FRAME)
    )
    shown = TableEncoder(min_frequency=2).set_output(transform="pandas").fit_transform(FRAME)
    assert list(shown) == encoder.get_feature_names_out().tolist()


def test_large_tables_are_fast():
    random = np.random.default_rng(0)
    frame = pandas.DataFrame({f"n{i}": random.standard_normal(54_000).round(2) for i in range(6)})
    for name in "abc":
        frame[name] = pandas.Series(random.integers(0, 8, 54_000)).map(str).radd("kind ")
    seconds = []
    for _ in range(5):
        begun = time.process_time()
        TableEncoder().fit(frame).transform(frame)
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 1  # 0.1 on an idle machine


def test_gaps_in_lists_are_gaps():
    """NumPy would make texts of all cells: "nan", "1.0"."""
    encoder = TableEncoder(min_frequency=1).fit([["a", 1.0], [np.nan, 2.0], ["b", 3.0]])
    assert encoder.get_feature_names_out().tolist() == ["x0_b", "x1"]
    assert encoder.transform([[None, 2.0], ("b", 2.0)])[:, 0].tolist() == [0.0, 1.0]
