"""TableEncoder: a table as it is to the inputs of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from ..._checks import Array
from ...tables.encoding import Encoding, Scaled, fitted, inputs_of
from ...tables.frames import Coded, kind_of, read, values_of
from .._common.parameters import COUNT, documented, parameter
from .codes import Left
from .given import categories_of, columns_to_fit, columns_to_use
from .kinds import most_of, warn_of_rare

CATEGORICAL: list[Any] = [StrOptions({"from_dtype"}), "array-like", None]
CATEGORICAL_TEXT = (
    'The columns that are categories: names, places or a mask. Besides, with "from_dtype", always those of '
    "texts, booleans and of a categorical dtype; texts all of which are numbers, or dates such as "
    "2020-12-31, are taken as these."
)

_ATTRIBUTES = """
encodings_ : list
    How each column of X is encoded.
n_distinct_ : ndarray of int, (n_features_out,)
    For each output column that is a number, such as one for piecewise linear encoding, how many different
    values it had; 0 for the others.
n_features_in_ : int
    Number of columns of X.
feature_names_in_ : ndarray of str, (n_features_in_,)
    Their names, if all are strings.
"""


@documented(_ATTRIBUTES)
@dataclass(eq=False, repr=False)
class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a table as it is, with categories, dates and gaps, as float32 for a network.

    A number x becomes z / sqrt(1 + (z / 3)**2), in [-3, 3], of z = (x - median) / (q75 - q25), or of half the
    range where the quartiles are equal; where 1 % of the values, 5 or more, have a z beyond 10, it becomes
    asinh(z), which has no ends. A gap is 0, and there is a column, 0 or 1, that says where gaps are if the
    table of the fit had some. Infinite numbers are at the ends, -3 and 3, or as z of 1e9. Of a constant there
    is no column. A category becomes one column for each frequent kind, 0 or 1, or if there are two kinds a
    single one, -1 or 1; for a gap and any other kind all are 0. Booleans are such categories. Dates become a
    number, and sine and cosine of the time of the year and of the day of the week. In an estimator, which has
    targets, the frequent values of a number have such columns too if they are codes, as of persons or routes.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabularClassifier : A classifier that begins with it.
    TabularRegressor : A regressor that does.

    Notes
    -----
    After Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
    tabular data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.sklearn import TableEncoder
    >>> X = np.array([[1.0, "a"], [2.0, "b"], [3.0, "b"], [None, "a"]], dtype=object)
    >>> encoder = TableEncoder(min_frequency=1).fit(X)
    >>> encoder.get_feature_names_out().tolist()
    ['x0', 'x0_missing', 'x1_b']
    >>> encoder.transform(X)[:, 1:].tolist()
    [[0.0, -1.0], [0.0, 1.0], [0.0, 1.0], [1.0, -1.0]]
    """

    categorical_features: str | Sequence[Any] | None = parameter(
        "from_dtype", CATEGORICAL, CATEGORICAL_TEXT, '"from_dtype" or array-like'
    )
    _: KW_ONLY
    max_categories: int = parameter(
        1000,
        [COUNT],
        "How many kinds of a column have a column of their own at most: the most frequent ones.",
    )
    min_frequency: int = parameter(3, [COUNT], "In how many rows a kind must stand for that at least.")

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> TableEncoder:
        """Learn the kinds of the columns, their scales and their categories.

        Parameters
        ----------
        X : DataFrame, list of dicts, dict of columns, or array-like, of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        TableEncoder
            This one.

        Raises
        ------
        ValueError, TypeError
            If X is not a table, or `categorical_features` names a column that is not there.

        Warns
        -----
        UserWarning
            If most values of a column of texts are in fewer than `min_frequency` rows each, and are taken as
            missing.
        """
        self.__dict__.pop("encodings_", None)  # or a fit that fails would leave them beside its parts
        return self._fit_columns(columns_to_fit(self, X), self)

    def _fit_columns(self, columns: Sequence[Any], like: Any, targets: Array | None = None) -> TableEncoder:
        """`fit` to columns whose number and names an estimator has checked; one of its own has targets."""
        self.n_features_in_ = like.n_features_in_
        if hasattr(like, "feature_names_in_"):
            self.feature_names_in_ = like.feature_names_in_
        names = [*map(str, self._names_in())]
        chosen = categories_of(self.categorical_features, names, hasattr(self, "feature_names_in_"))
        left = None if targets is None else Left(targets, self.min_frequency)
        encodings: list[Encoding] = []
        for place, (name, column) in enumerate(zip(names, columns, strict=True)):
            found = read(column, name)
            kind = "category" if place in chosen else kind_of(found)
            values = values_of(found, kind, name)
            most = self.max_categories
            if isinstance(values, Coded):
                warn_of_rare(name, values, self.min_frequency)
                most = most if targets is None else most_of(values, targets, self.min_frequency)
            encoding = fitted(name, values, kind, most, self.min_frequency)
            if left is not None and isinstance(encoding, Scaled) and not isinstance(values, Coded):
                encoding = replace(encoding, codes=left.codes_in(encoding, values))
            encodings.append(encoding)
        counts = [distinct for encoding in encodings for distinct in encoding.counts]
        self.n_distinct_: NDArray[np.int64] = np.array(counts, dtype=np.int64)
        self.encodings_ = encodings
        return self

    def _names_in(self) -> Sequence[str]:
        return getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])

    def transform(self, X: Any) -> Array:
        """Encode a table that has the columns of that of the fit.

        Parameters
        ----------
        X : DataFrame, list of dicts, dict of columns, or array-like, of shape (n_samples, n_features)
            Columns whose names are strings may have another order, and there may be more; others are taken by
            their places.

        Returns
        -------
        ndarray of float32, (n_samples, n_features_out)

        Raises
        ------
        ValueError
            If a column is missing, or a cell is not of the kind of its column.
        """
        check_is_fitted(self, "encodings_")
        return self._encoded(columns_to_use(self, X))

    def _encoded(self, columns: Sequence[Any]) -> NDArray[np.float32]:
        return inputs_of(self.encodings_, columns)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the output columns: that of the column, or with _missing, a kind, or a part of a date.

        Where such a name is already that of another column, _2 or a larger number is added.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns; must be those of the fit if that had some.

        Returns
        -------
        ndarray of str objects, (n_features_out,)

        Raises
        ------
        ValueError
            If the names are not those of the fit, or not as many.
        """
        check_is_fitted(self, "encodings_")
        own = list(self._names_in()) if input_features is None else [*map(str, input_features)]
        if len(own) != self.n_features_in_:
            raise ValueError(
                f"input_features has {len(own)} names, but should have length equal to number of features "
                f"({self.n_features_in_})"
            )
        if hasattr(self, "feature_names_in_") and own != list(self.feature_names_in_):
            raise ValueError("input_features is not equal to feature_names_in_")
        taken = {*own}
        names = []
        for encoding, column in zip(self.encodings_, own, strict=True):
            for name in encoding.names:
                part = name[len(encoding.name) :]
                names.append(_free(column + part, taken) if part else column)
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _free(name: str, taken: set[str]) -> str:
    """That name, or with the first number that makes it a new one."""
    numbered = (f"{name}_{number}" for number in count(2))
    found = next(one for one in chain([name], numbered) if one not in taken)
    taken.add(found)
    return found
